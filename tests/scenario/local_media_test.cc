// Local Media Optimization: media that is near the user, by what a service says of the user's
// place, and media that goes past us to a gateway behind us.
#include "scenario/local_media.h"
#include "call/explain.h"

namespace causeway::scenario {
namespace {

INSTANTIATE_TEST_SUITE_P(Modes, LocalMediaTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LocalMediaTest, TheUsersPlaceChoosesTheMediaAddress) {
  PROVES("LMO-01");
  struct Case {
    std::string headers, address;
  };
  const Case cases[] = {{kByUs, "10.9.0.1"},
                        {kOutside, "10.0.0.2"},
                        {"", "10.0.0.2"},
                        {"X-Place: Internal\r\n", "10.9.0.1"},
                        {"X-Place: elsewhere\r\n", "10.0.0.2"}};
  std::size_t n = 0;
  for (const Case& c : cases) {
    Up up = user_calls(c.headers);
    EXPECT_EQ(address_in(up.to_cloud), c.address) << c.headers;
    EXPECT_EQ(address_in(up.to_core), "10.0.0.1") << "the other side has one place";
    expect_talk(up, 10);
    core_hangs_up(up);
    rig.run(Millis(100));
    if (c.headers == kByUs) {
      EXPECT_NE(rig.trail_of(n).find("the user is inside, at site 12; media by "
                                     "sbc.operator.example, branch.enterprise.example"),
                std::string::npos)
          << rig.trail_of(n);
    }
    ++n;
  }
  expect_clean(n);
}

TEST_P(LocalMediaTest, AUserWhoMovesIsOfferedTheOtherAddress) {
  PROVES("LMO-03");
  Up up = user_calls(kOutside);
  const std::string before = up.to_cloud;
  expect_talk(up, 10);
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  EXPECT_EQ(session_of(up.to_cloud), session_of(before));
  expect_talk(up, 20);
  (void)audio(core);
  cloud.send_rtp(media_of(before), 10, 30);
  rig.run(Millis(60));
  EXPECT_EQ(audio(core), 0) << "at the address that was left";
  reinvite(up, kOutside, offer(3));
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  expect_talk(up, 40);
  reinvite(up, kOutside, offer(4));
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  EXPECT_EQ(core.count("INVITE"), 1U) << "no matter of the core's";
  core_hangs_up(up);
  rig.run(Millis(100));
  EXPECT_NE(rig.trail_of(0).find("media moved to the internal address, 10.9.0.1"),
            std::string::npos)
      << rig.trail_of(0);
  expect_clean(1);
}

TEST_P(LocalMediaTest, ACalledUserWhoIsInsideMovesByTheFirstReinvite) {
  PROVES("LMO-03");
  Up up = user_is_called();
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(LocalMediaTest, AReinviteWithoutSdpIsOfferedTheOtherAddress) {
  Up up = user_calls(kOutside);
  cloud.request(up.cloud, "INVITE", kInside);
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  cloud.ack(up.cloud, offer(2));
  rig.run(Millis(100));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

// The core will not have what the re-INVITE asks for: nothing moves.
TEST_P(LocalMediaTest, AMoveThatIsRefusedLeavesMediaWhereItWas) {
  Up up = user_calls(kOutside);
  cloud.request(up.cloud, "INVITE", kInside, offer(2, "inactive"));
  core.reply(core.expect("INVITE"), 488);
  core.expect("ACK");
  cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
  rig.run(Millis(100));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

class OnePlaceTest : public LocalMediaTest {
 protected:
  OnePlaceTest() : LocalMediaTest(local_media_config({.group = ""})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, OnePlaceTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(OnePlaceTest, WithoutASecondRealmNothingEverMoves) {
  PROVES("TDR-96");
  Up up = user_calls(kByBranch);
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  const std::string before = up.to_cloud;
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(media_of(up.to_cloud), media_of(before));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

// One shard: where users were is known to the shard that saw it.
class LikelyPlaceTest : public LocalMediaTest {
 protected:
  explicit LikelyPlaceTest(const std::string& first = "")
      : LocalMediaTest(local_media_config(
            {.group = "internal_media_realm = \"lan\"\n" + first, .gateway = false})) {}
  void expect_offered(const std::string& address) {
    Up up = user_is_called();
    EXPECT_EQ(address_in(up.to_cloud), address);
    expect_talk(up, 10);
    core_hangs_up(up);
    rig.run(Seconds(1));
  }
  void user_calls_from(const std::string& place) {
    Up up = user_calls(place);
    cloud_hangs_up(up);
    rig.run(Seconds(1));
  }
};
const Mode kOneShard[] = {{1, false}, {1, true}};
INSTANTIATE_TEST_SUITE_P(Modes, LikelyPlaceTest, ::testing::ValuesIn(kOneShard), mode_name);

TEST_P(LikelyPlaceTest, AUserIsOfferedTheAddressOfTheLastCall) {
  PROVES("LMO-04");
  expect_offered("10.0.0.2");
  user_calls_from(kInside);
  expect_offered("10.9.0.1");
  user_calls_from(kOutside);
  expect_offered("10.0.0.2");
  user_calls_from(kInside);
  rig.run(Seconds(13 * 3'600));
  expect_offered("10.0.0.2");
  expect_clean(7);
}

class InsideFirstTest : public LikelyPlaceTest {
 protected:
  InsideFirstTest() : LikelyPlaceTest("first_media_address = \"internal\"\n") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, InsideFirstTest, ::testing::ValuesIn(kOneShard), mode_name);

TEST_P(InsideFirstTest, AnUnknownUserIsOfferedWhatTheConfigurationSays) {
  PROVES("LMO-04");
  expect_offered("10.9.0.1");
  user_calls_from(kOutside);
  expect_offered("10.0.0.2");
  expect_clean(3);
}

// --- To a gateway behind us ----------------------------------------------------------------------

INSTANTIATE_TEST_SUITE_P(Modes, DirectMediaTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(DirectMediaTest, MediaGoesStraightToTheGatewayThatThePathBeginsWith) {
  PROVES("LMO-02");
  const std::string theirs = offer() + "a=x-of-theirs:1\r\n";
  Up up = user_calls(kByBranch, sdp("10.1.0.1", 40000) + "a=x-of-ours:2\r\n", theirs);
  expect_same_but_origin(up.to_core, theirs);
  expect_same_but_origin(up.to_cloud, sdp("10.1.0.1", 40000) + "a=x-of-ours:2\r\n");
  EXPECT_EQ(rig.media_legs(), 0U) << "no port is held";
  rig.run(Seconds(400));  // nothing is heard here, and that ends no call
  EXPECT_EQ(rig.calls(), 1U);
  // Hold and resume cross as they are.
  reinvite_through(up, kByBranch, offer(2, "sendonly"), sdp("10.1.0.1", 40000, "recvonly"));
  EXPECT_EQ(direction_of(up.to_core), "sendonly");
  EXPECT_EQ(direction_of(up.to_cloud), "recvonly");
  core.request(up.core, "INVITE", "", sdp("10.1.0.1", 40002, "sendrecv", "0 PCMU/8000", 3));
  const auto there = cloud.expect("INVITE");
  EXPECT_EQ(media_of(there.body()).port, 40002);
  cloud.reply(there, 200, "", offer(3));
  cloud.expect("ACK");
  expect_same_but_origin(std::string(core.expect("200 INVITE").body()), offer(3));
  core.ack(up.core);
  rig.run(Millis(100));
  // A session refresh, and one that the other side will not have.
  cloud.request(up.cloud, "INVITE", kByBranch, offer(3));
  cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  EXPECT_EQ(core.count("INVITE"), 2U);
  cloud.request(up.cloud, "INVITE", kByBranch, offer(4, "inactive"));
  core.reply(core.expect("INVITE"), 488);
  core.expect("ACK");
  cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DirectMediaTest, AResumeWithoutSdpIsOfferedEverythingAgain) {
  Up up = user_calls(kByBranch);
  reinvite_through(up, kByBranch, offer(2, "inactive"), sdp("10.1.0.1", 40000, "inactive"));
  cloud.request(up.cloud, "INVITE", kByBranch);
  EXPECT_EQ(direction_of(std::string(cloud.expect("200 INVITE").body())), "sendrecv");
  cloud.ack(up.cloud, offer(3));
  const auto there = core.expect("INVITE");
  EXPECT_EQ(direction_of(std::string(there.body())), "sendrecv");
  core.reply(there, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 4));
  core.expect("ACK");
  rig.run(Seconds(10));
  EXPECT_LE(cloud.count("INVITE"), 2U) << "told without end";
  while (cloud.has("INVITE")) {
    cloud.reply(cloud.expect("INVITE"), 200, "", offer(4));
    cloud.expect("ACK");
    rig.run(Seconds(10));
    if (core.has("INVITE")) {
      core.reply(core.expect("INVITE"), 200, "", sdp("10.1.0.1", 40000));
      core.expect("ACK");
    }
    rig.run(Seconds(10));
  }
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DirectMediaTest, MediaIsAnchoredHereWhereThePathBeginsWithUs) {
  PROVES("LMO-02");
  const std::string headers[] = {kByUs, kInside,
                                 kInside + std::string("X-Path: other.example\r\n")};
  for (const auto& h : headers) {
    Up up = user_calls(h);
    EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1") << h;
    EXPECT_EQ(address_in(up.to_core), "10.0.0.1") << h;
    expect_talk(up, 10);
    core_hangs_up(up);
    rig.run(Millis(100));
  }
  expect_clean(3);
}

// The user leaves the site and comes back: media comes here and goes again.
TEST_P(DirectMediaTest, AUserWhoLeavesIsAnchoredAndGoesStraightAgainLater) {
  PROVES("LMO-02", "LMO-03");
  Up up = user_calls(kByBranch);
  reinvite_through(up, kOutside + std::string("X-Path: sbc.operator.example\r\n"), offer(2),
                   sdp("10.1.0.1", 40000));
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  EXPECT_EQ(address_in(up.to_core), "10.0.0.1");
  EXPECT_EQ(rig.media_legs(), 2U);
  expect_talk(up, 10);
  const std::string anchored = up.to_core;
  reinvite_through(up, kByBranch, offer(3), sdp("10.1.0.1", 40000));
  expect_same_but_origin(up.to_core, offer(3));
  EXPECT_EQ(session_of(up.to_core), session_of(anchored)) << "one session in a dialog";
  expect_same_but_origin(up.to_cloud, sdp("10.1.0.1", 40000));
  EXPECT_EQ(rig.media_legs(), 0U);
  // The gateway will not: all is as it was.
  cloud.request(up.cloud, "INVITE", kOutside, offer(4));
  core.reply(core.expect("INVITE"), 488);
  core.expect("ACK");
  cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
  rig.run(Millis(100));
  EXPECT_EQ(rig.media_legs(), 0U);
  reinvite_through(up, kInside, offer(5), sdp("10.1.0.1", 40000));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  expect_talk(up, 20);
  core_hangs_up(up);
  expect_clean(1);
}

// A call of the gateway's to a user begins here, and the service's first re-INVITE sends it past.
TEST_P(DirectMediaTest, ACallOfTheGatewaysIsSentPastUsByTheService) {
  PROVES("LMO-02");
  Up up = user_is_called();
  expect_talk(up, 10);
  reinvite_through(up, kByBranch, offer(2), sdp("10.1.0.1", 40000));
  expect_same_but_origin(up.to_core, offer(2));
  EXPECT_EQ(rig.media_legs(), 0U);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(DirectMediaTest, TheGatewayThatTheServiceNamesIsTheOneThatIsCalled) {
  PROVES("LMO-02");
  Peer second(rig, "core-2", "10.1.0.2:5060", Transport::kUdp);
  Up up = user_calls(kByUs);  // core-1, though core-2 would do as well
  core_hangs_up(up);
  PeerDialog d = cloud.invite("+4930111", kByUs, offer(), "+4989123");
  core.reply(core.expect("INVITE"), 503);
  core.expect("ACK");
  (void)failure(cloud, d, 503);
  EXPECT_EQ(second.count("INVITE"), 0U) << "another gateway is another site";
  expect_clean(2);
}

TEST_P(DirectMediaTest, AnExplanationHasTheGatewayAndTheAddressThatComesFirst) {
  const auto explained = [&](const char* from, const std::string& host) {
    const auto e = rig.shard(0).explain(
        from,
        "INVITE sip:+4989123@" + host +
            " SIP/2.0\nVia: SIP/2.0/TLS 10.1.0.1;branch=z9hG4bK1\nFrom: <sip:+4930111@h>;tag=1\n"
            "To: <sip:+4989123@h>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:a@h>\n"
            "Max-Forwards: 70\n");
    EXPECT_TRUE(e) << e.error().what;
    return e ? call::to_text(*e) : std::string();
  };
  const std::string named = explained("cloud", kBranch);
  EXPECT_NE(named.find("to       core-1 of group core"), std::string::npos) << named;
  EXPECT_EQ(named.find("core-2"), std::string::npos) << named;
  EXPECT_NE(explained("cloud", "sbc.operator.example").find("core-2"), std::string::npos);
  EXPECT_NE(explained("core-1", "10.0.0.1").find("@branch.enterprise.example:5061"),
            std::string::npos);
  EXPECT_NE(explained("core-2", "10.0.0.1").find("@sbc.operator.example:5061"), std::string::npos);
}

TEST_P(DirectMediaTest, ATransferOfDirectMediaBringsItHere) {
  Up up = user_calls(kByBranch);
  cloud.request(up.cloud, "REFER",
                "Contact: " + cloud.contact +
                    "\r\nRefer-To: <sip:+4989456@sip.pstnhub.example;transport=tls>\r\n");
  cloud.expect("202 REFER");
  const auto target = cloud.expect("INVITE");
  EXPECT_EQ(rig.media_legs(), 3U);
  cloud.reply(target, 200, "", offer(1, "sendrecv", 50002), "target");
  cloud.expect("ACK");
  const auto there = core.expect("INVITE");
  up.to_core = std::string(there.body());
  EXPECT_EQ(address_in(up.to_core), "10.0.0.1");
  core.reply(there, 200, "", sdp("10.1.0.1", 40000));
  core.expect("ACK");
  rig.run(Seconds(8));
  while (cloud.has("NOTIFY")) cloud.reply(cloud.expect("NOTIFY"), 200);
  if (cloud.has("BYE")) cloud.reply(cloud.expect("BYE"), 200);
  rig.run(Millis(100));
  core.request(up.core, "BYE");
  core.expect("200 BYE");
  cloud.reply(cloud.expect("BYE"), 200);
  expect_clean(1);
}

// We stand before the gateway as a proxy does: what follows in the dialog comes to us.
TEST_P(DirectMediaTest, WhatFollowsInADialogThatNamesTheGatewayComesHere) {
  PROVES("LMO-05");
  const std::string route = "<sip:sbc.operator.example:5061;transport=tls;lr>";
  Up up = user_calls(kByBranch + "Record-Route: <sip:proxy.pstnhub.example;lr>\r\n");
  const auto ok = *sip::Message::parse(answered);
  EXPECT_EQ(ok.value(HeaderId::kRecordRoute), route) << "before those of the service's proxies";
  EXPECT_NE(answered.find("<sip:proxy.pstnhub.example;lr>"), std::string::npos);
  EXPECT_NE(std::string(ok.value(HeaderId::kContact)).find(kBranch), std::string::npos);
  EXPECT_FALSE(up.invite.has(HeaderId::kRecordRoute)) << "the gateway is a leg of its own";
  up.cloud.routes = {route};
  EXPECT_NE(up.cloud.target.find(kBranch), std::string::npos);
  reinvite_through(up, kByBranch, offer(2, "inactive"), sdp("10.1.0.1", 40000, "inactive"));
  cloud_hangs_up(up);
  rig.run(Millis(100));

  Up back = user_is_called();
  EXPECT_EQ(back.invite.value(HeaderId::kRecordRoute), route);
  EXPECT_NE(std::string(back.invite.value(HeaderId::kContact)).find(kBranch), std::string::npos);
  back.cloud.routes = {route};
  cloud_hangs_up(back);
  expect_clean(2);
}

TEST_P(LikelyPlaceTest, WithoutAGatewayOurOwnContactIsEnough) {
  Up up = user_is_called();
  EXPECT_FALSE(up.invite.has(HeaderId::kRecordRoute));
  EXPECT_NE(std::string(up.invite.value(HeaderId::kContact)).find("sbc.operator.example"),
            std::string::npos);
  core_hangs_up(up);
  expect_clean(1);
}

class SecureDirectTest : public DirectMediaTest {
 protected:
  SecureDirectTest() : DirectMediaTest(local_media_config({.sdp = "", .core_profile = "branch"})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, SecureDirectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(SecureDirectTest, KeysAreThoseOfTheTwoSides) {
  PROVES("LMO-02");
  std::string key = secure_sdp("10.1.0.1", 40000);
  key.replace(key.find("inline:AAAA"), 11, "inline:BBBB");
  Up up = user_calls(kByBranch, key, secure_sdp("10.2.0.1", 50000));
  expect_same_but_origin(up.to_core, secure_sdp("10.2.0.1", 50000));
  expect_same_but_origin(up.to_cloud, key);
  core_hangs_up(up);
  expect_clean(1);
}

class UnlikeTest : public DirectMediaTest {
 protected:
  UnlikeTest() : DirectMediaTest(local_media_config({.sdp = ""})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, UnlikeTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(UnlikeTest, MediaIsAnchoredWhereTheTwoSidesWouldNotUnderstandEachOther) {
  Up up = user_calls(kByBranch, sdp("10.1.0.1", 40000), secure_sdp("10.2.0.1", 50000));
  EXPECT_EQ(address_in(up.to_core), "10.0.0.1");
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  EXPECT_EQ(up.to_core.find("a=crypto"), std::string::npos);
  core_hangs_up(up);
  rig.run(Millis(100));
  EXPECT_NE(rig.trail_of(0).find("media is anchored here: one side has SRTP of another kind"),
            std::string::npos);
  expect_clean(1);
}

// --- With ICE ------------------------------------------------------------------------------------

class MovingIceTest : public LocalMediaTest {
 protected:
  MovingIceTest()
      : LocalMediaTest(local_media_config({.sdp = "security = \"rtp\"\nice = \"lite\"\n"})) {}
  static std::string ice(const std::string& ufrag, int version) {
    return offer(version) + "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:passwordofthephone" + ufrag +
           "0000\r\na=candidate:1 1 UDP 2130706431 10.2.0.1 50000 typ host\r\na=rtcp-mux\r\n";
  }
  static std::string ufrag_in(std::string_view text) { return line_of(text, "a=ice-ufrag:"); }
};
INSTANTIATE_TEST_SUITE_P(Modes, MovingIceTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(MovingIceTest, AnOfferThatBeginsIceAnewIsAnsweredFromTheOtherPlace) {
  PROVES("LMO-03");
  Up up = user_calls(kOutside, sdp("10.1.0.1", 40000), ice("first", 1));
  const std::string before = up.to_cloud;
  EXPECT_NE(before.find(" 10.0.0.2 "), std::string::npos) << before;
  reinvite(up, kInside, ice("second", 2));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  EXPECT_NE(line_of(up.to_cloud, "a=candidate:").find(" 10.9.0.1 "), std::string::npos);
  EXPECT_NE(ufrag_in(up.to_cloud), ufrag_in(before));
  EXPECT_FALSE(cloud.has("INVITE"));
  core_hangs_up(up);
  expect_clean(1);
}

// The answer cannot begin ICE anew: an offer of ours does, from the other place.
TEST_P(MovingIceTest, WhereIceGoesOnAnOfferOfOursMovesIt) {
  PROVES("LMO-03");
  Up up = user_calls(kOutside, sdp("10.1.0.1", 40000), ice("first", 1));
  const std::string before = up.to_cloud;
  for (const bool refused : {true, false}) {
    cloud.request(up.cloud, "INVITE", kInside, ice("first", 2));
    const auto ok = cloud.expect("200 INVITE");
    EXPECT_EQ(media_of(ok.body()), media_of(before));
    EXPECT_EQ(ufrag_in(ok.body()), ufrag_in(before));
    cloud.ack(up.cloud);
    const auto moved = cloud.expect("INVITE");
    EXPECT_EQ(address_in(moved.body()), "10.9.0.1");
    EXPECT_NE(ufrag_in(moved.body()), ufrag_in(before));
    cloud.reply(moved, refused ? 488 : 200, "", refused ? "" : ice("third", 3));
    cloud.expect("ACK");
    rig.run(Seconds(10));
    EXPECT_FALSE(cloud.has("INVITE")) << "asked once";
    if (refused) continue;
    up.to_cloud = std::string(moved.body());
    cloud.request(up.cloud, "INVITE", kInside, ice("third", 3));
    EXPECT_EQ(media_of(cloud.expect("200 INVITE").body()), media_of(moved.body()));
    cloud.ack(up.cloud);
  }
  core_hangs_up(up);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
