#include "lab/sip_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::lab {
namespace {

constexpr std::string_view kInvite =
    "INVITE sip:+3225550001@sbc.operator.example:5061;user=phone;transport=tls SIP/2.0\r\n"
    "VIA: SIP/2.0/TLS sip.pstnhub.example:5061;branch=z9hG4bK1, SIP/2.0/TLS "
    "other.example;branch=z9hG4bK2\r\n"
    "f: \"Smith, \\\"J\" <sip:+44@x.example;user=phone>;tag=abc\r\n"
    "t: <sip:+3225550001@sbc.operator.example>\r\n"
    "i: one\r\n"
    "CSEQ: 17 INVITE\r\n"
    "P-ASSERTED-IDENTITY: <tel:+44>,<sip:user@customer.example>\r\n"
    "Subject: folded\r\n and continued\r\n"
    "l: 4\r\n\r\nbody";

TEST(SipText, reads_capitals_compact_forms_lists_and_folded_lines) {
  const auto m = parse_sip(kInvite);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->method, "INVITE");
  EXPECT_EQ(m->all("Via").size(), 2U);
  EXPECT_EQ(tag_of(m->get("From")), "abc");
  EXPECT_EQ(m->get("Call-ID"), "one");
  EXPECT_EQ(m->cseq_method(), "INVITE");
  EXPECT_EQ(m->cseq_number(), 17U);
  EXPECT_THAT(m->all("P-Asserted-Identity"),
              ::testing::ElementsAre("<tel:+44>", "<sip:user@customer.example>"));
  EXPECT_EQ(m->get("Subject"), "folded and continued");
  EXPECT_EQ(m->body, "body");
}

TEST(SipText, writes_what_it_reads) {
  const auto m = parse_sip(kInvite);
  ASSERT_TRUE(m);
  for (const bool capitals : {false, true}) {
    const auto again = parse_sip(m->to_text(capitals));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->uri, m->uri);
    EXPECT_EQ(again->all("Via"), m->all("Via"));
    EXPECT_EQ(again->body, m->body);
  }
  EXPECT_THAT(m->to_text(true), ::testing::HasSubstr("CALL-ID: one\r\n"));
}

TEST(SipText, refuses_what_is_no_sip) {
  EXPECT_FALSE(parse_sip("hello\r\n\r\n"));
  EXPECT_FALSE(parse_sip("INVITE sip:a SIP/3.0\r\nVia: x\r\n\r\n"));
  EXPECT_FALSE(parse_sip("SIP/2.0 20 OK\r\n\r\n"));
  EXPECT_FALSE(parse_sip(
      "OPTIONS sip:a SIP/2.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCSeq: 1 OPTIONS\r\n\r\n"));  // no
                                                                                           // Call-ID
  std::string shortened(kInvite);
  shortened.pop_back();
  EXPECT_FALSE(parse_sip(shortened));
}

TEST(SipText, cuts_messages_out_of_a_stream) {
  const std::string two = std::string(kInvite) + std::string(kInvite);
  EXPECT_EQ(frame_length(two), kInvite.size());
  for (std::size_t n = 0; n < kInvite.size(); ++n)
    EXPECT_FALSE(frame_length(kInvite.substr(0, n))) << n;
}

TEST(SipText, takes_uris_apart) {
  const auto u = parse_sip_uri("sip:+1#2@SBC.Example:5061;transport=tls;x-c=a/b?h=1");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->user, "+1#2");
  EXPECT_EQ(u->host, "sbc.example");
  EXPECT_EQ(u->port, 5061);
  EXPECT_EQ(parameter(u->params, "x-c"), "a/b");
  EXPECT_EQ(parameter(u->params, "lr"), std::nullopt);
  const auto v6 = parse_sip_uri("sip:[2001:db8::1]:5060");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "[2001:db8::1]");
  EXPECT_TRUE(is_address(v6->host));
  EXPECT_TRUE(parse_sip_uri("sip:@host")->has_at);
  EXPECT_FALSE(parse_sip_uri("nothing"));
  EXPECT_TRUE(is_e164("+3225550001"));
  EXPECT_FALSE(is_e164("3225550001"));
  EXPECT_FALSE(is_e164("+32a"));
}

}  // namespace
}  // namespace causeway::lab
