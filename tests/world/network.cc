#include "world/network.h"

namespace causeway::world {

void Network::set_link(const IpAddress& from, const IpAddress& to, const Link& link) {
  links_[{from, to}] = link;
}

void Network::set_links(const IpAddress& a, const IpAddress& b, const Link& link) {
  set_link(a, b, link);
  set_link(b, a, link);
}

void Network::clear_link(const IpAddress& from, const IpAddress& to) { links_.erase({from, to}); }

void Network::partition(const IpAddress& a, const IpAddress& b) {
  partitions_.insert({a, b});
  partitions_.insert({b, a});
}

void Network::heal(const IpAddress& a, const IpAddress& b) {
  partitions_.erase({a, b});
  partitions_.erase({b, a});
}

void Network::heal_all() {
  partitions_.clear();
  isolated_.clear();
}

const Link& Network::link(const IpAddress& from, const IpAddress& to) const {
  if (links_.empty()) return default_;
  const auto found = links_.find({from, to});
  return found == links_.end() ? default_ : found->second;
}

bool Network::blocked(const IpAddress& from, const IpAddress& to) const {
  if (!isolated_.empty() && (isolated_.contains(from) || isolated_.contains(to))) return true;
  if (!partitions_.empty() && partitions_.contains({from, to})) return true;
  return link(from, to).blocked;
}

}  // namespace causeway::world
