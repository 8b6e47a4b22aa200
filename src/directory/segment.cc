#include "directory/segment.h"

#include <cstring>
#include <new>

namespace causeway::directory {

// Large tables lie in huge pages: without them, finding the page costs as much as the line. What
// rounding up to whole ones leaves over makes the table emptier, and so quicker.
void Segment::allocate(std::size_t buckets) {
  constexpr std::size_t kLarge = Pages::kHuge / 2;
  const std::size_t wanted = buckets * sizeof(Bucket);
  if (wanted < kLarge) {
    own_ = std::make_unique<Bucket[]>(buckets);
    buckets_ = own_.get();
    bucket_count_ = static_cast<std::uint32_t>(buckets);
    return;
  }
  pages_ = Pages((wanted + Pages::kHuge - 1) / Pages::kHuge * Pages::kHuge, Pages::Size::kHuge);
  bucket_count_ = static_cast<std::uint32_t>(pages_.bytes() / sizeof(Bucket));
  buckets_ = new (pages_.data()) Bucket[bucket_count_];
}

SegmentMaker::SegmentMaker(std::size_t at_most) : segment_(std::make_shared<Segment>()) {
  // Four fifths full at most: 20 bytes a number, and most of them in the first line looked at.
  segment_->allocate(at_most * 5 / 16 + 1);
}

void SegmentMaker::add(const Item& item) {
  PackedEntry& e = segment_->place_of(item.word & kPackedMask);
  if (e.word == 0) ++segment_->size_;
  e = {item.word, item.account, 0};
  if (item.header.empty()) return;
  std::string& headers = segment_->headers_;
  const auto [known, is_new] =
      places_.emplace(item.header, static_cast<std::uint32_t>(headers.size()) + 1);
  if (is_new) {
    const auto length = static_cast<std::uint32_t>(item.header.size());
    headers.append(reinterpret_cast<const char*>(&length), sizeof length);
    headers.append(item.header);
  }
  e.header = known->second;
}

std::shared_ptr<const Segment> SegmentMaker::finish() {
  if (segment_->size_ == 0) return nullptr;
  segment_->headers_.shrink_to_fit();
  return std::move(segment_);
}

PackedEntry& Segment::place_of(std::uint64_t number) {
  for (std::uint32_t b = first_bucket(spread(number));; b = b + 1 == bucket_count_ ? 0 : b + 1)
    for (PackedEntry& e : buckets_[b].entries)
      if (e.word == 0 || e.number() == number) return e;
}

std::string_view Segment::header_at(std::uint32_t offset) const {
  std::uint32_t length = 0;
  std::memcpy(&length, headers_.data() + offset, sizeof length);
  return std::string_view(headers_).substr(offset + sizeof length, length);
}

}  // namespace causeway::directory
