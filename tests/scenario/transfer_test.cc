// A party of a call hands it over by REFER: to whom it goes, what everybody hears, how it ends.
#include "directory/directory.h"
#include "scenario/transfers.h"
#include "sip/fields.h"

namespace causeway::scenario {
namespace {

class TransferTest : public TransferFixture {
 protected:
  TransferTest() : TransferFixture(make_config({.top = "[limits]\nmax_trail_bytes = 65536\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, TransferTest, ::testing::ValuesIn(all_modes()), mode_name);

// As services write it: no user, parameters with escapes in either case.
constexpr const char* kTarget =
    "sip:sip.pstnhub.example:5061;x-m=8:orgid:4a%2fB%2Fc;x-t=0d-1E;transport=tls";

std::string referred_by(std::size_t length) {
  return "<sip:sip.pstnhub.example;x-ti=0f3c-77;x-m=8:orgid:q;x-tt=https%3a%2F%2F" +
         std::string(length, 'c') + ">";
}

TEST_P(TransferTest, TheServiceIsAskedForItsTargetByteForByte) {
  PROVES("TDR-98", "TDR-99", "TDR-100", "TDR-101", "TDR-103", "TDR-108");
  auto up = core_calls();
  EXPECT_NE(up.invite.value(HeaderId::kAllow).find("REFER"), std::string::npos);
  const std::string by = referred_by(2'000);
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">", "Referred-By: " + by + "\r\n");
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), kTarget);
  EXPECT_EQ(inv.value(HeaderId::kReferredBy), by);
  EXPECT_NE(inv.call_id(), up.invite.call_id());
  EXPECT_FALSE(inv.has(HeaderId::kReplaces));
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated;reason=noresource");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(10));
  EXPECT_EQ(core.count("REFER") + core.count("INVITE") + core.count("BYE") + core.count("NOTIFY"),
            0U);
  EXPECT_NE(rig.trail_of_all().find("blind transfer to " + std::string(kTarget)),
            std::string::npos);
  // Its words go to the target now.
  core.open_rtp(40000);
  cloud.open_rtp(50010);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  hang_up(core, up.core, cloud);
  EXPECT_EQ(cloud.count("BYE"), 1U);
  expect_clean(1);
  const auto& r = rig.records[0];
  EXPECT_EQ(r.termination, "completed");
  EXPECT_EQ(r.transfers, 1U);
  EXPECT_EQ(r.transferred_to, kTarget);
  EXPECT_TRUE(r.transferred_by.starts_with("sip:sip.pstnhub.example;x-ti="));
  EXPECT_EQ(r.transfer_call_id, inv.call_id());
  EXPECT_EQ(r.egress_call_id, up.invite.call_id());
}

// A number, which routing would send to the core, or a user of the service by its parameters: it is
// for the service to read either.
TEST_P(TransferTest, ATargetIsTheServicesHoweverItIsWritten) {
  PROVES("TDR-102");
  auto up = core_calls();
  for (const char* target :
       {"sip:+4930111@sip.pstnhub.example:5061;user=phone;transport=tls",
        "sip:+4930111;ext=12@sip2.pstnhub.example;x-m=4:%2B4930111;x-t=0d-1e",
        "sip:sip.pstnhub.example;x-t=0d-1E;x-m=8:orgid:4a%2fB%2Fc;transport=tls"}) {
    refer(cloud, up.cloud, "<" + std::string(target) + ">");
    const auto inv = cloud.expect("INVITE");
    EXPECT_EQ(inv.request_uri(), target);
    cloud.reply(inv, 486, "", "", "busy");
    hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
    rig.run(Seconds(1));
  }
  EXPECT_EQ(core.count("INVITE"), 0U) << "its number is not routed";
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(TransferTest, ATargetThatRingsWithoutEndLeavesTheCallAsItWas) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  const auto cancel = cloud.expect("CANCEL", Seconds(200));
  cloud.reply(cancel, 200);
  cloud.reply(inv, 487, "", "", "target");
  hears(cloud, "SIP/2.0 480 Temporarily Unavailable", "terminated");
  rig.run(Seconds(5));
  EXPECT_EQ(core.count("BYE") + cloud.count("BYE"), 0U) << "they talk on";
  hang_up(core, up.core, cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

// Who has hung up need not answer what it was asked before.
TEST_P(TransferTest, AReinviteThatTheTransferorLeavesUnansweredDoesNotEndTheTransferredCall) {
  PROVES("TDR-107");
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  rig.run(Seconds(1));
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  auto target = cloud_answers(inv, 50010, "target");
  // What was asked of either side meanwhile is answered, but by the transferor.
  for (int i = 0; i < 60; ++i) {
    rig.run(Seconds(1));
    while (cloud.has("INVITE")) {
      const auto again = cloud.expect("INVITE");
      if (again.to_tag() == "target") {
        cloud.reply(again, 200, "", secure_sdp("10.2.0.1", 50010, "inactive", 2), "target");
        (void)cloud.expect("ACK");
      }
    }
    for (const char* said : {"200 INVITE", "491 INVITE", "500 INVITE", "487 INVITE", "504 INVITE"})
      if (core.has(said)) {
        const auto m = core.expect(said);
        if (m.status() < 300)
          core.ack(up.core);
        else
          core.ack_failure(up.core, m);
      }
  }
  EXPECT_EQ(core.count("BYE"), 0U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(TransferTest, OptionsSayThatTransfersAreTaken) {
  PROVES("TDR-40");
  PeerDialog none;
  none.call_id = "options";
  none.local = "<sip:a@b>;tag=1";
  none.remote = "<sip:sbc.operator.example>";
  none.target = "sip:sbc.operator.example";
  cloud.request(none, "OPTIONS");
  const auto ok = cloud.expect("200 OPTIONS");
  EXPECT_TRUE(sip::has_token(ok, HeaderId::kAllow, "REFER"));
  EXPECT_TRUE(sip::has_token(ok, HeaderId::kAllow, "NOTIFY"));
  EXPECT_TRUE(sip::has_token(ok, HeaderId::kSupported, "replaces"));
}

TEST_P(TransferTest, WhoeverWaitsHearsRinging) {
  PROVES("TDR-106");
  auto up = core_calls();
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  rig.run(Seconds(1));
  EXPECT_TRUE(core.rtp.empty());
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  rig.run(Seconds(2));
  EXPECT_NEAR(static_cast<double>(core.rtp.size()), 100, 10);
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  core.rtp.clear();
  rig.run(Seconds(2));
  EXPECT_LT(core.rtp.size(), 10U);
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  hang_up(cloud, target, core);
  expect_clean(1);
}

TEST_P(TransferTest, WhatTheTargetSaysBeforeItsAnswerIsHeard) {
  PROVES("TDR-106");
  auto up = cloud_calls();
  core.open_rtp(40010);
  cloud.open_rtp(50000);
  refer(core, up.core, "<sip:+4930555@10.1.0.1>");
  const auto inv = core.expect("INVITE");
  core.reply(inv, 183, "", sdp("10.1.0.1", 40010), "third");
  hears(core, "SIP/2.0 183 Test", "active");
  rig.run(Seconds(1));
  EXPECT_GT(cloud.rtp.size(), 40U) << "ringing, as long as it is silent";
  core.send_rtp(media_of(inv.body()), 5);
  rig.run(Seconds(1));
  cloud.rtp.clear();
  core.send_rtp(media_of(inv.body()), 5);
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.rtp.size(), 5U);
  core.reply(inv, 200, "", sdp("10.1.0.1", 40010), "third");
  (void)core.expect("ACK");
  hears(core, "SIP/2.0 200 OK", "terminated");
  core.request(up.core, "BYE");
  (void)core.expect("200 BYE");
  auto third = core.answered(inv, "third");
  hang_up(core, third, cloud);
  expect_clean(1);
}

TEST_P(TransferTest, TheTransferorMayHangUpRightAfter202) {
  PROVES("TDR-107");
  auto up = core_calls();
  cloud.request(up.cloud, "REFER", "Refer-To: <" + std::string(kTarget) + ">\r\n");
  (void)cloud.expect("202 REFER");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  const auto inv = cloud.expect("INVITE");
  hears(cloud, "SIP/2.0 100 Trying", "active");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  rig.run(Seconds(30));
  EXPECT_EQ(core.count("BYE") + cloud.count("BYE"), 0U);
  hang_up(cloud, target, core);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
  EXPECT_EQ(rig.records[0].transfers, 1U);
}

TEST_P(TransferTest, WhoDoesNotHangUpAfterATransferIsHungUpOn) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  auto target = cloud_answers(cloud.expect("INVITE"), 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  rig.run(Seconds(4));
  EXPECT_FALSE(cloud.has("BYE"));
  const auto bye = cloud.expect("BYE", Seconds(3));
  EXPECT_EQ(bye.call_id(), up.invite.call_id());
  cloud.reply(bye, 200);
  hang_up(cloud, target, core);
  expect_clean(1);
}

TEST_P(TransferTest, AFailedTransferLeavesTheCallAsItWas) {
  PROVES("TDR-99");
  auto up = core_calls();
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "inactive");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  (void)core.expect("ACK");
  (void)cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto asked = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(asked.body()), "sendrecv");
  cloud.reply(asked, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  // The hold ends so that ringing is heard ...
  inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  core.open_rtp(40000);
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  (void)core.expect("ACK");
  rig.run(Seconds(2));
  EXPECT_GT(core.rtp.size(), 80U);
  cloud.reply(asked, 486, "", "", "target");
  (void)cloud.expect("ACK");
  hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
  // ... and is back when the target is busy.
  inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "inactive");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 4));
  (void)core.expect("ACK");
  rig.run(Seconds(2));
  core.rtp.clear();
  rig.run(Seconds(2));
  EXPECT_TRUE(core.rtp.empty());
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 5));
  (void)core.expect("ACK");
  (void)cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Seconds(1));
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  EXPECT_NE(rig.trail_of_all().find("failed: cloud-1 answered 486"), std::string::npos);
  cloud_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
  EXPECT_EQ(rig.records[0].transfers, 0U);
}

TEST_P(TransferTest, AFailedTransferWhoseTransferorIsGoneEndsTheCall) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 404, "", "", "target");
  (void)cloud.expect("ACK");
  hears(cloud, "SIP/2.0 404 Not Found", "terminated");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "transfer_failed");
  EXPECT_NE(rig.records[0].reason.find("404"), std::string::npos);
  EXPECT_EQ(rig.failed(), 1U);
}

TEST_P(TransferTest, TheCoreMayTransferAndTheServiceSeesNothingOfIt) {
  PROVES("TDR-109");
  auto up = cloud_calls();
  refer(core, up.core, "<sip:+4930555;phone-context=%2B49@10.1.0.1:5060;user=phone>");
  const auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4930555;phone-context=%2B49@10.1.0.1:5060;user=phone");
  core.reply(inv, 180, "", "", "third");
  hears(core, "SIP/2.0 180 Test", "active");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40010), "third");
  (void)core.expect("ACK");
  hears(core, "SIP/2.0 200 OK", "terminated");
  core.request(up.core, "BYE");
  (void)core.expect("200 BYE");
  rig.run(Seconds(5));
  EXPECT_EQ(cloud.count("REFER") + cloud.count("INVITE") + cloud.count("BYE"), 0U);
  auto third = core.answered(inv, "third");
  hang_up(core, third, cloud);
  expect_clean(1);
}

TEST_P(TransferTest, TheCallersSideMayBeTheOneThatTransfers) {
  auto up = cloud_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  auto target = cloud_answers(cloud.expect("INVITE"), 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(1));
  // What is asked of the new pair crosses like before.
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000", 2));
  const auto hold = cloud.expect("INVITE");
  EXPECT_EQ(hold.to_tag(), "target");
  cloud.reply(hold, 200, "", secure_sdp("10.2.0.1", 50010, "inactive", 2));
  (void)cloud.expect("ACK");
  (void)core.expect("200 INVITE");
  core.ack(up.core);
  rig.run(Seconds(1));
  hang_up(core, up.core, cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].ingress_call_id, up.cloud.call_id);
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCallee);
}

TEST_P(TransferTest, ATransferWithoutASubscriptionIsNotTold) {
  auto up = core_calls();
  cloud.request(
      up.cloud, "REFER",
      "Refer-To: <" + std::string(kTarget) + ">\r\nRefer-Sub: false\r\nRequire: norefersub\r\n");
  const auto ok = cloud.expect("202 REFER");
  ASSERT_NE(ok.find("Refer-Sub"), nullptr);
  EXPECT_EQ(ok.find("Refer-Sub")->value, "false");
  auto target = cloud_answers(cloud.expect("INVITE"), 50010, "target");
  rig.run(Seconds(2));
  EXPECT_EQ(cloud.count("NOTIFY"), 0U);
  cloud.reply(cloud.expect("BYE"), 200);
  hang_up(cloud, target, core);
  expect_clean(1);
}

TEST_P(TransferTest, AnotherPeerOfTheGroupIsAskedWhenTheFirstHasNoTime) {
  Peer second(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 503, "", "", "x");
  (void)cloud.expect("ACK");
  const auto again = second.expect("INVITE");
  EXPECT_EQ(again.request_uri(), kTarget);
  second.contact = "<sip:sip2.pstnhub.example:5061;transport=tls>";
  second.reply(again, 200, "", secure_sdp("10.2.0.2", 50020), "target");
  (void)second.expect("ACK");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  hang_up(core, up.core, second);
  expect_clean(1);
}

TEST_P(TransferTest, TheTransferredPartyMayGiveUpWhileTheTargetRings) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  core.request(up.core, "BYE");
  (void)core.expect("200 BYE");
  hears(cloud, "SIP/2.0 487 Request Terminated", "terminated");
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487, "", "", "target");
  (void)cloud.expect("ACK");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(TransferTest, CallsOfOneTransferHaveItsIdInTheirRecords) {
  PROVES("TDR-110");
  auto up = core_calls();
  const std::string by = "Referred-By: " + referred_by(400) + "\r\n";
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">", by);
  auto target = cloud_answers(cloud.expect("INVITE"), 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  // The service calls the number that it was transferred to by itself.
  auto out = cloud_calls(by);
  hang_up(cloud, out.cloud, core);
  hang_up(cloud, target, core);
  expect_clean(2);
  EXPECT_EQ(rig.records[0].transfer_id, "0f3c-77");
  EXPECT_EQ(rig.records[1].transfer_id, "0f3c-77");
  EXPECT_EQ(rig.records[0].transfers + rig.records[1].transfers, 1U);
}

TEST_P(TransferTest, RequestsOfTheTransferorAreAnsweredWhileTheTargetRings) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 2));
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "sendrecv");
  core.ack(up.core);
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(3));
  EXPECT_EQ(core.count("INVITE"), 0U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(TransferTest, AnEarlyByeOfTheTargetIsNoEndOfAnything) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<" + std::string(kTarget) + ">");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  auto target = cloud.answered(inv, "target");
  cloud.request(target, "BYE");
  (void)cloud.expect("481 BYE");
  target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

// Numbers that belong to customers of the service.
class CustomerTransferTest : public TransferFixture {
 protected:
  CustomerTransferTest()
      : TransferFixture(
            make_config({.core = "trunk = \"fixed\"\n[peer_group.numbers]\ncountry = \"49\"\n"
                                 "national_prefix = \"0\"\ninternational_prefix = \"00\"\n",
                         .cloud = "service = \"direct-routing\"\n",
                         .service = "customer_in_contact = true\n"})) {
    namespace dir = causeway::directory;
    dir::Builder b;
    b.add(dir::Account{"Contoso", "tenant-c", dir::kDirectRouting, true, "contoso", "", "", {}});
    b.add(dir::Account{"Fabrikam", "tenant-f", dir::kDirectRouting, true, "fabrikam", "", "", {}});
    b.add("+4989123", {"Contoso", dir::kDirectRouting, ""});
    b.add("+4989555", {"Fabrikam", dir::kDirectRouting, ""});
    const auto directory = b.build(1);
    rig.each([&](call::GatewayShard& s) { s.use_directory(directory); });
    cloud.request_host = "contoso.sbc.operator.example";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, CustomerTransferTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(CustomerTransferTest, ItGoesOutUnderTheNameOfTheOriginalCallWhateverItsNumberIs) {
  PROVES("TDR-100", "TDR-104");
  // Another customer's number, one of the core's, one that nobody would let pass.
  for (const char* user : {"+4989555", "+4930222", "089"}) {
    auto up = core_calls();
    const std::string to = "sip:" + std::string(user) + "@sip.pstnhub.example";
    refer(cloud, up.cloud, "<" + to + ">");
    const auto inv = cloud.expect("INVITE");
    EXPECT_EQ(inv.request_uri(), to);
    EXPECT_NE(inv.value(HeaderId::kContact).find("@contoso.sbc.operator.example:5061"),
              std::string_view::npos)
        << inv.value(HeaderId::kContact);
    EXPECT_EQ(inv.from()->uri, up.invite.from()->uri) << "who waits is who called";
    cloud.reply(inv, 486, "", "", "x");
    (void)cloud.expect("ACK");
    hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
    cloud_hangs_up(up);
  }
  EXPECT_EQ(core.count("INVITE"), 0U);
  expect_clean(3);
  for (const auto& r : rig.records) EXPECT_EQ(r.account, "Contoso");
}

}  // namespace
}  // namespace causeway::scenario
