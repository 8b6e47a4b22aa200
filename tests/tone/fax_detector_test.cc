#include "tone/fax_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "support.h"
#include "tone/dtmf_generator.h"
#include "tone/level.h"

namespace causeway::tone {
namespace {

using namespace test;
using Found = std::vector<FaxTone>;

Found listen(const Pcm& pcm, std::uint32_t rate = 8'000) {
  FaxDetector d(rate);
  Found out;
  for (std::size_t i = 0; i < pcm.size(); i += rate / 50)
    if (const auto t =
            d.process(std::span(pcm).subspan(i, std::min<std::size_t>(rate / 50, pcm.size() - i))))
      out.push_back(*t);
  return out;
}

// 2100 Hz with phase reversals and amplitude modulation, as asked.
Pcm answer(double ms, bool reversals, bool modulated, std::uint32_t rate = 8'000,
           double hertz = 2'100, double dbm0 = -12) {
  Pcm out = silence(ms, rate);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double t = static_cast<double>(n) / rate;
    double v = amplitude_of(dbm0) * std::sin(2 * std::numbers::pi * hertz * t);
    if (reversals && static_cast<int>(t / 0.45) % 2 == 1) v = -v;
    if (modulated) v *= 1 + 0.2 * std::sin(2 * std::numbers::pi * 15 * t);
    out[n] = to_pcm(v);
  }
  return out;
}

// Flags of HDLC, 300 bit/s, 1650 Hz for a one and 1850 for a zero, without a break in phase.
Pcm preamble(double ms, std::uint32_t rate = 8'000, double dbm0 = -15) {
  Pcm out = silence(ms, rate);
  double phase = 0;
  for (std::size_t n = 0; n < out.size(); ++n) {
    const auto bit = static_cast<std::size_t>(static_cast<double>(n) * 300 / rate) % 8;
    phase += 2 * std::numbers::pi * (bit == 0 || bit == 7 ? 1'850 : 1'650) / rate;
    out[n] = to_pcm(amplitude_of(dbm0) * std::sin(phase));
  }
  return out;
}

Pcm padded(const Pcm& tone, std::uint32_t rate = 8'000) {
  Pcm p = silence(203, rate);
  append(p, tone);
  append(p, silence(400, rate));
  return p;
}

Pcm through(Pcm pcm, Law law) {
  compand(pcm, law);
  return pcm;
}

TEST(FaxDetector, AnsweringTonesAreToldApartThroughEveryLawAndRate) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u})
    for (const Law law : {Law::kNone, Law::kA, Law::kU})
      for (const double hertz : {2'086.0, 2'100.0, 2'114.0})
        for (const double dbm0 : {-6.0, -20.0, -38.0}) {
          const auto heard = [&](bool reversals, bool modulated) {
            return listen(
                through(padded(answer(3'000, reversals, modulated, rate, hertz, dbm0), rate), law),
                rate);
          };
          EXPECT_EQ(heard(false, false), Found{FaxTone::kCed})
              << rate << " " << hertz << " " << dbm0;
          EXPECT_EQ(heard(true, false).back(), FaxTone::kCedReversed) << rate << " " << hertz;
          EXPECT_EQ(heard(false, true), Found{FaxTone::kAnsAm})
              << rate << " " << hertz << " " << dbm0;
          EXPECT_EQ(heard(true, true).back(), FaxTone::kAnsAmReversed) << rate << " " << hertz;
        }
}

TEST(FaxDetector, AnsweringToneIsKnownWithinHalfASecond) {
  FaxDetector d(8'000);
  const Pcm p = answer(500, false, false);
  EXPECT_EQ(d.process(p), FaxTone::kCed);
}

TEST(FaxDetector, CallingToneIsHalfASecondOfElevenHundred) {
  for (const double hertz : {1'062.0, 1'100.0, 1'138.0})
    for (const double ms : {425.0, 500.0, 575.0})
      for (const Law law : {Law::kNone, Law::kA, Law::kU})
        for (const double dbm0 : {-6.0, -38.0})
          EXPECT_EQ(listen(through(padded(sines({{hertz, dbm0}}, ms, 8'000)), law)),
                    Found{FaxTone::kCng})
              << hertz << " Hz " << ms << " ms " << dbm0;
  EXPECT_TRUE(listen(padded(sines({{1'100, -10}}, 3'000, 8'000))).empty());
  EXPECT_TRUE(listen(padded(sines({{1'100, -10}}, 200, 8'000))).empty());
  EXPECT_TRUE(listen(padded(sines({{1'200, -10}}, 500, 8'000))).empty());
}

TEST(FaxDetector, FlagsOfAFaxThatDoesNotAnnounceItself) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u})
    for (const Law law : {Law::kNone, Law::kA, Law::kU})
      for (const double dbm0 : {-6.0, -20.0, -38.0})
        EXPECT_EQ(listen(through(padded(preamble(1'000, rate, dbm0), rate), law), rate),
                  Found{FaxTone::kV21Preamble})
            << rate << " " << dbm0;
}

TEST(FaxDetector, NoiseTwentyDecibelsUnderHidesNone) {
  SeededRandom random(9);
  const auto noisy = [&random](Pcm p) {
    p = padded(p);
    add_noise(p, -35, random);
    return listen(p);
  };
  EXPECT_EQ(noisy(answer(2'000, false, false)), Found{FaxTone::kCed});
  EXPECT_EQ(noisy(answer(2'000, true, true)).back(), FaxTone::kAnsAmReversed);
  EXPECT_EQ(noisy(sines({{1'100, -15}}, 500, 8'000)), Found{FaxTone::kCng});
  EXPECT_EQ(noisy(preamble(1'000)), Found{FaxTone::kV21Preamble});
}

TEST(FaxDetector, DigitsAndCallProgressAreNoFax) {
  DtmfGenerator g(8'000);
  for (int round = 0; round < 2; ++round)
    for (std::uint8_t e = 0; e < 16; ++e) g.play(e, Millis(round == 0 ? 100 : 600));
  Pcm p = silence(30'000, 8'000);
  g.fill(p);
  EXPECT_TRUE(listen(p).empty());
  EXPECT_TRUE(listen(padded(sines({{425, -10}}, 1'000, 8'000))).empty());
  EXPECT_TRUE(listen(padded(sines({{2'060, -10}}, 1'000, 8'000))).empty());
}

TEST(FaxDetector, SpeechIsNoFax) {
  const char* const asked = std::getenv("CAUSEWAY_SPEECH_SECONDS");
  const double each =
      (asked != nullptr ? std::atof(asked) : 120) / static_cast<double>(voices().size());
  for (const auto& voice : voices()) {
    const Pcm& p = reading(voice, each);
    if (p.empty()) GTEST_SKIP() << "espeak-ng is not installed";
    EXPECT_TRUE(listen(p).empty()) << voice;
  }
}

}  // namespace
}  // namespace causeway::tone
