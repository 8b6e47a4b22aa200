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
  e.forget("t0");
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

}  // namespace
}  // namespace causeway::call
