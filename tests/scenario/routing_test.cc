// Routing by number as the peers see it: whose name stands in our Contact, which headers go where,
// who is refused, and what a call for help is spared.
#include <algorithm>

#include "call/explain.h"
#include "directory/directory.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

namespace dir = causeway::directory;

ConfigOptions options() {
  ConfigOptions o;
  o.top = "[routing]\ncustom_header = \"X-Operator-Content\"\naccount_calls = { Contoso = 2 }\n";
  o.core =
      "trunk = \"fixed\"\n[peer_group.numbers]\ncountry = \"49\"\nnational_prefix = \"0\"\n"
      "international_prefix = \"00\"\n";
  o.cloud = "service = \"direct-routing\"\n";
  o.service = "customer_in_contact = true\n";
  return o;
}

class RoutingTest : public CallTest {
 protected:
  explicit RoutingTest(const ConfigOptions& o = options()) : CallTest(make_config(o)) {
    dir::Builder b;
    b.add(dir::Account{"Contoso", "tenant-c", dir::kDirectRouting, true, "contoso", "", "", {}});
    b.add(dir::Account{"Fabrikam", "tenant-f", dir::kDirectRouting, true, "fabrikam", "", "", {}});
    b.add("+4989123", {"Contoso", dir::kDirectRouting, "gold"});
    b.add("+4989555", {"Fabrikam", dir::kDirectRouting, ""});
    const auto directory = b.build(1);
    rig.each([&](call::GatewayShard& s) { s.use_directory(directory); });
    cloud.request_host = "contoso.sbc.operator.example";
  }
  static std::string header(const sip::Message& m, std::string_view name) {
    for (const auto& f : m.headers())
      if (sip::iequals(f.name, name)) return std::string(f.value);
    return "-";
  }
  std::string trail() {
    const std::string all = rig.trail_of_all();
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, RoutingTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RoutingTest, TheCalledNumbersCustomerStandsInContact) {
  PROVES("TDR-50");
  PROVES("MT-06");
  PROVES("MT-10");
  auto d = core.invite("089123", "P-Asserted-Identity: <sip:030777@core.example>\r\n",
                       sdp("10.1.0.1", 40000), "030111");
  const auto invite = cloud.expect("INVITE");
  EXPECT_EQ(invite.request_uri(), "sip:+4989123@sip.pstnhub.example;user=phone");
  EXPECT_NE(invite.value(HeaderId::kContact).find("@contoso.sbc.operator.example:5061"),
            std::string_view::npos)
      << invite.value(HeaderId::kContact);
  EXPECT_NE(invite.value(HeaderId::kFrom).find("<sip:+4930777@contoso.sbc.operator.example"),
            std::string_view::npos)
      << invite.value(HeaderId::kFrom);
  EXPECT_NE(invite.value(HeaderId::kVia).find(" sbc.operator.example:5061"),
            std::string_view::npos);
  EXPECT_EQ(invite.value(HeaderId::kPAssertedIdentity), "<sip:+4930777@core.example>");
  EXPECT_EQ(header(invite, "X-Operator-Content"), "gold");
  EXPECT_EQ(header(invite, "X-MS-TenantID"), "-") << "it knows its own customers";
  cloud.reply(invite, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  cloud.expect("ACK");
  core.ack(d);
  rig.run(Millis(100));
  auto up = cloud.answered(invite);
  cloud.request(up, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "inactive"));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  EXPECT_NE(ok.value(HeaderId::kContact).find("@contoso.sbc.operator.example:5061"),
            std::string_view::npos)
      << "in every message of the dialog, also after the call was rebuilt";
  cloud.ack(up);
  rig.run(Millis(100));
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].account, "Contoso");
  EXPECT_EQ(rig.records[0].service, "direct-routing");
  EXPECT_EQ(rig.records[0].to, "+4989123");
}

TEST_P(RoutingTest, TheOperatorIsToldWhoseCallItIs) {
  PROVES("OC-01");
  PROVES("TDR-50");
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto invite = core.expect("INVITE");
  EXPECT_EQ(header(invite, "X-MS-TenantID"), "tenant-c");
  EXPECT_EQ(header(invite, "X-Operator-Content"), "gold");
  core.reply(invite, 180);
  const auto ringing = cloud.expect("180");
  EXPECT_NE(ringing.value(HeaderId::kContact).find("@contoso.sbc.operator.example:5061"),
            std::string_view::npos)
      << ringing.value(HeaderId::kContact);
  core.reply(invite, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].tenant, "tenant-c");
}

// A name that is verified is not activated yet: calls show when the service routes to it.
TEST_P(RoutingTest, CallsShowWhichNamesTheServiceRoutesTo) {
  PROVES("TDR-27");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 403);  // "this name is nobody's"
  (void)failure(core, d, 403);
  EXPECT_TRUE(rig.routed_names.empty());
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto rings = cloud.expect("INVITE");
  cloud.reply(rings, 180);
  core.expect("180");
  cloud.reply(rings, 480);
  (void)failure(core, d, 480);
  EXPECT_EQ(rig.routed_names,
            (std::set<std::string>{"contoso.sbc.operator.example of Contoso was taken"}));
  rig.routed_names.clear();
  cloud.request_host = "fabrikam.sbc.operator.example";
  auto from = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989555");
  core.reply(core.expect("INVITE"), 486);
  (void)failure(cloud, from, 486);
  EXPECT_EQ(rig.routed_names,
            (std::set<std::string>{"fabrikam.sbc.operator.example of Fabrikam called us"}));
  rig.routed_names.clear();
  for (const char* host : {"nobody.sbc.operator.example", "sbc.operator.example"}) {
    cloud.request_host = host;  // the calling number tells whose call it is, and no more
    from = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
    core.reply(core.expect("INVITE"), 486);
    (void)failure(cloud, from, 486);
  }
  EXPECT_TRUE(rig.routed_names.empty());
  expect_clean(5);
}

TEST_P(RoutingTest, WhoCallsWithAStrangersNumberIsRefused) {
  PROVES("MT-08");
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989555");
  const auto no = failure(cloud, d, 403);
  EXPECT_NE(no.value(HeaderId::kReason).find("not a direct-routing number of account 'Contoso'"),
            std::string_view::npos)
      << no.value(HeaderId::kReason);
  EXPECT_FALSE(core.has("INVITE"));
  auto sent_on = cloud.invite(
      "+4930111", "History-Info: <sip:+4989123@x>;index=1,<sip:+4930111@x>;index=1.1\r\n",
      secure_sdp("10.2.0.1", 50000), "+4989555");
  core.reply(core.expect("INVITE"), 486);
  (void)failure(cloud, sent_on, 486);
  expect_clean(2);
}

TEST_P(RoutingTest, WhatTheServiceRefusesOneCustomerHarmsNoOther) {
  PROVES("MT-14");
  for (int i = 0; i < 8; ++i) {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    cloud.reply(cloud.expect("INVITE"), 403);
    (void)failure(core, d, 403);
  }
  auto other = core.invite("+4989555", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE", Seconds(1)), 486);
  (void)failure(core, other, 486);
  for (const auto& p : rig.shard(0).peer_reports())
    EXPECT_TRUE(p.group != "cloud" || p.up) << p.peer;
  expect_clean(9);
}

TEST_P(RoutingTest, AStrangersCallsDoNotHarmThePeer) {
  for (int i = 0; i < 20; ++i) {
    auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989555");
    (void)failure(cloud, d, 403);
  }
  auto up = core_calls();
  core_hangs_up(up);
  expect_clean(21);
}

TEST_P(RoutingTest, AnAccountHasItsShareOfCalls) {
  PROVES("GW-05");
  auto first = core_calls();
  auto second = core_calls();
  const std::string wanted =
      "INVITE sip:+4989123@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK1\n"
      "From: <sip:+4930111@10.1.0.1>;tag=1\nTo: <sip:+4989123@10.0.0.1>\nCall-ID: 1\n"
      "CSeq: 1 INVITE\nContact: <sip:a@10.1.0.1>\nMax-Forwards: 70\n";
  const auto told = [&] {
    const auto e = rig.shard(0).explain("core-1", wanted);
    return e && e->decision.refusal ? std::string(e->decision.refusal->label) : std::string();
  };
  EXPECT_EQ(told(), "limit_account_calls") << "explained as it would be refused";
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 503);
  auto other = core.invite("+4989555", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, other, 486);
  core_hangs_up(first);
  rig.run(Seconds(1));
  EXPECT_EQ(told(), "") << "to ask takes nothing";
  auto third = core_calls();
  core_hangs_up(third);
  core_hangs_up(second);
  expect_clean(5);
  EXPECT_TRUE(std::any_of(rig.records.begin(), rig.records.end(), [](const auto& r) {
    return r.reason.find("limit of 2 calls of account 'Contoso' reached") != std::string::npos;
  }));
}

TEST_P(RoutingTest, AnUnprovisionedNumberHasNowhereToGo) {
  PROVES("OC-04");
  auto d = core.invite("+4989000", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 404);
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(1);
}

TEST_P(RoutingTest, ACallForHelpIsSparedAllThat) {
  PROVES("EM-02");
  PROVES("EM-15");
  ConfigOptions o = options();
  o.top = "[routing]\nservice_calls = { direct-routing = 1 }\n";
  o.cloud +=
      "[peer_group.numbers]\ncountry = \"49\"\nnational_prefix = \"0\"\nbare = \"national\"\n";
  ASSERT_TRUE(rig.apply(make_config(o)));
  Peer second(rig, "core-2", "10.1.0.2:5060", Transport::kUdp);
  second.gateway = "10.0.0.1:5060";
  auto up = cloud_calls();
  auto full = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, full, 503);
  // Neither the limit, nor screening, nor the number plan.
  auto d = cloud.invite("112", "P-Asserted-Identity: <sip:030777123@x>\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4912345");
  auto invite = core.expect("INVITE");
  EXPECT_EQ(invite.request_uri(), "sip:112@10.1.0.1");
  EXPECT_EQ(invite.value(HeaderId::kPAssertedIdentity), "<sip:030777123@x>") << "as it came";
  core.reply(invite, 183, "", sdp("10.1.0.1", 40000));
  core.reply(invite, 404);
  core.expect("ACK");
  invite = second.expect("INVITE");
  second.reply(invite, 486);
  (void)failure(cloud, d, 486);
  cloud_hangs_up(up);
  expect_clean(3);
}

TEST_P(RoutingTest, ACallForHelpGoesOnAfterAPeerThatRangForLong) {
  PROVES("EM-15");
  Peer second(rig, "core-2", "10.1.0.2:5060", Transport::kUdp);
  second.gateway = "10.0.0.1:5060";
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto invite = core.expect("INVITE");
  core.reply(invite, 180);
  rig.run(Seconds(20));
  core.reply(invite, 503);
  core.expect("ACK");
  second.reply(second.expect("INVITE"), 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

TEST_P(RoutingTest, AShortCodeBehindItsCountryIsTheShortCode) {
  PROVES("EM-01");
  PROVES("ZM-20");
  auto d = cloud.invite("+49112", "", secure_sdp("10.2.0.1", 50000), "+4912345");
  const auto invite = core.expect("INVITE");
  EXPECT_EQ(invite.request_uri(), "sip:112@10.1.0.1");
  core.reply(invite, 200, "", sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_TRUE(rig.records[0].emergency);
}

TEST_P(RoutingTest, NumbersWithAContextOfTheirOwnStayAsTheyAre) {
  auto d = core.invite("089123",
                       "P-Asserted-Identity: <tel:0301234;phone-context=+44>\r\n"
                       "History-Info: <sip:089123@x>;index=1\r\n",
                       sdp("10.1.0.1", 40000), "030111");
  const auto invite = cloud.expect("INVITE");
  EXPECT_EQ(invite.value(HeaderId::kPAssertedIdentity), "<tel:0301234;phone-context=+44>");
  cloud.reply(invite, 486);
  (void)failure(core, d, 486);
  // The call's own target in its history is nobody who sent it on.
  auto out = cloud.invite("+4930111", "History-Info: <sip:+4930111@x>;index=1\r\n",
                          secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 486);
  (void)failure(cloud, out, 486);
  expect_clean(2);
}

TEST_P(RoutingTest, TheOperatorsNetworkSendsNoEmergencies) {
  PROVES("EM-16");
  auto d = core.invite("112", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 403);
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(1);
  EXPECT_TRUE(rig.records[0].emergency);
}

class TrunkGroupTest : public RoutingTest {
 protected:
  static ConfigOptions with_trunk_group() {
    ConfigOptions o = options();
    o.core_profile = "billing";
    o.service +=
        "[[profile]]\nname = \"billing\"\nextends = \"operator\"\ntenant_in = \"trunk_group\"\n"
        "number_format = \"national\"\n";
    return o;
  }
  TrunkGroupTest() : RoutingTest(with_trunk_group()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, TrunkGroupTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TrunkGroupTest, TheTenantMayBeATrunkGroup) {
  PROVES("MT-11", "GW-10");
  auto d = cloud.invite("+4930111", "P-Asserted-Identity: <sip:+4989123@x>, <tel:+4989123>\r\n",
                        secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto invite = core.expect("INVITE");
  EXPECT_EQ(header(invite, "X-MS-TenantID"), "-");
  EXPECT_NE(
      invite.value(HeaderId::kContact).find("sip:089123;tgrp=tenant-c;trunk-context=10.0.0.1@"),
      std::string_view::npos)
      << invite.value(HeaderId::kContact);
  EXPECT_EQ(invite.request_uri(), "sip:030111@10.1.0.1");
  EXPECT_EQ(invite.value(HeaderId::kPAssertedIdentity), "<sip:089123@x>, <tel:089123>");
  core.reply(invite, 486);
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
