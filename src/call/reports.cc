// What a shard tells of itself: peers, bans and calls, for `causeway status` and the metrics.
#include <algorithm>
#include <map>

#include "call/call.h"
#include "call/gateway_shard.h"

namespace causeway::call {
namespace {

// What TLS says of the peers of this deployment, where a connection with one is up. Ours tell more
// than theirs: their name is that of the peer.
void add_tls(std::vector<PeerReport>& reports, const peers::PeerTable& table,
             const transport::SipTransport& transport) {
  const auto& d = *table.deployment();
  // Whose is an address or a name: found, not searched for, with thousands of connections.
  std::multimap<std::string, std::size_t, std::less<>> by_name;
  std::multimap<IpAddress, std::size_t> by_address;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const deployment::PeerIndex index{static_cast<std::uint16_t>(i)};
    const auto& peer = d.peer(index);
    if (peer.transport != Transport::kTls) continue;
    if (peer.address)
      by_address.emplace(*peer.address, i);
    else
      by_name.emplace(peer.host, i);
    for (const IpAddress& target : table.state(index).targets)
      if (target != peer.address) by_address.emplace(target, i);
  }
  const auto tell = [&](std::size_t i, const reactor::TlsPeer& tls) {
    reports[i].tls = tls.version + " " + tls.cipher;
    reports[i].certificate_not_after = tls.not_after.micros / 1'000'000;
  };
  transport.each_tls([&](bool outgoing, const transport::Destination& to, const Endpoint& remote,
                         const reactor::TlsPeer& tls) {
    if (outgoing) {
      const auto [first, last] = by_name.equal_range(to.tls_name);
      for (auto it = first; it != last; ++it) tell(it->second, tls);
    }
    const auto [first, last] = by_address.equal_range(remote.address);
    for (auto it = first; it != last; ++it) {
      const bool by_its_name =
          !d.peer(deployment::PeerIndex{static_cast<std::uint16_t>(it->second)})
               .address.has_value();
      if (outgoing ? !by_its_name : reports[it->second].tls.empty()) tell(it->second, tls);
    }
  });
}

}  // namespace

std::vector<PeerReport> GatewayShard::peer_reports() const {
  std::vector<PeerReport> out;
  const auto& d = *peers_.deployment();
  const auto ago = [&](Instant t) -> std::int64_t {
    return t == Instant{} ? -1 : std::chrono::duration_cast<Millis>(reactor_.now() - t).count();
  };
  for (std::size_t i = 0; i < d.peers.size(); ++i) {
    const auto& p = d.peers[i];
    const auto& s = peers_.state(deployment::PeerIndex{static_cast<std::uint16_t>(i)});
    PeerReport r;
    r.group = d.group(p.group).name;
    r.peer = p.name;
    r.address = p.host + (p.port ? ":" + std::to_string(p.port) : "");
    r.transport = p.transport;
    const auto admin = std::max(s.admin, peers_.admin_of(p.group));
    if (admin != peers::Admin::kActive)
      r.state = std::string(peers::to_string(admin));
    else
      r.state = !s.probed ? "not probed" : s.up ? "up" : "down";
    r.why = s.last_failure;
    r.last_status = s.last_status;
    r.options_out_ms = ago(s.options_out);
    r.options_in_ms = ago(s.options_in);
    r.calls = admission_.calls_of(deployment::PeerIndex{static_cast<std::uint16_t>(i)});
    r.group_calls = admission_.calls_of(p.group);
    r.up = s.up;
    out.push_back(std::move(r));
  }
  add_tls(out, peers_, layer_.transport());
  return out;
}

std::vector<GatewayShard::BanReport> GatewayShard::bans() const {
  std::vector<BanReport> out;
  for (const auto& b : const_cast<transport::TransactionLayer&>(layer_).transport().bans())
    out.push_back({b.source.to_string(), b.reason,
                   std::chrono::duration_cast<Seconds>(b.until - reactor_.now()).count()});
  return out;
}

std::vector<CallReport> GatewayShard::call_reports() const {
  std::vector<CallReport> out;
  for (const Call* c : all_calls()) {
    const CallState& s = c->state();
    if (s.termination) continue;
    CallReport r;
    r.id = s.id;
    r.from = s.calling;
    r.to = s.called;
    r.ingress = s.ingress_group;
    r.egress = c->group_of(s.egress);
    r.ingress_peer = c->peer_of(s.ingress);
    r.egress_peer = c->peer_of(s.egress);
    r.state = s.answered.micros ? "answered" : s.rang.micros ? "ringing" : "calling";
    r.began = s.began;
    r.answered = s.answered;
    r.emergency = s.emergency == policy::EmergencyClass::kEmergency;
    out.push_back(std::move(r));
  }
  return out;
}

}  // namespace causeway::call
