// Calls that are answered, and the ways to get there.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class SetupTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, SetupTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SetupTest, CoreToCloudIsAnsweredAndHungUpByTheCaller) {
  PROVES("TDR-45", "TDR-46", "TDR-47", "TDR-49", "TDR-52", "TDR-53", "TDR-56", "TDM-01", "TDM-02");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4989123@sip.pstnhub.example;user=phone");
  EXPECT_EQ(inv.value(HeaderId::kContact),
            "<sip:+4930111@sbc.operator.example:5061;transport=tls>");
  EXPECT_EQ(sip::parse_uri(sip::parse_name_addr(inv.value(HeaderId::kFrom))->uri)->user,
            "+4930111");
  EXPECT_EQ(sip::parse_via(inv.value(HeaderId::kVia))->host, "sbc.operator.example");
  ASSERT_TRUE(inv.find("X-MS-SBC"));
  EXPECT_FALSE(inv.has(HeaderId::kRecordRoute));
  EXPECT_NE(line_of(inv.body(), "m=audio").find("RTP/SAVP"), std::string::npos) << inv.body();
  const auto crypto = line_of(inv.body(), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:");
  EXPECT_TRUE(crypto.ends_with("|2^31")) << inv.body();
  EXPECT_EQ(line_of(inv.body(), "c="), "c=IN IP4 10.0.0.2");
  cloud.reply(inv, 100);
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  EXPECT_EQ(line_of(ok.body(), "c="), "c=IN IP4 10.0.0.1");
  EXPECT_EQ(line_of(ok.body(), "a=crypto"), "");
  cloud.expect("ACK");
  core.learn(d, ok);
  core.ack(d);
  rig.run(Seconds(1));
  core.request(d, "BYE");
  core.expect("200 BYE");
  auto bye = cloud.expect("BYE");
  cloud.reply(bye, 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCaller);
  EXPECT_EQ(rig.records[0].from, "+4930111");
  EXPECT_EQ(rig.records[0].to, "+4989123");
  if (GetParam().rebuild) {
    EXPECT_GT(rig.rebuilt, 0U);
  }
}

TEST_P(SetupTest, CloudToCoreIsAnsweredAndHungUpByTheCallee) {
  auto up = cloud_calls();
  EXPECT_EQ(up.invite.request_uri(), "sip:+4930111@10.1.0.1");
  EXPECT_EQ(line_of(up.to_core, "m=audio").find("SAVP"), std::string::npos);
  EXPECT_NE(line_of(up.to_cloud, "a=crypto:1 AES_CM_128_HMAC_SHA1_80"), "");
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCallee);
}

TEST_P(SetupTest, CallerGivesUpBeforeAnythingCameFromTheCalledSide) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  core.request(d, "CANCEL");
  core.expect("200 CANCEL");
  (void)failure(core, d, 487);
  rig.run(Millis(500));
  EXPECT_FALSE(cloud.has("CANCEL")) << "RFC 3261 9.1: not before a provisional";
  cloud.reply(inv, 100);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  cloud.expect("ACK");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "cancelled");
}

TEST_P(SetupTest, CallerGivesUpWhileItRings) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  core.request(d, "CANCEL", "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
  core.expect("200 CANCEL");
  (void)failure(core, d, 487);
  auto cancel = cloud.expect("CANCEL");
  EXPECT_EQ(cancel.value(HeaderId::kCSeq), "1 CANCEL");
  EXPECT_EQ(sip::parse_via(cancel.value(HeaderId::kVia))->branch,
            sip::parse_via(inv.value(HeaderId::kVia))->branch);
  EXPECT_NE(cancel.value(HeaderId::kReason).find("Call completed elsewhere"), std::string::npos);
  cloud.reply(cancel, 200);
  cloud.reply(inv, 487);
  cloud.expect("ACK");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "cancelled");
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCaller);
}

TEST_P(SetupTest, EarlyByeIsTheSameAsGivingUp) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  auto ringing = core.expect("180");
  auto early = d;
  core.learn(early, ringing);
  core.request(early, "BYE");
  core.expect("200 BYE");
  (void)failure(core, d, 487);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "cancelled");
}

TEST_P(SetupTest, AnswerThatCrossesCancelIsAcknowledgedAndHungUp) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  core.request(d, "CANCEL");
  (void)failure(core, d, 487);
  auto cancel = cloud.expect("CANCEL");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  cloud.reply(cancel, 481);
  cloud.expect("ACK");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "cancelled");
}

TEST_P(SetupTest, ForksRingThenEarlyMediaThenOneAnswers) {
  PROVES("TDR-72");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "desk");
  auto first = core.expect("180");
  cloud.reply(inv, 180, "", "", "mobile");
  auto second = core.expect("180");
  // One dialog towards the core, whatever the forks are.
  EXPECT_EQ(first.value(HeaderId::kTo), second.value(HeaderId::kTo));
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000), "media");
  auto early = core.expect("183");
  EXPECT_EQ(line_of(early.body(), "c="), "c=IN IP4 10.0.0.1");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50002), "mobile");
  auto ok = core.expect("200");
  EXPECT_EQ(ok.value(HeaderId::kTo), first.value(HeaderId::kTo));
  EXPECT_EQ(ok.body(), early.body())
      << "the answer of the 18x again, nothing else (RFC 3261 13.2.1)";
  auto ack = cloud.expect("ACK");
  EXPECT_EQ(sip::parse_name_addr(ack.value(HeaderId::kTo))->tag(), "mobile");
  core.learn(d, ok);
  core.ack(d);
  rig.run(Millis(100));
  core.request(d, "BYE");
  auto bye = cloud.expect("BYE");
  EXPECT_EQ(sip::parse_name_addr(bye.value(HeaderId::kTo))->tag(), "mobile");
  cloud.reply(bye, 200);
  expect_clean(1);
}

TEST_P(SetupTest, AnswerWithoutAnyRinging) {
  PROVES("TDR-75");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  EXPECT_NE(line_of(ok.body(), "m=audio"), "");
  cloud.expect("ACK");
  core.learn(d, ok);
  core.ack(d);
  rig.run(Millis(50));
  cloud.request(*std::make_unique<PeerDialog>(cloud.answered(inv)), "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SetupTest, ForwardedIsPassedOn) {
  PROVES("TDR-68");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 181);
  core.expect("181");
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
  expect_clean(1);
}

TEST_P(SetupTest, OfferIsMadeForACallerWithoutOne) {
  PROVES("TDR-54");
  auto d = core.invite("+4989123");
  auto inv = cloud.expect("INVITE");
  EXPECT_NE(line_of(inv.body(), "m=audio").find("RTP/SAVP"), std::string::npos);
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  cloud.reply(inv, 180);
  core.expect("180");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  EXPECT_NE(line_of(ok.body(), "m=audio").find("RTP/AVP"), std::string::npos)
      << "the 2xx carries an offer";
  EXPECT_FALSE(cloud.expect("ACK").body().size());
  core.learn(d, ok);
  core.ack(d, sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  rig.run(Millis(100));
  EXPECT_FALSE(cloud.has("INVITE")) << "nothing new for the other side";
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(SetupTest, SecondForkThatAnswersIsHungUp) {
  auto up = core_calls();
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50010), "other");
  auto ack = cloud.expect("ACK");
  EXPECT_EQ(sip::parse_name_addr(ack.value(HeaderId::kTo))->tag(), "other");
  auto bye = cloud.expect("BYE");
  EXPECT_EQ(sip::parse_name_addr(bye.value(HeaderId::kTo))->tag(), "other");
  cloud.reply(bye, 200);
  rig.run(Seconds(1));
  EXPECT_FALSE(core.has("BYE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(SetupTest, ForksWithoutEndAreNotHungUpWithoutEnd) {
  auto up = core_calls();
  for (int i = 0; i < 40; ++i)
    cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50010), "fork" + std::to_string(i));
  rig.run(Millis(400));
  int byes = 0;
  for (; cloud.has("BYE"); ++byes) cloud.reply(cloud.expect("BYE"), 200);
  EXPECT_EQ(byes, 16);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(SetupTest, LostAckIsRepeated) {
  auto up = core_calls();
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ack = cloud.expect("ACK");
  EXPECT_EQ(ack.value(HeaderId::kCSeq), "1 ACK");
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(SetupTest, AnswerIsRepeatedUntilItsAck) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  core.learn(d, ok);
  rig.run(Millis(1700));
  EXPECT_EQ(core.count("200 INVITE"), 3U);  // at 0, 500 and 1500 ms
  core.ack(d);
  rig.run(Seconds(10));
  EXPECT_EQ(core.count("200 INVITE"), 3U);
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(SetupTest, AnswerThatIsNeverAcknowledgedEndsTheCall) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.expect("200");
  core.reply(core.expect("BYE", Seconds(40)), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "dropped");
}

TEST_P(SetupTest, ByeToTheCallerWaitsForItsAck) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200");
  cloud.expect("ACK");
  auto c = cloud.answered(inv);
  cloud.request(c, "BYE");
  cloud.expect("200 BYE");
  rig.run(Millis(400));
  EXPECT_FALSE(core.has("BYE")) << "RFC 3261 15: not before the ACK";
  core.learn(d, ok);
  core.ack(d);
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].released_by, telemetry::Released::kCallee);
}

TEST_P(SetupTest, UnusableAnswerIsHungUpAndTheCallerTold) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", sdp("10.2.0.1", 50000));  // RTP where SRTP was offered
  cloud.expect("ACK");
  cloud.reply(cloud.expect("BYE"), 200);
  (void)failure(core, d, 488);
  expect_clean(1);
}

TEST_P(SetupTest, HashInTheNumberIsTakenRawAndWrittenEscaped) {
  PROVES("TDR-61");
  auto d = cloud.invite("*21#", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  auto inv = core.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:*21%23@10.1.0.1");
  core.reply(inv, 404);
  auto no = failure(cloud, d, 404);
  EXPECT_EQ(no.value(HeaderId::kTo).find("*21#@"), no.value(HeaderId::kTo).find("*21"))
      << "To comes back as it was";
  expect_clean(1);
  EXPECT_EQ(rig.records[0].to, "*21#");
}

TEST_P(SetupTest, EmergencyIsMarkedWithAndWithoutPlus) {
  for (const char* number : {"112", "+112", "911"}) {
    auto d = cloud.invite(number, "", secure_sdp("10.2.0.1", 50000), "+4989123");
    auto inv = core.expect("INVITE");
    const std::string digits = std::string(number) == "911" ? "911" : "112";
    EXPECT_EQ(inv.request_uri(), "sip:" + digits + "@10.1.0.1");
    core.reply(inv, 486);
    (void)failure(cloud, d, 486);
    rig.run(Millis(10));
    ASSERT_FALSE(rig.records.empty());
    EXPECT_TRUE(rig.records.back().emergency);
    EXPECT_EQ(rig.records.back().emergency_service, "sos");
  }
  expect_clean(3);
}

TEST_P(SetupTest, ServiceUrnOfAnEmergencyReachesThePeerUnchanged) {
  for (const std::string urn : {"urn:service:sos", "urn:service:sos.police"}) {
    auto d = cloud.invite(urn, "", secure_sdp("10.2.0.1", 50000), "+4989123");
    auto inv = core.expect("INVITE");
    EXPECT_EQ(inv.request_uri(), urn);
    EXPECT_EQ(inv.value(HeaderId::kTo), "<" + urn + ">");
    core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
    cloud.learn(d, cloud.expect("200 INVITE"));
    core.expect("ACK");
    cloud.ack(d);
    rig.run(Millis(100));
    cloud.request(d, "BYE");
    core.reply(core.expect("BYE"), 200);
    cloud.expect("200 BYE");
    rig.run(Millis(100));
    ASSERT_FALSE(rig.records.empty());
    EXPECT_TRUE(rig.records.back().emergency);
    EXPECT_EQ(rig.records.back().emergency_service, urn.substr(12));
    EXPECT_EQ(rig.records.back().to, urn);
  }
  expect_clean(2);
}

TEST_P(SetupTest, OtherServicesAndSchemesAreNotSupported) {
  auto d = cloud.invite("urn:service:counseling", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, d, 416);
  auto other = cloud.invite("urn:isbn:0451450523", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, other, 416);
  EXPECT_FALSE(core.has("INVITE"));
  expect_clean(2);  // the second is no call: its message was refused before, with a record
}

class EmergencyByDigits : public CallTest {
 protected:
  EmergencyByDigits() : CallTest(make_config({.service = "emergency_uri = \"dial_string\"\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, EmergencyByDigits, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EmergencyByDigits, ServiceUrnBecomesTheDialStringThatTheProfileAsksFor) {
  auto d = core.invite("urn:service:sos.fire", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:112@sip.pstnhub.example;user=phone");
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].emergency_service, "sos.fire");
  EXPECT_EQ(rig.records[0].to, "urn:service:sos.fire");
}

class OneCallOnly : public CallTest {
 protected:
  OneCallOnly()
      : CallTest(make_config({.top = "[limits]\nmax_calls = 10\nemergency_reserve_percent = 50\n",
                              .cloud = "max_calls = 1\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, OneCallOnly, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(OneCallOnly, SecondIsRefusedAndAnEmergencyIsNot) {
  auto up = cloud_calls();
  auto second = cloud.invite("+4930222", "", secure_sdp("10.2.0.1", 50002), "+4989123");
  auto no = failure(cloud, second, 503);
  EXPECT_NE(no.value(HeaderId::kRetryAfter), "");
  EXPECT_NE(no.value(HeaderId::kReason).find("cause=34"), std::string::npos);
  auto sos = cloud.invite("112", "", secure_sdp("10.2.0.1", 50004), "+4989123");
  auto inv = core.expect("INVITE");
  core.reply(inv, 486);
  (void)failure(cloud, sos, 486);
  core.request(up.core, "BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(3);
}

}  // namespace
}  // namespace causeway::scenario
