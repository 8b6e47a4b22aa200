#include "tone/dtmf_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "support.h"

namespace causeway::tone {
namespace {

using namespace test;

constexpr double kRows[] = {697, 770, 852, 941};
constexpr double kColumns[] = {1209, 1336, 1477, 1633};
constexpr std::uint8_t kEvents[4][4] = {
    {1, 2, 3, 12}, {4, 5, 6, 13}, {7, 8, 9, 14}, {10, 0, 11, 15}};

struct Heard {
  std::vector<int> digits;
  std::vector<double> ms;
  int unfinished = 0;
};

// In packets of 20 ms, in place.
Heard listen(Pcm& pcm, std::uint32_t rate,
             DtmfDetector::Audio audio = DtmfDetector::Audio::kBlank) {
  DtmfDetector d(rate, audio);
  Heard h;
  for (std::size_t i = 0; i < pcm.size(); i += rate / 50) {
    const auto part = std::span(pcm).subspan(i, std::min<std::size_t>(rate / 50, pcm.size() - i));
    for (const auto& e : d.process(part)) {
      if (e.begin) {
        h.digits.push_back(e.event);
        ++h.unfinished;
      } else {
        EXPECT_EQ(e.event, h.digits.back());
        h.ms.push_back(static_cast<double>(e.duration.count()) / 1000);
        --h.unfinished;
      }
    }
  }
  return h;
}

Pcm digit(std::size_t row, std::size_t column, double ms, std::uint32_t rate, double low = -10,
          double high = -10, double off_low = 0, double off_high = 0) {
  return sines(
      {{kRows[row] * (1 + off_low / 100), low}, {kColumns[column] * (1 + off_high / 100), high}},
      ms, rate);
}

Pcm between_silences(const Pcm& tone, std::uint32_t rate, double before = 100) {
  Pcm p = silence(before, rate);
  append(p, tone);
  append(p, silence(120, rate));
  return p;
}

struct Levels {
  double low;
  double high;
};
// Overall level and twist at the corners of what must be accepted.
constexpr Levels kLevels[] = {{-4, -4},   {-8, -4},   {-4, -12},  {-20, -20}, {-24, -20},
                              {-20, -28}, {-36, -36}, {-36, -32}, {-28, -36}};

TEST(DtmfDetector, EveryDigitWithinTheLimitsIsHeardOnceThroughEveryLaw) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u})
    for (std::size_t i = 0; i < 16; ++i)
      for (const auto& l : kLevels)
        for (const double off : {-1.5, 0.0, 1.5})
          for (const Law law : {Law::kNone, Law::kA, Law::kU}) {
            // Begins anywhere within a hop of the detector.
            const double before = 100 + static_cast<double>(i) * 0.375;
            Pcm p = between_silences(
                digit(i / 4, i % 4, 40, rate, l.low, l.high, off, i % 2 == 0 ? off : -off), rate,
                before);
            compand(p, law);
            const Heard h = listen(p, rate);
            ASSERT_EQ(h.digits, std::vector<int>{kEvents[i / 4][i % 4]})
                << rate << " Hz, digit " << i << ", " << l.low << "/" << l.high << " dBm0, " << off
                << " %";
            ASSERT_EQ(h.unfinished, 0);
            EXPECT_NEAR(h.ms[0], 40, 10);
            if (law == Law::kNone) {
              EXPECT_EQ(level(p), -100) << "something of the digit was left in the audio";
            }
          }
}

TEST(DtmfDetector, AtFullLevelWhereTheTwoTogetherClip) {
  for (std::size_t i = 0; i < 16; ++i) {
    Pcm p = between_silences(digit(i / 4, i % 4, 40, 8'000, 0, 0), 8'000);
    EXPECT_EQ(listen(p, 8'000).digits, std::vector<int>{kEvents[i / 4][i % 4]});
  }
}

TEST(DtmfDetector, FrequenciesThatAreThreeAndAHalfPercentOffAreNoDigit) {
  for (std::size_t i = 0; i < 16; ++i)
    for (const double low : {-3.5, 0.0, 3.5})
      for (const double high : {-3.5, 0.0, 3.5}) {
        if (low == 0 && high == 0) continue;
        Pcm p = between_silences(digit(i / 4, i % 4, 200, 8'000, -10, -10, low, high), 8'000);
        EXPECT_TRUE(listen(p, 8'000).digits.empty()) << i << " " << low << " " << high;
      }
}

TEST(DtmfDetector, TooWeakTooShortTooUnevenAndSingleTonesAreNoDigit) {
  const auto none = [](Pcm p) {
    p = between_silences(p, 8'000);
    return listen(p, 8'000).digits.empty();
  };
  EXPECT_TRUE(none(digit(1, 1, 200, 8'000, -55, -55)));
  EXPECT_TRUE(none(digit(1, 1, 23, 8'000)));
  EXPECT_TRUE(none(digit(1, 1, 200, 8'000, -20, -8)));
  EXPECT_TRUE(none(digit(1, 1, 200, 8'000, -8, -24)));
  EXPECT_TRUE(none(sines({{770, -10}}, 200, 8'000)));
  EXPECT_TRUE(none(sines({{1336, -10}}, 200, 8'000)));
  EXPECT_TRUE(none(sines({{697, -10}, {941, -10}}, 200, 8'000)));
  EXPECT_TRUE(none(sines({{697, -10}, {941, -10}, {1336, -10}}, 200, 8'000)));
}

TEST(DtmfDetector, TrainsOfFortyOnFortyOffAreNeitherDoubledNorLost) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u}) {
    Pcm p = silence(100, rate);
    std::vector<int> sent;
    for (int i = 0; i < 64; ++i) {
      const auto k = static_cast<std::size_t>(i < 16 ? i : i < 24 ? 5 : i * 7 % 16);
      sent.push_back(kEvents[k / 4][k % 4]);
      append(p, digit(k / 4, k % 4, 40, rate));
      append(p, silence(40, rate));
    }
    append(p, silence(100, rate));
    EXPECT_EQ(listen(p, rate).digits, sent) << rate;
    EXPECT_EQ(level(p), -100);
  }
}

TEST(DtmfDetector, NoiseTwelveDecibelsUnderDoesNotHideADigit) {
  SeededRandom random(4);
  for (int i = 0; i < 160; ++i) {
    const auto k = static_cast<std::size_t>(i % 16);
    Pcm p = between_silences(digit(k / 4, k % 4, 40, 8'000, -15, -15), 8'000,
                             60 + static_cast<double>(random.below(40)) / 8);
    add_noise(p, -24, random);
    EXPECT_EQ(listen(p, 8'000).digits, std::vector<int>{kEvents[k / 4][k % 4]});
  }
}

TEST(DtmfDetector, ABreakOfTenMillisecondsDoesNotMakeTwoDigits) {
  Pcm p = silence(100, 8'000);
  append(p, digit(2, 1, 60, 8'000));
  append(p, silence(10, 8'000));
  append(p, digit(2, 1, 60, 8'000));
  append(p, silence(200, 8'000));
  const Heard h = listen(p, 8'000);
  EXPECT_EQ(h.digits, std::vector<int>{8});
  EXPECT_NEAR(h.ms[0], 130, 10);
}

TEST(DtmfDetector, DurationsAreThoseOfTheTone) {
  for (const double ms : {50.0, 100.0, 333.0, 2000.0}) {
    Pcm p = between_silences(digit(0, 0, ms, 16'000), 16'000);
    const Heard h = listen(p, 16'000);
    ASSERT_EQ(h.ms.size(), 1u);
    EXPECT_NEAR(h.ms[0], ms, 10);
  }
}

TEST(DtmfDetector, AudioWithoutDigitsIsOnlyDelayed) {
  SeededRandom random(3);
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u}) {
    Pcm p = silence(500, rate);
    add_noise(p, -20, random);
    const Pcm before = p;
    listen(p, rate);
    const auto by = static_cast<std::ptrdiff_t>(rate * DtmfDetector::kLookBack / Seconds(1));
    EXPECT_TRUE(std::equal(p.begin() + by, p.end(), before.begin()));
    Pcm kept = before;
    listen(kept, rate, DtmfDetector::Audio::kKeep);
    EXPECT_EQ(kept, before);
  }
}

TEST(DtmfDetector, AnInterruptedStreamEndsTheDigit) {
  DtmfDetector d(8'000);
  Pcm p = digit(0, 0, 100, 8'000);
  EXPECT_EQ(d.process(p).size(), 1u);
  EXPECT_TRUE(d.active());
  const auto end = d.finish();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->begin);
  EXPECT_EQ(end->event, 1);
  EXPECT_FALSE(d.finish());
}

TEST(DtmfDetector, BetweenWordsDigitsAreHeardAndNothingOfThemIsLeft) {
  Pcm words = reading("en-gb", 20);
  if (words.empty()) GTEST_SKIP() << "espeak-ng is not installed";
  std::vector<int> sent;
  std::vector<std::size_t> at;
  for (int i = 0; i < 32; ++i) {
    // Cut in: the words stop where the digit begins and go on after it.
    const auto k = static_cast<std::size_t>(i % 16);
    const Pcm tone = digit(k / 4, k % 4, 60, 8'000, -12, -12);
    at.push_back(static_cast<std::size_t>(4'000 + i * 4'801));
    std::copy(tone.begin(), tone.end(), words.begin() + static_cast<std::ptrdiff_t>(at.back()));
    sent.push_back(kEvents[k / 4][k % 4]);
  }
  EXPECT_EQ(listen(words, 8'000).digits, sent);
  for (const std::size_t start : at) {
    const std::size_t out = start + 8'000 * DtmfDetector::kLookBack / Seconds(1);
    // The last 10 ms of the tone may fade into what follows it.
    EXPECT_EQ(level(std::span(words).subspan(out, 480)), -100);
  }
}

// The soak sets CAUSEWAY_SPEECH_SECONDS to an hour over all voices.
TEST(DtmfDetector, SpeechIsNoDigit) {
  const char* const asked = std::getenv("CAUSEWAY_SPEECH_SECONDS");
  const double each =
      (asked != nullptr ? std::atof(asked) : 120) / static_cast<double>(voices().size());
  double seconds = 0;
  for (const auto& voice : voices()) {
    const Pcm& p = reading(voice, each);
    if (p.empty()) GTEST_SKIP() << "espeak-ng is not installed";
    seconds += static_cast<double>(p.size()) / 8'000;
    for (const Law law : {Law::kNone, Law::kA}) {
      Pcm copy = p;
      compand(copy, law);
      EXPECT_TRUE(listen(copy, 8'000).digits.empty()) << voice;
    }
  }
  RecordProperty("seconds", static_cast<int>(seconds));
}

}  // namespace
}  // namespace causeway::tone
