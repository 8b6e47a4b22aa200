#include "directory/account_table.h"

#include <algorithm>
#include <string>

#include "directory/packed_number.h"

namespace causeway::directory {

std::uint64_t SlotIndex::hash_of(std::string_view text) {
  return spread(std::hash<std::string_view>{}(text));
}

SlotIndex::Shard::const_iterator SlotIndex::lower_bound(const Shard& shard, std::uint32_t hash) {
  return std::lower_bound(shard.begin(), shard.end(), std::pair{hash, std::uint32_t{0}});
}

std::optional<std::uint32_t> AccountTable::slot_of(std::string_view name) const {
  return names_.find(name, [&](std::uint32_t s) { return at(s)->account.name == name; });
}

const AccountNode* AccountTable::of_subdomain(std::string_view label) const {
  const auto slot = subdomains_.find(label, [&](std::uint32_t s) {
    const AccountNode* node = at(s);
    return node->present && node->account.subdomain == label;
  });
  return slot ? at(*slot) : nullptr;
}

const AccountNode* AccountEditor::look(std::uint32_t slot) const {
  const auto found = touched_.find(slot);
  return found != touched_.end() ? &found->second : table_.at(slot);
}

AccountNode& AccountEditor::touch(std::uint32_t slot) {
  const auto [found, is_new] = touched_.try_emplace(slot);
  if (is_new)
    if (const AccountNode* node = table_.at(slot)) found->second = *node;
  return found->second;
}

SlotIndex::Shard& AccountEditor::touch(const SlotIndex& index, Shards& shards, std::size_t i) {
  const auto [found, is_new] = shards.try_emplace(i);
  if (is_new && index.shards_[i]) found->second = *index.shards_[i];
  return found->second;
}

void AccountEditor::index(const SlotIndex& index, Shards& shards, std::string_view text,
                          std::uint32_t slot, bool add) {
  if (text.empty()) return;
  const std::uint64_t hash = SlotIndex::hash_of(text);
  auto& shard = touch(index, shards, hash % SlotIndex::kShards);
  const std::pair item{SlotIndex::high(hash), slot};
  const auto at = std::lower_bound(shard.begin(), shard.end(), item);
  if (add)
    shard.insert(at, item);
  else if (at != shard.end() && *at == item)
    shard.erase(at);
}

void AccountEditor::store(SlotIndex& index, Shards& shards) {
  for (auto& [i, shard] : shards)
    index.shards_[i] = std::make_shared<const SlotIndex::Shard>(std::move(shard));
}

std::uint32_t AccountEditor::free_slot() {
  std::uint32_t slot = table_.first_free_;
  while (look(slot) != nullptr) ++slot;
  table_.first_free_ = slot + 1;
  return slot;
}

std::uint32_t AccountEditor::slot_of(std::string_view name) {
  const std::uint64_t hash = SlotIndex::hash_of(name);
  const std::size_t i = hash % SlotIndex::kShards;
  const auto is_it = [&](std::uint32_t s) { return look(s)->account.name == name; };
  const auto edited = names_.find(i);
  const auto known = edited != names_.end() ? SlotIndex::find_in(edited->second, hash, is_it)
                                            : table_.names_.find(name, is_it);
  if (known) return *known;
  const std::uint32_t slot = free_slot();
  touch(slot).account.name = name;
  index(table_.names_, names_, name, slot, true);
  return slot;
}

void AccountEditor::put(const Account& account) {
  const std::uint32_t slot = slot_of(account.name);
  AccountNode& node = touch(slot);
  if (node.account.subdomain != account.subdomain) {
    index(table_.subdomains_, subdomains_, node.account.subdomain, slot, false);
    index(table_.subdomains_, subdomains_, account.subdomain, slot, true);
  }
  const auto numbers = node.account.numbers;
  node.account = account;
  node.account.numbers = numbers;
  if (!node.present) ++table_.present_;
  node.present = true;
}

void AccountEditor::remove(std::string_view name) {
  const std::uint32_t slot = slot_of(name);
  AccountNode& node = touch(slot);
  if (node.present) --table_.present_;
  node.present = false;
  index(table_.subdomains_, subdomains_, node.account.subdomain, slot, false);
  const auto numbers = node.account.numbers;
  node.account = {};
  node.account.name = name;
  node.account.numbers = numbers;
}

void AccountEditor::count(std::uint32_t slot, ServiceSet services, int by) {
  AccountNode& node = touch(slot);
  node.references += by;
  for (std::size_t i = 0; i < kServices; ++i)
    if ((services & kEveryService[i]) != 0) node.account.numbers[i] += by;
}

AccountTable AccountEditor::finish() {
  std::unordered_map<std::size_t, AccountTable::Chunk> chunks;
  for (auto& [slot, node] : touched_) {
    const std::size_t i = slot / AccountTable::kChunk;
    const auto [chunk, is_new] = chunks.try_emplace(i);
    if (is_new && i < table_.chunks_.size()) chunk->second = *table_.chunks_[i];
    auto& place = chunk->second[slot % AccountTable::kChunk];
    if (node.present || node.references != 0) {
      place = {nullptr, node.present, node.account.enabled};
      place.node = std::make_shared<const AccountNode>(std::move(node));
    } else {
      index(table_.names_, names_, node.account.name, slot, false);
      place = {};
      table_.first_free_ = std::min(table_.first_free_, slot);
    }
  }
  for (auto& [i, chunk] : chunks) {
    while (table_.chunks_.size() <= i) {
      static const auto kEmpty = std::make_shared<const AccountTable::Chunk>();
      table_.chunks_.push_back(kEmpty);
    }
    table_.chunks_[i] = std::make_shared<const AccountTable::Chunk>(std::move(chunk));
  }
  store(table_.names_, names_);
  store(table_.subdomains_, subdomains_);
  return std::move(table_);
}

}  // namespace causeway::directory
