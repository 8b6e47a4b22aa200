// How messages come and go, as plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/net.h"
#include "base/time.h"
#include "deployment/deployment.h"
#include "reactor/reactor.h"
#include "sip/message.h"

namespace causeway::transport {

// Where a message came from, and so the way back for a response. A value that may cross shards.
struct Flow {
  ShardId shard;  // whose socket or connection
  deployment::ListenerIndex listener;
  Transport transport = Transport::kUdp;
  Endpoint local, remote;
  std::uint64_t connection = 0;  // within `shard`; 0: UDP
  Endpoint reply_to{};           // UDP: where the answer goes (reply_address.h)
};

// A request's way out: one address of one peer.
struct Destination {
  Endpoint remote;
  Transport transport = Transport::kUdp;
  deployment::ListenerIndex listener;  // gives realm, source address and TLS identity
  std::string tls_name;                // SNI and expected certificate name (RFC 5922)
  std::string own_name;        // of the listener's identities, the one shown; empty: the first
  Millis connect_time{2'000};  // of a new connection, TCP and TLS
  Instant expires = Instant::max();  // what the name service said: ask it again after that
  // UDP: requests over `tcp_above` bytes go over TCP from that listener; nullopt: never
  std::optional<deployment::ListenerIndex> tcp_listener{};
  std::uint16_t tcp_above = 0;
  // The same connection serves both (how long it may take to open does not matter).
  friend bool operator==(const Destination& a, const Destination& b) {
    return a.remote == b.remote && a.transport == b.transport && a.listener == b.listener &&
           a.tls_name == b.tls_name && a.own_name == b.own_name;
  }
};

// A message that arrived, recognised as coming from a group.
struct Received {
  sip::Message message;
  Flow flow;
  deployment::GroupIndex group;
  Instant at;
  Bucket bucket{};       // of the dialog that it belongs to, or begins
  bool sent_on = false;  // by the shard that its tags lead to, which does not have the dialog
};

// The configuration in force with the TLS contexts that were made from it (same indices as
// Deployment::identities).
struct Running {
  deployment::DeploymentPtr deployment;
  std::vector<std::shared_ptr<const reactor::TlsContext>> tls;
};

// Told about what never becomes a call: counted by reason, shown in `causeway status`. Text is for
// a person and is logged at a bounded rate.
class TransportObserver {
 public:
  virtual void on_dropped(std::string_view reason, const Endpoint& from,
                          deployment::ListenerIndex listener, std::string_view detail) = 0;
  // An INVITE that would have been a new call was answered with `status` before it became one.
  virtual void on_refused_call(const sip::Message& /*invite*/, const Flow& /*flow*/, int /*status*/,
                               std::string_view /*why*/) {}
  // A final answer was sent, or came, of a transaction with that group; nullopt: of no one known.
  virtual void on_answer(bool /*sent*/, std::optional<deployment::GroupIndex> /*group*/,
                         sip::Method /*method*/, int /*status*/) {}
  // A new call of that group came: why there is no room for it (503), or nothing, and it counts.
  virtual std::optional<std::string> no_room_for(const Flow& /*flow*/,
                                                 deployment::GroupIndex /*group*/,
                                                 bool /*emergency*/) {
    return std::nullopt;
  }
  // SIP as it passes the wire, after decryption; only called while wants_wire().
  virtual bool wants_wire() const = 0;
  virtual void on_wire(bool outgoing, const Endpoint& local, const Endpoint& remote,
                       Transport transport, std::string_view bytes) = 0;

 protected:
  ~TransportObserver() = default;
};

}  // namespace causeway::transport
