// Which peer is tried, when the next one is, and when none is any more.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kThirdCore =
    "[[peer_group.peer]]\nname = \"core-3\"\nhost = \"10.1.0.3\"\nport = 5060\n";

class HuntTest : public CallTest {
 protected:
  explicit HuntTest(const ConfigOptions& o = {.third_core = kThirdCore})
      : CallTest(make_config(o)),
        core2(rig, "core2", "10.1.0.2:5060", Transport::kUdp),
        core3(rig, "core3", "10.1.0.3:5060", Transport::kUdp) {
    core2.gateway = core3.gateway = "10.0.0.1:5060";
  }
  PeerDialog call() {
    return cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  }
  Millis since(Instant began) const {
    return std::chrono::duration_cast<Millis>(rig.world.now() - began);
  }
  void answer_and_hang_up(Peer& at, PeerDialog& d, const sip::Message& inv) {
    at.reply(inv, 200, "", sdp(at.address().substr(0, at.address().find(':')), 40000));
    auto ok = cloud.expect("200 INVITE");
    cloud.learn(d, ok);
    cloud.ack(d);
    at.expect("ACK");
    rig.run(Millis(100));
    cloud.request(d, "BYE");
    at.reply(at.expect("BYE"), 200);
    cloud.expect("200 BYE");
  }
  Peer core2, core3;
};
INSTANTIATE_TEST_SUITE_P(Modes, HuntTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(HuntTest, NextPeerAfterTheCodesThatAllowIt) {
  PROVES("GW-02", "TDR-80", "TDR-81");
  std::size_t n = 0;
  for (const int status : {408, 503, 504}) {
    auto d = call();
    core.reply(core.expect("INVITE"), status, status == 503 ? "Retry-After: 1\r\n" : "");
    const auto began = rig.world.now();
    auto inv = core2.expect("INVITE");
    EXPECT_LT(since(began), Millis(100)) << "at once, whatever Retry-After says";
    EXPECT_EQ(inv.request_uri(), "sip:+4930111@10.1.0.2");
    answer_and_hang_up(core2, d, inv);
    core.expect("ACK");
    ++n;
  }
  expect_clean(n);
  for (const auto& r : rig.records) EXPECT_EQ(r.egress_peer, "core-2");
}

TEST_P(HuntTest, NoOtherCodeGoesToTheNextPeer) {
  PROVES("GW-02", "TDR-82");
  std::size_t n = 0;
  for (int status = 300; status < 700; ++status) {
    if (status == 408 || status == 503 || status == 504) continue;
    auto d = call();
    core.reply(core.expect("INVITE"), status);
    const int expected = status < 400 ? 480 : status == 401 || status == 407 ? 503 : status;
    (void)failure(cloud, d, expected);
    core.expect("ACK");
    ++n;
  }
  EXPECT_EQ(core2.count("INVITE"), 0U);
  expect_clean(n);
}

TEST_P(HuntTest, SilenceOfFourSecondsIsNoAnswerAndALateOneIsHungUp) {
  PROVES("GW-02", "TDR-78");
  auto d = call();
  auto first = core.expect("INVITE");
  const auto began = rig.world.now();
  auto second = core2.expect("INVITE");
  EXPECT_NEAR(static_cast<double>(since(began).count()), 4000, 20);
  core2.reply(second, 180);
  cloud.expect("180");
  // The first one answers after all.
  core.reply(first, 200, "", sdp("10.1.0.1", 40000));
  auto ack = core.expect("ACK");
  EXPECT_EQ(ack.call_id(), first.call_id());
  core.reply(core.expect("BYE"), 200);
  EXPECT_FALSE(cloud.has("200 INVITE"));
  answer_and_hang_up(core2, d, second);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].egress_peer, "core-2");
}

TEST_P(HuntTest, LateRingingOfAnAbandonedAttemptIsCancelled) {
  auto d = call();
  auto first = core.expect("INVITE");
  auto second = core2.expect("INVITE");
  core.reply(first, 180);
  core.reply(core.expect("CANCEL"), 200);
  core.reply(first, 487);
  core.expect("ACK");
  EXPECT_FALSE(cloud.has("180"));
  answer_and_hang_up(core2, d, second);
  expect_clean(1);
}

TEST_P(HuntTest, AllTogetherTakeNineSecondsAtMost) {
  PROVES("TDR-78");
  auto d = call();
  const auto began = rig.world.now();
  (void)failure(cloud, d, 504, Seconds(12));
  EXPECT_GT(since(began), Millis(8500));
  EXPECT_LE(since(began), Millis(9010));
  EXPECT_GT(core.count("INVITE"), 0U);
  EXPECT_GT(core2.count("INVITE"), 0U);
  EXPECT_GT(core3.count("INVITE"), 0U);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "unreachable");
}

TEST_P(HuntTest, NobodyElseIsTriedOnceRingingWasPassedOn) {
  PROVES("TDR-79");
  auto d = call();
  auto inv = core.expect("INVITE");
  core.reply(inv, 180);
  cloud.expect("180");
  core.reply(inv, 503);
  (void)failure(cloud, d, 503);
  rig.run(Seconds(10));
  EXPECT_EQ(core2.count("INVITE"), 0U);
  expect_clean(1);
}

TEST_P(HuntTest, HundredAloneIsNotPassedOnAndDoesNotEndTheHunt) {
  PROVES("TDR-79");
  auto d = call();
  auto inv = core.expect("INVITE");
  core.reply(inv, 100);
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("180"));
  EXPECT_FALSE(cloud.has("183"));
  core.reply(inv, 503);
  auto second = core2.expect("INVITE");
  answer_and_hang_up(core2, d, second);
  expect_clean(1);
}

TEST_P(HuntTest, DrainedAndBlockedPeersAreLeftOut) {
  PROVES("TDR-91");
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kPeer, "core-1", peers::Admin::kDrain));
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kPeer, "core-2", peers::Admin::kBlock));
  });
  auto d = call();
  auto inv = core3.expect("INVITE");
  answer_and_hang_up(core3, d, inv);
  EXPECT_EQ(core.count("INVITE") + core2.count("INVITE"), 0U);
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kGroup, "core", peers::Admin::kDrain));
  });
  auto e = call();
  (void)failure(cloud, e, 503);
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kGroup, "core", peers::Admin::kActive));
  });
  auto f = call();
  answer_and_hang_up(core3, f, core3.expect("INVITE"));
  expect_clean(3);
}

TEST_P(HuntTest, DrainKeepsCallsAndBlockEndsThem) {
  PROVES("TDR-91");
  auto up = cloud_calls();
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kRegion, "west", peers::Admin::kDrain));
  });
  rig.run(Seconds(5));
  EXPECT_FALSE(cloud.has("BYE"));
  auto refused = call();
  (void)failure(cloud, refused, 503);
  rig.each([](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kRegion, "west", peers::Admin::kBlock));
  });
  gateway_hangs_up();
  expect_clean(2);
  EXPECT_EQ(rig.records.back().termination, "stopped");
}

class ConnectTest : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, ConnectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ConnectTest, TwoSecondsForTheConnection) {
  PROVES("GW-02");
  Peer cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  rig.world.network().isolate(*IpAddress::parse("10.2.0.1"));
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto began = rig.world.now();
  auto inv = cloud2.expect("INVITE");
  EXPECT_NEAR(
      static_cast<double>(std::chrono::duration_cast<Millis>(rig.world.now() - began).count()),
      2000, 50);
  EXPECT_EQ(inv.request_uri(), "sip:+4989123@sip2.pstnhub.example;user=phone")
      << "the name of that attempt";
  cloud2.reply(inv, 603);
  (void)failure(core, d, 603);
  expect_clean(1);
}

TEST_P(ConnectTest, CertificateOfAnotherNameIsAFailedAttempt) {
  Peer cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"wrong.example"});
  rig.world.network().isolate(*IpAddress::parse("10.2.0.1"));
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  (void)failure(core, d, 504);
  EXPECT_EQ(cloud2.count("INVITE"), 0U);
  expect_clean(1);
  const auto trail = rig.trail_of(0);
  EXPECT_NE(trail.find("wrong.example"), std::string::npos) << trail;
  EXPECT_NE(trail.find("sip2.pstnhub.example"), std::string::npos);
}

class NoProgressTest : public HuntTest {
 protected:
  NoProgressTest() : HuntTest({.core = "[peer_group.timers]\nno_progress = \"3s\"\n"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, NoProgressTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(NoProgressTest, HundredWithoutRingingHasATimerOfItsOwn) {
  PROVES("TDR-77");
  auto d = call();
  auto inv = core.expect("INVITE");
  core.reply(inv, 100);
  const auto began = rig.world.now();
  auto cancel = core.expect("CANCEL");
  EXPECT_NEAR(static_cast<double>(since(began).count()), 3000, 20);
  core.reply(cancel, 200);
  core.reply(inv, 487);
  answer_and_hang_up(core2, d, core2.expect("INVITE"));
  expect_clean(1);
}

class ProbedTest : public HuntTest {
 protected:
  ProbedTest() : HuntTest({.core_options = "60s"}) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ProbedTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ProbedTest, PeersThatAreDownAreTriedLastAndTriedAllTheSame) {
  PROVES("TDR-36", "TDR-39");
  core.reply(core.expect("OPTIONS"), 503);
  core2.reply(core2.expect("OPTIONS"), 200);
  rig.run(Millis(100));
  auto d = call();
  answer_and_hang_up(core2, d, core2.expect("INVITE"));
  EXPECT_EQ(core.count("INVITE"), 0U);
  core2.reply(core2.expect("OPTIONS", Seconds(70)), 500);
  rig.run(Millis(100));
  auto e = call();
  answer_and_hang_up(core, e, core.expect("INVITE"));  // all down: in the order of the file
}

TEST_P(ProbedTest, AnAddressThatFailedIsSetAsideOnEveryShard) {
  core.reply(core.expect("OPTIONS"), 503);
  core2.reply(core2.expect("OPTIONS"), 200);
  rig.run(Millis(100));
  const auto aside = [&](const char* address) {
    std::size_t n = 0;
    rig.each([&](call::GatewayShard& s) {
      transport::Destination d;
      d.remote = *Endpoint::parse(address);
      n += s.locator().is_set_aside(d);
    });
    return n;
  };
  EXPECT_EQ(aside("10.1.0.1:5060"), rig.mode().shards);
  EXPECT_EQ(aside("10.1.0.2:5060"), 0U);
  core.reply(core.expect("OPTIONS", Seconds(20)), 200);
  rig.run(Millis(100));
  EXPECT_EQ(aside("10.1.0.1:5060"), 0U);
}

TEST_P(HuntTest, AnEmergencyReachesADrainedPeerLastAndABlockedOneNever) {
  PROVES("TDR-91");
  const auto admin = [&](const char* peer, peers::Admin a) {
    rig.each([&](call::GatewayShard& s) {
      ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kPeer, peer, a));
    });
  };
  admin("core-1", peers::Admin::kDrain);
  admin("core-3", peers::Admin::kBlock);
  auto d = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  core2.reply(core2.expect("INVITE"), 503);
  answer_and_hang_up(core, d, core.expect("INVITE"));
  rig.each([&](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kGroup, "core", peers::Admin::kDrain));
  });
  auto e = cloud.invite("112", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  core.reply(core.expect("INVITE"), 503);
  answer_and_hang_up(core2, e, core2.expect("INVITE"));
  EXPECT_EQ(core3.count("INVITE"), 0U);
  auto plain = call();  // no emergency
  (void)failure(cloud, plain, 503);
  expect_clean(3);
}

// Two peers by name, neither of them probed.
class DrainedByName : public CallTest {};
INSTANTIATE_TEST_SUITE_P(Modes, DrainedByName, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(DrainedByName, CallsFromAPeerWhoseNameIsNotProbedAreTold) {
  PROVES("TDR-91");
  rig.run(Seconds(1));
  rig.each([&](call::GatewayShard& s) {
    ASSERT_TRUE(s.set_admin(peers::PeerTable::Kind::kPeer, "cloud-1", peers::Admin::kDrain));
  });
  auto d = cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  (void)failure(cloud, d, 503);
  EXPECT_EQ(cloud.count("OPTIONS"), 0U);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].ingress_peer, "cloud-1");
}

// Two groups of the core, the one in another region named first.
class TwoRegions : public HuntTest {
 protected:
  TwoRegions() : HuntTest({}), east(rig, "east", "10.4.0.3:5060", Transport::kUdp) {
    east.gateway = "10.0.0.1:5060";
    std::string text = make_config({.third_cloud = kEastCore});
    const std::string west = "[[region]]\nname = \"west\"\n";
    text.insert(text.find(west), "[[region]]\nname = \"east\"\n");
    const std::string routes = "routes_to = [\"core\"]";
    text.replace(text.find(routes), routes.size(), "routes_to = [\"east-core\", \"core\"]");
    const auto ok = rig.apply(text);
    EXPECT_TRUE(ok) << (ok ? "" : ok.error().what);
  }
  Peer east;
  static constexpr const char* kEastCore = R"([[peer_group]]
name = "east-core"
region = "east"
realm = "core"
listener = "core-udp"
profile = "operator"
options_interval = "0s"
[peer_group.recognise]
sources = ["10.4.0.3/32"]
[[peer_group.peer]]
name = "east-1"
host = "10.4.0.3"
port = 5060
)";
};
INSTANTIATE_TEST_SUITE_P(Modes, TwoRegions, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(TwoRegions, AnotherRegionIsTriedOnlyWhenAllLocalPeersHaveFailed) {
  PROVES("GW-02");
  auto d = call();
  core.reply(core.expect("INVITE"), 503);
  core2.reply(core2.expect("INVITE"), 504);
  answer_and_hang_up(east, d, east.expect("INVITE"));
  auto e = call();
  core.reply(core.expect("INVITE"), 486);
  (void)failure(cloud, e, 486);
  rig.run(Seconds(1));
  EXPECT_EQ(east.count("INVITE"), 1U);
}

}  // namespace
}  // namespace causeway::scenario
