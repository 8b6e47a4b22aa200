#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

struct Parsed {
  std::optional<rtp::SenderInfo> info;
  std::uint32_t ssrc = 0;
  std::vector<rtp::ReportBlock> blocks;
  std::string cname;
  bool bye = false;
};

Parsed parsed(const std::vector<std::byte>& compound) {
  EXPECT_TRUE(rtp::valid_compound(compound));
  Parsed out;
  rtp::RtcpReader reader(compound);
  rtp::RtcpItem item;
  while (reader.next(item)) {
    if (item.reports() || item.is(rtp::RtcpType::kSenderReport) ||
        item.is(rtp::RtcpType::kReceiverReport)) {
      out.ssrc = item.ssrc;
      out.info = item.sender_info();
      for (std::size_t i = 0; i < item.reports(); ++i) out.blocks.push_back(item.report(i));
    }
    if (item.is(rtp::RtcpType::kSdes)) out.cname = item.cname();
    if (item.is(rtp::RtcpType::kBye)) out.bye = true;
  }
  return out;
}

TEST_F(TwoPeers, ReportsCrossInTermsOfTheStreamsThatEachSideKnows) {
  secure_bob();
  up();
  talk(20);
  const auto ours_to_alice = alice.heard.back().header;
  const rtp::ReportBlock about{.ssrc = ours_to_alice.ssrc,
                               .fraction_lost = 9,
                               .cumulative_lost = 2,
                               .highest_sequence = 0x30000u | ours_to_alice.sequence,
                               .jitter = 11,
                               .last_sr = 5,
                               .delay_since_sr = 6};
  alice.report(std::span(&about, 1));
  ASSERT_EQ(bob.reports.size(), 1u);
  EXPECT_EQ(bob.broken, 0);
  const Parsed p = parsed(bob.reports[0]);
  EXPECT_EQ(p.ssrc, bob.heard.back().header.ssrc);
  ASSERT_TRUE(p.info);
  EXPECT_EQ(p.info->ntp, 0x1111222233334444u);
  // Alice's next timestamp, in our numbering towards Bob.
  EXPECT_EQ(p.info->rtp_timestamp, bob.heard.back().header.timestamp + 160);
  EXPECT_EQ(p.info->packets, 20u);
  ASSERT_EQ(p.blocks.size(), 1u);
  EXPECT_EQ(p.blocks[0].ssrc, bob.ssrc);
  EXPECT_EQ(static_cast<std::uint16_t>(p.blocks[0].highest_sequence),
            static_cast<std::uint16_t>(bob.sequence - 1));
  EXPECT_EQ(p.blocks[0].jitter, 11u);
  EXPECT_EQ(p.blocks[0].last_sr, 5u);
  EXPECT_NE(p.cname, "secret@10.0.0.1");
  EXPECT_EQ(p.cname.size(), 16u);
  EXPECT_FALSE(p.bye);  // our SSRC goes on
}

TEST_F(TwoPeers, RtcpIsSentForTheWholeCallAlsoOnHold) {
  PROVES("TDM-12");
  secure_bob();
  up();
  talk(10);
  agree_a.direction = agree_b.direction = sdp::Direction::kInactive;
  ASSERT_TRUE(plane->apply(a, agree_a));
  ASSERT_TRUE(plane->apply(b, agree_b));
  for (int i = 0; i < 60; ++i) net.pass(Seconds(1));
  EXPECT_GE(bob.reports.size(), 12u);
  EXPECT_GE(alice.reports.size(), 12u);
  EXPECT_EQ(bob.broken, 0);
  const Parsed first = parsed(bob.reports.front());
  ASSERT_TRUE(first.info);
  EXPECT_EQ(first.info->packets, 10u);
  EXPECT_EQ(first.ssrc, bob.heard.back().header.ssrc);
  ASSERT_EQ(first.blocks.size(), 1u);
  EXPECT_EQ(first.blocks[0].ssrc, bob.ssrc);
  EXPECT_FALSE(parsed(bob.reports.back()).info);  // nothing was sent since: a receiver report
  EXPECT_EQ(events.log.size(), 2u);               // held: nothing is missing
}

TEST_F(TwoPeers, HoldByZeroAddressKeepsRtcpGoingToWhereThePeerWas) {
  up();
  talk(2);
  agree_a.remote.rtp.address = agree_a.remote.rtcp.address = IpAddress{};
  agree_a.direction = sdp::Direction::kRecvOnly;
  ASSERT_TRUE(plane->apply(a, agree_a));
  net.pass(Seconds(12));
  EXPECT_GE(alice.reports.size(), 2u);
}

TEST_F(TwoPeers, RoundTripIsMeasuredFromReportsOnOurs) {
  up();
  talk(10);
  net.pass(Seconds(6));
  ASSERT_FALSE(alice.reports.empty());
  const Parsed sr = parsed(alice.reports.front());
  ASSERT_TRUE(sr.info);
  const Instant before = net.now();
  net.pass(Millis(300));
  (void)before;
  // It was sent at a whole second of the tick; the peer held it for all but 80 ms of the time
  // since.
  const auto block = [&](double held) {
    return rtp::ReportBlock{.ssrc = sr.ssrc,
                            .last_sr = rtp::middle(sr.info->ntp),
                            .delay_since_sr = static_cast<std::uint32_t>(held * 65'536)};
  };
  const auto whole = block(0);
  alice.report(std::span(&whole, 1), false);
  const double all = plane->stats(a).round_trip_ms.value();
  const auto most = block((all - 80) / 1000);
  alice.report(std::span(&most, 1), false);
  EXPECT_NEAR(plane->stats(a).round_trip_ms.value(), 80, 0.5);
  // Our own SR means nothing to Bob.
  EXPECT_EQ(parsed(bob.reports.back()).blocks.at(0).last_sr, 0u);
}

TEST_F(TwoPeers, MuxPutsRtcpOnTheRtpPort) {
  PROVES("TDM-13");
  agree_a.rtcp_mux = true;
  up();
  talk(2);
  std::vector<std::byte> p(64);
  rtp::RtcpWriter w(p);
  w.receiver_report(alice.ssrc, {});
  alice.raw(std::span(p).first(w.size()));
  EXPECT_EQ(bob.reports.size(), 1u);
  net.pass(Seconds(6));
  EXPECT_FALSE(alice.reports.empty());
  const auto muxed = plane->open(realm, Family::kV4, true);
  EXPECT_EQ(plane->local(*muxed)->public_rtcp_port, plane->local(*muxed)->public_rtp.port);
}

TEST_F(TwoPeers, SaysGoodbyeWhenALegCloses) {
  up();
  talk(2);
  net.pass(Seconds(6));
  alice.reports.clear();
  plane->close(a);
  ASSERT_EQ(alice.reports.size(), 1u);
  EXPECT_TRUE(parsed(alice.reports[0]).bye);
}

}  // namespace
}  // namespace causeway::media
