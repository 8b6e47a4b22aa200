#include "codec/jitter_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace causeway::codec {
namespace {

using Kind = JitterBuffer::Kind;
using Put = JitterBuffer::Put;
using Content = JitterBuffer::Content;

constexpr Micros kTick = Millis(20);
Instant at(Micros t) { return Instant{} + Seconds(1000) + t; }

struct Packet {
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;
  Micros arrival{0};
  Content content = Content::kAudio;
};

std::vector<std::byte> body(std::uint32_t sequence) {
  std::vector<std::byte> b(4);
  for (std::size_t i = 0; i < 4; ++i) b[i] = static_cast<std::byte>(sequence >> (8 * i));
  return b;
}
std::uint32_t sequence_in(std::span<const std::byte> b) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < 4; ++i) n |= std::to_integer<std::uint32_t>(b[i]) << (8 * i);
  return n;
}

struct Played {
  Kind kind;
  std::uint32_t sequence = 0;
  Micros when{0};
  Micros waited{0};
};

// Packets as they arrive against a player that asks every `tick`; what must always hold is checked.
struct Rig {
  explicit Rig(JitterSettings s = {}) : settings(s), buffer(s) {}

  void run(std::vector<Packet> packets, Micros until, Micros tick = kTick, bool quiet = false) {
    std::ranges::sort(packets, {},
                      [](const Packet& p) { return std::pair(p.arrival, p.sequence); });
    std::size_t next = 0;
    for (; now < until; now += tick) {
      for (; next < packets.size() && packets[next].arrival <= now; ++next) {
        const Packet& p = packets[next];
        if (buffer.put(p.sequence, p.timestamp, body(p.sequence), at(p.arrival), p.content) ==
            Put::kTaken) {
          arrivals.emplace_back(p.sequence, p.arrival);
        }
      }
      while (one(quiet)) {
      }
    }
  }

  // Whether to ask again at once.
  bool one(bool quiet) {
    const auto got = buffer.get(at(now), quiet);
    Played p{got.kind};
    p.when = now;
    EXPECT_LE(got.duration, settings.clock);
    if (got.kind == Kind::kPacket || got.kind == Kind::kSkip) {
      p.sequence = sequence_in(got.payload);
      EXPECT_TRUE(last < 0 || p.sequence > static_cast<std::uint32_t>(last)) << p.sequence;
      last = p.sequence;
      const auto arrived =
          std::ranges::find(arrivals, p.sequence, &std::pair<std::uint32_t, Micros>::first);
      EXPECT_NE(arrived, arrivals.end());
      if (arrived != arrivals.end()) {
        p.waited = now - arrived->second;
        arrivals.erase(arrived);
      }
      EXPECT_LE(p.waited, settings.most + Millis(20));
    } else {
      EXPECT_GT(got.duration, 0U);
    }
    if (!got.next.empty()) {
      EXPECT_GT(sequence_in(got.next), static_cast<std::uint32_t>(std::max<std::int64_t>(last, 0)));
    }
    played.push_back(p);
    return got.kind == Kind::kSkip;
  }

  [[nodiscard]] long count(Kind kind, Micros from = {}) const {
    return std::ranges::count_if(played,
                                 [&](const Played& p) { return p.kind == kind && p.when >= from; });
  }
  [[nodiscard]] Micros longest_wait(Micros from) const {
    Micros most{0};
    for (const Played& p : played) {
      if (p.when >= from) most = std::max(most, p.waited);
    }
    return most;
  }

  JitterSettings settings;
  JitterBuffer buffer;
  Micros now{0};
  std::int64_t last = -1;
  std::vector<std::pair<std::uint32_t, Micros>> arrivals;
  std::vector<Played> played;
};

std::vector<Packet> stream(std::size_t n, std::uint32_t first = 100, Micros each = kTick) {
  std::vector<Packet> s(n);
  for (std::size_t i = 0; i < n; ++i) {
    s[i] = {first + static_cast<std::uint32_t>(i), 7000 + 160 * static_cast<std::uint32_t>(i),
            each * static_cast<std::int64_t>(i) + Millis(3)};
  }
  return s;
}

TEST(JitterBuffer, ASteadyStreamIsPlayedWithTheDelayOfOnePacketAndNothingMadeUp) {
  Rig r;
  r.run(stream(500), Seconds(10));
  EXPECT_GE(r.count(Kind::kPacket), 498);
  EXPECT_EQ(r.count(Kind::kLost), 0);
  EXPECT_EQ(r.count(Kind::kLate), 0);
  EXPECT_EQ(r.count(Kind::kSkip), 0);
  EXPECT_LE(r.longest_wait({}), Millis(30));
}

TEST(JitterBuffer, ALostPacketIsConcealedOnceAndWithAPacketInHandTheOneAfterItIsThere) {
  Rig r({.least = Millis(20)});
  auto s = stream(100);
  s.erase(s.begin() + 50);
  std::size_t with_next = 0;
  std::size_t next = 0;
  for (Micros now{0}; now < Seconds(2); now += kTick) {
    for (; next < s.size() && s[next].arrival <= now; ++next) {
      ASSERT_EQ(r.buffer.put(s[next].sequence, s[next].timestamp, body(s[next].sequence),
                             at(s[next].arrival)),
                Put::kTaken);
    }
    const auto got = r.buffer.get(at(now));
    if (got.kind == Kind::kLost) {
      EXPECT_EQ(got.duration, 160U);
      if (!got.next.empty()) {
        ++with_next;
        EXPECT_EQ(sequence_in(got.next), 151U);
      }
    }
  }
  EXPECT_EQ(r.buffer.counts().lost, 1U);
  EXPECT_EQ(with_next, 1U);
}

TEST(JitterBuffer, LossesDoNotMakeTheDelayGrow) {
  std::mt19937 random(1);
  Rig r;
  auto s = stream(3000);
  std::erase_if(s, [&](const Packet&) { return random() % 10 == 0; });
  const std::size_t sent = s.size();
  r.run(s, Seconds(60));
  EXPECT_LE(r.longest_wait(Seconds(1)), Millis(45));
  EXPECT_GE(r.count(Kind::kPacket) + r.count(Kind::kSkip), static_cast<long>(sent) - 2);
}

TEST(JitterBuffer, JitterMakesItGrowUntilPacketsAreInTimeAndItShrinksWhenThatIsOver) {
  std::mt19937 random(2);
  Rig r;
  auto s = stream(4500);
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (i >= 500 && i < 2000) s[i].arrival += Micros(random() % 60'000);
  }
  r.run(s, Seconds(90));
  // Two seconds to learn; then one in 50 may be late.
  long made_up = 0;
  for (const Played& p : r.played) {
    const bool bad = p.kind == Kind::kLost || p.kind == Kind::kLate;
    made_up += bad && p.when > Seconds(12) && p.when < Seconds(40) ? 1 : 0;
  }
  EXPECT_LE(made_up, 28);
  EXPECT_GT(r.longest_wait(Seconds(15)), Millis(50));
  EXPECT_LE(r.longest_wait(Seconds(75)), Millis(45));
  EXPECT_EQ(r.count(Kind::kLost, Seconds(60)) + r.count(Kind::kLate, Seconds(60)), 0);
}

TEST(JitterBuffer, QuietMomentsAreUsedToShrinkAtOnce) {
  const auto settled_after = [](bool quiet) {
    Rig r;
    auto s = stream(2000);
    // A burst: nothing for 160 ms, then all of it.
    for (std::size_t i = 500; i < 508; ++i) s[i].arrival = s[508].arrival;
    r.run(s, Seconds(40), kTick, quiet);
    Micros last{0};
    for (const Played& p : r.played) {
      if (p.waited > Millis(50)) last = p.when;
    }
    return last;
  };
  EXPECT_LT(settled_after(true), Seconds(17));
  EXPECT_LT(settled_after(true), settled_after(false));
  EXPECT_LT(settled_after(false), Seconds(40));
}

TEST(JitterBuffer, ASenderWithAnotherClockIsFollowed) {
  for (const int ppm : {-500, -50, 50, 500}) {
    Rig r;
    auto s = stream(15000, 100, kTick * (1'000'000 + ppm) / 1'000'000);
    r.run(s, Seconds(290));
    EXPECT_LE(r.longest_wait({}), Millis(70)) << ppm;
    // 500 ppm of 290 s is 145 ms: seven packets more or less.
    EXPECT_LE(r.count(Kind::kLate) + r.count(Kind::kSkip) + r.count(Kind::kLost), 12) << ppm;
  }
}

TEST(JitterBuffer, PacketsOutOfOrderComeOutInOrderOnceTheDelayAllowsIt) {
  Rig r;
  auto s = stream(1000);
  for (std::size_t i = 1; i < s.size(); i += 2) s[i].arrival -= Millis(25);
  r.run(s, Seconds(20));
  EXPECT_GE(r.count(Kind::kPacket, Seconds(5)), 735);
  EXPECT_LE(r.count(Kind::kLost, Seconds(5)), 5);
}

TEST(JitterBuffer, DuplicatesAreToldFromLatePackets) {
  JitterBuffer b({});
  ASSERT_EQ(b.put(1, 0, body(1), at(Millis(0))), Put::kTaken);
  EXPECT_EQ(b.put(1, 0, body(1), at(Millis(1))), Put::kDuplicate);
  ASSERT_EQ(b.get(at(Millis(20))).kind, Kind::kPacket);
  EXPECT_EQ(b.put(1, 0, body(1), at(Millis(21))), Put::kDuplicate);
  ASSERT_EQ(b.put(3, 320, body(3), at(Millis(40))), Put::kTaken);
  ASSERT_EQ(b.get(at(Millis(40))).kind, Kind::kLost);
  ASSERT_EQ(b.get(at(Millis(60))).kind, Kind::kPacket);
  EXPECT_EQ(b.put(2, 160, body(2), at(Millis(61))), Put::kLate);
  EXPECT_EQ(b.counts().duplicate, 2U);
  EXPECT_EQ(b.counts().late, 1U);
}

TEST(JitterBuffer, AGapInTimestampsAloneIsSilenceAndNotALoss) {
  Rig r;
  auto s = stream(200);
  for (std::size_t i = 100; i < 200; ++i) {
    s[i].timestamp += 8000;
    s[i].arrival += Seconds(1);
  }
  // The sender says so before it stops.
  s[99].content = Content::kSilence;
  r.run(s, Seconds(5) + kTick);
  EXPECT_EQ(r.count(Kind::kLost), 0);
  EXPECT_EQ(r.count(Kind::kLate), 0);
  EXPECT_EQ(r.count(Kind::kPacket), 200);
  EXPECT_LE(r.longest_wait({}), Millis(45));
}

TEST(JitterBuffer, ASenderThatFallsSilentWithoutAWordIsConcealedForAMomentOnly) {
  Rig r;
  r.run(stream(100), Seconds(10));
  EXPECT_GT(r.count(Kind::kLate), 0);
  EXPECT_LE(r.count(Kind::kLate), 7);
}

TEST(JitterBuffer, EventsThatTakeSequenceNumbersAreNotLosses) {
  Rig r;
  auto s = stream(200);
  for (std::size_t i = 90; i < 110; ++i) s[i].content = Content::kOther;
  r.run(s, Seconds(4) + kTick);
  EXPECT_EQ(r.count(Kind::kLost), 0);
  EXPECT_EQ(r.count(Kind::kLate), 0);
  EXPECT_EQ(r.count(Kind::kPacket), 180);
}

TEST(JitterBuffer, ATimestampThatJumpsBeginsANewTimeLine) {
  for (const std::uint32_t jump : {80'000U, 0x9000'0000U, static_cast<std::uint32_t>(-160'000)}) {
    Rig r;
    auto s = stream(300);
    for (std::size_t i = 150; i < 300; ++i) s[i].timestamp += jump;
    r.run(s, Seconds(6));
    EXPECT_GE(r.count(Kind::kPacket), 297) << jump;
    EXPECT_LE(r.count(Kind::kLost) + r.count(Kind::kLate), 2) << jump;
    EXPECT_LE(r.longest_wait({}), Millis(45));
  }
}

TEST(JitterBuffer, ASequenceNumberThatJumpsIsFollowed) {
  Rig r;
  auto s = stream(300);
  for (std::size_t i = 150; i < 300; ++i) s[i].sequence += 5000;
  r.run(s, Seconds(6));
  EXPECT_GE(r.count(Kind::kPacket), 295);

  Rig back;
  s = stream(300, 100'000);
  for (std::size_t i = 150; i < 300; ++i) s[i].sequence -= 50'000;
  std::size_t next = 0;
  long played = 0;
  for (Micros now{0}; now < Seconds(6); now += kTick) {
    for (; next < s.size() && s[next].arrival <= now; ++next) {
      (void)back.buffer.put(s[next].sequence, s[next].timestamp, body(s[next].sequence),
                            at(s[next].arrival));
    }
    played += back.buffer.get(at(now)).kind == Kind::kPacket ? 1 : 0;
  }
  EXPECT_GE(played, 275);
}

TEST(JitterBuffer, NumbersAndTimestampsMayWrap) {
  Rig r;
  std::vector<Packet> s = stream(200);
  for (Packet& p : s) p.timestamp += 0xFFFF'FFFFU - 7000 - 100 * 160;
  r.run(s, Seconds(4) + kTick);
  EXPECT_EQ(r.count(Kind::kPacket), 200);
  EXPECT_EQ(r.count(Kind::kLost), 0);
}

TEST(JitterBuffer, PacketsOfAnotherLengthThanAnnouncedAreLearned) {
  Rig r({.least = Millis(60)});
  std::vector<Packet> s;
  for (std::uint32_t i = 0; i < 200; ++i) s.push_back({i, 480 * i, Millis(60 * i + 3)});
  s.erase(s.begin() + 100);
  // Whoever plays 60 ms asks every 60 ms.
  r.run(s, Seconds(12), Millis(60));
  EXPECT_GE(r.count(Kind::kPacket), 197);
  EXPECT_EQ(r.count(Kind::kLost), 1);
  EXPECT_LE(r.count(Kind::kLate), 2);
}

TEST(JitterBuffer, WhateverTheNetworkDoesEachPacketComesOutInOrderAtMostOnceAndInTime) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto upto = [&](unsigned n) { return n == 0 ? 0U : static_cast<unsigned>(random() % n); };
    JitterSettings settings;
    settings.most = Millis(40 + upto(200));
    settings.least = Millis(upto(30));
    Rig r(settings);
    auto s = stream(1500);
    const unsigned loss = upto(20);
    const unsigned jitter = upto(150);
    const unsigned twice = upto(10);
    const std::size_t burst = upto(1400);
    std::vector<Packet> net;
    for (std::size_t i = 0; i < s.size(); ++i) {
      Packet p = s[i];
      if (upto(100) < loss) continue;
      p.arrival += Millis(upto(jitter));
      if (i >= burst && i < burst + 60)
        p.arrival = s[burst + 60 < s.size() ? burst + 60 : 1499].arrival;
      if (upto(100) == 0) p.timestamp += upto(100'000);
      net.push_back(p);
      if (upto(100) < twice) {
        p.arrival += Millis(upto(300));
        net.push_back(p);
      }
    }
    r.run(net, Seconds(33), kTick, upto(2) == 0);
    const auto& c = r.buffer.counts();
    EXPECT_EQ(c.taken, c.played + c.skipped + c.dropped) << seed;
    if (HasFailure()) {
      ADD_FAILURE() << "seed " << seed;
      return;
    }
  }
}

}  // namespace
}  // namespace causeway::codec
