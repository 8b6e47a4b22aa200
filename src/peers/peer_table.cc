#include "peers/peer_table.h"

#include <algorithm>

namespace causeway::peers {

using deployment::GroupIndex;
using deployment::PeerIndex;

std::string_view to_string(Admin a) {
  switch (a) {
    case Admin::kActive: return "active";
    case Admin::kDrain: return "draining";
    case Admin::kBlock: return "blocked";
  }
  return "?";
}

void PeerTable::apply(deployment::DeploymentPtr next) {
  std::vector<PeerState> states(next->peers.size());
  std::vector<Admin> groups(next->groups.size(), Admin::kActive),
      regions(next->regions.size(), Admin::kActive);
  if (deployment_) {
    for (std::size_t i = 0; i < next->peers.size(); ++i)
      if (const auto old = deployment_->find_peer(next->peers[i].name))
        states[i] = states_[old->value];
    for (std::size_t i = 0; i < next->groups.size(); ++i)
      if (const auto old = deployment_->find_group(next->groups[i].name))
        groups[i] = groups_[old->value];
    for (std::size_t i = 0; i < next->regions.size(); ++i)
      for (std::size_t j = 0; j < deployment_->regions.size(); ++j)
        if (deployment_->regions[j].name == next->regions[i].name) regions[i] = regions_[j];
  }
  deployment_ = std::move(next);
  states_ = std::move(states);
  groups_ = std::move(groups);
  regions_ = std::move(regions);
}

Admin PeerTable::admin_of(GroupIndex group) const {
  return std::max(groups_[group.value], regions_[deployment_->group(group).region.value]);
}

std::vector<PeerIndex> PeerTable::candidates(GroupIndex group, bool emergency) const {
  std::vector<PeerIndex> out;
  const Admin of_group = admin_of(group);
  for (const Admin admin : {Admin::kActive, Admin::kDrain}) {
    if (admin == Admin::kDrain && !emergency) break;
    for (const bool up : {true, false})
      for (const PeerIndex p : deployment_->group(group).peers)
        if (states_[p.value].up == up && std::max(of_group, states_[p.value].admin) == admin)
          out.push_back(p);
  }
  return out;
}

std::optional<PeerIndex> PeerTable::peer_at(GroupIndex group, const Endpoint& from) const {
  std::optional<PeerIndex> found;
  for (const PeerIndex p : deployment_->group(group).peers) {
    const deployment::Peer& peer = deployment_->peer(p);
    const auto& targets = states_[p.value].targets;
    if (peer.address != from.address &&
        std::find(targets.begin(), targets.end(), from.address) == targets.end())
      continue;
    if (peer.port == from.port) return p;
    if (!found) found = p;
  }
  return found;
}

Status PeerTable::set_admin(Kind kind, std::string_view name, Admin admin) {
  std::string known;
  const auto note = [&](const std::string& n) { known += (known.empty() ? "" : ", ") + n; };
  switch (kind) {
    case Kind::kPeer:
      for (std::size_t i = 0; i < deployment_->peers.size(); ++i) {
        note(deployment_->peers[i].name);
        if (deployment_->peers[i].name == name) return states_[i].admin = admin, Status{};
      }
      return fail(ErrorCode::kNotFound, "no peer '" + std::string(name) + "'; there are: " + known);
    case Kind::kGroup:
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        note(deployment_->groups[i].name);
        if (deployment_->groups[i].name == name) return groups_[i] = admin, Status{};
      }
      return fail(ErrorCode::kNotFound,
                  "no peer group '" + std::string(name) + "'; there are: " + known);
    case Kind::kRegion:
      for (std::size_t i = 0; i < regions_.size(); ++i) {
        note(deployment_->regions[i].name);
        if (deployment_->regions[i].name == name) return regions_[i] = admin, Status{};
      }
      return fail(ErrorCode::kNotFound,
                  "no region '" + std::string(name) + "'; there are: " + known);
  }
  return fail(ErrorCode::kInternal, "unknown kind");
}

}  // namespace causeway::peers
