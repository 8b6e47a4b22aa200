// The codecs and the judge: a judge that cannot tell wrong from right proves nothing.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "lab/audio.h"
#include "lab/g711.h"
#include "lab/judge.h"

namespace causeway::lab {
namespace {

using namespace std::chrono_literals;

TEST(G711, known_values_of_the_itu_tables) {
  EXPECT_EQ(decode_alaw(0xd5), 8);
  EXPECT_EQ(decode_alaw(0x55), -8);
  EXPECT_EQ(decode_alaw(0xaa), 32256);
  EXPECT_EQ(decode_alaw(0x2a), -32256);
  EXPECT_EQ(decode_ulaw(0xff), 0);
  EXPECT_EQ(decode_ulaw(0x80), 32124);
  EXPECT_EQ(decode_ulaw(0x00), -32124);
  EXPECT_EQ(encode_alaw(0), 0xd5);
  EXPECT_EQ(encode_ulaw(0), 0xff);
}

TEST(G711, every_code_comes_back_as_itself) {
  for (int c = 0; c < 256; ++c) {
    const auto code = static_cast<std::uint8_t>(c);
    EXPECT_EQ(encode_alaw(decode_alaw(code)), code) << c;
    if (c == 0x7f) continue;  // the other zero of µ-law
    EXPECT_EQ(encode_ulaw(decode_ulaw(code)), code) << c;
  }
}

TEST(G711, the_error_stays_below_a_step) {
  for (int v = -32768; v < 32768; v += 7) {
    const auto pcm = static_cast<std::int16_t>(v);
    const int allowed = std::abs(v) / 16 + 16;
    EXPECT_LE(std::abs(decode_alaw(encode_alaw(pcm)) - v),
              allowed + (std::abs(v) > 32256 ? 512 : 0))
        << v;
    EXPECT_LE(std::abs(decode_ulaw(encode_ulaw(pcm)) - v),
              allowed + (std::abs(v) > 32124 ? 644 : 0))
        << v;
  }
}

// Frames every 20 ms from t = 0, through A-law as on the wire.
std::vector<Frame> frames_of(Sound sound, int count, int first = 0) {
  SoundSource source(sound);
  source.skip(static_cast<std::size_t>(first) * kFrameSamples);
  std::vector<Frame> out;
  for (int i = 0; i < count; ++i) {
    Frame f;
    f.at = Instant(Micros(20'000 * (first + i)));
    f.ssrc = 1;
    f.sequence = static_cast<std::uint16_t>(65'500 + first + i);  // wraps on the way
    f.timestamp = 4'294'960'000U + static_cast<std::uint32_t>((first + i) * kFrameSamples);
    source.fill(f.pcm);
    for (auto& s : f.pcm) s = decode_alaw(encode_alaw(s));
    out.push_back(f);
  }
  return out;
}

Stretch over(Millis from, Millis until, Sound sound) {
  return {Instant(from), Instant(until), sound};
}

TEST(Judge, knows_the_right_tone_from_another) {
  const auto frames = frames_of({Content::kTone, 440}, 100);
  EXPECT_TRUE(judge_stretch(frames, over(0ms, 2'000ms, {Content::kTone, 440})).good);
  EXPECT_FALSE(judge_stretch(frames, over(0ms, 2'000ms, {Content::kTone, 480})).good);
  EXPECT_FALSE(judge_stretch(frames, over(0ms, 2'000ms, {Content::kSpeech, 0})).good);
}

TEST(Judge, knows_silence_from_sound_and_from_nothing) {
  const auto silent = frames_of({Content::kNothing, 0}, 100);
  const auto loud = frames_of({Content::kTone, 440}, 100);
  const Sound silence{Content::kNothing, 0};
  EXPECT_TRUE(judge_stretch(silent, over(0ms, 2'000ms, silence)).good);
  EXPECT_TRUE(judge_stretch({}, over(0ms, 2'000ms, silence)).good);
  EXPECT_FALSE(judge_stretch(loud, over(0ms, 2'000ms, silence)).good);
  EXPECT_FALSE(judge_stretch(silent, over(0ms, 2'000ms, {Content::kTone, 440})).good);
  EXPECT_FALSE(judge_stretch({}, over(0ms, 2'000ms, {Content::kTone, 440})).good);  // one way
}

TEST(Judge, hears_audio_that_stops_half_way) {
  const auto frames = frames_of({Content::kTone, 440}, 30);
  EXPECT_FALSE(judge_stretch(frames, over(0ms, 2'000ms, {Content::kTone, 440})).good);
}

TEST(Judge, knows_its_speech_at_any_delay_and_nothing_else) {
  const Sound words{Content::kSpeech, 0};
  for (const int first : {0, 37, 90}) {
    const auto frames = frames_of(words, 110, first);
    const auto h =
        judge_stretch(frames, {frames.front().at, frames.back().at + Micros(20'000), words});
    EXPECT_TRUE(h.good) << h.what;
    EXPECT_GT(h.score, 0.98);
  }
  // The same words backwards have the same energy and spectrum.
  auto backwards = frames_of(words, 110);
  for (std::size_t i = 0; i < backwards.size() / 2; ++i)
    std::swap(backwards[i].pcm, backwards[backwards.size() - 1 - i].pcm);
  for (auto& f : backwards) std::reverse(f.pcm.begin(), f.pcm.end());
  EXPECT_FALSE(judge_stretch(backwards, over(0ms, 2'200ms, words)).good);
  EXPECT_FALSE(
      judge_stretch(frames_of({Content::kTone, 620}, 110), over(0ms, 2'200ms, words)).good);
}

TEST(Judge, counts_loss_duplicates_and_changes_of_ssrc) {
  auto frames = frames_of({Content::kTone, 440}, 100);
  EXPECT_EQ(quality_of(frames).lost, 0U);
  EXPECT_EQ(quality_of(frames).expected, 100U);
  EXPECT_LT(quality_of(frames).jitter_ms, 0.01);
  frames.erase(frames.begin() + 50, frames.begin() + 53);
  EXPECT_EQ(quality_of(frames).lost, 3U);
  frames.insert(frames.begin() + 10, frames[10]);
  EXPECT_EQ(quality_of(frames).duplicates, 1U);
  for (std::size_t i = 60; i < frames.size(); ++i) frames[i].ssrc = 2;
  EXPECT_EQ(quality_of(frames).ssrc_changes, 1U);
}

TEST(Judge, reordered_frames_are_neither_lost_nor_heard_wrong) {
  auto frames = frames_of({Content::kTone, 440}, 100);
  std::swap(frames[20].sequence, frames[21].sequence);
  std::swap(frames[20].timestamp, frames[21].timestamp);
  std::swap(frames[20].pcm, frames[21].pcm);
  EXPECT_EQ(quality_of(frames).lost, 0U);
  EXPECT_TRUE(judge_stretch(frames, over(0ms, 2'000ms, {Content::kTone, 440})).good);
}

TEST(Judge, measures_jitter) {
  auto frames = frames_of({Content::kTone, 440}, 200);
  for (std::size_t i = 0; i < frames.size(); i += 2) frames[i].at += Micros(10'000);
  EXPECT_NEAR(quality_of(frames).jitter_ms, 10, 1);
}

TEST(Audio, resampling_keeps_a_tone_and_removes_what_would_alias) {
  std::vector<std::int16_t> low, high;
  for (int i = 0; i < 22'050; ++i) {
    low.push_back(static_cast<std::int16_t>(8'000 * std::sin(2 * M_PI * 1'000 * i / 22'050.0)));
    high.push_back(static_cast<std::int16_t>(8'000 * std::sin(2 * M_PI * 6'000 * i / 22'050.0)));
  }
  const auto kept = resample_to_8k(low, 22'050);
  EXPECT_NEAR(static_cast<double>(kept.size()), 8'000, 2);
  EXPECT_GT(tone_share(kept, 1'000), 0.99);
  EXPECT_GT(rms(kept), 5'000);
  EXPECT_LT(rms(resample_to_8k(high, 22'050)), 60);
}

}  // namespace
}  // namespace causeway::lab
