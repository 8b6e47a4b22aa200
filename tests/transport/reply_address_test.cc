#include "transport/reply_address.h"

#include <gtest/gtest.h>

#include "support/proves.h"

namespace causeway::transport {
namespace {

Endpoint at(const char* text) { return *Endpoint::parse(text); }

sip::Via via(const char* value) { return *sip::parse_via(value); }

deployment::PeerGroup group_of(const char* prefix) {
  deployment::PeerGroup g;
  g.recognition.sources = {*Prefix::parse(prefix)};
  return g;
}

TEST(ReplyAddress, PortIsThatOfTheViaUnlessTheSenderAskedForItsOwn) {
  const Endpoint from = at("192.0.2.1:31000");
  EXPECT_EQ(
      reply_address(via("SIP/2.0/UDP 192.0.2.1:5090;branch=z9hG4bKa"), from, nullptr, nullptr),
      at("192.0.2.1:5090"));
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP pbx.example;branch=z9hG4bKa"), from, nullptr, nullptr),
            at("192.0.2.1:5060"));
  EXPECT_EQ(
      reply_address(via("SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKa"), from, nullptr, nullptr),
      from);
}

TEST(ReplyAddress, AddressIsTheSourceWhateverTheViaSays) {
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bKa"),
                          at("192.0.2.1:5060"), nullptr, nullptr),
            at("192.0.2.1:5060"));
}

TEST(ReplyAddress, ProfileThatKnowsItsSendersAnswersWhereTheySendFrom) {
  deployment::Profile p;
  p.symmetric_response = true;
  const Endpoint from = at("192.0.2.1:31000");
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa"), from, nullptr, &p), from);
}

TEST(ReplyAddress, MaddrIsFollowedWithinTheSourcesOfTheGroupAlone) {
  const auto g = group_of("192.0.2.0/24");
  const deployment::Profile p;
  const Endpoint from = at("192.0.2.1:5060");
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP 192.0.2.1:5070;maddr=192.0.2.7;branch=z9hG4bKa"), from,
                          &g, &p),
            at("192.0.2.7:5070"));
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP 192.0.2.1:5070;maddr=203.0.113.9;branch=z9hG4bKa"), from,
                          &g, &p),
            at("192.0.2.1:5070"))
      << "a stranger is never sent to";
  EXPECT_EQ(reply_address(via("SIP/2.0/UDP 192.0.2.1:5070;maddr=192.0.2.7;branch=z9hG4bKa"), from,
                          nullptr, nullptr),
            at("192.0.2.1:5070"));
}

}  // namespace
}  // namespace causeway::transport
