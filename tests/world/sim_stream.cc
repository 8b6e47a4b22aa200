#include "world/sim_stream.h"

#include <algorithm>
#include <utility>

#include "world/engine.h"

namespace causeway::world {
namespace {

constexpr Micros kRetransmit{200'000};
constexpr Micros kLongestRetransmit{2'000'000};
constexpr Micros kGivesUp{30'000'000};          // the reactor sets TCP_USER_TIMEOUT to the same
constexpr Micros kConnectGivesUp{127'000'000};  // Linux: six SYNs
constexpr Micros kHandshakeTime{10'000'000};
constexpr std::uint16_t kFirstPort = 32'768;

reactor::TlsPeer describe(const reactor::TlsContext& far, bool trusted) {
  reactor::TlsPeer peer;
  peer.version = "TLSv1.3";
  peer.cipher = "simulated";
  peer.names = far.names();
  peer.not_after = far.not_after();
  peer.verified = trusted;
  return peer;
}

bool trusts(const reactor::TlsContext& context, const reactor::TlsContext& far) {
  const auto& trusted = context.identity().trusted_issuers;
  return std::find(trusted.begin(), trusted.end(), far.identity().issuer) != trusted.end();
}

}  // namespace

// --- listening and connecting ------------------------------------------------------------------

Result<std::unique_ptr<reactor::Acceptor>> Streams::listen(
    std::uint32_t reactor, const Endpoint& local, const reactor::SocketOptions& options,
    std::shared_ptr<const reactor::TlsContext> tls, reactor::AcceptListener& listener) {
  Endpoint bound = local;
  if (bound.port == 0) bound.port = free_port(local);
  auto& group = acceptors_[bound];
  const bool shared = options.reuse_port && std::all_of(group.begin(), group.end(), [](auto* a) {
                        return a->options().reuse_port;
                      });
  if (!group.empty() && !shared)
    return fail(ErrorCode::kIo, bound.to_string() + ": address already in use");
  auto acceptor =
      std::make_unique<SimAcceptor>(*this, reactor, bound, options, std::move(tls), listener);
  group.push_back(acceptor.get());
  return acceptor;
}

std::uint16_t Streams::free_port(const Endpoint& local) {
  auto& next = next_port_[local.address];
  next = std::max(next, kFirstPort);
  while (acceptors_.contains({local.address, next})) ++next;
  return next++;
}

Result<std::unique_ptr<reactor::Stream>> Streams::connect(std::uint32_t reactor,
                                                          const Endpoint& local,
                                                          const Endpoint& remote,
                                                          const reactor::SocketOptions& options,
                                                          const reactor::TlsClient* tls,
                                                          reactor::StreamListener& listener) {
  if (tls && !tls->context) return fail(ErrorCode::kConfiguration, "TLS without an identity");
  auto c = std::make_unique<Connection>();
  c->id = next_id_++;
  c->side[0].reactor = reactor;
  c->side[1].reactor = reactor;  // until somebody answers
  c->side[0].address = {local.address, local.port == 0 ? free_port(local) : local.port};
  c->side[1].address = remote;
  c->side[0].options = options;
  c->side[0].listener = &listener;
  c->client_tls = tls != nullptr;
  if (tls) {
    c->client = *tls;
    c->client_identity = &tls->context->for_name(tls->own_name);
  }
  auto stream = std::make_unique<SimStream>(*this, c->id, 0, c->side[0].address, remote);
  c->side[0].stream = stream.get();
  send(*c, 0, Kind::kSyn);
  connections_.emplace(c->id, std::move(c));
  return stream;
}

void Streams::forget_acceptor(SimAcceptor& acceptor) {
  const auto found = acceptors_.find(acceptor.local());
  if (found != acceptors_.end()) {
    std::erase(found->second, &acceptor);
    if (found->second.empty()) acceptors_.erase(found);
  }
  std::vector<std::uint64_t> orphans;
  for (auto& [id, c] : connections_)
    if (c->acceptor == &acceptor) orphans.push_back(id);
  std::sort(orphans.begin(), orphans.end());
  for (const auto id : orphans) {
    Connection& c = *connections_.at(id);
    c.acceptor = nullptr;
    c.side[1].ended = true;
    send(c, 1, Kind::kReset);
  }
}

void Streams::reset_between(const IpAddress& a, const IpAddress& b) {
  std::vector<std::uint64_t> ids;
  for (auto& [id, c] : connections_) {
    const auto& x = c->side[0].address.address;
    const auto& y = c->side[1].address.address;
    if ((x == a && y == b) || (x == b && y == a)) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  for (const auto id : ids) {
    Connection& c = *connections_.at(id);
    for (auto& pipe : c.pipe) pipe.items.clear();
    for (const int side : {0, 1}) fail_soon(c, side, {ErrorCode::kIo, "connection reset by peer"});
  }
}

// --- what users of a stream do -----------------------------------------------------------------

Streams::Connection* Streams::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Streams::write(std::uint64_t id, int side, std::string_view bytes) {
  Connection* const c = find(id);
  if (!c || bytes.empty()) return;
  Side& self = c->side[side];
  if (self.ended || self.lingering || self.finished || !self.error.what.empty()) return;
  if (c->pipe[side].queued + self.early.size() + bytes.size() > reactor::Stream::kMaxQueued)
    return fail_soon(*c, side, {ErrorCode::kTooLarge, "the far side does not read: queue full"});
  if (!self.established) {
    self.early.append(bytes);
    return;
  }
  send(*c, side, Kind::kData, std::string(bytes));
}

std::size_t Streams::queued(std::uint64_t id, int side) const {
  const auto it = connections_.find(id);
  return it == connections_.end()
             ? 0
             : it->second->pipe[side].queued + it->second->side[side].early.size();
}

void Streams::flush_early(Connection& c, int side) {
  if (c.side[side].early.empty()) return;
  send(c, side, Kind::kData, std::move(c.side[side].early));
  c.side[side].early.clear();
}

void Streams::pause(std::uint64_t id, int side, bool paused) {
  Connection* const c = find(id);
  if (!c) return;
  c->side[side].paused = paused;
  if (!paused) arm(*c, 1 - side);
}

void Streams::close_gracefully(std::uint64_t id, int side) {
  Connection* const c = find(id);
  if (!c || c->side[side].ended) return;
  Side& self = c->side[side];
  self.stream = nullptr;
  self.listener = nullptr;
  self.lingering = true;
  self.ended = true;
  if (!self.finished) send(*c, side, self.established ? Kind::kFin : Kind::kReset);
}

void Streams::finish_writing(std::uint64_t id, int side) {
  Connection* const c = find(id);
  if (!c || !c->side[side].established || c->side[side].ended) return;
  if (!std::exchange(c->side[side].finished, true)) send(*c, side, Kind::kFin);
}

void Streams::destroyed(std::uint64_t id, int side) {
  Connection* const c = find(id);
  if (!c) return;
  Side& self = c->side[side];
  if (!self.lingering) {
    self.stream = nullptr;
    self.listener = nullptr;
    if (!self.ended) {
      self.ended = true;
      // What was written in this turn has not left yet.
      Pipe& pipe = c->pipe[side];
      while (!pipe.items.empty() && pipe.items.back().kind == Kind::kData &&
             pipe.items.back().sent == engine_.now())
        pipe.items.pop_back();
      if (!self.finished) send(*c, side, self.established ? Kind::kFin : Kind::kReset);
    }
  }
  if (depth_ == 0) reap(id);
}

void Streams::reap(std::uint64_t id) {
  Connection* const c = find(id);
  if (!c || !c->side[0].ended || !c->side[1].ended) return;
  connections_.erase(id);
}

// --- the pipes ---------------------------------------------------------------------------------

void Streams::send(Connection& c, int from, Kind kind, std::string bytes) {
  Pipe& pipe = c.pipe[from];
  const Side& self = c.side[from];
  const IpAddress& to = c.side[1 - from].address.address;
  const Link& link = engine_.network().link(self.address.address, to);
  const Instant now = engine_.now();
  if (kind == Kind::kData) {
    if (Tap* const tap = engine_.network().tap())
      tap->on_packet({now, Transport::kTcp, self.address, c.side[1 - from].address,
                      std::as_bytes(std::span(bytes)), self.options.interface, self.options.dscp,
                      false});
    pipe.queued += bytes.size();
    if (!pipe.items.empty() && pipe.items.back().kind == Kind::kData &&
        pipe.items.back().sent == now) {
      pipe.items.back().bytes.append(bytes);  // one turn's bytes leave together
      return;
    }
  }
  Instant ready = now + link.latency + engine_.spread(link.jitter);
  for (Micros retry = kRetransmit; engine_.chance(link.loss) && retry < kGivesUp; retry *= 2)
    ready += retry;
  if (!pipe.items.empty()) ready = std::max(ready, pipe.items.back().ready);
  pipe.items.push_back({ready, now, kind, std::move(bytes), 0});
  arm(c, from);
}

void Streams::arm(Connection& c, int from) {
  Pipe& pipe = c.pipe[from];
  if (pipe.armed || pipe.items.empty()) return;
  pipe.armed = true;
  engine_.stream_at(std::max(engine_.now(), pipe.items.front().ready), c.side[1 - from].reactor,
                    c.id, from);
}

void Streams::deliver(std::uint64_t id, int what) {
  Connection* const c = find(id);
  if (!c) return;
  ++depth_;
  if (what < kErrorOfSide0) {
    c->pipe[what].armed = false;
    run_pipe(*c, what);
  } else if (what < kHandshakeTimeoutOfSide0) {
    const int side = what - kErrorOfSide0;
    if (!c->side[side].ended) {
      if (c->side[side].error.code == ErrorCode::kTooLarge) send(*c, side, Kind::kReset);
      end(*c, side, c->side[side].error);
    }
  } else {
    const int side = what - kHandshakeTimeoutOfSide0;
    if (!c->side[side].established && !c->side[side].ended) {
      const Error late{ErrorCode::kTls, "handshake not finished in 10 s"};
      if (side == 1) {
        refuse(*c, late, true);
      } else {
        send(*c, 0, Kind::kReset);
        end(*c, 0, late);
      }
    }
  }
  --depth_;
  if (depth_ == 0) reap(id);
}

bool Streams::held_up(Connection& c, int from) {
  Pipe& pipe = c.pipe[from];
  if (!engine_.network().blocked(c.side[from].address.address, c.side[1 - from].address.address)) {
    pipe.blocked_since = {};
    return false;
  }
  const Instant now = engine_.now();
  if (pipe.blocked_since == Instant{}) {
    pipe.blocked_since = now;
    pipe.retry = kRetransmit;
  }
  const bool opening = pipe.items.front().kind == Kind::kSyn;
  if (now - pipe.blocked_since >= (opening ? kConnectGivesUp : kGivesUp)) {
    pipe.items.clear();
    if (!c.side[from].ended) {
      if (from == 1 && !c.side[1].established)
        refuse(c, {ErrorCode::kTimeout, "the far side fell silent"}, false);
      else
        end(c, from, {ErrorCode::kTimeout, "connection timed out"});
    }
    return true;
  }
  pipe.items.front().ready = now + pipe.retry;
  pipe.retry = std::min(pipe.retry * 2, kLongestRetransmit);
  arm(c, from);
  return true;
}

void Streams::run_pipe(Connection& c, int from) {
  Pipe& pipe = c.pipe[from];
  if (pipe.items.empty()) return;
  if (pipe.items.front().ready > engine_.now()) return arm(c, from);
  if (held_up(c, from)) return;
  Side& to = c.side[1 - from];
  const Kind kind = pipe.items.front().kind;
  if (to.paused && !to.ended && (kind == Kind::kData || kind == Kind::kFin)) return;
  engine_.note(c.id * 2 + static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(kind));
  if (kind == Kind::kData && to.established && !to.ended) {
    deliver_bytes(c, from);
  } else {
    Item item = std::move(pipe.items.front());
    pipe.items.pop_front();
    pipe.queued -= item.kind == Kind::kData ? item.bytes.size() - item.used : 0;
    receive(c, 1 - from, std::move(item));
  }
  arm(c, from);
}

void Streams::deliver_bytes(Connection& c, int from) {
  Pipe& pipe = c.pipe[from];
  Side& to = c.side[1 - from];
  constexpr std::size_t kMost = 16'384;
  // Half of the reads see all there is; the others are cut anywhere.
  const std::size_t limit = engine_.random().below(2)
                                ? kMost
                                : 1 + engine_.random().below(pipe.items.front().bytes.size());
  scratch_.clear();
  while (!pipe.items.empty() && scratch_.size() < limit) {
    Item& item = pipe.items.front();
    if (item.kind != Kind::kData || item.ready > engine_.now()) break;
    const std::size_t n = std::min(limit - scratch_.size(), item.bytes.size() - item.used);
    scratch_.append(item.bytes, item.used, n);
    item.used += n;
    pipe.queued -= n;
    if (item.used < item.bytes.size()) {
      item.ready = engine_.now() + engine_.spread(Micros{100});
      break;
    }
    pipe.items.pop_front();
  }
  engine_.note_bytes(std::as_bytes(std::span(scratch_)));
  to.listener->on_bytes(*to.stream, std::as_bytes(std::span(scratch_)));
}

// --- what arrives ------------------------------------------------------------------------------

void Streams::receive(Connection& c, int to, Item item) {
  Side& self = c.side[to];
  if (item.kind == Kind::kSyn) return receive_syn(c);
  if (self.ended) {
    // Half-open: we gave up and the far side does not know.
    if (item.kind == Kind::kData && !c.side[1 - to].ended) send(c, to, Kind::kReset);
    return;
  }
  switch (item.kind) {
    case Kind::kFin:
    case Kind::kReset:
    case Kind::kAlert: {
      const bool refused = item.kind == Kind::kReset && to == 0 && !self.established &&
                           !c.acceptor && c.side[1].ended;
      Error reason{ErrorCode::kIo, refused                   ? "connection refused"
                                   : item.kind == Kind::kFin ? "closed by peer"
                                                             : "connection reset by peer"};
      if (item.kind == Kind::kAlert) reason = {ErrorCode::kTls, std::move(item.bytes)};
      if (to == 1 && !self.established) return refuse(c, std::move(reason), false);
      return end(c, to, std::move(reason));
    }
    case Kind::kData:  // plain text for a TLS server
      return refuse(c, {ErrorCode::kTls, "not a TLS handshake"}, true);
    case Kind::kSynAck:
    case Kind::kServerHello: return receive_as_client(c, item.kind);
    case Kind::kSyn:
    case Kind::kAck:
    case Kind::kClientHello:
    case Kind::kClientFinished: return receive_as_server(c, item.kind);
  }
}

void Streams::receive_syn(Connection& c) {
  const auto found = acceptors_.find(c.side[1].address);
  if (found == acceptors_.end()) {
    c.side[1].ended = true;
    return send(c, 1, Kind::kReset);
  }
  const std::size_t n = found->second.size();
  SimAcceptor& acceptor =
      *found->second[n == 1 ? 0
                            : (std::hash<Endpoint>{}(c.side[0].address) * 0x9e3779b97f4a7c15ULL >>
                               32) %
                                  n];
  std::size_t pending = 0;
  for (const auto& [id, other] : connections_)
    pending +=
        other->acceptor == &acceptor && other->side[0].address.address == c.side[0].address.address;
  if (acceptor.listener().welcome(acceptor.local(), c.side[0].address, pending) ==
      reactor::AcceptListener::Welcome::kNo) {
    c.side[1].ended = true;
    return send(c, 1, Kind::kReset);
  }
  c.acceptor = &acceptor;
  c.side[1].reactor = acceptor.reactor();
  c.side[1].options = acceptor.options();
  c.server_tls = acceptor.tls() != nullptr;
  c.server_choice = acceptor.tls();
  if (c.server_tls) c.server = &c.server_choice->for_name(c.client.server_name);
  send(c, 1, Kind::kSynAck);
  if (c.server_tls)
    engine_.stream_at(engine_.now() + kHandshakeTime, c.side[1].reactor, c.id,
                      kHandshakeTimeoutOfSide0 + 1);
}

void Streams::receive_as_client(Connection& c, Kind kind) {
  const Endpoint& remote = c.side[1].address;
  if (kind == Kind::kSynAck) {
    if (c.client_tls) {
      engine_.stream_at(engine_.now() + kHandshakeTime, c.side[0].reactor, c.id,
                        kHandshakeTimeoutOfSide0);
      return send(c, 0, Kind::kClientHello);
    }
    send(c, 0, Kind::kAck);
    return establish_client(c, {});
  }
  std::string complaint;
  if (!c.server)
    complaint = remote.to_string() + " does not speak TLS";
  else if (!trusts(*c.client_identity, *c.server))
    complaint =
        reactor::untrusted_certificate_text(remote, c.server->names(), c.server->identity().issuer);
  else if (!c.client.server_name.empty() &&  // as in the real one: who asks for nothing gets it
           !reactor::any_certificate_name_matches(c.server->names(), c.client.server_name))
    complaint = reactor::wrong_certificate_text(remote, c.client.server_name, c.server->names());
  if (!complaint.empty()) {
    send(c, 0, Kind::kAlert, "the far side refused our certificate");
    return end(c, 0, {ErrorCode::kTls, complaint});
  }
  send(c, 0, Kind::kClientFinished);
  establish_client(c, describe(*c.server, true));
}

void Streams::receive_as_server(Connection& c, Kind kind) {
  if (!c.acceptor) return;
  switch (kind) {
    case Kind::kAck:
      if (!c.server_tls) accept(c, {});
      return;
    case Kind::kClientHello:
      send(c, 1, Kind::kServerHello);
      if (!c.server_tls) accept(c, {});
      return;
    case Kind::kClientFinished: {
      const reactor::TlsContext& client = *c.client_identity;
      if (!trusts(*c.server, client))
        return refuse(
            c,
            {ErrorCode::kTls, reactor::untrusted_certificate_text(c.side[0].address, client.names(),
                                                                  client.identity().issuer)},
            true);
      reactor::TlsPeer peer = describe(client, true);
      peer.sni = c.client.server_name;
      return accept(c, std::move(peer));
    }
    default: return;
  }
}

void Streams::establish_client(Connection& c, reactor::TlsPeer peer) {
  Side& self = c.side[0];
  self.established = true;
  self.stream->set_tls(std::move(peer));
  flush_early(c, 0);
  self.listener->on_connected(*self.stream);
}

void Streams::accept(Connection& c, reactor::TlsPeer peer) {
  Side& self = c.side[1];
  SimAcceptor& acceptor = *c.acceptor;
  c.acceptor = nullptr;
  self.established = true;
  auto stream = std::make_unique<SimStream>(*this, c.id, 1, self.address, c.side[0].address);
  stream->set_tls(std::move(peer));
  self.stream = stream.get();
  self.listener = acceptor.listener().on_accepted(std::move(stream));
  if (self.ended || self.listener) return;
  self.ended = true;
  send(c, 1, Kind::kReset);
}

void Streams::refuse(Connection& c, Error reason, bool tell_client) {
  SimAcceptor* const acceptor = c.acceptor;
  c.acceptor = nullptr;
  c.side[1].ended = true;
  if (tell_client) {
    const bool tls = reason.code == ErrorCode::kTls && c.client_tls;
    send(c, 1, tls ? Kind::kAlert : Kind::kReset,
         tls ? "the far side refused our certificate" : "");
  }
  // A connection that ends before its first byte is nobody's business without TLS.
  if (acceptor && c.server_tls) acceptor->listener().on_refused(c.side[0].address, reason);
}

void Streams::end(Connection& c, int side, Error reason) {
  Side& self = c.side[side];
  self.ended = true;
  if (c.side[1 - side].finished) send(c, side, Kind::kFin);  // it waits for our end
  if (self.listener && self.stream) self.listener->on_closed(*self.stream, reason);
}

void Streams::fail_soon(Connection& c, int side, Error reason) {
  Side& self = c.side[side];
  if (self.ended || !self.error.what.empty()) return;
  self.error = std::move(reason);
  engine_.stream_at(engine_.now(), self.reactor, c.id, kErrorOfSide0 + side);
}

}  // namespace causeway::world
