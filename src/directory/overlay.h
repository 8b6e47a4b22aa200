// What changed since the segments were made: a small open hash table that is copied for every
// change of a directory, and read before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "directory/packed_number.h"
#include "directory/service.h"

namespace causeway::directory {

class Overlay {
 public:
  struct Entry {
    std::uint64_t word = 0;  // as in PackedEntry
    std::uint32_t account = 0;
    bool gone = false;                          // hides what the segment says
    std::shared_ptr<const std::string> header;  // null: none
  };

  [[nodiscard]] const Entry* find(std::uint64_t number, std::uint64_t hash) const {
    if (size_ == 0) return nullptr;
    for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Entry& e = entries_[i];
      if (e.word == 0) return nullptr;
      if ((e.word & kPackedMask) == number) return &e;
    }
  }
  void set(Entry entry);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }
  // In the order of their segments; they live as long as this and until it is written to.
  [[nodiscard]] std::vector<const Entry*> by_segment() const;

 private:
  void grow();

  std::vector<Entry> entries_;  // half full at most
  std::size_t mask_ = 0, size_ = 0;
};

}  // namespace causeway::directory
