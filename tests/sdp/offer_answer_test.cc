#include "sdp/offer_answer.h"

#include <gtest/gtest.h>

#include "sdp/examples.h"
#include "support/proves.h"

namespace causeway::sdp {
namespace {

LocalMedia local() { return {Endpoint{IpAddress::v4(0xC6336402), 40000}, 40001, false, {}}; }

MediaWish wish(Direction d = Direction::kSendRecv) {
  MediaWish w;
  w.codecs = {Codec{PayloadType(8), "PCMA", 8000, 1, ""}};
  w.direction = d;
  return w;
}

std::string theirs(int version, const char* direction = "sendrecv") {
  return "v=0\r\no=- 9 " + std::to_string(version) +
         " IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\na=" +
         direction + "\r\n";
}

OfferAnswer fresh() { return start_offer_answer(42, IpAddress::v4(0xC6336402)); }

TEST(OfferAnswer, VersionGoesUpOnlyWithAChange) {
  const Dialect d;
  OfferAnswer s = fresh();
  const auto first = local_offer(s, local(), wish(), d);
  ASSERT_TRUE(first);
  ASSERT_TRUE(remote_answer(s, theirs(1), d));
  EXPECT_EQ(s.state, OfferState::kStable);
  const auto refresh = local_offer(s, local(), wish(), d);
  ASSERT_TRUE(refresh);
  EXPECT_EQ(*refresh, *first);
  const auto answer = remote_answer(s, theirs(1), d);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->unchanged);
  const auto hold = local_offer(s, local(), wish(Direction::kSendOnly), d);
  ASSERT_TRUE(hold);
  EXPECT_EQ(read_audio(*hold)->version, read_audio(*first)->version + 1);
}

TEST(OfferAnswer, ARefreshOfThePeerIsRecognisedAndAnsweredAlike) {
  const Dialect d;
  OfferAnswer s = fresh();
  auto offer = remote_offer(s, theirs(1), d);
  ASSERT_TRUE(offer);
  EXPECT_FALSE(offer->unchanged);
  const auto answer = local_answer(s, offer->sdp, local(), wish(), d);
  ASSERT_TRUE(answer);
  offer = remote_offer(s, theirs(2), d);  // a new version of the same
  ASSERT_TRUE(offer);
  EXPECT_TRUE(offer->unchanged);
  EXPECT_EQ(*local_answer(s, offer->sdp, local(), wish(), d), *answer);
  offer = remote_offer(s, theirs(3, "inactive"), d);
  ASSERT_TRUE(offer);
  EXPECT_FALSE(offer->unchanged);
}

TEST(OfferAnswer, OneOfferAtATime) {
  const Dialect d;
  OfferAnswer s = fresh();
  ASSERT_TRUE(local_offer(s, local(), wish(), d));
  EXPECT_EQ(local_offer(s, local(), wish(), d).error().code, ErrorCode::kConflict);
  EXPECT_EQ(remote_offer(s, theirs(1), d).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(rollback(s));
  EXPECT_EQ(s.state, OfferState::kIdle);
  ASSERT_TRUE(remote_offer(s, theirs(1), d));
  EXPECT_EQ(remote_offer(s, theirs(1), d).error().code, ErrorCode::kConflict);
  EXPECT_EQ(remote_answer(s, theirs(1), d).error().code, ErrorCode::kConflict);
}

TEST(OfferAnswer, APreviewInAnUnreliable18xLeavesTheOfferOpen) {
  const Dialect d;
  OfferAnswer s = fresh();
  ASSERT_TRUE(local_offer(s, local(), wish(), d));
  ASSERT_TRUE(remote_answer(s, theirs(1), d, AnswerKind::kPreliminary));
  EXPECT_EQ(s.state, OfferState::kLocalOffer);
  const auto final = remote_answer(s, theirs(1), d);
  ASSERT_TRUE(final);
  EXPECT_TRUE(final->unchanged);
  EXPECT_EQ(s.state, OfferState::kStable);
}

TEST(OfferAnswer, RollbackReturnsToWhatWasAgreedAndNeverReusesAVersion) {
  const Dialect d;
  OfferAnswer s = fresh();
  const auto first = local_offer(s, local(), wish(), d);
  ASSERT_TRUE(remote_answer(s, theirs(1), d));
  const auto refused = local_offer(s, local(), wish(Direction::kSendOnly), d);
  ASSERT_TRUE(rollback(s));
  EXPECT_EQ(s.state, OfferState::kStable);
  EXPECT_EQ(last_remote(s, d)->version, 1u);
  const auto again = local_offer(s, local(), wish(), d);
  EXPECT_GT(read_audio(*again)->version, read_audio(*refused)->version);
}

TEST(OfferAnswer, WhoOfferedWhatThePeerSaidLastIsKept) {
  const Dialect d;
  OfferAnswer s = fresh();
  ASSERT_TRUE(local_offer(s, local(), wish(), d));
  ASSERT_TRUE(remote_answer(s, theirs(1), d));
  EXPECT_FALSE(s.remote_offered);
  const auto offer = remote_offer(s, theirs(2, "inactive"), d);
  ASSERT_TRUE(offer);
  EXPECT_TRUE(s.remote_offered);
  ASSERT_TRUE(rollback(s));
  EXPECT_FALSE(s.remote_offered) << "what holds is its answer";
  ASSERT_TRUE(remote_offer(s, theirs(2, "inactive"), d));
  ASSERT_TRUE(local_answer(s, offer->sdp, local(), wish(), d));
  ASSERT_TRUE(local_offer(s, local(), wish(Direction::kSendOnly), d));
  ASSERT_TRUE(remote_answer(s, theirs(3), d, AnswerKind::kPreliminary));
  EXPECT_FALSE(s.remote_offered);
  ASSERT_TRUE(rollback(s));
  EXPECT_TRUE(s.remote_offered);
}

// Our offers say "actpass" to whatever was chosen before.
TEST(OfferAnswer, OurPartInDtlsIsThatOfTheLastExchangeAndNotOfAnOfferThatWasRefused) {
  Dialect d;
  OfferAnswer s = fresh();
  s.last_local = "v=0\r\na=setup:passive\r\n";
  s.state = OfferState::kLocalOffer;
  ASSERT_TRUE(remote_answer(s, theirs(1), d));
  EXPECT_EQ(setup_said(s), DtlsSetup::kPassive);
  s.last_local = "v=0\r\na=setup:actpass\r\n";
  s.state = OfferState::kLocalOffer;
  EXPECT_EQ(setup_said(s), DtlsSetup::kPassive) << "nobody has agreed yet";
  ASSERT_TRUE(rollback(s));
  EXPECT_EQ(setup_said(s), DtlsSetup::kPassive);
}

TEST(OfferAnswer, WhatIsPassedOnHasOurOriginAndNothingElseOfOurs) {
  const Dialect d;
  OfferAnswer s = fresh();
  const std::string said = theirs(7, "sendonly") + "a=x-odd:1\r\n";
  const auto offer = pass_offer(s, said, false);
  ASSERT_TRUE(offer) << offer.error().what;
  EXPECT_TRUE(same_media(*offer, said));
  EXPECT_NE(offer->find("\r\no=- 42 1 IN IP4 198.51.100.2\r\ns=-"), std::string::npos) << *offer;
  EXPECT_FALSE(pass_offer(s, said, false)) << "one at a time";
  ASSERT_TRUE(remote_answer(s, theirs(1, "recvonly"), d));
  EXPECT_EQ(*pass_offer(s, theirs(8, "sendonly") + "a=x-odd:1\r\n", false), *offer)
      << "a new version of the same";
  ASSERT_TRUE(rollback(s));
  const auto again = pass_offer(s, said, true);
  ASSERT_TRUE(again);
  EXPECT_NE(again->find("a=sendrecv\r\na=x-odd:1"), std::string::npos) << *again;
  EXPECT_NE(again->find("o=- 42 2 "), std::string::npos);
  ASSERT_TRUE(remote_answer(s, theirs(2), d));
  ASSERT_TRUE(remote_offer(s, theirs(3), d));
  const auto answer = pass_answer(s, theirs(9));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(same_media(*answer, theirs(9)));
  EXPECT_EQ(s.state, OfferState::kStable);
  EXPECT_FALSE(pass_answer(s, theirs(9))) << "to no offer";
}

TEST(OfferAnswer, FewerStreamsThanBeforeAreNotPassedOn) {
  OfferAnswer s = fresh();
  ASSERT_TRUE(pass_offer(s, theirs(1) + "m=video 0 RTP/AVP 31\r\n", false));
  ASSERT_TRUE(rollback(s));
  const OfferAnswer before = s;
  const auto fewer = pass_offer(s, theirs(2), false);
  ASSERT_FALSE(fewer);
  EXPECT_EQ(fewer.error().code, ErrorCode::kNotAcceptable);
  EXPECT_FALSE(pass_offer(s, "v=0\r\ns=-\r\n", false)) << "without o=";
  EXPECT_EQ(s, before);
}

TEST(OfferAnswer, ABadBodyChangesNothing) {
  const Dialect d;
  OfferAnswer s = fresh();
  const OfferAnswer before = s;
  EXPECT_FALSE(remote_offer(s, "v=0\r\nnonsense", d));
  EXPECT_EQ(s, before);
}

}  // namespace
}  // namespace causeway::sdp
