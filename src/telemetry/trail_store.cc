#include "telemetry/trail.h"

namespace causeway::telemetry {

bool TrailStore::sampled(CallId id, std::uint32_t one_in) {
  if (one_in == 0) return false;
  // splitmix64: call ids may be counted up, and their low bits then say nothing.
  std::uint64_t h = id.value + 0x9e3779b97f4a7c15ULL;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
  return (h ^ (h >> 31)) % one_in == 0;
}

Trail* TrailStore::start(CallId id) {
  if (live_.size() >= limits_.live || live_.contains(id)) {
    ++without_trail_;
    return nullptr;
  }
  awake_.push_back({id, {}});
  return &live_.try_emplace(id, Slot{Trail(id, limits_.bytes_per_call), false}).first->second.trail;
}

Trail* TrailStore::live(CallId id) {
  const auto it = live_.find(id);
  if (it == live_.end()) return nullptr;
  Trail& trail = it->second.trail;
  if (trail.packed()) {
    trail.unpack();
    awake_.push_back({id, {}});
  }
  return &trail;
}

std::size_t TrailStore::rest(WallTime before, std::size_t most) {
  std::size_t bytes = 0;
  for (; most > 0 && bytes < kRestBytes && !awake_.empty() && awake_.front().since < before;
       --most) {
    const CallId id = awake_.front().id;
    awake_.pop_front();
    const auto it = live_.find(id);
    if (it == live_.end() || it->second.trail.packed()) continue;
    Trail& trail = it->second.trail;
    if (trail.last() < before) {
      bytes += trail.bytes();
      trail.pack();
    } else {
      awake_.push_back({id, trail.last()});
    }
  }
  return most == 0 || bytes >= kRestBytes ? awake_.size() : 0;
}

bool TrailStore::contains(CallId id) const {
  return live_.contains(id) || kept_by_id_.contains(id);
}

bool TrailStore::trace(CallId id) {
  const auto it = live_.find(id);
  if (it == live_.end()) return false;
  it->second.traced = true;
  return true;
}

void TrailStore::finish(CallId id, Outcome outcome) {
  const auto it = live_.find(id);
  if (it == live_.end()) return;
  const bool keep =
      outcome != Outcome::kGood || it->second.traced || sampled(id, limits_.keep_one_in);
  if (keep && limits_.kept > 0) {
    it->second.trail.unpack();
    if (const auto old = kept_by_id_.find(id); old != kept_by_id_.end()) {
      kept_.erase(old->second);
      kept_by_id_.erase(old);
    }
    kept_.push_back(std::move(it->second.trail));
    kept_by_id_[id] = std::prev(kept_.end());
    while (kept_.size() > limits_.kept) {
      kept_by_id_.erase(kept_.front().id());
      kept_.pop_front();
    }
  }
  live_.erase(it);
  while (!awake_.empty() && !live_.contains(awake_.front().id)) awake_.pop_front();
}

bool TrailStore::add_late(CallId id, EventKind kind, WallTime at, std::uint32_t leg,
                          std::string_view text, std::string_view peer) {
  const auto it = kept_by_id_.find(id);
  if (it == kept_by_id_.end()) return false;
  const auto events = it->second->events();
  if (!events.empty() && events.back()->kind == kind && events.back()->text == text) return false;
  it->second->add(kind, at, leg, text, {}, peer);
  return true;
}

void TrailStore::set_limits(Limits limits) {
  limits_ = limits;
  while (kept_.size() > limits_.kept) {
    kept_by_id_.erase(kept_.front().id());
    kept_.pop_front();
  }
}

const Trail* TrailStore::find(CallId id) {
  if (const Trail* trail = live(id)) return trail;
  if (const auto it = kept_by_id_.find(id); it != kept_by_id_.end()) return &*it->second;
  return nullptr;
}

}  // namespace causeway::telemetry
