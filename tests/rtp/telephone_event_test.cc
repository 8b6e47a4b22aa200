#include "rtp/telephone_event.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "rtp/bytes.h"

namespace causeway::rtp {
namespace {

using What = EventReceiver::What;

std::array<std::byte, 4> event(std::uint8_t number, std::uint16_t duration, bool end = false) {
  std::array<std::byte, 4> b;
  write_event(b, {number, 10, duration, end});
  return b;
}

// "begin 5, end 5 (100)" as text, for short expectations. kStill is left out.
class Heard {
 public:
  explicit Heard(std::uint32_t clock = 8'000) : clock_(clock) {}

  void packet(std::uint16_t sequence, std::uint32_t timestamp, std::array<std::byte, 4> payload,
              bool marker = false) {
    take(receiver_.receive({sequence, timestamp, marker, payload, clock_}, now));
  }
  void wait(Millis d) {
    now += d;
    if (const auto h = receiver_.poll(now)) write(*h);
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] EventReceiver& receiver() { return receiver_; }

  Instant now{Seconds(5)};

 private:
  void take(const EventReceiver::List& list) {
    for (const auto& h : list) write(h);
  }
  void write(const EventReceiver::Happened& h) {
    if (h.what == What::kStill) return;
    if (!text_.empty()) text_ += ' ';
    if (h.what == What::kRefused) text_ += "refused";
    if (h.what == What::kBegin) text_ += "+" + std::to_string(h.event);
    if (h.what == What::kEnd)
      text_ +=
          "-" + std::to_string(h.event) + "(" + std::to_string(h.duration.count() / 1000) + ")";
  }
  std::uint32_t clock_;
  EventReceiver receiver_;
  std::string text_;
};

TEST(EventReceiver, OneEventGivesOneBeginAndOneEnd) {
  Heard h;
  h.packet(1, 1000, event(5, 160), true);
  h.wait(Millis(20));
  h.packet(2, 1000, event(5, 320));
  for (std::uint16_t s = 3; s < 6; ++s) {
    h.wait(Millis(20));
    h.packet(s, 1000, event(5, 480, true));
  }
  h.wait(Millis(500));
  EXPECT_EQ(h.text(), "+5 -5(60)");
}

TEST(EventReceiver, AnEventKnownOnlyByItsEndIsBothBeginAndEnd) {
  Heard h;
  h.packet(5, 1000, event(11, 480, true));
  EXPECT_EQ(h.text(), "+11 -11(60)");
}

TEST(EventReceiver, SilenceEndsAnEventAndWhatFollowsOfItIsNoNewOne) {
  Heard h;
  h.packet(1, 1000, event(5, 160), true);
  h.wait(Millis(100));
  EXPECT_EQ(h.text(), "+5");
  h.wait(Millis(1));
  EXPECT_EQ(h.text(), "+5 -5(20)");
  h.packet(9, 1000, event(5, 1120, true));
  EXPECT_EQ(h.text(), "+5 -5(20)");
  EXPECT_FALSE(h.receiver().active());
}

TEST(EventReceiver, ANewTimestampEndsAnEventWhoseEndsWereLost) {
  Heard h;
  h.packet(1, 1000, event(5, 160), true);
  h.wait(Millis(80));
  h.packet(6, 1640, event(5, 160), true);
  h.packet(7, 1640, event(5, 320, true));
  h.packet(8, 2280, event(6, 320, true));
  EXPECT_EQ(h.text(), "+5 -5(20) +5 -5(40) +6 -6(40)");
}

TEST(EventReceiver, DuplicatesAndLatePacketsSayNothing) {
  Heard h;
  h.packet(10, 1000, event(5, 160), true);
  h.packet(10, 1000, event(5, 160), true);
  h.packet(12, 1000, event(5, 480, true));
  h.packet(11, 1000, event(5, 320));
  h.packet(12, 1000, event(5, 480, true));
  h.packet(20, 2000, event(6, 160), true);
  h.packet(13, 1000, event(5, 480, true));
  h.packet(3, 200, event(4, 480, true));
  EXPECT_EQ(h.text(), "+5 -5(60) +6");
}

TEST(EventReceiver, ADuplicateThatIsSecondsLateSaysNothing) {
  Heard h;
  h.packet(10, 1000, event(5, 160, true), true);
  h.packet(20, 2000, event(6, 160, true), true);
  h.wait(Seconds(20));
  h.packet(10, 1000, event(5, 160, true), true);
  EXPECT_EQ(h.text(), "+5 -5(20) +6 -6(20)");
}

TEST(EventReceiver, ASourceThatBeganAnewUnderItsSsrcIsHeard) {
  Heard h;
  h.packet(40000, 4'000'000'000, event(5, 160, true), true);
  h.wait(Seconds(3));
  h.packet(20000, 77, event(5, 160, true), true);
  EXPECT_EQ(h.text(), "+5 -5(20) +5 -5(20)");
}

TEST(EventReceiver, LongEventsAreOneOverAllTheirSegments) {
  // RFC 4733 2.5.1.3: 20 s at 8 kHz are three segments.
  for (const bool lose : {false, true}) {
    Heard h;
    std::uint16_t sequence = 0;
    const std::uint32_t start = 0xffff'0000;  // wraps on the way
    for (std::uint32_t at = 160; at <= 160'000; at += 160) {
      const std::uint32_t segment = (at - 1) / 0xffff * 0xffff;
      ++sequence;
      h.wait(Millis(20));
      if (lose && at % 65'440 == 0) continue;
      h.packet(sequence, start + segment,
               event(16, static_cast<std::uint16_t>(at - segment), at == 160'000), at == 160);
    }
    EXPECT_EQ(h.text(), "+16 -16(20000)") << lose;
  }
}

TEST(EventReceiver, TimestampsThatRunOnWithinAnEventAreOneEvent) {
  Heard h;
  for (std::uint16_t i = 0; i < 5; ++i) {
    h.packet(i, 1000 + i * 160u, event(7, 160), i == 0);
    h.wait(Millis(20));
  }
  for (std::uint16_t i = 5; i < 8; ++i) h.packet(i, 1000 + i * 160u, event(7, 160, true));
  EXPECT_EQ(h.text().substr(0, 5), "+7 -7");
  EXPECT_EQ(std::count(h.text().begin(), h.text().end(), '+'), 1);
}

TEST(EventReceiver, WhatIsNotOneEventIsRefused) {
  Heard h;
  const auto give = [&h](std::size_t bytes) {
    const std::vector<std::byte> p(bytes);
    const auto list = h.receiver().receive({1, 1, true, p, 8'000}, h.now);
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].what, What::kRefused);
  };
  for (const std::size_t n : {0u, 1u, 3u, 5u, 8u, 160u}) give(n);
  const auto good = event(1, 160);
  EXPECT_EQ(h.receiver().receive({1, 1, true, good, 0}, h.now)[0].what, What::kRefused);
}

TEST(EventReceiver, ResetEndsWhatWasOn) {
  Heard h;
  h.packet(1, 1000, event(5, 160), true);
  const auto end = h.receiver().reset();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->what, What::kEnd);
  EXPECT_FALSE(h.receiver().reset());
}

TEST(EventDigits, NumbersAndDigitsMapBothWays) {
  for (std::uint8_t e = 0; e < 16; ++e) EXPECT_EQ(event_of(*digit_of(e)), e);
  EXPECT_EQ(event_of('a'), 12);
  EXPECT_FALSE(digit_of(16));
  EXPECT_FALSE(event_of('x'));
}

// --- sending ---

struct Sent {
  EventPayload payload;
  std::uint32_t timestamp;
  bool marker;
  Instant at;
};

class Leg {
 public:
  explicit Leg(const EventSender::Options& o = {}) : sender(o), options_(o) {}
  void run(Micros d) {
    for (const Instant until = now + d; now < until; now += options_.packet_time) {
      const auto ts =
          static_cast<std::uint32_t>(now.time_since_epoch().count() * options_.clock / 1'000'000);
      for (const auto& p : sender.next(now, ts))
        sent.push_back({*parse_event(p.payload), p.timestamp, p.marker, now});
    }
  }
  EventSender sender;
  std::vector<Sent> sent;
  Instant now{Seconds(7)};

 private:
  EventSender::Options options_;
};

TEST(EventSender, ADigitIsUpdatedEachPacketTimeAndEndedThreeTimes) {
  Leg leg;
  ASSERT_TRUE(leg.sender.play(5, Millis(100)));
  leg.run(Seconds(1));
  ASSERT_EQ(leg.sent.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(leg.sent[i].timestamp, 56'000u);
    EXPECT_EQ(leg.sent[i].marker, i == 0);
    EXPECT_EQ(leg.sent[i].payload.end, i >= 4);
    EXPECT_EQ(leg.sent[i].payload.duration, std::min<std::size_t>(i + 1, 5) * 160);
  }
  EXPECT_FALSE(leg.sender.busy());
}

TEST(EventSender, ClocksOfEveryCodecRate) {
  for (const std::uint32_t clock : {8'000u, 16'000u, 48'000u}) {
    Leg leg({.clock = clock});
    leg.sender.play(1, Millis(60));
    leg.run(Millis(200));
    EXPECT_EQ(leg.sent.back().payload.duration, clock * 60 / 1000);
    EXPECT_EQ(leg.sent.front().payload.duration, clock * 20 / 1000);
  }
}

TEST(EventSender, DigitsWaitForEachOtherWithAGapAndTheQueueIsBounded) {
  Leg leg;
  for (std::size_t i = 0; i < EventSender::kQueue; ++i)
    ASSERT_TRUE(leg.sender.play(static_cast<std::uint8_t>(i % 16)));
  EXPECT_FALSE(leg.sender.play(1));
  EXPECT_FALSE(leg.sender.start(1, leg.now));
  leg.run(Seconds(10));
  std::vector<Sent> starts;
  std::copy_if(leg.sent.begin(), leg.sent.end(), std::back_inserter(starts),
               [](const Sent& s) { return s.marker; });
  ASSERT_EQ(starts.size(), EventSender::kQueue);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    EXPECT_EQ(starts[i].payload.event, i % 16);
    if (i > 0) {
      EXPECT_GE(starts[i].at - starts[i - 1].at, Millis(165));
      EXPECT_LE(starts[i].at - starts[i - 1].at, Millis(185));
    }
  }
  EXPECT_EQ(leg.sent.size(), EventSender::kQueue * 7);
}

TEST(EventSender, AnOpenEventLastsUntilItIsStoppedAndNeverUnderTheMinimum) {
  Leg leg;
  leg.sender.start(3, leg.now);
  leg.run(Millis(200));
  EXPECT_TRUE(leg.sender.sounding());
  leg.sender.stop(leg.now);
  leg.sender.stop(leg.now);
  leg.run(Millis(200));
  EXPECT_FALSE(leg.sender.busy());
  EXPECT_EQ(leg.sent.back().payload.duration, 1'600);
  leg.sent.clear();
  leg.sender.start(4, leg.now);
  leg.sender.stop(leg.now + Millis(1));
  leg.run(Millis(200));
  EXPECT_EQ(leg.sent.back().payload.duration, 320);
}

TEST(EventSender, ADurationReportedTooSmallNeverShrinksWhatWasSent) {
  Leg leg;
  leg.sender.start(3, leg.now);
  leg.run(Millis(200));
  leg.sender.stop_at(Millis(60));
  leg.run(Millis(200));
  std::uint16_t longest = 0;
  for (const auto& s : leg.sent) {
    EXPECT_GE(s.payload.duration, longest);
    longest = s.payload.duration;
  }
  EXPECT_TRUE(leg.sent.back().payload.end);
}

TEST(EventSender, SomethingThatNobodyStopsEnds) {
  Leg leg({.longest = Seconds(3)});
  leg.sender.start(3, leg.now);
  leg.run(Seconds(4));
  EXPECT_FALSE(leg.sender.busy());
}

TEST(EventSender, ClearEndsWhatSoundsAndDropsWhatWaits) {
  Leg leg;
  leg.sender.play(1, Seconds(2));
  leg.sender.play(2);
  leg.run(Millis(100));
  leg.sender.clear();
  leg.run(Millis(300));
  EXPECT_FALSE(leg.sender.busy());
  EXPECT_EQ(
      std::count_if(leg.sent.begin(), leg.sent.end(), [](const Sent& s) { return s.payload.end; }),
      3);
}

TEST(EventSender, LongEventsGoOutInContiguousSegments) {
  for (const std::uint32_t clock : {8'000u, 48'000u}) {
    Leg leg({.clock = clock});
    leg.sender.start(9, leg.now);
    leg.run(Seconds(20));
    leg.sender.stop(leg.now);
    leg.run(Seconds(1));
    Heard h(clock);
    std::uint16_t sequence = 0;
    int markers = 0;
    for (const auto& s : leg.sent) {
      h.now = s.at;
      std::array<std::byte, 4> b;
      write_event(b, s.payload);
      h.packet(++sequence, s.timestamp, b, s.marker);
      markers += s.marker ? 1 : 0;
    }
    EXPECT_EQ(markers, 1);
    EXPECT_EQ(h.text(), "+9 -9(20000)") << clock;
  }
}

TEST(EventSender, CalledTooOftenOrLateItKeepsTheClock) {
  EventSender s;
  s.play(2, Millis(100));
  Instant now{Seconds(1)};
  std::size_t packets = 0;
  for (int i = 0; i < 40; ++i, now += Millis(5)) packets += s.next(now, 8'000).size();
  EXPECT_EQ(packets, 7u);
  s.play(2, Millis(100));
  now += Seconds(1);
  (void)s.next(now, 0);
  const auto late = s.next(now + Millis(400), 3'200);  // the whole tone was slept through
  ASSERT_EQ(late.size(), 1u);
  EXPECT_TRUE(parse_event(late[0].payload)->end);
  EXPECT_EQ(parse_event(late[0].payload)->duration, 800);
}

// --- both ends, with a network between ---

struct Wire {
  std::uint16_t sequence;
  Sent sent;
  Instant arrives;
};

// Trains of digits as a fast dialler sends them, relayed through a receiver and another sender, and
// read at the far end.
class Train {
 public:
  Train(std::uint64_t seed, std::uint32_t loss, std::uint32_t twice, Micros jitter)
      : random_(seed), loss_(loss), twice_(twice), jitter_(jitter) {}

  std::string run(const std::string& digits, std::uint32_t clock_in, std::uint32_t clock_out) {
    EventSender::Options in{.clock = clock_in, .tone = Millis(40), .gap = Millis(40)};
    Leg leg(in);
    std::size_t fed = 0;
    while (fed < digits.size() || leg.sender.busy()) {
      while (fed < digits.size() && leg.sender.play(*event_of(digits[fed]))) ++fed;
      leg.run(Millis(20));
    }
    return relay(over_network(leg.sent), clock_in, clock_out);
  }

 private:
  std::vector<Wire> over_network(const std::vector<Sent>& sent) {
    std::vector<Wire> wire;
    std::uint16_t sequence = 65'500;
    std::uint32_t lost_of = 0;
    std::uint32_t lost = 0;
    for (const auto& s : sent) {
      ++sequence;
      if (s.timestamp != lost_of) lost = 0;
      lost_of = s.timestamp;
      // Each digit of a 40 ms train has four packets; a digit is lost when all of them are.
      if (lost < 3 && random_.below(100) < loss_) {
        ++lost;
        continue;
      }
      for (int copies = random_.below(100) < twice_ ? 2 : 1; copies > 0; --copies) {
        const auto late = static_cast<std::int64_t>(
            random_.below(static_cast<std::uint64_t>(jitter_.count()) + 1));
        wire.push_back({sequence, s, s.at + Micros(late)});
      }
    }
    std::stable_sort(wire.begin(), wire.end(),
                     [](const Wire& a, const Wire& b) { return a.arrives < b.arrives; });
    return wire;
  }

  static std::string relay(const std::vector<Wire>& wire, std::uint32_t in, std::uint32_t out) {
    EventReceiver near;
    EventReceiver far;
    EventSender sender({.clock = out});
    std::string heard;
    std::uint16_t sequence = 0;
    std::size_t i = 0;
    const auto pass = [&](const EventReceiver::Happened& h, Instant now) {
      if (h.what == What::kBegin) {
        EXPECT_TRUE(sender.start(h.event, now));
      }
      if (h.what == What::kEnd) sender.stop_at(h.duration);
    };
    for (Instant now = wire.front().arrives; i < wire.size() || sender.busy() || near.active();
         now += Millis(5)) {
      for (; i < wire.size() && wire[i].arrives <= now; ++i) {
        std::array<std::byte, 4> b;
        write_event(b, wire[i].sent.payload);
        for (const auto& h : near.receive(
                 {wire[i].sequence, wire[i].sent.timestamp, wire[i].sent.marker, b, in}, now))
          pass(h, now);
      }
      if (const auto h = near.poll(now)) pass(*h, now);
      const auto ts = static_cast<std::uint32_t>(now.time_since_epoch().count() * out / 1'000'000);
      for (const auto& p : sender.next(now, ts))
        for (const auto& h :
             far.receive({++sequence, p.timestamp, p.marker, p.payload, out}, now)) {
          if (h.what == What::kBegin) heard += *digit_of(h.event);
          if (h.what == What::kEnd) {
            EXPECT_GE(h.duration, Millis(40));
          }
        }
    }
    return heard;
  }

  SeededRandom random_;
  std::uint32_t loss_;
  std::uint32_t twice_;
  Micros jitter_;
};

constexpr char kAll[] = "0123456789*#ABCD0011#**5555551234567890";

TEST(EventTrains, FortyOnFortyOffArrivesWholeThroughEveryPairOfClocks) {
  for (const std::uint32_t in : {8'000u, 16'000u, 48'000u})
    for (const std::uint32_t out : {8'000u, 16'000u, 48'000u})
      EXPECT_EQ(Train(1, 0, 0, Micros(0)).run(kAll, in, out), kAll) << in << " to " << out;
}

TEST(EventTrains, LossAndDuplicationNeitherDoubleNorLoseADigit) {
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    EXPECT_EQ(Train(seed, 30, 20, Micros(0)).run(kAll, 8'000, 8'000), kAll) << seed;
}

TEST(EventTrains, ReorderingWithinADigitNeitherDoublesNorLosesIt) {
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    EXPECT_EQ(Train(seed, 10, 20, Millis(19)).run(kAll, 48'000, 8'000), kAll) << seed;
}

}  // namespace
}  // namespace causeway::rtp
