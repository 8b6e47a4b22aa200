// The accounts of a directory, each in a slot that its numbers name. A value that shares all that
// did not change with the table that it was made from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "directory/account.h"

namespace causeway::directory {

// Stays while there are numbers that name it, though the account is gone or was not seen yet.
struct AccountNode {
  Account account;
  bool present = false;
  std::int64_t references = 0;  // numbers of it, with whatever services
};

// Texts by their hash, split so that a change copies little.
class SlotIndex {
 public:
  using Shard = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // hash, slot; sorted
  static constexpr std::size_t kShards = 512;

  template <typename F>  // f(slot) -> true when it is the one
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view text, F&& f) const {
    const std::uint64_t hash = hash_of(text);
    if (const auto& shard = shards_[hash % kShards]) return find_in(*shard, hash, f);
    return {};
  }
  template <typename F>
  [[nodiscard]] static std::optional<std::uint32_t> find_in(const Shard& shard, std::uint64_t hash,
                                                            F&& f) {
    for (auto i = lower_bound(shard, high(hash)); i != shard.end() && i->first == high(hash); ++i)
      if (f(i->second)) return i->second;
    return {};
  }

 private:
  friend class AccountEditor;
  [[nodiscard]] static std::uint64_t hash_of(std::string_view text);
  [[nodiscard]] static std::uint32_t high(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
  }
  [[nodiscard]] static Shard::const_iterator lower_bound(const Shard& shard, std::uint32_t hash);

  std::array<std::shared_ptr<const Shard>, kShards> shards_;
};

class AccountTable {
 public:
  // Null when the slot is free.
  [[nodiscard]] const AccountNode* at(std::uint32_t slot) const {
    const Place* place = place_of(slot);
    return place == nullptr ? nullptr : place->node.get();
  }
  // Null unless it is there. `enabled`: its services, at no cost of a look at the account.
  [[nodiscard]] const Account* account_at(std::uint32_t slot, ServiceSet& enabled) const {
    const Place* place = place_of(slot);
    if (place == nullptr || !place->present) return nullptr;
    enabled = place->enabled;
    return &place->node->account;
  }
  // Present or not.
  [[nodiscard]] std::optional<std::uint32_t> slot_of(std::string_view name) const;
  [[nodiscard]] const AccountNode* of_subdomain(std::string_view label) const;  // lower case
  [[nodiscard]] std::size_t present() const { return present_; }
  template <typename F>  // f(slot, const AccountNode&)
  void for_each(F&& f) const {
    for (std::uint32_t slot = 0; slot < chunks_.size() * kChunk; ++slot)
      if (const AccountNode* node = at(slot)) f(slot, *node);
  }

 private:
  friend class AccountEditor;
  static constexpr std::size_t kChunk = 64;
  struct Place {
    std::shared_ptr<const AccountNode> node;
    bool present = false;  // as the node says
    ServiceSet enabled = 0;
  };
  using Chunk = std::array<Place, kChunk>;
  [[nodiscard]] const Place* place_of(std::uint32_t slot) const {
    const std::size_t chunk = slot / kChunk;
    return chunk < chunks_.size() ? &(*chunks_[chunk])[slot % kChunk] : nullptr;
  }

  std::vector<std::shared_ptr<const Chunk>> chunks_;
  SlotIndex names_, subdomains_;
  std::size_t present_ = 0;
  std::uint32_t first_free_ = 0;  // none below
};

// Changes on their way into a new table; what is touched is copied once.
class AccountEditor {
 public:
  explicit AccountEditor(const AccountTable& from) : table_(from) {}

  // Its slot, made when there is none.
  [[nodiscard]] std::uint32_t slot_of(std::string_view name);
  void put(const Account& account);  // its counts are kept, not taken
  void remove(std::string_view name);
  // A number of that slot comes (1) or goes (-1).
  void count(std::uint32_t slot, ServiceSet services, int by);
  [[nodiscard]] AccountTable finish();

 private:
  [[nodiscard]] AccountNode& touch(std::uint32_t slot);
  [[nodiscard]] const AccountNode* look(std::uint32_t slot) const;
  using Shards = std::unordered_map<std::size_t, SlotIndex::Shard>;
  [[nodiscard]] SlotIndex::Shard& touch(const SlotIndex& index, Shards& shards, std::size_t i);
  void index(const SlotIndex& index, Shards& shards, std::string_view text, std::uint32_t slot,
             bool add);
  void store(SlotIndex& index, Shards& shards);
  [[nodiscard]] std::uint32_t free_slot();

  AccountTable table_;
  std::unordered_map<std::uint32_t, AccountNode> touched_;
  Shards names_, subdomains_;
};

}  // namespace causeway::directory
