#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

TEST_F(TwoPeers, ALegIsWrittenDownAndRebuiltWithoutThePeersNoticing) {
  PROVES("TDR-96");
  secure_bob();
  up();
  plane->set_local_crypto(b, {key(1)});
  alice.sequence = 65'530;
  talk(300);
  for (int round = 0; round < 3; ++round) {
    const auto sa = plane->snapshot(a), sb = plane->snapshot(b);
    ASSERT_TRUE(sa);
    ASSERT_TRUE(sb);
    const auto ends = plane->local(b);
    if (round == 1) {
      plane = std::make_unique<MediaPlane>(net, events);  // another process
    } else {
      plane->release(a);
      plane->release(b);
    }
    a = *plane->restore(realm, *sa);
    b = *plane->restore(realm, *sb);
    EXPECT_EQ(plane->snapshot(a)->out, sa->out);
    EXPECT_EQ(*plane->snapshot(b), *sb);
    ASSERT_TRUE(plane->join(a, b));
    EXPECT_EQ(plane->local(b)->rtp, ends->rtp);
    EXPECT_EQ(plane->local_crypto(b), (std::vector<sdp::Crypto>{key(1)}));
    talk(300);
  }
  EXPECT_EQ(bob.broken, 0);
  ASSERT_EQ(bob.heard.size(), 1200u);
  ASSERT_EQ(alice.heard.size(), 1200u);
  for (std::size_t i = 1; i < bob.heard.size(); ++i) {
    const auto &x = bob.heard[i - 1].header, &y = bob.heard[i].header;
    ASSERT_EQ(y.ssrc, x.ssrc);
    ASSERT_EQ(y.sequence, static_cast<std::uint16_t>(x.sequence + 1)) << i;
    ASSERT_EQ(y.timestamp, x.timestamp + 160) << i;
    ASSERT_EQ(y.marker, false) << i;
  }
  EXPECT_EQ(plane->stats(a).packets_in, 1200u);
  EXPECT_EQ(plane->stats(a).lost, 0u);
  EXPECT_EQ(events.log, (std::vector<std::string>{"started 0", "started 1"}));
  EXPECT_TRUE(alice.reports.empty() || !alice.reports.back().empty());
}

TEST_F(TwoPeers, AnOldSnapshotSkipsNumbersThatMayHaveBeenUsed) {
  secure_bob();
  up();
  talk(10);
  const auto sa = plane->snapshot(a), sb = plane->snapshot(b);
  talk(20);  // sent after it was written
  const std::uint16_t last = bob.heard.back().header.sequence;
  plane->release(a);
  plane->release(b);
  a = *plane->restore(realm, *sa, 500);
  b = *plane->restore(realm, *sb, 500);
  ASSERT_TRUE(plane->join(a, b));
  talk(5);
  EXPECT_EQ(bob.broken, 0);
  ASSERT_EQ(bob.heard.size(), 35u);
  EXPECT_GT(static_cast<std::int16_t>(bob.heard[30].header.sequence - last), 0);
}

TEST_F(TwoPeers, APortThatIsTakenIsARefusal) {
  up();
  const auto s = plane->snapshot(a);
  const auto twice = plane->restore(realm, *s);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace causeway::media
