#include "deployment/deployment.h"

#include <algorithm>

namespace causeway::deployment {
namespace {
template <typename Index, typename T>
std::optional<Index> find(const std::vector<T>& all, std::string_view name) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const T& t) { return t.name == name; });
  if (it == all.end()) return std::nullopt;
  return Index(static_cast<std::uint16_t>(it - all.begin()));
}
}  // namespace

std::optional<GroupIndex> Deployment::find_group(std::string_view name) const {
  return find<GroupIndex>(groups, name);
}
std::optional<PeerIndex> Deployment::find_peer(std::string_view name) const {
  return find<PeerIndex>(peers, name);
}
std::optional<RegionIndex> Deployment::find_region(std::string_view name) const {
  return find<RegionIndex>(regions, name);
}

}  // namespace causeway::deployment
