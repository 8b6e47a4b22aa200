// How many transactions each peer group has begun with us and still occupies, so that none takes
// the room of all. One shard's thread.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "deployment/deployment.h"

namespace causeway::transport {

class GroupShares {
 public:
  void set_most(std::size_t most) { most_ = most; }
  // After a reload: `moved` says where a group went, or nothing.
  void move(
      std::size_t groups,
      const std::function<std::optional<deployment::GroupIndex>(deployment::GroupIndex)>& moved) {
    std::vector<std::size_t> next(groups, 0);
    for (std::size_t i = 0; i < held_.size(); ++i)
      if (const auto to = moved(deployment::GroupIndex{static_cast<std::uint16_t>(i)}))
        next[to->value] += held_[i];
    held_ = std::move(next);
  }
  void add(deployment::GroupIndex g) {
    ++total_;
    if (g.value < held_.size()) ++held_[g.value];
  }
  void remove(deployment::GroupIndex g) {
    --total_;
    if (g.value < held_.size() && held_[g.value] != 0) --held_[g.value];
  }
  [[nodiscard]] std::size_t total() const { return total_; }
  // Half of the room is for whoever comes; of the rest a group has no more than its part of the
  // whole. So one that has less than that is never turned away for what others do.
  [[nodiscard]] bool full(deployment::GroupIndex g) const {
    if (total_ < most_ / 2 || held_.empty()) return false;
    const std::size_t part = std::max<std::size_t>(1, most_ / held_.size());
    return g.value >= held_.size() || held_[g.value] >= part;
  }
  // What can be forgotten is forgotten at once: answers are given without keeping state.
  [[nodiscard]] bool crowded() const { return total_ >= most_ / 4; }

 private:
  std::size_t most_ = 400'000, total_ = 0;
  std::vector<std::size_t> held_;  // by GroupIndex
};

}  // namespace causeway::transport
