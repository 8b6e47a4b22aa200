// CPU per 20 ms of every encoder, decoder and resampler and of whole transcodings, beside the bare
// calls of the libraries behind them: both do the same work in turn, block by block, and the
// medians of their thread's CPU time are compared. Prints the table of docs/codecs.md.
//
// usage: codec_cost [SECONDS_OF_SPEECH]      (20; more is steadier)
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "codec/amr_payload.h"
#include "codec/choice.h"
#include "codec/codec.h"
#include "codec/concealer.h"
#include "codec/signals.h"

// Bends <cmath>: it comes last.
#include "codec/bare.h"

using namespace causeway;
using namespace causeway::codec;
using namespace causeway::codec::testing;

namespace {

int seconds = 20;

// One packet of 20 ms in, one out; what is in and out is the step's own business.
using Step = std::function<void(std::size_t packet)>;

double now_us() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double median(std::vector<double> v) {
  std::ranges::nth_element(v, v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2));
  return v[v.size() / 2];
}

void compare(const std::string& what, const Step& ours, const Step& bare) {
  const std::size_t packets = static_cast<std::size_t>(seconds) * 50;
  constexpr std::size_t kBlock = 25;
  std::vector<double> mine;
  std::vector<double> theirs;
  for (std::size_t at = 0; at + kBlock <= packets; at += kBlock) {
    const auto block = [&](const Step& step, std::vector<double>& into) {
      const double begin = now_us();
      for (std::size_t i = 0; i < kBlock; ++i) step(at + i);
      into.push_back((now_us() - begin) / kBlock);
    };
    // Each as often first as second: the second finds the input in the cache.
    if (at / kBlock % 2 == 0) {
      block(ours, mine);
      if (bare) block(bare, theirs);
    } else {
      if (bare) block(bare, theirs);
      block(ours, mine);
    }
  }
  const double a = median(mine);
  if (!bare) {
    fmt::print("| {} | {:.2f} | | |\n", what, a);
    return;
  }
  const double b = median(theirs);
  fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} |\n", what, a, b, a / b);
}

const Pcm& speech(std::uint32_t rate) {
  static std::map<std::uint32_t, Pcm> all;
  Pcm& pcm = all[rate];
  if (pcm.empty()) {
    pcm = causeway::codec::testing::voice(rate, rate * static_cast<std::size_t>(seconds),
                                          rate == 8000 ? 3400 : 7000);
  }
  return pcm;
}
std::span<const std::int16_t> packet_of(std::uint32_t rate, std::size_t n) {
  return std::span(speech(rate)).subspan(n * rate / 50, rate / 50);
}

sdp::Codec line(const char* name, std::uint32_t clock = 8000, std::uint8_t channels = 1,
                const char* fmtp = "") {
  return {PayloadType{96}, name, clock, channels, fmtp};
}
const sdp::Codec kMu = line("PCMU");
const sdp::Codec k722 = line("G722");
const sdp::Codec k726 = line("G726-32");
const sdp::Codec kOpus = line("opus", 48000, 2, "useinbandfec=1");
const sdp::Codec kAmr = line("AMR");
const sdp::Codec kWide = line("AMR-WB", 16000);

std::vector<Bytes> payloads(const sdp::Codec& c, std::uint32_t rate) {
  auto e = *make_encoder(c, rate, {});
  std::vector<Bytes> all;
  for (std::size_t n = 0; n < static_cast<std::size_t>(seconds) * 50; ++n) {
    Bytes b(kMaxPayload);
    b.resize(e->encode(packet_of(rate, n), b));
    all.push_back(std::move(b));
  }
  return all;
}
// What the bare decoder of AMR reads: the frame of RFC 4867 5 that is in one of our payloads.
std::vector<Bytes> for_bare(const sdp::Codec& c, const std::vector<Bytes>& in) {
  const auto format = amr::format_of(c);
  if (c.name.rfind("AMR", 0) != 0 || !format) return in;
  std::vector<Bytes> out;
  for (const Bytes& b : in) {
    amr::Payload p;
    (void)amr::unpack(*format, b, p);
    Bytes frame(64);
    frame[0] = static_cast<std::byte>(p.frames[0].type << 3 | 4);
    for (std::size_t i = 0; i < p.frames[0].bits.size(); ++i)
      frame[i + 1] = std::byte{p.frames[0].bits[i]};
    out.push_back(std::move(frame));
  }
  return out;
}

// As our encoder chooses for itself.
int bits_at(std::uint32_t rate) { return rate <= 16000 ? 32'000 : 48'000; }

void both_ways(const std::string& what, const sdp::Codec& c, std::uint32_t rate, const Bare& bare,
               int complexity = 5) {
  if (!known(c)) return;
  auto e = *make_encoder(c, rate, {.complexity = complexity});
  auto d = *make_decoder(c, rate);
  Bytes out(kMaxPayload);
  Bytes bare_out(kMaxPayload);
  std::array<std::int16_t, kMaxSamples> pcm;
  compare(
      what + " encode", [&](std::size_t n) { (void)e->encode(packet_of(rate, n), out); },
      [&](std::size_t n) { bare.encode(packet_of(rate, n), bare_out); });
  const auto in = payloads(c, rate);
  const auto bare_in = for_bare(c, in);
  compare(
      what + " decode", [&](std::size_t n) { (void)d->decode(in[n], pcm); },
      [&](std::size_t n) { (void)bare.decode(bare_in[n], pcm); });
}

void resampler(std::uint32_t from, std::uint32_t to) {
  Resampler r(from, to);
  const auto bare = bare_resampler(from, to);
  std::array<std::int16_t, kMaxSamples> out;
  std::array<std::int16_t, kMaxSamples> bare_out;
  compare(
      fmt::format("resample {} to {}", from, to),
      [&](std::size_t n) { (void)r.process(packet_of(from, n), out); },
      [&](std::size_t n) { (void)bare(packet_of(from, n), bare_out); });
}

// One direction, at the rate that both meet at. The bare side resamples where its codecs do not
// speak that rate.
void transcoding(const sdp::Codec& a, const Bare& bare_a, std::uint32_t rate_a, const sdp::Codec& b,
                 const Bare& bare_b, std::uint32_t rate_b) {
  if (!known(a) || !known(b)) return;
  const std::uint32_t rate = meeting_rate(a, b);
  auto d = *make_decoder(a, rate);
  auto e = *make_encoder(b, rate, {});
  const auto resample = bare_resampler(rate_a, rate_b);
  const auto in = payloads(a, rate_a);
  const auto bare_in = for_bare(a, in);
  Bytes out(kMaxPayload);
  Bytes bare_out(kMaxPayload);
  std::array<std::int16_t, kMaxSamples> pcm;
  std::array<std::int16_t, kMaxSamples> bare_pcm;
  std::array<std::int16_t, kMaxSamples> resampled;
  compare(
      fmt::format("{} to {} at {}", a.name, b.name, rate),
      [&](std::size_t n) {
        const std::size_t samples = d->decode(in[n], pcm);
        (void)e->encode(std::span(pcm).first(samples), out);
      },
      [&](std::size_t n) {
        std::span<std::int16_t> got =
            std::span(bare_pcm).first(bare_a.decode(bare_in[n], bare_pcm));
        if (rate_a != rate_b) got = std::span(resampled).first(resample(got, resampled));
        bare_b.encode(got, bare_out);
      });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) seconds = std::max(1, std::atoi(argv[1]));
  fmt::print("| per 20 ms | us | bare, us | ratio |\n|---|---|---|---|\n");
  both_ways("PCMU", kMu, 8000, bare_mu());
  both_ways("G.722 at 16000", k722, 16000, bare_722(16000));
  both_ways("G.722 at 8000", k722, 8000, bare_722(8000));
  both_ways("G.726-32", k726, 8000, bare_726());
  for (const std::uint32_t rate : {12000U, 16000U, 48000U}) {
    for (const int complexity : {0, 5, 9}) {
      both_ways(fmt::format("Opus at {}, complexity {},", rate, complexity), kOpus, rate,
                bare_opus(rate, complexity, bits_at(rate)), complexity);
    }
  }
  both_ways("AMR 12.2", kAmr, 8000, bare_amr());
  both_ways("AMR-WB 12.65", kWide, 16000, bare_wide());
  for (const std::uint32_t from : {8000U, 16000U, 48000U}) {
    for (const std::uint32_t to : {8000U, 16000U, 48000U}) {
      if (from != to) resampler(from, to);
    }
  }
  for (const std::uint32_t rate : {8000U, 16000U}) {
    Concealer c(rate);
    Pcm pcm(rate / 50);
    compare(
        fmt::format("concealment at {}, each tenth packet", rate),
        [&](std::size_t n) {
          if (n % 10 == 9) {
            c.fill(pcm);
          } else {
            std::ranges::copy(packet_of(rate, n), pcm.begin());
            c.heard(pcm);
          }
        },
        nullptr);
  }
  transcoding(kMu, bare_mu(), 8000, k722, bare_722(8000), 8000);
  transcoding(k722, bare_722(8000), 8000, kMu, bare_mu(), 8000);
  transcoding(kMu, bare_mu(), 8000, kOpus, bare_opus(12000, 5, 32'000), 12000);
  transcoding(kOpus, bare_opus(8000, 5, 32'000), 8000, kMu, bare_mu(), 8000);
  transcoding(k722, bare_722(16000), 16000, kOpus, bare_opus(16000, 5, 32'000), 16000);
  transcoding(kOpus, bare_opus(16000, 5, 32'000), 16000, k722, bare_722(16000), 16000);
  transcoding(kMu, bare_mu(), 8000, kAmr, bare_amr(), 8000);
  transcoding(kAmr, bare_amr(), 8000, kMu, bare_mu(), 8000);
  transcoding(k722, bare_722(16000), 16000, kWide, bare_wide(), 16000);
  transcoding(kWide, bare_wide(), 16000, k722, bare_722(16000), 16000);
  transcoding(kWide, bare_wide(), 16000, kMu, bare_mu(), 8000);
  transcoding(kMu, bare_mu(), 8000, kWide, bare_wide(), 16000);
  return 0;
}
