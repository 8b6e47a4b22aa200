#include "base/token_bucket.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace causeway {
namespace {

TEST(TokenBucket, GivesABurstAndThenTheRate) {
  const Rate rate{10, 3};
  Instant now{Seconds(100)};
  BucketTime b;
  const auto taken = [&] {
    const Taken t = take(b, rate, now);
    b = t.bucket;
    return t.ok;
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(taken()) << i;
  EXPECT_FALSE(taken());
  EXPECT_FALSE(is_full(b, now));
  now += Millis(99);
  EXPECT_FALSE(taken());
  now += Millis(1);
  EXPECT_TRUE(taken());
  EXPECT_FALSE(taken());
  now += Seconds(10);
  EXPECT_TRUE(is_full(b, now));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(taken()) << i;
  EXPECT_FALSE(taken()) << "a long rest saves no more than the burst";
}

TEST(TokenBucket, WithoutARateNothingIsHeldAndWithoutABurstItIsASecondsWorth) {
  const Instant now{Seconds(100)};
  TokenBucket free, bound;
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(free.take({}, now));
  int given = 0;
  for (int i = 0; i < 1'000; ++i) given += bound.take({7, 0}, now);
  EXPECT_EQ(given, 7);
}

TEST(TokenBucket, HoldsOverALongTimeWhatItSays) {
  for (const std::uint32_t rate : {1U, 3U, 700U, 1'000'000U}) {
    TokenBucket b;
    std::uint64_t given = 0;
    for (std::int64_t us = 0; us < 2'000'000; us += 1)
      given += b.take({rate, 1}, Instant{Micros(us)});
    EXPECT_NEAR(static_cast<double>(given), 2.0 * rate, 2) << rate;
  }
}

TEST(TokenBucket, ADebtUnderAnotherRateIsNotPaidAtThisOne) {
  Instant now{Seconds(100)};
  TokenBucket b;
  while (b.take({1, 1'000}, now)) {
  }
  EXPECT_FALSE(b.take({1'000, 1}, now)) << "one token is owed";
  now += Millis(1);
  EXPECT_TRUE(b.take({1'000, 1}, now)) << "and no quarter of an hour";
}

TEST(TokenBucket, WhatCannotBeRefusedIsCountedAndLeavesNoDebt) {
  const Rate rate{2, 2};
  Instant now{Seconds(100)};
  TokenBucket b;
  b.take_anyway(rate, now);
  EXPECT_TRUE(b.take(rate, now));
  EXPECT_FALSE(b.take(rate, now)) << "the first counted";
  for (int i = 0; i < 1'000; ++i) b.take_anyway(rate, now);
  now += Millis(500);
  EXPECT_TRUE(b.take(rate, now));
  b.give_back(rate);
  EXPECT_TRUE(b.take(rate, now)) << "what was given back is there";
}

TEST(TokenBucket, ThreadsTogetherGetNoMoreThanTheBurst) {
  TokenBucket b;
  std::atomic<int> given{0};
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < 4; ++t)
      all.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) given += b.take({1, 1'000}, Instant{Seconds(5)});
      });
  }
  EXPECT_EQ(given.load(), 1'000);
}

}  // namespace
}  // namespace causeway
