// What a proxy changes, and that nothing else changes with it.
#include "sip/edit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

// Odd on purpose: compact names, folds, blanks around colons, lists, bytes beyond ASCII.
const std::string kOdd =
    "INVITE sip:a@b SIP/2.0\r\n"
    "v : SIP/2.0/UDP  one;branch=z9hG4bK1 ,\r\n"
    " SIP/2.0/UDP two;branch=z9hG4bK2\r\n"
    "VIA:SIP/2.0/UDP three;branch=z9hG4bK3\r\n"
    "Route: <sip:p1;lr>\r\n"
    "route:<sip:p2;lr>,<sip:p3;lr>\r\n"
    "Max-Forwards:\t70 \r\n"
    "f: \"\xc3\xa4\" <sip:x@y>;tag=1\r\n"
    "t:  sip:a@b\r\n"
    "i: c\r\n"
    "CSeq:   1   INVITE\r\n"
    "X-Empty:\r\n"
    "l: 4\r\n"
    "\r\n"
    "body";

Message parsed(const std::string& text) { return std::move(*Message::parse(text)); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Edit, WithoutAChangeEveryByteStays) {
  const auto m = parsed(kOdd);
  EXPECT_EQ(Edit(m).finish(), kOdd);
}

TEST(Edit, EveryTortureMessageStaysAsItCame) {
  const char* root = std::getenv("CAUSEWAY_SOURCE_DIR");
  ASSERT_NE(root, nullptr);
  int seen = 0;
  for (const auto& f :
       std::filesystem::recursive_directory_iterator(std::string(root) + "/tests/sip/torture")) {
    if (!f.is_regular_file()) continue;
    std::ifstream in(f.path(), std::ios::binary);
    std::stringstream s;
    s << in.rdbuf();
    std::string text = s.str();
    const auto m = Message::parse(text);
    if (!m) continue;
    ++seen;
    EXPECT_EQ(Edit(*m).finish(), m->bytes()) << f.path();
    // A Via pushed on and taken off again leaves what was there.
    const std::string on = Edit(*m).push(HeaderId::kVia, "SIP/2.0/UDP p;branch=z9hG4bKp").finish();
    const auto with = Message::parse(on);
    ASSERT_TRUE(with) << f.path();
    EXPECT_EQ(Edit(*with).pop(HeaderId::kVia).finish(), m->bytes()) << f.path();
  }
  EXPECT_GT(seen, 30);
}

TEST(Edit, OneValueOfAListGoesAlone) {
  const auto m = parsed(kOdd);
  const std::string once = Edit(m).pop(HeaderId::kVia).finish();
  EXPECT_EQ(once, replaced(kOdd, "SIP/2.0/UDP  one;branch=z9hG4bK1 ,\r\n ", ""));
  const std::string twice = Edit(parsed(once)).pop(HeaderId::kVia).finish();
  EXPECT_EQ(twice, replaced(once, "v : SIP/2.0/UDP two;branch=z9hG4bK2\r\n", ""));
}

TEST(Edit, AHeaderWithOneValueGoesWithItsLine) {
  const auto m = parsed(kOdd);
  EXPECT_EQ(Edit(m).pop(HeaderId::kRoute).finish(), replaced(kOdd, "Route: <sip:p1;lr>\r\n", ""));
}

TEST(Edit, WhatIsPushedStandsInFrontOfItsKind) {
  const auto m = parsed(kOdd);
  const std::string out = Edit(m)
                              .push(HeaderId::kVia, "SIP/2.0/UDP p;branch=z9hG4bKp")
                              .push(HeaderId::kRecordRoute, "<sip:p;lr>")
                              .request_uri("sip:new@there")
                              .set(HeaderId::kMaxForwards, "69")
                              .finish();
  std::string want = replaced(kOdd, "INVITE sip:a@b", "INVITE sip:new@there");
  want = replaced(want, "70 \r\n", "69 \r\n");
  const std::size_t line = want.find("v : ");
  const std::string lines = out.substr(line, out.find("v : ") - line);
  EXPECT_EQ(out, want.substr(0, line) + lines + want.substr(line));
  EXPECT_NE(lines.find("Via: SIP/2.0/UDP p;branch=z9hG4bKp\r\n"), std::string::npos);
  EXPECT_NE(lines.find("Record-Route: <sip:p;lr>\r\n"), std::string::npos);
  EXPECT_EQ(parsed(out).top_via()->host, "p");
}

TEST(Edit, TheLatestPushStandsFirst) {
  const auto m = parsed(kOdd);
  const std::string out = Edit(m)
                              .push(HeaderId::kRoute, "<sip:inner;lr>")
                              .push(HeaderId::kRoute, "<sip:outer;lr>")
                              .finish();
  EXPECT_EQ(parsed(out).value(HeaderId::kRoute), "<sip:outer;lr>");
  EXPECT_LT(out.find("<sip:outer;lr>"), out.find("<sip:inner;lr>"));
  EXPECT_LT(out.find("<sip:inner;lr>"), out.find("<sip:p1;lr>"));
}

TEST(Edit, MaxForwardsIsAddedWhenThereIsNone) {
  const std::string text = replaced(kOdd, "Max-Forwards:\t70 \r\n", "");
  EXPECT_EQ(parsed(Edit(parsed(text)).set(HeaderId::kMaxForwards, "70").finish())
                .value(HeaderId::kMaxForwards),
            "70");
}

TEST(Edit, ABodyIsNotLookedAt) {
  const auto text = causeway::testing::teams_invite();
  const auto m = parsed(text);
  const auto out = parsed(
      Edit(m).pop(HeaderId::kVia).push(HeaderId::kVia, "SIP/2.0/TLS q;branch=z9hG4bKq").finish());
  EXPECT_EQ(out.body(), m.body());
  EXPECT_EQ(out.top_via()->host, "q");
}

}  // namespace
}  // namespace causeway::sip
