#include "sip/headers.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/proves.h"

namespace causeway::sip {
namespace {

std::vector<std::string> values(std::string_view list) {
  std::vector<std::string> out;
  for (auto v = next_value(list); !v.empty(); v = next_value(list)) out.emplace_back(v);
  return out;
}

TEST(Uri, PartsAreFound) {
  const auto u = parse_uri("sips:+49:pw@h.example:5061;transport=tls;lr?Subject=x&Priority=y");
  ASSERT_TRUE(u);
  EXPECT_TRUE(u->is_sip());
  EXPECT_TRUE(u->is_sips());
  EXPECT_EQ(u->user, "+49");
  EXPECT_EQ(u->password, "pw");
  EXPECT_EQ(u->host, "h.example");
  EXPECT_EQ(u->port, 5061);
  EXPECT_EQ(u->param("TRANSPORT"), "tls");
  EXPECT_EQ(u->param("lr"), "");
  EXPECT_EQ(u->param("maddr"), std::nullopt);
  EXPECT_EQ(u->headers, "Subject=x&Priority=y");
}

TEST(Uri, HostAloneHasNoUser) {
  const auto u = parse_uri("SIP:sbc1.example.net");
  ASSERT_TRUE(u);
  EXPECT_TRUE(u->is_sip());
  EXPECT_EQ(u->user, "");
  EXPECT_EQ(u->port, 0);
}

TEST(Uri, RawNumberSignInTheUserPartIsAccepted) {
  PROVES("TDR-61");
  const auto u = parse_uri("sip:*31#+4930901820@sbc1.example.net;user=phone");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->user, "*31#+4930901820");
  EXPECT_EQ(u->param("user"), "phone");
  EXPECT_EQ(parse_uri("sip:112#@sbc1.example.net")->user, "112#");
}

TEST(Uri, AtSignNeedsAUserPart) {
  PROVES("TDR-26");
  EXPECT_FALSE(parse_uri("sip:@sbc1.example.net"));
  EXPECT_FALSE(parse_uri("sips::pw@sbc1.example.net"));
  EXPECT_FALSE(parse_name_addr("<sip:@sbc1.example.net>;tag=1"));
  EXPECT_TRUE(parse_uri("sip:sbc1.example.net"));
}

TEST(Uri, Ipv6KeepsItsBrackets) {
  const auto u = parse_uri("sip:a@[2001:db8::9:1]:5070;x=1");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->host, "[2001:db8::9:1]");
  EXPECT_EQ(u->port, 5070);
  EXPECT_EQ(parse_uri("sip:[::1]")->host, "[::1]");
  for (const char* bad :
       {"sip:a@[2001:db8::1", "sip:a@[]", "sip:a@[zz]", "sip:a@[::1]x", "sip:a@2001:db8::1"})
    EXPECT_FALSE(parse_uri(bad)) << bad;
}

TEST(Uri, UserPartMayLookLikeParameters) {
  const auto u = parse_uri("sip:user;par=u%40example.net@example.com;p=1");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->user, "user;par=u%40example.net");
  EXPECT_EQ(u->params, "p=1");
}

TEST(Uri, TelHoldsANumber) {
  const auto u = parse_uri("tel:+1-201-555-0123;phone-context=example.com");
  ASSERT_TRUE(u);
  EXPECT_TRUE(u->is_tel());
  EXPECT_EQ(u->user, "+1-201-555-0123");
  EXPECT_EQ(u->param("phone-context"), "example.com");
  EXPECT_EQ(u->host, "");
  EXPECT_FALSE(parse_uri("tel:"));
  EXPECT_FALSE(parse_uri("tel:;x=1"));
}

TEST(Uri, OtherSchemesAreKeptWhole) {
  const auto u = parse_uri("urn:service:sos");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->scheme, "urn");
  EXPECT_FALSE(u->is_sip() || u->is_tel());
}

TEST(Uri, MistakesAreRefused) {
  for (const char* bad : {"", "sip", ":x", "sip:", "s(ip:x", "sip:a@", "sip:a@h:", "sip:a@h:65536",
                          "sip:a@h:5x", "sip:a b@h", "sip:a@h h", "sip:a@h;x=\"", "sip:<a@h",
                          "sip:[a]@h", "sip:a\\b@h", "sip:a@h_%41", "sip:a@;x", "sip:a\x7f@h"})
    EXPECT_FALSE(parse_uri(bad)) << bad;
}

TEST(NameAddr, DisplayNameUriAndParameters) {
  const auto a = parse_name_addr("  \"Ada \\\"x\\\" <L>\" <sip:a@h;user=phone?a=b> ; tag = 1c2 ;x");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->display, "\"Ada \\\"x\\\" <L>\"");
  EXPECT_EQ(a->uri, "sip:a@h;user=phone?a=b");
  EXPECT_EQ(a->tag(), "1c2");
  EXPECT_EQ(a->param("x"), "");
}

TEST(NameAddr, WithoutBracketsEveryParameterIsTheHeaders) {
  const auto a = parse_name_addr("sip:a@h;tag=9");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->uri, "sip:a@h");
  EXPECT_EQ(a->tag(), "9");
  EXPECT_EQ(parse_name_addr("<sip:a@h;tag=9>")->tag(), "") << "inside the brackets it is the URI's";
}

TEST(NameAddr, TokensMayStandUnquoted) {
  EXPECT_EQ(parse_name_addr("Ada Love<sip:a@h>")->display, "Ada Love");
  EXPECT_EQ(parse_name_addr("\"\"<sip:a@h>")->display, "\"\"");
  EXPECT_EQ(parse_name_addr("*")->uri, "*");
}

TEST(NameAddr, MistakesAreRefused) {
  for (const char* bad : {"", "<>", "Ada", "\"Ada <sip:a@h>", "<sip:a@h", "<sip:a@h> x", "\"Ada\\",
                          "<sip:a@h>, <sip:b@h>"})
    EXPECT_FALSE(parse_name_addr(bad)) << bad;
}

TEST(ViaHeader, PartsAreFound) {
  const auto v =
      parse_via("SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKa;rport, SIP/2.0/UDP x;branch=2");
  ASSERT_TRUE(v);
  EXPECT_EQ(v->transport, "TLS");
  EXPECT_EQ(v->host, "[2001:db8::1]");
  EXPECT_EQ(v->port, 5061);
  EXPECT_EQ(v->branch, "z9hG4bKa");
  EXPECT_TRUE(v->rport);
}

TEST(ViaHeader, WhiteSpaceMayStandAnywhereTheGrammarAllows) {
  const auto v = parse_via("sip  / 2.0\r\n / UDP \t h.example : 5070 ;\r\n  branch =  z9hG4bK9 ");
  ASSERT_TRUE(v);
  EXPECT_EQ(v->transport, "UDP");
  EXPECT_EQ(v->host, "h.example");
  EXPECT_EQ(v->port, 5070);
  EXPECT_EQ(v->branch, "z9hG4bK9");
  EXPECT_FALSE(v->rport);
}

TEST(ViaHeader, MistakesAreRefused) {
  for (const char* bad :
       {"", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/3.0/UDP h", "SIP/2.0/UDP ;branch=1", "SIP/2.0/ h",
        "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h h", "HTTP/2.0/UDP h"})
    EXPECT_FALSE(parse_via(bad)) << bad;
}

TEST(Lists, SplitAtCommasOutsideQuotesAndBrackets) {
  EXPECT_EQ(values("\"a, \\\"b\" <sip:x,y@h>;p=1 ,<sip:z@h>"),
            (std::vector<std::string>{"\"a, \\\"b\" <sip:x,y@h>;p=1", "<sip:z@h>"}));
  EXPECT_EQ(values("one"), (std::vector<std::string>{"one"}));
  EXPECT_TRUE(values("").empty());
}

TEST(Lists, EmptyElementsDoNotHideWhatFollows) {
  EXPECT_EQ(values(" , a,, b ,"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(values(" , ,").empty());
}

TEST(Lists, UnbalancedQuotesAndEscapesEndWithTheText) {
  EXPECT_EQ(values("\"a, b"), (std::vector<std::string>{"\"a, b"}));
  EXPECT_EQ(values("\"a\\"), (std::vector<std::string>{"\"a\\"}));
  EXPECT_EQ(values("a>, b"), (std::vector<std::string>{"a>", "b"}));
}

TEST(Parameters, AreFoundByNameInAnyCase) {
  const std::string_view p = "a=1; B = \"x;y\\\";c=9\" ;flag;;d=";
  EXPECT_EQ(find_param(p, "A"), "1");
  EXPECT_EQ(find_param(p, "b"), "\"x;y\\\";c=9\"");
  EXPECT_EQ(find_param(p, "c"), std::nullopt) << "inside quotes";
  EXPECT_EQ(find_param(p, "flag"), "");
  EXPECT_EQ(find_param(p, "d"), "");
  EXPECT_EQ(find_param("", "d"), std::nullopt);
  EXPECT_EQ(find_param("x=\"\\", "y"), std::nullopt);
}

TEST(Numbers, U32IsDecimalAlone) {
  EXPECT_EQ(parse_u32("4294967295"), 4294967295U);
  for (const char* bad : {"", "4294967296", "-1", "+1", "1 ", "0x1"})
    EXPECT_EQ(parse_u32(bad), std::nullopt) << bad;
}

TEST(Uri, AsARequestIsSentToItHasNeitherHeadersNorMethod) {
  const auto as = [](std::string_view uri) { return as_request_uri(uri); };
  EXPECT_EQ(as("sip:c@h;lr"), "sip:c@h;lr");
  EXPECT_EQ(as("sip:c@10.2.0?1"), "sip:c@10.2.0");
  EXPECT_EQ(as("SIPS:a?b@h:5061;transport=tcp?subject=x&y=z"), "SIPS:a?b@h:5061;transport=tcp");
  EXPECT_EQ(as("sip:h;METHOD=REFER;maddr=1.2.3.4"), "sip:h;maddr=1.2.3.4");
  EXPECT_EQ(as("sip:a;method=x@h;method=BYE;method=INVITE"), "sip:a;method=x@h");
  EXPECT_EQ(as("tel:+49;phone-context=a?b"), "tel:+49;phone-context=a?b");
  EXPECT_EQ(as("sip:h?"), "sip:h");
}

}  // namespace
}  // namespace causeway::sip
