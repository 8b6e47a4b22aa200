#include "ice/stun.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace causeway::ice {
namespace {

std::vector<std::byte> hex(std::string_view text) {
  std::vector<std::byte> out;
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return out;
}

rtp::HmacSha1 key(std::string_view pwd) {
  return rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(pwd.data()), pwd.size()},
                       rtp::HmacVariant::kPrecomputed);
}

constexpr char kPassword[] = "VOkJxbRl1RmTxUk/WvJxBt";

// RFC 5769 2.1 to 2.3
const std::vector<std::byte> kRequest =
    hex("00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74"
        "00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36"
        "00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20"
        "00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2"
        "80 28 00 04 e5 7a 3b cf");
const std::vector<std::byte> kAnswer4 =
    hex("01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20 00 20 00 08 00 01 a1 47 e1 12 a6 43"
        "00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7"
        "80 28 00 04 c0 7d 4c 96");
const std::vector<std::byte> kAnswer6 =
    hex("01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20"
        "00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9"
        "00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41"
        "80 28 00 04 c8 fb 0b 4c");

TEST(Stun, TheRequestOfRfc5769IsRead) {
  const auto m = parse_stun(kRequest);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->kind, StunClass::kRequest);
  EXPECT_EQ(m->method, kBinding);
  EXPECT_EQ(m->username, "evtj:h6vY");
  EXPECT_EQ(m->priority, 0x6e0001ffu);
  EXPECT_EQ(m->controlled, 0x932ff9b151263b36u);
  EXPECT_FALSE(m->controlling);
  EXPECT_EQ(m->fingerprint, Fingerprint::kRight);
  EXPECT_EQ(m->unknown_count, 0);  // SOFTWARE need not be understood
  EXPECT_TRUE(integrity_holds(kRequest, *m, key(kPassword)));
  EXPECT_FALSE(integrity_holds(kRequest, *m, key("VOkJxbRl1RmTxUk/WvJxBu")));
}

TEST(Stun, TheAnswersOfRfc5769AreRead) {
  const auto four = parse_stun(kAnswer4);
  ASSERT_TRUE(four);
  EXPECT_EQ(four->kind, StunClass::kSuccess);
  EXPECT_EQ(four->mapped, *Endpoint::parse("192.0.2.1:32853"));
  EXPECT_TRUE(integrity_holds(kAnswer4, *four, key(kPassword)));
  EXPECT_EQ(four->fingerprint, Fingerprint::kRight);
  const auto six = parse_stun(kAnswer6);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->mapped, *Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_TRUE(integrity_holds(kAnswer6, *six, key(kPassword)));
}

TEST(Stun, AnyChangedBitBreaksTheFingerprintOrTheIntegrity) {
  const auto k = key(kPassword);
  for (std::size_t bit = 0; bit < kRequest.size() * 8; ++bit) {
    auto p = kRequest;
    p[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const auto m = parse_stun(p);
    if (!m) continue;
    EXPECT_FALSE(m->fingerprint == Fingerprint::kRight && integrity_holds(p, *m, k)) << bit;
  }
}

TEST(Stun, LengthsThatLieAreRefused) {
  for (std::size_t n = 0; n < kRequest.size(); ++n)
    EXPECT_FALSE(parse_stun(std::span(kRequest).first(n))) << n;
  auto longer = kRequest;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse_stun(longer));
  for (std::size_t at = kStunHeader + 2; at < kRequest.size() - 8; at += 2) {
    auto p = kRequest;
    p[at] = std::byte{0xff};
    (void)parse_stun(p);  // sanitizers look on
  }
  auto other = kRequest;
  other[4] = std::byte{0};  // no magic cookie
  EXPECT_FALSE(parse_stun(other));
}

TEST(Stun, AttributesThatMustBeUnderstoodAreListedAndOthersIgnored) {
  std::array<std::byte, 512> buffer{};
  StunWriter w(buffer, StunClass::kRequest, {});
  w.attribute(0xc001, hex("01 02 03"));  // optional
  w.attribute(0x7001, hex("01 02 03 04 05"));
  for (int i = 0; i < 20; ++i) w.attribute(static_cast<std::uint16_t>(0x7100 + i), {});
  const auto m = parse_stun(std::span<const std::byte>(buffer).first(w.size()));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->unknown_count, kMaxUnknown);
  EXPECT_EQ(m->unknown[0], 0x7001);
}

TEST(Stun, WhatFollowsTheIntegrityIsNotBelieved) {
  std::array<std::byte, 256> buffer{};
  const auto k = key(kPassword);
  StunWriter w(buffer, StunClass::kRequest, {});
  w.username("a:b");
  w.integrity(k);
  w.use_candidate();
  w.attribute(0x7001, {});
  w.fingerprint();
  const auto p = std::span<const std::byte>(buffer).first(w.size());
  const auto m = parse_stun(p);
  ASSERT_TRUE(m);
  EXPECT_FALSE(m->use_candidate);
  EXPECT_EQ(m->unknown_count, 0);
  EXPECT_TRUE(integrity_holds(p, *m, k));
}

TEST(Stun, WhatIsWrittenIsReadBack) {
  SeededRandom random(5);
  const auto k = key(kPassword);
  for (int i = 0; i < 200; ++i) {
    TransactionId id;
    random.fill(id);
    std::array<std::byte, 1'500> buffer{};
    StunWriter w(buffer, static_cast<StunClass>(random.below(4)), id);
    std::string name(1 + random.below(500), 'x');
    w.username(name);
    const auto priority = static_cast<std::uint32_t>(random.u64());
    w.priority(priority);
    const std::uint64_t tie = random.u64();
    const bool controlling = random.below(2) == 0;
    w.role(controlling, tie);
    if (i % 2 == 0) w.use_candidate();
    std::array<std::uint8_t, 16> v6{};
    for (auto& b : v6) b = static_cast<std::uint8_t>(random.below(256));
    const Endpoint e{
        i % 3 == 0 ? IpAddress::v6(v6) : IpAddress::v4(static_cast<std::uint32_t>(tie)),
        static_cast<std::uint16_t>(random.u64())};
    w.xor_mapped_address(e);
    const auto code = static_cast<std::uint16_t>(300 + random.below(400));
    w.error(code, "Because");
    w.integrity(k);
    w.fingerprint();
    ASSERT_TRUE(w.ok());
    const auto p = std::span<const std::byte>(buffer).first(w.size());
    const auto m = parse_stun(p);
    ASSERT_TRUE(m);
    EXPECT_EQ(m->transaction, id);
    EXPECT_EQ(m->username, name);
    EXPECT_EQ(m->priority, priority);
    EXPECT_EQ(controlling ? m->controlling : m->controlled, tie);
    EXPECT_EQ(m->use_candidate, i % 2 == 0);
    EXPECT_EQ(m->mapped, e);
    EXPECT_EQ(m->error, code);
    EXPECT_EQ(m->fingerprint, Fingerprint::kRight);
    EXPECT_TRUE(integrity_holds(p, *m, k));
  }
}

TEST(Stun, ABufferThatIsTooSmallIsSaidNotOverrun) {
  for (std::size_t n = 0; n < 64; ++n) {
    std::vector<std::byte> buffer(n);
    StunWriter w(buffer, StunClass::kSuccess, {});
    w.xor_mapped_address(*Endpoint::parse("192.0.2.1:1"));
    w.integrity(key(kPassword));
    w.fingerprint();
    EXPECT_FALSE(w.ok()) << n;
  }
}

}  // namespace
}  // namespace causeway::ice
