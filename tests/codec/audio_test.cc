// What is heard: speech through our coders and conversions, against the same speech through the
// bare libraries with the best resampler. Printed as a table for docs/codecs.md.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "codec/choice.h"
#include "codec/codec.h"
#include "codec/concealer.h"
#include "codec/speech.h"
#include "support/proves.h"

// Bends <cmath>: it comes last.
#include "codec/bare.h"

namespace causeway::codec {
namespace {

using testing::Bare;
using testing::Bytes;
using testing::measure;
using testing::Measure;
using testing::Pcm;
using testing::resampled;

// Two ends of the wire as somebody else makes them: a library at the codec's own rate.
struct Peer {
  sdp::Codec line;
  std::uint32_t rate;
  Bare bare;
};
Peer peer(const std::string& name) {
  const auto line = [&](std::uint32_t clock, std::uint8_t channels = 1, const char* fmtp = "") {
    return sdp::Codec{PayloadType{96}, name, clock, channels, fmtp};
  };
  if (name == "PCMU") return {line(8000), 8000, testing::bare_mu()};
  if (name == "G722") return {line(8000), 16000, testing::bare_722(16000)};
  if (name == "opus") {
    // As the library comes: complexity 9.
    return {line(48000, 2, "useinbandfec=1"), 48000, testing::bare_opus(48000, 9, 32'000)};
  }
  if (name == "AMR") return {line(8000), 8000, testing::bare_amr()};
  return {line(16000), 16000, testing::bare_wide()};
}

std::vector<Bytes> bare_encode(const Peer& p, const Pcm& in) {
  std::vector<Bytes> out;
  const std::size_t packet = p.rate / 50;
  for (std::size_t at = 0; at + packet <= in.size(); at += packet) {
    Bytes b;
    p.bare.encode(std::span(in).subspan(at, packet), b);
    out.push_back(std::move(b));
  }
  return out;
}
Pcm bare_decode(const Peer& p, const std::vector<Bytes>& in) {
  Pcm out;
  std::array<std::int16_t, kMaxSamples> pcm;
  for (const Bytes& b : in) {
    const std::size_t n = p.bare.decode(b, pcm);
    out.insert(out.end(), pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return out;
}
std::vector<Bytes> our_encode(Encoder& e, const Pcm& in, std::size_t packet) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at + packet <= in.size(); at += packet) {
    Bytes b(kMaxPayload);
    b.resize(e.encode(std::span(in).subspan(at, packet), b));
    EXPECT_FALSE(b.empty());
    out.push_back(std::move(b));
  }
  return out;
}
Pcm our_decode(Decoder& d, const std::vector<Bytes>& in) {
  Pcm out;
  std::array<std::int16_t, kMaxSamples> pcm;
  for (const Bytes& b : in) {
    const std::size_t n = d.decode(b, pcm);
    EXPECT_GT(n, 0U);
    out.insert(out.end(), pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return out;
}

// The frames of the AMR libraries are not what is on the wire; there both ends are ours around
// them.
bool on_the_wire(const Peer& p) { return p.line.name.rfind("AMR", 0) != 0; }
std::vector<Bytes> wire_encode(const Peer& p, const Pcm& in) {
  if (on_the_wire(p)) return bare_encode(p, in);
  return our_encode(**make_encoder(p.line, p.rate, {}), in, p.rate / 50);
}
Pcm wire_decode(const Peer& p, const std::vector<Bytes>& in) {
  if (on_the_wire(p)) return bare_decode(p, in);
  return our_decode(**make_decoder(p.line, p.rate), in);
}

// By the library, at the quality that gateways use.
Pcm bare_resampled(const Pcm& in, std::uint32_t from, std::uint32_t to) {
  if (from == to) return in;
  const auto resample = testing::bare_resampler(from, to);
  Pcm out(in.size() * to / from + 1);
  out.resize(resample(in, out));
  return out;
}

double top_of(std::uint32_t rate) { return rate == 8000 ? 3400 : 7000; }

struct Both {
  Measure ours;
  Measure bare;
};
// Mean over the voices.
template <typename F>
Both over_voices(std::uint32_t rate, F f) {
  Both sum;
  const auto& voices = testing::speech(rate);
  for (const auto& v : voices) {
    const Both one = f(v.pcm);
    sum.ours.segmental_snr += one.ours.segmental_snr;
    sum.ours.spectral_distance += one.ours.spectral_distance;
    sum.bare.segmental_snr += one.bare.segmental_snr;
    sum.bare.spectral_distance += one.bare.spectral_distance;
  }
  const auto n = static_cast<double>(std::max<std::size_t>(1, voices.size()));
  for (Measure* m : {&sum.ours, &sum.bare}) {
    m->segmental_snr /= n;
    m->spectral_distance /= n;
  }
  return sum;
}

void judge(const std::string& what, const Both& b) {
  fmt::print("| {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} |\n", what, b.ours.segmental_snr,
             b.bare.segmental_snr, b.ours.spectral_distance, b.bare.spectral_distance);
  EXPECT_GE(b.ours.segmental_snr, b.bare.segmental_snr - 1) << what;
  EXPECT_LE(b.ours.spectral_distance, b.bare.spectral_distance + 1) << what;
  // That the comparison compares speech at all.
  EXPECT_GT(b.bare.segmental_snr, 0) << what;
  EXPECT_LT(b.bare.spectral_distance, 12) << what;
}

class Audio : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::speech(8000).size() < 3) GTEST_SKIP() << "espeak-ng and flite are not installed";
  }
};

TEST_F(Audio, OneCodingIsAsGoodAsTheLibrarysOwn) {
  for (const char* name : {"PCMU", "G722", "opus", "AMR", "AMR-WB"}) {
    for (const std::uint32_t rate : {8000U, 16000U, 48000U}) {
      Peer p = peer(name);
      if (!known(p.line)) continue;
      const std::uint32_t judged = std::min({rate, p.rate, 16000U});
      const Both b = over_voices(rate, [&](const Pcm& in) {
        auto e = *make_encoder(p.line, rate, {});
        auto d = *make_decoder(p.line, rate);
        const Pcm ours = our_decode(*d, our_encode(*e, in, rate / 50));
        Peer fresh = peer(name);
        const Pcm bare = bare_decode(fresh, bare_encode(fresh, bare_resampled(in, rate, p.rate)));
        // Back at the rate that it came from, as ours is.
        const Pcm back = bare_resampled(bare, p.rate, rate);
        const Pcm want = resampled(in, rate, judged);
        return Both{measure(want, resampled(ours, rate, judged), judged, top_of(judged)),
                    measure(want, resampled(back, rate, judged), judged, top_of(judged))};
      });
      judge(fmt::format("{} at {}", name, rate), b);
    }
  }
}

TEST_F(Audio, TranscodingIsAsGoodAsWithTheBareLibrariesAndTheBestResampler) {
  struct Row {
    const char* from;
    const char* to;
  };
  const Row table[] = {{"PCMU", "G722"},   {"G722", "PCMU"},   {"PCMU", "opus"},  {"opus", "PCMU"},
                       {"G722", "opus"},   {"opus", "G722"},   {"PCMU", "AMR"},   {"AMR", "PCMU"},
                       {"G722", "AMR-WB"}, {"AMR-WB", "G722"}, {"AMR-WB", "PCMU"}};
  for (const Row& row : table) {
    if (!known(peer(row.from).line) || !known(peer(row.to).line)) continue;
    const std::uint32_t judged =
        std::min({peer(row.from).rate, peer(row.to).rate, std::uint32_t{16000}});
    const Both b = over_voices(peer(row.from).rate, [&](const Pcm& in) {
      Peer from = peer(row.from);
      Peer to = peer(row.to);
      const auto sent = wire_encode(from, in);
      const std::uint32_t rate = meeting_rate(from.line, to.line);
      auto d = *make_decoder(from.line, rate);
      auto e = *make_encoder(to.line, rate, {});
      const Pcm ours = wire_decode(to, our_encode(*e, our_decode(*d, sent), rate / 50));

      Peer from2 = peer(row.from);
      Peer to2 = peer(row.to);
      const Pcm between = bare_resampled(wire_decode(from2, sent), from.rate, to.rate);
      const Pcm bare = wire_decode(to2, wire_encode(to2, between));
      const Pcm want = resampled(in, from.rate, judged);
      return Both{measure(want, resampled(ours, to.rate, judged), judged, top_of(judged)),
                  measure(want, resampled(bare, to.rate, judged), judged, top_of(judged))};
    });
    judge(fmt::format("{} to {} at {}", row.from, row.to,
                      meeting_rate(peer(row.from).line, peer(row.to).line)),
          b);
  }
}

// 5 % of the packets, the same ones for both.
std::vector<bool> losses(std::size_t n) {
  std::mt19937 random(5);
  std::vector<bool> lost(n);
  for (std::size_t i = 2; i < n; ++i) lost[i] = random() % 20 == 0;
  return lost;
}

TEST_F(Audio, ConcealmentOfFivePercentIsAsGoodAsTheLibrarysAndBetterThanSilence) {
#if defined(CAUSEWAY_SANITIZED)
  GTEST_SKIP() << "the library's concealment copies between ranges that overlap";
#endif
  Both silence;
  const Both b = over_voices(8000, [&](const Pcm& in) {
    const sdp::Codec mu{PayloadType{0}, "PCMU", 8000, 1, ""};
    const auto sent = our_encode(**make_encoder(mu, 8000, {}), in, 160);
    const auto lost = losses(sent.size());
    auto d = *make_decoder(mu, 8000);
    auto* plc = plc_init(nullptr);
    Peer p = peer("PCMU");
    std::array<std::int16_t, kMaxSamples> pcm;
    Pcm ours;
    Pcm bare;
    Pcm muted;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const auto frame = std::span(pcm).first(160);
      if (lost[i]) {
        d->conceal(frame, {});
      } else {
        (void)d->decode(sent[i], pcm);
      }
      ours.insert(ours.end(), frame.begin(), frame.end());
      if (lost[i]) {
        plc_fillin(plc, pcm.data(), 160);
        muted.insert(muted.end(), 160, 0);
      } else {
        (void)p.bare.decode(sent[i], pcm);
        muted.insert(muted.end(), frame.begin(), frame.end());
        plc_rx(plc, pcm.data(), 160);
      }
      bare.insert(bare.end(), frame.begin(), frame.end());
    }
    plc_free(plc);
    const Measure m = measure(in, muted, 8000, 3400);
    const auto n = static_cast<double>(testing::speech(8000).size());
    silence.bare.segmental_snr += m.segmental_snr / n;
    silence.bare.spectral_distance += m.spectral_distance / n;
    return Both{measure(in, ours, 8000, 3400), measure(in, bare, 8000, 3400)};
  });
  judge("PCMU, 5 % lost", b);
  fmt::print("| ... with silence instead | | {:.1f} | | {:.1f} |\n", silence.bare.segmental_snr,
             silence.bare.spectral_distance);
  EXPECT_LT(b.ours.spectral_distance, silence.bare.spectral_distance - 0.3);
}

TEST_F(Audio, FivePercentLostCostLittleOfTheSpectrum) {
  for (const char* name : {"PCMU", "G722", "opus", "AMR", "AMR-WB"}) {
    Peer p = peer(name);
    if (!known(p.line)) continue;
    const std::uint32_t rate = std::min(p.rate, std::uint32_t{16000});
    const Both b = over_voices(rate, [&](const Pcm& in) {
      const auto sent = our_encode(**make_encoder(p.line, rate, {}), in, rate / 50);
      const auto lost = losses(sent.size());
      auto d = *make_decoder(p.line, rate);
      std::array<std::int16_t, kMaxSamples> pcm;
      Pcm out;
      for (std::size_t i = 0; i < sent.size(); ++i) {
        const auto frame = std::span(pcm).first(rate / 50);
        if (lost[i]) {
          d->conceal(frame, i + 1 < sent.size() && !lost[i + 1]
                                ? std::span<const std::byte>(sent[i + 1])
                                : std::span<const std::byte>());
        } else {
          (void)d->decode(sent[i], pcm);
        }
        out.insert(out.end(), frame.begin(), frame.end());
      }
      auto d2 = *make_decoder(p.line, rate);
      return Both{measure(in, out, rate, top_of(rate)),
                  measure(in, our_decode(*d2, sent), rate, top_of(rate))};
    });
    fmt::print("| {}, 5 % lost, and none | {:.1f} | {:.1f} | {:.1f} | {:.1f} |\n", name,
               b.ours.segmental_snr, b.bare.segmental_snr, b.ours.spectral_distance,
               b.bare.spectral_distance);
    EXPECT_LE(b.ours.spectral_distance, b.bare.spectral_distance + 1.5) << name;
  }
}

}  // namespace
}  // namespace causeway::codec
