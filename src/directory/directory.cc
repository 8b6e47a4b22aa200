#include "directory/directory.h"

#include <algorithm>

#include "directory/packed_number.h"

namespace causeway::directory {

const std::shared_ptr<const Directory>& Directory::none() {
  static const auto kNone = std::make_shared<const Directory>();
  return kNone;
}

std::optional<Directory::Raw> Directory::find_raw(std::uint64_t number) const {
  const std::uint64_t hash = spread(number);
  if (const Overlay::Entry* e = overlay_.find(number, hash)) {
    if (e->gone) return {};
    return Raw{e->account, static_cast<ServiceSet>(e->word >> kPackedBits),
               e->header ? std::string_view(*e->header) : std::string_view{}};
  }
  const Segment* segment = segments_[segment_of(hash)].get();
  if (segment == nullptr) return {};
  const PackedEntry* e = segment->find(number, hash);
  if (e == nullptr) return {};
  return Raw{e->account, e->services(), segment->header(*e)};
}

std::optional<Number> Directory::find(std::string_view number) const {
  const auto packed = pack_number(number);
  if (!packed) return {};
  const auto raw = find_raw(*packed);
  if (!raw) return {};
  ServiceSet enabled = 0;
  const Account* account = accounts_.account_at(raw->account, enabled);
  if (account == nullptr) return {};
  return Number{account, static_cast<ServiceSet>(raw->services & enabled), raw->header};
}

const Account* Directory::account(std::string_view name) const {
  const auto slot = accounts_.slot_of(name);
  if (!slot) return nullptr;
  const AccountNode* node = accounts_.at(*slot);
  return node->present ? &node->account : nullptr;
}

const Account* Directory::account_of_subdomain(std::string_view label) const {
  // RFC 1035 section 2.3.4: no label is longer, and none is empty.
  std::array<char, 63> lower{};
  if (label.empty() || label.size() > lower.size()) return nullptr;
  std::transform(label.begin(), label.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const AccountNode* node = accounts_.of_subdomain({lower.data(), label.size()});
  return node == nullptr ? nullptr : &node->account;
}

Footprint Directory::footprint() const {
  Footprint out;
  out.numbers = overlay_.bytes() + sizeof segments_;
  for (const auto& s : segments_)
    if (s) {
      out.numbers += s->table_bytes() + sizeof(Segment);
      out.headers += s->header_bytes();
    }
  for (const auto* e : overlay_.by_segment())
    if (e->header) out.headers += e->header->capacity();
  return out;
}

void Directory::set(std::uint64_t number, const std::optional<NumberEntry>& to,
                    AccountEditor& accounts) {
  const auto was = find_raw(number);
  if (was) accounts.count(was->account, was->services, -1);
  if (!to) {
    if (!was) return;
    --numbers_;
    overlay_.set({PackedEntry::word_of(number, 0), 0, true, nullptr});
    return;
  }
  if (!was) ++numbers_;
  const auto services = static_cast<ServiceSet>(to->services & kAllServices);
  const std::uint32_t slot = accounts.slot_of(to->account);
  accounts.count(slot, services, 1);
  overlay_.set({PackedEntry::word_of(number, services), slot, false,
                to->custom_header.empty() || to->custom_header.size() > kMaxHeaderValue
                    ? nullptr
                    : std::make_shared<const std::string>(to->custom_header)});
}

void Directory::fold_some(std::size_t segments) {
  const std::size_t begin = fold_next_;
  const std::size_t end = std::min(kSegments, begin + segments);
  fold_next_ = end == kSegments ? 0 : end;
  const auto changed = overlay_.by_segment();
  const auto segment = [](const Overlay::Entry* e) {
    return segment_of(spread(e->word & kPackedMask));
  };
  Overlay rest;
  for (auto i = changed.begin(); i != changed.end();) {
    const std::size_t s = segment(*i);
    const auto stop =
        std::find_if(i, changed.end(), [&](const auto* e) { return segment(e) != s; });
    if (s >= begin && s < end) {
      SegmentMaker maker(base_size(s) + static_cast<std::size_t>(stop - i));
      for_each_item(s, {i, stop}, [&](const Item& item) { maker.add(item); });
      segments_[s] = maker.finish();
    } else {
      std::for_each(i, stop, [&](const auto* e) { rest.set(*e); });
    }
    i = stop;
  }
  overlay_ = std::move(rest);
}

DirectoryPtr apply(const Directory& from, const Changes& changes) {
  auto out = std::make_shared<Directory>(from);
  AccountEditor accounts(from.accounts_);
  for (const auto& [name, account] : changes.accounts) {
    if (account)
      accounts.put(*account);
    else
      accounts.remove(name);
  }
  for (const auto& [number, entry] : changes.numbers) {
    const auto packed = pack_number(number);
    if (!packed) continue;
    out->set(*packed, entry, accounts);
    if (out->overlay_.size() >= Directory::kMaxOverlay) {
      out->fold_next_ = 0;
      out->fold_some(kSegments);
    }
  }
  out->accounts_ = accounts.finish();
  out->last_change_ = changes.last_change;
  return out;
}

DirectoryPtr fold(const Directory& from, std::size_t segments) {
  auto out = std::make_shared<Directory>(from);
  out->fold_some(segments);
  return out;
}

}  // namespace causeway::directory
