// Dialogs that live on another shard than their tag says, because two calls became one. Kept by the
// shard of the tag; each is forgotten when its leg ends. One shard's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/flat_map.h"
#include "base/ids.h"

namespace causeway::transport {

class MovedDialogs {
 public:
  static constexpr std::size_t kMost = 65'536;

  void set(std::uint64_t tag, ShardId at) {
    if (at_.size() < kMost || at_.find(tag)) at_.insert(tag, at);
  }
  // Only what that shard said of itself: it may have moved on.
  void forget(std::uint64_t tag, ShardId at) {
    if (const ShardId* known = at_.find(tag); known && *known == at) at_.erase(tag);
  }
  void forget_any(std::uint64_t tag) { at_.erase(tag); }
  [[nodiscard]] bool empty() const { return at_.size() == 0; }
  [[nodiscard]] std::optional<ShardId> find(std::uint64_t tag) const {
    const ShardId* at = at_.find(tag);
    return at ? std::optional(*at) : std::nullopt;
  }

 private:
  FlatMap<std::uint64_t, ShardId, RandomBits> at_;  // by the random part
};

}  // namespace causeway::transport
