#include "reactor/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace causeway::reactor {

TimerWheel::TimerWheel(Instant start)
    : tick_(
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, start.time_since_epoch() / kTick))) {
  heads_.fill(kNone);
}

std::uint64_t TimerWheel::tick_at_or_after(Instant at) {
  const auto micros = at.time_since_epoch().count();
  if (micros <= 0) return 0;
  return (static_cast<std::uint64_t>(micros) + kTick.count() - 1) / kTick.count();
}

TimerId TimerWheel::schedule(Instant at, TimerTarget& target, std::uint64_t token) {
  std::uint32_t index = free_;
  if (index == kNone) {
    index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[index].next;
  }
  Node& node = nodes_[index];
  node.at = at;
  node.sequence = ++sequence_;
  node.target = &target;
  node.token = token;
  node.tick = std::max(tick_at_or_after(at), tick_ + 1);
  link(index);
  ++live_;
  // The low half of the sequence tells a reused node from its earlier lives.
  return TimerId{(node.sequence << 32) | (index + 1ULL)};
}

void TimerWheel::cancel(TimerId id) {
  const auto low = static_cast<std::uint32_t>(id.value);
  if (low == 0 || low > nodes_.size()) return;
  const std::uint32_t index = low - 1;
  const Node& node = nodes_[index];
  if (node.sequence == 0 || static_cast<std::uint32_t>(node.sequence) != id.value >> 32) return;
  unlink(index);
  release(index);
}

void TimerWheel::link(std::uint32_t index) {
  Node& node = nodes_[index];
  const std::uint64_t differs = node.tick ^ tick_;
  const unsigned level =
      differs == 0 ? 0 : (63U - static_cast<unsigned>(std::countl_zero(differs))) / kBits;
  const auto slot = static_cast<unsigned>((node.tick >> (level * kBits)) & (kSlots - 1));
  node.slot = static_cast<std::uint16_t>(level * kSlots + slot);
  node.previous = kNone;
  node.next = heads_[node.slot];
  if (node.next != kNone) nodes_[node.next].previous = index;
  heads_[node.slot] = index;
  occupied_[level] |= 1ULL << slot;
}

void TimerWheel::unlink(std::uint32_t index) {
  const Node& node = nodes_[index];
  if (node.slot == kDueSlot) return;  // already taken out, about to fire
  if (node.next != kNone) nodes_[node.next].previous = node.previous;
  if (node.previous != kNone) {
    nodes_[node.previous].next = node.next;
    return;
  }
  heads_[node.slot] = node.next;
  if (node.next == kNone) occupied_[node.slot / kSlots] &= ~(1ULL << (node.slot % kSlots));
}

void TimerWheel::release(std::uint32_t index) {
  Node& node = nodes_[index];
  node.sequence = 0;
  node.target = nullptr;
  node.next = free_;
  free_ = index;
  --live_;
}

std::optional<std::pair<unsigned, std::uint64_t>> TimerWheel::next_slot() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    // Nothing on a level lies before the current position: earlier slots were emptied on the way.
    const auto slot = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
    const unsigned above = (level + 1) * kBits;
    const std::uint64_t base = above >= 64 ? 0 : (tick_ >> above) << above;
    return std::pair{level, base | (slot << (level * kBits))};
  }
  return std::nullopt;
}

std::optional<Instant> TimerWheel::next_deadline() const {
  const auto next = next_slot();
  if (!next) return std::nullopt;
  constexpr auto kLast = static_cast<std::uint64_t>(Instant::max().time_since_epoch() / kTick);
  return Instant{kTick * static_cast<std::int64_t>(std::min(next->second, kLast))};
}

std::uint32_t TimerWheel::take_slot(unsigned level, std::uint64_t tick) {
  const auto slot = static_cast<unsigned>((tick >> (level * kBits)) & (kSlots - 1));
  std::uint32_t& head = heads_[level * kSlots + slot];
  const std::uint32_t taken = head;
  head = kNone;
  occupied_[level] &= ~(1ULL << slot);
  return taken;
}

std::size_t TimerWheel::fire(std::uint32_t head, Instant now) {
  due_.clear();
  for (std::uint32_t i = head; i != kNone; i = nodes_[i].next) {
    nodes_[i].slot = kDueSlot;
    due_.push_back({nodes_[i].at, nodes_[i].sequence, i});
  }
  std::sort(due_.begin(), due_.end(), [](const Due& a, const Due& b) {
    return a.at != b.at ? a.at < b.at : a.sequence < b.sequence;
  });
  std::size_t fired = 0;
  for (const Due due : due_) {
    const Node& node = nodes_[due.node];
    if (node.sequence != due.sequence) continue;  // cancelled by a timer that fired before it
    TimerTarget* const target = node.target;
    const std::uint64_t token = node.token;
    release(due.node);
    ++fired;
    target->on_timer(token, now);
  }
  return fired;
}

std::size_t TimerWheel::advance(Instant now) {
  const auto until =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch() / kTick));
  std::size_t fired = 0;
  for (auto next = next_slot(); next && next->second <= until; next = next_slot()) {
    const auto [level, tick] = *next;
    tick_ = tick;
    std::uint32_t head = take_slot(level, tick);
    if (level == 0) {
      fired += fire(head, now);
      continue;
    }
    while (head != kNone) {
      const std::uint32_t index = head;
      head = nodes_[index].next;
      link(index);
    }
  }
  tick_ = std::max(tick_, until);
  return fired;
}

}  // namespace causeway::reactor
