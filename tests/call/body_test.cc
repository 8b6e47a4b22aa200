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
  EXPECT_EQ(location.content_type, "multipart/mixed;boundary=q") << "its Content-ID is needed";
  EXPECT_NE(location.content.find("Content-ID: <1>"), std::string::npos);
}

TEST(Body, PlainBodyKeepsItsTypeAndItsName) {
  const auto m = sip::Message::parse(
      "INVITE sip:a@b SIP/2.0\r\nContent-Type: application/pidf+xml;charset=utf-8\r\n"
      "Content-ID: <l@x>\r\nContent-Disposition: render;handling=optional\r\n"
      "Content-Length: 3\r\n\r\n<p>");
  const auto parts = *body_parts(*m);
  const Body b = join_body("v=0\r\n", parts, {"application/pidf+xml"}, "q");
  EXPECT_EQ(b.content,
            "--q\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--q\r\n"
            "Content-Type: application/pidf+xml;charset=utf-8\r\nContent-ID: <l@x>\r\n"
            "Content-Disposition: render;handling=optional\r\n\r\n<p>\r\n--q--\r\n");
  EXPECT_TRUE(carries(parts, {"application/pidf+xml"}, "l@x"));
  EXPECT_TRUE(carries(parts, {"application/pidf+xml"}, "l%40x"));
  EXPECT_FALSE(carries(parts, {"application/pidf+xml"}, "l@y"));
  EXPECT_FALSE(carries(parts, {}, "l@x"));
  const auto plain = message("text/x;a=b", "y");
  const Body alone = join_body("", *body_parts(plain), {"text/x"}, "q");
  EXPECT_EQ(alone.content_type, "text/x;a=b");
  EXPECT_EQ(alone.content, "y");
}

std::string part(const std::string& type, const std::string& content, const std::string& more = "",
                 const std::string& boundary = "x") {
  return "--" + boundary + "\r\nContent-Type: " + type + "\r\n" + more + "\r\n" + content + "\r\n";
}

// The types of what is to be looked at.
std::string types_of(const std::string& type, const std::string& body,
                     const std::vector<std::string>& known = {}) {
  const auto m = message(type, body);
  const auto parts = body_parts(m, known);
  if (!parts) return error_info(parts.error().code).label.data();
  std::string out;
  for (const auto& p : *parts)
    out.append(out.empty() ? "" : " ").append(p.type).append(p.required ? "" : "?");
  return out;
}

TEST(Body, LastAlternativeThatIsUnderstoodWins) {
  const std::string sdp = part("application/sdp", "v=0"), text = part("text/plain", "t");
  const std::string odd = part("application/odd", "o");
  const std::string type = "multipart/alternative;boundary=x";
  EXPECT_EQ(types_of(type, text + sdp + "--x--"), "application/sdp");
  EXPECT_EQ(types_of(type, sdp + odd + "--x--"), "application/sdp");
  EXPECT_EQ(types_of(type, sdp + text + "--x--", {"text/plain"}), "text/plain");
  EXPECT_EQ(types_of(type, odd + text + "--x--"), "multipart/alternative");
  EXPECT_EQ(types_of(type, "--x--"), "multipart/alternative");
  const auto m = message(
      type, part("application/sdp", "one") + part("application/sdp", "two") + odd + "--x--");
  EXPECT_EQ(sdp_of(*body_parts(m)), "two");
  // One that holds another is understood when all of it is.
  const std::string inner =
      "--y\r\nContent-Type: application/sdp\r\n\r\nv=1\r\n--y\r\n"
      "Content-Type: application/odd\r\n\r\no\r\n--y--";
  const std::string both = sdp + part("multipart/mixed;boundary=y", inner) + "--x--";
  EXPECT_EQ(types_of(type, both), "application/sdp");
  EXPECT_EQ(types_of(type, both, {"application/odd"}), "application/sdp application/odd");
}

TEST(Body, ContainersWithinContainersAreReadToABound) {
  std::string body = "--b0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b0--";
  for (std::size_t depth = 1; depth <= kMaxDepth; ++depth) {
    const std::string inner = "multipart/mixed;boundary=b" + std::to_string(depth - 1);
    EXPECT_EQ(types_of(inner, body), depth <= kMaxDepth ? "application/sdp" : "") << depth;
    const std::string mark = "--b" + std::to_string(depth);
    body = mark + "\r\nContent-Type: " + inner + "\r\n\r\n" + body + "\r\n" + mark + "--";
  }
  EXPECT_EQ(types_of("multipart/mixed;boundary=b" + std::to_string(kMaxDepth), body), "too_large");
  // Containers of one part each cannot hide more parts than are taken.
  std::string many;
  for (std::size_t i = 0; i <= kMaxParts; ++i)
    many += part("multipart/mixed;boundary=y", "--y\r\n\r\na\r\n--y--");
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", many + "--x--"), "too_large");
  EXPECT_EQ(types_of("multipart/alternative;boundary=x", many + "--x--"), "too_large");
  // Alternatives of which none can be chosen stand for themselves, and count.
  many = part("a/b", "1");
  for (std::size_t i = 0; i < kMaxParts; ++i)
    many += part("multipart/alternative;boundary=y", "--y--");
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", many + "--x--"), "too_large");
}

TEST(Body, HandlingSaysWhatMustBeUnderstood) {
  const std::string optional = "Content-Disposition: render; handling=optional\r\n";
  const std::string required = "Content-Disposition: render;handling=required\r\n";
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", part("a/b", "1", optional) +
                                                       part("c/d", "2", required) +
                                                       part("e/f", "3") + "--x--"),
            "a/b? c/d e/f");
  // What is in an optional container is optional; of a related one the root alone is not.
  EXPECT_EQ(
      types_of("multipart/mixed;boundary=x",
               part("multipart/mixed;boundary=y", "--y\r\n\r\na\r\n--y--", optional) + "--x--"),
      "text/plain?");
  EXPECT_EQ(types_of("multipart/related;boundary=x",
                     part("a/b", "1") + part("c/d", "2") + part("e/f", "3", required) + "--x--"),
            "a/b c/d? e/f");
}

TEST(Body, OnlyTheDescriptionOfThisSessionCounts) {
  for (const char* line :
       {"Content-Disposition: early-session\r\n", "Content-Disposition: render\r\n",
        "Content-Encoding: gzip\r\n", "Content-Transfer-Encoding: base64\r\n"}) {
    const auto m = message("multipart/mixed;boundary=x",
                           part("application/sdp", "v=1", line) +
                               part("Application/SDP;charset=utf-8", "v=2",
                                    "Content-Disposition: Session;handling=required\r\n"
                                    "Content-Transfer-Encoding: binary\r\n") +
                               "--x--");
    EXPECT_EQ(sdp_of(*body_parts(m)), "v=2") << line;
  }
}

TEST(Body, BoundariesAreReadByTheirGrammar) {
  const std::string sdp = "application/sdp";
  const auto with = [&](const std::string& value, const std::string& mark) {
    return types_of(
        "multipart/mixed;boundary=" + value,
        "before --" + mark + "\r\n" + part(sdp, "v=0", "", mark) + "--" + mark + "--  \r\nbehind");
  };
  EXPECT_EQ(with("\"a b;c=d\"", "a b;c=d"), "malformed") << "no ';' in a boundary";
  EXPECT_EQ(with("\"a b:c=d?\"", "a b:c=d?"), sdp);
  EXPECT_EQ(with("x'()+_,-./y", "x'()+_,-./y"), sdp);
  EXPECT_EQ(with(std::string(70, 'q'), std::string(70, 'q')), sdp);
  EXPECT_EQ(with(std::string(71, 'q'), std::string(71, 'q')), "malformed");
  EXPECT_EQ(with("\"x \"", "x "), "malformed");
  EXPECT_EQ(with("\"\"", ""), "malformed");
  // A closing mark is a line of its own, too; what is missing is not made up.
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", part(sdp, "v=0") + "--x--y\r\n"), "malformed");
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", part(sdp, "v=0") + "--x\r\n"), "malformed");
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", part(sdp, "v=0")), "malformed");
  EXPECT_EQ(types_of("multipart/mixed;boundary=x", part(sdp, "v=0") + "--x--\r\n--x\r\nlate"), sdp);
  // Lines of a part may be folded.
  const auto m = message("multipart/mixed;boundary=x",
                         "--x\r\nContent-Type:\r\n application/sdp\r\n\r\nv=0\r\n--x--");
  EXPECT_EQ(sdp_of(*body_parts(m)), "v=0");
}

}  // namespace
}  // namespace causeway::call
