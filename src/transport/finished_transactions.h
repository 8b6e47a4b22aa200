// Server transactions that have said all they had to say and only wait for their request to come
// again (Timers J and L of RFC 3261 and 6026): most of what a busy shard knows, so it is kept small
// and in the order in which it is forgotten. One shard's thread.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/flat_map.h"
#include "base/hash.h"
#include "transport/sip_transport.h"

namespace causeway::transport {

class FinishedTransactions {
 public:
  struct One {
    Hash128 key;
    std::uint64_t origin = 0;  // as in TransactionLayer; 0: none
    std::uint64_t user = 0;
    Instant until;
    Flow flow;
    std::string response;  // goes out again; empty: the request is absorbed
    deployment::GroupIndex group;
    bool shared = false;  // counted in GroupShares
  };

  // `until` is never earlier than that of the one before.
  void add(One one) {
    by_key_.insert(one.key, first_ + all_.size());
    all_.push_back(std::move(one));
  }
  // Good until the next add() or expire().
  [[nodiscard]] One* find(const Hash128& key) {
    const std::uint64_t* number = by_key_.find(key);
    return number ? &all_[static_cast<std::size_t>(*number - first_)] : nullptr;
  }
  // Forgets what is due and tells of each.
  template <class Gone>
  void expire(Instant now, Gone&& gone) {
    while (!all_.empty() && all_.front().until <= now) {
      const One& one = all_.front();
      if (const auto* number = by_key_.find(one.key); number && *number == first_)
        by_key_.erase(one.key);
      gone(one);
      all_.pop_front();
      ++first_;
    }
  }
  [[nodiscard]] std::optional<Instant> next() const {
    return all_.empty() ? std::nullopt : std::optional(all_.front().until);
  }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  template <class Work>
  void for_each(Work&& work) {
    for (One& one : all_) work(one);
  }

 private:
  std::deque<One> all_;
  std::uint64_t first_ = 0;  // number of all_.front()
  FlatMap<Hash128, std::uint64_t, LowBits> by_key_;
};

}  // namespace causeway::transport
