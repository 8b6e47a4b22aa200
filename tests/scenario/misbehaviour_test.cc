// Peers that do what they must not: each call ends in a defined state, and its trail says what was
// wrong.
#include <gmock/gmock.h>

#include "scenario/transfers.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;

ConfigOptions kept(ConfigOptions o = {}) {
  o.top = "[limits]\nkeep_one_in = 1\nmax_trail_bytes = 65536\n" + o.top;
  return o;
}

std::string held(const char* direction, int version) {
  return sdp("10.1.0.1", 40000, direction, "8 PCMA/8000,101 telephone-event/8000", version);
}

class MisbehaviourTest : public TransferFixture {
 protected:
  explicit MisbehaviourTest(const std::string& config = make_config(kept()))
      : TransferFixture(config) {}
  // The one call is over, and was answered or not as its record says.
  void ends(const std::string& termination, const std::string& said) {
    expect_clean(1);
    EXPECT_EQ(rig.records.at(0).termination, termination);
    EXPECT_THAT(rig.trail_of_all(), HasSubstr(said));
  }
  // Both still hear each other, and the core hangs up.
  void goes_on(Up& up, const std::string& said) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
    core.send_rtp(media_of(up.to_core), 5);
    cloud.send_rtp(media_of(up.to_cloud), 5);
    rig.run(Millis(200));
    EXPECT_GE(cloud.rtp.size(), 5U);
    core_hangs_up(up);
    ends("completed", said);
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, MisbehaviourTest, ::testing::ValuesIn(all_modes()), mode_name);

// --- Reliable provisionals -----------------------------------------------------------------------

class WithoutPrack : public MisbehaviourTest {
 protected:
  static std::string config() {
    ConfigOptions o;
    o.top =
        "[[profile]]\nname = \"core-rel\"\nextends = \"operator\"\n"
        "reliable_provisionals = \"supported\"\n";
    o.core_profile = "core-rel";
    o.service =
        "reliable_provisionals = \"supported\"\n"
        "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n";
    return make_config(kept(o));
  }
  WithoutPrack() : MisbehaviourTest(config()) {}
  Up answered(PeerDialog d, const sip::Message& inv, const std::string& body) {
    Up up{std::move(d), {}, {}, std::string(inv.body()), *sip::Message::parse(inv.bytes())};
    cloud.reply(inv, 200, "", body);
    const auto ok = core.expect("200 INVITE");
    up.to_core = std::string(ok.body());
    core.learn(up.core, ok);
    cloud.expect("ACK");
    core.ack(up.core);
    up.cloud = cloud.answered(inv);
    rig.run(Millis(100));
    return up;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, WithoutPrack, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(WithoutPrack, ACallerThatSendsNoneIsGivenUp) {
  auto d = core.invite("+4989123", "Require: 100rel\r\n", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  (void)core.expect("183");
  (void)failure(core, d, 504, Seconds(40));
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  ends("dropped", "the caller never acknowledged 183");
}

TEST_P(WithoutPrack, ACalleeThatAnswersNoneMayAnswerTheCall) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n", secure_sdp("10.2.0.1", 50000));
  (void)cloud.expect("PRACK");
  (void)core.expect("183");
  rig.run(Seconds(40));
  Up up = answered(d, inv, secure_sdp("10.2.0.1", 50000));
  goes_on(up, "our PRACK was not answered");
}

TEST_P(WithoutPrack, OneThatRefusesItMayAnswerTheCall) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n", secure_sdp("10.2.0.1", 50000));
  cloud.reply(cloud.expect("PRACK"), 481);
  (void)core.expect("183");
  Up up = answered(d, inv, secure_sdp("10.2.0.1", 50000));
  goes_on(up, "our PRACK was refused with 481");
}

// --- Answers -------------------------------------------------------------------------------------

TEST_P(WithoutPrack, AnotherSdpInThe200ThanWasAgreedReliablyIsPassedOver) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n", secure_sdp("10.2.0.1", 50000));
  cloud.reply(cloud.expect("PRACK"), 200);
  (void)core.expect("183");
  Up up = answered(d, inv, secure_sdp("10.2.0.1", 50020));
  goes_on(up,
          "answered our offer twice, with another SDP: the first, which was acknowledged, holds");
}

// Nor does the first answer take back what an UPDATE has changed since; but to say it again is no
// other answer.
TEST_P(WithoutPrack, WhoRepeatsItsAnswerAfterAnUpdateIsNotBlamed) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  const std::string first = secure_sdp("10.2.0.1", 50020);
  cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n", first);
  cloud.reply(cloud.expect("PRACK"), 200);
  (void)core.expect("183");
  auto c = cloud.answered(inv);
  cloud.request(c, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 2));
  (void)cloud.expect("200 UPDATE");
  cloud.reply(inv, 183, "", first);
  (void)core.expect("183");
  Up up = answered(d, inv, first);
  EXPECT_THAT(rig.trail_of_all(), ::testing::Not(HasSubstr("answered our offer twice")));
  up.cloud.cseq = c.cseq;
  goes_on(up, "completed");
}

TEST_P(WithoutPrack, WhoSaysSomethingElseAfterAnUpdateIs) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "Require: 100rel\r\nRSeq: 1\r\n", secure_sdp("10.2.0.1", 50020));
  cloud.reply(cloud.expect("PRACK"), 200);
  (void)core.expect("183");
  auto c = cloud.answered(inv);
  cloud.request(c, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 2));
  (void)cloud.expect("200 UPDATE");
  Up up = answered(d, inv, secure_sdp("10.2.0.1", 50040));
  up.cloud.cseq = c.cseq;
  goes_on(up, "answered our offer twice, with another SDP");
}

TEST_P(MisbehaviourTest, AnotherSdpInThe200ThanBeforeIsTheAnswer) {
  PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  Up up{d, {}, {}, {}, cloud.expect("INVITE")};
  up.to_cloud = std::string(up.invite.body());
  cloud.reply(up.invite, 183, "", secure_sdp("10.2.0.1", 50020));
  (void)core.expect("183");
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50000));
  const auto ok = core.expect("200 INVITE");
  up.to_core = std::string(ok.body());
  core.learn(up.core, ok);
  cloud.expect("ACK");
  core.ack(up.core);
  up.cloud = cloud.answered(up.invite);
  goes_on(up, "answered our offer twice, with another SDP: the one in the 200 holds");
}

TEST_P(MisbehaviourTest, ASecondAnswerWithAnotherSdpChangesNothing) {
  auto up = core_calls();
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50000));  // again: the ACK was lost
  (void)cloud.expect("ACK");
  EXPECT_THAT(rig.trail_of_all(), ::testing::Not(HasSubstr("answered twice")));
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50020));
  (void)cloud.expect("ACK");
  cloud.reply(up.invite, 486);
  rig.run(Seconds(1));
  EXPECT_FALSE(core.has("BYE") || cloud.has("BYE"));
  // What the first one said is not written down with a call.
  goes_on(up, GetParam().rebuild ? "completed" : "answered twice, with another body");
}

TEST_P(MisbehaviourTest, AFailureAfterTheAnswerChangesNothing) {
  auto up = core_calls();
  for (int i = 0; i < 2; ++i) cloud.reply(up.invite, 486);
  rig.run(Seconds(1));
  EXPECT_FALSE(core.has("BYE") || cloud.has("BYE") || cloud.has("ACK"));
  goes_on(up, GetParam().rebuild ? "completed" : "answered 486 after its 200: passed over");
}

constexpr const char* kLate = "answered after it had refused the same INVITE";

TEST_P(MisbehaviourTest, AnAnswerAfterAFailureChangesNothing) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 486);
  (void)cloud.expect("ACK");
  rig.run(Millis(100));
  EXPECT_EQ(rig.calls(), 0U);
  for (int i = 0; i < 2; ++i) cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  (void)failure(core, d, 486);
  rig.run(Seconds(40));
  ends("busy", std::string(kLate) + ": passed over, the call is over");
  EXPECT_EQ(rig.dropped("late_answer"), 1U);
}

// ... over UDP, where it comes until somebody acknowledges it.
TEST_P(MisbehaviourTest, AnAnswerThatComesAgainAndAgainAfterAFailureIsToldOnce) {
  PeerDialog d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  core.reply(inv, 486);
  (void)core.expect("ACK");
  (void)failure(cloud, d, 486);
  for (int i = 0; i < 3; ++i) {
    core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
    rig.run(Seconds(1));
  }
  EXPECT_FALSE(core.has("ACK") || core.has("BYE"));
  ends("busy", std::string(kLate) + ": passed over, the call is over");
  const std::string trail = rig.trail_of_all();
  EXPECT_EQ(trail.find(kLate), trail.rfind(kLate)) << trail;
  EXPECT_EQ(rig.dropped("late_answer"), 3U);
}

// The call goes on elsewhere: over TLS the phone that is late is hung up.
TEST_P(MisbehaviourTest, APeerThatAnswersAfterItsPlaceWasTakenIsHungUp) {
  Peer second(rig, "second", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 503);
  (void)cloud.expect("ACK");
  const auto taken = second.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  (void)cloud.expect("ACK");
  cloud.reply(cloud.expect("BYE"), 200);
  second.reply(taken, 200, "", secure_sdp("10.2.0.2", 50000));
  core.learn(d, core.expect("200 INVITE"));
  (void)second.expect("ACK");
  core.ack(d);
  rig.run(Seconds(1));
  core.request(d, "BYE");
  (void)core.expect("200 BYE");
  second.reply(second.expect("BYE"), 200);
  ends("completed", std::string(kLate) + ": hung up");
}

TEST_P(MisbehaviourTest, OverUdpItIsPassedOver) {
  Peer second(rig, "second", "10.1.0.2:5060", Transport::kUdp);
  PeerDialog d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  Peer* first =
      rig.run_until([&] { return core.has("INVITE") || second.has("INVITE"); }, Seconds(5)) &&
              core.has("INVITE")
          ? &core
          : &second;
  Peer* other = first == &core ? &second : &core;
  const auto inv = first->expect("INVITE");
  first->reply(inv, 503);
  (void)first->expect("ACK");
  const auto taken = other->expect("INVITE");
  for (int i = 0; i < 2; ++i) {
    first->reply(inv, 200, "", sdp("10.1.0.1", 40000));
    rig.run(Millis(500));
  }
  EXPECT_FALSE(first->has("ACK") || first->has("BYE"));
  other->reply(taken, 486);
  (void)other->expect("ACK");
  (void)failure(cloud, d, 486);
  ends("busy", std::string(kLate) + ": passed over");
}

// --- Offers out of turn --------------------------------------------------------------------------

TEST_P(WithoutPrack, AnUpdateBeforeTheAnswerWaits) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "Allow: UPDATE\r\n", secure_sdp("10.2.0.1", 50000));
  (void)core.expect("183");
  auto c = cloud.answered(inv);
  cloud.request(c, "UPDATE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  (void)cloud.expect("491 UPDATE");
  Up up = answered(d, inv, secure_sdp("10.2.0.1", 50000));
  up.cloud.cseq = c.cseq;
  goes_on(up, "UPDATE refused with 491: it has not answered our offer yet");
}

TEST_P(MisbehaviourTest, TheCallersUpdateBeforeTheAnswerWaits) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  Up up{d, {}, {}, {}, cloud.expect("INVITE")};
  up.to_cloud = std::string(up.invite.body());
  cloud.reply(up.invite, 180);
  core.learn(up.core, core.expect("180"));
  core.request(up.core, "UPDATE", "", held("sendonly", 2));
  (void)core.expect("500 UPDATE");
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50000));
  const auto ok = core.expect("200 INVITE");
  up.to_core = std::string(ok.body());
  (void)cloud.expect("ACK");
  core.request(up.core, "ACK", "", "", 1);
  up.cloud = cloud.answered(up.invite);
  goes_on(up, "UPDATE refused with 500: its request before that is not answered yet");
}

TEST_P(MisbehaviourTest, HoldsFromBothSidesAtOnceMeet) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "", held("sendonly", 2));
  const auto ours = cloud.expect("INVITE");
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.ack_failure(up.cloud, cloud.expect("491 INVITE"));
  cloud.reply(ours, 491);
  (void)cloud.expect("ACK");
  const auto again = cloud.expect("INVITE", Seconds(10));
  EXPECT_EQ(direction_of(again.body()), "inactive");
  cloud.reply(again, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 3));
  (void)cloud.expect("ACK");
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "recvonly");
  core.ack(up.core);
  rig.run(Seconds(5));
  EXPECT_FALSE(core.has("INVITE") || cloud.has("INVITE")) << "all is said";
  EXPECT_THAT(rig.trail_of_all(),
              HasSubstr("INVITE refused with 491: it crossed an offer of ours"));
  core_hangs_up(up);
  ends("completed", "our offer crossed one of its own (491): made again soon");
}

// --- Transfers -----------------------------------------------------------------------------------

TEST_P(MisbehaviourTest, ReferInALoopEnds) {
  auto up = core_calls();
  PeerDialog now = up.cloud;
  for (int i = 1; i <= 5; ++i) {  // each target asks for the first again
    refer(cloud, now, "<sip:loop@sip.pstnhub.example>");
    const auto inv = cloud.expect("INVITE");
    auto next = cloud_answers(inv, 50000 + 10 * i, "hop" + std::to_string(i));
    hears(cloud, "SIP/2.0 200 OK", "terminated");
    cloud.request(now, "BYE");
    (void)cloud.expect("200 BYE");
    rig.run(Millis(100));
    now = next;
  }
  cloud.request(now, "REFER", "Refer-To: <sip:loop@sip.pstnhub.example>\r\n");
  (void)cloud.expect("403 REFER");
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("5 times"));
  hang_up(core, up.core, cloud);
  ends("completed", "refusal");
  EXPECT_EQ(rig.records.at(0).transfers, 5U);
}

TEST_P(MisbehaviourTest, APeerThatReplacesItselfIsRefused) {
  auto up = core_calls();
  const auto tag = [](const std::string& party) { return party.substr(party.find("tag=") + 4); };
  // By REFER, and by an INVITE of the dialog that it is to begin.
  cloud.request(up.cloud, "REFER", "Refer-To: " + naming(up.cloud) + "\r\n");
  (void)cloud.expect("400 REFER");
  const std::string own = "10.2.0.1:5061-call-2";  // the Call-ID that it is going to have
  auto d = cloud.invite("+4930111",
                        "Replaces: " + own + ";to-tag=" + tag(up.cloud.remote) + ";from-tag=x\r\n",
                        secure_sdp("10.2.0.1", 50030), "+4989123");
  ASSERT_EQ(d.call_id, own);
  (void)failure(cloud, d, 400);
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("names the call that is to be transferred"));
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Millis(200));
  EXPECT_GE(cloud.rtp.size(), 5U) << "the call is as it was";
  core_hangs_up(up);
  rig.run(Seconds(70));
  EXPECT_EQ(rig.calls(), 0U);
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("an INVITE that replaces itself"));
}

TEST_P(MisbehaviourTest, ARefreshDuringATransferIsAnsweredAndDoesNotDisturbIt) {
  auto up = core_calls();
  refer(cloud, up.cloud, "<sip:x@sip.pstnhub.example>");
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180, "", "", "target");
  hears(cloud, "SIP/2.0 180 Test", "active");
  // The transferor, and whoever waits, say again what they said.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000));
  (void)cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000));
  (void)core.expect("200 INVITE");
  core.ack(up.core);
  auto target = cloud_answers(inv, 50010, "target");
  hears(cloud, "SIP/2.0 200 OK", "terminated");
  cloud.request(up.cloud, "BYE");
  (void)cloud.expect("200 BYE");
  rig.run(Seconds(3));
  EXPECT_EQ(core.count("INVITE") + cloud.count("INVITE"), 2U) << "the call and its transfer";
  hang_up(core, up.core, cloud);
  ends("completed", "session refresh: nothing changed");
  EXPECT_EQ(rig.records.at(0).transfers, 1U);
}

}  // namespace
}  // namespace causeway::scenario
