// The pools of the realms' addresses, and what is done where one of them has nothing to give.
#include <algorithm>

#include "media/plane_impl.h"

namespace causeway::media {

PortPool& MediaPlane::Impl::pool_of(const RealmMedia& realm, const IpAddress& address) {
  const PortRange range{address, realm.port_min, realm.port_max, realm.interface, realm.dscp};
  for (auto& p : pools)
    if (p->range() == range) return *p;
  auto pool = std::make_unique<PortPool>(reactor, *this, range);
  for (auto& p : pools)
    if (p->range().address == range.address) pool->elders.push_back(p.get());
  pools.push_back(std::move(pool));
  pools.back()->realm = realm.name;
  return *pools.back();
}

Result<std::unique_ptr<PortPair>> MediaPlane::Impl::take_from(PortPool& pool,
                                                              std::optional<std::uint16_t> port) {
  constexpr std::size_t kAtOnce = 64;
  const auto take = [&] { return port ? pool.take(*port) : pool.take(); };
  auto ports = take();
  for (std::size_t i = 0; !ports && pool.starved() && i < pools.size(); ++i)
    if (pools[i]->close_resting(kAtOnce) != 0) ports = take();
  return ports;
}

void MediaPlane::Impl::exhausted(PortPool& pool, const Error& why) {
  ++ports_exhausted;
  if (pool.last_alarm != Instant{} && reactor.now() - pool.last_alarm < Seconds(1)) return;
  pool.last_alarm = reactor.now();
  observer.on_media_alarm("media ports of realm " + pool.realm + " are exhausted: " + why.what);
}

Result<std::pair<PortPool*, std::unique_ptr<PortPair>>> MediaPlane::Impl::take_ports(
    const RealmMedia& realm, Family family) {
  const auto& address = family == Family::kV6 ? realm.v6 : realm.v4;
  if (!address)
    return fail(ErrorCode::kConfiguration, "realm " + realm.name + " has no media address for " +
                                               (family == Family::kV6 ? "IPv6" : "IPv4"));
  PortPool& pool = pool_of(realm, *address);
  auto ports = take_from(pool);
  if (!ports) {
    exhausted(pool, ports.error());
    return fail(ErrorCode::kUnavailable,
                "no media port in realm " + realm.name + ": " + ports.error().what);
  }
  return std::pair{&pool, std::move(*ports)};
}

// Pools of realms that are no more, when nothing of them is in use.
void MediaPlane::Impl::forget_pools() {
  std::erase_if(pools, [&](const auto& p) {
    if (!p->done()) return false;
    for (auto& other : pools)
      if (other) std::erase(other->elders, p.get());
    return true;
  });
}

}  // namespace causeway::media
