#include "reactor/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/random.h"

namespace causeway::reactor {
namespace {

Instant at_ms(std::int64_t ms) { return Instant{Millis{ms}}; }

class Recorder final : public TimerTarget {
 public:
  void on_timer(std::uint64_t token, Instant now) override {
    fired.emplace_back(token, now);
    if (hook) hook(token, now);
  }
  std::vector<std::pair<std::uint64_t, Instant>> fired;
  std::function<void(std::uint64_t, Instant)> hook;
};

TEST(TimerWheel, FiresAtTheTickAfterTheTimeAndNotBefore) {
  TimerWheel wheel(at_ms(1000));
  Recorder r;
  wheel.schedule(Instant{Micros{1'500'500}}, r, 7);
  EXPECT_EQ(wheel.advance(at_ms(1500)), 0U);
  EXPECT_EQ(wheel.advance(at_ms(1501)), 1U);
  ASSERT_EQ(r.fired.size(), 1U);
  EXPECT_EQ(r.fired[0].first, 7U);
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_FALSE(wheel.next_deadline());
}

TEST(TimerWheel, FiresInOrderOfTimeThenOfScheduling) {
  TimerWheel wheel(at_ms(0));
  Recorder r;
  wheel.schedule(Instant{Micros{5'900}}, r, 3);
  wheel.schedule(Instant{Micros{5'100}}, r, 1);
  wheel.schedule(Instant{Micros{5'100}}, r, 2);
  wheel.schedule(at_ms(700), r, 4);
  wheel.advance(at_ms(1000));
  std::vector<std::uint64_t> order;
  for (const auto& f : r.fired) order.push_back(f.first);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST(TimerWheel, CancelIsHarmlessForFiredAndReusedIds) {
  TimerWheel wheel(at_ms(0));
  Recorder r;
  const TimerId first = wheel.schedule(at_ms(1), r, 1);
  wheel.cancel(first);
  wheel.cancel(first);
  wheel.cancel(TimerId{});
  wheel.cancel(TimerId{0xffffffffffffffffULL});
  const TimerId second = wheel.schedule(at_ms(1), r, 2);  // takes the same node
  EXPECT_NE(first, second);
  wheel.cancel(first);
  wheel.advance(at_ms(2));
  ASSERT_EQ(r.fired.size(), 1U);
  EXPECT_EQ(r.fired[0].first, 2U);
  wheel.cancel(second);
}

TEST(TimerWheel, ATimerMayCancelAnotherOfTheSameTickAndReuseItsPlace) {
  TimerWheel wheel(at_ms(0));
  Recorder r;
  TimerId victim;
  r.hook = [&](std::uint64_t token, Instant) {
    if (token != 1) return;
    wheel.cancel(victim);
    wheel.schedule(at_ms(9), r, 3);
  };
  wheel.schedule(at_ms(5), r, 1);
  victim = wheel.schedule(at_ms(5), r, 2);
  wheel.advance(at_ms(5));
  EXPECT_EQ(r.fired.size(), 1U);
  wheel.advance(at_ms(9));
  ASSERT_EQ(r.fired.size(), 2U);
  EXPECT_EQ(r.fired[1].first, 3U);
}

TEST(TimerWheel, AnOverdueTimerThatRenewsItselfDoesNotHoldUpTheTurn) {
  TimerWheel wheel(at_ms(10));
  Recorder r;
  r.hook = [&](std::uint64_t, Instant) { wheel.schedule(at_ms(1), r, 1); };
  wheel.schedule(at_ms(1), r, 1);
  wheel.advance(at_ms(11));
  EXPECT_EQ(r.fired.size(), 1U);
}

TEST(TimerWheel, HoldsTimesFarAway) {
  TimerWheel wheel(at_ms(3'600'000));
  Recorder r;
  wheel.schedule(Instant::max(), r, 1);
  wheel.schedule(at_ms(3'600'000) + std::chrono::hours(24 * 365 * 3), r, 2);
  std::size_t steps = 0;
  while (r.fired.empty()) {
    ASSERT_LT(++steps, 20U);
    wheel.advance(*wheel.next_deadline());
  }
  EXPECT_EQ(r.fired[0].first, 2U);
}

TEST(TimerWheel, BehavesLikeASortedMap) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededRandom random(seed);
    Instant now = at_ms(static_cast<std::int64_t>(random.below(1'000'000)));
    TimerWheel wheel(now);
    Recorder r;
    struct Entry {
      TimerId id;
      std::uint64_t token;
    };
    // Keyed by what decides the order: the tick, then the exact time, then the scheduling.
    std::multimap<std::pair<std::int64_t, Instant>, Entry> model;
    std::uint64_t token = 0;
    std::vector<TimerId> ids;
    for (int step = 0; step < 2000; ++step) {
      const auto what = random.below(10);
      if (what < 6) {
        const auto range = std::uint64_t{1} << random.below(36);
        const Instant at =
            now + Micros{static_cast<std::int64_t>(random.below(range))} - Micros{500};
        const auto due = std::max((at.time_since_epoch().count() + 999) / 1000,
                                  now.time_since_epoch() / Millis{1} + 1);
        const TimerId id = wheel.schedule(at, r, ++token);
        model.emplace(std::pair{due, at}, Entry{id, token});
        ids.push_back(id);
      } else if (what < 8 && !ids.empty()) {
        const TimerId id = ids[random.below(ids.size())];
        wheel.cancel(id);
        std::erase_if(model, [&](const auto& e) { return e.second.id == id; });
      } else {
        const auto bound = wheel.next_deadline();
        ASSERT_EQ(bound.has_value(), !model.empty());
        if (bound) {
          ASSERT_LE(bound->time_since_epoch() / Millis{1}, model.begin()->first.first);
        }
        now = bound && random.below(2)
                  ? std::max(now, *bound)
                  : now + Micros{static_cast<std::int64_t>(random.below(3'000'000))};
        r.fired.clear();
        wheel.advance(now);
        std::vector<std::uint64_t> expected, got;
        while (!model.empty() && model.begin()->first.first <= now.time_since_epoch() / Millis{1}) {
          expected.push_back(model.begin()->second.token);
          model.erase(model.begin());
        }
        for (const auto& f : r.fired) got.push_back(f.first);
        ASSERT_EQ(got, expected) << "seed " << seed << " step " << step;
      }
      ASSERT_EQ(wheel.size(), model.size());
    }
  }
}

}  // namespace
}  // namespace causeway::reactor
