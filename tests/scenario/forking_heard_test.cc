// Several targets that ring at once (peer_group.forking): whose media the caller hears, and what it
// is told.
#include "scenario/forking.h"

namespace causeway::scenario {
namespace {

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

}  // namespace
}  // namespace causeway::scenario
