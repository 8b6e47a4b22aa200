#include "media/streams.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace causeway::media {
namespace {

rtp::Header header(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp) {
  return {.ssrc = ssrc, .timestamp = timestamp, .sequence = sequence, .bytes = 12};
}

OutStream fresh() {
  OutStream o;
  o.ssrc = 9;
  o.highest = 100;
  o.last_ts = 5000;
  return o;
}

TEST(OutStream, GoesOnWithoutABreakWhenTheInputChanges) {
  OutStream o = fresh();
  auto n = number(o, header(1, 60'000, 1'000'000), 8000, 0);
  EXPECT_EQ(n->sequence, 100);
  EXPECT_EQ(n->timestamp, 5000u);
  EXPECT_TRUE(n->restarted);
  n = number(o, header(1, 60'001, 1'000'160), 8000, 20'000);
  EXPECT_EQ(n->sequence, 101);
  EXPECT_EQ(n->timestamp, 5160u);
  EXPECT_FALSE(n->restarted);
  n = number(o, header(2, 7, 3), 8000, 60'000);  // another source 40 ms later
  EXPECT_EQ(n->sequence, 102);
  EXPECT_EQ(n->timestamp, 5160u + 320);
  n = number(o, header(2, 20'000, 163), 8000, 80'000);  // the same source restarts its numbers
  EXPECT_EQ(n->sequence, 103);
  EXPECT_TRUE(n->restarted);
}

TEST(OutStream, LossAndReorderingOfTheInputStayVisible) {
  OutStream o = fresh();
  (void)number(o, header(1, 10, 0), 8000, 0);
  EXPECT_EQ(number(o, header(1, 13, 480), 8000, 60'000)->sequence, 103);
  EXPECT_EQ(number(o, header(1, 12, 320), 8000, 60'000)->sequence, 102);
  EXPECT_FALSE(
      number(o, header(1, 9, 0), 8000, 60'000));  // ours for it would be from before the start
}

TEST(OutStream, ALeapOfTheInputsClockIsNotPassedOn) {
  OutStream o = fresh();
  (void)number(o, header(1, 10, 0), 8000, 0);
  EXPECT_EQ(number(o, header(1, 11, 900'000), 8000, 20'000)->timestamp, 5160u);
  EXPECT_EQ(number(o, header(1, 12, 900'160), 8000, 40'000)->timestamp, 5320u);
  // Silence, honestly told, is.
  EXPECT_EQ(number(o, header(1, 13, 900'160 + 80'000), 8000, 10'040'000)->timestamp, 85'320u);
}

TEST(OutStream, ALongTelephoneEventKeepsItsTimestamp) {
  OutStream o = fresh();
  (void)number(o, header(1, 10, 0), 8000, 0);
  for (int i = 1; i < 600; ++i)
    EXPECT_EQ(
        number(o, header(1, static_cast<std::uint16_t>(10 + i), 160), 8000, i * 20'000)->timestamp,
        5160u);
  EXPECT_EQ(number(o, header(1, 610, 96'000), 8000, 12'000'000)->timestamp, 101'000u);
}

TEST(OutStream, NoNumberIsUsedForTwoInputs) {
  std::mt19937 random(5);
  OutStream o = fresh();
  std::map<std::uint32_t, std::uint64_t> used;  // ours, extended -> which input packet
  std::uint32_t ssrc = 1;
  std::uint16_t sequence = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (random() % 500 == 0) ssrc = 1 + random() % 3;
    if (random() % 500 == 0) sequence = static_cast<std::uint16_t>(random());
    ++sequence;
    const auto s = static_cast<std::uint16_t>(sequence - (random() % 10 == 0 ? random() % 50 : 0));
    const auto n = number(o, header(ssrc, s, s * 160u), 8000, i * 20'000);
    if (!n) continue;
    const std::uint32_t ours = extend(n->sequence, o.highest);
    const std::uint64_t input = std::uint64_t{ssrc} << 48 | std::uint64_t{o.floor} << 16 | s;
    const auto [at, inserted] = used.emplace(ours, input);
    if (!inserted) {
      ASSERT_EQ(at->second, input) << i;
    }
  }
}

TEST(InStream, CountsLossAndJitter) {
  InStream in;
  std::int64_t t = 0;
  for (std::uint16_t i = 0; i < 100; ++i, t += 20'000)
    if (i % 10 != 5)
      count(in, header(1, static_cast<std::uint16_t>(65'500 + i), i * 160u), 8000,
            t + (i % 2) * 4'000);
  EXPECT_EQ(lost(in), 10u);
  EXPECT_NEAR(jitter_ms(in, in.jitter_q4), 4.0, 0.8);
  EXPECT_EQ(in.highest - in.base, 99u);
  const auto block = report(in, t);
  EXPECT_EQ(block.cumulative_lost, 10);
  EXPECT_EQ(block.fraction_lost, 25);
  count(in, header(2, 5, 0), 8000, t);
  EXPECT_EQ(lost(in), 10u);  // of all sources
}

}  // namespace
}  // namespace causeway::media
