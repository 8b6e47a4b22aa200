#include "sip/reliable.h"

#include <gtest/gtest.h>

namespace causeway::sip {
namespace {

constexpr Instant kStart{Seconds(100)};

TEST(ReliableSender, RepeatsWithoutBoundOnTheIntervalAndGivesUp) {
  ReliableSender s;
  sent(s, 7, kStart, {});
  std::vector<std::int64_t> at;
  bool timed_out = false;
  while (const auto next = next_deadline(s)) {
    const auto a = on_time(s, *next);
    if (a.resend) at.push_back(std::chrono::duration_cast<Millis>(*next - kStart).count());
    if (a.timed_out) {
      timed_out = true;
      EXPECT_EQ(*next - kStart, Seconds(32));
    }
  }
  EXPECT_EQ(at, (std::vector<std::int64_t>{500, 1500, 3500, 7500, 15500, 31500}));
  EXPECT_TRUE(timed_out);
  EXPECT_FALSE(on_prack(s, {7, 1, "INVITE"}, 1)) << "too late";
}

TEST(ReliableSender, OnlyTheMatchingPrackEndsIt) {
  ReliableSender s;
  EXPECT_FALSE(on_prack(s, {0, 1, "INVITE"}, 1)) << "nothing was sent";
  sent(s, 7, kStart, {});
  EXPECT_FALSE(on_prack(s, {8, 1, "INVITE"}, 1));
  EXPECT_FALSE(on_prack(s, {7, 2, "INVITE"}, 1));
  EXPECT_FALSE(on_prack(s, {7, 1, "UPDATE"}, 1));
  EXPECT_TRUE(on_prack(s, {7, 1, "INVITE"}, 1));
  EXPECT_FALSE(next_deadline(s));
  EXPECT_FALSE(on_prack(s, {7, 1, "INVITE"}, 1)) << "a second one fits nothing";
  sent(s, 8, kStart + Seconds(1), {});
  EXPECT_EQ(next_deadline(s), kStart + Millis(1500)) << "the interval begins anew";
}

TEST(ReliableSender, AfterTheFinalAnswerAPrackStillFitsAndNothingIsRepeated) {
  ReliableSender s;
  sent(s, 7, kStart, {});
  answered(s);
  EXPECT_FALSE(next_deadline(s));
  EXPECT_FALSE(on_time(s, kStart + Seconds(40)).timed_out);
  EXPECT_TRUE(on_prack(s, {7, 1, "INVITE"}, 1));
}

TEST(ReliableReceiver, TakesThemInOrderFromAnyFirstNumber) {
  ReliableReceiver r;
  EXPECT_EQ(received(r, 5000), RSeqOrder::kNext);
  EXPECT_EQ(received(r, 5000), RSeqOrder::kRepeated);
  EXPECT_EQ(received(r, 5002), RSeqOrder::kGap);
  EXPECT_EQ(received(r, 5001), RSeqOrder::kNext);
  EXPECT_EQ(received(r, 5002), RSeqOrder::kNext);
  EXPECT_EQ(received(r, 5000), RSeqOrder::kRepeated);
}

}  // namespace
}  // namespace causeway::sip
