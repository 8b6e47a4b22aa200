#include "base/net.h"

#include <ctime>

#include "base/random.h"
#include "base/time.h"
#include "support/proves.h"

namespace causeway {
namespace {

TEST(Endpoint, ReadsAndWritesBothFamilies) {
  for (const char* text : {"192.0.2.1:5060", "[2001:db8::1]:5061", "[::1]:1"}) {
    const auto e = Endpoint::parse(text);
    ASSERT_TRUE(e) << text;
    EXPECT_EQ(e->to_string(), text);
  }
}

TEST(Endpoint, RefusesWhatIsNotOne) {
  for (const char* text : {"", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:5060",
                           "host:5060", "[192.0.2.1]:1", "1.2.3.4:5x"})
    EXPECT_FALSE(Endpoint::parse(text)) << text;
}

TEST(IpAddress, MappedIpv4IsIpv4) {
  const auto a = IpAddress::parse("::ffff:52.112.1.1");
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->is_v6());
  EXPECT_TRUE(Prefix::parse("52.112.0.0/14")->contains(*a));
}

TEST(Prefix, ContainsByBitsNotBytes) {
  const auto p = *Prefix::parse("52.112.0.0/14");
  EXPECT_TRUE(p.contains(*IpAddress::parse("52.115.255.255")));
  EXPECT_FALSE(p.contains(*IpAddress::parse("52.116.0.0")));
  EXPECT_FALSE(p.contains(*IpAddress::parse("2001:db8::1")));
  EXPECT_TRUE(p.overlaps(*Prefix::parse("52.114.0.0/16")));
  EXPECT_FALSE(p.overlaps(*Prefix::parse("52.120.0.0/14")));
}

TEST(Prefix, RefusesHostBitsAndBadLengths) {
  for (const char* text : {"52.112.0.1/14", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "::1/129"})
    EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Random, SameSeedSameSequence) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(a.u64(), b.u64());
  EXPECT_NE(a.u64(), c.u64());
}

TEST(Time, AgreesWithTheCLibraryOverTheCenturies) {
  SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto seconds = static_cast<std::time_t>(random.below(8'000'000'000));  // to 2223
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    char want[64];
    const auto n = std::strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000007Z", &tm);
    ASSERT_EQ(format_rfc3339({static_cast<std::int64_t>(seconds) * 1'000'000 + 7}),
              std::string(want, n));
  }
}

TEST(Time, FormatsUtc) {
  EXPECT_EQ(format_rfc3339({1'795'369'471'123'456}), "2026-11-22T17:44:31.123456Z");
  EXPECT_EQ(format_time_of_day({1'795'369'471'123'456}), "17:44:31.123");
}

}  // namespace
}  // namespace causeway
