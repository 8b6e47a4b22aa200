#include "call/body.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

sip::Message message(const std::string& type, const std::string& body) {
  return *sip::Message::parse("INVITE sip:a@b SIP/2.0\r\nContent-Type: " + type +
                              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                              body);
}

const std::string kTwo =
    "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x\r\nc: application/pidf+xml\r\n"
    "Content-ID: <1>\r\n\r\n<p>\r\n--y\r\n</p>\r\n--x--\r\n";

TEST(Body, PlainBodyIsOnePart) {
  const auto m = message("application/sdp;charset=utf-8", "v=0\r\n");
  const auto parts = body_parts(m);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ((*parts)[0].type, "application/sdp");
  EXPECT_EQ(sdp_of(*parts), "v=0\r\n");
}

TEST(Body, PartsAreFoundWithTheirExactContent) {
  for (const char* type : {"multipart/mixed;boundary=x", "multipart/related; boundary=\"x\""}) {
    const auto m = message(type, kTwo);
    const auto parts = body_parts(m);
    ASSERT_TRUE(parts);
    ASSERT_EQ(parts->size(), 2U);
    EXPECT_EQ(sdp_of(*parts), "v=0\r\n");
    EXPECT_EQ((*parts)[1].type, "application/pidf+xml");
    EXPECT_EQ((*parts)[1].content, "<p>\r\n--y\r\n</p>");
  }
}

TEST(Body, EveryTruncationIsRefusedOrRead) {
  for (std::size_t n = 1; n < kTwo.size(); ++n) {
    const auto m = message("multipart/mixed;boundary=x", kTwo.substr(0, n));
    const auto parts = body_parts(m);
    if (!parts) continue;
    EXPECT_LE(parts->size(), 2U);
    EXPECT_GE(n, kTwo.size() - 4) << "whole up to the closing mark";
  }
}

TEST(Body, NoBoundaryAndTooManyPartsAreRefused) {
  EXPECT_FALSE(body_parts(message("multipart/mixed", kTwo)));
  EXPECT_FALSE(body_parts(message("multipart/mixed;boundary=z", kTwo)));
  std::string many;
  for (std::size_t i = 0; i <= kMaxParts; ++i) many += "--x\r\n\r\na\r\n";
  const auto r = body_parts(message("multipart/mixed;boundary=x", many + "--x--"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, ErrorCode::kTooLarge);
}

TEST(Body, JoinKeepsListedPartsByteForByteAndLeavesTheRest) {
  const auto m = message("multipart/mixed;boundary=x", kTwo);
  const auto parts = *body_parts(m);
  const Body none = join_body("v=1\r\n", parts, {}, "q");
  EXPECT_EQ(none.content_type, "application/sdp");
  EXPECT_EQ(none.content, "v=1\r\n");
  const Body both = join_body("v=1\r\n", parts, {"Application/PIDF+xml"}, "q");
  const auto again_message = message(both.content_type, both.content);
  const auto again = body_parts(again_message);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->size(), 2U);
  EXPECT_EQ(sdp_of(*again), "v=1\r\n");
  EXPECT_EQ((*again)[1].headers, parts[1].headers);
  EXPECT_EQ((*again)[1].content, parts[1].content);
  const Body location = join_body("", parts, {"application/pidf+xml"}, "q");
  EXPECT_EQ(location.content_type, "application/pidf+xml");
  EXPECT_EQ(location.content, parts[1].content);
}

}  // namespace
}  // namespace causeway::call
