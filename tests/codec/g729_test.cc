// G.729 through its plug-in, where that is built (CAUSEWAY_G729).
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "codec/codec.h"
#include "codec/signals.h"

extern "C" {
#include <bcg729/encoder.h>
// The decoder's header uses what the encoder's includes.
#include <bcg729/decoder.h>
}

namespace causeway::codec {
namespace {

using testing::Pcm;
using testing::rms;
using testing::voice;

const sdp::Codec kLine{PayloadType{18}, "G729", 8000, 1, ""};

TEST(G729, ComesOutAsFromTheLibraryItself) {
  auto e = *make_encoder(kLine, 8000, {});
  auto d = *make_decoder(kLine, 8000);
  auto* their_e = initBcg729EncoderChannel(0);
  auto* their_d = initBcg729DecoderChannel();
  const Pcm in = voice(8000, 16000);
  std::array<std::byte, kMaxPayload> payload;
  std::array<std::int16_t, kMaxSamples> ours;
  std::array<std::int16_t, 160> theirs;
  for (std::size_t at = 0; at + 160 <= in.size(); at += 160) {
    for (std::size_t half = 0; half < 160; half += 80) {
      std::array<std::uint8_t, 10> frame;
      std::uint8_t n = 0;
      bcg729Encoder(their_e, in.data() + at + half, frame.data(), &n);
      ASSERT_EQ(n, 10);
      bcg729Decoder(their_d, frame.data(), n, 0, 0, 0, theirs.data() + half);
    }
    ASSERT_EQ(e->encode(std::span(in).subspan(at, 160), payload), 20U);
    ASSERT_EQ(d->decode(std::span(payload).first(20), ours), 160U);
    ASSERT_TRUE(std::equal(theirs.begin(), theirs.end(), ours.begin())) << at;
  }
  EXPECT_GT(rms(theirs), 10);
  closeBcg729EncoderChannel(their_e);
  closeBcg729DecoderChannel(their_d);
}

TEST(G729, SilenceIsDescribedUnlessThePeerHasNoAnnexB) {
  const auto sent_of = [](const char* fmtp) {
    auto line = kLine;
    line.fmtp = fmtp;
    auto e = *make_encoder(line, 8000, {.dtx = true});
    auto d = *make_decoder(line, 8000);
    const Pcm silence(160, 3);
    std::array<std::byte, kMaxPayload> payload;
    std::array<std::int16_t, kMaxSamples> out;
    int sent = 0;
    for (int i = 0; i < 100; ++i) {
      const std::size_t n = e->encode(silence, payload);
      if (n == 0) continue;
      ++sent;
      EXPECT_GT(d->decode(std::span(payload).first(n), out), 0U);
    }
    return sent;
  };
  EXPECT_LT(sent_of(""), 30);
  EXPECT_EQ(sent_of("annexb=no"), 100);
}

TEST(G729, APayloadIsFramesAndOneDescriptionOfSilence) {
  auto d = *make_decoder(kLine, 8000);
  const std::vector<std::byte> bytes(200);
  std::array<std::int16_t, kMaxSamples> out;
  EXPECT_EQ(d->decode(std::span(bytes).first(22), out), 240U);
  EXPECT_EQ(d->decode(std::span(bytes).first(2), out), 80U);
  EXPECT_TRUE(d->comfort(std::span(out).first(160)));
  EXPECT_EQ(d->decode(std::span(bytes).first(15), out), 0U);
  EXPECT_EQ(d->decode(std::span(bytes).first(130), out), 0U);
}

}  // namespace
}  // namespace causeway::codec
