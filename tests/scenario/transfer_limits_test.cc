// REFERs that nobody should send, and too many of them: each is answered, the call goes on, and the
// trail says what was wrong.
#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

class TransferLimitsTest : public TransferFixture {
 protected:
  using TransferFixture::TransferFixture;
  void refused(Peer& by, PeerDialog& d, const std::string& headers, int status,
               const std::string& why) {
    by.request(d, "REFER", headers);
    const auto m = by.expect(std::to_string(status) + " REFER");
    EXPECT_NE(m.value(HeaderId::kReason).find(why), std::string::npos)
        << m.value(HeaderId::kReason);
    EXPECT_NE(rig.trail_of_all().find("REFER refused: "), std::string::npos);
    EXPECT_NE(rig.trail_of_all().find(why), std::string::npos);
  }
  // A transfer that succeeds: the dialog with the target.
  PeerDialog passes_on(PeerDialog& from, const std::string& tag, int port) {
    refer(cloud, from, "<sip:" + tag + "@sip.pstnhub.example>");
    auto next = cloud_answers(cloud.expect("INVITE"), port, tag);
    hears(cloud, "SIP/2.0 200 OK", "terminated");
    cloud.request(from, "BYE");
    (void)cloud.expect("200 BYE");
    rig.run(Millis(100));
    return next;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, TransferLimitsTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TransferLimitsTest, WhatIsWrongWithAReferIsSaid) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nmax_trail_bytes = 65536\n"})));
  auto up = core_calls();
  refused(cloud, up.cloud, "", 400, "without Refer-To");
  refused(cloud, up.cloud, "Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n", 400, "several");
  refused(cloud, up.cloud, "Refer-To: <mailto:a@h>\r\n", 416, "no SIP or tel");
  refused(cloud, up.cloud, "Refer-To: <sip:a@h;method=BYE>\r\n", 403, "asks for a BYE");
  refused(cloud, up.cloud, "Refer-To: <sip:a@h?X=y%0d%0aRoute:%20evil>\r\n", 400, "line ends");
  const std::string own = "Refer-To: <sip:a@h?Replaces=" + up.cloud.call_id + "%3Bto-tag%3D" +
                          up.cloud.remote.substr(up.cloud.remote.find("tag=") + 4) +
                          "%3Bfrom-tag%3Dpeer>\r\n";
  refused(cloud, up.cloud, own, 400, "names the call that is to be transferred");
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  EXPECT_EQ(cloud.count("NOTIFY") + core.count("REFER"), 0U);
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, OutsideOfACallThereIsNothingToTransfer) {
  PeerDialog none;
  none.call_id = "none";
  none.local = "<sip:a@b>;tag=1";
  none.remote = "<sip:c@d>";
  none.target = "sip:10.0.0.1";
  core.request(none, "REFER", "Refer-To: <sip:x@y>\r\n");
  (void)core.expect("403 REFER");
  none.remote += ";tag=010123456789abcdef01";
  core.request(none, "REFER", "Refer-To: <sip:x@y>\r\n");
  (void)core.expect("481 REFER");
  EXPECT_EQ(rig.dropped("refer_outside"), 1U);
  // Nor is there before the answer.
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  core.reply(inv, 180);
  cloud.learn(d, cloud.expect("180"));
  cloud.request(d, "REFER", "Refer-To: <sip:x@y>\r\n");
  (void)cloud.expect("491 REFER");
  core.reply(inv, 486);
  (void)core.expect("ACK");
  (void)failure(cloud, d, 486);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, ACallIsTransferredFiveTimesAndNotOnceMore) {
  auto up = core_calls();
  PeerDialog now = up.cloud;
  for (int i = 1; i <= 5; ++i) now = passes_on(now, "hop" + std::to_string(i), 50000 + 10 * i);
  refused(cloud, now, "Refer-To: <sip:again@sip.pstnhub.example>\r\n", 403, "5 times");
  core.open_rtp(40000);
  cloud.open_rtp(50050);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Seconds(1));
  EXPECT_GE(cloud.rtp.size(), 5U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].transfers, 5U);
  EXPECT_EQ(rig.records[0].egress_call_id, up.invite.call_id());
}

TEST_P(TransferLimitsTest, AStormOfRefersIsOneTransfer) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  for (int i = 0; i < 100; ++i)
    cloud.request(up.cloud, "REFER", "Refer-To: <sip:x@sip.pstnhub.example>\r\n");
  core.request(up.core, "REFER", "Refer-To: <sip:x@10.1.0.1>\r\n");
  (void)core.expect("491 REFER");
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.count("491 REFER"), 100U);
  EXPECT_EQ(cloud.count("INVITE"), 2U);
  cloud.reply(inv, 486, "", "", "x");
  (void)cloud.expect("ACK");
  hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
  cloud_hangs_up(up);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, OneThatGoesOnFailingIsStopped) {
  auto up = core_calls();
  for (int i = 0; i < 20; ++i) {
    refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
    cloud.reply(cloud.expect("INVITE"), 404, "", "", "x");
    (void)cloud.expect("ACK");
    const auto end = hears(cloud, "SIP/2.0 404 Not Found", "terminated");
    // RFC 3515 2.4.6: the first may do without.
    EXPECT_EQ(end.value(HeaderId::kEvent),
              i == 0 ? "refer" : "refer;id=" + std::to_string(up.cloud.cseq));
  }
  cloud.request(up.cloud, "REFER", "Refer-To: <sip:x@sip.pstnhub.example>\r\n");
  (void)cloud.expect("403 REFER");
  cloud_hangs_up(up);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, AReferWithinAReinviteEndsLikeOthers) {
  auto up = core_calls();
  // The hold of the transferor is under way with the other side.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  const auto hold = core.expect("INVITE");
  refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  core.reply(hold, 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  (void)core.expect("ACK");
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  // Whoever was held hears the target.
  const auto resume = core.expect("INVITE");
  EXPECT_EQ(direction_of(resume.body()), "sendrecv");
  core.reply(resume, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  (void)core.expect("ACK");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, ATransferorThatDoesNotKnowItsSubscriptionIsLeftAlone) {
  auto up = core_calls();
  cloud.request(up.cloud, "REFER", "Refer-To: <sip:x@sip.pstnhub.example>\r\n");
  (void)cloud.expect("202 REFER");
  cloud.reply(cloud.expect("NOTIFY"), 481);
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  auto target = cloud_answers(inv, 50010, "target");
  rig.run(Seconds(2));
  EXPECT_EQ(cloud.count("NOTIFY"), 1U);
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, AProfileMayRefuseTransfers) {
  PROVES("ZM-21");
  // It does not take transfers here: declined, and not sent on either.
  ASSERT_TRUE(rig.apply(make_config({.service = "transfer = \"refuse\"\n"})));
  auto up = core_calls();
  EXPECT_EQ(up.invite.value(HeaderId::kAllow).find("REFER"), std::string::npos);
  refused(cloud, up.cloud, "Refer-To: <sip:x@sip.pstnhub.example>\r\n", 403, "profile.transfer");
  EXPECT_EQ(core.count("REFER"), 0U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, AReloadDuringATransferDoesNotEndIt) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\ntransfers = 1\n"})));
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  refused(cloud, target, "Refer-To: <sip:x@sip.pstnhub.example>\r\n", 403, "1 times");
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

TEST_P(TransferLimitsTest, AnOperatorMayStopACallThatIsTransferred) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  rig.each([](call::GatewayShard& s) { s.end_all_calls("maintenance"); });
  hears(cloud, "SIP/2.0 487 Request Terminated", "terminated");
  core.reply(core.expect("BYE"), 200);
  cloud.reply(cloud.expect("BYE"), 200);
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487, "", "", "target");
  (void)cloud.expect("ACK");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "stopped");
}

// The other service's dialect.
class ReferOfZoomTest : public TransferFixture {
 protected:
  ReferOfZoomTest() : TransferFixture(config()) {}
  static std::string config() {
    std::string text = make_config({.service_sdp = "suites = [\"AES_CM_128_HMAC_SHA1_80\"]\n"
                                                   "codecs = [\"PCMA\", \"telephone-event\"]\n"});
    const std::string from = "extends = \"teams-direct-routing\"";
    text.replace(text.find(from), from.size(), "extends = \"zoom-provider-exchange\"");
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReferOfZoomTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReferOfZoomTest, EndsHereAndBecomesACall) {
  PROVES("ZM-21");
  auto up = core_calls();
  EXPECT_NE(up.invite.value(HeaderId::kAllow).find("REFER"), std::string::npos);
  EXPECT_NE(up.invite.value(HeaderId::kSupported).find("replaces"), std::string::npos);
  refer(cloud, up.cloud,
        "<sip:+4989555@sip.pstnhub.example?Replaces=far%40zoom%3Bto-tag%3D1%3Bfrom-tag%3D2>");
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.request_uri(), "sip:+4989555@sip.pstnhub.example");
  EXPECT_EQ(inv.value(HeaderId::kReplaces), "far@zoom;to-tag=1;from-tag=2");
  EXPECT_NE(inv.value(HeaderId::kRequire).find("replaces"), std::string::npos);
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  EXPECT_EQ(core.count("REFER"), 0U);
  hang_up(core, up.core, cloud);
  expect_clean(1);
}

// Where Replaces is only heard it is never said (TDR-55).
TEST_P(TransferLimitsTest, AServiceThatTakesNoReplacesIsSentNone) {
  PROVES("TDR-55");
  auto up = core_calls();
  cloud.request(up.cloud, "REFER",
                "Refer-To: <sip:x@sip.pstnhub.example?Replaces=far%40h%3Bto-tag%3D1%3B"
                "from-tag%3D2>\r\n");
  (void)cloud.expect("403 REFER");
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

// RFC 7989: whoever is handed over goes on under its own half of Session-ID.
class TransferSession : public TransferFixture {
 protected:
  using TransferFixture::TransferFixture;
  static constexpr const char* kOne = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
  static constexpr const char* kNil = "00000000000000000000000000000000";
  static std::string line(const std::string& half, const std::string& more = "") {
    return "Session-ID: " + half + more + "\r\n";
  }
  // The INVITE that comes of a REFER of the service within a call of the core.
  sip::Message transferred(Up& up, const std::string& to = "<sip:+4989500@sip.pstnhub.example>") {
    refer(cloud, up.cloud, to);
    return cloud.expect("INVITE");
  }
  void refused(Up& up, const sip::Message& inv) {
    cloud.reply(inv, 486, "", "", "target");
    hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
    hang_up(core, up.core, cloud);
    rig.run(Seconds(1));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, TransferSession, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TransferSession, TheInviteHasThatOfTheCallerWhoIsHandedOver) {
  auto up = core_calls(line(kOne, std::string(";remote=") + kNil));
  EXPECT_EQ(up.invite.value(HeaderId::kSessionId), std::string(kOne) + ";remote=" + kNil);
  const auto inv = transferred(up);
  EXPECT_EQ(inv.value(HeaderId::kSessionId), std::string(kOne) + ";remote=" + kNil);
  EXPECT_EQ(inv.count(HeaderId::kSessionId), 1U);
  refused(up, inv);
  expect_clean(1);
}

TEST_P(TransferSession, OrOfWhoeverWasCalled) {
  PeerDialog d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto first = core.expect("INVITE");
  core.reply(first, 200, line(kOne, ";remote=00112233445566778899aabbccddeeff"),
             sdp("10.1.0.1", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  core.expect("ACK");
  cloud.ack(d);
  rig.run(Millis(100));
  refer(cloud, d, "<sip:+4989500@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(inv.value(HeaderId::kSessionId), std::string(kOne) + ";remote=" + kNil);
  cloud.reply(inv, 486, "", "", "target");
  hears(cloud, "SIP/2.0 486 Busy Here", "terminated");
  hang_up(cloud, d, core);
  expect_clean(1);
}

TEST_P(TransferSession, WhatIsNoneIsNotSaid) {
  for (const std::string& value :
       {std::string("nonsense"), std::string(kNil), std::string(kOne) + "0", std::string(";")}) {
    auto up = core_calls(line(value));
    const auto inv = transferred(up);
    EXPECT_FALSE(inv.has(HeaderId::kSessionId)) << value;
    refused(up, inv);
  }
  auto up = core_calls(line(kOne));
  const auto inv = transferred(
      up, "<sip:+4989500@sip.pstnhub.example?Session-ID=ffffffffffffffffffffffffffffffff>");
  EXPECT_EQ(inv.count(HeaderId::kSessionId), 1U);
  EXPECT_EQ(inv.value(HeaderId::kSessionId), std::string(32, 'f')) << "Refer-To says which";
  refused(up, inv);
  expect_clean(5);
}

class TransferSessionKept : public TransferSession {
 protected:
  TransferSessionKept() : TransferSession(make_config({.service = "pass_headers = []\n"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, TransferSessionKept, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TransferSessionKept, APeerWhoseProfileDoesNotListItIsNotTold) {
  auto up = core_calls(line(kOne));
  const auto inv = transferred(up);
  EXPECT_FALSE(inv.has(HeaderId::kSessionId));
  refused(up, inv);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
