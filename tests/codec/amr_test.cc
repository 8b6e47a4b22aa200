// AMR and AMR-WB through the plug-in, beside the bare libraries.
#include <gtest/gtest.h>
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <opencore-amrwb/dec_if.h>
#include <vo-amrwbenc/enc_if.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/amr_payload.h"
#include "codec/codec.h"
#include "codec/signals.h"

namespace causeway::codec {
namespace {

using testing::Pcm;
using testing::rms;
using testing::voice;

sdp::Codec amr(std::string fmtp = {}) { return {PayloadType{96}, "AMR", 8000, 1, std::move(fmtp)}; }
sdp::Codec wide(std::string fmtp = {}) {
  return {PayloadType{97}, "amr-wb", 16000, 1, std::move(fmtp)};
}

struct Pair {
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<Decoder> decoder;
};
Pair pair(const sdp::Codec& c, std::uint32_t rate, EncoderSettings settings = {}) {
  auto e = make_encoder(c, rate, settings);
  auto d = make_decoder(c, rate);
  EXPECT_TRUE(e && d);
  return {std::move(*e), std::move(*d)};
}

using Bytes = std::vector<std::byte>;
Bytes encode(Encoder& e, std::span<const std::int16_t> pcm) {
  Bytes out(kMaxPayload);
  out.resize(e.encode(pcm, out));
  return out;
}
// The mode of the first frame.
int mode_in(const sdp::Codec& c, const Bytes& payload) {
  amr::Payload p;
  EXPECT_TRUE(amr::unpack(*amr::format_of(c), payload, p));
  return p.frames[0].type;
}

TEST(Amr, IsKnownWithTheParametersThatWeDo) {
  EXPECT_EQ(known(amr()), Kind::kAmr);
  EXPECT_EQ(known(wide("octet-align=1")), Kind::kAmrWb);
  EXPECT_EQ(known(amr("crc=1")), std::nullopt);
  EXPECT_EQ(known({PayloadType{96}, "AMR", 16000, 1, ""}), std::nullopt);
  EXPECT_EQ(meeting_rate(wide(), {PayloadType{9}, "G722", 8000, 1, ""}), 16000U);
  EXPECT_EQ(meeting_rate(wide(), {PayloadType{0}, "PCMU", 8000, 1, ""}), 8000U);
}

TEST(Amr, NarrowBandComesOutAsFromTheLibraryItself) {
  for (const char* fmtp : {"", "octet-align=1"}) {
    auto [e, d] = pair(amr(fmtp), 8000);
    void* their_encoder = Encoder_Interface_init(0);
    void* their_decoder = Decoder_Interface_init();
    const Pcm in = voice(8000, 16000);
    std::array<std::int16_t, kMaxSamples> ours;
    std::array<std::int16_t, 160> theirs;
    for (std::size_t at = 0; at + 160 <= in.size(); at += 160) {
      const Bytes payload = encode(*e, std::span(in).subspan(at, 160));
      ASSERT_EQ(payload.size(), *fmtp == '\0' ? 32U : 33U);  // 244 bits
      std::array<unsigned char, 64> frame{};
      Pcm own(in.begin() + static_cast<std::ptrdiff_t>(at),
              in.begin() + static_cast<std::ptrdiff_t>(at + 160));
      Encoder_Interface_Encode(their_encoder, MR122, own.data(), frame.data(), 0);
      Decoder_Interface_Decode(their_decoder, frame.data(), theirs.data(), 0);
      ASSERT_EQ(d->decode(payload, ours), 160U);
      ASSERT_TRUE(std::equal(theirs.begin(), theirs.end(), ours.begin())) << at;
    }
    EXPECT_GT(rms(theirs), 10);
    Encoder_Interface_exit(their_encoder);
    Decoder_Interface_exit(their_decoder);
  }
}

TEST(Amr, WhatIsEncodedIsNotChanged) {
  for (const auto& c : {amr(), wide()}) {
    auto [e, d] = pair(c, c.clock);
    const Pcm in = voice(c.clock, c.clock / 50);
    const Pcm before = in;
    (void)encode(*e, in);
    EXPECT_EQ(in, before) << c.name;
  }
}

TEST(Amr, WideBandComesOutAsFromTheLibraryItself) {
  auto [e, d] = pair(wide(), 16000);
  void* their_encoder = E_IF_init();
  void* their_decoder = D_IF_init();
  const Pcm in = voice(16000, 32000, 7000);
  std::array<std::int16_t, kMaxSamples> ours;
  std::array<std::int16_t, 320> theirs;
  for (std::size_t at = 0; at + 320 <= in.size(); at += 320) {
    std::array<unsigned char, 64> frame{};
    E_IF_encode(their_encoder, 2, in.data() + at, frame.data(), 0);
    D_IF_decode(their_decoder, frame.data(), theirs.data(), 0);
    ASSERT_EQ(d->decode(encode(*e, std::span(in).subspan(at, 320)), ours), 320U);
    ASSERT_TRUE(std::equal(theirs.begin(), theirs.end(), ours.begin())) << at;
  }
  E_IF_exit(their_encoder);
  D_IF_exit(their_decoder);
}

TEST(Amr, SeveralFramesGoIntoOnePacket) {
  for (const auto& c : {amr(), amr("octet-align=1"), wide(), wide("octet-align=1")}) {
    for (const std::uint16_t ms : {20, 40, 60, 120}) {
      auto [e, d] = pair(c, c.clock, {.packet_ms = ms});
      const Pcm in = voice(c.clock, c.clock / 1000 * ms);
      std::array<std::int16_t, kMaxSamples> out;
      EXPECT_EQ(d->decode(encode(*e, in), out), in.size());
    }
  }
  EXPECT_FALSE(make_encoder(amr(), 8000, {.packet_ms = 30}));
}

TEST(Amr, OnlyModesOfTheSetAreSentAndTheHighestThatIsUsual) {
  const auto mode = [](const sdp::Codec& c, EncoderSettings settings = {}) {
    auto [e, d] = pair(c, c.clock, settings);
    return mode_in(c, encode(*e, voice(c.clock, c.clock / 50)));
  };
  EXPECT_EQ(mode(amr()), 7);
  EXPECT_EQ(mode(amr("mode-set=0,2,4")), 4);
  EXPECT_EQ(mode(wide()), 2);
  EXPECT_EQ(mode(wide("mode-set=0,1,8")), 1);
  EXPECT_EQ(mode(wide("mode-set=8")), 8);
  EXPECT_EQ(mode(amr(), {.bit_rate = 6000}), 2);
  EXPECT_EQ(mode(wide(), {.bit_rate = 24000}), 8);
}

TEST(Amr, TheModeThatThePeerRequestsIsSent) {
  const auto c = amr("mode-set=0,2,5,7");
  auto [e, d] = pair(c, 8000);
  amr::Payload p;
  p.request = 2;
  p.count = 1;
  Bytes payload(100);
  payload.resize(amr::pack(*amr::format_of(c), p, payload));
  std::array<std::int16_t, kMaxSamples> out;
  ASSERT_EQ(d->decode(payload, out), 160U);
  const auto requested = d->requested_mode();
  ASSERT_EQ(requested, 2);
  EXPECT_EQ(d->requested_mode(), std::nullopt);
  const Pcm in = voice(8000, 160);
  EXPECT_EQ(mode_in(c, encode(*e, in)), 7);
  e->request_mode(*requested);
  EXPECT_EQ(mode_in(c, encode(*e, in)), 2);
  // Not in the set: as if it had not been said.
  e->request_mode(3);
  EXPECT_EQ(mode_in(c, encode(*e, in)), 2);
  e->request_mode(15);
  EXPECT_EQ(mode_in(c, encode(*e, in)), 2);
}

TEST(Amr, ModesChangeAtThePeriodAndToTheNeighbourWhenThePeerCanDoNoMore) {
  const auto c = amr("mode-set=0,2,5,7; mode-change-period=2; mode-change-neighbor=1");
  auto [e, d] = pair(c, 8000);
  const Pcm in = voice(8000, 160);
  std::vector<int> modes;
  for (int i = 0; i < 9; ++i) {
    if (i == 1) e->request_mode(0);
    modes.push_back(mode_in(c, encode(*e, in)));
  }
  EXPECT_EQ(modes, (std::vector<int>{7, 7, 5, 5, 2, 2, 0, 0, 0}));
}

TEST(Amr, SilenceIsDescribedAndHeardAsComfortNoise) {
  for (const auto& c : {amr(), wide()}) {
    auto [e, d] = pair(c, c.clock, {.dtx = true});
    Pcm noise(c.clock * 3);
    std::uint32_t random = 1;
    for (auto& s : noise)
      s = static_cast<std::int16_t>((random = random * 1664525 + 1013904223) >> 26);
    const std::size_t packet = c.clock / 50;
    int sent = 0;
    int sids = 0;
    std::array<std::int16_t, kMaxSamples> out;
    for (std::size_t at = 0; at + packet <= noise.size(); at += packet) {
      const Bytes payload = encode(*e, std::span(noise).subspan(at, packet));
      if (payload.empty()) continue;
      ++sent;
      sids += mode_in(c, payload) == amr::sid_type(c.clock == 16000) ? 1 : 0;
      ASSERT_EQ(d->decode(payload, out), packet);
    }
    EXPECT_LT(sent, 80) << c.name;
    EXPECT_GT(sids, 3) << c.name;
    const auto rest = std::span(out).first(packet);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(d->comfort(rest)) << c.name;
    EXPECT_GT(rms(rest), 1) << c.name;
    EXPECT_LT(rms(rest), 200) << c.name;
  }
}

TEST(Amr, BeforeAnySilenceIsDescribedThereIsNoComfortNoise) {
  auto [e, d] = pair(amr(), 8000);
  Pcm out(160, 5);
  EXPECT_FALSE(d->comfort(out));
  EXPECT_EQ(out[0], 5);
}

TEST(Amr, LostAndBadFramesAreConcealedAndFade) {
  for (const auto& c : {amr(), wide()}) {
    auto [e, d] = pair(c, c.clock);
    const std::size_t packet = c.clock / 50;
    const Pcm in = voice(c.clock, packet * 20);
    std::array<std::int16_t, kMaxSamples> out;
    Bytes payload;
    for (std::size_t at = 0; at < in.size(); at += packet) {
      payload = encode(*e, std::span(in).subspan(at, packet));
      ASSERT_EQ(d->decode(payload, out), packet);
    }
    // Q of the only frame: bit 9 of a bandwidth-efficient payload.
    Bytes bad = payload;
    bad[1] &= std::byte{0b1011'1111};
    ASSERT_EQ(d->decode(bad, out), packet);
    Pcm gap(packet);
    // Not a whole frame at a time, too.
    for (int i = 0; i < 60; ++i) d->conceal(std::span(gap).first(packet / 2), {});
    EXPECT_EQ(rms(std::span(gap).first(packet / 2)), 0) << c.name;
  }
}

TEST(Amr, ThePayloadOfTheOtherFormatIsRefused) {
  auto [e, unused] = pair(amr("octet-align=1"), 8000);
  auto [unused2, d] = pair(amr(), 8000);
  std::array<std::int16_t, kMaxSamples> out;
  EXPECT_EQ(d->decode(encode(*e, voice(8000, 160)), out), 0U);
}

}  // namespace
}  // namespace causeway::codec
