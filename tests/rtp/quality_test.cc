#include "rtp/quality.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "rtp/bytes.h"
#include "rtp/voip_metrics.h"

namespace causeway::rtp {
namespace {

// --- the E-model ---

TEST(EModel, DefaultsGiveThePublishedRating) {
  // G.107: "with all parameters at their defaults R = 93.2", and Annex B gives MOS 4.41 for it.
  EXPECT_NEAR(r_factor(EModelInput{}), 93.2, 0.05);
  EXPECT_NEAR(mos_of(93.2), 4.41, 0.005);
}

TEST(EModel, OpinionScalePointsOfAnnexB) {
  EXPECT_EQ(mos_of(-5), 1);
  EXPECT_EQ(mos_of(0), 1);
  EXPECT_NEAR(mos_of(50), 2.58, 0.01);  // the borders of G.107 table B.1
  EXPECT_NEAR(mos_of(60), 3.10, 0.01);
  EXPECT_NEAR(mos_of(70), 3.60, 0.01);
  EXPECT_NEAR(mos_of(80), 4.03, 0.01);
  EXPECT_NEAR(mos_of(90), 4.34, 0.01);
  EXPECT_EQ(mos_of(100), 4.5);
  EXPECT_EQ(mos_of(120), 4.5);
  for (double r = 0; r < 100; r += 0.5) EXPECT_LE(mos_of(r), mos_of(r + 0.5) + 0.01) << r;
}

TEST(EModel, DelayCostsWhatThePublishedCurveSays) {
  // Cole and Rosenbluth's fit of G.107 (2001): 0.024 d + 0.11 (d - 177.3) above 177.3 ms.
  for (const double d : {50.0, 100.0, 150.0, 200.0, 300.0}) {
    const double id = 0.024 * d + (d > 177.3 ? 0.11 * (d - 177.3) : 0);
    EXPECT_NEAR(r_factor({0, 4.3}, 0, 1, d), 93.2 - id, 1.0) << d;
  }
}

TEST(EModel, LossCostsWhatG113GivesForTheCodec) {
  // Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl)
  struct Case {
    const char* codec;
    double loss;
    double burst;
    double ie_eff;
  };
  for (const Case& c : {
           Case{"PCMU", 0, 1, 0},
           Case{"pcma", 1, 1, 95 / 26.1},
           Case{"PCMA", 5, 2, 475 / 27.6},
           Case{"G729", 0, 1, 11},
           Case{"G729", 2, 1, 11 + 168.0 / 21},
           Case{"AMR", 3, 1, 5 + 270.0 / 13},
           Case{"G726-32", 0, 1, 7},
           Case{"G723", 1, 1, 15 + 80 / 17.1},
           Case{"opus", 0, 1, 0},
       })
    EXPECT_NEAR(r_factor(impairment_of(c.codec), c.loss, c.burst, 0), 93.2 - c.ie_eff, 0.05)
        << c.codec << " " << c.loss;
  EXPECT_NEAR(r_factor({0, 4.3}, 1, 1, 0), 93.2 - 95 / 5.3, 0.05);  // G.711 without concealment
}

// --- bursts ---

// RFC 3611 A.2 as it is printed there, over a whole sequence.
struct Printed {
  double burst_density = 0;
  double gap_density = 0;
};
Printed printed(const std::vector<bool>& came) {
  double c11 = 0, c13 = 0, c14 = 0, c22 = 0, c23 = 0, c33 = 0;
  unsigned pkt = 0, lost = 0;
  for (const bool ok : came) {
    if (ok) {
      ++pkt;
      continue;
    }
    if (pkt >= 16) {
      lost == 1 ? ++c14 : ++c13;
      lost = 1;
      c11 += pkt;
    } else {
      ++lost;
      if (pkt == 0) {
        ++c33;
      } else {
        ++c23;
        c22 += pkt - 1;
      }
    }
    pkt = 0;
  }
  Printed p;
  const double p32 = c13 + c23 + c33 > 0 ? c23 / (c13 + c23 + c33) : 0;
  const double p23 = c22 + c23 < 1 ? 1 : 1 - c22 / (c22 + c23);
  p.burst_density = p23 / (p23 + p32);
  p.gap_density = c14 / (c11 + c14);
  return p;
}

TEST(BurstModel, AgreesWithTheAlgorithmOfTheRfc) {
  SeededRandom random(6);
  for (int run = 0; run < 50; ++run) {
    std::vector<bool> came;
    bool bad = false;
    for (int i = 0; i < 5'000; ++i) {
      if (random.below(bad ? 20 : 200) == 0) bad = !bad;
      came.push_back(random.below(100) >= (bad ? 40u : 1u));
    }
    for (int i = 0; i < 15; ++i) came.push_back(false);  // no gap is open at the end
    BurstModel m;
    for (const bool ok : came) ok ? m.received() : m.lost();
    const auto r = m.result();
    const Printed p = printed(came);
    EXPECT_NEAR(r.burst_density, p.burst_density, 1e-9);
    EXPECT_NEAR(r.gap_density, p.gap_density, 1e-9);
    EXPECT_GT(r.burst_packets, 0);
  }
}

TEST(BurstModel, LossesInARowAreTheSameTogetherAndOneByOne) {
  BurstModel a;
  BurstModel b;
  for (const std::uint32_t n : {1u, 5u, 30u, 2u}) {
    a.received(20);
    b.received(20);
    a.lost(n);
    for (std::uint32_t i = 0; i < n; ++i) b.lost();
    a.received(3);
    b.received(3);
    a.lost(n);
    for (std::uint32_t i = 0; i < n; ++i) b.lost();
  }
  EXPECT_EQ(a.result().burst_density, b.result().burst_density);
  EXPECT_EQ(a.result().burst_packets, b.result().burst_packets);
  EXPECT_EQ(a.result().gap_packets, b.result().gap_packets);
}

TEST(BurstModel, AStreamWithoutLossIsOneGap) {
  BurstModel m;
  m.received(1'000);
  EXPECT_EQ(m.result().burst_density, 0);
  EXPECT_EQ(m.result().gap_density, 0);
  EXPECT_EQ(m.result().burst_packets, 0);
}

// --- a stream ---

class Stream {
 public:
  explicit Stream(std::uint16_t first = 65'500) : sequence_(first) {
    monitor.set_codec(impairment_of("PCMU"), 8'000, Millis(20));
  }
  // One packet that was sent 20 ms after the one before.
  void packet(Micros late = Micros(0), bool lost = false) {
    now += Millis(20);
    timestamp_ += 160;
    ++sequence_;
    if (!lost) monitor.packet(sequence_, timestamp_, now + late);
    if (const auto r = monitor.poll(now)) reports.push_back(*r);
  }
  void packets(int n) {
    while (n-- > 0) packet();
  }
  void repeat(std::uint16_t back, Micros late) {
    monitor.packet(static_cast<std::uint16_t>(sequence_ - back), timestamp_ - back * 160u,
                   now + late);
  }
  void jump(std::uint16_t sequences, std::uint32_t timestamps) {
    sequence_ = static_cast<std::uint16_t>(sequence_ + sequences);
    timestamp_ += timestamps;
  }
  QualityMonitor monitor;
  std::vector<QualityReport> reports;
  Instant now{Seconds(3)};

 private:
  std::uint16_t sequence_;
  std::uint32_t timestamp_ = 0xffff'ff00;
};

TEST(QualityMonitor, ACleanStreamIsAsGoodAsTheCodec) {
  Stream s;
  s.packets(3'000);
  ASSERT_EQ(s.reports.size(), 5u);
  for (const auto& r : s.reports) {
    EXPECT_EQ(r.loss.lost + r.loss.discarded, 0u);
    EXPECT_GT(r.mos, 4.3);
    EXPECT_EQ(r.jitter, Micros(0));
  }
  const auto sum = s.monitor.summary();
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->loss.expected, 3'000u);
  EXPECT_EQ(sum->loss.lost, 0u);
  EXPECT_NEAR(sum->r_min, sum->r_average, 0.01);
}

TEST(QualityMonitor, LossIsCountedByIntervalAndTheWorstIsKept) {
  Stream s;
  s.packets(1'000);
  for (int i = 0; i < 500; ++i) s.packet(Micros(0), i % 10 == 0);
  s.packets(1'500);
  const auto sum = s.monitor.summary();
  EXPECT_EQ(sum->loss.lost, 50u);
  EXPECT_EQ(sum->loss.runs, 50u);
  EXPECT_EQ(sum->loss.expected, 3'000u);
  EXPECT_LT(sum->r_min, 75);
  EXPECT_GT(sum->r_last, 90);
  EXPECT_GT(sum->r_average, sum->r_min);
  EXPECT_LT(sum->r_average, sum->r_last);
}

TEST(QualityMonitor, BurstsHurtMoreThanTheSameLossSpreadOut) {
  Stream spread;
  Stream bursty;
  for (int i = 0; i < 3'000; ++i) {
    spread.packet(Micros(0), i % 20 == 10);
    bursty.packet(Micros(0), i % 200 >= 100 && i % 200 < 110);
  }
  const auto a = spread.monitor.summary();
  const auto b = bursty.monitor.summary();
  EXPECT_EQ(a->loss.lost, b->loss.lost);
  EXPECT_NEAR(a->loss.burst_ratio(), 1, 0.01);
  EXPECT_NEAR(b->loss.burst_ratio(), 9.5, 0.01);  // ten in a row, times 95 %
  EXPECT_LT(b->r_average, a->r_average - 1);
  EXPECT_GT(b->bursts.burst_density, 0.9);
  EXPECT_NEAR(b->bursts.burst_packets, 10, 1);
}

TEST(QualityMonitor, ReorderedAndDuplicatedPacketsAreNoLoss) {
  Stream s;
  for (int i = 0; i < 602; ++i) {
    s.packet(Micros(0), i % 7 == 3);
    if (i % 7 == 6) s.repeat(3, Millis(1));
    if (i % 5 == 0) s.repeat(0, Micros(10));
  }
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
  EXPECT_EQ(s.monitor.summary()->loss.expected, 602u);
}

TEST(QualityMonitor, PacketsThatAreTooLateToBePlayedCountAsDiscarded) {
  Stream s;
  for (int i = 0; i < 1'000; ++i) s.packet(i % 50 == 25 ? Millis(250) : Millis(0));
  const auto sum = s.monitor.summary();
  EXPECT_EQ(sum->loss.lost, 0u);
  EXPECT_EQ(sum->loss.discarded, 20u);
  EXPECT_LT(sum->r_average, 92);
}

TEST(QualityMonitor, APathThatBecameLongerIsFollowed) {
  Stream s;
  s.packets(500);
  for (int i = 0; i < 1'000; ++i) s.packet(Millis(150));
  const auto sum = s.monitor.summary();
  EXPECT_LT(sum->loss.discarded, 130u);
  const auto before = sum->loss.discarded;
  for (int i = 0; i < 1'000; ++i) s.packet(Millis(150));
  EXPECT_EQ(s.monitor.summary()->loss.discarded, before);
}

TEST(QualityMonitor, JitterIsThatOfRfc3550) {
  Stream s;
  double j = 0;
  double before = 0;
  SeededRandom random(8);
  for (int i = 0; i < 2'000; ++i) {
    const auto late = static_cast<std::int64_t>(random.below(10'000));
    s.packet(Micros(late));
    if (i > 0) j += (std::abs(static_cast<double>(late) - before) - j) / 16;
    before = static_cast<double>(late);
  }
  EXPECT_NEAR(static_cast<double>(s.monitor.summary()->jitter.count()), j, 20);
}

TEST(QualityMonitor, TheRoundTripTellsInTheRating) {
  Stream s;
  s.monitor.set_round_trip(Millis(600));
  s.packets(600);
  EXPECT_NEAR(static_cast<double>(s.reports[0].one_way.count()), 360'000, 1'000);
  EXPECT_LT(s.reports[0].mos, 3.6);
}

TEST(QualityMonitor, EventsDoNotCountAsJitterAndTimestampsMayBeginAnew) {
  Stream s;
  s.packets(200);
  for (int i = 0; i < 5; ++i) {
    s.now += Millis(20);
    s.jump(1, 160);
    s.monitor.packet(static_cast<std::uint16_t>(65'500 + 200 + 1 + i), 77, s.now, false);
  }
  s.jump(0, 1'000'000);
  s.packets(200);
  EXPECT_EQ(s.monitor.summary()->jitter_max, Micros(0));
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
  EXPECT_EQ(s.monitor.summary()->loss.discarded, 0u);
}

TEST(QualityMonitor, ASequenceThatBeginsAnewIsNoLossAndAStrayPacketIsNothing) {
  Stream s;
  s.packets(200);
  s.jump(20'000, 5);
  s.packets(200);
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
  EXPECT_GE(s.monitor.summary()->loss.expected, 399u);
  s.monitor.packet(5, 5, s.now);
  s.packets(100);
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
  s.monitor.new_source();
  s.packets(100);
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
}

TEST(QualityMonitor, HoldIsNoInterval) {
  Stream s;
  s.packets(600);
  const auto before = s.reports.size();
  for (int i = 0; i < 10; ++i) {
    s.now += Seconds(10);
    const auto r = s.monitor.poll(s.now);
    if (i > 0) {
      EXPECT_FALSE(r);
    }
  }
  s.jump(0, 160u * 5'000u);
  s.packets(600);
  EXPECT_GT(s.reports.size(), before);
  EXPECT_EQ(s.monitor.summary()->loss.lost, 0u);
  EXPECT_FALSE(QualityMonitor().summary());
}

TEST(QualityMonitor, AnySequenceOfNumbersKeepsTheCountsInOrder) {
  SeededRandom random(12);
  for (int run = 0; run < 200; ++run) {
    QualityMonitor m;
    Instant now{};
    std::uint16_t sequence = 0;
    for (int i = 0; i < 2'000; ++i) {
      now += Micros(static_cast<std::int64_t>(random.below(60'000)));
      sequence = static_cast<std::uint16_t>(
          random.below(4) == 0 ? random.u64() : sequence + random.below(200) - 60);
      m.packet(sequence, static_cast<std::uint32_t>(random.u64()), now, random.below(9) != 0);
      (void)m.poll(now);
    }
    const auto s = m.summary();
    ASSERT_TRUE(s);
    EXPECT_GE(s->loss.expected, s->loss.lost + s->loss.discarded);
    EXPECT_GE(s->loss.lost + s->loss.discarded, s->loss.runs);
    EXPECT_GE(s->r_min, 0);
    EXPECT_LE(s->r_average, 93.3);
  }
}

// --- one way ---

// --- VoIP metrics ---

TEST(VoipMetrics, WhatIsWrittenIsReadBack) {
  SeededRandom random(3);
  for (int i = 0; i < 100; ++i) {
    std::array<std::byte, 28> fields{};
    random.fill(fields);
    VoipMetrics m{get32(&fields[0]),  get8(&fields[4]),   get8(&fields[5]),
                  get8(&fields[6]),   get8(&fields[7]),   get16(&fields[8]),
                  get16(&fields[10]), get16(&fields[12]), get16(&fields[14])};
    m.r_factor = get8(&fields[16]);
    m.mos_cq = get8(&fields[17]);
    m.buffer_limit = get16(&fields[18]);
    std::array<std::byte, kVoipMetricsPacket> packet{};
    write_voip_metrics(packet, 99, m);
    RtcpReader reader(packet);
    RtcpItem item;
    ASSERT_TRUE(reader.next(item));
    EXPECT_EQ(item.ssrc, 99u);
    EXPECT_EQ(voip_metrics(item), m);
    EXPECT_FALSE(reader.next(item));
    EXPECT_FALSE(reader.malformed());
  }
}

TEST(Quality, GoesOnInAnotherPlace) {
  Stream whole, first;
  for (int i = 0; i < 3'000; ++i) whole.packet(Micros(0), i % 10 == 5);
  for (int i = 0; i < 1'500; ++i) first.packet(Micros(0), i % 10 == 5);
  first.monitor = first.monitor.carried();
  EXPECT_EQ(first.monitor, first.monitor.carried()) << "all of it is settled";
  first.monitor.set_codec(impairment_of("PCMA"), 8'000, Millis(20));
  for (int i = 0; i < 1'500; ++i) first.packet(Micros(0), i % 10 == 5);
  const auto a = *whole.monitor.summary(), b = *first.monitor.summary();
  EXPECT_NEAR(a.loss.lost, b.loss.lost, 1);
  EXPECT_NEAR(a.loss.expected, b.loss.expected, 2);
  EXPECT_NEAR(a.mos_average(), b.mos_average(), 0.05);
}

TEST(VoipMetrics, OtherBlocksAreSteppedOverAndLyingOnesEndTheSearch) {
  std::array<std::byte, kVoipMetricsPacket> one{};
  write_voip_metrics(one, 99, {.ssrc = 7, .loss_rate = 3});
  std::vector<std::byte> p(kVoipMetricsPacket + 12);
  std::copy_n(one.begin(), 8, p.begin());
  put8(&p[8], 4);  // a receipt time block of two words after its first
  put16(&p[10], 2);
  std::copy(one.begin() + 8, one.end(), p.begin() + 20);
  put16(&p[2], static_cast<unsigned>(p.size() / 4 - 1));
  RtcpReader reader(p);
  RtcpItem item;
  ASSERT_TRUE(reader.next(item));
  ASSERT_TRUE(voip_metrics(item));
  EXPECT_EQ(voip_metrics(item)->ssrc, 7u);
  p[11] = std::byte{200};
  RtcpReader lying(p);
  ASSERT_TRUE(lying.next(item));
  EXPECT_FALSE(voip_metrics(item));
}

TEST(VoipMetrics, SayWhatTheMonitorFound) {
  Stream s;
  for (int i = 0; i < 2'560; ++i) s.packet(Micros(0), i % 10 == 5);
  const VoipMetrics m = to_metrics(*s.monitor.summary(), 42, Millis(80));
  EXPECT_EQ(m.ssrc, 42u);
  EXPECT_NEAR(m.loss_rate, 26, 1);
  EXPECT_EQ(m.discard_rate, 0);
  EXPECT_EQ(m.round_trip, 80);
  EXPECT_EQ(m.end_system, 60);
  EXPECT_EQ(m.gmin, 16);
  EXPECT_NEAR(m.r_factor, s.monitor.summary()->r_average, 1);
  EXPECT_NEAR(m.mos_cq / 10.0, s.monitor.summary()->mos_average(), 0.1);
}

}  // namespace
}  // namespace causeway::rtp
