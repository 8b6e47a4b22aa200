#include "nameserver/rate_limit.h"

#include <gmock/gmock.h>

#include "sample.h"

namespace causeway::nameserver {
namespace {

using testing::address;
using Verdict = RateLimit::Verdict;

constexpr Rate kRate{10, 10};

TEST(RateLimit, BeyondTheRateEverySecondOneIsTruncatedAndTheOthersDropped) {
  RateLimit limit(1);
  const Instant now(std::chrono::seconds(100));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(limit.judge(address("192.0.2.1"), kRate, 2, now), Verdict::kAnswer);
  EXPECT_EQ(limit.judge(address("192.0.2.1"), kRate, 2, now), Verdict::kDrop);
  // The whole /24 is one source, its neighbour is another.
  EXPECT_EQ(limit.judge(address("192.0.2.99"), kRate, 2, now), Verdict::kTruncate);
  EXPECT_EQ(limit.judge(address("192.0.3.1"), kRate, 2, now), Verdict::kAnswer);
  EXPECT_EQ(limit.judge(address("192.0.2.1"), kRate, 2, now + std::chrono::seconds(2)),
            Verdict::kAnswer);
}

TEST(RateLimit, SourcesOfTheOtherFamilyAreToldApartByTheirFirst56Bits) {
  RateLimit limit(1);
  const Instant now(std::chrono::seconds(100));
  for (int i = 0; i < 10; ++i) (void)limit.judge(address("2001:db8:0:100::1"), kRate, 0, now);
  EXPECT_EQ(limit.judge(address("2001:db8:0:1ff::9"), kRate, 0, now), Verdict::kDrop);
  EXPECT_EQ(limit.judge(address("2001:db8:0:200::1"), kRate, 0, now), Verdict::kAnswer);
}

TEST(RateLimit, FloodFromEverywhereDoesNotWashASourceClean) {
  RateLimit limit(1);
  const Instant now(std::chrono::seconds(100));
  for (int i = 0; i < 10; ++i) (void)limit.judge(address("192.0.2.1"), kRate, 0, now);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    (void)limit.judge(IpAddress::v4(0x0a000000U + (i << 8U)), kRate, 0, now);
  EXPECT_EQ(limit.judge(address("192.0.2.1"), kRate, 0, now), Verdict::kDrop);
}

TEST(RateLimit, NoRateIsNoBound) {
  RateLimit limit(1);
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(limit.judge(address("192.0.2.1"), {}, 2, Instant{}), Verdict::kAnswer);
}

}  // namespace
}  // namespace causeway::nameserver
