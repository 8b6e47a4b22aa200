#include "directory/directory.h"

namespace causeway::directory {

void Builder::add(const Account& account) { accounts_.put(account); }

void Builder::add(std::string_view number, const NumberEntry& entry) {
  if (const auto packed = pack_number(number))
    (void)add_packed(
        *packed, static_cast<ServiceSet>(entry.services & kAllServices),
        accounts_.slot_of(entry.account),
        entry.custom_header.size() > kMaxHeaderValue ? std::string_view{} : entry.custom_header);
}

bool Builder::add_packed(std::uint64_t number, ServiceSet services, std::uint32_t slot,
                         std::string_view header) {
  constexpr std::uint64_t kLeast = 10;  // "+0"
  std::uint64_t first = number;
  while (first >= 10) first /= 10;
  if (number < kLeast || first != 1 || number > kPackedMask || (services & ~kAllServices) != 0)
    return false;
  Part& part = parts_[segment_of(spread(number))];
  std::uint32_t at = 0;
  if (!header.empty()) {
    // Neighbours often share a value; the segment sees to the others.
    if (part.headers.empty() || part.headers.back() != header) part.headers.emplace_back(header);
    at = static_cast<std::uint32_t>(part.headers.size());
  }
  if (part.size % kBlock == 0)
    part.blocks.emplace_back(kBlock * sizeof(PackedEntry), Pages::Size::kSmall);
  static_cast<PackedEntry*>(part.blocks.back().data())[part.size++ % kBlock] = {
      PackedEntry::word_of(number, services), slot, at};
  return true;
}

DirectoryPtr Builder::build(std::int64_t last_change) {
  auto out = std::make_shared<Directory>();
  for (std::size_t i = 0; i < kSegments; ++i) {
    // Freed part by part: the whole is never there twice.
    const Part part = std::move(parts_[i]);
    parts_[i] = {};
    if (part.size == 0) continue;
    SegmentMaker maker(part.size);
    for (std::size_t k = 0; k < part.size; ++k) {
      const auto& e = static_cast<const PackedEntry*>(part.blocks[k / kBlock].data())[k % kBlock];
      maker.add(
          {e.word, e.account,
           e.header == 0 ? std::string_view{} : std::string_view(part.headers[e.header - 1])});
    }
    out->segments_[i] = maker.finish();
    out->numbers_ += out->segments_[i]->size();
    out->segments_[i]->for_each(
        [&](const PackedEntry& e) { accounts_.count(e.account, e.services(), 1); });
  }
  out->accounts_ = accounts_.finish();
  out->last_change_ = last_change;
  return out;
}

}  // namespace causeway::directory
