// What transcoding costs a shard, and what is done as that grows.
#include "media/transcoding.h"

#include <algorithm>

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

// A stream of Alice's, PCMU, that Bob gets as Opus: most of the room there is, in use by one.
struct Stream : TwoPeers {
  Stream() {
    agree_a.send_codecs = agree_a.receive_codecs = {kPcmu};
    agree_b.send_codecs = agree_b.receive_codecs = {kOpus};
    plane->set_transcoding_cap(kOne.share() * 1.8);
    up();
  }
  void TestBody() override {}
  void talk(int n) {
    for (int i = 0; i < n; ++i) {
      alice.speak(0);
      net.pass(Millis(20));
    }
  }
  [[nodiscard]] int complexity() const { return plane->transcoding().complexity; }
  // Another call is offered to somebody, and is over.
  void load() {
    ASSERT_TRUE(plane->has_room(kOne)) << "nobody is refused yet";
    other = *plane->open(realm, Family::kV4, false);
    plane->keep_room(other, kOne);
  }
  void unload() { plane->close(other); }
  [[nodiscard]] std::vector<std::vector<std::byte>> frames() const {
    std::vector<std::vector<std::byte>> out;
    for (const Heard& h : bob.heard) out.push_back(h.payload);
    return out;
  }

  const Work kOne = work_between(kPcmu, kOpus);
  MediaLegId other;
};

// Where two streams of frames part; their length: nowhere.
std::size_t common(const Stream& a, const Stream& b) {
  const auto x = a.frames(), y = b.frames();
  return static_cast<std::size_t>(std::mismatch(x.begin(), x.end(), y.begin(), y.end()).first -
                                  x.begin());
}

// Opus of the same audio is the same octets, unless its encoder was told otherwise.
TEST(Transcoding, TheEncoderOfARunningStreamIsLoweredBeforeAnybodyIsRefusedAndRaisedAgain) {
  Stream alone, loaded, relieved;
  for (Stream* s : {&alone, &loaded, &relieved}) {
    s->talk(50);
    EXPECT_EQ(s->complexity(), 5);
  }
  const std::size_t before = alone.bob.heard.size();
  ASSERT_GT(before, 40U);
  ASSERT_EQ(common(alone, loaded), before);
  for (Stream* s : {&loaded, &relieved}) {
    s->load();
    EXPECT_LT(s->complexity(), 5);
  }
  for (Stream* s : {&alone, &loaded, &relieved}) s->talk(50);
  const std::size_t parted = common(alone, loaded);
  EXPECT_GE(parted, before);
  EXPECT_LT(parted, before + 10) << "with another complexity";
  const std::size_t together = loaded.bob.heard.size();
  ASSERT_EQ(common(loaded, relieved), together);
  relieved.unload();
  EXPECT_EQ(relieved.complexity(), 5);
  for (Stream* s : {&loaded, &relieved}) s->talk(50);
  EXPECT_LT(common(loaded, relieved), together + 10) << "up again";
}

// What the configuration says may come down on calls that are up.
TEST(Transcoding, ANewCapLowersTheEncoderOfARunningStreamToo) {
  Stream as_it_was, less;
  for (Stream* s : {&as_it_was, &less}) s->talk(50);
  const std::size_t before = less.bob.heard.size();
  ASSERT_GT(before, 40U);
  less.plane->set_transcoding_cap(less.kOne.share() / 2);
  EXPECT_EQ(less.complexity(), 0);
  for (Stream* s : {&as_it_was, &less}) s->talk(50);
  EXPECT_GE(common(as_it_was, less), before);
  EXPECT_LT(common(as_it_was, less), before + 10);
}

// One that begins while there is load begins with what the others have.
TEST(Transcoding, AStreamThatBeginsUnderLoadIsCheapAtOnce) {
  Stream usual, late;
  ASSERT_TRUE(late.plane->apply(late.b, [&] {
    LegMedia g711 = late.agree_b;
    g711.send_codecs = g711.receive_codecs = {kPcmu};
    return g711;
  }()));
  late.load();
  EXPECT_EQ(late.complexity(), 5) << "it fits";
  ASSERT_TRUE(late.plane->apply(late.b, late.agree_b));
  EXPECT_LT(late.complexity(), 5);
  for (Stream* s : {&usual, &late}) s->talk(50);
  ASSERT_FALSE(usual.bob.heard.empty());
  EXPECT_LT(common(usual, late), 10U);
}

}  // namespace
}  // namespace causeway::media
