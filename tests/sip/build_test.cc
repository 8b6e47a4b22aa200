#include "sip/build.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "sip/headers.h"
#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

const Endpoint kSource{IpAddress::v4(0xc6336407), 40'000};  // 198.51.100.7

Message request(std::string_view via, std::string_view to = "<sip:a@h>") {
  auto m = Message::parse(
      "INVITE sip:a@h SIP/2.0\r\nVia: " + std::string(via) +
      "\r\nVia: SIP/2.0/UDP second;branch=z9hG4bK2\r\nFrom: <sip:b@h>;tag=1\r\nTo: " +
      std::string(to) + "\r\nCall-ID: c\r\nCSeq: 3 INVITE\r\nSubject: not copied\r\n\r\n");
  EXPECT_TRUE(m);
  return std::move(*m);
}

Message response(const Message& r, int status = 200, std::string_view tag = "ours",
                 const Endpoint& source = kSource) {
  auto m = Message::parse(begin_response(r, status, reason_phrase(status), tag, source).finish());
  EXPECT_TRUE(m);
  return std::move(*m);
}

std::string top_via(std::string_view via, const Endpoint& source = kSource) {
  return std::string(response(request(via), 200, "ours", source).value(HeaderId::kVia));
}

TEST(Response, HasTheHeadersOfItsRequestAndOurTag) {
  const Message r = response(request("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1"), 486);
  EXPECT_EQ(r.bytes(),
            "SIP/2.0 486 Busy Here\r\n"
            "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n"
            "Via: SIP/2.0/UDP second;branch=z9hG4bK2\r\n"
            "From: <sip:b@h>;tag=1\r\n"
            "To: <sip:a@h>;tag=ours\r\n"
            "Call-ID: c\r\n"
            "CSeq: 3 INVITE\r\n"
            "Content-Length: 0\r\n\r\n");
  EXPECT_TRUE(validate(r));
}

TEST(Response, KeepsATagThatTheRequestHas) {
  EXPECT_EQ(response(request("SIP/2.0/UDP h", "sip:a@h;tag=x")).value(HeaderId::kTo),
            "sip:a@h;tag=x");
  EXPECT_EQ(response(request("SIP/2.0/UDP h", "sip:a@h")).value(HeaderId::kTo), "sip:a@h;tag=ours");
  EXPECT_EQ(response(request("SIP/2.0/UDP h"), 100, "").value(HeaderId::kTo), "<sip:a@h>");
}

TEST(Response, SaysWhereTheRequestCameFrom) {
  EXPECT_EQ(top_via("SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1"),
            "SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1;received=198.51.100.7");
  EXPECT_EQ(top_via("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1"),
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;received=198.51.100.7");
  EXPECT_EQ(top_via("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1"),
            "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1");
  const Endpoint v6 = *Endpoint::parse("[2001:db8::1]:5060");
  EXPECT_EQ(top_via("SIP/2.0/TCP [2001:DB8:0::1];branch=z9hG4bK1", v6),
            "SIP/2.0/TCP [2001:DB8:0::1];branch=z9hG4bK1");
  EXPECT_EQ(top_via("SIP/2.0/TCP [2001:db8::2];branch=z9hG4bK1", v6),
            "SIP/2.0/TCP [2001:db8::2];branch=z9hG4bK1;received=2001:db8::1");
}

TEST(Response, FillsInRport) {
  EXPECT_EQ(top_via("SIP/2.0/UDP 198.51.100.7;rport;branch=z9hG4bK1"),
            "SIP/2.0/UDP 198.51.100.7;rport=40000;branch=z9hG4bK1;received=198.51.100.7");
  EXPECT_EQ(top_via("SIP/2.0/UDP h ; RPORT ; branch=z9hG4bK1"),
            "SIP/2.0/UDP h;RPORT=40000;branch=z9hG4bK1;received=198.51.100.7");
  EXPECT_EQ(top_via("SIP/2.0/UDP h;rportal=1;rport"),
            "SIP/2.0/UDP h;rportal=1;rport=40000;received=198.51.100.7");
  EXPECT_EQ(top_via("SIP/2.0/UDP h;rport=5062"), "SIP/2.0/UDP h;rport=5062;received=198.51.100.7");
}

// The peer cannot steer the response by claiming an address, and none is given twice.
TEST(Response, ReplacesAClaimedReceived) {
  EXPECT_EQ(top_via("SIP/2.0/UDP h;received=203.0.113.1;branch=z9hG4bK1"),
            "SIP/2.0/UDP h;branch=z9hG4bK1;received=198.51.100.7");
}

TEST(Response, LeavesTheOtherViasOfTheFirstHeaderAlone) {
  EXPECT_EQ(top_via("SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/TCP  x ; rport"),
            "SIP/2.0/UDP h;branch=z9hG4bK1;received=198.51.100.7, SIP/2.0/TCP  x ; rport");
}

TEST(Response, ToABrokenRequestLeavesOutWhatWasMissing) {
  const auto m =
      Message::parse("OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 OPTIONS\r\n\r\n");
  ASSERT_TRUE(m);
  EXPECT_EQ(
      begin_response(*m, 400, "Bad Request", "t", kSource).finish(),
      "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h;received=198.51.100.7\r\nCSeq: 1 OPTIONS\r\n"
      "Content-Length: 0\r\n\r\n");
}

TEST(Build, ABodyBringsItsTypeAndLength) {
  Builder b;
  b.request_line("INVITE", "sip:a@h").header("X-A", "1").header(HeaderId::kMaxForwards, 70);
  EXPECT_EQ(
      b.finish("v=0\r\n", "application/sdp"),
      "INVITE sip:a@h SIP/2.0\r\nX-A: 1\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
      "Content-Length: 5\r\n\r\nv=0\r\n");
}

std::string write(const Message& m) {
  Builder b;
  if (m.is_request())
    b.request_line(m.method_text(), m.request_uri());
  else
    b.status_line(m.status(), m.reason_phrase());
  for (const HeaderField& f : m.headers())
    if (f.id != HeaderId::kContentLength) b.copy(f);
  return b.finish(m.body());
}

void expect_same(const Message& a, const Message& b) {
  RC_ASSERT(a.is_request() == b.is_request());
  RC_ASSERT(a.status() == b.status());
  RC_ASSERT(a.reason_phrase() == b.reason_phrase());
  RC_ASSERT(a.method_text() == b.method_text());
  RC_ASSERT(a.request_uri() == b.request_uri());
  RC_ASSERT(a.cseq() == b.cseq());
  RC_ASSERT(a.body() == b.body());
  std::vector<std::string> left, right;
  for (const auto* m : {&a, &b})
    for (const HeaderField& f : m->headers())
      if (f.id != HeaderId::kContentLength)
        (m == &a ? left : right).push_back(std::string(f.name) + ":" + std::string(f.value));
  RC_ASSERT(left == right);
}

rc::Gen<std::string> text_of(std::string_view alphabet, int min = 0, int max = 20) {
  return rc::gen::mapcat(rc::gen::inRange(min, max + 1), [=](int n) {
    return rc::gen::container<std::string>(static_cast<std::size_t>(n),
                                           rc::gen::elementOf(std::string(alphabet)));
  });
}

RC_GTEST_PROP(RoundTrip, WhatIsWrittenIsParsedBackTheSame, ()) {
  const std::string token = "abcXYZ019-.!%*_+`'~";
  const auto value = text_of("abc XYZ<>;=,:\"\\@/\t\x80\xff()", 0, 40);
  Builder b;
  if (*rc::gen::arbitrary<bool>())
    b.request_line(*text_of(token, 1), "sip:" + *text_of(token, 1) + "@h");
  else
    b.status_line(*rc::gen::inRange(100, 700), *value);
  const int n = *rc::gen::inRange(0, 30);
  for (int i = 0; i < n; ++i) {
    const auto id = static_cast<HeaderId>(*rc::gen::inRange(1, static_cast<int>(kHeaderIdCount)));
    if (id == HeaderId::kContentLength) continue;
    const std::string v = *value + (*rc::gen::arbitrary<bool>() ? "\r\n x" : "");
    if (*rc::gen::arbitrary<bool>())
      b.header(id, v);
    else
      b.header(*text_of(token, 1), v);
  }
  const std::string bytes = b.finish(*rc::gen::string<std::string>());
  const auto m = Message::parse(bytes);
  RC_PRE(m.has_value() || m.error().code != ErrorCode::kTooLarge);
  RC_ASSERT(m.has_value());
  const auto again = Message::parse(write(*m));
  RC_ASSERT(again.has_value());
  expect_same(*m, *again);
  const auto frame = find_frame(bytes);
  RC_ASSERT(frame.has_value() && frame->has_value());
  RC_ASSERT((*frame)->length == bytes.size());
}

TEST(RoundTrip, UntouchedHeadersLeaveByteForByte) {
  const std::string text = causeway::testing::teams_invite();
  const auto m = Message::parse(text);
  ASSERT_TRUE(m);
  Builder b;
  b.request_line(m->method_text(), m->request_uri());
  for (const HeaderField& f : m->headers()) b.copy(f);
  EXPECT_EQ(b.add("\r\n").add(m->body()).text(), text);
}

RC_GTEST_PROP(Response, IsAlwaysValidAndCarriesTheRequestsVia, ()) {
  const std::string token = "abcXYZ019-.!%*_+`'~";
  std::string via = "SIP/2.0/UDP " + *text_of("abc019.-", 1) + ";branch=z9hG4bK" + *text_of(token);
  const int n = *rc::gen::inRange(0, 5);
  for (int i = 0; i < n; ++i)
    via += *rc::gen::element<std::string>(";rport", "; RPORT", ";received=1.2.3.4", ";ttl=1",
                                          ";x=\"a;rport,\"", ";;");
  const Message r = request(via);
  const auto in = parse_via(r.value(HeaderId::kVia));
  RC_PRE(in.has_value());
  const Message out = response(r);
  RC_ASSERT(validate(out).has_value());
  const auto back = parse_via(out.value(HeaderId::kVia));
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->branch == in->branch);
  RC_ASSERT(back->host == in->host);
  RC_ASSERT(find_param(back->params, "received") == std::string_view("198.51.100.7"));
  if (in->rport) RC_ASSERT(!find_param(back->params, "rport")->empty());
}

}  // namespace
}  // namespace causeway::sip
