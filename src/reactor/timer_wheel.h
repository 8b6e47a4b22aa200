// The timers of one shard: a hierarchical wheel with ticks of one millisecond. Used on the shard's
// thread only; lives as long as its reactor.
//
// Eleven levels of 64 slots cover every Instant, so there is no overflow list. A timer sits on the
// level where its tick first differs from the current one, which makes "the lowest level that is
// not empty" the place of the earliest timer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "reactor/reactor.h"

namespace causeway::reactor {

class TimerWheel final : public Timers {
 public:
  static constexpr Micros kTick{1000};

  explicit TimerWheel(Instant start);

  // A time that has passed fires at the next tick.
  TimerId schedule(Instant at, TimerTarget& target, std::uint64_t token) override;
  void cancel(TimerId id) override;

  // Nothing fires before this time. Calling advance() then may fire nothing (it moves far timers
  // one level down), but each timer causes that a few times at most.
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  // Fires all that is due at `now`, in order of (at, scheduling) within a tick. Returns how many.
  std::size_t advance(Instant now);
  [[nodiscard]] std::size_t size() const { return live_; }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1U << kBits;
  static constexpr unsigned kLevels = 11;
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Node {
    Instant at{};
    std::uint64_t sequence = 0;  // 0: free
    TimerTarget* target = nullptr;
    std::uint64_t token = 0;
    std::uint64_t tick = 0;
    std::uint32_t previous = kNone, next = kNone;
    std::uint16_t slot = 0;  // level * kSlots + slot, or kDueSlot
  };
  static constexpr std::uint16_t kDueSlot = 0xffff;
  struct Due {
    Instant at;
    std::uint64_t sequence;
    std::uint32_t node;
  };

  static std::uint64_t tick_at_or_after(Instant at);
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void release(std::uint32_t index);
  std::optional<std::pair<unsigned, std::uint64_t>> next_slot() const;  // level, tick of its start
  std::uint32_t take_slot(unsigned level, std::uint64_t tick);
  std::size_t fire(std::uint32_t head, Instant now);

  std::vector<Node> nodes_;  // grows to the most timers ever alive at once, then no more
  std::uint32_t free_ = kNone;
  std::size_t live_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t tick_;  // everything up to and including this tick was fired
  std::array<std::uint32_t, kLevels * kSlots> heads_;
  std::array<std::uint64_t, kLevels> occupied_{};  // one bit per slot
  std::vector<Due> due_;
};

}  // namespace causeway::reactor
