// Telephone numbers in every form that a URI gives them (RFC 3966, RFC 3261 19.1.6): a tel URI
// routes as its SIP twin does, and what stands behind the number crosses where the profile lists
// it.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class NumberTest : public CallTest {
 protected:
  // What the service is called with when the core calls `target`.
  std::string reaches_cloud(const std::string& target, const std::string& headers = "") {
    auto d = core.invite(target, headers, sdp("10.1.0.1", 40000));
    auto inv = cloud.expect("INVITE");
    std::string uri(inv.request_uri());
    const auto to = sip::parse_name_addr(inv.value(HeaderId::kTo));
    EXPECT_EQ(std::string(to->uri), uri);
    cloud.reply(inv, 486);
    cloud.expect("ACK");
    (void)failure(core, d, 486);
    return uri;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, NumberTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(NumberTest, TelUriRoutesAsItsSipTwin) {
  const std::string there = "@sip.pstnhub.example;user=phone";
  for (const char* target :
       {"+12015550123", "tel:+1-201-555-0123", "tel:+12015550123;ext=5", "%2B12015550123",
        "tel:%2B12015550123", "tel:555-0123;phone-context=+1-201", "+12015550123;npdi;rn=+1999",
        "TEL:+1(201)555.0123"})
    EXPECT_EQ(reaches_cloud(std::string(target).starts_with("TEL") ? "tel" + std::string(target + 3)
                                                                   : target),
              "sip:+12015550123" + there)
        << target;
  expect_clean(8);
  for (const auto& r : rig.records) EXPECT_EQ(r.to, "+12015550123");
}

TEST_P(NumberTest, ParametersCrossToWhoWantsThem) {
  ASSERT_TRUE(rig.apply(make_config(
      {.service = "number_parameters = [\"ext\", \"isub\", \"phone-context\", \"rn\", \"npdi\", "
                  "\"cic\"]\n"})));
  const std::string there = "@sip.pstnhub.example;user=phone";
  EXPECT_EQ(reaches_cloud("tel:+1-201-555-0123;ext=5"), "sip:+12015550123;ext=5" + there);
  EXPECT_EQ(reaches_cloud("tel:+12015550123;rn=+1-201;npdi;cic=+1-6789;isub=12;odd=1"),
            "sip:+12015550123;isub=12;cic=+1-6789;npdi;rn=+1-201" + there);
  EXPECT_EQ(reaches_cloud("+12015550123;npdi;rn=+1201"), "sip:+12015550123;npdi;rn=+1201" + there);
  EXPECT_EQ(reaches_cloud("tel:7042;phone-context=example.com"),
            "sip:7042;phone-context=example.com" + there)
      << "nothing is put in front of a private number";
  EXPECT_EQ(reaches_cloud("tel:863-1234;phone-context=+1-914-555"), "sip:+19145558631234" + there);
  expect_clean(5);
}

TEST_P(NumberTest, OperatorHearsWhatItsNumberIsAbout) {
  auto d = cloud.invite("+4930111;npdi;rn=+49199;tgrp=x", "", secure_sdp("10.2.0.1", 50000));
  auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4930111;npdi;rn=+49199@10.1.0.1;user=phone");
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].to, "+4930111");
}

TEST_P(NumberTest, WhatIsNoNumberIsRefusedAsItsGrammarSays) {
  struct Case {
    const char* target;
    int status;
  };
  const Case cases[] = {{"tel:+49x", 400},
                        {"tel:+1;phone-context=+1", 400},
                        {"tel:+1;ext=", 400},
                        {"tel:7042", 484},
                        {"tel:ab;phone-context=example.com", 404}};
  for (const Case& c : cases) {
    auto d = core.invite(c.target, "", sdp("10.1.0.1", 40000));
    core.ack_failure(d, core.expect(std::to_string(c.status) + " INVITE"));
  }
  expect_clean(std::size(cases));
}

TEST_P(NumberTest, AGroupOfAnyNumberTakesALocalOneWithoutItsContext) {
  ASSERT_TRUE(rig.apply(make_config({.core = "any_number = true\n"})));
  EXPECT_EQ(reaches_cloud("tel:7042"), "sip:+7042@sip.pstnhub.example;user=phone");
  expect_clean(1);
}

TEST_P(NumberTest, EmergencyIsSeenWhateverStandsAroundTheNumber) {
  PROVES("EM-01");
  for (const char* target : {"tel:112", "tel:1-1-2;phone-context=+49", "tel:112;phone-context=a.b",
                             "112;phone-context=+49", "+112", "%31%31%32", "tel:911;ext="}) {
    const std::string digits = std::string(target).find("911") != std::string::npos ? "911" : "112";
    EXPECT_EQ(reaches_cloud(target), "sip:" + digits + "@sip.pstnhub.example;user=phone") << target;
  }
  expect_clean(7);
  for (const auto& r : rig.records) EXPECT_TRUE(r.emergency) << r.to;
}

TEST_P(NumberTest, IdentityIsReadFromATelUri) {
  auto d = core.invite("+4989123",
                       "From: <tel:+49-30-111;ext=1>;tag=f\r\n"
                       "P-Asserted-Identity: <tel:222;phone-context=+49-30>\r\n",
                       sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(sip::parse_name_addr(inv.value(HeaderId::kFrom))->uri,
            "sip:+4930222@sbc.operator.example;user=phone");
  cloud.reply(inv, 486);
  d.local = "<tel:+49-30-111;ext=1>;tag=f";
  (void)failure(core, d, 486);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].from, "+4930222");
}

}  // namespace
}  // namespace causeway::scenario
