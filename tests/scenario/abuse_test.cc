// What a peer may say to make us send where we should not, end what goes on, or keep what is over;
// and what a change of the configuration meets half-way.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

class AbuseTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, AbuseTest, ::testing::ValuesIn(all_modes()), mode_name);

std::uint64_t refused(Rig& rig, std::string_view label) {
  std::uint64_t n = 0;
  rig.each([&](call::GatewayShard& s) { n += s.counters().refused.get(label); });
  return n;
}

TEST_P(AbuseTest, ShardGoesWhileCallsAreUp) {
  (void)core_calls();  // the rig is destroyed with it
  EXPECT_EQ(rig.calls(), 1U);
}

TEST_P(AbuseTest, ReasonsOfRefusalsAreCountedApart) {
  for (int i = 0; i < 3; ++i) {
    auto d = core.invite("no-number", "", sdp("10.1.0.1", 40000));
    (void)failure(core, d, 404);
  }
  auto hops = core.invite("+4989123", "Max-Forwards: 0\r\n", sdp("10.1.0.1", 40000));
  (void)failure(core, hops, 483);
  EXPECT_EQ(refused(rig, "not_a_number"), 3U);
  EXPECT_EQ(refused(rig, "too_many_hops"), 1U);
  expect_clean(4);
}

TEST_P(AbuseTest, ByeOfAnAttemptThatWasGivenUpEndsNothingElse) {
  Peer core2(rig, "core2", "10.1.0.2:5060", Transport::kUdp);
  core2.gateway = "10.0.0.1:5060";
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  auto first = core.expect("INVITE");
  auto second = core2.expect("INVITE");  // after four seconds of silence
  core2.reply(second, 200, "", sdp("10.1.0.2", 40000));
  cloud.learn(d, cloud.expect("200 INVITE"));
  cloud.ack(d);
  core2.expect("ACK");
  // The first one answers after all, and both hang up at once.
  core.reply(first, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  auto bye = core.expect("BYE");
  auto late = core.answered(first);
  core.request(late, "BYE");
  core.expect("200 BYE");
  core.reply(bye, 200);
  rig.run(Seconds(2));
  EXPECT_EQ(rig.records.size(), 0U);
  EXPECT_FALSE(cloud.has("BYE"));
  cloud.request(d, "BYE");
  core2.reply(core2.expect("BYE"), 200);
  cloud.expect("200 BYE");
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(AbuseTest, NameInAContactThatLeadsToStrangersIsNotFollowed) {
  Peer stranger(rig, "stranger", "10.9.0.1:5060", Transport::kUdp);
  rig.zone.set_a("victim.example", {"10.9.0.1"});
  core.contact = "<sip:core@victim.example:5060>";
  auto up = core_calls();
  cloud_hangs_up(up);
  EXPECT_TRUE(stranger.transcript.empty());
  expect_clean(1);
}

TEST_P(AbuseTest, PortsInContactsOpenNoConnectionsWithoutBound) {
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nmax_connections = 3\n"})));
  std::vector<std::unique_ptr<Peer>> doors;
  for (int i = 0; i < 12; ++i) {
    const std::string at = "10.2.0.1:" + std::to_string(6000 + i);
    doors.push_back(std::make_unique<Peer>(rig, "door" + std::to_string(i), at, Transport::kTls,
                                           std::vector<std::string>{"sip.pstnhub.example"}));
    cloud.contact = "<sip:sip.pstnhub.example:" + std::to_string(6000 + i) + ";transport=tls>";
    auto up = cloud_calls();
    core.request(up.core,
                 "BYE");  // the gateway's own leaves by a connection to the door, if at all
    core.expect("200 BYE");
    rig.run(Seconds(40));
  }
  std::size_t outgoing = 0;
  rig.each([&](call::GatewayShard& s) { outgoing = std::max(outgoing, s.connections().outgoing); });
  EXPECT_EQ(outgoing, 3U);
  expect_clean(12);
}

TEST_P(AbuseTest, TryingAgainAndAgainGivesNoFurtherTime) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  for (int i = 0; i < 8 && !core.has("408 INVITE"); ++i) {
    cloud.reply(inv, 100);
    rig.run(Seconds(10));
  }
  (void)failure(core, d, 408, Millis(1));
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 487);
  expect_clean(1);
}

TEST_P(AbuseTest, CallsOfAPeerThatIsOutOfServiceAreRefused) {
  using Kind = peers::PeerTable::Kind;
  const auto put = [&](peers::Admin a) {
    rig.each([&](call::GatewayShard& s) { ASSERT_TRUE(s.set_admin(Kind::kPeer, "core-1", a)); });
  };
  put(peers::Admin::kBlock);
  auto blocked = core.invite("112", "", sdp("10.1.0.1", 40000));
  (void)failure(core, blocked, 503);
  put(peers::Admin::kDrain);
  auto drained = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  (void)failure(core, drained, 503);
  auto emergency = core.invite("112", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, emergency, 486);
  expect_clean(3);
}

TEST_P(AbuseTest, ReloadDuringTheFirstLookUpFindsTheRightPeer) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  rig.run(Millis(2));  // the name server takes five
  EXPECT_EQ(rig.calls(), 1U);
  // The peers of the service move to other places of the list.
  const std::string more =
      "[[peer_group.peer]]\nname = \"core-0\"\nhost = \"10.1.0.9\"\nport = 5060\n";
  ASSERT_TRUE(rig.apply(make_config({.third_core = more})));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(sip::parse_uri(inv.request_uri())->host, "sip.pstnhub.example");
  cloud.reply(inv, 486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(AbuseTest, ByeThatIsUnderWayDuringAReloadIsNotLost) {
  for (int steps = 0; steps < 6; ++steps) {  // in one of these places it is mail between two shards
    auto up = core_calls();
    core.request(up.core, "BYE");
    for (int i = 0; i < steps; ++i) (void)rig.world.step();
    ASSERT_TRUE(rig.apply(make_config()));
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
    rig.run(Seconds(1));
  }
  EXPECT_EQ(rig.dropped("reload_race"), 0U);
  expect_clean(6);
}

TEST_P(AbuseTest, ACancelledInviteIsForgottenThoughItsFinalAnswerNeverComes) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 180);
  (void)core.expect("180");
  core.request(d, "CANCEL");
  (void)core.expect("200 CANCEL");
  core.ack_failure(d, core.expect("487 INVITE"));
  cloud.reply(cloud.expect("CANCEL"), 200);
  cloud.reply(inv, 180);  // gives no further time
  expect_clean(1);
}

TEST_P(AbuseTest, ACallerWithoutContactIsHungUpAsThePartyThatItIs) {
  auto d = core.invite("+4989123", "Contact: *\r\n", sdp("10.1.0.1", 40000));
  auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  (void)cloud.expect("ACK");
  auto there = cloud.answered(inv);
  cloud.request(there, "BYE");
  (void)cloud.expect("200 BYE");
  const auto bye = core.expect("BYE");
  EXPECT_EQ(bye.request_uri(), "sip:+4930111@10.1.0.1:5060");
  core.reply(bye, 200);
  expect_clean(1);
}

TEST_P(AbuseTest, AnotherGroupCannotHangUpWhatItKnowsTheTagsOf) {
  ASSERT_TRUE(rig.apply(make_config(
      {.third_cloud =
           "[[peer_group]]\nname = \"others\"\nregion = \"west\"\nrealm = \"core\"\n"
           "listener = \"core-udp\"\nprofile = \"operator\"\noptions_interval = \"0s\"\n"
           "routes_to = [\"cloud\"]\n[peer_group.recognise]\nsources = [\"10.3.0.0/16\"]\n"
           "[[peer_group.peer]]\nname = \"other\"\nhost = \"10.3.0.1\"\nport = 5060\n"})));
  Peer other(rig, "other", "10.3.0.1:5060", Transport::kUdp);
  other.gateway = "10.0.0.1:5060";
  auto up = core_calls();
  PeerDialog stolen = up.core;
  stolen.cseq = 50;
  other.request(stolen, "BYE");
  (void)other.expect("481 BYE");
  rig.run(Seconds(2));
  EXPECT_EQ(rig.calls(), 1U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(AbuseTest, SecondForkThatAnswersIsHungUpOverItsOwnTransport) {
  auto up = core_calls();
  cloud.reply(up.invite, 200, "", secure_sdp("10.2.0.1", 50002), "second");
  auto bye = cloud.expect("BYE");
  EXPECT_TRUE(bye.value(HeaderId::kVia).starts_with("SIP/2.0/TLS")) << bye.value(HeaderId::kVia);
  cloud.reply(bye, 200);
  core_hangs_up(up);
  expect_clean(1);
}

// What the grammar forbids is answered with the reason, unless the profile of its group puts up
// with it.
class TolerantCore : public CallTest {
 protected:
  TolerantCore()
      : CallTest(make_config({.top = R"(
[[profile]]
name = "sloppy"
extends = "operator"
tolerate = ["bare_line_feed", "underscore_in_host"]
)",
                              .core_profile = "sloppy"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, TolerantCore, ::testing::ValuesIn(all_modes()), mode_name);

std::string sloppy_options(const std::string& contact) {
  return "OPTIONS sip:gw@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKsloppy\r\n"
         "From: <sip:a@10.1.0.1>;tag=s\r\nTo: <sip:gw@10.0.0.1>\r\nCall-ID: sloppy\r\nCSeq: 1 "
         "OPTIONS\r\n"
         "Contact: " +
         contact + "\r\nContent-Length: 0\r\n\r\n";
}

TEST_P(TolerantCore, WhatItsProfilePutsUpWithIsTakenAndNothingElse) {
  core.send(sloppy_options("<sip:a@my_host>"));
  core.expect("200");
  core.send(sloppy_options("J. Smith@x <sip:a@my_host>"));
  EXPECT_NE(std::string(core.expect("400").bytes()).find("display name"), std::string::npos);
}

TEST_P(AbuseTest, QuirksAreRefusedWithTheReasonByDefault) {
  core.send(sloppy_options("<sip:a@host>"));
  EXPECT_NE(std::string(core.expect("400").bytes()).find("LF alone"), std::string::npos);
}

}  // namespace
}  // namespace causeway::scenario
