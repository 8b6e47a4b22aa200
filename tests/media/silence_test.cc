// A peer whose partner has nothing to say yet is not left alone (TDM-20); and ports over a reload.
#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

TEST_F(TwoPeers, SilenceGoesOutFromTheAnswerAndTheStreamOfThePartnerContinuesIt) {
  PROVES("TDM-20");
  secure_bob();
  agree_b.send_codecs = {line(8, "PCMA"), line(96, "telephone-event")};
  up();
  plane->fill_silence(b);
  net.pass(Millis(1'000));
  const std::size_t silent = bob.heard.size();
  ASSERT_GE(silent, 49U);
  EXPECT_EQ(bob.broken, 0);
  EXPECT_TRUE(bob.heard[0].header.marker);
  for (const auto& h : bob.heard) {
    EXPECT_EQ(h.header.payload_type, 8);
    ASSERT_EQ(h.payload.size(), 160U);
    EXPECT_EQ(h.payload[0], std::byte{0xd5});
  }
  EXPECT_GE(bob.reports.size(), 1U) << "a report with the first look";
  EXPECT_TRUE(alice.heard.empty());
  for (int i = 0; i < 10; ++i) {
    alice.speak();
    net.pass(Millis(20));
  }
  ASSERT_EQ(bob.heard.size(), silent + 10) << "no silence besides";
  EXPECT_EQ(bob.broken, 0);
  for (std::size_t i = 1; i < bob.heard.size(); ++i) {
    const auto &before = bob.heard[i - 1].header, &now = bob.heard[i].header;
    EXPECT_EQ(now.ssrc, before.ssrc);
    EXPECT_EQ(now.sequence, static_cast<std::uint16_t>(before.sequence + 1)) << i;
    if (i != silent) {
      EXPECT_EQ(now.timestamp, before.timestamp + 160) << i;
    }
  }
  const std::uint32_t gap =
      bob.heard[silent].header.timestamp - bob.heard[silent - 1].header.timestamp;
  EXPECT_GE(gap, 1U);
  EXPECT_LE(gap, 160U);
  net.pass(Seconds(5));
  EXPECT_EQ(bob.heard.size(), silent + 10) << "and none when the partner falls silent";
}

TEST_F(TwoPeers, SilenceIsPcmuOrComfortNoiseOrNothingAndEndsByItself) {
  PROVES("TDM-20");
  agree_b.send_codecs = {line(0, "PCMU")};
  up();
  plane->fill_silence(b);
  net.pass(kFillFor + Seconds(10));
  EXPECT_NEAR(static_cast<double>(bob.heard.size()), 1'499, 2);
  EXPECT_EQ(bob.heard[0].payload[0], std::byte{0xff});
  bob.heard.clear();
  agree_b.send_codecs = {line(9, "G722"), line(13, "CN")};
  ASSERT_TRUE(plane->apply(b, agree_b));
  plane->fill_silence(b);
  net.pass(Seconds(2));
  ASSERT_NEAR(static_cast<double>(bob.heard.size()), 10, 1);
  EXPECT_EQ(bob.heard[0].header.payload_type, 13);
  EXPECT_EQ(bob.heard[0].payload.size(), 1U);
  bob.heard.clear();
  agree_b.send_codecs = {line(9, "G722")};
  ASSERT_TRUE(plane->apply(b, agree_b));
  net.pass(Seconds(2));
  EXPECT_TRUE(bob.heard.empty());
}

// RFC 3550 6.2: half the interval before the first report, where there is nothing to tell.
TEST_F(TwoPeers, WhereNobodySpeaksTheFirstReportComesWithinThreeSeconds) {
  up();
  net.pass(Millis(990));
  EXPECT_TRUE(alice.reports.empty());
  EXPECT_TRUE(bob.reports.empty());
  net.pass(Millis(2'100));
  EXPECT_EQ(alice.reports.size(), 1U);
  EXPECT_EQ(bob.reports.size(), 1U);
}

TEST_F(TwoPeers, WhoSpeaksIsToldSoWithinASecondHoweverLate) {
  PROVES("TDM-20");
  up();
  net.pass(Millis(1'010));  // after the first look, and before the report of a silent leg
  ASSERT_TRUE(alice.reports.empty());
  talk(1);
  net.pass(Seconds(1));
  EXPECT_EQ(alice.reports.size(), 1U);
  EXPECT_EQ(bob.reports.size(), 1U);
}

TEST_F(TwoPeers, NoSilenceTowardsAPeerThatHolds) {
  agree_b.direction = sdp::Direction::kInactive;
  up();
  plane->fill_silence(b);
  net.pass(Seconds(2));
  EXPECT_TRUE(bob.heard.empty());
}

TEST_F(TwoPeers, PortsThatCallsFromBeforeAReloadHoldAreNoExhaustion) {
  std::vector<MediaLegId> legs;
  for (;;) {
    auto id = plane->open(realm, Family::kV4, false);
    if (!id) break;
    legs.push_back(*id);
  }
  ASSERT_EQ(legs.size(), 48U);
  const auto alarms = events.log.size();
  RealmMedia next = realm;
  next.dscp = 10;
  next.port_max = 40'101;  // one pair more
  plane->keep_realms(std::span(&next, 1));
  const auto one = plane->open(next, Family::kV4, false);
  ASSERT_TRUE(one) << one.error().what;
  EXPECT_EQ(plane->local(*one)->rtp.port, 40'100);
  EXPECT_EQ(net.last_options.dscp, 10);
  EXPECT_EQ(events.log.size(), alarms);
  EXPECT_EQ(plane->plane_stats().pools, 2U);
  // A call that ends gives its port to the new ones at once, with their options.
  const auto port = plane->local(legs.back())->rtp.port;
  plane->close(legs.back());
  legs.pop_back();
  const auto two = plane->open(next, Family::kV4, false);
  ASSERT_TRUE(two);
  EXPECT_EQ(plane->local(*two)->rtp.port, port);
  for (const auto id : legs) plane->close(id);
  plane->close(a);
  plane->close(b);
  net.pass(Seconds(2));
  EXPECT_EQ(plane->plane_stats().pools, 1U) << "the pool of before is gone with its last call";
  EXPECT_TRUE(plane->open(next, Family::kV4, false));
}

}  // namespace
}  // namespace causeway::media
