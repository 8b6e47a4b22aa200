#include "codec/amr_payload.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace causeway::codec::amr {
namespace {

sdp::Codec line(bool wide, std::string fmtp) {
  return {PayloadType{96}, wide ? "AMR-WB" : "AMR", wide ? 16000U : 8000U, 1, std::move(fmtp)};
}
Format format(bool wide, std::string fmtp) {
  const auto f = format_of(line(wide, std::move(fmtp)));
  EXPECT_TRUE(f);
  return f.value_or(Format{});
}
std::vector<std::byte> packed(const Format& f, const Payload& p) {
  std::vector<std::byte> out(500);
  out.resize(pack(f, p, out));
  return out;
}
// 1 0 1 0 ... so that every boundary shows.
Frame frame(bool wide, std::uint8_t type, std::uint8_t fill) {
  Frame f;
  f.type = type;
  const std::size_t bits = *bits_of(wide, type);
  for (std::size_t i = 0; i < bits; ++i) {
    if ((fill >> (7 - i % 8) & 1) != 0) f.bits[i / 8] |= static_cast<std::uint8_t>(0x80U >> i % 8);
  }
  return f;
}

// RFC 4867 4.3.5.1: AMR 7.4 kbit/s, CMR 6, one frame of 148 bits, two bits of padding.
TEST(AmrPayload, ABandwidthEfficientFrameIsLaidOutAsInTheRfc) {
  Payload p;
  p.request = 6;
  p.count = 1;
  p.frames[0] = frame(false, 4, 0xFF);
  const auto out = packed(format(false, ""), p);
  ASSERT_EQ(out.size(), 20U);
  // 0110 0 0100 1 111111 ...
  EXPECT_EQ(out[0], std::byte{0b0110'0010});
  EXPECT_EQ(out[1], std::byte{0b0111'1111});
  EXPECT_EQ(out[19], std::byte{0b1111'1100});
}

// RFC 4867 4.4.5.1 in the manner of: octet-aligned, CMR 6, 7.95 twice (159 bits, one of padding).
TEST(AmrPayload, OctetAlignedFramesAreLaidOutAsInTheRfc) {
  Payload p;
  p.request = 6;
  p.count = 2;
  p.frames[0] = frame(false, 5, 0xFF);
  p.frames[1] = frame(false, 5, 0xFF);
  p.frames[1].good = false;
  const auto out = packed(format(false, "octet-align=1"), p);
  ASSERT_EQ(out.size(), 3U + 20 + 20);
  EXPECT_EQ(out[0], std::byte{0b0110'0000});
  EXPECT_EQ(out[1], std::byte{0b1010'1100});
  EXPECT_EQ(out[2], std::byte{0b0010'1000});
  EXPECT_EQ(out[22], std::byte{0b1111'1110});
  EXPECT_EQ(out[42], std::byte{0b1111'1110});
}

TEST(AmrPayload, WhatIsPackedIsUnpackedInBothFormats) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const bool wide = random() % 2 == 0;
    Format f = format(wide, random() % 2 == 0 ? "octet-align=1" : "");
    Payload p;
    p.request = static_cast<std::uint8_t>(random() % 16);
    p.count = 1 + random() % kMaxFrames;
    for (std::size_t i = 0; i < p.count; ++i) {
      const auto kinds = static_cast<unsigned>(sid_type(wide)) + 2;
      auto type = static_cast<std::uint8_t>(random() % kinds);
      if (type > sid_type(wide)) type = kNoData;
      p.frames[i] = frame(wide, type, static_cast<std::uint8_t>(random()));
      p.frames[i].good = random() % 4 != 0;
    }
    const auto bytes = packed(f, p);
    ASSERT_FALSE(bytes.empty());
    Payload back;
    ASSERT_TRUE(unpack(f, bytes, back));
    EXPECT_EQ(back.request, p.request);
    ASSERT_EQ(back.count, p.count);
    for (std::size_t i = 0; i < p.count; ++i) {
      EXPECT_EQ(back.frames[i].type, p.frames[i].type);
      EXPECT_EQ(back.frames[i].good, p.frames[i].good);
      EXPECT_EQ(back.frames[i].bits, p.frames[i].bits);
    }
    // One octet less, or one more, is no payload.
    EXPECT_FALSE(unpack(f, std::span(bytes).first(bytes.size() - 1), back));
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(unpack(f, longer, back));
    EXPECT_EQ(pack(f, p, std::span(longer).first(bytes.size() - 1)), 0U);
  }
}

TEST(AmrPayload, ReservedFrameTypesAndEndlessTablesAreRefused) {
  Payload p;
  const std::array reserved{std::byte{0xF0}, std::byte{0b0101'0100}};  // FT 10
  EXPECT_FALSE(unpack(format(false, "octet-align=1"), reserved, p));
  const std::vector<std::byte> endless(100, std::byte{0xFC});  // F set for ever
  EXPECT_FALSE(unpack(format(false, "octet-align=1"), endless, p));
  EXPECT_FALSE(unpack(format(false, ""), endless, p));
  EXPECT_FALSE(unpack(format(true, ""), {}, p));
}

TEST(AmrFormat, ParametersAreReadAndWhatWeDoNotDoIsRefused) {
  const Format f = format(true,
                          "octet-align=1; mode-set=0,1,2; mode-change-period=2; "
                          "mode-change-neighbor=1; mode-change-capability=2; max-red=0");
  EXPECT_TRUE(f.wide);
  EXPECT_TRUE(f.octet_align);
  EXPECT_EQ(f.modes, 7);
  EXPECT_EQ(f.change_period, 2);
  EXPECT_TRUE(f.change_to_neighbour);
  EXPECT_EQ(format(false, "").modes, 0xFF);
  EXPECT_EQ(format(true, "").modes, 0x1FF);
  for (const char* no : {"crc=1", "robust-sorting=1", "octet-align=1; interleaving=30",
                         "mode-set=8", "mode-set=x", "mode-set=1,,2", "channels=2"}) {
    EXPECT_FALSE(format_of(line(false, no))) << no;
  }
}

}  // namespace
}  // namespace causeway::codec::amr
