// Phones that share a port before one of them has answered.
#include "media/forks.h"
#include "media/media_plane.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

struct ForksOfBob : TwoPeers {
  ForksOfBob() { agree_b.allowed_sources = {*Prefix::parse("127.0.0.0/8")}; }
  Peer carol{net, "127.0.0.4", 5200, 0xca401};
  // What Bob's side said as `tag`, from there, under this key.
  void agree(const Peer& from, const char* tag, std::uint64_t theirs) {
    agree_b.remote = from.sdp();
    agree_b.send_key = key(1);
    agree_b.receive_key = key(theirs);
    ASSERT_TRUE(plane->apply(b, agree_b, tag));
  }
  void begin() {
    ASSERT_TRUE(plane->apply(a, agree_a));
    agree(bob, "bob", 2);
    ASSERT_TRUE(plane->join(a, b));
    agree(carol, "carol", 3);
    bob.secure(key(2), key(1));
    carol.secure(key(3), key(1));
    carol.target = bob.target;
    carol.speak();
    ASSERT_EQ(alice.heard.size(), 1u);
  }
};

TEST_F(ForksOfBob, WrongTagsAreTriedSoOftenInASecondAndNoMore) {
  begin();
  Peer mallory(net, "127.0.0.9", 7000, 0xbbbb);
  mallory.target = bob.target;
  mallory.secure(key(77), key(1));
  for (int i = 0; i < 300; ++i) mallory.speak();
  EXPECT_EQ(alice.heard.size(), 1u);
  auto dropped = plane->stats(b).dropped;
  EXPECT_EQ(dropped.untried, 300 - Forks::kTrials);
  bob.speak();  // by the place that his SDP names, which is tried as well
  EXPECT_EQ(plane->stats(b).dropped.untried, dropped.untried + 1);
  net.pass(Millis(1'000));
  bob.speak();
  carol.speak();
  EXPECT_EQ(plane->stats(b).dropped.fork, 0u) << "she was silent for a second";
  const auto heard = alice.heard.size();
  for (int i = 0; i < 300; ++i) mallory.speak();
  bob.speak();  // known by now
  EXPECT_EQ(plane->stats(b).dropped.fork, 1u);
  EXPECT_EQ(alice.heard.size(), heard);
}

TEST_F(ForksOfBob, EightAreKnownAndTheOldestMakesRoom) {
  begin();
  for (std::uint64_t i = 0; i < 7; ++i) agree(carol, ("f" + std::to_string(i)).c_str(), 10 + i);
  carol.secure(key(16), key(1));
  carol.speak();
  bob.speak();
  EXPECT_EQ(plane->stats(b).dropped.fork, 0u) << "Bob is the ninth";
  carol.ssrc = 99;
  carol.secure(key(10), key(1));
  carol.speak();
  EXPECT_EQ(plane->stats(b).dropped.fork, 1u) << "by its key, from the place of another";
  ASSERT_TRUE(plane->apply(b, agree_b));
  carol.speak();
  EXPECT_EQ(plane->stats(b).dropped.fork, 1u) << "nobody's once one has answered";
}

TEST_F(ForksOfBob, TheCurrentOneAloneIsHeardWhereTheGateSaysSo) {
  begin();
  plane->set_fork_gate(b, ForkGate::kCurrentAlone);
  net.pass(Millis(5'000));
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 1u);
  EXPECT_EQ(plane->stats(b).dropped.fork, 1u);
  carol.speak();
  EXPECT_EQ(alice.heard.size(), 2u);
}

TEST_F(ForksOfBob, WhoIsHeardInsteadIsToldOnce) {
  begin();
  events.log.clear();
  net.pass(Millis(1'000));
  bob.speak();
  net.pass(Millis(20));
  EXPECT_EQ(events.log, std::vector<std::string>{}) << "who minds the latest alone is told nothing";
  plane->set_fork_gate(b, ForkGate::kWhoSpeaks);
  carol.speak();
  net.pass(Millis(1'000));
  for (int i = 0; i < 5; ++i) {
    bob.speak();
    net.pass(Millis(20));
  }
  EXPECT_EQ(events.log, std::vector<std::string>{"fork bob of 1"});
}

// RFC 5009: what its side did not authorise is not heard in place of a silent one.
TEST_F(ForksOfBob, OneThatMayNotBeHeardIsNot) {
  agree_b.direction = sdp::Direction::kInactive;
  ASSERT_TRUE(plane->apply(a, agree_a));
  agree(bob, "bob", 2);
  ASSERT_TRUE(plane->join(a, b));
  agree_b.direction = sdp::Direction::kSendRecv;
  agree(carol, "carol", 3);
  bob.secure(key(2), key(1));
  carol.target = bob.target;
  net.pass(Millis(2'000));
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 0u);
  EXPECT_EQ(plane->stats(b).dropped.fork, 1u);
}

TEST_F(ForksOfBob, OneThatWillNotAnswerIsNeitherHeardNorSentTo) {
  begin();
  alice.speak();
  ASSERT_EQ(carol.heard.size(), 1u);
  plane->forget_fork(b, "carol");
  carol.speak();
  alice.speak();
  EXPECT_EQ(alice.heard.size(), 1u);
  EXPECT_EQ(carol.heard.size(), 1u);
  agree(bob, "bob", 2);
  bob.speak();
  alice.speak();
  EXPECT_EQ(alice.heard.size(), 2u);
  ASSERT_EQ(bob.heard.size(), 1u) << "under our key, where it stood";
  EXPECT_EQ(bob.broken, 0);
  net.pass(Millis(2'000));
  carol.speak();
  EXPECT_EQ(alice.heard.size(), 2u) << "her key is forgotten";
  // An answer of hers, against all that she said, is one all the same.
  agree_b.remote = carol.sdp();
  agree_b.receive_key = key(3);
  ASSERT_TRUE(plane->apply(b, agree_b));
  carol.speak();
  alice.speak();
  EXPECT_EQ(alice.heard.size(), 3u);
  EXPECT_EQ(carol.heard.size(), 2u);
}

}  // namespace
}  // namespace causeway::media
