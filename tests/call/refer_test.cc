#include "call/refer.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

sip::Message refer(const std::string& headers) {
  return std::move(*sip::Message::parse(
      "REFER sip:gw@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
      "From: <sip:t@h>;tag=1\r\nTo: <sip:gw@h>;tag=2\r\nCall-ID: c\r\nCSeq: 2 REFER\r\n" +
      headers + "Content-Length: 0\r\n\r\n"));
}

deployment::Profile profile() {
  deployment::Profile p;
  p.transfer = deployment::Transfers::kTerminate;
  p.replaces = deployment::ReplacesWith::kBoth;
  p.pass_headers = {"Subject", "X-Site"};
  p.transfer_id = "x-ti";
  return p;
}

Refer good(const std::string& headers, bool secure = false) {
  Refer out;
  ReferRefusal refusal;
  EXPECT_TRUE(read_refer(refer(headers), profile(), secure, out, refusal)) << refusal.why;
  return out;
}

int refused(const std::string& headers, bool secure = false) {
  Refer out;
  ReferRefusal refusal;
  EXPECT_FALSE(read_refer(refer(headers), profile(), secure, out, refusal)) << headers;
  EXPECT_FALSE(refusal.why.empty());
  return refusal.status;
}

TEST(Refer, TheTargetIsKeptByteForByte) {
  for (const char* uri : {"sip:h.example:443;x-m=8:orgid:a%2fB;x-t=q;transport=tls",
                          "sip:+4930%23;phone-context=%2B49@h;user=phone", "tel:+49-30-1",
                          "SIP:%41lice@H.example;Param;other=%7e"})
    EXPECT_EQ(good("Refer-To: <" + std::string(uri) + ">\r\n").target, uri);
  EXPECT_EQ(good("Refer-To: sip:bob@h\r\n").target, "sip:bob@h");
  EXPECT_EQ(good("r: \"Bob, the other\" <sip:bob@h;method=INVITE>\r\n").target, "sip:bob@h");
}

TEST(Refer, OfItsHeadersWhatTheProfileListsGoesOn) {
  const auto r = good(
      "Refer-To: <sip:b@h?Replaces=c%40h%3Bto-tag%3Dx%3Bfrom-tag%3Dy&Require=replaces&Subject=Hi%20"
      "there&X-Site=a&From=sip%3Aevil%40h&Route=%3Csip%3Ah%3E&body=v%3D0>\r\n");
  EXPECT_EQ(r.target, "sip:b@h");
  ASSERT_TRUE(r.replaces);
  EXPECT_EQ(*r.replaces, (NamedDialog{"c@h", "x", "y", false}));
  EXPECT_EQ(to_header(*r.replaces), "c@h;to-tag=x;from-tag=y");
  ASSERT_EQ(r.headers.size(), 2U);
  EXPECT_EQ(r.headers[0], (deployment::HeaderLine{"Subject", "Hi there"}));
  EXPECT_EQ(r.headers[1], (deployment::HeaderLine{"X-Site", "a"}));
  EXPECT_EQ(r.left_out, (std::vector<std::string>{"From", "Route", "body"}));
}

TEST(Refer, WhoAndWhichTransfer) {
  const auto r =
      good("Refer-To: <sip:b@h;x-ti=other>\r\nReferred-By: <sip:t@h;x-ti=0f>;cid=\"2@h\"\r\n");
  EXPECT_EQ(r.referred_by, "<sip:t@h;x-ti=0f>;cid=\"2@h\"");
  EXPECT_EQ(r.by, "sip:t@h;x-ti=0f");
  EXPECT_EQ(r.id, "0f");
  EXPECT_EQ(good("Refer-To: <sip:b@h;x-ti=other>\r\n").id, "other");
  EXPECT_EQ(good("Refer-To: <sip:b@h>\r\n").by, "sip:t@h");
  EXPECT_TRUE(good("Refer-To: <sip:b@h>\r\nRefer-Sub: true\r\n").tells);
  EXPECT_FALSE(good("Refer-To: <sip:b@h>\r\nRefer-Sub: false;x=y\r\n").tells);
}

TEST(Refer, WhatIsWrongWithIt) {
  EXPECT_EQ(refused(""), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h>, <sip:b@h>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: nonsense\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <mailto:a@h>\r\n"), 416);
  EXPECT_EQ(refused("Refer-To: <sips:a@h>\r\n"), 416);
  EXPECT_EQ(good("Refer-To: <sips:a@h>\r\n", true).target, "sips:a@h");
  EXPECT_EQ(refused("Refer-To: <sip:a@h;method=BYE>\r\n"), 403);
  EXPECT_EQ(refused("Refer-To: <sip:a@h?Require=100rel>\r\n"), 403);
  EXPECT_EQ(refused("Refer-To: <sip:a@h?Replaces=x>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h>\r\nReferred-By: <sip:a@h>\r\nb: <sip:b@h>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h>\r\nReferred-By: nobody at all\r\n"), 400);
}

TEST(Refer, NothingIsInjectedByItsHeaders) {
  EXPECT_EQ(refused("Refer-To: <sip:a@h?Subject=x%0d%0aRoute:%20%3Csip:evil%3E>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h?Sub%0Aject=x>\r\n"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@h?Replaces=c%00;to-tag=x;from-tag=y>\r\n"), 400);
  std::string many = "Refer-To: <sip:a@h?";
  for (int i = 0; i < 40; ++i) many += "Subject=x&";
  EXPECT_EQ(refused(many + "Subject=x>\r\n"), 400);
}

TEST(Refer, ReplacesIsNotForEverybody) {
  auto p = profile();
  p.replaces = deployment::ReplacesWith::kOff;
  Refer out;
  ReferRefusal refusal;
  EXPECT_FALSE(read_refer(refer("Refer-To: <sip:a@h?Replaces=c%3Bto-tag%3Dx%3Bfrom-tag%3Dy>\r\n"),
                          p, false, out, refusal));
  EXPECT_EQ(refusal.status, 403);
}

TEST(ReferSubscription, SaysOneAtATimeAndEndsWithTheFinalStatus) {
  const Instant start{Seconds(100)};
  ReferSubscription s("refer;id=7", start + Seconds(60));
  s.say(100, "Trying");
  auto first = s.next(start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->fragment, "SIP/2.0 100 Trying\r\n");
  EXPECT_EQ(first->state, "active;expires=60");
  s.say(180, "Ringing");
  s.say(183, "Session Progress");
  EXPECT_FALSE(s.next(start));  // the first is under way
  s.sent_one_was_answered();
  EXPECT_EQ(s.next(start + Seconds(50))->fragment, "SIP/2.0 183 Session Progress\r\n");
  s.sent_one_was_answered();
  s.say(183, "Session Progress");
  EXPECT_FALSE(s.next(start));  // it knows
  s.say(486, "Busy Here");
  s.say(200, "OK");  // there is one end
  const auto last = s.next(start);
  EXPECT_EQ(last->fragment, "SIP/2.0 486 Busy Here\r\n");
  EXPECT_EQ(last->state, "terminated;reason=noresource");
  EXPECT_FALSE(s.over());
  s.sent_one_was_answered();
  EXPECT_TRUE(s.over());
}

TEST(ReferSubscription, AnEndThatKnowsNothingOfItIsToldNothingMore) {
  ReferSubscription s("refer", Instant{Seconds(5)});
  s.say(100, "Trying");
  (void)s.next(Instant{});
  s.gone();
  s.say(200, "OK");
  EXPECT_FALSE(s.next(Instant{}));
  EXPECT_TRUE(s.over());
}

}  // namespace
}  // namespace causeway::call
