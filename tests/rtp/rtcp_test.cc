#include "rtp/rtcp.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace causeway::rtp {
namespace {

TEST(Rtcp, WhatIsWrittenIsReadBack) {
  std::array<std::byte, 256> buffer{};
  RtcpWriter w(buffer);
  const SenderInfo info{0x0102030405060708, 1000, 20, 3200};
  const ReportBlock block{77, 12, -3, 0x00010005, 40, 9, 10};
  w.sender_report(5, info, std::span(&block, 1));
  w.sdes(5, "abcdef");
  w.bye(5);
  ASSERT_TRUE(w.ok());
  const auto compound = std::span<const std::byte>(buffer).first(w.size());
  EXPECT_TRUE(valid_compound(compound));
  RtcpReader r(compound);
  RtcpItem item;
  ASSERT_TRUE(r.next(item));
  EXPECT_EQ(item.ssrc, 5u);
  EXPECT_EQ(*item.sender_info(), info);
  ASSERT_EQ(item.reports(), 1u);
  EXPECT_EQ(item.report(0), block);
  ASSERT_TRUE(r.next(item));
  EXPECT_EQ(item.cname(), "abcdef");
  ASSERT_TRUE(r.next(item));
  EXPECT_TRUE(item.is(RtcpType::kBye));
  EXPECT_FALSE(r.next(item));
  EXPECT_FALSE(r.malformed());
}

TEST(Rtcp, CnamesOfEveryLengthKeepTheWordBoundary) {
  for (std::size_t n = 1; n < 9; ++n) {
    std::array<std::byte, 64> buffer{};
    RtcpWriter w(buffer);
    w.sdes(1, std::string(n, 'x'));
    EXPECT_EQ(w.size() % 4, 0u);
    RtcpReader r(std::span<const std::byte>(buffer).first(w.size()));
    RtcpItem item;
    ASSERT_TRUE(r.next(item));
    EXPECT_EQ(item.cname().size(), n);
  }
}

TEST(Rtcp, LiesAboutLengthsAreMalformed) {
  std::array<std::byte, 64> buffer{};
  RtcpWriter w(buffer);
  w.receiver_report(5, {});
  auto p = std::span<std::byte>(buffer).first(w.size());
  EXPECT_TRUE(valid_compound(p));
  p[3] = std::byte{9};
  EXPECT_FALSE(valid_compound(p));
  p[3] = std::byte{1};
  p[0] = std::byte{0x82};  // two reports claimed, none there
  EXPECT_FALSE(valid_compound(p));
  p[0] = std::byte{0xa0};  // padding of 0 bytes
  EXPECT_FALSE(valid_compound(p));
}

TEST(Rtcp, AFullBufferIsReported) {
  std::array<std::byte, 10> buffer{};
  RtcpWriter w(buffer);
  w.receiver_report(5, {});
  w.bye(5);
  EXPECT_FALSE(w.ok());
  EXPECT_EQ(w.size(), 8u);
}

TEST(Rtcp, NtpTime) {
  EXPECT_EQ(ntp_time(0), std::uint64_t{2'208'988'800} << 32);
  EXPECT_EQ(ntp_time(1'500'000), (std::uint64_t{2'208'988'801} << 32) + 0x80000000);
}

}  // namespace
}  // namespace causeway::rtp
