// Habits of implementations in the field, as the public test suites of other stacks have collected
// them: each as a whole call, and what becomes of it.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class FieldTest : public CallTest {
 protected:
  // The call is up and can be held and resumed.
  void expect_usable(Up& up, int version) {
    auto ok = core_reinvites(up, sdp("10.1.0.1", 40000, "sendonly", kCodecs, version), "inactive",
                             version);
    EXPECT_EQ(direction_of(ok.body()), "recvonly");
    ok = core_reinvites(up, sdp("10.1.0.1", 40000, "sendrecv", kCodecs, version + 1), "sendrecv",
                        version + 1);
    EXPECT_EQ(direction_of(ok.body()), "sendrecv");
  }
  static constexpr const char* kCodecs = "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000";
};
INSTANTIATE_TEST_SUITE_P(Modes, FieldTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FieldTest, AnInviteThatComesAgainAfterItsAckBeginsNoSecondCall) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const std::string first = core.last_request;
  cloud.reply(cloud.expect("INVITE"), 200, "", secure_sdp("10.2.0.1", 50000));
  const auto ok = core.expect("200 INVITE");
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  for (int i = 0; i < 3; ++i) {
    core.send(first);
    rig.run(Millis(500));
  }
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  EXPECT_FALSE(core.has("482 INVITE")) << "it is the same request";
  core.request(d, "BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  core.expect("200 BYE");
  expect_clean(1);
}

TEST_P(FieldTest, StaticPayloadTypesNeedNoRtpmap) {
  const std::string bare =
      "v=0\r\no=- 42 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n"
      "m=audio 40000 RTP/AVP 8 0\r\n";
  auto up = core_calls("", bare);
  const std::string_view offer = up.invite.body();
  EXPECT_NE(offer.find("PCMA/8000"), std::string_view::npos) << offer;
  EXPECT_EQ(line_of(up.to_core, "m=audio").substr(0, 8), "m=audio ");
  EXPECT_NE(line_of(up.to_core, "m=audio").find(" RTP/AVP 8"), std::string::npos) << up.to_core;
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(FieldTest, ASecondStreamThatIsOffAndHasNoRtpmapIsDeclinedInPlace) {
  const std::string two = sdp("10.1.0.1", 40000) + "m=video 0 RTP/AVP 31\r\n";
  auto up = core_calls("", two);
  EXPECT_EQ(line_of(up.to_core, "m=video"), "m=video 0 RTP/AVP 31");
  EXPECT_EQ(line_of(up.invite.body(), "m=video"), "") << "not for the other side";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(FieldTest, AnEarlyAnswerWithACodecThatNobodyOfferedIsPassedOverAndTheCallIsAnswered) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 1, "18 G729/8000"), "early");
  rig.run(Millis(200));
  EXPECT_FALSE(cloud.has("CANCEL"));
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000), "late");
  const auto ok = core.expect("200 INVITE");
  EXPECT_NE(ok.body().find("RTP/AVP 8"), std::string_view::npos) << ok.body();
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  core.request(d, "BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  core.expect("200 BYE");
  expect_clean(1);
}

// RFC 2543 had no To tags; some still have none.
TEST_P(FieldTest, AnswersWithoutATagInToAreAnAnswer) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000), "");
  (void)core.expect("183");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000), "");
  const auto ok = core.expect("200 INVITE");
  core.learn(d, ok);
  core.ack(d);
  const auto ack = cloud.expect("ACK");
  EXPECT_EQ(ack.to_tag(), "");
  core.request(d, "BYE");
  cloud.reply(cloud.expect("BYE"), 200, "", "", "");
  core.expect("200 BYE");
  expect_clean(1);
}

TEST_P(FieldTest, AReinviteWhoseBranchIsOfTheOldKindIsAnswered) {
  auto up = core_calls();
  std::string old =
      core.compose(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", kCodecs, 2));
  old.replace(old.find("z9hG4bK"), 7, "1234567");
  core.send(old);
  const auto inv = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "inactive");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "recvonly");
  core.ack(up.core);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(FieldTest, AnAnswerToAReinviteWithoutSdpLeavesTheCallAsItWas) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", kCodecs, 2));
  cloud.reply(cloud.expect("INVITE"), 200);
  cloud.expect("ACK");
  rig.run(Seconds(2));
  ASSERT_TRUE(core.has("488 INVITE"));
  core.ack_failure(up.core, core.expect("488 INVITE"));
  expect_usable(up, 3);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(FieldTest, AnAnswerToAReinviteThatCannotBeUsedLeavesTheCallAsItWas) {
  auto up = core_calls();
  core.open_rtp(40000);
  cloud.open_rtp(50000);
  int version = 2;
  std::string six = secure_sdp("10.2.0.1", 50000, "inactive", 2);
  six.replace(six.find("c=IN IP4 10.2.0.1"), 17, "c=IN IP6 2001:db8::1");
  for (const std::string& answer : {six, secure_sdp("10.2.0.1", 0, "inactive", 3)}) {
    SCOPED_TRACE(answer);
    core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", kCodecs, version));
    cloud.reply(cloud.expect("INVITE"), 200, "", answer);
    cloud.expect("ACK");
    core.ack_failure(up.core, core.expect("488 INVITE"));
    // Nor is it in force when its sender takes it for that, and says it again.
    if (answer == six) {
      cloud.request(up.cloud, "INVITE", "", six);
      cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
      EXPECT_EQ(rig.trail_of_all().find("session refresh"), std::string::npos);
    }
    // What is in force is what was, also in a gateway that takes the call over now.
    rig.run(Seconds(1));
    cloud.rtp.clear();
    core.send_rtp(media_of(up.to_core), 5);
    rig.run(Seconds(1));
    EXPECT_GE(cloud.rtp.size(), 5U);
    core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendrecv", kCodecs, version + 1));
    const auto ok = core.expect("200 INVITE");
    EXPECT_EQ(direction_of(ok.body()), "sendrecv");
    core.ack(up.core);
    rig.run(Seconds(1));
    while (cloud.has("INVITE")) {
      cloud.reply(cloud.expect("INVITE"), 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 9));
      cloud.expect("ACK");
    }
    expect_usable(up, version + 2);
    version += 4;
  }
  core_hangs_up(up);
  expect_clean(1);
}

// Credentials for the other side's network are not ours to have, and not the core's.
TEST_P(FieldTest, AChallengeToAReinviteIsAFailureOfItAndNotOfTheCall) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", kCodecs, 2));
  cloud.reply(cloud.expect("INVITE"), 407,
              "Proxy-Authenticate: Digest realm=\"x\", nonce=\"1\"\r\n");
  cloud.expect("ACK");
  rig.run(Seconds(1));
  std::string told;
  for (const auto& m : core.received)
    if (m.starts_with("SIP/2.0 4") || m.starts_with("SIP/2.0 5")) told = m;
  ASSERT_NE(told, "");
  EXPECT_EQ(told.find("Proxy-Authenticate"), std::string::npos);
  core.ack_failure(up.core, core.expect(told.substr(8, 3) + " INVITE"));
  expect_usable(up, 3);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(FieldTest, SeveralLinesOfRequireAreAllNamedInTheRefusal) {
  auto d = core.invite("+4989123", "Require: foo\r\nRequire: bar,baz\r\n", sdp("10.1.0.1", 40000));
  const auto no = failure(core, d, 420);
  std::string all;
  for (const auto& f : no.headers())
    if (f.id == HeaderId::kUnsupported) all += std::string(f.value) + ",";
  for (const char* tag : {"foo", "bar", "baz"}) EXPECT_NE(all.find(tag), std::string::npos) << all;
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(1);
}

TEST_P(FieldTest, RingingAfterEarlyMediaReachesTheCaller) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  (void)core.expect("183");
  cloud.reply(inv, 180);
  (void)core.expect("180");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  cloud.expect("ACK");
  core.request(d, "BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  core.expect("200 BYE");
  expect_clean(1);
}

// One that answers with SDP of another kind than it was offered is not to be believed in part.
TEST_P(FieldTest, AnAnswerInPlainRtpToAnOfferOfSrtpIsHungUp) {
  PROVES("TDM-01");
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 200, "", sdp("10.2.0.1", 50000));
  cloud.expect("ACK");
  cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("200 INVITE"), 0U);
  ASSERT_TRUE(core.has("488 INVITE"));
  core.ack_failure(d, core.expect("488 INVITE"));
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
