// A hash table in one block of memory: open addressing, linear probing, erasure by shifting back. A
// look-up costs one cache miss where std::unordered_map costs three. Keys must already be spread by
// Hash; with keys that the network chooses, Hash must be keyed (hash.h). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace causeway {

// For keys whose low bits are random themselves.
struct RandomBits {
  std::size_t operator()(std::uint64_t key) const { return static_cast<std::size_t>(key); }
  template <class Id>
  std::size_t operator()(const Id& id) const {
    return static_cast<std::size_t>(id.value);
  }
};
// For keys of our own making that count up: indices, generations.
struct SpreadBits {
  template <class Id>
  std::size_t operator()(const Id& id) const {
    return static_cast<std::size_t>((id.value * 0x9e3779b97f4a7c15ULL) >> 20);
  }
};

template <class Key, class Value, class Hash>
class FlatMap {
 public:
  // Pointers are good until the next insert() or erase().
  [[nodiscard]] Value* find(const Key& key) {
    return const_cast<Value*>(std::as_const(*this).find(key));
  }
  [[nodiscard]] const Value* find(const Key& key) const {
    if (entries_.empty()) return nullptr;
    for (std::size_t i = home(key);; i = next(i)) {
      const Entry& e = entries_[i];
      if (!e.used) return nullptr;
      if (e.key == key) return &e.value;
    }
  }

  // Replaces what was there.
  void insert(const Key& key, Value value) {
    if ((size_ + 1) * 8 > entries_.size() * 5) grow();
    std::size_t i = home(key);
    while (entries_[i].used && !(entries_[i].key == key)) i = next(i);
    size_ += entries_[i].used ? 0 : 1;
    entries_[i] = {key, std::move(value), true};
  }

  bool erase(const Key& key) {
    if (entries_.empty()) return false;
    std::size_t hole = home(key);
    for (;; hole = next(hole)) {
      if (!entries_[hole].used) return false;
      if (entries_[hole].key == key) break;
    }
    // Whoever would not be found across the hole moves into it.
    for (std::size_t i = next(hole); entries_[i].used; i = next(i)) {
      const std::size_t from_home = (i - home(entries_[i].key)) & mask();
      if (from_home < ((i - hole) & mask())) continue;
      entries_[hole] = std::move(entries_[i]);
      hole = i;
    }
    entries_[hole] = Entry{};
    --size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    entries_.clear();
    size_ = 0;
  }
  // In no order; `work` must neither insert nor erase.
  template <class Work>
  void for_each(Work&& work) const {
    for (const Entry& e : entries_)
      if (e.used) work(e.key, e.value);
  }

 private:
  struct Entry {
    Key key{};
    Value value{};
    bool used = false;
  };
  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  [[nodiscard]] std::size_t home(const Key& key) const { return Hash{}(key)&mask(); }
  [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask(); }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 64 : entries_.size() * 2);
    old.swap(entries_);
    size_ = 0;
    for (Entry& e : old)
      if (e.used) insert(e.key, std::move(e.value));
  }

  std::vector<Entry> entries_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace causeway
