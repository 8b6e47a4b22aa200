// The patterns of RFC 6337, row by row, seen from either side, and what breaks into them.
#include "sdp/exchange.h"

#include <gtest/gtest.h>

#include <vector>

namespace causeway::sdp {
namespace {

using enum Carrier;
using enum SdpMeaning;

// `asker` sends the INVITE and what a client sends; the other side what a server answers.
struct Step {
  bool asker;
  Carrier carrier;
  bool sdp;
  SdpMeaning meaning;
};
struct Row {
  const char* what;
  std::vector<Step> steps;
};

Side side_of(bool asker, Side inviter) {
  return asker == (inviter == Side::kUs) ? Side::kUs : Side::kPeer;
}

const Row kPatterns[] = {
    {"1: INVITE, 2xx",
     {{true, kInvite, true, kOffer},
      {false, kSuccess, true, kAnswer},
      {true, kAck, false, kNothing}}},
    {"2: 2xx, ACK",
     {{true, kInvite, false, kNothing},
      {false, kSuccess, true, kOffer},
      {true, kAck, true, kAnswer}}},
    {"3: INVITE, reliable 18x, and no more SDP in the 2xx",
     {{true, kInvite, true, kOffer},
      {false, kReliable, true, kAnswer},
      {true, kPrack, false, kNothing},
      {false, kPrackSuccess, false, kNothing},
      {false, kSuccess, false, kNothing},
      {true, kAck, false, kNothing}}},
    {"4: reliable 18x, PRACK",
     {{true, kInvite, false, kNothing},
      {false, kReliable, true, kOffer},
      {true, kPrack, true, kAnswer},
      {false, kPrackSuccess, false, kNothing},
      {false, kSuccess, false, kNothing}}},
    {"5: PRACK, its 2xx",
     {{true, kInvite, true, kOffer},
      {false, kReliable, true, kAnswer},
      {true, kPrack, true, kOffer},
      {false, kPrackSuccess, true, kAnswer},
      {false, kSuccess, false, kNothing}}},
    {"6: UPDATE of the client, early",
     {{true, kInvite, true, kOffer},
      {false, kReliable, true, kAnswer},
      {true, kUpdate, true, kOffer},
      {false, kUpdateSuccess, true, kAnswer},
      {false, kSuccess, false, kNothing}}},
    {"6: UPDATE of the server, early",
     {{true, kInvite, true, kOffer},
      {false, kReliable, true, kAnswer},
      {false, kUpdate, true, kOffer},
      {true, kUpdateSuccess, true, kAnswer}}},
    {"UPDATE in a confirmed dialog",
     {{true, kInvite, true, kOffer},
      {false, kSuccess, true, kAnswer},
      {false, kUpdate, true, kOffer},
      {true, kUpdateSuccess, true, kAnswer}}},
    {"UPDATE without SDP between offer and answer",
     {{true, kInvite, true, kOffer},
      {true, kUpdate, false, kNothing},
      {false, kUpdateSuccess, false, kNothing},
      {false, kSuccess, true, kAnswer}}},
    {"previews leave the offer open",
     {{true, kInvite, true, kOffer},
      {false, kProvisional, true, kPreview},
      {false, kProvisional, true, kPreview},
      {false, kSuccess, true, kAnswer}}},
    {"reliable 18x without SDP",
     {{true, kInvite, true, kOffer},
      {false, kReliable, false, kNothing},
      {true, kPrack, false, kNothing},
      {false, kPrackSuccess, false, kNothing},
      {false, kSuccess, true, kAnswer}}},
    {"what was agreed comes again",
     {{true, kInvite, true, kOffer},
      {false, kReliable, true, kAnswer},
      {false, kReliable, true, kRepetition},
      {false, kProvisional, true, kRepetition},
      {false, kSuccess, true, kRepetition}}},
    {"an unreliable 18x cannot offer",
     {{true, kInvite, false, kNothing},
      {false, kProvisional, true, kWrong},
      {false, kSuccess, true, kOffer},
      {true, kAck, true, kAnswer}}},
    {"the first reliable 18x must offer",
     {{true, kInvite, false, kNothing}, {false, kReliable, false, kMissing}}},
    {"a 2xx must answer", {{true, kInvite, true, kOffer}, {false, kSuccess, false, kMissing}}},
    {"a 2xx must offer", {{true, kInvite, false, kNothing}, {false, kSuccess, false, kMissing}}},
    {"an ACK must answer",
     {{true, kInvite, false, kNothing},
      {false, kSuccess, true, kOffer},
      {true, kAck, false, kMissing}}},
    {"a PRACK must answer",
     {{true, kInvite, false, kNothing},
      {false, kReliable, true, kOffer},
      {true, kPrack, false, kMissing}}},
    {"the 2xx of an UPDATE must answer",
     {{true, kInvite, true, kOffer},
      {false, kSuccess, true, kAnswer},
      {true, kUpdate, true, kOffer},
      {false, kUpdateSuccess, false, kMissing}}},
    {"an ACK with SDP that nobody asked for",
     {{true, kInvite, true, kOffer},
      {false, kSuccess, true, kAnswer},
      {true, kAck, true, kRepetition}}},
    {"re-INVITE",
     {{true, kInvite, true, kOffer},
      {false, kSuccess, true, kAnswer},
      {false, kInvite, true, kOffer},
      {true, kSuccess, true, kAnswer}}},
};

TEST(Exchange, EveryPatternFromBothSides) {
  for (const Side inviter : {Side::kUs, Side::kPeer}) {
    for (const Row& row : kPatterns) {
      SCOPED_TRACE(row.what);
      Exchange x;
      for (std::size_t i = 0; i < row.steps.size(); ++i) {
        const Step& s = row.steps[i];
        EXPECT_EQ(step(x, {side_of(s.asker, inviter), s.carrier, s.sdp}).meaning, s.meaning)
            << "step " << i;
      }
    }
  }
}

// Where an offer of the peer arrives while another one is open.
TEST(Exchange, OffersThatCross) {
  struct Glare {
    const char* what;
    std::vector<SdpEvent> before;
    Carrier crossing;
    int status;
  };
  const SdpEvent ours{Side::kUs, kInvite, true}, theirs{Side::kPeer, kInvite, true};
  const std::vector<SdpEvent> up{ours, {Side::kPeer, kSuccess, true}};
  const auto then = [&](SdpEvent e) {
    auto v = up;
    v.push_back(e);
    return v;
  };
  const Glare rows[] = {
      {"re-INVITE against ours", then(ours), kInvite, 491},
      {"UPDATE against our re-INVITE", then(ours), kUpdate, 491},
      {"UPDATE against ours", then({Side::kUs, kUpdate, true}), kUpdate, 491},
      {"re-INVITE against our UPDATE", then({Side::kUs, kUpdate, true}), kInvite, 491},
      {"UPDATE before their INVITE is answered", {theirs}, kUpdate, 500},
      {"UPDATE before their UPDATE is answered", then({Side::kPeer, kUpdate, true}), kUpdate, 500},
      {"re-INVITE before their UPDATE is answered", then({Side::kPeer, kUpdate, true}), kInvite,
       500},
      {"PRACK before their INVITE is answered",
       {theirs, {Side::kUs, kReliable, false}},
       kPrack,
       488},
      {"UPDATE before the offer that we owe", {{Side::kPeer, kInvite, false}}, kUpdate, 500},
      {"UPDATE before their ACK has answered our 2xx",
       {{Side::kPeer, kInvite, false}, {Side::kUs, kSuccess, true}},
       kUpdate,
       491},
  };
  for (const Glare& g : rows) {
    SCOPED_TRACE(g.what);
    Exchange x;
    for (const auto& e : g.before) (void)step(x, e);
    const Exchange before = x;
    EXPECT_EQ(step(x, {Side::kPeer, g.crossing, true}), (SdpOutcome{kRefused, g.status}));
    EXPECT_EQ(x, before) << "nothing moves";
    EXPECT_EQ(judge(x, {Side::kUs, g.crossing, true}).meaning, kWrong) << "nor may we";
  }
}

TEST(Exchange, WhatFailsLeadsBackToWhatWasAgreed) {
  for (const bool agreed : {false, true}) {
    struct Fail {
      std::vector<SdpEvent> before;
      SdpEvent failure;
      SdpMeaning meaning;
    };
    const Fail rows[] = {
        {{{Side::kUs, kInvite, true}}, {Side::kPeer, kInviteFailure}, kRolledBack},
        {{{Side::kPeer, kInvite, true}}, {Side::kUs, kInviteFailure}, kRolledBack},
        {{{Side::kPeer, kInvite, false}, {Side::kUs, kReliable, true}},
         {Side::kUs, kInviteFailure},
         kRolledBack},
        {{{Side::kPeer, kInvite, false}}, {Side::kUs, kInviteFailure}, kNothing},
        {{{Side::kUs, kUpdate, true}}, {Side::kPeer, kUpdateFailure}, kRolledBack},
        {{{Side::kUs, kUpdate, true}}, {Side::kPeer, kPrackFailure}, kNothing},
        {{{Side::kPeer, kPrack, true}}, {Side::kUs, kPrackFailure}, kRolledBack},
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
      SCOPED_TRACE(i);
      Exchange x;
      if (agreed) x.state = OfferState::kStable, x.agreed = true;
      for (const auto& e : rows[i].before) (void)step(x, e);
      EXPECT_EQ(step(x, rows[i].failure).meaning, rows[i].meaning);
      EXPECT_EQ(x.owed, false);
      if (rows[i].meaning == kRolledBack || i == 3) {
        EXPECT_EQ(x.state, agreed ? OfferState::kStable : OfferState::kIdle);
        EXPECT_EQ(judge(x, {Side::kPeer, kInvite, true}).meaning, kOffer) << "all is open again";
      }
    }
  }
}

}  // namespace
}  // namespace causeway::sdp
