#include "app/wire_capture.h"

#include <algorithm>

namespace causeway::app {

bool WireCapture::wanted(const peers::PeerTable& peers, const Endpoint& remote,
                         Transport transport) const {
  const auto& d = *peers.deployment();
  if (const auto peer = d.find_peer(name_))
    return peers.peer_at(d.peer(*peer).group, remote) == peer;
  const auto group = d.find_group(name_);
  if (!group) return false;
  if (peers.peer_at(*group, remote)) return true;
  const auto& r = d.group(*group).recognition;
  const bool port =
      r.source_ports.empty() || transport != Transport::kUdp ||
      std::find(r.source_ports.begin(), r.source_ports.end(), remote.port) != r.source_ports.end();
  return port && std::any_of(r.sources.begin(), r.sources.end(),
                             [&](const Prefix& p) { return p.contains(remote.address); });
}

void WireCapture::on_wire(const peers::PeerTable& peers, WallTime at, bool outgoing,
                          const Endpoint& local, const Endpoint& remote, Transport transport,
                          std::string_view bytes) {
  if (!wanted(peers, remote, transport)) return;
  const std::size_t weight = sizeof(Message) + bytes.size();
  if (bytes_ + weight > kMaxBytes) {
    ++part_.left_out;
    return;
  }
  bytes_ += weight;
  auto masked = telemetry::mask_if_needed(bytes);
  part_.messages.push_back(
      {at, outgoing, local, remote, transport, masked ? std::move(*masked) : std::string(bytes)});
}

WireCapture::Part WireCapture::take_from(call::GatewayShard& shard,
                                         const std::vector<std::shared_ptr<WireCapture>>& sinks) {
  for (const auto& sink : sinks)
    if (shard.wire_sink() == sink.get()) {
      shard.set_wire_sink(nullptr);
      return sink->take();
    }
  return {};
}

}  // namespace causeway::app
