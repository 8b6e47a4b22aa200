// Several targets called at once (peer_group.forking): which the caller hears, which has the call,
// and what is said when none has it.
#include <gmock/gmock.h>

#include "scenario/fixture.h"
#include "scenario/replays.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kElsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";

// A group of the core's network beside the service.
std::string group(const std::string& name, const std::string& address,
                  const std::string& more = "") {
  return "[[peer_group]]\nname = \"" + name +
         "\"\nregion = \"west\"\nrealm = \"core\"\nlistener = \"core-udp\"\nprofile = "
         "\"operator\"\noptions_interval = \"0s\"\ntrusted = true\nroutes_to = [\"core\"]\n" +
         more + "[peer_group.recognise]\nsources = [\"" + address + "/32\"]\n" +
         "[[peer_group.peer]]\nname = \"" + name + "-1\"\nhost = \"" + address +
         "\"\nport = 5060\n";
}

std::string parallel(ConfigOptions o = {}, const std::string& desk = "") {
  o.top = "[limits]\nkeep_one_in = 1\nmax_trail_bytes = 65536\n" + o.top;
  o.core = "forking = \"parallel\"\n" + o.core;
  o.third_cloud += group("desk", "10.4.0.1", desk);
  std::string text = make_config(o);
  const std::string routes = "routes_to = [\"cloud\"]";
  text.replace(text.find(routes), routes.size(), "routes_to = [\"cloud\", \"desk\"]");
  return text;
}

class ForkingTest : public CallTest {
 protected:
  explicit ForkingTest(const std::string& config = parallel())
      : CallTest(config), desk(rig, "desk", "10.4.0.1:5060", Transport::kUdp) {
    desk.gateway = "10.0.0.1:5060";
    core.open_rtp(40000);
    desk.open_rtp(45000);
  }
  void call(const std::string& headers = "", const std::string& offer = sdp("10.1.0.1", 40000)) {
    d = core.invite("+4989123", headers, offer);
    at_cloud = cloud.expect("INVITE");
    at_desk = desk.expect("INVITE");
  }
  void desk_says(int status, const std::string& body = "", const std::string& headers = "") {
    desk.reply(*at_desk, status, headers, body, "desk");
  }
  void cloud_says(int status, const std::string& body = "", const std::string& headers = "") {
    cloud.reply(*at_cloud, status, headers, body, "cloud");
  }
  static std::string desk_sdp(const std::string& codecs = "8 PCMA/8000,101 telephone-event/8000") {
    return sdp("10.4.0.1", 45000, "sendrecv", codecs);
  }
  static std::string cloud_sdp() { return secure_sdp("10.2.0.1", 50000); }
  sip::Message caller_is_answered() {
    auto ok = core.expect("200 INVITE");
    core.learn(d, ok);
    core.ack(d);
    rig.run(Millis(100));
    return ok;
  }
  sip::Message cancelled(Peer& p, const sip::Message& inv, bool answer = true) {
    auto cancel = p.expect("CANCEL");
    p.reply(cancel, 200);
    if (answer) {
      p.reply(inv, 487);
      p.expect("ACK");
    }
    return cancel;
  }
  void caller_hangs_up(Peer& at) {
    core.request(d, "BYE");
    core.expect("200 BYE");
    at.reply(at.expect("BYE"), 200);
  }
  // Packets of that fill that the caller heard since it was asked last.
  std::size_t heard(std::uint8_t fill) {
    const auto n = std::count_if(core.rtp.begin(), core.rtp.end(), [&](const auto& r) {
      return r.bytes.size() == 172 && r.bytes[100] == fill;
    });
    core.rtp.clear();
    return static_cast<std::size_t>(n);
  }
  // The desk phone speaks.
  std::size_t desk_is_heard() {
    core.rtp.clear();
    desk.send_rtp(media_of(at_desk->body()), 5, 0xde5c, 0x11);
    rig.run(Millis(150));
    return heard(0x11);
  }
  // A phone that speaks from there, in plain RTP.
  static std::size_t is_heard(Rig& rig, Peer& core, Peer& who, const sip::Message& inv,
                              std::uint8_t fill) {
    core.rtp.clear();
    who.send_rtp(media_of(inv.body()), 5, fill, fill);
    rig.run(Millis(150));
    const auto n = std::count_if(core.rtp.begin(), core.rtp.end(), [&](const auto& r) {
      return r.bytes.size() == 172 && r.bytes[100] == fill;
    });
    core.rtp.clear();
    return static_cast<std::size_t>(n);
  }
  Peer desk;
  PeerDialog d;
  std::optional<sip::Message> at_cloud, at_desk;
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkingTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkingTest, AllRingTheFirstThatAnswersHasTheCallAndTheOthersAreCancelled) {
  call();
  EXPECT_NE(at_cloud->call_id(), at_desk->call_id()) << "dialogs of their own";
  EXPECT_THAT(std::string(at_cloud->body()), HasSubstr("RTP/SAVP"));
  EXPECT_THAT(std::string(at_desk->body()), Not(HasSubstr("SAVP"))) << "each in its dialect";
  desk_says(180);
  core.expect("180");
  cloud_says(180);
  core.expect("180");
  desk_says(200, desk_sdp());
  const auto ok = caller_is_answered();
  desk.expect("ACK");
  EXPECT_EQ(cancelled(cloud, *at_cloud).value(HeaderId::kReason), kElsewhere);
  EXPECT_EQ(desk_is_heard(), 5U);
  core.send_rtp(media_of(ok.body()), 5, 0xca11, 0x22);
  rig.run(Millis(150));
  EXPECT_GE(desk.rtp.size(), 5U);
  caller_hangs_up(desk);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "completed");
  EXPECT_EQ(rig.records[0].egress_peer, "desk-1");
  const std::string trail = rig.trail_of(0);
  EXPECT_THAT(trail, HasSubstr("routes_to, all at once (forking): cloud, desk"));
  EXPECT_THAT(trail, HasSubstr("cancelled: SIP;cause=200"));
}

TEST_P(ForkingTest, OneThatAnswersAsItIsCancelledIsHungUp) {
  call();
  desk_says(180);
  core.expect("180");
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  cloud.expect("ACK");
  desk.reply(desk.expect("CANCEL"), 200);
  desk_says(200, desk_sdp());
  desk.expect("ACK");
  desk.reply(desk.expect("BYE"), 200);
  rig.run(Seconds(5));
  EXPECT_EQ(core.count("BYE"), 0U) << "the call is not touched";
  caller_hangs_up(cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].egress_peer, "cloud-1");
}

TEST_P(ForkingTest, OneThatFailsIsNotToldWhileOthersRing) {
  call();
  desk_says(180);
  core.expect("180");
  desk_says(486);
  desk.expect("ACK");
  rig.run(Seconds(3));
  EXPECT_FALSE(core.has("486 INVITE"));
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  cloud.expect("ACK");
  caller_hangs_up(cloud);
  expect_clean(1);
}

struct Failures {
  int desk, cloud, told;
  const char* text;
};

TEST_P(ForkingTest, OfSeveralFailuresTheBestIsTold) {
  constexpr Failures kTable[] = {{486, 404, 486, "busy"},     {404, 486, 486, "busy"},
                                 {480, 404, 404, "rejected"}, {500, 480, 480, "no_answer"},
                                 {404, 500, 404, "rejected"}, {500, 486, 486, "busy"}};
  std::size_t n = 0;
  for (const auto& f : kTable) {
    SCOPED_TRACE(std::to_string(f.desk) + " " + std::to_string(f.cloud));
    call();
    desk_says(f.desk);
    desk.expect("ACK");
    rig.run(Millis(200));
    cloud_says(f.cloud);
    cloud.expect("ACK");
    (void)failure(core, d, f.told);
    rig.run(Seconds(1));
    ASSERT_EQ(rig.records.size(), ++n);
    EXPECT_EQ(rig.records.back().termination, f.text);
    EXPECT_EQ(rig.records.back().egress_peer, f.told == f.desk ? "desk-1" : "cloud-1");
  }
  expect_clean(n);
}

// RFC 3261 16.7: whoever says that nobody will answers for all.
TEST_P(ForkingTest, A6xxEndsTheOthersAtOnce) {
  call();
  cloud_says(180);
  core.expect("180");
  desk_says(603);
  desk.expect("ACK");
  EXPECT_EQ(cancelled(cloud, *at_cloud).value(HeaderId::kReason), "SIP;cause=603");
  (void)failure(core, d, 603);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].egress_peer, "desk-1");
}

TEST_P(ForkingTest, ACallerThatGivesUpEndsThemAll) {
  call();
  desk_says(183, desk_sdp());
  core.expect("183");
  cloud_says(180);
  core.expect("180");
  core.request(d, "CANCEL", "", "", 1);
  core.expect("200 CANCEL");
  (void)failure(core, d, 487);
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(desk, *at_desk);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "cancelled");
}

// A peer that is silent is no reason to give its target up, whatever the caller hears of another.
TEST_P(ForkingTest, EachTargetHasPeersOfItsOwnThatAreTriedInOrder) {
  Peer cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  cloud2.gateway = "10.0.0.2:5061";
  call();
  desk_says(180);
  core.expect("180");
  const auto second = cloud2.expect("INVITE");  // after 4 s
  cloud2.reply(second, 180);
  cloud2.reply(second, 200, "", cloud_sdp());
  (void)caller_is_answered();
  cloud2.expect("ACK");
  (void)cancelled(desk, *at_desk);
  caller_hangs_up(cloud2);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].egress_peer, "cloud-2");
}

// TDR-79 of one target: whoever rang there is not followed by another peer.
TEST_P(ForkingTest, ATargetThatRangIsNotTriedAgainElsewhere) {
  Peer cloud2(rig, "cloud2", "10.2.0.2:5061", Transport::kTls, {"sip2.pstnhub.example"});
  call();
  cloud_says(180);
  core.expect("180");
  cloud_says(503);
  cloud.expect("ACK");
  rig.run(Seconds(3));
  EXPECT_EQ(cloud2.count("INVITE"), 0U);
  desk_says(486);
  (void)failure(core, d, 486);
  expect_clean(1);
}

TEST_P(ForkingTest, MediaThatCannotBeUsedIsNoAnswer) {
  call();
  cloud_says(180);
  core.expect("180");
  desk_says(200, sdp("10.4.0.1", 0));  // declined
  desk.expect("ACK");
  desk.reply(desk.expect("BYE"), 200);
  rig.run(Seconds(1));
  EXPECT_FALSE(core.has("488 INVITE"));
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  caller_hangs_up(cloud);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].egress_peer, "cloud-1");
}

// A caller without an offer: each target is offered what we speak, and the caller what the one
// that answered agreed to.
TEST_P(ForkingTest, WithoutAnOfferTheCallerHearsOfTheOneThatAnswered) {
  call("", "");
  EXPECT_THAT(std::string(at_desk->body()), HasSubstr("m=audio"));
  cloud_says(180);
  core.expect("180");
  desk_says(200, desk_sdp());
  const auto ok = core.expect("200 INVITE");
  EXPECT_THAT(std::string(ok.body()), HasSubstr("m=audio"));
  core.learn(d, ok);
  core.ack(d, sdp("10.1.0.1", 40000));
  (void)cancelled(cloud, *at_cloud);
  rig.run(Millis(200));
  EXPECT_EQ(desk_is_heard(), 5U);
  caller_hangs_up(desk);
  expect_clean(1);
}

TEST_P(ForkingTest, RingsAsLongAsTheLongestOfThem) {
  call();
  desk_says(180);
  core.expect("180");
  rig.run(Seconds(3));
  cloud_says(180);
  core.expect("180");
  // timers.ring of each, from its first 18x
  auto cancel = desk.expect("CANCEL", Seconds(400));
  desk.reply(cancel, 200);
  desk.reply(*at_desk, 487);
  EXPECT_FALSE(core.has("480 INVITE"));
  cancel = cloud.expect("CANCEL", Seconds(4));
  cloud.reply(cancel, 200);
  cloud.reply(*at_cloud, 487);
  (void)failure(core, d, 480);
  expect_clean(1);
  EXPECT_EQ(rig.records[0].termination, "no_answer");
}

TEST_P(ForkingTest, ACallForHelpGoesToOneAfterTheOther) {
  PROVES("EM-15");
  d = core.invite("112", "", sdp("10.1.0.1", 40000));
  const auto first = cloud.expect("INVITE");
  cloud.reply(first, 180);
  core.expect("180");
  rig.run(Seconds(2));
  EXPECT_EQ(desk.count("INVITE"), 0U);
  cloud.reply(first, 486);
  at_desk = desk.expect("INVITE", Seconds(20));
  desk_says(200, desk_sdp());
  (void)caller_is_answered();
  caller_hangs_up(desk);
  expect_clean(1);
}

TEST_P(ForkingTest, AReloadLeavesThemRinging) {
  call();
  desk_says(180);
  core.expect("180");
  cloud_says(180);
  core.expect("180");
  std::string text = parallel();
  const std::string name = "[[realm]]\nname = \"core\"";
  text.insert(text.find(name),
              "[[realm]]\nname = \"another\"\nmedia_addresses = "
              "[\"10.0.0.9\"]\nmedia_port_min = 40000\nmedia_port_max = 40099\n");
  ASSERT_TRUE(rig.apply(text));
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  (void)cancelled(desk, *at_desk);
  caller_hangs_up(cloud);
  expect_clean(1);
}

TEST_P(ForkingTest, ARingingTargetIsPickedUpAndTheOthersAreCancelled) {
  call();
  cloud_says(183, cloud_sdp());  // the caller's while they ring
  core.expect("183");
  desk_says(180);
  core.expect("180");
  const auto tag = [](std::string_view v) { return std::string(sip::parse_name_addr(v)->tag()); };
  auto taker = desk.invite("+4989123",
                           "Replaces: " + std::string(at_desk->call_id()) + ";to-tag=" +
                               tag(at_desk->value(HeaderId::kFrom)) + ";from-tag=desk\r\n",
                           sdp("10.4.0.1", 45000), "+49897");
  auto ok = desk.expect("200 INVITE");
  desk.learn(taker, ok);
  desk.ack(taker);
  (void)caller_is_answered();
  (void)cancelled(desk, *at_desk);
  EXPECT_EQ(cancelled(cloud, *at_cloud).value(HeaderId::kReason), kElsewhere);
  core.rtp.clear();
  desk.send_rtp(media_of(ok.body()), 5, 0xde5c, 0x11);
  rig.run(Millis(150));
  EXPECT_EQ(heard(0x11), 5U);
  core.request(d, "BYE");
  core.expect("200 BYE");
  desk.reply(desk.expect("BYE"), 200);
  expect_clean(1);
}

// --- What the caller hears while they ring -------------------------------------------------------

// Desk and floor are phones in the core's network, the service rings beside them.
class HeardTest : public ForkingTest {
 protected:
  static std::string config(const std::string& core_profile) {
    ConfigOptions o;
    o.top = "[[profile]]\nname = \"core-gate\"\nextends = \"operator\"\n" + core_profile +
            "[[profile]]\nname = \"reliable\"\nextends = \"operator\"\nreliable_provisionals = "
            "\"supported\"\n";
    o.core_profile = "core-gate";
    o.third_cloud = group("floor", "10.4.0.2");
    const std::string plain = "profile = \"operator\"";
    o.third_cloud.replace(o.third_cloud.find(plain), plain.size(), "profile = \"reliable\"");
    std::string text = parallel(o);
    const std::string routes = "\"cloud\", \"desk\"";
    text.replace(text.find(routes), routes.size(), "\"cloud\", \"desk\", \"floor\"");
    return text;
  }
  explicit HeardTest(const std::string& config)
      : ForkingTest(config), floor(rig, "floor", "10.4.0.2:5060", Transport::kUdp) {
    floor.gateway = "10.0.0.1:5060";
    floor.open_rtp(45000);
  }
  void all_called(const std::string& headers = "") {
    call(headers);
    at_floor = floor.expect("INVITE");
  }
  void floor_says(int status, const std::string& body = "", const std::string& headers = "") {
    floor.reply(*at_floor, status, headers, body, "floor");
  }
  static std::string floor_sdp(const std::string& codecs = "8 PCMA/8000,101 telephone-event/8000") {
    return sdp("10.4.0.2", 45000, "sendrecv", codecs);
  }
  std::size_t floor_is_heard(std::uint8_t fill = 0x33) {
    return is_heard(rig, core, floor, *at_floor, fill);
  }
  void all_end() {
    cloud_says(180);
    core.expect("180");
    core.request(d, "CANCEL", "", "", 1);
    core.expect("200 CANCEL");
    (void)failure(core, d, 487);
    (void)cancelled(cloud, *at_cloud);
    (void)cancelled(desk, *at_desk);
    (void)cancelled(floor, *at_floor);
    expect_clean(1);
  }
  Peer floor;
  std::optional<sip::Message> at_floor;
};

class LastHeard : public HeardTest {
 protected:
  LastHeard() : HeardTest(config("early_media_gate = \"last\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, LastHeard, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LastHeard, TheLatestThatSentAnSdpIsHeardAndTheCallerHasOneAnswer) {
  PROVES("TDR-73");
  all_called();
  cloud_says(180);
  core.expect("180");
  desk_says(183, desk_sdp());
  const std::string shown(core.expect("183").body());
  EXPECT_EQ(desk_is_heard(), 5U);
  floor_says(183, floor_sdp());
  EXPECT_EQ(core.expect("183").body(), shown) << "the same answer, to the octet";
  EXPECT_EQ(floor_is_heard(), 5U);
  EXPECT_EQ(desk_is_heard(), 0U);
  floor_says(486);
  floor.expect("ACK");
  EXPECT_EQ(desk_is_heard(), 5U) << "the one that is left";
  desk_says(200, desk_sdp());
  EXPECT_EQ(caller_is_answered().body(), shown);
  (void)cancelled(cloud, *at_cloud);
  EXPECT_EQ(desk_is_heard(), 5U);
  caller_hangs_up(desk);
  expect_clean(1);
  EXPECT_THAT(rig.trail_of(0), HasSubstr("of the targets that ring this one is the caller's now"));
}

TEST_P(LastHeard, TheWinnerMayHaveAnotherCodecThanTheOneThatWasHeard) {
  PROVES("TDR-72", "TDR-73");
  all_called();
  desk_says(183, desk_sdp());
  const std::string shown(core.expect("183").body());
  EXPECT_THAT(shown, HasSubstr("RTP/AVP 8 101"));
  cloud_says(180);
  core.expect("180");
  floor_says(200, floor_sdp("0 PCMU/8000,101 telephone-event/8000"));
  EXPECT_EQ(caller_is_answered().body(), shown);
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(desk, *at_desk);
  core.rtp.clear();
  std::vector<std::byte> p(172, std::byte{0xff});  // silence of PCMU
  for (std::uint16_t i = 0; i < 5; ++i) {
    p[0] = std::byte{0x80}, p[1] = std::byte{0}, p[2] = std::byte{0}, p[3] = std::byte(i);
    for (int k = 4; k < 12; ++k) p[static_cast<std::size_t>(k)] = std::byte{0};
    p[6] = std::byte(i * 160 >> 8), p[7] = std::byte(i * 160 & 255), p[11] = std::byte{9};
    floor.send_packet(media_of(at_floor->body()), p);
    rig.run(Millis(20));
  }
  rig.run(Millis(50));
  EXPECT_EQ(heard(0xd5), 5U) << "PCMU of the winner, as PCMA";
  caller_hangs_up(floor);
  expect_clean(1);
}

TEST_P(LastHeard, OneThatAsksBesidesTheOneThatIsHeardIsAnswered) {
  all_called();
  floor_says(183, floor_sdp(),
             "Require: 100rel\r\nRSeq: 1\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  core.expect("183");
  floor.reply(floor.expect("PRACK"), 200);
  desk_says(183, desk_sdp());
  core.expect("183");
  auto early = floor.answered(*at_floor, "floor");
  floor.request(early, "UPDATE", "Contact: <sip:10.4.0.2:5060>\r\n",
                sdp("10.4.0.2", 45000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  const auto ok = floor.expect("200 UPDATE");
  EXPECT_EQ(direction_of(ok.body()), "recvonly");
  EXPECT_FALSE(core.has("UPDATE")) << "it is not the caller's";
  all_end();
}

class FirstHeard : public HeardTest {
 protected:
  FirstHeard() : HeardTest(config("early_media_gate = \"first\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FirstHeard, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FirstHeard, TheFirstThatSentAnSdpIsHeardUntilItIsGone) {
  all_called();
  cloud_says(180);
  core.expect("180");
  desk_says(183, desk_sdp());
  core.expect("183");
  floor_says(183, floor_sdp());
  core.expect("183");
  EXPECT_EQ(desk_is_heard(), 5U);
  EXPECT_EQ(floor_is_heard(), 0U);
  desk_says(404);
  desk.expect("ACK");
  EXPECT_EQ(floor_is_heard(), 5U);
  floor_says(404);
  floor.expect("ACK");
  EXPECT_EQ(cloud.count("CANCEL"), 0U);
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  caller_hangs_up(cloud);
  expect_clean(1);
}

// Nobody answers there any more, but another peer of that target may: the caller hears who rings.
TEST_P(FirstHeard, ATargetThatIsRedirectedOrEndsItsRingingLetsTheCallerGo) {
  all_called();
  desk_says(183, desk_sdp());
  core.expect("183");
  floor_says(183, floor_sdp());
  core.expect("183");
  EXPECT_EQ(desk_is_heard(), 5U);
  desk_says(199);
  rig.run(Millis(100));
  EXPECT_EQ(floor_is_heard(), 5U);
  EXPECT_EQ(desk_is_heard(), 0U);
  desk_says(302, "", "Contact: <sip:other@10.4.0.1:5060>\r\n");
  const auto again = desk.expect("INVITE");
  EXPECT_EQ(again.request_uri(), "sip:other@10.4.0.1:5060");
  EXPECT_EQ(floor_is_heard(), 5U);
  desk.reply(again, 180, "", "", "other");
  core.expect("180");
  EXPECT_EQ(floor_is_heard(), 5U);
  desk.reply(again, 200, "", desk_sdp(), "other");
  (void)caller_is_answered();
  desk.expect("ACK");
  (void)cancelled(floor, *at_floor);
  core.request(d, "BYE");
  core.expect("200 BYE");
  desk.reply(desk.expect("BYE"), 200);
  cloud_says(487);
  expect_clean(1);
}

// What comes of a target that was cancelled is of no consequence.
TEST_P(FirstHeard, ATargetThatLostMayGoOnTalking) {
  all_called();
  floor_says(183, floor_sdp(),
             "Require: 100rel\r\nRSeq: 1\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
  core.expect("183");
  floor.reply(floor.expect("PRACK"), 200);
  desk_says(200, desk_sdp());
  (void)caller_is_answered();
  desk.expect("ACK");
  auto early = floor.answered(*at_floor, "floor");
  floor.request(early, "UPDATE", "Contact: <sip:10.4.0.2:5060>\r\n",
                sdp("10.4.0.2", 45000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  floor_says(180);
  floor_says(183, floor_sdp());
  rig.run(Millis(500));
  EXPECT_FALSE(floor.has("200 UPDATE"));
  EXPECT_EQ(core.count("180") + core.count("UPDATE") + core.count("INVITE"), 0U);
  EXPECT_EQ(desk_is_heard(), 5U);
  (void)cancelled(floor, *at_floor);
  caller_hangs_up(desk);
  expect_clean(1);
}

class ActiveHeard : public HeardTest {
 protected:
  ActiveHeard() : HeardTest(config("early_media_gate = \"active\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ActiveHeard, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ActiveHeard, WhoeverBeganToSpeakLastIsHeard) {
  all_called();
  desk_says(183, desk_sdp());
  core.expect("183");
  EXPECT_EQ(desk_is_heard(), 5U);
  floor_says(183, floor_sdp());
  core.expect("183");
  EXPECT_EQ(desk_is_heard(), 5U) << "an SDP alone changes nothing";
  EXPECT_GE(floor_is_heard(), 4U) << "but for the packet that said so";
  EXPECT_EQ(desk_is_heard(), 0U);
  all_end();
}

// The caller acknowledges what it is told (RFC 3262), the targets do as they like.
class ReliableForking : public HeardTest {
 protected:
  ReliableForking() : HeardTest(config("reliable_provisionals = \"required\"\n")) {}
  void acknowledge(const sip::Message& m) {
    core.learn(d, m);
    core.request(d, "PRACK", "RAck: " + std::string(m.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
    core.expect("200 PRACK");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ReliableForking, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReliableForking, TheCallerAgreesOnceAndTheWinnerIsPutIntoThat) {
  all_called("Supported: 100rel\r\n");
  desk_says(183, desk_sdp());
  const auto shown = core.expect("183");
  EXPECT_THAT(std::string(shown.body()), HasSubstr("RTP/AVP 8 101"));
  acknowledge(shown);
  cloud_says(180);
  acknowledge(core.expect("180"));
  floor_says(200, floor_sdp());
  const auto ok = core.expect("200 INVITE");
  EXPECT_EQ(ok.body(), "") << "agreed before";
  core.ack(d);
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(desk, *at_desk);
  rig.run(Millis(100));
  EXPECT_EQ(floor_is_heard(), 5U);
  caller_hangs_up(floor);
  expect_clean(1);
}

TEST_P(ReliableForking, TheOthersAreCancelledThoughTheCallerHasNotAcknowledgedYet) {
  all_called("Supported: 100rel\r\n");
  desk_says(183, desk_sdp());
  const auto shown = core.expect("183");
  cloud_says(180);
  floor_says(200, floor_sdp());
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(desk, *at_desk);
  EXPECT_FALSE(core.has("200 INVITE"));
  acknowledge(shown);
  (void)core.expect("200 INVITE");
  core.ack(d);
  caller_hangs_up(floor);
  expect_clean(1);
}

// --- Told afterwards -----------------------------------------------------------------------------

TEST_P(ForkingTest, AReplayKnowsThatTheyWereCalledSideBySide) {
  call();
  desk_says(486);
  desk.expect("ACK");
  cloud_says(404);
  (void)failure(core, d, 486);
  call();
  desk_says(180);
  core.expect("180");
  cloud_says(200, cloud_sdp());
  (void)caller_is_answered();
  (void)cancelled(desk, *at_desk);
  caller_hangs_up(cloud);
  expect_clean(2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto same = replayed(rig.trail_of(i), parallel());
    EXPECT_THAT(call::to_text(same), HasSubstr("1 call: 1 as before, 0 differently"));
  }
  std::string text = parallel();
  const std::string key = "forking = \"parallel\"\n";
  text.erase(text.find(key), key.size());
  const auto other = call::to_text(replayed(rig.trail_of(1), text));
  EXPECT_THAT(other, HasSubstr("all at once"));
  EXPECT_THAT(other, HasSubstr("one after the other"));
}

// --- Where they are ------------------------------------------------------------------------------

class ForkedRegions : public ForkingTest {
 protected:
  static std::string config() {
    std::string text = parallel({}, "");
    const std::string west = "[[region]]\nname = \"west\"\n";
    text.insert(text.find(west), "[[region]]\nname = \"east\"\n");
    const auto desk = text.find("name = \"desk\"");
    const std::string in = "region = \"west\"";
    text.replace(text.find(in, desk), in.size(), "region = \"east\"");
    return text;
  }
  ForkedRegions() : ForkingTest(config()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkedRegions, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkedRegions, AnotherRegionIsTriedOnlyWhenNobodyOfTheCallersOwnIsThere) {
  PROVES("GW-02");
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  at_cloud = cloud.expect("INVITE");
  rig.run(Seconds(1));
  EXPECT_EQ(desk.count("INVITE"), 0U);
  cloud_says(503);
  at_desk = desk.expect("INVITE");
  desk_says(200, desk_sdp());
  (void)caller_is_answered();
  caller_hangs_up(desk);
  d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  cloud.reply(cloud.expect("INVITE"), 486);
  (void)failure(core, d, 486);
  EXPECT_EQ(desk.count("INVITE"), 1U);
  expect_clean(2);
}

class FullTarget : public ForkingTest {
 protected:
  FullTarget() : ForkingTest(parallel({}, "max_calls = 1\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FullTarget, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FullTarget, ATargetThatIsFullIsPassedOverAndOneThatLostIsNotFull) {
  call();
  desk_says(180);
  core.expect("180");
  auto second = core.invite("+4989124", "", sdp("10.1.0.1", 40002));
  const auto other = cloud.expect("INVITE");
  rig.run(Seconds(1));
  EXPECT_EQ(desk.count("INVITE"), 1U) << "one call at a time";
  cloud.reply(other, 486);
  (void)failure(core, second, 486);
  cloud_says(200, cloud_sdp());  // of the first call
  (void)caller_is_answered();
  (void)cancelled(desk, *at_desk);
  auto third = core.invite("+4989125", "", sdp("10.1.0.1", 40004));
  const auto again = cloud.expect("INVITE");
  const auto free = desk.expect("INVITE");
  cloud.reply(again, 486);
  desk.reply(free, 404);
  (void)failure(core, third, 486);
  caller_hangs_up(cloud);
  expect_clean(3);
}

}  // namespace
}  // namespace causeway::scenario
