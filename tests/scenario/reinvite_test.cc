// Re-INVITEs that cannot be answered as they stand, cannot be sent, or come to nothing for now.
#include <algorithm>

#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class ReinviteTest : public CallTest {
 protected:
  static std::string held(int version) {
    return sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", version);
  }
  void expect_quiet() {
    const auto c = core.count("INVITE"), s = cloud.count("INVITE");
    rig.run(Seconds(40));
    EXPECT_EQ(core.count("INVITE"), c) << "nothing more to say";
    EXPECT_EQ(cloud.count("INVITE"), s) << "nothing more to say";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReinviteTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReinviteTest, ABodyThatIsNotSdpIsNotTakenForNone) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "Content-Type: application/unknownformat\r\n", "<audio/>");
  auto no = core.expect("415 INVITE");
  EXPECT_TRUE(no.value(HeaderId::kAccept).starts_with("application/sdp, "));
  core.ack_failure(up.core, no);
  core.request(up.core, "INVITE", "Content-Encoding: gzip\r\n", held(2));
  no = core.expect("415 INVITE");
  EXPECT_EQ(no.find("Accept-Encoding")->value, "identity");
  core.ack_failure(up.core, no);
  core.request(up.core, "INVITE", "Accept: text/plain\r\n");
  no = core.expect("406 INVITE");
  core.ack_failure(up.core, no);
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(ReinviteTest, RequiredExtensionsThatNobodyKnowsAreNamedInEveryRequest) {
  auto up = core_calls();
  for (const char* method : {"BYE", "OPTIONS", "INFO"}) {
    core.request(up.core, method, "Require: nothing-knows-this\r\n");
    auto no = core.expect(std::string("420 ") + method);
    EXPECT_EQ(no.value(HeaderId::kUnsupported), "nothing-knows-this");
  }
  rig.run(Seconds(1));
  EXPECT_EQ(rig.calls(), 1U);
  EXPECT_FALSE(cloud.has("BYE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(ReinviteTest, NotifyWithoutASubscriptionIsAnswered481) {
  auto up = core_calls();
  cloud.request(up.cloud, "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n");
  auto no = cloud.expect("481 NOTIFY");
  EXPECT_NE(no.value(HeaderId::kAllow).find("NOTIFY"), std::string_view::npos);
  EXPECT_EQ(core.count("NOTIFY"), 0U);
  core_hangs_up(up);
  expect_clean(1);
}

// The first INVITE without a name to look up comes from the service; its Contact is a name.
TEST_P(ReinviteTest, AnAnswerWaitsForTheAddressOfTheOtherSideAndThenComes) {
  auto up = core_calls("Contact: <sip:core@core.operator.example>\r\n");
  rig.zone.set_a("core.operator.example", {"10.1.0.1"}, Seconds(5));
  rig.run(Seconds(10));
  rig.zone.latency = Millis(300);
  // The re-INVITE to the core waits for the name; meanwhile the core asks itself.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  rig.run(Millis(50));
  core.request(up.core, "INVITE", "", held(2));
  core.ack_failure(up.core, core.expect("491 INVITE"));
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(ReinviteTest, HoldIsNotLostWhileAnAckWaitsForAName) {
  rig.zone.set_a("core.operator.example", {"10.1.0.1"}, Seconds(1));
  core.contact = "<sip:core@core.operator.example>";
  auto up = cloud_calls();
  rig.run(Seconds(5));
  rig.zone.latency = Millis(300);
  // The core answers a hold of the service; the ACK waits for the name, and so does the next hold.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000", 2));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  core.expect("ACK");
  core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  core.expect("ACK");
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(ReinviteTest, APeerThatNeverHasTimeIsNotAskedForEver) {
  auto up = core_calls();
  core.request(up.core, "INVITE", "", held(2));
  for (int i = 0; i < 7; ++i) {
    cloud.reply(cloud.expect("INVITE"), 491);
    cloud.expect("ACK");
  }
  (void)failure(core, up.core, 491);
  expect_quiet();
  // It may be asked again.
  auto ok = core_reinvites(up, held(3), "inactive", 2);
  EXPECT_EQ(direction_of(ok.body()), "recvonly");
  core_hangs_up(up);
  expect_clean(1);
}

// RFC 3261 15.1.2 has it end such an INVITE with 487. One that forgets it is not waited for.
TEST_P(ReinviteTest, AReinviteThatRangAndWasForgottenEndsWithTheCall) {
  for (const bool caller_ends : {true, false}) {
    auto up = core_calls();
    core.request(up.core, "INVITE", "", held(2));
    cloud.reply(cloud.expect("INVITE"), 180);
    rig.run(Seconds(1));
    if (caller_ends)
      core_hangs_up(up);
    else
      cloud_hangs_up(up);
    core.ack_failure(up.core, core.expect("487 INVITE"));
    rig.run(Seconds(100));
    EXPECT_EQ(rig.calls(), 0U);
    EXPECT_EQ(rig.transactions(), 0U);
  }
  expect_clean(2);
}

TEST_P(ReinviteTest, ACodecThatTheOtherSideHasGivenUpIsTakenFromThisOne) {
  const std::string both = "9 G722/8000,8 PCMA/8000,101 telephone-event/8000";
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", both));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "sendrecv", 1, both));
  auto ok = core.expect("200 INVITE");
  core.learn(d, ok);
  core.ack(d);
  auto c = cloud.answered(inv);
  rig.run(Millis(100));
  cloud.request(
      c, "INVITE", "",
      secure_sdp("10.2.0.1", 50000, "sendrecv", 2, "8 PCMA/8000,101 telephone-event/8000"));
  auto offer = core.expect("INVITE");
  EXPECT_EQ(offer.body().find("G722"), std::string::npos);
  core.reply(offer, 200, "",
             sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 2));
  core.expect("ACK");
  EXPECT_NE(cloud.expect("200 INVITE").body().find("PCMA"), std::string::npos);
  cloud.ack(c);
  expect_quiet();
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

// The other law of G.711 costs a table: nobody is asked anything for it.
TEST_P(ReinviteTest, ALawThatTheOtherSideHasGivenUpIsConverted) {
  core.open_rtp(40000);
  auto up = core_calls("", sdp("10.1.0.1", 40000));
  cloud.request(
      up.cloud, "INVITE", "",
      secure_sdp("10.2.0.1", 50000, "sendrecv", 2, "0 PCMU/8000,101 telephone-event/8000"));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  expect_quiet();
  cloud.open_rtp(50000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Millis(50));
  EXPECT_GE(std::count_if(cloud.rtp.begin(), cloud.rtp.end(),
                          [](const auto& r) { return (r.bytes[1] & 0x7f) == 0; }),
            5)
      << "as PCMU";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(ReinviteTest, AProxyThatRestartsDuringAHoldEndsNoCall) {
  auto up = core_calls();
  rig.world.network().isolate(*IpAddress::parse("10.2.0.1"));
  rig.world.reset_streams(*IpAddress::parse("10.0.0.2"), *IpAddress::parse("10.2.0.1"));
  core.request(up.core, "INVITE", "", held(2));
  rig.run(Seconds(6));
  rig.world.network().heal_all();
  rig.world.network().rejoin(*IpAddress::parse("10.2.0.1"));
  auto inv = cloud.expect("INVITE", Seconds(20));
  EXPECT_EQ(direction_of(inv.body()), "inactive");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "recvonly");
  core.ack(up.core);
  expect_quiet();
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(ReinviteTest, APeerThatCannotBeReachedRefusesAndTheCallGoesOn) {
  auto up = core_calls();
  rig.world.network().isolate(*IpAddress::parse("10.2.0.1"));
  rig.world.reset_streams(*IpAddress::parse("10.0.0.2"), *IpAddress::parse("10.2.0.1"));
  core.request(up.core, "INVITE", "", held(2));
  (void)failure(core, up.core, 503, Seconds(60));
  EXPECT_EQ(rig.calls(), 1U);
  rig.world.network().rejoin(*IpAddress::parse("10.2.0.1"));
  core_hangs_up(up);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(ReinviteTest, AStrictRouterStandsInTheRequestUriAndTheTargetInTheLastRoute) {
  auto d = core.invite("+4989123", "Record-Route: <sip:10.1.0.9;x=1>,<sip:10.1.0.8;lr>\r\n",
                       sdp("10.1.0.1", 40000));
  Peer router(rig, "router", "10.1.0.9:5060", Transport::kUdp);
  router.gateway = "10.0.0.1:5060";
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  rig.run(Millis(100));
  auto c = cloud.answered(inv);
  cloud.request(c, "BYE");
  auto bye = router.expect("BYE");
  EXPECT_EQ(bye.request_uri(), "sip:10.1.0.9;x=1");
  std::vector<std::string> routes;
  for (const auto& h : bye.headers())
    if (h.id == HeaderId::kRoute) routes.emplace_back(h.value);
  EXPECT_EQ(routes, (std::vector<std::string>{"<sip:10.1.0.8;lr>", "<sip:core@10.1.0.1:5060>"}));
  router.reply(bye, 200);
  expect_clean(1);
}

TEST_P(ReinviteTest, MaddrStandsForTheHostOfATarget) {
  Peer elsewhere(rig, "elsewhere", "10.1.0.9:5060", Transport::kUdp);
  elsewhere.gateway = "10.0.0.1:5060";
  auto d = core.invite("+4989123", "Contact: <sip:core@unknown.example;maddr=10.1.0.9>\r\n",
                       sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  rig.run(Millis(100));
  auto c = cloud.answered(inv);
  cloud.request(c, "BYE");
  auto bye = elsewhere.expect("BYE");
  EXPECT_EQ(bye.request_uri(), "sip:core@unknown.example;maddr=10.1.0.9");
  elsewhere.reply(bye, 200);
  expect_clean(1);
}

TEST_P(ReinviteTest, RingingIsSaidAgainEveryMinute) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  core.expect("180");
  for (int i = 0; i < 2; ++i) {
    rig.run(Seconds(55));
    EXPECT_FALSE(core.has("180"));
    core.expect("180");
  }
  cloud.reply(inv, 480);
  (void)failure(core, d, 480);
  const auto said = core.count("180");
  expect_clean(1);
  EXPECT_EQ(core.count("180"), said);
}

}  // namespace
}  // namespace causeway::scenario
