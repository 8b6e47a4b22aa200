#include "call/early_dialogs.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

using Found = EarlyDialogs::Found;

LegState invited() {
  LegState s;
  s.dialog.call_id = "c";
  s.dialog.local_tag = "us";
  s.dialog.local_cseq = 1;
  s.dialog.remote_target = "sip:dialled";
  s.offer_answer.state = sdp::OfferState::kLocalOffer;
  s.offer_answer.last_local = "offer";
  return s;
}

void answer(LegState& s, const std::string& what) {
  s.dialog.remote_target = "sip:" + what;
  s.dialog.routes = {what};
  s.dialog.local_cseq += 3;
  s.offer_answer.last_remote = what;
  s.heard = sdp::MediaWish{};
  s.attributes = {what};
}

TEST(EarlyDialogs, EachKeepsItsOwnAndANewOneBeginsAsTheInviteLeft) {
  EarlyDialogs e;
  LegState s = invited();
  EXPECT_EQ(e.select(s, "a"), Found::kNew);
  answer(s, "a");
  EXPECT_EQ(sip::received(e.received, 9), sip::RSeqOrder::kNext);
  EXPECT_EQ(e.select(s, "b"), Found::kNew);
  LegState fresh = invited();
  fresh.dialog.remote_tag = "b";
  EXPECT_EQ(s, fresh);
  EXPECT_EQ(e.received.last, 0U);
  answer(s, "b");
  EXPECT_EQ(e.select(s, "a"), Found::kKnown);
  LegState a = invited();
  a.dialog.remote_tag = "a";
  answer(a, "a");
  EXPECT_EQ(s, a);
  EXPECT_EQ(e.received.last, 9U);
  EXPECT_EQ(e.select(s, "a"), Found::kCurrent);
  EXPECT_FALSE(e.select_known(s, "z"));
}

TEST(EarlyDialogs, TheAnswerLeavesOne) {
  for (const std::string tag : {"a", "b", "z"}) {
    EarlyDialogs e;
    LegState s = invited();
    for (const std::string t : {"a", "b"}) {
      (void)e.select(s, t);
      answer(s, t);
    }
    e.promote(s, tag);
    LegState want = invited();
    if (tag != "z") {
      want.dialog.remote_tag = tag;
      answer(want, tag);
    }
    EXPECT_EQ(s, want) << tag;
    EXPECT_EQ(e.waiting(), 0U);
  }
  EarlyDialogs none;
  LegState s = invited();
  none.promote(s, "a");
  EXPECT_EQ(s, invited());
}

TEST(EarlyDialogs, AreBounded) {
  EarlyDialogs e;
  LegState s = invited();
  for (std::size_t i = 0; i < EarlyDialogs::kMax; ++i)
    EXPECT_EQ(e.select(s, "t" + std::to_string(i)), Found::kNew);
  const LegState before = s;
  EXPECT_EQ(e.select(s, "one more"), Found::kNoRoom);
  EXPECT_EQ(s, before);
  EXPECT_EQ(e.end(s, "t0"), EarlyDialogs::Ended::kOther);
  EXPECT_EQ(e.select(s, "one more"), Found::kNew);
}

TEST(EarlyDialogs, OneThatIsGoneLeavesItsPlaceToAnother) {
  EarlyDialogs e;
  LegState s;
  (void)e.select(s, "a");
  (void)e.select(s, "b");
  EXPECT_TRUE(e.drop_current(s));
  EXPECT_EQ(s.dialog.remote_tag, "a");
  EXPECT_FALSE(e.drop_current(s)) << "nobody else rings";
  EXPECT_FALSE(e.select_known(s, "b"));
}

TEST(EarlyDialogs, OneThatSaysThatItWillNotAnswerIsKeptForItsAnswerAlone) {
  EarlyDialogs e;
  LegState s = invited();
  EXPECT_EQ(e.end(s, "a"), EarlyDialogs::Ended::kUnknown);
  (void)e.select(s, "a");
  answer(s, "a");
  const LegState said = s;
  (void)e.select(s, "b");
  EXPECT_EQ(e.end(s, ""), EarlyDialogs::Ended::kUnknown);
  EXPECT_EQ(e.end(s, "b"), EarlyDialogs::Ended::kCurrent);
  EXPECT_EQ(s, said) << "the other one takes its place";
  EXPECT_EQ(e.end(s, "b"), EarlyDialogs::Ended::kUnknown) << "once";
  EXPECT_EQ(e.select(s, "b"), Found::kGone);
  EXPECT_FALSE(e.select_known(s, "b"));
  EXPECT_EQ(e.end(s, "a"), EarlyDialogs::Ended::kCurrent);
  EXPECT_EQ(s, invited()) << "as the INVITE left";
  EXPECT_FALSE(e.drop_current(s));
  EXPECT_EQ(e.waiting(), 0U);
  EXPECT_EQ(e.select(s, "c"), Found::kNew);
  EXPECT_TRUE(e.has_ended("a"));
  for (int i = 0; i < 100; ++i) {
    (void)e.select(s, "n" + std::to_string(i));
    EXPECT_EQ(e.end(s, "n" + std::to_string(i)), EarlyDialogs::Ended::kCurrent);
  }
  EXPECT_FALSE(e.has_ended("a")) << "those that have ended make room";
  e.promote(s, "n99");
  EXPECT_EQ(s.dialog.remote_tag, "n99");
}

TEST(EarlyDialogs, TheGateChoosesAmongThoseThatSentAnSdpAndMayBeHeard) {
  using Gate = deployment::EarlyMediaGate;
  EarlyDialogs e;
  LegState s = invited();
  (void)e.select(s, "silent");
  EXPECT_EQ(e.preferred(s, Gate::kLast, ""), "");
  for (const std::string t : {"a", "b", "c"}) (void)e.select(s, t), e.spoke();
  (void)e.select(s, "silent");
  EXPECT_EQ(e.preferred(s, Gate::kFirst, ""), "a");
  EXPECT_EQ(e.preferred(s, Gate::kLast, "a"), "c") << "who speaks does not matter there";
  EXPECT_EQ(e.preferred(s, Gate::kActive, ""), "c");
  EXPECT_EQ(e.preferred(s, Gate::kActive, "b"), "b");
  EXPECT_EQ(e.preferred(s, Gate::kActive, "silent"), "c") << "it has nowhere to send from";
  (void)e.select(s, "a");
  e.spoke();
  EXPECT_EQ(e.preferred(s, Gate::kFirst, ""), "a");
  EXPECT_EQ(e.preferred(s, Gate::kLast, ""), "a");
  EXPECT_TRUE(e.authorise(s, "a", false, true));
  EXPECT_FALSE(e.authorise(s, "a", false, true)) << "nothing new";
  EXPECT_FALSE(e.authorise(s, "nobody", false, false));
  EXPECT_EQ(e.preferred(s, Gate::kFirst, ""), "b");
  EXPECT_EQ(e.preferred(s, Gate::kLast, ""), "c");
  EXPECT_EQ(e.preferred(s, Gate::kActive, "a"), "c");
  EXPECT_TRUE(e.authorise(s, "b", false, false));
  EXPECT_TRUE(e.authorise(s, "c", false, false));
  EXPECT_EQ(e.preferred(s, Gate::kFirst, ""), "a") << "nobody may: as if all might";
  EXPECT_EQ(e.end(s, "a"), EarlyDialogs::Ended::kCurrent);
  EXPECT_EQ(e.preferred(s, Gate::kFirst, ""), "b");
}

}  // namespace
}  // namespace causeway::call
