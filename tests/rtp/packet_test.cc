#include "rtp/packet.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace causeway::rtp {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> in) {
  std::vector<std::byte> out;
  for (const int b : in) out.push_back(static_cast<std::byte>(b));
  return out;
}

TEST(Packet, HeaderIsReadAndRewritten) {
  auto p = bytes({0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3});
  const auto h = parse_header(p);
  ASSERT_TRUE(h);
  EXPECT_EQ(h->payload_type, 8);
  EXPECT_TRUE(h->marker);
  EXPECT_EQ(h->sequence, 0x1234);
  EXPECT_EQ(h->timestamp, 160u);
  EXPECT_EQ(h->ssrc, 0xdeadbeefu);
  EXPECT_EQ(payload(p, *h)->size(), 3u);
  set_payload_type(p, 0);
  set_sequence(p, 7);
  set_timestamp(p, 9);
  set_ssrc(p, 11);
  const auto again = parse_header(p);
  EXPECT_EQ(again->payload_type, 0);
  EXPECT_TRUE(again->marker);
  EXPECT_EQ(again->sequence, 7);
  EXPECT_EQ(again->timestamp, 9u);
  EXPECT_EQ(again->ssrc, 11u);
}

TEST(Packet, CsrcExtensionAndPaddingAreBounded) {
  // One CSRC, an extension of one word, three bytes of payload of which two are padding.
  auto p = bytes(
      {0xb1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 5, 5, 5, 5, 7, 0, 2});
  const auto h = parse_header(p);
  ASSERT_TRUE(h);
  EXPECT_EQ(h->bytes, 24);
  ASSERT_TRUE(payload(p, *h));
  EXPECT_EQ(payload(p, *h)->size(), 1u);
  p.back() = std::byte{4};
  EXPECT_FALSE(payload(p, *parse_header(p)));
  for (std::size_t n = 0; n < 24; ++n) EXPECT_FALSE(parse_header(std::span(p).first(n))) << n;
  EXPECT_FALSE(parse_header(std::vector<std::byte>(kMaxPacket + 1, std::byte{0x80})));
  p[0] = std::byte{0x31};
  EXPECT_FALSE(parse_header(p));
}

TEST(Packet, DatagramsAreToldApartByTheirFirstBytes) {
  EXPECT_EQ(classify(bytes({0x80, 0x00})), Kind::kRtp);
  EXPECT_EQ(classify(bytes({0x80, 0xe5})), Kind::kRtp);  // marker, type 101
  EXPECT_EQ(classify(bytes({0x81, 200})), Kind::kRtcp);
  EXPECT_EQ(classify(bytes({0x00, 0x01})), Kind::kStun);
  EXPECT_EQ(classify(bytes({22, 254})), Kind::kDtls);
  EXPECT_EQ(classify(bytes({0xff, 0xff})), Kind::kOther);
  EXPECT_EQ(classify(bytes({0x80})), Kind::kOther);
}

TEST(Packet, WriteHeaderIsTheInverse) {
  std::array<std::byte, kMinHeader> out{};
  const Header h{
      .ssrc = 5, .timestamp = 6, .sequence = 7, .bytes = 12, .payload_type = 101, .marker = true};
  write_header(out, h);
  const auto back = parse_header(out);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ssrc, 5u);
  EXPECT_EQ(back->payload_type, 101);
  EXPECT_TRUE(back->marker);
}

}  // namespace
}  // namespace causeway::rtp
