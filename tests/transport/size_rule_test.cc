#include "transport/size_rule.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::transport {
namespace {

TEST(SizeRule, TheTopViaAloneIsRewritten) {
  const std::string rest = "\r\nVia: SIP/2.0/UDP other;branch=z9hG4bK2\r\n\r\nSIP/2.0/UDP body";
  const auto top = [&](const std::string& via) {
    const std::string out = with_tcp_via("INVITE sip:a@h SIP/2.0\r\nVia: " + via + rest, 5062);
    EXPECT_TRUE(out.ends_with(rest)) << out;
    const auto from = out.find("Via: ") + 5;
    return out.substr(from, out.find("\r\n", from) - from);
  };
  EXPECT_EQ(top("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport"),
            "SIP/2.0/TCP 10.0.0.1:5062;branch=z9hG4bK1");
  EXPECT_EQ(top("SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1"),
            "SIP/2.0/TCP [2001:db8::1]:5062;branch=z9hG4bK1");
  EXPECT_EQ(top("SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1"),
            "SIP/2.0/TCP [2001:db8::1]:5062;branch=z9hG4bK1");
  EXPECT_EQ(top("SIP/2.0/UDP sbc.example"), "SIP/2.0/TCP sbc.example:5062");
}

TEST(SizeRule, SizeAndRefusalDecide) {
  PROVES("TDR-90");
  SizeRule rule;
  const Instant now{Seconds{100}};
  Destination to;
  to.remote = *Endpoint::parse("10.1.0.1:5060");
  EXPECT_FALSE(rule.prefers_tcp(to, 60'000, now)) << "not allowed for this peer";
  to.tcp_listener = deployment::ListenerIndex{1};
  to.tcp_above = 1'300;
  EXPECT_FALSE(rule.prefers_tcp(to, 1'300, now));
  EXPECT_TRUE(rule.prefers_tcp(to, 1'301, now));
  rule.refused(to.remote, now);
  EXPECT_FALSE(rule.prefers_tcp(to, 1'301, now + Seconds{59}));
  EXPECT_TRUE(rule.prefers_tcp(to, 1'301, now + SizeRule::kRemembered));
  for (std::uint16_t port = 1; port < 1'000; ++port) rule.refused({to.remote.address, port}, now);
  to.remote.port = 999;
  EXPECT_TRUE(rule.prefers_tcp(to, 1'301, now + Seconds{1})) << "memory is bounded";
}

}  // namespace
}  // namespace causeway::transport
