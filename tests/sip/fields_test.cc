#include "sip/fields.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sip/build.h"
#include "sip/limits.h"
#include "sip/multipart.h"
#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

Message request(const std::string& headers, const std::string& uri = "sip:+4930@gw.example") {
  auto m = Message::parse("INVITE " + uri +
                          " SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:b@h>\r\n"
                          "Call-ID: 1\r\nCSeq: 1 INVITE\r\n" +
                          headers + "\r\n");
  EXPECT_TRUE(m) << headers;
  return std::move(*m);
}

template <typename T>
std::string written(const T& x) {
  std::string out;
  write(out, x);
  return out;
}

TEST(Fields, SessionExpires) {
  const auto x = parse_session_expires(" 1800 ; x=1;Refresher = UAS");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->seconds, 1800U);
  EXPECT_EQ(x->refresher, Refresher::kUas);
  EXPECT_EQ(written(*x), "1800;refresher=uas");
  EXPECT_EQ(parse_session_expires("90")->refresher, Refresher::kNone);
  for (const char* bad : {"", "x", "-1", "4294967296", "1800 5", "1800;refresher=me"})
    EXPECT_FALSE(parse_session_expires(bad)) << bad;
  EXPECT_EQ(*parse_seconds("90;x=y"), 90U);  // Min-SE may have parameters
  EXPECT_FALSE(parse_seconds("9O"));
}

TEST(Fields, RSeqAndRAck) {
  EXPECT_EQ(*parse_rseq(" 2147483647 "), 2147483647U);
  for (const char* bad : {"0", "2147483648", "", "1 2"}) EXPECT_FALSE(parse_rseq(bad)) << bad;
  const auto x = parse_rack("776656 \r\n 1\tINVITE");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->rseq, 776656U);
  EXPECT_EQ(x->cseq, 1U);
  EXPECT_EQ(x->method, "INVITE");
  EXPECT_EQ(written(*x), "776656 1 INVITE");
  for (const char* bad : {"", "1", "1 2", "0 1 INVITE", "1 x INVITE", "1 2 IN VITE", "1 2 \"I\""})
    EXPECT_FALSE(parse_rack(bad)) << bad;
}

TEST(Fields, Reason) {
  const auto x = parse_reason("Q.850 ;cause=16 ;text=\"Terminated; \\\"ok\\\"\"");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->protocol, "Q.850");
  EXPECT_EQ(x->cause, 16U);
  EXPECT_EQ(unquote(x->text), "Terminated; \"ok\"");
  EXPECT_EQ(*parse_reason(written(*x)), *x);
  EXPECT_EQ(parse_reason("SIP")->cause, std::nullopt);
  for (const char* bad : {"", ";cause=1", "Q.850;cause=x", "Q.850;text=\"a", "Q 850;cause=1"})
    EXPECT_FALSE(parse_reason(bad)) << bad;
}

TEST(Fields, Replaces) {
  const auto x = parse_replaces("425928@phone.example.org;to-tag=7743;from-tag=6472;early-only");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->call_id, "425928@phone.example.org");
  EXPECT_EQ(x->to_tag, "7743");
  EXPECT_EQ(x->from_tag, "6472");
  EXPECT_TRUE(x->early_only);
  std::string out;
  write_replaces(out, *x);
  EXPECT_EQ(*parse_replaces(out), *x);
  for (const char* bad : {"", "a@b", "a@b;to-tag=1", "a@b;to-tag=;from-tag=2",
                          ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2"})
    EXPECT_FALSE(parse_replaces(bad)) << bad;
  EXPECT_EQ(parse_target_dialog("a@b;local-tag=l;remote-tag=r")->to_tag, "r");
}

TEST(Fields, ReferToWithAnEmbeddedReplaces) {
  const auto x = parse_refer_to(
      "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3B"
      "from-tag%3D5FFE-3994&Require=replaces>");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->method, "INVITE");
  const auto replaces = uri_header(x->uri.headers, "replaces");
  ASSERT_TRUE(replaces);
  EXPECT_EQ(parse_replaces(*replaces)->from_tag, "5FFE-3994");
  EXPECT_EQ(uri_header(x->uri.headers, "Require"), "replaces");
  EXPECT_EQ(uri_header(x->uri.headers, "Reason"), std::nullopt);
  EXPECT_EQ(uri_header("a=%4", "a"), std::nullopt);
  EXPECT_EQ(parse_refer_to("sip:a@h;method=BYE")->method, "INVITE");  // the header's parameter
  EXPECT_EQ(parse_refer_to("<sip:a@h;method=BYE>")->method, "BYE");
  EXPECT_FALSE(parse_refer_to("<sip:a@h;method=B(E>"));
  EXPECT_FALSE(parse_refer_to("sip:a@h?Replaces=x"));  // needs < and >
}

TEST(Fields, ReferredBy) {
  const auto x = parse_referred_by("<sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"");
  ASSERT_TRUE(x);
  EXPECT_EQ(unquote(x->cid), "2UWQFN309shb3@ref.example");
  EXPECT_FALSE(parse_referred_by("<sip:r@ref.example>;cid=x@y"));
}

TEST(Fields, AssertedIdentities) {
  const auto m = request(
      "P-Asserted-Identity: \"Cullen, J\" <sip:fluffy@cisco.example>, <tel:+14085551212>\r\n"
      "P-Asserted-Identity: <sip:second@h>\r\n");
  const auto x = parse_identities(m, HeaderId::kPAssertedIdentity);
  ASSERT_TRUE(x);
  EXPECT_EQ(x->sip->uri, "sip:fluffy@cisco.example");
  EXPECT_EQ(x->tel->uri, "tel:+14085551212");
  EXPECT_FALSE(parse_identities(m, HeaderId::kPPreferredIdentity)->sip);
  EXPECT_FALSE(
      parse_identities(request("P-Asserted-Identity: <sip:a@h\r\n"), HeaderId::kPAssertedIdentity));
}

TEST(Fields, Privacy) {
  EXPECT_EQ(*parse_privacy("id;critical"), kPrivacyId | kPrivacyCritical);
  EXPECT_EQ(*parse_privacy(" None "), kPrivacyNone);
  EXPECT_EQ(*parse_privacy("id; novel"), kPrivacyId | kPrivacyOther);
  for (const char* bad : {"", ";", "none;id", "i d"}) EXPECT_FALSE(parse_privacy(bad)) << bad;
  std::string out;
  write_privacy(out, kPrivacyHeader | kPrivacyId);
  EXPECT_EQ(out, "header;id");
}

TEST(Fields, Diversion) {
  const auto x = parse_diversion(
      "\"A, B\" <sip:+4930@h;user=phone>;reason=unconditional;counter=2;privacy=off;screen=yes");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->reason, "unconditional");
  EXPECT_EQ(x->counter, 2U);
  EXPECT_EQ(x->limit, std::nullopt);
  EXPECT_EQ(x->privacy, "off");
  EXPECT_EQ(x->screen, "yes");
  EXPECT_FALSE(parse_diversion("<sip:a@h>;counter=two"));
}

TEST(Fields, HistoryInfo) {
  const auto x = parse_history_entry("<sip:b@h?Reason=SIP%3Bcause%3D302>;index=1.2.1;mp=1.2");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->index, "1.2.1");
  EXPECT_EQ(x->mark, 'm');
  EXPECT_EQ(x->target, "1.2");
  for (const char* bad : {"<sip:b@h>", "<sip:b@h>;index=", "<sip:b@h>;index=1.",
                          "<sip:b@h>;index=.1", "<sip:b@h>;index=1..2", "<sip:b@h>;index=a"})
    EXPECT_FALSE(parse_history_entry(bad)) << bad;
}

TEST(Fields, EventAndSubscriptionState) {
  const auto e = parse_event("refer;id=93809824");
  ASSERT_TRUE(e);
  EXPECT_EQ(written(*e), "refer;id=93809824");
  EXPECT_EQ(parse_event("message-summary.winfo")->package, "message-summary.winfo");
  for (const char* bad : {"", ";id=1", "a b", "a;id=\"x\""}) EXPECT_FALSE(parse_event(bad)) << bad;
  const auto s = parse_subscription_state("terminated;reason=noresource;retry-after=5;expires=0");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->state, "terminated");
  EXPECT_EQ(s->reason, "noresource");
  EXPECT_EQ(*parse_subscription_state(written(*s)), *s);
  EXPECT_FALSE(parse_subscription_state("active;expires=soon"));
}

TEST(Fields, RetryAfter) {
  EXPECT_EQ(parse_retry_after("18000;duration=3600")->duration, 3600U);
  EXPECT_EQ(parse_retry_after("120 (I'm (really) in a meeting \\))")->seconds, 120U);
  EXPECT_EQ(parse_retry_after("120 (x) ;duration=1")->duration, 1U);
  EXPECT_EQ(written(*parse_retry_after("5 ;duration=7")), "5;duration=7");
  for (const char* bad : {"", "soon", "5 (x", "5 x", "949302838503028349304023988", "5;duration=x"})
    EXPECT_FALSE(parse_retry_after(bad)) << bad;
}

TEST(Fields, Warning) {
  const auto x = parse_warning("307 isi.example \"Session parameter 'foo' not understood\"");
  ASSERT_TRUE(x);
  EXPECT_EQ(x->code, 307);
  EXPECT_EQ(x->agent, "isi.example");
  EXPECT_EQ(*parse_warning(written(*x)), *x);
  for (const char* bad : {"", "1812 overture \"In Progress\"", "99 a \"b\"", "307 a b", "307 \"b\"",
                          "307 a \"b", "307 a b \"c\""})
    EXPECT_FALSE(parse_warning(bad)) << bad;
}

TEST(Fields, Timestamp) {
  EXPECT_EQ(parse_timestamp("54.3 0.5")->delay, "0.5");
  EXPECT_EQ(parse_timestamp("54")->time, "54");
  for (const char* bad : {"", ".5", "x", "5 x", "5 6 7", "1.2.3"})
    EXPECT_FALSE(parse_timestamp(bad)) << bad;
}

TEST(Fields, MediaTypesAndDispositions) {
  EXPECT_TRUE(parse_media_type("Application / SDP ;charset=x")->is("application", "sdp"));
  for (const char* bad : {"", "text", "/plain", "text/", "te xt/plain"})
    EXPECT_FALSE(parse_media_type(bad)) << bad;
  EXPECT_TRUE(parse_disposition("session;handling=Optional")->optional);
  EXPECT_FALSE(parse_disposition("session;handling=required")->optional);
  EXPECT_TRUE(accepts(request(""), "application", "sdp"));
  EXPECT_TRUE(
      accepts(request("Accept: text/plain, application/*;q=0.1\r\n"), "application", "sdp"));
  EXPECT_TRUE(accepts(request("Accept: text/plain\r\nAccept: */*\r\n"), "application", "sdp"));
  EXPECT_FALSE(accepts(request("Accept: text/nobodyKnowsThis\r\n"), "application", "sdp"));
}

TEST(Fields, TokenLists) {
  const auto m = request("Supported: timer,\r\n 100rel\r\nk: replaces\r\nAllow: INVITE, ack\r\n");
  EXPECT_TRUE(has_token(m, HeaderId::kSupported, "100REL"));
  EXPECT_TRUE(has_token(m, HeaderId::kSupported, "replaces"));
  EXPECT_FALSE(has_token(m, HeaderId::kSupported, "path"));
  EXPECT_TRUE(has_token(m, HeaderId::kAllow, "INVITE"));
  EXPECT_FALSE(has_token(m, HeaderId::kAllow, "ACK"));
  EXPECT_FALSE(each_token(request("Require: a b\r\n"), HeaderId::kRequire,
                          [](std::string_view) { return true; }));
}

TEST(Fields, QuotingAndEscapes) {
  EXPECT_EQ(quote("a\"b\\c\r\n"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(unquote("plain"), "plain");
  EXPECT_EQ(unescape("a%40b%3b"), "a@b;");
  for (const char* bad : {"%", "%4", "%zz", "a%4"}) EXPECT_EQ(unescape(bad), std::nullopt) << bad;
}

RC_GTEST_PROP(FieldsProperty, QuotedTextIsReadBack, (const std::string& text)) {
  std::string clean;
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) clean += c;
  RC_ASSERT(unquote(quote(text)) == clean);
}

RC_GTEST_PROP(FieldsProperty, WhatIsWrittenIsReadBack,
              (std::uint32_t a, std::uint32_t b, bool c, bool d)) {
  const SessionExpires se{a, c ? Refresher::kUac : d ? Refresher::kUas : Refresher::kNone};
  RC_ASSERT(*parse_session_expires(written(se)) == se);
  const RAck rack{a % 0x7fffffffU + 1, b, c ? "INVITE" : "x!%*"};
  RC_ASSERT(*parse_rack(written(rack)) == rack);
  const Reason reason{"SIP", c ? std::optional(a) : std::nullopt, d ? "\"t;=,\"" : ""};
  RC_ASSERT(*parse_reason(written(reason)) == reason);
  const RetryAfter ra{a, c ? std::optional(b) : std::nullopt};
  RC_ASSERT(*parse_retry_after(written(ra)) == ra);
  const SubscriptionState ss{"active", d ? "giveup" : "", c ? std::optional(a) : std::nullopt,
                             d ? std::optional(b) : std::nullopt};
  RC_ASSERT(*parse_subscription_state(written(ss)) == ss);
}

// Any message in the form that we write leaves as it came, whatever its headers hold.
RC_GTEST_PROP(MessageProperty, ParsedAndWrittenAgainIsTheSameBytes, ()) {
  const auto text = [](const std::string& alphabet, int most) {
    return *rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::elementOf(alphabet)));
  };
  const std::string names = "abcXYZ-.!%*_+`'~09";
  const std::string values = "ab ;,<>=\"\\:/?@#%\t\xc3\xa4(){}[]09";
  std::string out = "INVITE sip:" + text("ab09#;=-", 20) + "x@h SIP/2.0\r\n";
  const int n = *rc::gen::inRange(0, 20);
  for (int i = 0; i < n; ++i) {
    std::string name = *rc::gen::elementOf(std::vector<std::string>{
        "Via", "v", "f", "To", "Contact", "X-Own", "k", "Event", "Session-Expires", ""});
    if (name.empty()) name = "N" + text(names, 30);
    if (iequals(name, "l") || iequals(name, "Content-Length")) continue;
    std::string value = "v" + text(values, 60) + "e";
    if (*rc::gen::inRange(0, 3) == 0) value += "\r\n " + text(values, 20) + "e";
    out += name + ": " + value + "\r\n";
  }
  const std::string body = text("\r\nab\xff", 40);
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto m = Message::parse(out);
  RC_ASSERT(m.has_value());
  Builder b;
  b.request_line(m->method_text(), m->request_uri());
  for (const HeaderField& f : m->headers())
    if (f.id != HeaderId::kContentLength) b.copy(f);
  RC_ASSERT(b.finish(m->body()) == out);
}

// --- Limits
// ---------------------------------------------------------------------------------------

std::string refused(const std::string& headers, const std::string& uri = "sip:+4930@gw.example") {
  const auto s = check_limits(request(headers, uri), {});
  return s ? "" : std::to_string(error_info(s.error().code).sip_status) + " " + s.error().what;
}

TEST(Limits, EachFieldIsRefusedByName) {
  const std::string a300(300, 'a');
  const std::string a600(600, 'a');
  const std::string a2000(2000, 'a');
  EXPECT_EQ(refused(""), "");
  EXPECT_EQ(refused("", "sip:x@" + a2000), "414 Request-URI of 2006 bytes, at most 1024 are taken");
  EXPECT_EQ(refused("", "sip:" + a600 + "@h"),
            "400 user part in the Request-URI of 600 bytes, at most 512 are taken");
  EXPECT_EQ(refused("Contact: <sip:a@h>, <sip:a@" + a2000 + ">\r\n"),
            "400 Contact URI of 2006 bytes, at most 1024 are taken");
  EXPECT_EQ(refused("m: <sip:" + a600 + "@h>\r\n"),
            "400 user part in Contact of 600 bytes, at most 512 are taken");
  EXPECT_EQ(refused("From: <sip:a@" + a300 + ">;tag=1\r\n"),
            "400 domain in From of 300 bytes, at most 255 are taken");
  EXPECT_EQ(
      refused(std::string(129, 'N') + ": x\r\n"),
      "400 name of header '" + std::string(32, 'N') + "...' of 129 bytes, at most 128 are taken");
  EXPECT_EQ(refused("Content-Type: application/" + a300 + ";x=y\r\n"),
            "400 type in Content-Type of 312 bytes, at most 128 are taken");
  EXPECT_EQ(refused("Supported: a, " + a600 + "\r\n"),
            "400 Supported of 603 bytes, at most 512 are taken");
  EXPECT_EQ(refused("Require: b," + std::string(65, 'a') + "\r\n"),
            "400 option tag in Require of 65 bytes, at most 64 are taken");
}

TEST(Limits, WhatServicesReallySendPasses) {
  const auto invite = Message::parse(causeway::testing::teams_invite());
  ASSERT_TRUE(invite);
  EXPECT_TRUE(check_limits(*invite, {}));
  // A transfer target with the long context that a service puts into its parameters.
  EXPECT_EQ(
      refused("Refer-To: <sip:sip.pstnhub.example:443;transport=tls;x-i=" + std::string(900, 'c') +
              "?Replaces=x>\r\nContact: <sip:api-du.pstnhub.example:443;x-m=" +
              std::string(700, 'c') + ">\r\n"),
      "");
  EXPECT_EQ(refused("Content-Type: multipart/mixed;boundary=" + std::string(70, 'b') + "\r\n"), "");
}

// --- Multipart
// --------------------------------------------------------------------------------------

std::vector<std::string> parts_of(std::string_view body, std::string_view boundary) {
  std::vector<std::string> out;
  auto r = MultipartReader::open(body, boundary);
  if (!r) return {"!" + r.error().what};
  MultipartPart p;
  for (;;) {
    const auto more = r->next(p);
    if (!more) return {"!" + more.error().what};
    if (!*more) return out;
    out.push_back(std::string(p.type) + "|" + std::string(p.content));
  }
}

TEST(Multipart, PartsWithAndWithoutHeaders) {
  EXPECT_EQ(
      parts_of(
          "preamble\r\n--b\r\nContent-Type : application/sdp;x=y\r\n\r\nv=0\r\n\r\n--b  \r\n\r\n"
          "plain\r\n--b--\r\nepilogue --b",
          "b"),
      (std::vector<std::string>{"application/sdp|v=0\r\n", "text/plain|plain"}));
}

TEST(Multipart, ADelimiterIsAWholeLine) {
  EXPECT_EQ(parts_of("--b\r\n\r\nx--b\r\n--bc\r\n--b\r\nc: a/b\r\n\r\n\r\n--b--", "b"),
            (std::vector<std::string>{"text/plain|x--b\r\n--bc", "a/b|"}));
}

TEST(Multipart, MistakesAreRefused) {
  for (const char* bad : {"", "--c\r\n\r\nx\r\n--c--", "--b\r\n\r\nx", "--b\r\nno header\r\n--b--"})
    EXPECT_TRUE(parts_of(bad, "b").size() == 1 && parts_of(bad, "b")[0][0] == '!') << bad;
  EXPECT_TRUE(parts_of("--b--", "b").empty());
}

TEST(Multipart, BoundariesComeQuotedOrNot) {
  EXPECT_EQ(*multipart_boundary("multipart/mixed; boundary=\"a b\""), "a b");
  EXPECT_EQ(*multipart_boundary("Multipart/Related;x=y;Boundary=abc"), "abc");
  for (const std::string& bad :
       {std::string("multipart/mixed"), std::string("multipart/mixed;boundary=\"\""),
        "multipart/mixed;boundary=" + std::string(71, 'x')})
    EXPECT_FALSE(multipart_boundary(bad)) << bad;
  EXPECT_TRUE(is_multipart(" MULTIPART/mixed;x"));
  EXPECT_FALSE(is_multipart("multipart/"));
}

TEST(Fields, EarlyMediaOfTheFirstLineOverAllValues) {
  const auto of = [](const std::string& headers) {
    const auto m = Message::parse("INVITE sip:a@h SIP/2.0\r\n" + headers + "\r\n");
    return early_media_of(*m);
  };
  EXPECT_FALSE(of("P-Early: supported\r\n"));
  EXPECT_EQ(of("P-Early-Media:\r\n"), EarlyMedia{});
  EXPECT_EQ(of("p-early-media: ,;\"x, sendrecvv, sendrecv;x, \"inactive\"\r\n"), EarlyMedia{});
  EXPECT_EQ(of("P-Early-Media: Supported, gated\r\n"),
            (EarlyMedia{.supported = true, .gated = true}));
  EXPECT_EQ(of("P-Early-Media: x-1\r\nP-Early-Media: SENDONLY , inactive\r\n"
               "P-Early-Media: sendrecv, supported\r\n"),
            (EarlyMedia{.supported = true, .says_direction = true, .backward = true}));
  EXPECT_EQ(of("P-Early-Media: recvonly\r\n"),
            (EarlyMedia{.says_direction = true, .forward = true}));
  for (const bool backward : {true, false})
    for (const bool forward : {true, false}) {
      const std::string word(early_media_word(backward, forward));
      EXPECT_EQ(of("P-Early-Media: " + word + "\r\n"),
                (EarlyMedia{.says_direction = true, .backward = backward, .forward = forward}));
    }
}

}  // namespace
}  // namespace causeway::sip
