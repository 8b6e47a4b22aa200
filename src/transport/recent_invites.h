// What became of a new call when its INVITE first came: one that is repeated gets the same again,
// so that nothing in progress is refused and nothing that was refused begins after all. Bounded;
// the oldest are forgotten first. One shard's thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/hash.h"

namespace causeway::transport {

enum class Fate : std::uint8_t {
  kPassed,   // nothing stood against it before it was parsed
  kLetIn,    // ... nor after
  kShed,     // too much load
  kTooMany,  // of its source
  kNoRoom,   // beyond a limit on calls
};

class RecentInvites {
 public:
  static constexpr std::size_t kMost = 32'768;

  explicit RecentInvites(const HashKey& key) : key_(key) {}

  // `via`: the line of the top one, with its branch.
  [[nodiscard]] Hash128 key_of(std::string_view call_id, std::string_view cseq,
                               std::string_view via) const {
    return KeyedHasher(key_).add(call_id).add(cseq).add(via).finish();
  }
  [[nodiscard]] std::optional<Fate> find(const Hash128& key) const {
    const Fate* fate = by_key_.find(key);
    return fate ? std::optional(*fate) : std::nullopt;
  }
  void set(const Hash128& key, Fate fate) {
    if (Fate* known = by_key_.find(key)) {
      *known = fate;
      return;
    }
    if (ring_.size() < kMost) {
      ring_.push_back(key);
    } else {
      by_key_.erase(ring_[at_]);
      ring_[at_] = key;
      at_ = (at_ + 1) % kMost;
    }
    by_key_.insert(key, fate);
  }

 private:
  const HashKey key_;
  FlatMap<Hash128, Fate, LowBits> by_key_;
  std::vector<Hash128> ring_;
  std::size_t at_ = 0;
};

}  // namespace causeway::transport
