// What transcoding costs a shard, and what is done as that grows.
#include "media/transcoding.h"

#include "codec/choice.h"
#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

const sdp::Codec kPcmu = line(0, "PCMU"), kG722 = line(9, "G722"),
                 kOpus{PayloadType{111}, "opus", 48'000, 2, ""};

TEST(Transcoding, BothWaysOfAPlanCostWhatThePairDoes) {
  LegMedia a, b;
  a.send_codecs = a.receive_codecs = {kG722};
  b.send_codecs = b.receive_codecs = {kOpus};
  Work both = work_of(plan(a, b, 0));
  both += work_of(plan(b, a, 0));
  EXPECT_EQ(both, work_between(kG722, kOpus));
  EXPECT_NEAR(both.share(), codec::transcoding_cost_us(kG722, kOpus) * 50 / 1e6, 1e-9);
  EXPECT_LT(both.share(3), both.share(0) * 0.7) << "the least complexity";
  EXPECT_EQ(work_of(plan(a, a, 0)), Work{}) << "relayed";
}

TEST(Transcoding, ComplexityGoesDownWithTheLoadAndUpWithSomeDelay) {
  TranscodingBudget t;
  (void)t.set_cap(0.1);
  const Work one = work_between(kPcmu, kOpus);
  std::vector<int> seen;
  int n = 0;
  while (t.fits(one)) {
    (void)t.change({}, one);
    ++n;
    if (seen.empty() || seen.back() != t.complexity()) seen.push_back(t.complexity());
  }
  EXPECT_EQ(seen, (std::vector<int>{5, 3, 1, 0}));
  EXPECT_LE(t.used(), 0.1);
  const int at_usual = static_cast<int>(0.1 / one.share());
  EXPECT_GT(n, at_usual * 3 / 2) << "more than without it";
  const double full = t.used();
  (void)t.change(one, {});
  EXPECT_LT(t.used(), full);
  EXPECT_EQ(t.complexity(), 0) << "not up again with the first that goes";
  while (n-- > 1) (void)t.change(one, {});
  EXPECT_EQ(t.complexity(), 5);
  EXPECT_EQ(t.used(), 0);
}

TEST(Transcoding, NothingFitsWithoutACapAboveNothing) {
  TranscodingBudget t;
  (void)t.set_cap(0);
  EXPECT_FALSE(t.fits(work_between(kPcmu, kG722)));
  EXPECT_EQ(t.cap(), 0);
}

struct Room : TwoPeers {};

TEST_F(Room, IsTakenWithAPromiseAndByWhatIsDoneAndGivenBackWithTheLegs) {
  agree_a.send_codecs = agree_a.receive_codecs = {kPcmu};
  agree_b.send_codecs = agree_b.receive_codecs = {kOpus};
  const Work promised = work_between(kG722, kOpus), done = work_between(kPcmu, kOpus);
  plane->keep_room(b, promised);
  EXPECT_TRUE(plane->transcodes(b));
  EXPECT_FALSE(plane->transcodes(a));
  EXPECT_NEAR(plane->transcoding().used, promised.share(), 1e-9);
  up();
  EXPECT_NEAR(plane->transcoding().used, done.share(), 1e-9);
  EXPECT_EQ(plane->transcoding().pairs, 1u);
  EXPECT_TRUE(plane->transcodes(a));
  plane->keep_room(b, promised);
  EXPECT_NEAR(plane->transcoding().used, done.share(), 1e-9) << "it is joined";
  // A re-offer to a common codec frees it.
  agree_b.send_codecs = agree_b.receive_codecs = {kPcmu};
  ASSERT_TRUE(plane->apply(b, agree_b));
  EXPECT_EQ(plane->transcoding().used, 0);
  agree_b.send_codecs = agree_b.receive_codecs = {kOpus};
  ASSERT_TRUE(plane->apply(b, agree_b));
  plane->close(a);
  EXPECT_EQ(plane->transcoding().used, 0);
  EXPECT_EQ(plane->transcoding().pairs, 0u);
}

// The stream to the Opus side while the cap comes down on it: cheaper frames, the same stream.
TEST_F(Room, RunningEncodersAreLoweredToo) {
  agree_a.send_codecs = agree_a.receive_codecs = {kPcmu};
  agree_b.send_codecs = agree_b.receive_codecs = {kOpus};
  up();
  EXPECT_EQ(plane->transcoding().complexity, 5);
  talk(5);
  plane->set_transcoding_cap(0.003);
  EXPECT_EQ(plane->transcoding().complexity, 0);
  talk(50);
  plane->set_transcoding_cap(0.7);
  EXPECT_EQ(plane->transcoding().complexity, 5);
}

}  // namespace
}  // namespace causeway::media
