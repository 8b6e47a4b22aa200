// Calls over connections that break, names that change or are not answered, addresses that fail.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

const IpAddress kOurs = *IpAddress::parse("10.0.0.2");
const IpAddress kTheirs = *IpAddress::parse("10.2.0.1");

class ConnectionsTest : public CallTest {
 protected:
  explicit ConnectionsTest(const ConfigOptions& o = {})
      : CallTest(make_config(o)),
        cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls,
               {"sip2.pstnhub.example", "api.pstnhub.example"}) {
    cloud2.gateway = "10.0.0.2:5061";
  }
  Millis since(Instant began) const {
    return std::chrono::duration_cast<Millis>(rig.world.now() - began);
  }
  // An INVITE of the core that the cloud has got and not answered.
  std::pair<PeerDialog, sip::Message> pending() {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    return {d, cloud.expect("INVITE")};
  }
  Peer cloud2;
};
INSTANTIATE_TEST_SUITE_P(Modes, ConnectionsTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ConnectionsTest, TheNextPeerIsTriedAtOnceWhenTheConnectionBreaks) {
  PROVES("GW-02");
  auto [d, inv] = pending();
  const auto began = rig.world.now();
  rig.world.reset_streams(kOurs, kTheirs);
  auto second = cloud2.expect("INVITE");
  EXPECT_LT(since(began), Millis(100)) << "not after the four seconds of silence";
  cloud2.reply(second, 480);
  (void)failure(core, d, 480);
  EXPECT_EQ(cloud.count("INVITE"), 1U);
  expect_clean(1);
}

TEST_P(ConnectionsTest, ARequestThatCrossesTheClosingOfAnIdleConnectionIsSentOnceMore) {
  PROVES("TDR-22");
  auto [d, first] = pending();
  cloud.reply(first, 480);
  (void)failure(core, d, 480);
  // On the same shard, and so on the same connection: the second of these at the latest.
  for (int i = 0; i < 12; ++i) {
    auto [e, inv] = pending();
    const auto branch = [](const sip::Message& m) {
      return std::string(sip::parse_via(m.value(HeaderId::kVia))->branch);
    };
    const std::size_t before = cloud.count("INVITE");
    rig.world.reset_streams(kOurs, kTheirs);
    rig.run(Millis(100));
    if (cloud.count("INVITE") > before) {
      auto repeated = cloud.expect("INVITE");
      EXPECT_EQ(branch(repeated), branch(inv)) << "the same request, not another one";
      EXPECT_EQ(cloud2.count("INVITE"), static_cast<std::size_t>(i));
      cloud.reply(repeated, 486);
      (void)failure(core, e, 486);
      return;
    }
    auto other = cloud2.expect("INVITE");  // that one had opened the connection
    cloud2.reply(other, 480);
    (void)failure(core, e, 480);
    // Opens it again for the next round.
    auto [f, warm] = pending();
    cloud.reply(warm, 480);
    (void)failure(core, f, 480);
  }
  FAIL() << "no request was ever sent on a connection that was open before";
}

TEST_P(ConnectionsTest, ARingingCallSurvivesAndIsAnsweredOverAnotherConnection) {
  PROVES("TDR-24");
  auto [d, inv] = pending();
  cloud.reply(inv, 180);
  core.expect("180");
  rig.world.reset_streams(kOurs, kTheirs);
  rig.run(Seconds(20));
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
  auto ok = core.expect("200 INVITE");
  core.learn(d, ok);
  core.ack(d);
  cloud.expect("ACK");
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
}

TEST_P(ConnectionsTest, EveryAnswerIsAcknowledgedAtOnceOverANewConnection) {
  PROVES("TDR-83");
  auto [d, inv] = pending();
  cloud.reply(inv, 180);
  core.expect("180");
  // What it asked on is gone each time, and the answer comes on a connection of the peer's own.
  for (int i = 0; i < 3; ++i) {
    rig.world.reset_streams(kOurs, kTheirs);
    rig.run(Millis(50));
    cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000));
    EXPECT_FALSE(cloud.came_on_ours(cloud.expect("ACK", Seconds(1)))) << i;
  }
  core.learn(d, core.expect("200 INVITE"));
  core.ack(d);
  rig.run(Millis(100));
  core.request(d, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(ConnectionsTest, APendingByeIsSentAgainOnANewConnection) {
  PROVES("TDR-24");
  auto up = core_calls();
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  auto bye = cloud.expect("BYE");
  const bool was_open = cloud.count("BYE") == 1;
  EXPECT_TRUE(was_open);
  rig.world.reset_streams(kOurs, kTheirs);
  auto repeated = cloud.expect("BYE", Seconds(1));
  EXPECT_EQ(repeated.value(HeaderId::kVia), bye.value(HeaderId::kVia));
  cloud.reply(repeated, 200);
  expect_clean(1);
}

TEST_P(ConnectionsTest, ASilentNameServerDoesNotStretchTheHunt) {
  PROVES("TDR-78");
  rig.zone.timeout = Seconds(60);
  rig.zone.set_fault_everywhere(world::DnsFault::kTimeout);
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto began = rig.world.now();
  (void)failure(core, d, 504, Seconds(20));
  EXPECT_LE(since(began), Millis(9'010));
  EXPECT_FALSE(cloud.has("INVITE"));
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "unreachable");
}

TEST_P(ConnectionsTest, ANameIsAskedAgainWithinALongDialog) {
  PROVES("TDR-01");
  rig.zone.set_a("api.pstnhub.example", {"10.2.0.1"}, Seconds(5));
  cloud.contact = "<sip:api.pstnhub.example:5061;transport=tls>";
  auto up = cloud_calls();
  rig.zone.set_a("api.pstnhub.example", {"10.2.0.2"}, Seconds(5));
  rig.run(Seconds(20));
  EXPECT_EQ(rig.calls(), 1U);
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud2.reply(cloud2.expect("BYE"), 200);
  EXPECT_FALSE(cloud.has("BYE"));
  expect_clean(1);
}

TEST_P(ConnectionsTest, AnAddressInUseIsKeptWhileTheNameHasIt) {
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.1"}, Seconds(5));
  cloud.contact = "<sip:sip.pstnhub.example:5061;transport=tls>";
  auto up = cloud_calls();
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.2", "10.2.0.1"}, Seconds(5));
  rig.run(Seconds(20));
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(ConnectionsTest, WithoutNameServersALongDialogKeepsItsAddress) {
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.1"}, Seconds(5));
  cloud.contact = "<sip:sip.pstnhub.example:5061;transport=tls>";
  auto up = cloud_calls();
  rig.zone.timeout = Seconds(60);
  rig.zone.set_fault_everywhere(world::DnsFault::kTimeout);
  rig.run(Seconds(20));
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

class SeveralAddresses : public ConnectionsTest {
 protected:
  SeveralAddresses() : ConnectionsTest({.cloud_options = "60s"}) {
    rig.zone.set_a("sip.pstnhub.example", {"10.2.0.77", "10.2.0.1"});  // the first is not there
  }
  std::string state_of(const std::string& peer, std::string* why = nullptr) {
    std::string state;
    rig.each([&](call::GatewayShard& s) {
      for (const auto& r : s.peer_reports()) {
        if (r.peer != peer) continue;
        state = r.state;
        if (why) *why = r.why;
      }
    });
    return state;
  }
  void answer_options(Micros during) {
    const auto end = rig.world.now() + during;
    while (rig.world.now() < end) {
      rig.run(Millis(100));
      for (Peer* p : {&cloud, &cloud2})
        while (p->has("OPTIONS")) p->reply(p->expect("OPTIONS"), 200);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, SeveralAddresses, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SeveralAddresses, EachIsProbedAndOneThatAnswersMakesThePeerUp) {
  PROVES("TDR-39");
  answer_options(Seconds(10));
  std::string why;
  EXPECT_EQ(state_of("cloud-1", &why), "up");
  EXPECT_NE(why.find("10.2.0.77"), std::string::npos) << "and which does not: " << why;
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.77"});
  answer_options(Seconds(70));
  EXPECT_EQ(state_of("cloud-1"), "down");
  rig.zone.set_a("sip.pstnhub.example", {"10.2.0.77", "10.2.0.1"});
  answer_options(Seconds(20));
  EXPECT_EQ(state_of("cloud-1"), "up");
}

TEST_P(SeveralAddresses, OneThatFailedIsSetAsideAndTriedAgainLater) {
  PROVES("TDR-01");
  const auto call = [&] {
    auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    const auto began = rig.world.now();
    cloud.reply(cloud.expect("INVITE"), 480);
    const auto took = since(began);
    (void)failure(core, d, 480);
    return took;
  };
  // Every shard learns it by a call of its own or by its probe.
  for (int i = 0; i < 12; ++i) (void)call();
  EXPECT_LT(call(), Millis(100)) << "the address that was silent is not tried first";
  Peer late(rig, "late", "10.2.0.77:5061", Transport::kTls, {"sip.pstnhub.example"});
  late.gateway = "10.0.0.2:5061";
  rig.run(Seconds(45));
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  late.reply(late.expect("INVITE"), 480);
  (void)failure(core, d, 480);
}

// --- large requests ----------------------------------------------------------------------------

std::string also_tcp(const std::string& core = "") {
  std::string text =
      make_config({.top = "[[listener]]\nname = \"core-tcp\"\nrealm = \"core\"\ntransport = "
                          "\"tcp\"\naddress = \"10.0.0.1:5062\"\n",
                   .core = "tcp_above = 300\n" + core});
  const std::string peer = "host = \"10.1.0.1\"\nport = 5060\n";
  return text.replace(text.find(peer), peer.size(), peer + "also_tcp = true\n");
}

class LargeRequests : public CallTest {
 protected:
  explicit LargeRequests(const std::string& more = "") : CallTest(also_tcp(more)) {}
  PeerDialog call() {
    return cloud.invite("+4930111", "", secure_sdp("10.2.0.1", 50000), "+4989123");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, LargeRequests, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LargeRequests, GoOverTcpWithTheViaOfTcp) {
  PROVES("TDR-90");
  Peer by_tcp(rig, "core-by-tcp", "10.1.0.1:5060", Transport::kTcp);
  by_tcp.gateway = "10.0.0.1:5062";
  auto d = call();
  auto inv = by_tcp.expect("INVITE");
  const auto via = std::string(inv.value(HeaderId::kVia));
  EXPECT_TRUE(via.starts_with("SIP/2.0/TCP 10.0.0.1:5062;branch=")) << via;
  EXPECT_EQ(via.find("rport"), std::string::npos);
  by_tcp.reply(inv, 486);
  (void)failure(cloud, d, 486);
  EXPECT_EQ(by_tcp.expect("ACK").value(HeaderId::kVia), inv.value(HeaderId::kVia));
  EXPECT_TRUE(core.received.empty());
  expect_clean(1);
}

TEST_P(LargeRequests, GoOverUdpAllTheSameWhereTcpIsRefused) {
  PROVES("TDR-90");
  auto d = call();
  const auto began = rig.world.now();
  auto inv = core.expect("INVITE");
  EXPECT_LT(rig.world.now() - began, Millis(100));
  EXPECT_TRUE(inv.value(HeaderId::kVia).starts_with("SIP/2.0/UDP 10.0.0.1:5060;branch="));
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  cloud.ack(d);
  core.expect("ACK");
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

class LargeRequestsInHaste : public LargeRequests {
 protected:
  LargeRequestsInHaste() : LargeRequests("timers = { silence = \"1s\", hunt = \"10s\" }\n") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, LargeRequestsInHaste,
                         ::testing::ValuesIn(std::vector<Mode>{{1, false}}), mode_name);

// A firewall that lets nothing but UDP through says nothing, and the hunt is over before the
// connection is given up: the calls that follow know all the same.
TEST_P(LargeRequestsInHaste, LearnOfTcpThatNobodyAnswersThoughNobodyWaitedForIt) {
  PROVES("TDR-90");
  Peer by_tcp(rig, "core-by-tcp", "10.1.0.1:5060", Transport::kTcp);
  by_tcp.gateway = "10.0.0.1:5062";
  const auto us = *IpAddress::parse("10.0.0.1"), them = *IpAddress::parse("10.1.0.1");
  rig.world.network().partition(us, them);
  auto lost = call();
  (void)failure(cloud, lost, 504);
  rig.run(Seconds(2));
  rig.world.network().heal(us, them);
  auto d = call();
  auto inv = core.expect("INVITE");
  EXPECT_TRUE(inv.value(HeaderId::kVia).starts_with("SIP/2.0/UDP 10.0.0.1:5060;branch="));
  core.reply(inv, 486);
  (void)failure(cloud, d, 486);
  EXPECT_TRUE(by_tcp.received.empty());
}

// The core's proxy is no peer of the configuration: RFC 3261 18.1.1 alone says what it is sent.
class LargeInDialog : public CallTest {
 protected:
  LargeInDialog()
      : CallTest(make_config({.top = "[[listener]]\nname = \"core-tcp\"\nrealm = \"core\"\n"
                                     "transport = \"tcp\"\naddress = \"10.0.0.1:5062\"\n",
                              .core = "tcp_above = 300\n"})),
        proxy(rig, "proxy", "10.1.0.77:5060", Transport::kUdp) {}
  // A re-INVITE of the service; the core answers it by whichever way it came.
  void cloud_holds(Up& up, Peer& way) {
    cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendonly", 2));
    auto inv = way.expect("INVITE");
    const auto via = std::string(inv.value(HeaderId::kVia));
    const bool tcp = &way != &proxy;
    EXPECT_TRUE(via.starts_with(tcp ? "SIP/2.0/TCP 10.0.0.1:5062" : "SIP/2.0/UDP 10.0.0.1:5060"))
        << via;
    EXPECT_EQ(inv.value(HeaderId::kRoute), "<sip:10.1.0.77;lr>");
    way.reply(inv, 200, "", sdp("10.1.0.1", 40000, "recvonly"));
    proxy.expect("ACK", Seconds(1));
    cloud.learn(up.cloud, cloud.expect("200 INVITE"));
    cloud.ack(up.cloud);
  }
  void ends(Up& up, Peer& way) {
    cloud.request(up.cloud, "BYE");
    way.reply(way.expect("BYE"), 200);
    cloud.expect("200 BYE");
    expect_clean(1);
  }
  Peer proxy;
};
INSTANTIATE_TEST_SUITE_P(Modes, LargeInDialog, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LargeInDialog, GoesOverTcpToARouteThatNoPeerIs) {
  PROVES("TDR-90");
  Peer by_tcp(rig, "proxy-by-tcp", "10.1.0.77:5060", Transport::kTcp);
  by_tcp.gateway = "10.0.0.1:5062";
  Up up = core_calls("Record-Route: <sip:10.1.0.77;lr>\r\n");
  cloud_holds(up, by_tcp);
  ends(up, by_tcp);
}

TEST_P(LargeInDialog, GoesOverUdpAllTheSameWhereTcpIsRefused) {
  PROVES("TDR-90");
  Up up = core_calls("Record-Route: <sip:10.1.0.77;lr>\r\n");
  const auto began = rig.world.now();
  cloud_holds(up, proxy);
  EXPECT_LT(rig.world.now() - began, Millis(500)) << "it is tried at once, not after a time-out";
  ends(up, proxy);
}

// --- IPv6 on one side, IPv4 on the other -------------------------------------------------------

constexpr const char* kDualStack = R"(
[operation]
control_socket = "/tmp/c.sock"
state_directory = "/tmp/c"
[[region]]
name = "west"
[[realm]]
name = "four"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = 20999
[[realm]]
name = "both"
media_addresses = ["10.0.0.2", "2001:db8::2"]
media_port_min = 30000
media_port_max = 30999
[[listener]]
name = "four-udp"
realm = "four"
transport = "udp"
address = "10.0.0.1:5060"
[[listener]]
name = "both-udp4"
realm = "both"
transport = "udp"
address = "10.0.0.2:5060"
[[listener]]
name = "both-udp6"
realm = "both"
transport = "udp"
address = "[2001:db8::2]:5060"
[[peer_group]]
name = "four"
region = "west"
realm = "four"
listener = "four-udp"
profile = "operator"
options_interval = "0s"
routes_to = ["both"]
[peer_group.recognise]
sources = ["10.1.0.0/16"]
[[peer_group.peer]]
name = "four-1"
host = "10.1.0.1"
port = 5060
[[peer_group]]
name = "both"
region = "west"
realm = "both"
listener = "both-udp4"
profile = "operator"
options_interval = "0s"
routes_to = ["four"]
[peer_group.recognise]
listeners = ["both-udp4", "both-udp6"]
sources = ["10.2.0.0/16", "2001:db8:2::/48"]
[[peer_group.peer]]
name = "both-1"
host = "dual.example"
port = 5060
)";

std::string sdp6(const std::string& address, int port) {
  std::string text = sdp(address, port);
  for (std::size_t at = 0; (at = text.find("IP4", at)) != std::string::npos;) text[at + 2] = '6';
  return text;
}

class DualStack : public ::testing::TestWithParam<Mode> {
 protected:
  DualStack()
      : rig(GetParam(), kDualStack),
        four(rig, "four", "10.1.0.1:5060", Transport::kUdp),
        six(rig, "six", "[2001:db8:2::1]:5060", Transport::kUdp) {
    four.gateway = "10.0.0.1:5060";
    six.gateway = "[2001:db8::2]:5060";
    four.open_rtp(40000);
    six.open_rtp(50000);
  }
  void expect_media(const Endpoint& of_four, const Endpoint& of_six) {
    EXPECT_EQ(of_four.address, *IpAddress::parse("10.0.0.1"));
    EXPECT_EQ(of_six.address, *IpAddress::parse("2001:db8::2"));
    four.send_rtp(of_four, 10, 1);
    six.send_rtp(of_six, 10, 2);
    rig.run(Millis(100));
    EXPECT_EQ(four.rtp.size(), 10U);
    EXPECT_EQ(six.rtp.size(), 10U);
  }
  Rig rig;
  Peer four, six;
};
INSTANTIATE_TEST_SUITE_P(Modes, DualStack, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(DualStack, ACallFromIpv6ReachesIpv4WithItsMedia) {
  PROVES("TDR-30");
  auto d = six.invite("+4930111", "", sdp6("2001:db8:2::1", 50000));
  auto inv = four.expect("INVITE");
  EXPECT_EQ(inv.bytes().find("2001:db8"), std::string::npos) << inv.bytes();
  const auto to_four = media_of(inv.body());
  four.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  auto ok = six.expect("200 INVITE");
  EXPECT_NE(ok.body().find("c=IN IP6 2001:db8::2"), std::string::npos) << ok.body();
  EXPECT_NE(ok.value(HeaderId::kContact).find("[2001:db8::2]:5060"), std::string::npos);
  six.learn(d, ok);
  six.ack(d);
  four.expect("ACK");
  expect_media(to_four, media_of(ok.body()));
  four.transcript.clear();
  auto back = four.answered(inv);
  four.request(back, "BYE");
  six.reply(six.expect("BYE"), 200);
  four.expect("200 BYE");
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
}

TEST_P(DualStack, MediaIsOfTheFamilyThatTheOfferHasWhateverItsSignallingIs) {
  Peer media4(rig, "media4", "10.2.0.1:5099", Transport::kUdp);
  media4.open_rtp(50000);
  auto d = six.invite("+4930111", "", sdp("10.2.0.1", 50000));
  auto inv = four.expect("INVITE");
  four.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  auto ok = six.expect("200 INVITE");
  EXPECT_NE(ok.body().find("c=IN IP4 10.0.0.2"), std::string::npos) << ok.body();
  EXPECT_NE(ok.body().find("o=- "), std::string::npos);
  EXPECT_EQ(ok.body().find("IP6"), std::string::npos) << "not in o= either";
  EXPECT_NE(ok.value(HeaderId::kContact).find("[2001:db8::2]:5060"), std::string::npos);
  six.learn(d, ok);
  six.ack(d);
  four.expect("ACK");
  four.send_rtp(media_of(inv.body()), 10, 1);
  media4.send_rtp(media_of(ok.body()), 10, 2);
  rig.run(Millis(100));
  EXPECT_EQ(four.rtp.size(), 10U);
  EXPECT_EQ(media4.rtp.size(), 10U);
  // A re-INVITE that goes over to the other family finds nobody there.
  six.request(d, "INVITE", "", sdp6("2001:db8:2::1", 50000));
  six.ack_failure(d, six.expect("488 INVITE"));
  six.request(d, "BYE");
  six.expect("200 BYE");
  four.reply(four.expect("BYE"), 200);
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
}

TEST_P(DualStack, WithoutAnOfferMediaIsOfTheFamilyThatItsSourcesAre) {
  std::string text = kDualStack;
  const std::string mark = "listener = \"both-udp4\"\n";
  text.replace(text.find(mark), mark.size(), mark + "media_sources = [\"10.2.0.0/16\"]\n");
  ASSERT_TRUE(rig.apply(text));
  rig.zone.set_aaaa("dual.example", {"2001:db8:2::1"});
  auto d = four.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = six.expect("INVITE");
  EXPECT_NE(inv.body().find("c=IN IP4 10.0.0.2"), std::string::npos) << inv.body();
  six.reply(inv, 486);
  four.ack_failure(d, four.expect("486 INVITE"));
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
}

TEST_P(DualStack, AnAnswerOfTheOtherFamilyIsNoCall) {
  rig.zone.set_aaaa("dual.example", {"2001:db8:2::1"});
  auto d = four.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = six.expect("INVITE");
  six.reply(inv, 200, "", sdp("10.2.0.1", 50000));
  six.expect("ACK");
  six.reply(six.expect("BYE"), 200);
  four.ack_failure(d, four.expect("488 INVITE"));
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
  EXPECT_EQ(rig.media_legs(), 0U);
}

TEST_P(DualStack, ANameWithBothKindsOfAddressIsReachedByEither) {
  PROVES("TDR-30");
  rig.zone.set_a("dual.example", {"10.2.0.9"});  // nobody is there
  rig.zone.set_aaaa("dual.example", {"2001:db8:2::1"});
  auto d = four.invite("+4989123", "", sdp("10.1.0.1", 40000));
  auto inv = six.expect("INVITE");
  EXPECT_TRUE(inv.value(HeaderId::kVia).starts_with("SIP/2.0/UDP [2001:db8::2]:5060"))
      << "from the listener of that family";
  EXPECT_NE(inv.body().find("IN IP6 2001:db8::2"), std::string::npos);
  const auto to_six = media_of(inv.body());
  six.reply(inv, 200, "", sdp6("2001:db8:2::1", 50000));
  auto ok = four.expect("200 INVITE");
  four.learn(d, ok);
  four.ack(d);
  six.expect("ACK");
  expect_media(media_of(ok.body()), to_six);
  four.request(d, "BYE");
  six.reply(six.expect("BYE"), 200);
  four.expect("200 BYE");
  rig.run(Seconds(60));
  EXPECT_EQ(rig.calls(), 0U);
}

}  // namespace
}  // namespace causeway::scenario
