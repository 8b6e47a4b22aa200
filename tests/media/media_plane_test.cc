#include "media/media_plane.h"

#include <set>

#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

TEST_F(TwoPeers, RelaysBothWaysUnderOneSsrcOfOurs) {
  up();
  talk(50);
  ASSERT_EQ(bob.heard.size(), 50u);
  ASSERT_EQ(alice.heard.size(), 50u);
  for (std::size_t i = 0; i < 50; ++i) {
    const auto& h = bob.heard[i].header;
    EXPECT_EQ(h.ssrc, bob.heard[0].header.ssrc);
    EXPECT_NE(h.ssrc, alice.ssrc);
    EXPECT_EQ(h.sequence, static_cast<std::uint16_t>(bob.heard[0].header.sequence + i));
    EXPECT_EQ(h.timestamp, bob.heard[0].header.timestamp + 160 * i);
    EXPECT_EQ(bob.heard[i].payload[0], static_cast<std::byte>(1000 + i));
    EXPECT_EQ(bob.heard[i].from, plane->local(b)->rtp);
  }
  const auto s = plane->stats(a);
  EXPECT_EQ(s.packets_in, 50u);
  EXPECT_EQ(s.packets_out, 50u);
  EXPECT_EQ(s.lost, 0u);
  EXPECT_EQ(s.source->to_string(), "127.0.0.2:5000");
  EXPECT_EQ(events.log, (std::vector<std::string>{"started 0", "started 1"}));
}

TEST_F(TwoPeers, PublicAddressIsWhatIsWritten) {
  PROVES("TDM-15");
  const auto ends = plane->local(a);
  EXPECT_EQ(ends->public_rtp.address.to_string(), "198.51.100.1");
  EXPECT_EQ(ends->rtp.address.to_string(), "127.0.0.1");
  EXPECT_EQ(ends->rtp.port % 2, 0);
  EXPECT_EQ(ends->rtcp.port, ends->rtp.port + 1);
  EXPECT_EQ(net.last_options.dscp, 46);
}

TEST_F(TwoPeers, PayloadTypesAreTranslated) {
  up();
  alice.speak(101);
  bob.speak(96);
  EXPECT_EQ(bob.heard.at(0).header.payload_type, 96);
  EXPECT_EQ(alice.heard.at(0).header.payload_type, 101);
  alice.speak(13);  // comfort noise was not agreed
  EXPECT_EQ(bob.heard.size(), 1u);
  EXPECT_EQ(plane->stats(a).dropped.codec, 1u);
}

TEST_F(TwoPeers, RtpToSrtpAndBackOverARollover) {
  secure_bob();
  up();
  for (int i = 0; i < 70'000; ++i) {
    alice.speak();
    if (i % 7 == 0) bob.speak();
  }
  EXPECT_EQ(bob.broken, 0);
  EXPECT_EQ(bob.heard.size(), 70'000u);
  EXPECT_EQ(alice.heard.size(), 10'000u);
  EXPECT_EQ(plane->stats(b).dropped, DropCounts{});
}

TEST_F(TwoPeers, EverySuiteIsRelayedBothWaysWithItsRtcp) {
  using S = sdp::CryptoSuite;
  for (const S suite : {S::kAesCm128HmacSha1_32, S::kAesCm256HmacSha1_80, S::kAesCm256HmacSha1_32,
                        S::kAeadAes128Gcm, S::kAeadAes256Gcm}) {
    const auto seed = 10 * static_cast<std::uint64_t>(suite);
    agree_b.send_key = key(seed + 1, suite);
    agree_b.receive_key = key(seed + 2, suite);
    bob.secure(*agree_b.receive_key, *agree_b.send_key);
    up();
    const auto heard = bob.heard.size(), answered = alice.heard.size();
    talk(300);
    EXPECT_EQ(bob.broken, 0);
    EXPECT_EQ(bob.heard.size(), heard + 300);
    EXPECT_EQ(alice.heard.size(), answered + 300);
    EXPECT_EQ(plane->stats(b).dropped, DropCounts{});
    EXPECT_GT(plane->stats(b).rtcp_out, 0u);
  }
}

// With its keys, their indices and its stream: a peer that speaks for long is understood at once.
TEST_F(TwoPeers, ALegMovesToAnotherRealmWithAllThatBelongsToIt) {
  secure_bob();
  up();
  for (int i = 0; i < 66'000; ++i) bob.speak();
  alice.speak();
  RealmMedia lan = realm;
  lan.name = "lan";
  lan.v4 = ip("127.0.0.5");
  lan.public_v4.reset();
  const auto before = *plane->local(b);
  auto ends = plane->begin_move(b, lan, Family::kV4);
  ASSERT_TRUE(ends) << ends.error().what;
  EXPECT_EQ(ends->public_rtp.address.to_string(), "127.0.0.5");
  EXPECT_EQ(plane->local(b)->rtp, before.rtp) << "not agreed yet";
  plane->end_move(b, false);
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 66'001U);

  ends = plane->begin_move(b, lan, Family::kV4);
  ASSERT_TRUE(ends);
  plane->end_move(b, true);
  ASSERT_TRUE(plane->apply(b, agree_b));
  EXPECT_EQ(plane->local(b)->rtp, ends->rtp);
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 66'001U) << "heard where it is no more";
  bob.target = ends->rtp;
  for (int i = 0; i < 10; ++i) {
    bob.speak();
    alice.speak();
  }
  EXPECT_EQ(alice.heard.size(), 66'011U);
  EXPECT_EQ(bob.broken, 0);
  ASSERT_EQ(bob.heard.size(), 11U);
  EXPECT_EQ(bob.heard.back().from, ends->rtp);
  EXPECT_EQ(bob.heard.back().header.ssrc, bob.heard.front().header.ssrc);
  EXPECT_EQ(bob.heard.back().header.sequence,
            static_cast<std::uint16_t>(bob.heard.front().header.sequence + 10));
  EXPECT_EQ(plane->stats(b).dropped.authentication, 0U);
}

TEST_F(TwoPeers, AMoveThatCannotBeChangesNothing) {
  up();
  RealmMedia lan = realm;
  lan.name = "lan";
  lan.v4 = ip("127.0.0.5");
  lan.port_max = static_cast<std::uint16_t>(lan.port_min + 1);  // one pair
  EXPECT_FALSE(plane->begin_move(b, lan, Family::kV6));
  ASSERT_TRUE(plane->begin_move(a, lan, Family::kV4));
  const auto full = plane->begin_move(b, lan, Family::kV4);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kUnavailable);
  talk(5);
  EXPECT_EQ(bob.heard.size(), 5U);
  plane->close(a);  // its ports there are free again
  EXPECT_TRUE(plane->begin_move(b, lan, Family::kV4));
  EXPECT_EQ(plane->open_image(b).error().code, ErrorCode::kConflict)
      << "a port of the realm that it leaves would go back to the other's";
  plane->end_move(b, false);
  ASSERT_TRUE(plane->open_image(b));
  EXPECT_EQ(plane->begin_move(b, lan, Family::kV4).error().code, ErrorCode::kConflict);
}

TEST_F(TwoPeers, ForgedSrtpIsDroppedAndDoesNotLatch) {
  secure_bob();
  agree_b.allowed_sources = {*Prefix::parse("127.0.0.0/8")};
  up();
  Peer mallory(net, "127.0.0.9", 7000, 0xbbbb);
  mallory.target = bob.target;
  mallory.speak();
  EXPECT_TRUE(alice.heard.empty());
  EXPECT_EQ(plane->stats(b).dropped.authentication + plane->stats(b).dropped.malformed, 1u);
  EXPECT_FALSE(plane->stats(b).source);
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 1u);
}

TEST_F(TwoPeers, AnUnchangedKeyGoesOnAndANewOneStartsAtZero) {
  PROVES("TDM-06", "TDM-07");
  secure_bob(1, 2);
  up();
  for (int i = 0; i < 66'000; ++i) alice.speak();
  const auto ends = plane->local(b);
  ASSERT_TRUE(plane->apply(b, agree_b));  // a refresh
  alice.speak();
  EXPECT_EQ(bob.broken, 0);
  EXPECT_EQ(bob.heard.size(), 66'001u);
  secure_bob(3, 4);  // Bob's contexts start at ROC 0, too
  ASSERT_TRUE(plane->apply(b, agree_b));
  for (int i = 0; i < 100; ++i) {
    alice.speak();
    bob.speak();
  }
  EXPECT_EQ(bob.broken, 0);
  EXPECT_EQ(bob.heard.size(), 66'101u);
  EXPECT_EQ(alice.heard.size(), 100u);
  EXPECT_EQ(plane->local(b)->rtp, ends->rtp);
  secure_bob(1, 4);  // a key that was given up would repeat its indices
  EXPECT_FALSE(plane->apply(b, agree_b));
}

TEST_F(TwoPeers, AnotherInputKeepsOurStreamWhole) {
  PROVES("TDM-24");
  secure_bob();
  up();
  talk(10);
  alice.ssrc = 0xa2a2;
  alice.sequence = 3;
  alice.timestamp = 77;
  talk(10);
  ASSERT_EQ(bob.heard.size(), 20u);
  EXPECT_EQ(bob.broken, 0);
  EXPECT_EQ(bob.heard[10].header.ssrc, bob.heard[9].header.ssrc);
  EXPECT_EQ(bob.heard[10].header.sequence,
            static_cast<std::uint16_t>(bob.heard[9].header.sequence + 1));
  EXPECT_TRUE(bob.heard[10].header.marker);
  // Bob under his one key with another SSRC, as after a fork.
  bob.secure(key(2), key(1));
  bob.ssrc = 0xb2b2;
  bob.sequence = 9;
  bob.in.reset();
  bob.speak();
  EXPECT_EQ(alice.heard.size(), 21u);
}

TEST_F(TwoPeers, OtherSourcesAreDroppedAndCounted) {
  up();
  talk(1);
  Peer mallory(net, "127.0.0.9", 7000, 0xcccc);
  mallory.target = alice.target;
  mallory.speak();
  EXPECT_EQ(bob.heard.size(), 1u);
  EXPECT_EQ(plane->stats(a).dropped.source, 1u);
}

TEST_F(TwoPeers, LatchesToTheFirstAllowedSourceAndOnceMoreAfterAnAnswer) {
  PROVES("TDM-21");
  agree_a.allowed_sources = {*Prefix::parse("127.0.1.0/24")};
  Peer first(net, "127.0.1.1", 7000, 1), second(net, "127.0.1.2", 7000, 2),
      third(net, "127.0.1.3", 7000, 3);
  first.target = second.target = third.target = alice.target;
  up();
  first.speak();
  EXPECT_EQ(plane->stats(a).source->to_string(), "127.0.1.1:7000");
  bob.speak();
  EXPECT_EQ(first.heard.size(), 1u);      // symmetric: not to the address in SDP
  ASSERT_TRUE(plane->apply(a, agree_a));  // 200 after 183
  Peer same_stream(net, "127.0.1.4", 7000, 1);
  same_stream.target = alice.target;
  same_stream.speak();  // the stream that is already there, from elsewhere
  EXPECT_EQ(plane->stats(a).source->to_string(), "127.0.1.1:7000");
  second.speak();
  EXPECT_EQ(plane->stats(a).source->to_string(), "127.0.1.2:7000");
  third.speak();
  first.speak();
  EXPECT_EQ(plane->stats(a).source->to_string(), "127.0.1.2:7000");
  EXPECT_EQ(plane->stats(a).dropped.source, 3u);
}

TEST_F(TwoPeers, APeerThatMovesByReInviteIsFollowed) {
  up();
  talk(200);  // long enough for the socket to be connected
  Peer elsewhere(net, "127.0.0.8", 7000, 0xaaaa);
  elsewhere.target = alice.target;
  elsewhere.speak();
  EXPECT_EQ(bob.heard.size(), 200u);
  agree_a.remote = elsewhere.sdp();
  ASSERT_TRUE(plane->apply(a, agree_a));
  bob.speak();
  EXPECT_EQ(elsewhere.heard.size(), 1u);
  elsewhere.speak();
  EXPECT_EQ(bob.heard.size(), 201u);
}

TEST_F(TwoPeers, HoldStopsAudioAndKeepsTheStreamsNumbers) {
  up();
  talk(5);
  agree_a.direction = agree_b.direction = sdp::Direction::kInactive;
  ASSERT_TRUE(plane->apply(a, agree_a));
  ASSERT_TRUE(plane->apply(b, agree_b));
  talk(5);
  EXPECT_EQ(bob.heard.size(), 5u);
  EXPECT_EQ(plane->stats(a).dropped.direction, 5u);
  agree_a.direction = agree_b.direction = sdp::Direction::kSendRecv;
  ASSERT_TRUE(plane->apply(a, agree_a));
  ASSERT_TRUE(plane->apply(b, agree_b));
  talk(5);
  ASSERT_EQ(bob.heard.size(), 10u);
  EXPECT_EQ(bob.heard[5].header.ssrc, bob.heard[4].header.ssrc);
}

TEST_F(TwoPeers, SaysWhenMediaIsLostAndComesBack) {
  up();
  talk(1);
  events.log.clear();
  for (int i = 0; i < 12; ++i) {
    net.pass(Seconds(1));
    bob.speak();
  }
  EXPECT_EQ(events.log, (std::vector<std::string>{"one-way 0", "lost 0"}));
  alice.speak();
  EXPECT_EQ(events.log.back(), "started 0");
}

TEST_F(TwoPeers, PortsRunOutWithAnAlarmAndComeBack) {
  std::vector<MediaLegId> all;
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 48; ++i) {
    const auto id = plane->open(realm, Family::kV4, false);
    ASSERT_TRUE(id) << id.error().what;
    all.push_back(*id);
    ports.insert(plane->local(*id)->rtp.port);
  }
  EXPECT_EQ(ports.size(), 48u);
  const auto none = plane->open(realm, Family::kV4, false);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnavailable);
  (void)!plane->open(realm, Family::kV4, false);
  EXPECT_EQ(plane->plane_stats().ports_exhausted, 2u);
  EXPECT_EQ(events.log,
            (std::vector<std::string>{"media ports of realm core are exhausted: no free port"}));
  // The oldest comes back first, though none has rested: there is no other.
  const auto first = plane->local(all[3])->rtp.port;
  plane->close(all[3]);
  net.pass(Millis(10));
  plane->close(all[7]);
  const auto again = plane->open(realm, Family::kV4, false);
  ASSERT_TRUE(again);
  EXPECT_EQ(plane->local(*again)->rtp.port, first);
  EXPECT_EQ(plane->open(realm, Family::kV6, false).error().code, ErrorCode::kConfiguration);
}

TEST_F(TwoPeers, SocketsThatRestInOneRealmMakeRoomForAnother) {
  RealmMedia other = realm;
  other.name = "other";
  other.port_min = 50000;
  other.port_max = 50999;
  net.descriptors = 80;
  std::vector<MediaLegId> all;
  for (auto id = plane->open(realm, Family::kV4, false); id;
       id = plane->open(realm, Family::kV4, false))
    all.push_back(*id);
  ASSERT_GT(all.size(), 30u);
  EXPECT_FALSE(plane->open(other, Family::kV4, false)) << "all are in use";
  for (const MediaLegId id : all) plane->close(id);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto made = plane->open(other, Family::kV4, false);
    ASSERT_TRUE(made) << i << ": " << made.error().what;
  }
  EXPECT_FALSE(plane->open(other, Family::kV4, false));
}

TEST_F(TwoPeers, ARangeThatIsExhaustedLeavesTheSocketsOfOtherRealmsAlone) {
  RealmMedia other = realm;
  other.name = "other";
  other.port_min = 50000;
  other.port_max = 50001;
  std::vector<MediaLegId> all;
  for (int i = 0; i < 10; ++i) all.push_back(*plane->open(realm, Family::kV4, false));
  for (const MediaLegId id : all) plane->close(id);
  ASSERT_TRUE(plane->open(other, Family::kV4, false));
  EXPECT_FALSE(plane->open(other, Family::kV4, false)) << "it has one pair";
  net.pass(Seconds(2));
  const std::size_t before = net.opened;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(plane->open(realm, Family::kV4, false));
  EXPECT_EQ(net.opened, before) << "they rested, and serve again";
}

TEST_F(TwoPeers, PortsOfOtherProgramsArePassedOver) {
  for (std::uint16_t p = 40000; p < 40020; ++p) net.taken.insert(p);
  for (int i = 0; i < 38; ++i) EXPECT_TRUE(plane->open(realm, Family::kV4, false));
}

TEST_F(TwoPeers, APacketOfAnOldCallNeverReachesANewOne) {
  up();
  talk(1);
  const Endpoint old = alice.target;
  plane->close(a);
  alice.speak();
  EXPECT_EQ(plane->plane_stats().stray, 1u);
  EXPECT_EQ(bob.heard.size(), 1u);
  const auto soon = plane->open(realm, Family::kV4, false);
  EXPECT_NE(plane->local(*soon)->rtp, old);
  net.pass(Seconds(2));
  const std::size_t before = net.opened;
  const auto later = plane->open(realm, Family::kV4, false);
  EXPECT_EQ(plane->local(*later)->rtp, old);  // the sockets serve again
  EXPECT_EQ(net.opened, before);
  alice.speak();
  EXPECT_EQ(plane->stats(*later).dropped.not_joined, 1u);
}

TEST_F(TwoPeers, IdsOfClosedLegsNameNothing) {
  up();
  plane->close(a);
  EXPECT_FALSE(plane->local(a));
  EXPECT_FALSE(plane->apply(a, agree_a));
  EXPECT_FALSE(plane->join(a, b));
  plane->close(a);
  plane->unjoin(a);
  const auto fresh = plane->open(realm, Family::kV4, false);
  EXPECT_NE(*fresh, a);
  EXPECT_EQ(plane->stats(a).packets_in, 0u);
}

TEST_F(TwoPeers, RubbishIsCountedAndGoesNowhere) {
  up();
  std::vector<std::byte> p(3, std::byte{0x80});
  alice.raw(p);
  p.assign(20, std::byte{0});
  alice.raw(p);
  p.assign(11, std::byte{0x80});
  alice.raw(p);
  EXPECT_EQ(plane->stats(a).dropped.malformed, 3u);
  EXPECT_TRUE(bob.heard.empty());
}

}  // namespace
}  // namespace causeway::media
