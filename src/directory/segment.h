// One of the parts that the numbers of a directory are split into by their hash: an immutable open
// hash table, four numbers to a cache line. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "directory/packed_number.h"
#include "directory/pages.h"
#include "directory/service.h"

namespace causeway::directory {

inline constexpr int kSegmentBits = 6;
inline constexpr std::size_t kSegments = std::size_t{1} << kSegmentBits;
[[nodiscard]] constexpr std::size_t segment_of(std::uint64_t hash) {
  return hash >> (64 - kSegmentBits);
}

// A number with its services in one word; 0 is none.
struct PackedEntry {
  std::uint64_t word = 0;
  std::uint32_t account = 0;  // its slot
  std::uint32_t header = 0;   // where its value stands, counted from 1; 0: it has none

  [[nodiscard]] std::uint64_t number() const { return word & kPackedMask; }
  [[nodiscard]] ServiceSet services() const { return static_cast<ServiceSet>(word >> kPackedBits); }
  [[nodiscard]] static std::uint64_t word_of(std::uint64_t number, ServiceSet services) {
    return number | std::uint64_t{services} << kPackedBits;
  }
};
static_assert(sizeof(PackedEntry) == 16);

// A number on its way from one table to another.
struct Item {
  std::uint64_t word = 0;
  std::uint32_t account = 0;
  std::string_view header;
};

struct alignas(64) Bucket {  // a line of the cache
  PackedEntry entries[4];
};

class Segment {
 public:
  // `hash` is spread(number).
  [[nodiscard]] const PackedEntry* find(std::uint64_t number, std::uint64_t hash) const {
    // One look-up in ten needs the next line, too: both are fetched at once.
    __builtin_prefetch(&buckets_[first_bucket(hash)] + 1);
    // Terminates: there are more places than numbers, and a bucket fills from its first place.
    for (std::uint32_t b = first_bucket(hash);; b = b + 1 == bucket_count_ ? 0 : b + 1) {
      for (const PackedEntry& e : buckets_[b].entries) {
        if (e.word == 0) return nullptr;
        if (e.number() == number) return &e;
      }
    }
  }
  [[nodiscard]] std::string_view header(const PackedEntry& e) const {
    return e.header == 0 ? std::string_view{} : header_at(e.header - 1);
  }
  template <typename F>  // f(const PackedEntry&)
  void for_each(F&& f) const {
    for (std::uint32_t b = 0; b < bucket_count_; ++b)
      for (const PackedEntry& e : buckets_[b].entries) {
        if (e.word == 0) break;
        f(e);
      }
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  // Of the table, and of the values of headers, which are kept once each.
  [[nodiscard]] std::size_t table_bytes() const { return bucket_count_ * sizeof(Bucket); }
  [[nodiscard]] std::size_t header_bytes() const { return headers_.capacity(); }

 private:
  friend class SegmentMaker;
  [[nodiscard]] std::uint32_t first_bucket(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(((hash & 0xffffffffU) * bucket_count_) >> 32);
  }
  [[nodiscard]] PackedEntry& place_of(std::uint64_t number);
  [[nodiscard]] std::string_view header_at(std::uint32_t offset) const;

  void allocate(std::size_t buckets);  // at least that many

  std::unique_ptr<Bucket[]> own_;  // one of the two
  Pages pages_;
  Bucket* buckets_ = nullptr;
  std::uint32_t bucket_count_ = 0;
  std::uint32_t size_ = 0;
  std::string headers_;  // each behind its length
};

// A segment from items that belong together; of those with one number the last counts.
class SegmentMaker {
 public:
  explicit SegmentMaker(std::size_t at_most);
  void add(const Item& item);  // its header stays where it is until finish()
  [[nodiscard]] std::shared_ptr<const Segment> finish();  // null when it is empty

 private:
  std::shared_ptr<Segment> segment_;
  std::unordered_map<std::string_view, std::uint32_t> places_;  // of values of headers
};

}  // namespace causeway::directory
