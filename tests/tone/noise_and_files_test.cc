#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support.h"
#include "tone/comfort_noise.h"
#include "tone/level.h"
#include "tone/wav.h"

namespace causeway::tone {
namespace {

using namespace test;

// --- comfort noise ---

// Correlation of neighbours: 1 is a rumble, 0 white, -1 a hiss.
double tilt(std::span<const std::int16_t> pcm) {
  double zero = 0;
  double one = 0;
  for (std::size_t i = 1; i < pcm.size(); ++i) {
    zero += double{1} * pcm[i] * pcm[i];
    one += double{1} * pcm[i] * pcm[i - 1];
  }
  return one / zero;
}

// White noise through a filter of one pole.
Pcm coloured(double pole, double dbm0, std::uint64_t seed) {
  SeededRandom random(seed);
  Pcm p = silence(2'000, 8'000);
  add_noise(p, dbm0, random);
  double y = 0;
  for (auto& x : p) {
    y = x + pole * y;
    x = to_pcm(y);
  }
  return p;
}

TEST(ComfortNoise, WhatIsGeneratedHasTheLevelAndTheColourOfWhatWasHeard) {
  for (const double pole : {-0.8, -0.3, 0.0, 0.5, 0.9})
    for (const double dbm0 : {-30.0, -45.0, -60.0}) {
      const Pcm heard = coloured(pole, dbm0, 5);
      ComfortNoiseEncoder encoder;
      for (std::size_t i = 0; i < heard.size(); i += 160)
        encoder.add(std::span(heard).subspan(i, 160));
      std::array<std::byte, kMaxNoisePayload> payload{};
      ASSERT_EQ(encoder.encode(payload), payload.size());
      ComfortNoiseGenerator generator(7);
      ASSERT_TRUE(generator.update(payload));
      Pcm made = silence(2'000, 8'000);
      for (std::size_t i = 0; i < made.size(); i += 160)
        generator.fill(std::span(made).subspan(i, 160));
      EXPECT_NEAR(level(made), level(heard), 1.6) << pole << " " << dbm0;
      EXPECT_NEAR(tilt(made), tilt(heard), 0.12) << pole << " " << dbm0;
    }
}

TEST(ComfortNoise, TheLevelIsInDecibelsUnderOverload) {
  // RFC 3389 3: a square wave at full scale is 0 dBov.
  ComfortNoiseEncoder e;
  EXPECT_EQ(e.level(), 127);
  e.add(Pcm(160, 32'767));
  EXPECT_EQ(e.level(), 0);
  e.reset();
  e.add(Pcm(160, 328));
  EXPECT_EQ(e.level(), 40);
  e.reset();
  e.add(Pcm(160, 0));
  EXPECT_EQ(e.level(), 127);
  std::array<std::byte, 1> payload{};
  EXPECT_EQ(e.encode(payload, 0), 1u);
  EXPECT_EQ(payload[0], std::byte{127});
  EXPECT_EQ(e.encode(payload, 10), 0u);
}

TEST(ComfortNoise, ALevelAloneIsWhiteNoiseOfThatLevel) {
  for (const int dbov : {30, 50, 70}) {
    ComfortNoiseGenerator g;
    const std::byte payload[] = {static_cast<std::byte>(dbov)};
    ASSERT_TRUE(g.update(payload));
    Pcm p = silence(1'000, 8'000);
    g.fill(p);
    // A square wave carries 3 dB more than a sine of its height.
    EXPECT_NEAR(level(p), -dbov + 3.01 + kOverloadDbm0, 0.5) << dbov;
    EXPECT_NEAR(tilt(p), 0, 0.05);
  }
}

TEST(ComfortNoise, AnyPayloadGivesBoundedNoise) {
  ComfortNoiseGenerator g;
  EXPECT_FALSE(g.update({}));
  const std::byte reserved[] = {std::byte{0x80}};
  EXPECT_FALSE(g.update(reserved));
  SeededRandom random(3);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::byte> payload(1 + random.below(20));
    random.fill(payload);
    payload[0] = static_cast<std::byte>(40 + random.below(80));
    if (i % 5 == 0) std::fill(payload.begin() + 1, payload.end(), std::byte{255});
    ASSERT_TRUE(g.update(payload));
    Pcm p = silence(200, 8'000);
    g.fill(p);
    EXPECT_LT(level(std::span(p).last(800)), -40 + 6.15 + 14) << i;
  }
}

TEST(ComfortNoise, ANewDescriptionIsMovedToWithoutAStep) {
  ComfortNoiseGenerator g;
  const std::byte quiet[] = {std::byte{70}};
  const std::byte loud[] = {std::byte{35}};
  g.update(quiet);
  Pcm p = silence(100, 8'000);
  g.fill(p);
  g.update(loud);
  Pcm q = silence(100, 8'000);
  g.fill(q);
  EXPECT_LT(level(std::span(q).first(40)), level(std::span(q).last(400)) - 8);
  EXPECT_NEAR(level(std::span(q).last(400)), -35 + 6.15, 1);
}

// --- sound files ---

struct Wav {
  unsigned tag = 1;
  unsigned channels = 1;
  std::uint32_t rate = 8'000;
  unsigned bits = 16;
  std::vector<std::uint8_t> data;
  std::uint32_t claims = 0;  // length of the data chunk, when it lies
  bool extensible = false;
  bool odd_chunk_first = false;

  [[nodiscard]] std::vector<std::byte> file() const {
    std::vector<std::byte> f;
    const auto text = [&f](const char* s) {
      for (; *s != 0; ++s) f.push_back(static_cast<std::byte>(*s));
    };
    const auto number = [&f](std::uint32_t v, int bytes) {
      for (int i = 0; i < bytes; ++i) f.push_back(static_cast<std::byte>(v >> (8 * i)));
    };
    text("RIFF");
    number(0xffffffff, 4);
    text("WAVE");
    if (odd_chunk_first) {
      text("LIST");
      number(3, 4);
      text("abc");
      number(0, 1);
    }
    text("fmt ");
    number(extensible ? 40 : 16, 4);
    number(extensible ? 0xfffe : tag, 2);
    number(channels, 2);
    number(rate, 4);
    number(rate * channels * bits / 8, 4);
    number(channels * bits / 8, 2);
    number(bits, 2);
    if (extensible) {
      number(22, 2);
      number(bits, 2);
      number(4, 4);
      number(tag, 2);
      for (int i = 0; i < 14; ++i) number(0, 1);
    }
    text("data");
    number(claims != 0 ? claims : static_cast<std::uint32_t>(data.size()), 4);
    for (const auto b : data) f.push_back(static_cast<std::byte>(b));
    return f;
  }
};

Wav of(const Pcm& pcm, std::uint32_t rate, unsigned channels = 1) {
  Wav w{.channels = channels, .rate = rate};
  for (const auto x : pcm)
    for (unsigned c = 0; c < channels; ++c) {
      const int v = channels == 2 ? (c == 0 ? x * 2 : 0) : x;
      w.data.push_back(static_cast<std::uint8_t>(v));
      w.data.push_back(static_cast<std::uint8_t>(v >> 8));
    }
  return w;
}

TEST(WavFile, EveryUsualKindIsRead) {
  const Pcm pcm = sines({{440, -20}}, 300, 8'000);
  EXPECT_EQ(WavFile::parse(of(pcm, 8'000).file()).value().samples, pcm);
  const auto stereo = WavFile::parse(of(pcm, 44'100, 2).file()).value();
  EXPECT_EQ(stereo.rate, 44'100u);
  ASSERT_EQ(stereo.samples.size(), pcm.size());
  EXPECT_EQ(stereo.samples, pcm);
  Wav w = of(pcm, 8'000);
  w.extensible = w.odd_chunk_first = true;
  EXPECT_EQ(WavFile::parse(w.file()).value().samples, pcm);
  w.claims = 0xffffffff;  // written to a pipe
  EXPECT_EQ(WavFile::parse(w.file()).value().samples, pcm);
  Wav eight{.bits = 8, .data = {0, 128, 255}};
  EXPECT_EQ(WavFile::parse(eight.file()).value().samples, (Pcm{-32'768, 0, 32'512}));
  // G.711: the loudest and the softest of each sign.
  Wav a{.tag = 6, .bits = 8, .data = {0xaa, 0x2a, 0xd5, 0x55}};
  EXPECT_EQ(WavFile::parse(a.file()).value().samples, (Pcm{32'256, -32'256, 8, -8}));
  Wav u{.tag = 7, .bits = 8, .data = {0x80, 0x00, 0xff, 0xfe}};
  EXPECT_EQ(WavFile::parse(u.file()).value().samples, (Pcm{32'124, -32'124, 0, 8}));
}

TEST(WavFile, WhatCannotBePlayedIsRefusedWithAReason) {
  const auto why = [](const Wav& w) {
    const auto r = WavFile::parse(w.file());
    return r ? std::string("accepted") : r.error().what;
  };
  const Pcm pcm(100, 1);
  EXPECT_NE(why({.channels = 6, .data = {1, 2}}).find("6 channels"), std::string::npos);
  EXPECT_NE(why({.rate = 4'000, .data = {1, 2}}).find("4000 Hz"), std::string::npos);
  EXPECT_NE(why({.bits = 24, .data = {1, 2, 3}}).find("24 bits"), std::string::npos);
  EXPECT_NE(why({.tag = 85, .data = {1, 2}}).find("format 85"), std::string::npos);
  EXPECT_NE(why({.data = {}}).find("no sound"), std::string::npos);
  EXPECT_NE(why({.bits = 8, .data = std::vector<std::uint8_t>(8'000 * 300)}).find("longer than"),
            std::string::npos);
  EXPECT_FALSE(WavFile::parse({}));
  const auto file = of(pcm, 8'000).file();
  for (std::size_t n = 0; n < 44; ++n) EXPECT_FALSE(WavFile::parse(std::span(file).first(n))) << n;
  EXPECT_NE(WavFile::load("/nowhere/at-all.wav").error().what.find("/nowhere"), std::string::npos);
}

TEST(WavFile, PlaysAtAnyRateWithItsPitchAndLevelAndBeginsAnew) {
  const auto path =
      std::filesystem::temp_directory_path() / ("causeway-" + std::to_string(getpid()) + ".wav");
  const auto bytes = of(sines({{1'000, -15}}, 500, 44'100), 44'100).file();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const WavFile file = WavFile::load(path.string()).value();
  std::filesystem::remove(path);
  for (const std::uint32_t rate : {8'000u, 16'000u, 44'100u, 48'000u}) {
    ClipPlayer player(make_clip(file, rate));
    EXPECT_EQ(player.rate(), rate);
    Pcm p = silence(1'100, rate);
    for (std::size_t i = 0; i < p.size(); i += rate / 50)
      player.fill(std::span(p).subspan(i, std::min<std::size_t>(rate / 50, p.size() - i)));
    EXPECT_EQ(player.rounds(), 2u);
    const auto middle = std::span(p).subspan(rate / 10, rate / 5);
    EXPECT_NEAR(level(middle), -15, 0.1) << rate;
    int crossings = 0;
    for (std::size_t i = 1; i < middle.size(); ++i)
      crossings += (middle[i - 1] < 0) != (middle[i] < 0) ? 1 : 0;
    EXPECT_NEAR(crossings, 400, 2) << rate;
  }
}

TEST(WavFile, WhatAnEightKilohertzStreamCannotCarryDoesNotFoldIntoIt) {
  const WavFile file{48'000, sines({{6'000, -10}}, 300, 48'000)};
  EXPECT_LT(level(std::span(make_clip(file, 8'000)->samples).subspan(200, 1'600)), -60);
}

}  // namespace
}  // namespace causeway::tone
