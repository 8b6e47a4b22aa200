// Several targets that ring at once (peer_group.forking), and what may happen to one of them: the
// call goes on with the others.
#include "scenario/forking.h"
#include "scenario/replays.h"

namespace causeway::scenario {
namespace {

class ForkTrouble : public ForkingTest {
 protected:
  void both_ring() {
    call();
    desk_says(180);
    core.expect("180");
    cloud_says(180);
    core.expect("180");
  }
  // The service has the call; the desk phone says nothing to its CANCEL.
  void cloud_has_the_call() {
    both_ring();
    cloud_says(200, cloud_sdp());
    (void)caller_is_answered();
    cloud.expect("ACK");
    desk.expect("CANCEL");
  }
  void block(peers::PeerTable::Kind kind, const std::string& name) {
    rig.each(
        [&](call::GatewayShard& g) { EXPECT_TRUE(g.set_admin(kind, name, peers::Admin::kBlock)); });
    rig.run(Millis(100));
  }
  void cloud_answers_after_all() {
    cloud_says(200, cloud_sdp());
    (void)caller_is_answered();
    caller_hangs_up(cloud);
    expect_clean(1);
    EXPECT_EQ(rig.records[0].egress_peer, "cloud-1");
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkTrouble, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkTrouble, OneThatIsBlockedWhileTheyRingIsGivenUpAlone) {
  both_ring();
  block(peers::PeerTable::Kind::kPeer, "desk-1");
  (void)cancelled(desk, *at_desk);
  cloud_answers_after_all();
}

TEST_P(ForkTrouble, OneWhoseGroupIsRemovedWhileTheyRingIsGivenUpAlone) {
  both_ring();
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nkeep_one_in = 1\n"})));
  rig.run(Millis(100));
  (void)cancelled(desk, *at_desk, false);
  desk_says(487);  // of nobody that we know any more
  cloud_answers_after_all();
}

TEST_P(ForkTrouble, WhenAllAreBlockedTheCallIsOver) {
  both_ring();
  block(peers::PeerTable::Kind::kGroup, "desk");
  (void)cancelled(desk, *at_desk);
  EXPECT_EQ(core.count("503 INVITE"), 0U);
  block(peers::PeerTable::Kind::kGroup, "cloud");
  (void)cancelled(cloud, *at_cloud);
  (void)failure(core, d, 503);
  expect_clean(1);
}

TEST_P(ForkTrouble, WhatBecomesOfOneThatLostDoesNotTouchTheCall) {
  cloud_has_the_call();
  rig.each([](call::GatewayShard& g) {
    for (const auto& c : g.call_reports()) EXPECT_EQ(c.egress, "cloud");
  });
  block(peers::PeerTable::Kind::kGroup, "desk");
  ASSERT_TRUE(rig.apply(make_config({.top = "[limits]\nkeep_one_in = 1\n"})));
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("BYE") + cloud.count("BYE"), 0U);
  caller_hangs_up(cloud);
  expect_clean(1);
}

// A codec that nobody offered is no answer that ends the ringing of the others.
TEST_P(ForkTrouble, AnAnswerThatTheCallerCannotHearEndsThatTargetAlone) {
  call("", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000"));
  cloud_says(180);
  core.expect("180");
  desk_says(200, sdp("10.4.0.1", 45000, "sendrecv", "111 speex/16000"));
  desk.expect("ACK");
  desk.reply(desk.expect("BYE"), 200);
  rig.run(Seconds(1));
  EXPECT_EQ(cloud.count("CANCEL"), 0U);
  EXPECT_EQ(core.count("488 INVITE"), 0U);
  cloud_answers_after_all();
}

TEST_P(ForkTrouble, AReplayRanksFailuresAsTheCallDid) {
  call();
  desk_says(407, "", "Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n");
  desk.expect("ACK");
  cloud_says(480);
  (void)failure(core, d, 480);
  expect_clean(1);
  EXPECT_THAT(call::to_text(replayed(rig.trail_of(0), parallel())),
              HasSubstr("1 as before, 0 differently"));
}

// --- Session timers ------------------------------------------------------------------------------

class ForkedTimers : public HeardTest {
 protected:
  static std::string timed() {
    std::string t = config("");
    const std::string mark = "name = \"reliable\"\nextends = \"operator\"\n";
    t.insert(t.find(mark) + mark.size(),
             "session_timer = \"request\"\nsession_expires = \"600s\"\n");
    const auto desk = t.find("name = \"desk\"");
    const std::string in = "profile = \"operator\"";
    return t.replace(t.find(in, desk), in.size(), "profile = \"reliable\"");
  }
  ForkedTimers() : HeardTest(timed()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkedTimers, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkedTimers, EachTargetIsAskedAgainForItsOwnInterval) {
  PROVES("S28");
  all_called();
  cloud_says(180);
  core.expect("180");
  desk_says(422, "", "Min-SE: 1200\r\n");
  desk.expect("ACK");
  floor_says(422, "", "Min-SE: 1200\r\n");
  floor.expect("ACK");
  const auto desk_again = desk.expect("INVITE"), floor_again = floor.expect("INVITE");
  EXPECT_EQ(desk_again.call_id(), at_desk->call_id());
  EXPECT_EQ(floor_again.value(HeaderId::kSessionExpires), "1200");
  desk.reply(desk_again, 180);
  core.expect("180");
  floor.reply(floor_again, 200, "", floor_sdp(), "floor");
  (void)caller_is_answered();
  floor.expect("ACK");
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(desk, desk_again);
  caller_hangs_up(floor);
  floor.reply(floor_again, 200, "", floor_sdp(), "floor");  // its 200 again
  expect_clean(1);
  EXPECT_EQ(rig.dropped("late_answer"), 0U) << "it refused, and was asked again";
}

// --- The caller
// -----------------------------------------------------------------------------------

class ForkedOffers : public HeardTest {
 protected:
  ForkedOffers() : HeardTest(config("reliable_provisionals = \"required\"\n")) {}
  void acknowledge(const sip::Message& m, const std::string& body = "") {
    core.learn(d, m);
    core.request(d, "PRACK", "RAck: " + std::string(m.value(HeaderId::kRSeq)) + " 1 INVITE\r\n",
                 body);
    core.expect("200 PRACK");
  }
  // The caller's hold is on its way to the floor phone, and the desk answers the call.
  sip::Message held_while_another_answers() {
    all_called("Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
    cloud_says(180);
    acknowledge(core.expect("180"));
    floor_says(183, floor_sdp(),
               "Require: 100rel\r\nRSeq: 1\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n");
    acknowledge(core.expect("183"));
    floor.reply(floor.expect("PRACK"), 200);
    core.request(
        d, "UPDATE", "Contact: <sip:10.1.0.1:5060>\r\n",
        sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,0 PCMU/8000,101 telephone-event/8000", 2));
    auto update = floor.expect("UPDATE");
    desk_says(200, desk_sdp());
    core.learn(d, core.expect("200 INVITE"));
    core.request(d, "ACK", "", "", 1);
    desk.expect("ACK");
    (void)cancelled(cloud, *at_cloud);
    return update;
  }
  void is_held_by_the_desk() {
    const auto hold = desk.expect("INVITE");
    EXPECT_EQ(direction_of(hold.body()), "sendonly");
    desk.reply(hold, 200, "",
               sdp("10.4.0.1", 45000, "recvonly", "8 PCMA/8000,101 telephone-event/8000", 2),
               "desk");
    EXPECT_EQ(direction_of(core.expect("200 UPDATE").body()), "recvonly");
    desk.expect("ACK");
    caller_hangs_up(desk);
    expect_clean(1);
    EXPECT_THAT(rig.trail_of(0), Not(HasSubstr("no such media leg")));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, ForkedOffers, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ForkedOffers, WhatTheCallerAskedOfOneThatLostIsAskedOfTheOneThatHasTheCall) {
  (void)held_while_another_answers();
  (void)cancelled(floor, *at_floor);
  is_held_by_the_desk();
}

TEST_P(ForkedOffers, ItsLateAnswerIsOfNoConsequence) {
  const auto update = held_while_another_answers();
  floor.reply(update, 200, "Contact: <sip:10.4.0.2:5060>\r\n",
              sdp("10.4.0.2", 45000, "recvonly", "8 PCMA/8000,101 telephone-event/8000", 2),
              "floor");
  (void)cancelled(floor, *at_floor);
  is_held_by_the_desk();
}

TEST_P(ForkedOffers, WithoutAnOfferOfTheCallerTheNextTargetIsHeardToo) {
  d = core.invite("+4989123", "Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, PRACK\r\n",
                  "");
  auto first = d;
  at_cloud = cloud.expect("INVITE");
  at_desk = desk.expect("INVITE");
  at_floor = floor.expect("INVITE");
  desk_says(180);
  acknowledge(core.expect("180"), sdp("10.1.0.1", 40000));
  floor_says(180);
  acknowledge(core.expect("180"));
  desk_says(486);
  desk.expect("ACK");
  floor_says(183, floor_sdp());
  acknowledge(core.expect("183"));
  EXPECT_EQ(floor_is_heard(), 5U);
  cloud_says(180);
  acknowledge(core.expect("180"));
  core.request(first, "CANCEL", "", "", 1);
  core.expect("200 CANCEL");
  (void)failure(core, first, 487);
  (void)cancelled(cloud, *at_cloud);
  (void)cancelled(floor, *at_floor);
  expect_clean(1);
}

class RefusedPickUp : public HeardTest {
 protected:
  RefusedPickUp() : HeardTest(config("early_media_gate = \"last\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RefusedPickUp, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RefusedPickUp, LeavesTheCallerWithWhomItHeard) {
  all_called();
  desk_says(183, desk_sdp());
  core.expect("183");
  floor_says(183, floor_sdp());
  core.expect("183");
  const auto tag = [](std::string_view v) { return std::string(sip::parse_name_addr(v)->tag()); };
  auto taker = desk.invite("+4989123",
                           "Replaces: " + std::string(at_desk->call_id()) + ";to-tag=" +
                               tag(at_desk->value(HeaderId::kFrom)) + ";from-tag=desk\r\n",
                           secure_sdp("10.4.0.1", 45002), "+49897");
  (void)failure(desk, taker, 488);
  EXPECT_EQ(floor_is_heard(), 5U);
  all_end();
}

class FirstAmongThoseLeft : public HeardTest {
 protected:
  FirstAmongThoseLeft() : HeardTest(config("early_media_gate = \"first\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FirstAmongThoseLeft, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FirstAmongThoseLeft, APhoneThatIsRedirectedToBeginsAnew) {
  all_called();
  desk_says(183, desk_sdp());
  core.expect("183");
  floor_says(183, floor_sdp());
  core.expect("183");
  desk_says(302, "", "Contact: <sip:other@10.4.0.1:5060>\r\n");
  at_desk = desk.expect("INVITE");
  desk_says(183, desk_sdp());
  core.expect("183");
  EXPECT_EQ(floor_is_heard(), 5U) << "it sent its SDP before the new one";
  all_end();
}

}  // namespace
}  // namespace causeway::scenario
