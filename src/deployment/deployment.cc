#include "deployment/deployment.h"

#include <algorithm>

#include "base/host_name.h"

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

std::optional<PeerIndex> Deployment::find_gateway(GroupIndex from, std::string_view name) const {
  if (name.empty()) return std::nullopt;
  for (const GroupIndex to : group(from).routes_to)
    for (const PeerIndex p : group(to).peers)
      if (equal_ignoring_case(peer(p).known_as, name)) return p;
  return std::nullopt;
}

std::optional<ListenerIndex> Deployment::tcp_way_out(GroupIndex index, bool v6) const {
  for (std::size_t i = 0; i < listeners.size(); ++i)
    if (listeners[i].realm == group(index).realm && listeners[i].transport == Transport::kTcp &&
        listeners[i].address.address.is_v6() == v6)
      return ListenerIndex(static_cast<std::uint16_t>(i));
  return std::nullopt;
}

std::string Deployment::own_name(GroupIndex index, ListenerIndex from) const {
  // A listener that a reload has removed has no name any more.
  if (from.value >= listeners.size() || listener(from).more_identities.empty()) return {};
  return profile(group(index).profile).contact_host;
}

std::optional<ListenerIndex> Deployment::way_out(GroupIndex index, bool v6) const {
  const PeerGroup& g = group(index);
  const Listener& own = listener(g.listener);
  if (own.address.address.is_v6() == v6) return g.listener;
  for (std::size_t i = 0; i < listeners.size(); ++i)
    if (listeners[i].realm == own.realm && listeners[i].transport == own.transport &&
        listeners[i].address.address.is_v6() == v6)
      return ListenerIndex(static_cast<std::uint16_t>(i));
  return std::nullopt;
}

}  // namespace causeway::deployment
