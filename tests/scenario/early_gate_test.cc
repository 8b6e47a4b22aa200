// Which of several phones that ring a caller hears (profile.early_media_gate), and what becomes of
// one that says that it will not answer (199, RFC 6228).
#include <gmock/gmock.h>

#include "scenario/forks.h"

namespace causeway::scenario {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string tag_of(const sip::Message& m) {
  return std::string(sip::parse_name_addr(m.value(HeaderId::kTo))->tag());
}

class GateTest : public ForkMediaTest {
 protected:
  static std::string config(const std::string& core_profile, const std::string& service = "") {
    ConfigOptions o = options();
    o.top = "[[profile]]\nname = \"core-gate\"\nextends = \"operator\"\n" + core_profile;
    o.core_profile = "core-gate";
    o.service = service;
    return make_config(o);
  }
  explicit GateTest(const std::string& config) : ForkMediaTest(config) {}
  Endpoint shown(const Phone& p, const std::string& tag) {
    ring(p, tag);
    return media_of(core.expect("183").body());
  }
  // Both at once, packet by packet.
  void speak_together(Phone& one, Phone& other, int packets = 10) {
    for (int i = 0; i < packets; ++i) speak(one, 1), speak(other, 1);
  }
  Phone a = phone('A', 50000, 0x11), b = phone('B', 50020, 0x22), c = phone('C', 50040, 0x33);
};

class FirstGate : public GateTest {
 protected:
  FirstGate() : GateTest(config("early_media_gate = \"first\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, FirstGate, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(FirstGate, TheFirstThatSentAnSdpIsHeardAndNoOther) {
  PROVES("TDR-72", "TDR-73");
  ring(c, "c", 180);
  core.expect("180");
  const Endpoint gateway = shown(a, "a");
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  EXPECT_EQ(shown(b, "b"), gateway);
  speak_together(a, b);
  EXPECT_EQ(heard(), (Fills{{0x11, 10}}));
  ring(b, "b");
  core.expect("183");
  rig.run(Seconds(2));
  speak(b);
  EXPECT_EQ(heard(), Fills{}) << "however long the first is silent";
  EXPECT_EQ(told_at(50020, gateway), 0);
  EXPECT_EQ(told_at(50000, gateway), 5);
  (void)picks_up(b, "b");
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}})) << "the one that answers";
  hangs_up();
}

class ActiveGate : public GateTest {
 protected:
  ActiveGate() : GateTest(config("early_media_gate = \"active\"\n")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, ActiveGate, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(ActiveGate, WhoSpeaksIsHeardUntilItFallsSilent) {
  const Endpoint gateway = shown(a, "a");
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  (void)shown(b, "b");
  speak_together(a, b);
  EXPECT_EQ(heard(), (Fills{{0x11, 10}})) << "an SDP alone changes nothing";
  EXPECT_EQ(told_at(50000, gateway), 5);
  EXPECT_EQ(told_at(50020, gateway), 0);
  rig.run(Seconds(6));  // what was heard for so long is not taken for settled
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  speak_together(a, b);
  EXPECT_EQ(heard(), (Fills{{0x22, 10}})) << "and stays, though the other one speaks again";
  EXPECT_EQ(told_at(50020, gateway), 5) << "the caller's words go where it hears from";
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("another phone is heard now"));
  EXPECT_EQ(told_at(50000, gateway), 0);
  rig.run(Seconds(2));
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}})) << "under the keys that there were";
  EXPECT_EQ(told_at(50000, gateway), 5);
  gives_up();
}

TEST_P(ActiveGate, OneThatNeverSpokeGivesWayToTheOneThatDoes) {
  const Endpoint gateway = shown(a, "a");
  (void)shown(b, "b");
  rig.run(Seconds(1));
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  EXPECT_EQ(told_at(50000, gateway), 5);
  (void)picks_up(b, "b");
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  hangs_up();
}

// --- 199 -----------------------------------------------------------------------------------------

class EndedForkTest : public GateTest {
 protected:
  explicit EndedForkTest(const std::string& core_profile = "",
                         const std::string& service = "supported = [\"199\"]\n")
      : GateTest(config(core_profile, service)) {}
  void ends(const std::string& tag, const std::string& headers = "") {
    cloud.reply(inv, 199, "Reason: SIP;cause=486, Q.850;cause=17\r\n" + headers, "", tag);
    rig.run(Millis(50));
    EXPECT_EQ(core.count("199 INVITE"), 0U) << "it would end the one dialog that the caller has";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EndedForkTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EndedForkTest, AnotherThatRingsIsHeardAtOnce) {
  PROVES("TDR-72");
  EXPECT_THAT(std::string(inv.value(HeaderId::kSupported)), HasSubstr("199"));
  const Endpoint gateway = shown(a, "a");
  (void)shown(b, "b");
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  ends("b");
  speak_together(a, b);
  EXPECT_EQ(heard(), (Fills{{0x11, 10}}))
      << "without a second of silence, and nothing of the other";
  EXPECT_EQ(told_at(50000, gateway), 5);
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("a phone will not answer (199, Q.850 cause 17)"));
  ring(b, "b");  // late, and of a dialog that is over
  rig.run(Millis(50));
  speak(b);
  EXPECT_EQ(heard(), Fills{});
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("that phone said that it will not answer"));
  (void)picks_up(a, "a");
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  hangs_up();
}

TEST_P(EndedForkTest, OneThatIsNotHeardEndsWithoutAWord) {
  (void)shown(a, "a");
  (void)shown(b, "b");
  const auto before = core.received.size();
  ends("a");
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  rig.run(Seconds(2));
  speak(a);
  EXPECT_EQ(heard(), Fills{}) << "its key is not known any more";
  EXPECT_EQ(core.received.size(), before);
  gives_up();
}

TEST_P(EndedForkTest, WhatEndsNothingIsPassedOver) {
  const Endpoint gateway = shown(a, "a");
  ends("");
  ends("stranger");
  ends("a");
  ends("a");
  ends("a");
  const std::string trail = rig.trail_of_all();
  EXPECT_THAT(trail, HasSubstr("199 of a phone that never rang"));
  EXPECT_EQ(trail.find("a phone will not answer"), trail.rfind("a phone will not answer"))
      << "once: " << trail;
  speak(a);
  EXPECT_EQ(heard(), Fills{});
  EXPECT_EQ(told_at(50000, gateway), 0) << "nothing is sent there";
  for (int i = 0; i < 40; ++i) {  // as many as the far side likes
    ring(b, "f" + std::to_string(i));
    core.expect("183");
    ends("f" + std::to_string(i));
  }
  (void)shown(c, "c");
  speak(c);
  EXPECT_EQ(heard(), (Fills{{0x33, 5}}));
  gives_up();
}

// It ought not to, but it is the answer of the call all the same.
TEST_P(EndedForkTest, OneThatAnswersAfterItsEndIsUp) {
  const Endpoint gateway = shown(a, "a");
  ends("a");
  const auto ok = picks_up(a, "a", false);  // what it said in its 183 holds
  EXPECT_EQ(media_of(ok.body()), gateway);
  speak(a);
  EXPECT_EQ(heard(), (Fills{{0x11, 5}}));
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("answered by a phone that had said it would not"));
  hangs_up();
}

TEST_P(EndedForkTest, RequestsOfADialogThatIsOverAreRefused) {
  (void)shown(a, "a");
  (void)shown(b, "b");
  ends("a");
  auto over = cloud.answered(inv, "a");
  cloud.request(over, "OPTIONS");
  cloud.expect("481 OPTIONS");
  gives_up();
}

class EndedRings : public EndedForkTest {
 protected:
  EndedRings() : EndedForkTest("ringback = \"GB\"\n") {}
  std::size_t ringing() {
    core.rtp.clear();
    last_.reset();
    rig.run(Seconds(1));
    const auto n = core.rtp.size();
    core.rtp.clear();
    return n;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EndedRings, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(EndedRings, WhereNobodyIsLeftTheCallerHearsRingingAgain) {
  PROVES("TDR-74");
  (void)shown(a, "a");
  EXPECT_GE(ringing(), 40U);
  speak(a);
  core.rtp.clear();
  EXPECT_LE(ringing(), 5U) << "it was heard";
  ends("a");
  EXPECT_GE(ringing(), 40U);
  (void)shown(b, "b");
  speak(b);
  core.rtp.clear();
  last_.reset();
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  (void)picks_up(b, "b");
  hangs_up();
}

class EndedReliably : public EndedForkTest {
 protected:
  EndedReliably()
      : EndedForkTest("", "supported = [\"199\"]\nreliable_provisionals = \"supported\"\n") {}
  static std::string rel(int rseq) {
    return "Require: 100rel\r\nRSeq: " + std::to_string(rseq) + "\r\n";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, EndedReliably, ::testing::ValuesIn(all_modes()), mode_name);

// RFC 6228 5: acknowledged like every other one, in the dialog that it ends.
TEST_P(EndedReliably, AReliable199IsAcknowledged) {
  ring(a, "a", 183, rel(7));
  cloud.reply(cloud.expect("PRACK"), 200);
  core.expect("183");
  ring(b, "b", 183, rel(70));
  cloud.reply(cloud.expect("PRACK"), 200);
  core.expect("183");
  ends("a", rel(9));  // 8 is missing
  EXPECT_EQ(cloud.count("PRACK"), 2U);
  EXPECT_THAT(rig.trail_of_all(), Not(HasSubstr("a phone will not answer")));
  ends("a", rel(8));
  auto prack = cloud.expect("PRACK");
  EXPECT_EQ(tag_of(prack), "a");
  EXPECT_EQ(prack.value(HeaderId::kRAck), "8 1 INVITE");
  EXPECT_THAT(std::string(prack.request_uri()), HasSubstr("sip:a@"));
  cloud.reply(prack, 200);
  EXPECT_THAT(rig.trail_of_all(), HasSubstr("a phone will not answer"));
  speak(b);
  EXPECT_EQ(heard(), (Fills{{0x22, 5}}));
  gives_up();
}

}  // namespace
}  // namespace causeway::scenario
