#include "transport/sip_transport.h"

#include <algorithm>

#include "base/host_name.h"
#include "base/log.h"
#include "deployment/recognise.h"
#include "reactor/tls_context.h"
#include "sip/headers.h"
#include "transport/certificate_mismatch.h"
#include "transport/lenient.h"
#include "transport/mail.h"
#include "transport/stateless.h"

namespace causeway::transport {
namespace {

std::span<const std::byte> as_data(std::string_view s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}

// The names that peer groups of this listener with that source want to see; empty when one of them
// takes any certificate.
std::vector<std::string> expected_certificate_names(const deployment::Deployment& d,
                                                    deployment::ListenerIndex listener,
                                                    const Endpoint& source) {
  std::vector<std::string> names;
  for (const auto& g : d.groups) {
    const auto& r = g.recognition;
    if (std::find(r.listeners.begin(), r.listeners.end(), listener) == r.listeners.end()) continue;
    if (std::none_of(r.sources.begin(), r.sources.end(),
                     [&](const Prefix& p) { return p.contains(source.address); }))
      continue;
    if (r.certificate_names.empty()) return {};
    names.insert(names.end(), r.certificate_names.begin(), r.certificate_names.end());
  }
  return names;
}

bool fits_any(const std::vector<std::string>& expected, const std::vector<std::string>& shown) {
  for (const auto& e : expected)
    for (const auto& s : shown)
      if (host_matches(e, s) || host_matches(s, e)) return true;
  return false;
}

reactor::SocketOptions socket_options(const deployment::Realm& realm) {
  reactor::SocketOptions o;
  o.interface = realm.interface;
  o.dscp = realm.signalling_dscp;
  o.receive_buffer = 4 << 20;
  o.reuse_port = true;
  o.measure_wait = true;
  o.gather = true;
  return o;
}

// A socket keeps what it was opened with: another interface or DSCP takes another socket.
bool same_options(const reactor::SocketOptions& a, const reactor::SocketOptions& b) {
  return a.interface == b.interface && a.dscp == b.dscp;
}

}  // namespace

SipTransport::SipTransport(reactor::Reactor& reactor, MessageSink& sink,
                           TransportObserver& observer)
    : reactor_(reactor),
      sink_(sink),
      observer_(observer),
      connections_(reactor, *this),
      detours_({reactor.random().u64(), reactor.random().u64()}),
      guard_({reactor.random().u64(), reactor.random().u64()}),
      recent_({reactor.random().u64(), reactor.random().u64()}),
      rates_({reactor.random().u64(), reactor.random().u64()}),
      outboxes_(reactor.shard_count()) {
  reactor_.set_mail_handler(this);
}

SipTransport::~SipTransport() { reactor_.set_mail_handler(nullptr); }

ShardId SipTransport::shard_of(Bucket bucket) const {
  return ShardId{static_cast<std::uint16_t>(bucket.value % reactor_.shard_count())};
}

Result<SipTransport::ListenerSocket> SipTransport::open_listener(const Running& running,
                                                                 deployment::ListenerIndex index) {
  const deployment::Listener& l = running.deployment->listener(index);
  ListenerSocket s;
  s.index = index;
  s.name = l.name;
  s.config = l;
  const reactor::SocketOptions o = socket_options(running.deployment->realm(l.realm));
  s.options = o;
  if (l.transport == Transport::kUdp) {
    auto udp = reactor_.open_udp(l.address, o, *this);
    if (!udp)
      return fail(udp.error().code, "listener '" + l.name + "' on " + l.address.to_string() + ": " +
                                        udp.error().what);
    s.udp = std::move(*udp);
    return s;
  }
  if (l.transport == Transport::kTls) (void)set_identities(s, running);
  auto acceptor = reactor_.listen(l.address, o, s.tls, *this);
  if (!acceptor)
    return fail(acceptor.error().code, "listener '" + l.name + "' on " + l.address.to_string() +
                                           ": " + acceptor.error().what);
  s.acceptor = std::move(*acceptor);
  return s;
}

bool SipTransport::set_identities(ListenerSocket& s, const Running& running) {
  std::vector<std::shared_ptr<const reactor::TlsContext>> all{
      running.tls.at(s.config.identity->value)};
  for (const auto i : s.config.more_identities) all.push_back(running.tls.at(i.value));
  if (all == s.identities) return false;
  s.identities = all;
  s.tls = reactor::TlsContext::choice(std::move(all));
  return true;
}

Status SipTransport::apply(Running running) {
  std::vector<ListenerSocket> fresh;  // opened now
  std::vector<std::size_t> kept;      // index into listeners_, or npos for a fresh one
  for (std::size_t i = 0; i < running.deployment->listeners.size(); ++i) {
    const deployment::Listener& l = running.deployment->listeners[i];
    const auto same =
        std::find_if(listeners_.begin(), listeners_.end(), [&](const ListenerSocket& s) {
          return s.config.transport == l.transport && s.config.address == l.address &&
                 s.name == l.name &&
                 same_options(s.options, socket_options(running.deployment->realm(l.realm)));
        });
    if (same != listeners_.end()) {
      kept.push_back(static_cast<std::size_t>(same - listeners_.begin()));
      continue;
    }
    auto opened = open_listener(running, deployment::ListenerIndex{static_cast<std::uint16_t>(i)});
    if (!opened) return tl::unexpected(opened.error());
    fresh.push_back(std::move(*opened));
    kept.push_back(std::string::npos);
  }
  // Nothing can fail from here on. Connections follow their listener by name.
  std::map<std::string, deployment::ListenerIndex> by_name;
  for (std::size_t i = 0; i < running.deployment->listeners.size(); ++i)
    by_name[running.deployment->listeners[i].name] =
        deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
  if (running_.deployment)
    connections_.move_listeners(
        [&](deployment::ListenerIndex old) -> std::optional<deployment::ListenerIndex> {
          const auto it = by_name.find(running_.deployment->listener(old).name);
          if (it == by_name.end()) return std::nullopt;
          return it->second;
        });
  std::vector<ListenerSocket> next;
  std::size_t f = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == std::string::npos)
      connections_.retire_all(deployment::ListenerIndex{static_cast<std::uint16_t>(i)});
    ListenerSocket s =
        kept[i] == std::string::npos ? std::move(fresh[f++]) : std::move(listeners_[kept[i]]);
    s.index = deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
    s.config = running.deployment->listeners[i];
    if (s.acceptor && s.config.transport == Transport::kTls && set_identities(s, running))
      s.acceptor->set_tls(s.tls);
    next.push_back(std::move(s));
  }
  listeners_ = std::move(next);
  running_ = std::move(running);
  name_ourselves();
  const deployment::Limits& limits = running_.deployment->limits;
  guard_.set({limits.offences_per_minute, limits.ban});
  rates_.set({limits.requests_per_second, limits.requests_burst});
  connections_.set_limits({limits.max_connections, limits.connection_idle, limits.keep_alive,
                           limits.first_message, std::size_t{limits.connection_buffers} << 20});
  for (const ListenerSocket& s : listeners_)
    if (s.tls) connections_.retire_others(s.index, s.tls);
  return {};
}

// What we write into Via: addresses of listeners, and names of profiles.
void SipTransport::name_ourselves() {
  std::vector<std::string> names;
  const deployment::Deployment& d = *running_.deployment;
  for (std::size_t i = 0; i < d.listeners.size(); ++i)
    names.push_back(
        advertised(deployment::ListenerIndex{static_cast<std::uint16_t>(i)}).address.to_uri_host());
  for (const auto& p : d.profiles)
    for (const std::string& host : {p.via_host, p.contact_host})
      if (!host.empty()) names.push_back(host);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  names_before_.swap(names_now_);
  names_now_ = names;
  own_hosts_ = std::move(names);
  own_hosts_.insert(own_hosts_.end(), names_before_.begin(), names_before_.end());
}

SipTransport::ListenerSocket* SipTransport::socket_of(deployment::ListenerIndex index) {
  return index.value < listeners_.size() ? &listeners_[index.value] : nullptr;
}

Endpoint SipTransport::advertised(deployment::ListenerIndex index) const {
  if (index.value >= running_.deployment->listeners.size()) return {};  // closed by a reload
  const deployment::Listener& l = running_.deployment->listener(index);
  const deployment::Realm& r = running_.deployment->realm(l.realm);
  Endpoint e = l.address;
  if (e.address.is_v6() && r.public_v6) e.address = *r.public_v6;
  if (!e.address.is_v6() && r.public_v4) e.address = *r.public_v4;
  return e;
}

void SipTransport::wire(bool outgoing, const Endpoint& local, const Endpoint& remote, Transport t,
                        std::string_view bytes) {
  if (observer_.wants_wire()) observer_.on_wire(outgoing, local, remote, t, bytes);
}

// --- Streams -----------------------------------------------------------------------------------

reactor::AcceptListener::Welcome SipTransport::welcome(const Endpoint& local, const Endpoint& from,
                                                       std::size_t pending) {
  const auto it = std::find_if(listeners_.begin(), listeners_.end(), [&](const ListenerSocket& s) {
    return s.acceptor && s.acceptor->local() == local;
  });
  if (it == listeners_.end()) return Welcome::kInTurn;  // it is being opened: on_accepted() decides
  const deployment::Deployment& d = *running_.deployment;
  if (guard_.arriving(from.address, reactor_.now()) == SourceGuard::Verdict::kBanned) {
    observer_.on_dropped("banned", from, it->index, "see `causeway bans`");
    return Welcome::kNo;
  }
  if (!deployment::allowed_source(d, it->index, from)) {
    observer_.on_dropped("unknown_source", from, it->index,
                         "no peer group of this listener has that source");
    return Welcome::kNo;
  }
  if (pending >= d.limits.handshakes_per_source) {
    observer_.on_dropped("too_many_handshakes", from, it->index,
                         std::to_string(pending) + " of this address are under way");
    return Welcome::kNo;
  }
  const std::size_t open = connections_.accepted_from(from.address);
  if (open >= d.limits.connections_per_source) {
    observer_.on_dropped("too_many_connections", from, it->index,
                         "this address has " + std::to_string(open));
    return Welcome::kNo;
  }
  return open != 0 ? Welcome::kFirst : Welcome::kInTurn;
}

std::string SipTransport::on_unframed(std::string_view begin, const Flow& flow, const Error& why) {
  if (why.code != ErrorCode::kTooLarge) return {};
  const auto m = essence_of(begin);
  if (!m) return {};
  const auto sender = deployment::group_of_source(*running_.deployment, flow.listener, flow.remote);
  return stateless_response(*m, flow, status_for_oversize(begin), why.what,
                            sender ? &profile_of(*sender) : nullptr);
}

reactor::StreamListener* SipTransport::on_accepted(std::unique_ptr<reactor::Stream> stream) {
  const Endpoint local = stream->local();
  const Endpoint remote = stream->remote();
  const auto it = std::find_if(listeners_.begin(), listeners_.end(), [&](const ListenerSocket& s) {
    const Endpoint at = s.acceptor ? s.acceptor->local() : Endpoint{};
    return s.acceptor && at.port == local.port &&
           (at.address == local.address || at.address.is_unspecified());
  });
  if (it == listeners_.end()) return nullptr;
  const deployment::Deployment& d = *running_.deployment;
  if (!deployment::allowed_source(d, it->index, remote)) {
    observer_.on_dropped("unknown_source", remote, it->index,
                         "no peer group of this listener has that source");
    return nullptr;
  }
  if (it->config.transport == Transport::kTls) {
    // Which names would have been right, for the person who reads the refusal.
    const auto names = expected_certificate_names(d, it->index, remote);
    if (!names.empty() && !fits_any(names, stream->tls().names)) {
      observer_.on_dropped("certificate_name", remote, it->index,
                           "certificate name mismatch" + mismatch(names, stream->tls().names));
      return nullptr;
    }
  }
  return connections_.adopt(std::move(stream), it->index, it->config.transport, it->tls);
}

bool SipTransport::on_frame(std::string_view bytes, const Flow& flow, const reactor::TlsPeer& tls) {
  Flow here = flow;
  here.shard = reactor_.shard();
  const auto& target = running_.deployment->limits.overload_target;
  (void)step(overload_, {reactor_.last_turn(), Micros{0}, reactor_.now(), here.listener.value},
             target);
  if (shed(bytes, here)) return true;
  return take(bytes, here, &tls);
}

void SipTransport::on_refused(const Endpoint& from, const Error& reason) {
  observer_.on_dropped(error_info(reason.code).label, from, deployment::ListenerIndex{},
                       reason.what);
}

Result<std::uint64_t> SipTransport::open_connection(const Destination& to) {
  const ListenerSocket* l = socket_of(to.listener);
  if (!l) return fail(ErrorCode::kUnavailable, "the listener was removed");
  const deployment::Realm& realm = running_.deployment->realm(l->config.realm);
  auto opened = connections_.open(
      to, {Endpoint{l->config.address.address, 0}, socket_options(realm), l->tls});
  if (!opened) log::warning("{}", opened.error().what);
  return opened;
}

void SipTransport::on_timer(std::uint64_t token, Instant) {
  if (token == kOutboxTimer) return flush_outboxes();
  const auto failed = std::move(failed_);
  failed_.clear();
  for (const auto& [id, reason] : failed) sink_.on_send_failed(id, reason);
}

// --- Sending -----------------------------------------------------------------------------------

void SipTransport::send_request(const Destination& to, std::string_view bytes,
                                std::uint64_t token) {
  ListenerSocket* l = socket_of(to.listener);
  if (to.transport == Transport::kUdp) {
    if (!l || !l->udp) return;  // the transaction's own timers tell its user
    wire(true, l->config.address, to.remote, Transport::kUdp, bytes);
    l->udp->send(to.remote, as_data(bytes));
    return;
  }
  std::uint64_t id = connections_.outgoing(to);
  if (id == 0) {
    const auto opened = open_connection(to);
    if (!opened) return fail_later(token, opened.error());
    id = *opened;
  }
  wire(true, connections_.local_of(id), to.remote, to.transport, bytes);
  if (auto ok = connections_.send(id, bytes, token); !ok) fail_later(token, ok.error());
}

// Callers hear of a failure from the loop, never from inside send_request().
void SipTransport::fail_later(std::uint64_t token, Error reason) {
  if (token == 0) return;
  if (failed_.empty()) reactor_.timers().schedule(reactor_.now(), *this, kFailedTimer);
  failed_.emplace_back(token, std::move(reason));
}

void SipTransport::send_response(const Flow& flow, std::string_view bytes) {
  if (flow.transport == Transport::kUdp) {
    if (ListenerSocket* l = socket_of(flow.listener); l && l->udp) {
      wire(true, flow.local, flow.reply_to, Transport::kUdp, bytes);
      l->udp->send(flow.reply_to, as_data(bytes));
    }
    return;
  }
  if (flow.shard != reactor_.shard()) {
    if (!post(flow.shard, std::make_unique<ResponseMail>(flow, std::string(bytes))))
      observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                           "response dropped: the shard of the connection is behind");
    return;
  }
  if (connections_.respond(flow.connection, bytes)) {
    wire(true, flow.local, flow.remote, flow.transport, bytes);
    return;
  }
  // RFC 3261 18.2.2: the connection is gone; try one towards where the request came from, on the
  // port of its Via.
  const auto m = sip::Message::parse(bytes);
  if (!m) return;
  const auto via = sip::parse_via(m->value(sip::HeaderId::kVia));
  if (!via) return;
  Destination d;
  d.remote = {flow.remote.address,
              via->port
                  ? via->port
                  : static_cast<std::uint16_t>(flow.transport == Transport::kTls ? 5061 : 5060)};
  d.transport = flow.transport;
  d.listener = flow.listener;
  d.tls_name = std::string(via->host);
  send_request(d, bytes, 0);
}

}  // namespace causeway::transport
