#include "directory/overlay.h"

#include <algorithm>
#include <utility>

namespace causeway::directory {

void Overlay::set(Entry entry) {
  if (entries_.empty() || (size_ + 1) * 2 > entries_.size()) grow();
  const std::uint64_t number = entry.word & kPackedMask;
  std::size_t i = spread(number) & mask_;
  while (entries_[i].word != 0 && (entries_[i].word & kPackedMask) != number) i = (i + 1) & mask_;
  if (entries_[i].word == 0) ++size_;
  entries_[i] = std::move(entry);
}

void Overlay::grow() {
  std::vector<Entry> old(std::max<std::size_t>(16, entries_.size() * 2));
  old.swap(entries_);
  mask_ = entries_.size() - 1;
  size_ = 0;
  for (Entry& e : old)
    if (e.word != 0) set(std::move(e));
}

std::vector<const Overlay::Entry*> Overlay::by_segment() const {
  std::vector<std::pair<std::uint64_t, const Entry*>> sorted;
  sorted.reserve(size_);
  for (const Entry& e : entries_)
    if (e.word != 0) sorted.emplace_back(spread(e.word & kPackedMask), &e);
  std::sort(sorted.begin(), sorted.end());
  std::vector<const Entry*> out;
  out.reserve(sorted.size());
  for (const auto& [hash, entry] : sorted) out.push_back(entry);
  return out;
}

}  // namespace causeway::directory
