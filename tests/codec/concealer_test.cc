#include "codec/concealer.h"

#include <gtest/gtest.h>

#include "codec/signals.h"

// The library's headers stand on the one named first, and bend <cmath>: they come last.
#include <spandsp/telephony.h>

#include <spandsp/plc.h>

namespace causeway::codec {
namespace {

using testing::Pcm;
using testing::rms;
using testing::snr;
using testing::tone;
using testing::voice;

// Every tenth packet of 20 ms is made up.
Pcm with_losses(const Pcm& in, std::uint32_t rate) {
  Concealer c(rate);
  Pcm out = in;
  const std::size_t packet = rate / 50;
  for (std::size_t i = 0; (i + 1) * packet <= in.size(); ++i) {
    const auto part = std::span(out).subspan(i * packet, packet);
    if (i % 10 == 9) {
      c.fill(part);
    } else {
      c.heard(part);
    }
  }
  return out;
}

TEST(Concealer, AToneGoesOnAtEveryRate) {
  for (const std::uint32_t rate : {8000U, 16000U, 24000U, 44100U, 48000U}) {
    const Pcm in = tone(200, rate, rate);
    EXPECT_GT(snr(in, with_losses(in, rate), 0), 14) << rate;
  }
}

TEST(Concealer, SpeechIsNoWorseThanWithTheLibrarysConcealment) {
#if defined(CAUSEWAY_SANITIZED)
  GTEST_SKIP() << "the library's concealment copies between ranges that overlap";
#endif
  const Pcm in = voice(8000, 40000);
  Pcm theirs = in;
  auto* plc = plc_init(nullptr);
  for (std::size_t i = 0; (i + 1) * 160 <= in.size(); ++i) {
    if (i % 10 == 9) {
      plc_fillin(plc, theirs.data() + i * 160, 160);
    } else {
      plc_rx(plc, theirs.data() + i * 160, 160);
    }
  }
  plc_free(plc);
  EXPECT_GT(snr(in, with_losses(in, 8000), 0), snr(in, theirs, 0) - 0.5);
}

TEST(Concealer, NoStepIsHeardWhereTheGuessBeginsOrEnds) {
  const Pcm in = tone(180, 16000, 16000, 6000);
  const Pcm out = with_losses(in, 16000);
  // A tone of this level never moves more than this from one sample to the next.
  for (std::size_t i = 1; i < out.size(); ++i) {
    ASSERT_LT(std::abs(out[i] - out[i - 1]), 1300) << i;
  }
}

TEST(Concealer, NothingHeardIsConcealedAsSilence) {
  Concealer c(8000);
  Pcm out(160, 77);
  c.fill(out);
  EXPECT_EQ(rms(out), 0);
}

TEST(Concealer, ALongGapIsSilent) {
  Concealer c(8000);
  Pcm in = voice(8000, 4000);
  c.heard(in);
  Pcm out(160);
  for (int i = 0; i < 3; ++i) c.fill(out);
  c.fill(out);
  EXPECT_EQ(rms(out), 0);
}

}  // namespace
}  // namespace causeway::codec
