#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "support.h"
#include "tone/cadence.h"
#include "tone/dtmf_detector.h"
#include "tone/dtmf_generator.h"
#include "tone/level.h"

namespace causeway::tone {
namespace {

using namespace test;

// Level of one frequency over a stretch, dBm0.
double at(std::span<const std::int16_t> pcm, double hertz, std::uint32_t rate) {
  double re = 0;
  double im = 0;
  for (std::size_t n = 0; n < pcm.size(); ++n) {
    const double w = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * (static_cast<double>(n) + 0.5) /
                                          static_cast<double>(pcm.size()));
    const double turn = 2 * std::numbers::pi * hertz * static_cast<double>(n) / rate;
    re += w * pcm[n] * std::cos(turn);
    im += w * pcm[n] * std::sin(turn);
  }
  const double scale = 4 / static_cast<double>(pcm.size());
  return dbm0_of((re * re + im * im) * scale * scale);
}

struct Digit {
  int event;
  double ms;
};
std::vector<Digit> detect(Pcm pcm, std::uint32_t rate) {
  DtmfDetector d(rate);
  std::vector<Digit> out;
  for (std::size_t i = 0; i < pcm.size(); i += rate / 50)
    for (const auto& e :
         d.process(std::span(pcm).subspan(i, std::min<std::size_t>(rate / 50, pcm.size() - i))))
      if (!e.begin) out.push_back({e.event, static_cast<double>(e.duration.count()) / 1000});
  return out;
}

TEST(DtmfGenerator, EveryDigitIsHeardThroughEveryLawAndRateAtFortyOnFortyOff) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u})
    for (const Law law : {Law::kNone, Law::kA, Law::kU}) {
      DtmfGenerator g(rate, {.gap = Millis(40)});
      for (std::uint8_t e = 0; e < 16; ++e) EXPECT_TRUE(g.play(e, Millis(40)));
      Pcm p = silence(1'500, rate);
      for (std::size_t i = 0; i < p.size(); i += rate / 50)
        g.fill(std::span(p).subspan(i, rate / 50));
      EXPECT_FALSE(g.busy());
      compand(p, law);
      const auto heard = detect(p, rate);
      ASSERT_EQ(heard.size(), 16u) << rate;
      for (int e = 0; e < 16; ++e) EXPECT_EQ(heard[static_cast<std::size_t>(e)].event, e);
    }
}

TEST(DtmfGenerator, FrequenciesAndLevelsAreExact) {
  DtmfGenerator g(8'000);
  g.play(5, Millis(500));
  Pcm p = silence(500, 8'000);
  EXPECT_TRUE(g.fill(p));
  const auto middle = std::span(p).subspan(800, 2'400);
  EXPECT_NEAR(at(middle, 770, 8'000), -7, 0.05);
  EXPECT_NEAR(at(middle, 1'336, 8'000), -7, 0.05);
  EXPECT_LT(at(middle, 2'106, 8'000), -70);
}

TEST(DtmfGenerator, OpenDigitsLastUntilStoppedOrAsLongAsWasReported) {
  const auto lasts = [](std::optional<Micros> told, double wait) {
    DtmfGenerator g(8'000);
    g.start(3);
    Pcm p = silence(wait, 8'000);
    g.fill(p);
    g.stop(told);
    Pcm rest = silence(500, 8'000);
    g.fill(rest);
    EXPECT_FALSE(g.busy());
    append(p, rest);
    const auto heard = detect(p, 8'000);
    return heard.size() == 1 ? heard[0].ms : -1;
  };
  EXPECT_NEAR(lasts(std::nullopt, 200), 200, 12);
  EXPECT_NEAR(lasts(Millis(240), 200), 240, 12);
  EXPECT_NEAR(lasts(std::nullopt, 5), 40, 12);
  EXPECT_NEAR(lasts(std::nullopt, 0), 40, 12);
}

TEST(DtmfGenerator, TheQueueIsBoundedAndOtherAudioIsLeftAlone) {
  DtmfGenerator g(8'000);
  Pcm p(160, 77);
  EXPECT_FALSE(g.fill(p));
  EXPECT_EQ(p, Pcm(160, 77));
  EXPECT_FALSE(g.play(16));
  for (std::size_t i = 0; i < DtmfGenerator::kQueue; ++i) EXPECT_TRUE(g.play(1));
  EXPECT_FALSE(g.play(1));
  EXPECT_FALSE(g.start(1));
  EXPECT_TRUE(g.fill(p));
  g.clear();
  Pcm rest(1'000, 77);
  g.fill(rest);
  EXPECT_EQ(rest.back(), 77);
  EXPECT_FALSE(g.busy());
}

TEST(Cadence, WhatIsWrittenIsReadBackAndNonsenseIsRefusedWithAReason) {
  for (const auto country : countries())
    for (const Signal s : {Signal::kRingback, Signal::kBusy, Signal::kCongestion}) {
      const Cadence* c = cadence_of(country, s);
      ASSERT_NE(c, nullptr);
      ASSERT_GT(c->count, 0) << country;
      Cadence read = parse_cadence(to_string(*c)).value();
      read.level = c->level;
      EXPECT_EQ(read, *c);
    }
  for (const char* bad :
       {"", "425", "425/", "425/5", "x/100", "1+2+3/100", "0+425/100", "425+0/100", "5000/100",
        "425/100000", "1/10,1/10,1/10,1/10,1/10,1/10,1/10,1/10,1/10"}) {
    const auto r = parse_cadence(bad);
    ASSERT_FALSE(r) << bad;
    EXPECT_NE(r.error().what.find("cadence"), std::string::npos);
  }
}

// E.180 Supplement 2, as a person reads it there.
TEST(Cadence, CountriesSoundAsTheirNetworksDo) {
  struct Case {
    const char* country;
    const char* ringback;
    const char* busy;
  };
  for (const Case& c : {Case{"gb", "400+450/400,0/200,400+450/400,0/2000", "400/375,0/375"},
                        Case{"UK", "400+450/400,0/200,400+450/400,0/2000", "400/375,0/375"},
                        Case{"us", "440+480/2000,0/4000", "480+620/500,0/500"},
                        Case{"DE", "425/1000,0/4000", "425/480,0/480"},
                        Case{"FR", "440/1500,0/3500", "440/500,0/500"},
                        Case{"ES", "425/1500,0/3000", "425/200,0/200"},
                        Case{"SE", "425/1000,0/5000", "425/250,0/250"}}) {
    EXPECT_EQ(to_string(*cadence_of(c.country, Signal::kRingback)), c.ringback) << c.country;
    EXPECT_EQ(to_string(*cadence_of(c.country, Signal::kBusy)), c.busy) << c.country;
  }
  for (const char* c : {"GB", "US", "DE", "FR", "IT", "ES", "NL", "BE", "SE", "NO", "DK", "FI",
                        "CH", "AT", "IE", "PL", "PT"})
    EXPECT_NE(cadence_of(c, Signal::kCongestion), nullptr) << c;
  EXPECT_EQ(cadence_of("XX", Signal::kBusy), nullptr);
  EXPECT_EQ(cadence_of("", Signal::kBusy), nullptr);
  EXPECT_EQ(recommended_cadence(Signal::kBusy).period(), Millis(1'000));
}

TEST(TonePlayer, FrequencyLevelAndRhythmAreThoseOfTheTableThroughEveryLaw) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u})
    for (const Law law : {Law::kNone, Law::kA, Law::kU}) {
      TonePlayer player(rate, *cadence_of("GB", Signal::kRingback));
      Pcm p = silence(6'000, rate);
      for (std::size_t i = 0; i < p.size(); i += rate / 50)
        player.fill(std::span(p).subspan(i, rate / 50));
      compand(p, law);
      const auto part = [&](double from, double to) {
        return std::span(p).subspan(static_cast<std::size_t>(from * rate / 1000),
                                    static_cast<std::size_t>((to - from) * rate / 1000));
      };
      for (const double period : {0.0, 3'000.0}) {
        for (const auto& on : {part(period + 50, period + 350), part(period + 650, period + 950)}) {
          EXPECT_NEAR(at(on, 400, rate), -10, 0.2);
          EXPECT_NEAR(at(on, 450, rate), -10, 0.2);
        }
        EXPECT_LT(level(part(period + 410, period + 590)), -60);
        EXPECT_LT(level(part(period + 1'010, period + 2'990)), -60);
      }
    }
}

TEST(TonePlayer, ASteadyToneHasNoSeamAndAnEmptyOneIsSilent) {
  TonePlayer player(8'000, parse_cadence("440/100").value());
  Pcm p = silence(1'000, 8'000);
  player.fill(p);
  for (std::size_t i = 800; i + 80 < p.size(); i += 80)
    EXPECT_NEAR(level(std::span(p).subspan(i, 80)), -10, 1) << i;
  TonePlayer none(8'000, Cadence{});
  none.fill(p);
  EXPECT_EQ(level(p), -100);
}

}  // namespace
}  // namespace causeway::tone
