#include "call/local_media.h"

#include <algorithm>

#include "base/host_name.h"
#include "sip/fields.h"

namespace causeway::call {
namespace {

constexpr std::size_t kLongestNumber = 64;

std::string key_of(std::string_view group, std::string_view number) {
  if (number.starts_with('+')) number.remove_prefix(1);
  // As many are remembered as there are entries; each has a length, too.
  if (number.empty() || number.size() > kLongestNumber) return {};
  return std::string(group) + ' ' + std::string(number);
}

void add_names(std::string_view list, std::vector<std::string>& out) {
  constexpr std::string_view kBetween = ", \t";
  while (out.size() < UserPlace::kMostGateways) {
    const auto begin = list.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return;
    list.remove_prefix(begin);
    const std::string_view name = list.substr(0, list.find_first_of(kBetween));
    if (name.size() <= UserPlace::kLongestName) out.push_back(to_lower(name));
    list.remove_prefix(name.size());
  }
}

}  // namespace

std::string UserPlace::in_words() const {
  std::string out = internal ? "inside" : "outside";
  if (!site.empty()) out += ", at site " + site;
  for (std::size_t i = 0; i < path.size(); ++i) out += (i == 0 ? "; media by " : ", ") + path[i];
  return out;
}

UserPlace place_of(const sip::Message& invite, const deployment::LocalMedia& headers) {
  UserPlace place;
  const auto is = [](const sip::HeaderField& f, const std::string& name) {
    return !name.empty() && sip::iequals(f.name, name);
  };
  for (const auto& f : invite.headers()) {
    if (is(f, headers.location)) place.internal = sip::iequals(f.value, "internal");
    if (is(f, headers.path)) add_names(f.value, place.path);
    if (is(f, headers.site) && f.value.size() <= UserPlace::kLongestSite)
      place.site = std::string(f.value);
  }
  return place;
}

void UserPlaces::saw(std::string_view group, std::string_view number, bool internal, Instant now) {
  std::string key = key_of(group, number);
  if (key.empty()) return;
  if (recent_.size() >= kMost && !recent_.contains(key)) {
    older_ = std::move(recent_);
    recent_.clear();
  }
  recent_.insert_or_assign(std::move(key), Seen{internal, now});
}

std::optional<bool> UserPlaces::last(std::string_view group, std::string_view number,
                                     Instant now) const {
  const std::string key = key_of(group, number);
  if (key.empty()) return std::nullopt;
  for (const Table* t : {&recent_, &older_})
    if (const auto it = t->find(key); it != t->end())
      return now - it->second.at <= kFor ? std::optional(it->second.internal) : std::nullopt;
  return std::nullopt;
}

}  // namespace causeway::call
