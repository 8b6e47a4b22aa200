#include "codec/codec.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numbers>
#include <string>
#include <tuple>

#include "codec/fmtp.h"
#include "codec/signals.h"

// The library's headers stand on the one named first, and bend <cmath>: they come last.
#include <spandsp/telephony.h>

#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <spandsp/g722.h>

namespace causeway::codec {
namespace {

using testing::level_at;
using testing::Pcm;
using testing::rms;
using testing::snr;
using testing::tone;
using testing::voice;

sdp::Codec line(std::string name, std::uint32_t clock, std::uint8_t channels = 1,
                std::string fmtp = {}) {
  return {PayloadType{96}, std::move(name), clock, channels, std::move(fmtp)};
}
const sdp::Codec kMu = line("PCMU", 8000);
const sdp::Codec kA = line("PCMA", 8000);
const sdp::Codec k722 = line("G722", 8000);
const sdp::Codec kOpusLine = line("opus", 48000, 2);
const sdp::Codec k726 = line("G726-32", 8000);

std::unique_ptr<Decoder> decoder(const sdp::Codec& c, std::uint32_t rate) {
  auto made = make_decoder(c, rate);
  EXPECT_TRUE(made) << (made ? "" : made.error().what);
  return std::move(*made);
}
std::unique_ptr<Encoder> encoder(const sdp::Codec& c, std::uint32_t rate,
                                 EncoderSettings settings = {}) {
  auto made = make_encoder(c, rate, settings);
  EXPECT_TRUE(made) << (made ? "" : made.error().what);
  return std::move(*made);
}

// Packets of `in` through both ends; whole packets only.
Pcm round_trip(Encoder& e, Decoder& d, const Pcm& in, std::size_t packet) {
  std::array<std::byte, kMaxPayload> payload;
  std::array<std::int16_t, kMaxSamples> pcm;
  Pcm out;
  for (std::size_t at = 0; at + packet <= in.size(); at += packet) {
    const std::size_t n = e.encode(std::span(in).subspan(at, packet), payload);
    EXPECT_GT(n, 0U);
    const std::size_t samples = d.decode(std::span(payload).first(n), pcm);
    out.insert(out.end(), pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(samples));
  }
  return out;
}

TEST(Known, CodecsAreKnownByNameClockAndChannels) {
  EXPECT_EQ(known(kMu), Kind::kPcmu);
  EXPECT_EQ(known(line("pcma", 8000)), Kind::kPcma);
  EXPECT_EQ(known(line("g722", 8000)), Kind::kG722);
  EXPECT_EQ(known(line("OPUS", 48000, 2)), Kind::kOpus);
  EXPECT_EQ(known(k726), Kind::kG726_32);
  EXPECT_EQ(known(line("L16", 44100)), Kind::kL16);
  EXPECT_EQ(known(line("L16", 44100, 2)), std::nullopt);
  EXPECT_EQ(known(line("PCMU", 16000)), std::nullopt);
  EXPECT_EQ(known(line("opus", 48000)), std::nullopt);
  EXPECT_EQ(known(line("SILK", 16000)), std::nullopt);
  EXPECT_EQ(known(line("EVS", 16000)), std::nullopt);
  EXPECT_EQ(known(line("telephone-event", 8000)), std::nullopt);
}

TEST(Known, WhatIsNotACodecOfOursIsRefusedInWords) {
  const auto d = make_decoder(line("SILK", 16000), 16000);
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(d.error().what.find("SILK/16000"), std::string::npos);
  EXPECT_FALSE(make_decoder(kMu, 11025));
  EXPECT_FALSE(make_encoder(kOpusLine, 16000, {.packet_ms = 25}));
  EXPECT_FALSE(make_encoder(kMu, 8000, {.packet_ms = 0}));
}

TEST(Traits, APacketTimeThatDoesNotFitAPayloadIsRefused) {
  const auto l16 = line("L16", 48000);
  EXPECT_EQ(traits_of(l16).max_ms, 14);
  EXPECT_FALSE(make_encoder(l16, 48000, {.packet_ms = 20}));
  EXPECT_TRUE(make_encoder(l16, 48000, {.packet_ms = 10}));
}

TEST(Traits, TheClockOfG722IsNotItsSampleRate) {
  EXPECT_EQ(traits_of(k722).clock, 8000U);
  EXPECT_EQ(traits_of(k722).natural_rate, 16000U);
}

TEST(Traits, OpusIsNoWiderThanThePeerPlays) {
  EXPECT_EQ(traits_of(kOpusLine).natural_rate, 48000U);
  EXPECT_EQ(traits_of(line("opus", 48000, 2, "useinbandfec=1; maxplaybackrate=16000")).natural_rate,
            16000U);
  EXPECT_EQ(traits_of(line("opus", 48000, 2, "MaxPlaybackRate=8000")).natural_rate, 8000U);
}

TEST(MeetingRate, NoBandThatBothHaveIsLostAndNoResamplerIsNeededWhereOneCanBeAvoided) {
  const auto narrow_opus = line("opus", 48000, 2, "maxplaybackrate=8000");
  const auto l48 = line("L16", 48000);
  const auto l44 = line("L16", 44100);
  struct Row {
    const sdp::Codec* a;
    const sdp::Codec* b;
    std::uint32_t rate;
  };
  const Row table[] = {
      {&kMu, &kA, 8000},          {&kMu, &k722, 8000},         {&kMu, &kOpusLine, 8000},
      {&k722, &kOpusLine, 16000}, {&k722, &k722, 16000},       {&kOpusLine, &kOpusLine, 48000},
      {&k726, &k722, 8000},       {&k722, &narrow_opus, 8000}, {&l48, &kOpusLine, 48000},
      {&l48, &k722, 16000},       {&l44, &kOpusLine, 48000},   {&l48, &kMu, 8000},
      {&l44, &kMu, 8000},
  };
  for (const Row& row : table) {
    EXPECT_EQ(meeting_rate(*row.a, *row.b), row.rate) << row.a->name << " " << row.b->name;
    EXPECT_EQ(meeting_rate(*row.b, *row.a), row.rate) << row.b->name << " " << row.a->name;
  }
}

TEST(G711, EveryCodeAndEverySampleIsCodedAsAnotherImplementationDoes) {
  auto mu_e = encoder(kMu, 8000);
  auto a_e = encoder(kA, 8000);
  auto mu_d = decoder(kMu, 8000);
  auto a_d = decoder(kA, 8000);
  std::array<std::int16_t, kMaxSamples> pcm;
  for (int i = 0; i < 65536; ++i) {
    const auto sample = static_cast<std::int16_t>(i - 32768);
    std::array<std::byte, 1> code;
    ASSERT_EQ(mu_e->encode(std::span(&sample, 1), code), 1U);
    ASSERT_EQ(std::to_integer<int>(code[0]), linear_to_ulaw(sample)) << sample;
    ASSERT_EQ(a_e->encode(std::span(&sample, 1), code), 1U);
    ASSERT_EQ(std::to_integer<int>(code[0]), linear_to_alaw(sample)) << sample;
  }
  for (int i = 0; i < 256; ++i) {
    const std::array code{static_cast<std::byte>(i)};
    ASSERT_EQ(mu_d->decode(code, pcm), 1U);
    ASSERT_EQ(pcm[0], ulaw_to_linear(static_cast<std::uint8_t>(i))) << i;
    ASSERT_EQ(a_d->decode(code, pcm), 1U);
    ASSERT_EQ(pcm[0], alaw_to_linear(static_cast<std::uint8_t>(i))) << i;
  }
}

TEST(G722, PayloadsAreThoseOfTheLibraryByteByByte) {
  auto* state = g722_encode_init(nullptr, 64000, 0);
  auto e = encoder(k722, 16000);
  const Pcm in = voice(16000, 16000, 7000);
  std::array<std::byte, kMaxPayload> ours;
  std::array<std::uint8_t, kMaxPayload> theirs;
  for (std::size_t at = 0; at + 320 <= in.size(); at += 320) {
    ASSERT_EQ(e->encode(std::span(in).subspan(at, 320), ours), 160U);
    ASSERT_EQ(g722_encode(state, theirs.data(), in.data() + at, 320), 160);
    ASSERT_EQ(std::memcmp(ours.data(), theirs.data(), 160), 0) << at;
  }
  g722_encode_free(state);
}

TEST(G722, CodedAtEightKilohertzItIsTheSameSpeechToAWidebandPeer) {
  for (const double hz : {300.0, 1000.0, 3000.0}) {
    const Pcm in = tone(hz, 8000, 8000);
    const Pcm out = round_trip(*encoder(k722, 8000), *decoder(k722, 16000), in, 160);
    ASSERT_EQ(out.size(), 16000U);
    EXPECT_NEAR(20 * std::log10(level_at(std::span(out).last(8000), hz, 16000) / 8000), 0, 1.0)
        << hz;
    const Pcm wide = tone(hz, 16000, 16000);
    const Pcm back = round_trip(*encoder(k722, 16000), *decoder(k722, 8000), wide, 320);
    ASSERT_EQ(back.size(), 8000U);
    EXPECT_NEAR(20 * std::log10(level_at(std::span(back).last(4000), hz, 8000) / 8000), 0, 1.0)
        << hz;
  }
}

TEST(G726, TheFirstSampleIsInTheLowerBitsUnlessAal2IsSpoken) {
  const Pcm in = voice(8000, 8000);
  std::array<std::byte, kMaxPayload> low;
  std::array<std::byte, kMaxPayload> high;
  auto e = encoder(k726, 8000);
  auto aal2 = encoder(line("AAL2-G726-32", 8000), 8000);
  for (std::size_t at = 0; at < in.size(); at += 160) {
    ASSERT_EQ(e->encode(std::span(in).subspan(at, 160), low), 80U);
    ASSERT_EQ(aal2->encode(std::span(in).subspan(at, 160), high), 80U);
    for (std::size_t i = 0; i < 80; ++i) {
      ASSERT_EQ(low[i], (high[i] << 4 | high[i] >> 4) & std::byte{0xFF});
    }
  }
  EXPECT_GT(snr(in, round_trip(*encoder(k726, 8000), *decoder(k726, 8000), in, 160), 4), 15);
  // Which nibble comes first cannot be told from the two being swapped: a pulse at an even sample
  // stirs the lower bits of RFC 3551 4.5.4 first.
  Pcm pulse(2, 0);
  pulse[0] = 8000;
  std::array<std::byte, 1> one;
  ASSERT_EQ(encoder(k726, 8000)->encode(pulse, one), 1U);
  EXPECT_EQ(std::to_integer<int>(one[0] & std::byte{0x0F}), 7);
}

TEST(L16, SamplesAreInNetworkOrder) {
  const Pcm in{0x0102, -2};
  std::array<std::byte, 4> out;
  const auto l16 = line("L16", 16000);
  ASSERT_EQ(encoder(l16, 16000)->encode(in, out), 4U);
  EXPECT_EQ(out, (std::array{std::byte{1}, std::byte{2}, std::byte{0xFF}, std::byte{0xFE}}));
  std::array<std::int16_t, kMaxSamples> pcm;
  ASSERT_EQ(decoder(l16, 16000)->decode(out, pcm), 2U);
  EXPECT_EQ(pcm[0], 0x0102);
  EXPECT_EQ(pcm[1], -2);
  EXPECT_EQ(decoder(l16, 16000)->decode(std::span(out).first(3), pcm), 0U);
}

TEST(Codecs, EveryCodecCarriesSpeechAtEveryRate) {
  for (const auto& c : {kMu, kA, k722, kOpusLine, k726, line("L16", 8000), line("L16", 16000),
                        line("L16", 44100), line("L16", 48000)}) {
    for (const std::uint32_t rate : {8000U, 16000U, 24000U, 48000U}) {
      const std::uint16_t ms = traits_of(c).max_ms < 20 ? 10 : 20;
      const Pcm in = voice(rate, rate / 2, 3000);
      const std::size_t packet = rate * ms / 1000;
      auto e = encoder(c, rate, {.packet_ms = ms});
      auto d = decoder(c, rate);
      const Pcm out = round_trip(*e, *d, in, packet);
      EXPECT_EQ(out.size(), in.size()) << c.name << c.clock << " " << rate;
      const double floor = known(c) == Kind::kOpus ? 3 : 13;
      EXPECT_GT(snr(in, out, rate / 40), floor) << c.name << c.clock << " " << rate;
    }
  }
}

TEST(Codecs, EveryPacketTimeFromTenToSixtyIsCoded) {
  for (const auto& c : {kMu, k722, kOpusLine, k726}) {
    for (const std::uint16_t ms : {10, 20, 30, 40, 50, 60}) {
      const Pcm in = voice(16000, 48000, 3000);
      auto e = encoder(c, 16000, {.packet_ms = ms});
      auto d = decoder(c, 16000);
      std::array<std::byte, kMaxPayload> payload;
      std::array<std::int16_t, kMaxSamples> pcm;
      const std::size_t packet = 16U * ms;
      for (std::size_t at = 0; at + packet <= in.size(); at += packet) {
        const std::size_t n = e->encode(std::span(in).subspan(at, packet), payload);
        ASSERT_GT(n, 0U) << c.name << " " << ms;
        ASSERT_EQ(d->decode(std::span(payload).first(n), pcm), packet) << c.name << " " << ms;
      }
    }
  }
}

TEST(Opus, ThePeersLimitsOnRateAndBandAreKept) {
  const Pcm in = voice(48000, 96000, 12000);
  std::array<std::byte, kMaxPayload> payload;
  const auto bytes_and_band = [&](const char* fmtp) {
    auto e = encoder(line("opus", 48000, 2, fmtp), 48000);
    std::size_t bytes = 0;
    int widest = 0;
    for (std::size_t at = 0; at + 960 <= in.size(); at += 960) {
      bytes += e->encode(std::span(in).subspan(at, 960), payload);
      // RFC 6716 3.1: configurations in the upper five bits.
      const int config = std::to_integer<int>(payload[0]) >> 3;
      const int band = config < 12   ? config / 4
                       : config < 14 ? 3
                       : config < 16 ? 4
                                     : (config - 16) / 4 + 1;
      if (at > 9600) widest = std::max(widest, band);
    }
    return std::pair(bytes, widest);
  };
  const auto free = bytes_and_band("");
  const auto slow = bytes_and_band("maxaveragebitrate=12000");
  const auto wide = bytes_and_band("maxplaybackrate=16000");
  const auto narrow = bytes_and_band("maxplaybackrate=8000");
  EXPECT_LT(slow.first, 2 * 12000 / 8 * 13 / 10);
  EXPECT_GT(free.first, slow.first * 2);
  EXPECT_GE(free.second, 3);
  EXPECT_EQ(wide.second, 2);
  EXPECT_EQ(narrow.second, 0);
}

TEST(Opus, ALostPacketIsTakenFromTheNextOneWhenThePeerAskedForCopies) {
  // A word begins in the packet that is lost: there is nothing to guess it from.
  constexpr std::size_t kOnset = 50;
  Pcm in = voice(16000, 64000, 7000);
  std::copy(in.begin() + 8000, in.begin() + 24000, in.begin() + kOnset * 320);
  std::fill(in.begin(), in.begin() + kOnset * 320, std::int16_t{0});
  const auto level_of_lost = [&](const char* fmtp, bool with_next) {
    auto e = encoder(line("opus", 48000, 2, fmtp), 16000);
    e->set_expected_loss(20);
    auto d = decoder(kOpusLine, 16000);
    std::array<std::byte, kMaxPayload> payload;
    std::array<std::int16_t, kMaxSamples> pcm;
    for (std::size_t i = 0; i <= kOnset + 1; ++i) {
      const std::size_t n = e->encode(std::span(in).subspan(i * 320, 320), payload);
      if (i < kOnset) {
        EXPECT_EQ(d->decode(std::span(payload).first(n), pcm), 320U);
      }
      if (i > kOnset) {
        d->conceal(std::span(pcm).first(320), std::span(payload).first(with_next ? n : 0));
      }
    }
    return rms(std::span(pcm).first(320));
  };
  EXPECT_GT(level_of_lost("useinbandfec=1", true), 300);
  EXPECT_LT(level_of_lost("useinbandfec=1", false), 100);
  EXPECT_LT(level_of_lost("", true), 100);
}

TEST(Opus, SilenceIsNotSentWhenThePeerAskedForThat) {
  auto e = encoder(line("opus", 48000, 2, "usedtx=1"), 16000);
  auto always = encoder(kOpusLine, 16000);
  const Pcm silence(320, 0);
  std::array<std::byte, kMaxPayload> payload;
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    sent += e->encode(silence, payload) > 0 ? 1 : 0;
    EXPECT_GT(always->encode(silence, payload), 0U);
  }
  EXPECT_LT(sent, 30);
  EXPECT_GT(sent, 0);
}

TEST(Codecs, ConcealmentFadesToSilenceAndEndsWithTheNextPacket) {
  for (const auto& c : {kMu, k722, kOpusLine, k726, line("L16", 16000)}) {
    for (const std::uint32_t rate : {8000U, 16000U, 48000U}) {
      auto e = encoder(c, rate);
      auto d = decoder(c, rate);
      const Pcm in = voice(rate, rate, 3000);
      round_trip(*e, *d, in, rate / 50);
      Pcm gap(rate / 50);
      for (int i = 0; i < 15; ++i) d->conceal(gap, {});
      EXPECT_LT(rms(gap), 2) << c.name << rate;
      const Pcm out = round_trip(*e, *d, in, rate / 50);
      EXPECT_GT(rms(out), rms(in) / 2) << c.name << rate;
    }
  }
}

TEST(Codecs, APayloadThatIsTooLongIsLost) {
  std::vector<std::byte> huge(9000, std::byte{0x55});
  std::array<std::int16_t, kMaxSamples> pcm;
  for (const auto& c : {kMu, k722, kOpusLine, k726, line("L16", 48000)}) {
    for (const std::uint32_t rate : {8000U, 16000U, 48000U}) {
      EXPECT_EQ(decoder(c, rate)->decode(huge, pcm), 0U) << c.name;
      EXPECT_EQ(decoder(c, rate)->decode({}, pcm), 0U) << c.name;
    }
  }
}

TEST(Resampler, EqualRatesPassSamplesAsTheyAre) {
  Resampler r(16000, 16000);
  const Pcm in = voice(16000, 320);
  Pcm out(320);
  EXPECT_EQ(r.process(in, out), 320U);
  EXPECT_EQ(in, out);
}

TEST(Resampler, TonesKeepTheirLevelAndWhatIsAboveTheBandIsGone) {
  for (const std::uint32_t from : {8000U, 16000U, 24000U, 48000U}) {
    for (const std::uint32_t to : {8000U, 16000U, 24000U, 48000U}) {
      Resampler r(from, to);
      const Pcm in = tone(1000, from, from);
      Pcm out(to + 1);
      std::size_t n = 0;
      for (std::size_t at = 0; at < in.size(); at += from / 50) {
        n += r.process(std::span(in).subspan(at, from / 50), std::span(out).subspan(n));
      }
      EXPECT_EQ(n, to);
      EXPECT_NEAR(level_at(std::span(out).subspan(to / 2, to / 4), 1000, to), 8000, 400);
    }
  }
  // Flat to 3.5 kHz; at 4.2 kHz, which would fold back to 3.8, 50 dB down.
  for (const auto& [hz, least, most] : {std::tuple{3500.0, 7700.0, 8100.0}, {4200.0, 0.0, 25.0}}) {
    Resampler down(16000, 8000);
    const Pcm in = tone(hz, 16000, 16000);
    Pcm out(8001);
    ASSERT_EQ(down.process(in, out), 8000U);
    const double got = rms(std::span(out).subspan(2000, 4000)) * std::numbers::sqrt2;
    EXPECT_GE(got, least) << hz;
    EXPECT_LE(got, most) << hz;
  }
}

TEST(Resampler, PiecesOfAnyLengthGiveWhatOneGives) {
  for (const auto& [from, to] :
       {std::pair{8000U, 48000U}, {48000U, 8000U}, {44100U, 48000U}, {24000U, 16000U}}) {
    const Pcm in = voice(from, 9000, 3000);
    Resampler whole(from, to);
    Pcm want(9000 * to / from + 2);
    want.resize(whole.process(in, want));
    Resampler pieces(from, to);
    Pcm got(want.size() + 2);
    std::size_t n = 0;
    std::size_t at = 0;
    for (std::size_t k = 0; at < in.size(); ++k) {
      const std::size_t size = std::min(in.size() - at, 1 + k * 37 % 300);
      n += pieces.process(std::span(in).subspan(at, size), std::span(got).subspan(n));
      at += size;
    }
    got.resize(n);
    EXPECT_EQ(got, want) << from << " " << to;
  }
}

TEST(Resampler, TheLoudestSquareWaveIsCutAndDoesNotWrap) {
  Resampler up(8000, 16000);
  Pcm in(1600);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = i / 8 % 2 == 0 ? 32767 : -32768;
  Pcm out(3300);
  out.resize(up.process(in, out));
  // In the middle of each half wave (64 samples at 8 kHz late) its sign is right.
  for (std::size_t i = 400; i + 40 < in.size(); i += 8) {
    const int expected = i / 8 % 2 == 0 ? 1 : -1;
    EXPECT_GT(out[2 * (i + 4) + 64] * expected, 20000) << i;
  }
}

TEST(Fmtp, ParametersAreFoundWithoutCaseAndAmongSpaces) {
  using namespace fmtp;
  EXPECT_EQ(number("mode-set=0,2; octet-align=1", "Octet-Align"), 1U);
  EXPECT_EQ(find("mode-set=0,2; octet-align=1", "mode-set"), "0,2");
  EXPECT_EQ(find(" useinbandfec = 1 ;usedtx", "usedtx"), "");
  EXPECT_TRUE(is_set(" useinbandfec = 1 ;usedtx", "useinbandfec"));
  EXPECT_FALSE(is_set("usedtx=10", "usedtx"));
  EXPECT_EQ(number("maxplaybackrate=fast", "maxplaybackrate"), std::nullopt);
  EXPECT_EQ(number("maxplaybackrate=99999999999", "maxplaybackrate"), std::nullopt);
  EXPECT_EQ(find("", "x"), std::nullopt);
  EXPECT_EQ(find(";;", "x"), std::nullopt);
}

}  // namespace
}  // namespace causeway::codec
