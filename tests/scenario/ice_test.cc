// Calls whose media finds its way by ICE, the gateway being a lite agent.
#include <algorithm>

#include "ice/agent.h"
#include "rtp/packet.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

const ice::Credentials kPhone{"phone", "passwordofthephoneitself"};
const ice::Credentials kFork{"fork2", "passwordofthesecondphone"};
const ice::Credentials kAgain{"again", "passwordafteritsrestart0"};

std::string config(const std::string& more = "") {
  ConfigOptions o;
  o.service = "media_failure_reasons = [\"ChecksFailed\"]\n";
  o.service_sdp = "security = \"rtp\"\nice = \"lite\"\n" + more;
  return make_config(o);
}

std::string ice_lines(const ice::Credentials& c) {
  return "a=ice-ufrag:" + c.ufrag + "\r\na=ice-pwd:" + c.pwd + "\r\n";
}
std::string candidate(const std::string& address, int port) {
  return "a=candidate:1 1 UDP 2130706431 " + address + " " + std::to_string(port) +
         " typ host\r\na=rtcp-mux\r\n";
}
std::string ice_sdp(const ice::Credentials& c, const std::string& address, int port,
                    int version = 1, const std::string& direction = "sendrecv",
                    const std::string& more = "") {
  return sdp(address, port, direction, "8 PCMA/8000,101 telephone-event/8000", version,
             ice_lines(c) + candidate(address, port) + more);
}
ice::Credentials credentials_in(std::string_view text) {
  const auto after = [&](const std::string& start) {
    const std::string line = line_of(text, start);
    return line.empty() ? line : line.substr(start.size());
  };
  return {after("a=ice-ufrag:"), after("a=ice-pwd:")};
}

class IceTest : public CallTest {
 protected:
  explicit IceTest(const std::string& c = config()) : CallTest(c) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
    elsewhere.open_rtp(50010);
    elsewhere.silent = true;
  }
  // A Binding request to the gateway, as a full agent in control makes it.
  struct Check {
    bool nominate = false;
    std::uint32_t priority = 1'000;
    bool odd = false;  // an attribute that nobody knows and nobody has to
  };
  void check(Peer& from, std::string_view gateway_sdp, const ice::Credentials& theirs, Check c) {
    check_at(from, 0, gateway_sdp, theirs, c);
  }
  // `offset` 1: at the port of RTCP.
  void check_at(Peer& from, int offset, std::string_view gateway_sdp,
                const ice::Credentials& theirs, Check c) {
    const auto ours = credentials_in(gateway_sdp);
    std::vector<std::byte> b(600);
    ice::StunWriter w(b, ice::StunClass::kRequest, {std::byte{1}, std::byte{9}});
    w.username(ours.ufrag + ":" + theirs.ufrag);
    w.priority(c.priority);
    w.role(true, 77);
    if (c.odd) w.attribute(0xc057, std::vector<std::byte>(4));
    if (c.nominate) w.use_candidate();
    w.integrity(
        rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(ours.pwd.data()), ours.pwd.size()},
                      rtp::HmacVariant::kPortable));
    w.fingerprint();
    Endpoint at = media_of(gateway_sdp);
    at.port = static_cast<std::uint16_t>(at.port + offset);
    from.send_packet(at, std::span(b).first(w.size()));
    rig.run(Millis(20));
  }
  // What came to that peer since the last call, by kind.
  struct Came {
    int answers = 0, requests = 0, audio = 0, any_rtp = 0, rtcp = 0;
  };
  Came came(Peer& p) {
    Came c;
    for (auto& r : p.rtp) {
      const auto bytes = std::as_bytes(std::span(r.bytes));
      switch (rtp::classify(bytes)) {
        case rtp::Kind::kStun: {
          const auto m = ice::parse_stun(bytes);
          (m && m->kind == ice::StunClass::kSuccess ? c.answers : c.requests) += 1;
          break;
        }
        case rtp::Kind::kRtp:
          ++c.any_rtp;
          c.audio += r.bytes.size() == 172 && r.bytes[100] == 0x55;
          break;
        case rtp::Kind::kRtcp: ++c.rtcp; break;
        default: break;
      }
    }
    p.rtp.clear();
    return c;
  }
  // Ten packets of the core's: how many come to `p`.
  int reach(Peer& p, const Up& up) {
    (void)came(p);
    core.send_rtp(media_of(up.to_core), 10);
    rig.run(Millis(60));
    return came(p).audio;
  }
  // ... of `p`, how many come to the core.
  int heard(Peer& p, const Up& up, std::uint32_t ssrc) {
    (void)came(core);
    p.send_rtp(media_of(up.to_cloud), 10, ssrc);
    rig.run(Millis(60));
    return came(core).audio;
  }
  Up ring() {
    PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    Up up{d, {}, {}, {}, cloud.expect("INVITE")};
    up.to_cloud = std::string(up.invite.body());
    return up;
  }
  void answer(Up& up, const std::string& text, const std::string& tag = "peer") {
    cloud.reply(up.invite, 200, "", text, tag);
    const auto ok = core.expect("200 INVITE");
    up.to_core = std::string(ok.body());
    core.learn(up.core, ok);
    cloud.expect("ACK");
    core.ack(up.core);
    up.cloud = cloud.answered(up.invite, tag);
    keep_trails();
  }
  void keep_trails() {
    rig.each([&](call::GatewayShard& shard) {
      for (const auto& c : shard.call_reports()) EXPECT_TRUE(shard.trails().trace(c.id));
    });
  }
  std::string reinvite(Up& up, const std::string& text) {
    cloud.request(up.cloud, "INVITE", "", text);
    const auto ok = cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    return std::string(ok.body());
  }

  Peer elsewhere{rig, "elsewhere", "10.2.0.7:5062", Transport::kUdp};
};
INSTANTIATE_TEST_SUITE_P(Modes, IceTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(IceTest, MediaComesFromWhereChecksCameFromAndGoesToWhatTheyNominated) {
  PROVES("MBP-01", "MBP-02");
  auto up = ring();
  EXPECT_EQ(line_of(up.to_cloud, "a=ice-lite"), "a=ice-lite");
  EXPECT_TRUE(ice::well_formed(credentials_in(up.to_cloud)));
  const Endpoint there = media_of(up.to_cloud);
  EXPECT_EQ(line_of(up.to_cloud, "a=candidate:"),
            "a=candidate:1 1 UDP 2130706431 10.0.0.2 " + std::to_string(there.port) + " typ host");
  EXPECT_EQ(up.to_cloud.find("a=candidate:1 2"), std::string::npos) << "one port for both: mux";
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  EXPECT_EQ(up.to_core.find("a=ice"), std::string::npos);
  core.send_rtp(media_of(up.to_core), 10);
  EXPECT_EQ(came(cloud).any_rtp, 0) << "audio to who has not checked";
  EXPECT_EQ(heard(cloud, up, 7), 0) << "audio of who has not checked";
  check(cloud, up.to_cloud, kPhone, {});
  EXPECT_EQ(came(cloud).answers, 1);
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(heard(cloud, up, 7), 10);
  EXPECT_EQ(heard(elsewhere, up, 8), 0);
  // Another address of its, and the one that it chooses.
  check(elsewhere, up.to_cloud, kPhone, {true, 2'000});
  EXPECT_EQ(came(elsewhere).answers, 1);
  EXPECT_EQ(reach(elsewhere, up), 10);
  EXPECT_EQ(heard(elsewhere, up, 8), 10);
  rig.run(Seconds(5));
  check(cloud, up.to_cloud, kPhone, {true, 3'000});  // long after the first packet, too
  EXPECT_EQ(came(cloud).answers, 1);
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(came(cloud).requests + came(elsewhere).requests, 0) << "a lite agent asks nothing";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, MalformedChecksAndUnknownAttributesChangeNothing) {
  PROVES("MBP-04");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(cloud, up.to_cloud, kPhone, {.nominate = true, .odd = true});
  EXPECT_EQ(came(cloud).answers, 1);
  std::vector<std::byte> b(100);
  ice::StunWriter w(b, ice::StunClass::kRequest, {});
  w.username(credentials_in(up.to_cloud).ufrag + ":phone");
  w.use_candidate();
  w.fingerprint();
  for (std::size_t n = 0; n <= w.size(); ++n)
    elsewhere.send_packet(media_of(up.to_cloud), std::span(b).first(n));
  rig.run(Millis(50));
  EXPECT_TRUE(elsewhere.rtp.empty()) << "not even an error comes back";
  EXPECT_EQ(came(elsewhere).answers, 0);
  EXPECT_EQ(heard(elsewhere, up, 8), 0);
  EXPECT_EQ(reach(cloud, up), 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, ForksCheckBeforeTheAnswerAndTheOneThatAnsweredIsTalkedTo) {
  PROVES("MBP-03");
  auto up = ring();
  check(cloud, up.to_cloud, kPhone, {true});  // before any SDP of theirs
  check(elsewhere, up.to_cloud, kFork, {true});
  EXPECT_EQ(came(cloud).answers + came(elsewhere).answers, 2);
  cloud.reply(up.invite, 183, "", ice_sdp(kPhone, "10.2.0.1", 50000), "one");
  up.to_core = std::string(core.expect("183").body());
  EXPECT_EQ(reach(cloud, up), 10);
  cloud.reply(up.invite, 183, "", ice_sdp(kFork, "10.2.0.7", 50010), "two");
  core.expect("183");
  EXPECT_EQ(reach(elsewhere, up), 10);
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000), "one");
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(reach(elsewhere, up), 0);
  check(elsewhere, up.to_cloud, kFork, {true, 9'000});  // it has not heard yet that it lost
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(heard(cloud, up, 7), 10);
  EXPECT_EQ(heard(elsewhere, up, 8), 0) << "the fork that lost";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, EarlyMediaAndDigitsTakeTheCheckedPathOfTheHighestPriority) {
  PROVES("MBP-08");
  auto up = ring();
  check(elsewhere, up.to_cloud, kPhone, {false, 500});
  cloud.reply(up.invite, 183, "", ice_sdp(kPhone, "10.2.0.1", 50000));
  up.to_core = std::string(core.expect("183").body());
  EXPECT_EQ(reach(elsewhere, up), 10);
  check(cloud, up.to_cloud, kPhone, {false, 900});
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(heard(cloud, up, 7), 10);
  (void)came(core);
  std::vector<std::uint8_t> digit{0x80, 101, 9, 9, 0, 0, 9, 9, 0, 0, 0, 7, 5, 10, 0, 160};
  for (int i = 0; i < 3; ++i, ++digit[3])
    cloud.send_packet(media_of(up.to_cloud), std::as_bytes(std::span(digit)));
  rig.run(Millis(100));
  EXPECT_EQ(std::count_if(core.rtp.begin(), core.rtp.end(),
                          [](const auto& r) { return (r.bytes[1] & 127) == 101; }),
            3);
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(elsewhere, up.to_cloud, kPhone, {true, 500});  // chosen after the answer
  EXPECT_EQ(reach(elsewhere, up), 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, TheLastOfferWithRemoteCandidatesIsAnsweredAsTheFirst) {
  PROVES("MBP-05");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(elsewhere, up.to_cloud, kPhone, {true});
  const Endpoint ours = media_of(up.to_cloud);
  const auto again =
      reinvite(up, ice_sdp(kPhone, "10.2.0.7", 50010, 2, "sendrecv",
                           "a=remote-candidates:1 10.0.0.2 " + std::to_string(ours.port) + "\r\n"));
  EXPECT_EQ(credentials_in(again), credentials_in(up.to_cloud));
  EXPECT_EQ(media_of(again), ours);
  EXPECT_EQ(core.count("INVITE"), 0U) << "no matter of the core's";
  EXPECT_EQ(reach(elsewhere, up), 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, ARestartHasNewCredentialsAndTheOldPathUntilANewOneIsChosen) {
  PROVES("MBP-07");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(cloud, up.to_cloud, kPhone, {true});
  // At session level now: nothing has changed.
  std::string moved = sdp("10.2.0.1", 50000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 2,
                          candidate("10.2.0.1", 50000));
  moved.insert(moved.find("m=audio"), ice_lines(kPhone));
  EXPECT_EQ(credentials_in(reinvite(up, moved)), credentials_in(up.to_cloud));
  const std::string anew = reinvite(up, ice_sdp(kAgain, "10.2.0.7", 50010, 3));
  const auto now = credentials_in(anew), before = credentials_in(up.to_cloud);
  EXPECT_TRUE(ice::restarts(before, now)) << anew;
  EXPECT_TRUE(ice::well_formed(now));
  EXPECT_EQ(media_of(anew), media_of(up.to_cloud));
  EXPECT_EQ(reach(cloud, up), 10) << "cut off by the restart";
  EXPECT_EQ(heard(cloud, up, 7), 10);
  check(elsewhere, anew, kAgain, {true});
  EXPECT_EQ(came(elsewhere).answers, 1);
  EXPECT_EQ(reach(elsewhere, up), 10);
  EXPECT_EQ(reach(cloud, up), 0);
  EXPECT_EQ(heard(elsewhere, up, 8), 10);
  EXPECT_EQ(heard(cloud, up, 7), 0) << "what was proven before the restart is over";
  EXPECT_EQ(credentials_in(reinvite(up, ice_sdp(kAgain, "10.2.0.7", 50010, 4))), now);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, TwoLiteAgentsUseTheirDefaultAddresses) {
  PROVES("MBP-06");
  auto up = ring();
  std::string lite = ice_sdp(kPhone, "10.2.0.1", 50000);
  lite.insert(lite.find("m=audio"), "a=ice-lite\r\n");
  answer(up, lite);
  EXPECT_EQ(reach(cloud, up), 10);
  EXPECT_EQ(heard(cloud, up, 7), 10);
  EXPECT_EQ(heard(elsewhere, up, 8), 0);
  rig.run(Seconds(60));
  core_hangs_up(up);
  rig.run(Millis(100));
  EXPECT_EQ(rig.trail_of(0).find("connectivity checks"), std::string::npos);
  expect_clean(1);
}

TEST_P(IceTest, APeerWithoutIceOrWithARewrittenAddressIsServedWithout) {
  struct Case {
    std::string offer;
    bool mismatch;
  };
  const Case cases[] = {{sdp("10.2.0.1", 50000), false},
                        {ice_sdp(kPhone, "10.2.0.1", 50000), true}};
  int n = 0;
  for (Case c : cases) {
    if (c.mismatch)
      c.offer.replace(c.offer.find("UDP 2130706431 10.2.0.1"), 23, "UDP 2130706431 192.168.0");
    if (c.mismatch) c.offer.replace(c.offer.find("192.168.0 "), 10, "192.168.0.9 ");
    PeerDialog d = cloud.invite("+4930111", "", c.offer, "+4989123");
    Up up{{}, d, {}, {}, core.expect("INVITE")};
    up.to_core = std::string(up.invite.body());
    core.reply(up.invite, 200, "", sdp("10.1.0.1", 40000));
    const auto ok = cloud.expect("200 INVITE");
    up.to_cloud = std::string(ok.body());
    cloud.learn(up.cloud, ok);
    core.expect("ACK");
    cloud.ack(up.cloud);
    up.core = core.answered(up.invite);
    EXPECT_EQ(up.to_cloud.find("a=ice-lite"), std::string::npos) << up.to_cloud;
    EXPECT_EQ(up.to_cloud.find("a=candidate"), std::string::npos);
    EXPECT_EQ(up.to_cloud.find("a=ice-mismatch") != std::string::npos, c.mismatch);
    EXPECT_EQ(reach(cloud, up), 10);
    EXPECT_EQ(heard(cloud, up, static_cast<std::uint32_t>(7 + n)), 10);
    core_hangs_up(up);
    ++n;
  }
  expect_clean(2);
}

TEST_P(IceTest, AnOfferWithIceIsAnsweredWithOurs) {
  PeerDialog d = cloud.invite("+4930111", "", ice_sdp(kPhone, "10.2.0.1", 50000), "+4989123");
  Up up{{}, d, {}, {}, core.expect("INVITE")};
  up.to_core = std::string(up.invite.body());
  core.reply(up.invite, 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  cloud.learn(up.cloud, ok);
  core.expect("ACK");
  cloud.ack(up.cloud);
  up.core = core.answered(up.invite);
  EXPECT_NE(up.to_cloud.find("a=ice-lite"), std::string::npos) << up.to_cloud;
  check(elsewhere, up.to_cloud, kPhone, {true});
  EXPECT_EQ(reach(elsewhere, up), 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, TheEarlyAnswerAndTheLastSayTheSameOfIce) {
  PROVES("TDR-76");
  PeerDialog d = cloud.invite("+4930111", "", ice_sdp(kPhone, "10.2.0.1", 50000), "+4989123");
  const auto inv = core.expect("INVITE");
  core.reply(inv, 183, "", sdp("10.1.0.1", 40000));
  const auto early = cloud.expect("183");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  cloud.ack(d);
  EXPECT_TRUE(ice::well_formed(credentials_in(early.body())));
  for (const char* line : {"a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "m=audio", "a=ice-lite"}) {
    EXPECT_NE(line_of(early.body(), line), "") << line;
    EXPECT_EQ(line_of(early.body(), line), line_of(ok.body(), line));
  }
  rig.run(Millis(100));
  cloud.request(d, "BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

TEST_P(IceTest, PhonesAndRelaysAreHeardOnTheirPorts) {
  PROVES("MBP-11");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  std::uint32_t priority = 1'000, ssrc = 70;
  // Phones 50000 to 50019; relays 50000 to 59999 and 3478 to 3481.
  for (const std::uint16_t port : {50000, 50019, 59999, 3478, 3481}) {
    elsewhere.open_rtp(port);
    EXPECT_EQ(heard(elsewhere, up, ++ssrc), 0) << port << ": nothing has proved it yet";
    check(elsewhere, up.to_cloud, kPhone, {true, priority += 100});
    EXPECT_EQ(came(elsewhere).answers, 1) << port;
    EXPECT_EQ(reach(elsewhere, up), 10) << port;
    EXPECT_EQ(heard(elsewhere, up, ++ssrc), 10) << port;
  }
  core_hangs_up(up);
  expect_clean(1);
}

class IceWithoutMux : public IceTest {
 protected:
  IceWithoutMux() : IceTest(config("rtcp_mux = false\n")) { beside.open_rtp(50011); }
  static std::string two_components(int version, const std::string& direction) {
    std::string lines = ice_lines(kPhone) + "a=rtcp:50001\r\n";
    for (const int component : {1, 2})
      lines += "a=candidate:1 " + std::to_string(component) + " UDP 2130706431 10.2.0.1 " +
               std::to_string(49'999 + component) + " typ host\r\n";
    return sdp("10.2.0.1", 50000, direction, "8 PCMA/8000,101 telephone-event/8000", version,
               lines);
  }
  Peer beside{rig, "beside", "10.2.0.9:5061", Transport::kTls, {"x"}};
};
INSTANTIATE_TEST_SUITE_P(Modes, IceWithoutMux, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(IceWithoutMux, ReportsHaveAPathOfTheirOwnOnHoldToo) {
  PROVES("MBP-10");
  auto up = ring();
  answer(up, two_components(1, "sendrecv"));
  EXPECT_EQ(up.to_cloud.find("a=rtcp-mux"), std::string::npos);
  const auto check_both = [&](Check c) {
    check(elsewhere, up.to_cloud, kPhone, c);
    check_at(beside, 1, up.to_cloud, kPhone, c);
  };
  check_both({true});
  EXPECT_EQ(reach(elsewhere, up), 10);
  cloud.request(up.cloud, "INVITE", "", two_components(2, "inactive"));
  core.reply(core.expect("INVITE"), 200, "",
             sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000,101 telephone-event/8000", 2));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  core.expect("ACK");
  (void)came(elsewhere);
  (void)came(beside);
  for (int i = 0; i < 4; ++i) {
    rig.run(Seconds(5));
    check_both({});
  }
  const auto rtp = came(elsewhere), rtcp = came(beside);
  EXPECT_EQ(rtp.answers, 4);
  EXPECT_EQ(rtcp.answers, 4);
  EXPECT_EQ(rtp.rtcp, 0);
  EXPECT_GE(rtcp.rtcp, 3);
  EXPECT_EQ(rtp.any_rtp + rtcp.any_rtp, 0);
  cloud_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, HoldAndResumeKeepTheReportsOnTheirPath) {
  PROVES("MBP-10");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(elsewhere, up.to_cloud, kPhone, {true});
  cloud.request(up.cloud, "INVITE", "", ice_sdp(kPhone, "10.2.0.1", 50000, 2, "inactive"));
  const auto held = core.expect("INVITE");
  core.reply(held, 200, "",
             sdp("10.1.0.1", 40000, "inactive", "8 PCMA/8000,101 telephone-event/8000", 2));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  core.expect("ACK");
  (void)came(elsewhere);
  for (int i = 0; i < 4; ++i) {
    rig.run(Seconds(5));
    check(elsewhere, up.to_cloud, kPhone, {});
  }
  const auto on_hold = came(elsewhere);
  EXPECT_EQ(on_hold.answers, 4);
  EXPECT_GE(on_hold.rtcp, 3);
  EXPECT_EQ(on_hold.any_rtp, 0);
  cloud.request(up.cloud, "INVITE", "", ice_sdp(kPhone, "10.2.0.1", 50000, 3));
  const auto resumed = core.expect("INVITE");
  core.reply(resumed, 200, "",
             sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000,101 telephone-event/8000", 3));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  core.expect("ACK");
  EXPECT_EQ(reach(elsewhere, up), 10);
  EXPECT_EQ(heard(elsewhere, up, 8), 10);
  rig.run(Seconds(10));
  EXPECT_GE(came(elsewhere).rtcp, 1);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(IceTest, ChecksThatEndAndAByeThatNamesThemAreAlarms) {
  PROVES("MBP-14");
  auto up = ring();
  answer(up, ice_sdp(kPhone, "10.2.0.1", 50000));
  check(cloud, up.to_cloud, kPhone, {true});
  const auto failed = [&] {
    std::uint64_t n = 0;
    rig.each([&](call::GatewayShard& s) { n += s.counters().media_failed; });
    return n;
  };
  for (int i = 0; i < 5; ++i) {  // heard, though it checks no more
    rig.run(Seconds(9));
    EXPECT_EQ(heard(cloud, up, 7), 10);
  }
  EXPECT_EQ(failed(), 0U);
  rig.run(Seconds(60));
  EXPECT_EQ(failed(), 1U);
  check(cloud, up.to_cloud, kPhone, {});
  rig.run(Seconds(2));
  cloud.request(up.cloud, "BYE",
                "Reason: Q.850;cause=16;text=\"iceconnectivitychecksfailed now\"\r\n");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  rig.run(Millis(100));
  EXPECT_EQ(failed(), 2U);
  const std::string trail = rig.trail_of(0);
  EXPECT_NE(trail.find("the peer's connectivity checks have ended"), std::string::npos) << trail;
  EXPECT_NE(trail.find("hung up because of its media"), std::string::npos) << trail;
  expect_clean(1);
}

// With keys in the SDP, and DTLS offered beside them.
class IceWithKeysTest : public IceTest {
 protected:
  static std::string secure() {
    ConfigOptions o;
    o.service_sdp = "ice = \"lite\"\n";
    return make_config(o);
  }
  IceWithKeysTest() : IceTest(secure()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, IceWithKeysTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(IceWithKeysTest, AnOfferOfDtlsTooIsAnsweredWithItsKeyAndAuthenticationStillCounts) {
  PROVES("MBP-09");
  std::string offer = secure_sdp("10.2.0.1", 50000);
  offer.replace(offer.find("RTP/SAVP"), 8, "UDP/TLS/RTP/SAVP");
  offer += ice_lines(kPhone) + candidate("10.2.0.1", 50000) +
           "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n"
           "a=setup:actpass\r\n";
  PeerDialog d = cloud.invite("+4930111", "", offer, "+4989123");
  Up up{{}, d, {}, {}, core.expect("INVITE")};
  up.to_core = std::string(up.invite.body());
  core.reply(up.invite, 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  cloud.learn(up.cloud, ok);
  core.expect("ACK");
  cloud.ack(up.cloud);
  up.core = core.answered(up.invite);
  EXPECT_NE(up.to_cloud.find("UDP/TLS/RTP/SAVP"), std::string::npos) << up.to_cloud;
  EXPECT_NE(up.to_cloud.find("a=crypto:"), std::string::npos) << up.to_cloud;
  EXPECT_EQ(up.to_cloud.find("a=fingerprint"), std::string::npos) << up.to_cloud;
  EXPECT_NE(up.to_cloud.find("a=ice-lite"), std::string::npos) << up.to_cloud;
  check(cloud, up.to_cloud, kPhone, {true});
  EXPECT_EQ(heard(cloud, up, 7), 0) << "in clear";
  core.send_rtp(media_of(up.to_core), 10);
  rig.run(Millis(50));
  EXPECT_GE(came(cloud).any_rtp, 10);
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
