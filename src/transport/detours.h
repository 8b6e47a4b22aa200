// INVITEs that live on another shard than their Call-ID says, because they name a dialog there
// (Replaces): a CANCEL of one repeats its Call-ID and nothing that would lead there. Kept by the
// shard of the Call-ID; bounded, the oldest are forgotten first. One shard's thread.
#pragma once

#include <deque>
#include <optional>
#include <string_view>

#include "base/flat_map.h"
#include "base/hash.h"
#include "base/ids.h"

namespace causeway::transport {

class Detours {
 public:
  static constexpr std::size_t kMost = 4'096;

  explicit Detours(const HashKey& key) : key_(key) {}

  void add(std::string_view call_id, Bucket bucket) {
    const Hash128 h = KeyedHasher(key_).add(call_id).finish();
    if (!by_call_id_.find(h)) in_order_.push_back(h);
    by_call_id_.insert(h, bucket);
    if (in_order_.size() <= kMost) return;
    by_call_id_.erase(in_order_.front());
    in_order_.pop_front();
  }
  [[nodiscard]] std::optional<Bucket> find(std::string_view call_id) const {
    if (by_call_id_.size() == 0) return std::nullopt;
    const Bucket* b = by_call_id_.find(KeyedHasher(key_).add(call_id).finish());
    return b ? std::optional(*b) : std::nullopt;
  }

 private:
  const HashKey key_;
  FlatMap<Hash128, Bucket, LowBits> by_call_id_;
  std::deque<Hash128> in_order_;
};

}  // namespace causeway::transport
