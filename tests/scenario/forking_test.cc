// Several targets called at once (peer_group.forking): which the caller hears, which has the call,
// and what is said when none has it.
#include "scenario/forking.h"
#include "scenario/replays.h"

namespace causeway::scenario {
namespace {

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
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("480 INVITE"), 0U);
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
