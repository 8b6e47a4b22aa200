// Whether a new call was let in or shed when its INVITE first came: one that is repeated gets the
// same again, so that nothing in progress is refused and nothing that was refused begins after all.
// Bounded; the oldest are forgotten first. One shard's thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/hash.h"

namespace causeway::transport {

class RecentInvites {
 public:
  static constexpr std::size_t kMost = 32'768;

  explicit RecentInvites(const HashKey& key) : key_(key) {}

  [[nodiscard]] Hash128 key_of(std::string_view call_id, std::string_view cseq) const {
    return KeyedHasher(key_).add(call_id).add(cseq).finish();
  }
  [[nodiscard]] std::optional<bool> find(const Hash128& key) const {
    const bool* admitted = by_key_.find(key);
    return admitted ? std::optional(*admitted) : std::nullopt;
  }
  void add(const Hash128& key, bool admitted) {
    if (ring_.size() < kMost) {
      ring_.push_back(key);
    } else {
      by_key_.erase(ring_[at_]);
      ring_[at_] = key;
      at_ = (at_ + 1) % kMost;
    }
    by_key_.insert(key, admitted);
  }

 private:
  const HashKey key_;
  FlatMap<Hash128, bool, LowBits> by_key_;
  std::vector<Hash128> ring_;
  std::size_t at_ = 0;
};

}  // namespace causeway::transport
