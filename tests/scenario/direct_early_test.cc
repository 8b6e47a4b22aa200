// Before the answer, where media goes past us: what the caller is shown of phones that ring, and
// how it is brought to the one that answered.
#include "scenario/local_media.h"

namespace causeway::scenario {
namespace {

class EarlyDirectTest : public DirectMediaTest {};
INSTANTIATE_TEST_SUITE_P(Modes, EarlyDirectTest, ::testing::ValuesIn(all_modes()), mode_name);

// Early media goes past us as the answer does.
TEST_P(EarlyDirectTest, WhatTheGatewaySaysBeforeTheAnswerCrosses) {
  PROVES("LMO-02");
  PeerDialog d = cloud.invite("+4930111", kByBranch, offer(), "+4989123");
  const auto invite = core.expect("INVITE");
  core.reply(invite, 183, "", sdp("10.1.0.1", 40000));
  expect_same_but_origin(std::string(cloud.expect("183").body()), sdp("10.1.0.1", 40000));
  core.reply(invite, 200, "", sdp("10.1.0.1", 40002));
  const auto ok = cloud.expect("200 INVITE");
  expect_same_but_origin(std::string(ok.body()), sdp("10.1.0.1", 40002));
  cloud.learn(d, ok);
  core.expect("ACK");
  keep_trails();
  cloud.ack(d);
  // RFC 3261 13.2.1: it may have held to the first.
  const auto again = cloud.expect("INVITE");
  expect_same_but_origin(std::string(again.body()), sdp("10.1.0.1", 40002));
  cloud.reply(again, 200, "", offer());
  cloud.expect("ACK");
  rig.run(Seconds(1));
  EXPECT_EQ(core.count("INVITE"), 1U) << "it has said nothing new";
  EXPECT_EQ(rig.media_legs(), 0U);
  cloud.request(d, "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
  EXPECT_NE(rig.trail_of_all().find("another SDP than the first"), std::string::npos);
}

// Forks of a call whose media goes past us.
TEST_P(EarlyDirectTest, TheCallerIsBroughtToThePhoneThatAnswered) {
  PROVES("LMO-02");
  for (const bool last : {true, false}) {  // of two that rang the last one answers, or the first
    PeerDialog d = cloud.invite("+4930111", kByBranch, offer(), "+4989123");
    const auto invite = core.expect("INVITE");
    core.reply(invite, 183, "", sdp("10.1.0.1", 40000), "a");
    cloud.expect("183");
    core.reply(invite, 183, "", sdp("10.1.0.1", 40010), "b");
    cloud.expect("183");
    core.reply(invite, 200, "", "", last ? "b" : "a");
    const auto ok = cloud.expect("200 INVITE");
    const std::string won = sdp("10.1.0.1", last ? 40010 : 40000);
    expect_same_but_origin(std::string(ok.body()), won);
    cloud.learn(d, ok);
    core.expect("ACK");
    cloud.ack(d);
    rig.run(Millis(100));
    EXPECT_EQ(cloud.has("INVITE"), last) << "what it was shown first is what it has";
    if (last) {
      const auto again = cloud.expect("INVITE");
      expect_same_but_origin(std::string(again.body()), won);
      cloud.reply(again, 200, "", offer());
      cloud.expect("ACK");
    }
    rig.run(Seconds(1));
    cloud.request(d, "BYE");
    cloud.expect("200 BYE");
    core.reply(core.expect("BYE"), 200);
    rig.run(Seconds(1));
  }
  expect_clean(2);
}

// ... of a caller that was told reliably, and of one that will not hear of it.
class ReliableDirectTest : public DirectMediaTest {
 protected:
  static std::string config() {
    std::string text = local_media_config();
    const std::string at = "[profile.local_media]\n";
    text.insert(text.find(at), "reliable_provisionals = \"supported\"\n");
    return text;
  }
  ReliableDirectTest() : DirectMediaTest(config()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ReliableDirectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ReliableDirectTest, TheOneAnswerIsCorrectedAfterTheCallIsUp) {
  PeerDialog d = cloud.invite("+4930111", kByBranch + "Require: 100rel\r\n", offer(), "+4989123");
  const auto invite = core.expect("INVITE");
  core.reply(invite, 183, "", sdp("10.1.0.1", 40000), "a");
  const auto early = cloud.expect("183");
  expect_same_but_origin(std::string(early.body()), sdp("10.1.0.1", 40000));
  cloud.learn(d, early);
  cloud.request(d, "PRACK", "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
  cloud.expect("200 PRACK");
  core.reply(invite, 200, "", sdp("10.1.0.1", 40010), "b");
  EXPECT_TRUE(cloud.expect("200 INVITE").body().empty());
  core.expect("ACK");
  cloud.request(d, "ACK", "", "", 1);
  const auto again = cloud.expect("INVITE");
  expect_same_but_origin(std::string(again.body()), sdp("10.1.0.1", 40010));
  cloud.reply(again, 488);
  cloud.expect("ACK");
  rig.run(Seconds(10));
  EXPECT_EQ(cloud.count("INVITE"), 1U) << "it is not asked without end";
  cloud.request(d, "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

// ... and of one that takes UPDATE: it follows the phone that is heard while they ring, and is
// brought back to the one that answered.
class UpdatedDirectTest : public DirectMediaTest {
 protected:
  static std::string config() {
    const std::string reliable = "reliable_provisionals = \"supported\"\n";
    std::string text = local_media_config({.core_profile = "branch"});
    const std::string sdes = "[profile.sdp]\nsecurity = \"sdes\"\n";
    text.replace(text.find(sdes), sdes.size(), reliable);
    return text.insert(text.find("[profile.local_media]\n"), reliable);
  }
  UpdatedDirectTest() : DirectMediaTest(config()) {}
  // The caller has acknowledged what "a" said, and is told by UPDATE that "b" is heard.
  sip::Message rings() {
    d = cloud.invite("+4930111", kByBranch + "Require: 100rel\r\nAllow: INVITE, ACK, UPDATE\r\n",
                     offer(), "+4989123");
    invite.emplace(core.expect("INVITE"));
    for (const char* tag : {"a", "b"}) {
      core.reply(*invite, 183, "Require: 100rel\r\nRSeq: 1\r\n", *tag == 'a' ? at_a : at_b, tag);
      core.reply(core.expect("PRACK"), 200);
      const auto early = cloud.expect("183");
      cloud.learn(d, early);
      EXPECT_EQ(early.body().empty(), *tag == 'b') << "one answer";
      cloud.request(d, "PRACK",
                    "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n");
      cloud.expect("200 PRACK");
    }
    auto update = cloud.expect("UPDATE");
    expect_same_but_origin(std::string(update.body()), at_b);
    return update;
  }
  void refuses(const sip::Message& update) {
    cloud.reply(update, 488);
    rig.run(Millis(100));
  }
  void picks_up(const std::string& tag) {
    core.reply(*invite, 200, "", tag == "a" ? at_a : at_b, tag);
    EXPECT_TRUE(cloud.expect("200 INVITE").body().empty()) << "it has its answer";
    core.expect("ACK");
    keep_trails();
    cloud.request(d, "ACK", "", "", 1);
  }
  // A re-INVITE brings it there, and all is said.
  void is_brought_to(const std::string& where, int status = 200) {
    const auto again = cloud.expect("INVITE");
    expect_same_but_origin(std::string(again.body()), where);
    cloud.reply(again, status, "", status == 200 ? offer() : "");
    cloud.expect("ACK");
    ends(1);
  }
  void ends(std::size_t asked) {
    rig.run(Seconds(10));
    EXPECT_EQ(cloud.count("INVITE"), asked) << "it is not asked without end";
    EXPECT_EQ(core.count("INVITE"), 1U) << "it has what the caller said";
    cloud.request(d, "BYE");
    cloud.expect("200 BYE");
    core.reply(core.expect("BYE"), 200);
    expect_clean(1);
    EXPECT_EQ(rig.records[0].termination, "completed");
  }
  const std::string at_a = sdp("10.1.0.1", 40000), at_b = sdp("10.1.0.1", 40010);
  PeerDialog d;
  std::optional<sip::Message> invite;
};
INSTANTIATE_TEST_SUITE_P(Modes, UpdatedDirectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(UpdatedDirectTest, ThePhoneThatItWasToldOfLastNeedsNoOtherOffer) {
  cloud.reply(rings(), 200, "", offer());
  picks_up("b");
  ends(0);
}

TEST_P(UpdatedDirectTest, ThePhoneThatAnswersIsOfferedAnew) {
  PROVES("LMO-02");
  cloud.reply(rings(), 200, "", offer());
  picks_up("a");
  is_brought_to(at_a);
}

TEST_P(UpdatedDirectTest, AnUpdateThatIsUnansweredWhenTheCallIsUpDoesNotStandInTheWay) {
  const auto update = rings();
  picks_up("a");
  cloud.reply(update, 200, "", offer());
  is_brought_to(at_a);
}

// What it would not hear of while it rang is what it has to hear now.
TEST_P(UpdatedDirectTest, OneThatRefusedTheUpdateIsAskedOnceMoreWhenThatPhoneAnswers) {
  PROVES("LMO-02");
  refuses(rings());
  picks_up("b");
  is_brought_to(at_b);
  EXPECT_NE(rig.trail_of_all().find("the caller is offered it once more"), std::string::npos);
}

TEST_P(UpdatedDirectTest, OneWhoseRefusalIsOvertakenByTheAnswerIsAskedOnceMore) {
  PROVES("LMO-02");
  const auto update = rings();
  picks_up("b");
  refuses(update);
  is_brought_to(at_b);
}

TEST_P(UpdatedDirectTest, OneThatRefusesThatTooIsLeftAsItIs) {
  refuses(rings());
  picks_up("b");
  is_brought_to(at_b, 488);
}

TEST_P(UpdatedDirectTest, OneThatRefusedTheUpdateKeepsThePhoneThatItKnows) {
  refuses(rings());
  picks_up("a");
  ends(0);
}

// A gateway whose early media P-Early-Media keeps closed: the user's side sees no SDP of it before.
class GatedDirectTest : public DirectMediaTest {
 protected:
  static std::string config() {
    std::string text = local_media_config({.core_profile = "branch"});
    const std::string sdes = "[profile.sdp]\nsecurity = \"sdes\"\n";
    return text.replace(text.find(sdes), sdes.size(), "early_media_header = \"supported\"\n");
  }
  GatedDirectTest() : DirectMediaTest(config()) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, GatedDirectTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(GatedDirectTest, WhatIsAuthorisedLaterIsShownThen) {
  PeerDialog d = cloud.invite("+4930111", kByBranch, offer(), "+4989123");
  const auto invite = core.expect("INVITE");
  core.reply(invite, 183, "P-Early-Media: inactive\r\n", sdp("10.1.0.1", 40000));
  EXPECT_TRUE(cloud.expect("183").body().empty());
  auto there = core.answered(invite);
  core.request(there, "UPDATE", "P-Early-Media: sendonly\r\n");
  core.expect("200 UPDATE");
  expect_same_but_origin(std::string(cloud.expect("183").body()), sdp("10.1.0.1", 40000));
  core.request(there, "UPDATE", "P-Early-Media: inactive\r\n");
  core.expect("200 UPDATE");
  rig.run(Seconds(1));
  EXPECT_FALSE(cloud.has("183 INVITE")) << "what was shown is not taken back";
  core.reply(invite, 200, "", sdp("10.1.0.1", 40000));
  const auto ok = cloud.expect("200 INVITE");
  cloud.learn(d, ok);
  core.expect("ACK");
  cloud.ack(d);
  rig.run(Millis(100));
  EXPECT_FALSE(cloud.has("INVITE"));
  EXPECT_EQ(rig.media_legs(), 0U);
  cloud.request(d, "BYE");
  cloud.expect("200 BYE");
  core.reply(core.expect("BYE"), 200);
  expect_clean(1);
}

// Of two phones the closed one's SDP does not reach the caller by the open one's word.
TEST_P(GatedDirectTest, OfTwoPhonesTheOneThatMayIsShown) {
  PeerDialog d = cloud.invite("+4930111", kByBranch, offer(), "+4989123");
  const auto invite = core.expect("INVITE");
  core.reply(invite, 183, "P-Early-Media: inactive\r\n", sdp("10.1.0.1", 40000), "a");
  EXPECT_TRUE(cloud.expect("183").body().empty());
  core.reply(invite, 183, "P-Early-Media: sendonly\r\n", sdp("10.1.0.1", 40010), "b");
  expect_same_but_origin(std::string(cloud.expect("183").body()), sdp("10.1.0.1", 40010));
  core.reply(invite, 183, "P-Early-Media: inactive\r\n", sdp("10.1.0.1", 40000), "a");
  expect_same_but_origin(std::string(cloud.expect("183").body()), sdp("10.1.0.1", 40010));
  cloud.request(d, "CANCEL", "", "", 1);
  core.reply(core.expect("CANCEL"), 200);
  core.reply(invite, 487);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
