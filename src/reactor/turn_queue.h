// Work in the order in which it is taken up: what comes first before all else, then one of each
// source in turn, so that one with much keeps nobody waiting for more than one of its own. No lock.
#pragma once

#include <deque>
#include <unordered_map>
#include <utility>

#include "base/net.h"

namespace causeway::reactor {

template <typename Job>
class TurnQueue {
 public:
  void put(Job job, const IpAddress& source, bool first) {
    if (first) {
      first_.push_back(std::move(job));
      return;
    }
    auto& waiting = by_source_[source];
    if (waiting.empty()) turns_.push_back(source);
    waiting.push_back(std::move(job));
  }
  [[nodiscard]] bool empty() const { return first_.empty() && turns_.empty(); }
  // Not when empty().
  [[nodiscard]] Job next() {
    if (!first_.empty()) {
      Job job = std::move(first_.front());
      first_.pop_front();
      return job;
    }
    const IpAddress source = turns_.front();
    turns_.pop_front();
    const auto waiting = by_source_.find(source);
    Job job = std::move(waiting->second.front());
    waiting->second.pop_front();
    if (waiting->second.empty())
      by_source_.erase(waiting);
    else
      turns_.push_back(source);
    return job;
  }

 private:
  std::deque<Job> first_;
  std::unordered_map<IpAddress, std::deque<Job>> by_source_;
  std::deque<IpAddress> turns_;  // the sources in by_source_, whose turn is next in front
};

}  // namespace causeway::reactor
