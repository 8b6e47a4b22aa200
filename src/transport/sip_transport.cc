#include "transport/sip_transport.h"

#include <algorithm>

#include "base/host_name.h"
#include "base/log.h"
#include "deployment/recognise.h"
#include "sip/build.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "transport/stateless.h"

namespace causeway::transport {
namespace {

// What travels between shards.
struct MessageMail final : reactor::MailBase {
  MessageMail(Received r, deployment::DeploymentPtr d)
      : received(std::move(r)), made_under(std::move(d)) {}
  Received received;
  deployment::DeploymentPtr made_under;  // what the indices in it belong to
};
struct ResponseMail final : reactor::MailBase {
  ResponseMail(Flow f, std::string b) : flow(f), bytes(std::move(b)) {}
  Flow flow;
  std::string bytes;
};

constexpr std::uint64_t kOutboxTimer = 0;  // connection timers carry the connection's id
constexpr std::uint64_t kFailedTimer = ~std::uint64_t{0};
constexpr Millis kOutboxRetry{2};
constexpr std::size_t kMaxUnframed = 128 * 1024;

std::string_view as_text(std::span<const std::byte> d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}
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

// A response repeats these (RFC 3261 8.2.6.2): without one of them it would be malformed itself.
bool answerable(const sip::Message& m) {
  using sip::HeaderId;
  return m.has(HeaderId::kVia) && m.has(HeaderId::kFrom) && m.has(HeaderId::kTo) &&
         m.has(HeaderId::kCallId) && m.has(HeaderId::kCSeq);
}

bool is_keep_alive(std::string_view s) {
  return s.find_first_not_of("\r\n") == std::string_view::npos ||
         s == std::string_view("\0\0\0\0", 4);
}

}  // namespace

SipTransport::SipTransport(reactor::Reactor& reactor, MessageSink& sink,
                           TransportObserver& observer)
    : reactor_(reactor), sink_(sink), observer_(observer), outboxes_(reactor.shard_count()) {
  reactor_.set_mail_handler(this);
}

SipTransport::~SipTransport() { reactor_.set_mail_handler(nullptr); }

ShardId SipTransport::shard_of(Bucket bucket) const {
  return ShardId{static_cast<std::uint16_t>(bucket.value % reactor_.shard_count())};
}

reactor::SocketOptions SipTransport::socket_options(const deployment::Listener& l) const {
  const deployment::Realm& realm = running_.deployment->realm(l.realm);
  reactor::SocketOptions o;
  o.interface = realm.interface;
  o.dscp = realm.signalling_dscp;
  o.receive_buffer = 4 << 20;
  o.reuse_port = true;
  return o;
}

Result<SipTransport::ListenerSocket> SipTransport::open_listener(const Running& running,
                                                                 deployment::ListenerIndex index) {
  const deployment::Listener& l = running.deployment->listener(index);
  ListenerSocket s;
  s.index = index;
  s.name = l.name;
  s.config = l;
  const deployment::Realm& realm = running.deployment->realm(l.realm);
  reactor::SocketOptions o;
  o.interface = realm.interface;
  o.dscp = realm.signalling_dscp;
  o.receive_buffer = 4 << 20;
  o.reuse_port = true;
  if (l.transport == Transport::kUdp) {
    auto udp = reactor_.open_udp(l.address, o, *this);
    if (!udp)
      return fail(udp.error().code, "listener '" + l.name + "' on " + l.address.to_string() + ": " +
                                        udp.error().what);
    s.udp = std::move(*udp);
    return s;
  }
  if (l.transport == Transport::kTls) s.tls = running.tls.at(l.identity->value);
  auto acceptor = reactor_.listen(l.address, o, s.tls, *this);
  if (!acceptor)
    return fail(acceptor.error().code, "listener '" + l.name + "' on " + l.address.to_string() +
                                           ": " + acceptor.error().what);
  s.acceptor = std::move(*acceptor);
  return s;
}

Status SipTransport::apply(Running running) {
  std::vector<ListenerSocket> fresh;  // opened now
  std::vector<std::size_t> kept;      // index into listeners_, or npos for a fresh one
  for (std::size_t i = 0; i < running.deployment->listeners.size(); ++i) {
    const deployment::Listener& l = running.deployment->listeners[i];
    const auto same =
        std::find_if(listeners_.begin(), listeners_.end(), [&](const ListenerSocket& s) {
          return s.config.transport == l.transport && s.config.address == l.address &&
                 s.name == l.name;
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
  if (running_.deployment) {
    std::vector<std::uint64_t> gone;
    for (auto& [id, c] : connections_) {
      const auto it = by_name.find(running_.deployment->listener(c->listener).name);
      if (it == by_name.end())
        gone.push_back(id);
      else
        c->listener = c->to.listener = it->second;
    }
    for (const auto id : gone) forget(id);
  }
  std::vector<ListenerSocket> next;
  std::size_t f = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    ListenerSocket s =
        kept[i] == std::string::npos ? std::move(fresh[f++]) : std::move(listeners_[kept[i]]);
    s.index = deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
    s.config = running.deployment->listeners[i];
    if (s.acceptor && s.config.transport == Transport::kTls) {
      s.tls = running.tls.at(s.config.identity->value);
      s.acceptor->set_tls(s.tls);
    }
    next.push_back(std::move(s));
  }
  listeners_ = std::move(next);
  running_ = std::move(running);
  renew_connections();
  return {};
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

// --- Receiving ---------------------------------------------------------------------------------

void SipTransport::on_datagram(reactor::UdpSocket& socket, const Endpoint& from,
                               std::span<std::byte> data, Instant) {
  const auto it = std::find_if(listeners_.begin(), listeners_.end(),
                               [&](const ListenerSocket& s) { return s.udp.get() == &socket; });
  if (it == listeners_.end()) return;
  if (!deployment::allowed_source(*running_.deployment, it->index, from)) {
    observer_.on_dropped("unknown_source", from, it->index,
                         "no peer group of this listener has that source");
    return;
  }
  const std::string_view text = as_text(data);
  if (is_keep_alive(text)) return;
  Flow flow{reactor_.shard(), it->index, Transport::kUdp, it->config.address, from, 0};
  (void)take(text, flow, nullptr);
}

bool SipTransport::take(std::string_view bytes, const Flow& flow, const reactor::TlsPeer* tls) {
  wire(false, flow.local, flow.remote, flow.transport, bytes);
  auto parsed = sip::Message::parse(bytes);
  if (!parsed) {
    observer_.on_dropped(error_info(parsed.error().code).label, flow.remote, flow.listener,
                         parsed.error().what);
    return true;
  }
  sip::Message& m = *parsed;
  if (auto ok = sip::validate(m); !ok) {
    observer_.on_dropped(error_info(ok.error().code).label, flow.remote, flow.listener,
                         ok.error().what);
    if (m.is_request() && m.method() != sip::Method::kAck && answerable(m)) {
      const int status =
          ok.error().code == ErrorCode::kUnsupported ? 505 : error_info(ok.error().code).sip_status;
      answer_statelessly(m, flow, status, ok.error().what);
    }
    return true;
  }
  const NodeId self = running_.deployment->operation.node;
  const auto owner = sip::owner_of(m, self);
  if (!owner) {
    observer_.on_dropped("stray_response", flow.remote, flow.listener,
                         "the Via branch is not one of ours");
    return true;
  }
  deployment::GroupIndex group;
  if (m.is_request()) {
    std::string host;
    if (const auto uri = sip::parse_uri(m.request_uri())) host = std::string(uri->host);
    const auto found = deployment::recognise(
        *running_.deployment, flow.listener, flow.remote,
        tls ? std::span<const std::string>(tls->names) : std::span<const std::string>(), host);
    if (!found) {
      observer_.on_dropped(
          "unrecognised", flow.remote, flow.listener,
          "no peer group matches this source, certificate and Request-URI host '" + host + "'");
      if (m.method() != sip::Method::kAck)
        answer_statelessly(m, flow, 403, "No peer group matches this request");
      return true;
    }
    group = *found;
    const auto limit =
        running_.deployment->profile(running_.deployment->group(group).profile).max_message_bytes;
    if (bytes.size() > limit) {
      observer_.on_dropped("too_large", flow.remote, flow.listener,
                           "message of " + std::to_string(bytes.size()) + " bytes");
      if (m.method() != sip::Method::kAck)
        answer_statelessly(m, flow, 513, "Message over " + std::to_string(limit) + " bytes");
      return true;
    }
  }
  Received r{std::move(m), flow, group, reactor_.now()};
  return deliver(shard_of(owner->bucket), std::move(r));
}

bool SipTransport::deliver(ShardId to, Received received) {
  if (to == reactor_.shard()) {
    sink_.on_message(std::move(received));
    return true;
  }
  const bool stream = received.flow.connection != 0;
  const bool new_call =
      received.message.is_request() && received.message.method() == sip::Method::kInvite &&
      sip::parse_name_addr(received.message.value(sip::HeaderId::kTo))->tag().empty();
  auto mail = std::make_unique<MessageMail>(std::move(received), running_.deployment);
  auto& box = outboxes_[to.value];
  if (box.empty()) {
    reactor::Mail m = std::move(mail);
    if (reactor_.post(to, m)) return true;
    mail.reset(static_cast<MessageMail*>(m.release()));
  }
  const Flow flow = mail->received.flow;
  if (new_call) {
    observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                         "new call refused: the owning shard is behind");
    answer_statelessly(mail->received.message, flow, 503, "Overloaded");
    return true;
  }
  if (!stream) {  // the peer sends a datagram again
    observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                         "datagram dropped: the owning shard is behind");
    return true;
  }
  // Kept, and the connection is not read until the mailbox has room: its order and content survive.
  box.push_back(std::move(mail));
  if (!outbox_timer_) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
  }
  return false;
}

bool SipTransport::post(ShardId to, reactor::Mail mail) {
  auto& box = outboxes_[to.value];
  if (box.empty() && reactor_.post(to, mail)) return true;
  if (box.size() >= kMaxOutbox) return false;
  box.push_back(std::move(mail));
  if (!outbox_timer_) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
  }
  return true;
}

void SipTransport::flush_outboxes() {
  outbox_timer_ = false;
  bool waiting = false;
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    auto& box = outboxes_[i];
    while (!box.empty() && reactor_.post(ShardId{static_cast<std::uint16_t>(i)}, box.front()))
      box.pop_front();
    waiting = waiting || !box.empty();
  }
  if (waiting) {
    outbox_timer_ = true;
    reactor_.timers().schedule(reactor_.now() + kOutboxRetry, *this, kOutboxTimer);
    return;
  }
  std::vector<std::uint64_t> paused;
  for (auto& [id, c] : connections_)
    if (c->paused) paused.push_back(id);
  std::sort(paused.begin(), paused.end());
  for (const auto id : paused) {
    const auto it = connections_.find(id);
    if (it == connections_.end()) continue;
    it->second->paused = false;
    it->second->stream->pause_reading(false);
    read_frames(*it->second);
  }
}

// By name, from one configuration to the one in force; false when it has no such listener or group.
bool SipTransport::translate(Received& r, const deployment::Deployment& then) const {
  const deployment::Deployment& now = *running_.deployment;
  const std::string& name = then.listener(r.flow.listener).name;
  const auto listener = std::find_if(now.listeners.begin(), now.listeners.end(),
                                     [&](const deployment::Listener& l) { return l.name == name; });
  const auto group = now.find_group(then.group(r.group).name);
  if (listener == now.listeners.end() || (r.message.is_request() && !group)) return false;
  r.flow.listener =
      deployment::ListenerIndex{static_cast<std::uint16_t>(listener - now.listeners.begin())};
  r.group = group.value_or(deployment::GroupIndex{});
  return true;
}

void SipTransport::on_mail(ShardId from, reactor::Mail mail) {
  if (auto* m = dynamic_cast<MessageMail*>(mail.get())) {
    // The configuration changed while the message was under way: indices mean something else.
    if (m->made_under != running_.deployment && !translate(m->received, *m->made_under)) {
      const sip::Message& message = m->received.message;
      observer_.on_dropped("reload_race", m->received.flow.remote, deployment::ListenerIndex{},
                           "its listener or peer group is gone from the configuration");
      if (message.is_request() && message.method() != sip::Method::kAck)
        answer_statelessly(message, m->received.flow, 503, "Configuration changing");
      return;
    }
    sink_.on_message(std::move(m->received));
    return;
  }
  if (auto* r = dynamic_cast<ResponseMail*>(mail.get())) {
    send_response(r->flow, r->bytes);
    return;
  }
  sink_.on_other_mail(from, std::move(mail));
}

void SipTransport::answer_statelessly(const sip::Message& m, const Flow& flow, int status,
                                      std::string_view why) {
  send_response(flow, stateless_response(m, flow, status, why));
}

// --- Streams -----------------------------------------------------------------------------------

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
  if (connections_.size() >= d.limits.max_connections) {
    observer_.on_dropped("too_many_connections", remote, it->index,
                         "at most " + std::to_string(d.limits.max_connections) + " are taken");
    return nullptr;
  }
  if (it->config.transport == Transport::kTls) {
    // Which names would have been right, for the person who reads the refusal.
    const auto names = expected_certificate_names(d, it->index, remote);
    if (!names.empty() && !fits_any(names, stream->tls().names)) {
      std::string text = "certificate name mismatch: expected one of";
      for (const auto& n : names) text += " " + n;
      text += "; the certificate has";
      for (const auto& n : stream->tls().names) text += " " + n;
      observer_.on_dropped("certificate_name", remote, it->index, text);
      return nullptr;
    }
  }
  auto c = std::make_unique<Connection>();
  c->id = next_connection_++;
  c->listener = it->index;
  c->transport = it->config.transport;
  c->up = true;
  c->opened = reactor_.now();
  c->tls = it->tls;
  c->stream = std::move(stream);
  by_stream_[c->stream.get()] = c->id;
  connections_[c->id] = std::move(c);
  return this;
}

void SipTransport::on_refused(const Endpoint& from, const Error& reason) {
  observer_.on_dropped(error_info(reason.code).label, from, deployment::ListenerIndex{},
                       reason.what);
}

void SipTransport::on_bytes(reactor::Stream& stream, std::span<const std::byte> data) {
  const auto it = by_stream_.find(&stream);
  if (it == by_stream_.end()) return;
  Connection& c = *connections_.at(it->second);
  c.inbox.append(as_text(data));
  if (!c.paused) read_frames(c);
}

void SipTransport::read_frames(Connection& c) {
  const std::uint64_t id = c.id;
  std::size_t at = 0;
  for (;;) {
    const auto frame = sip::find_frame(std::string_view(c.inbox).substr(at));
    if (!frame || (!frame->has_value() && c.inbox.size() - at > kMaxUnframed)) {
      observer_.on_dropped("framing", c.stream->remote(), c.listener,
                           frame ? "message never ends" : frame.error().what);
      forget(id);
      return;
    }
    if (!frame->has_value()) break;
    const sip::Frame& f = **frame;
    // RFC 5626 3.5.1: a double CRLF is a ping, a single one its answer.
    if (f.skip >= 4) c.stream->write("\r\n");
    at += f.skip;
    if (f.length == 0) continue;
    Flow flow{reactor_.shard(), c.listener, c.transport, c.stream->local(), c.stream->remote(), id};
    const bool go_on = take(std::string_view(c.inbox).substr(at, f.length), flow, &c.stream->tls());
    at += f.length;
    if (connections_.find(id) == connections_.end()) return;  // closed by what it said
    if (!go_on) {
      c.paused = true;
      c.stream->pause_reading(true);
      break;
    }
  }
  c.inbox.erase(0, at);
}

SipTransport::Connection* SipTransport::find_outgoing(const Destination& to) {
  for (Connection* c : outgoing_)
    if (c->to == to && (!c->up || reactor_.now() - c->opened < kRenewAfter)) return c;
  return nullptr;
}

SipTransport::Connection* SipTransport::open_connection(const Destination& to) {
  const ListenerSocket* l = socket_of(to.listener);
  if (!l) return nullptr;
  if (outgoing_.size() >= running_.deployment->limits.max_connections) {
    observer_.on_dropped("too_many_connections", to.remote, to.listener,
                         "no further one is opened");
    return nullptr;
  }
  auto c = std::make_unique<Connection>();
  c->id = next_connection_++;
  c->listener = to.listener;
  c->transport = to.transport;
  c->outgoing = true;
  c->to = to;
  c->opened = reactor_.now();
  reactor::TlsClient tls;
  if (to.transport == Transport::kTls) {
    // A listener of plain TCP may still send over TLS when the realm has an identity elsewhere.
    c->tls = l->tls;
    tls.context = c->tls;
    tls.server_name = to.tls_name;
  }
  auto stream =
      reactor_.connect(Endpoint{l->config.address.address, 0}, to.remote, socket_options(l->config),
                       to.transport == Transport::kTls ? &tls : nullptr, *this);
  if (!stream) {
    log::warning("cannot connect to {}: {}", to.remote.to_string(), stream.error().what);
    return nullptr;
  }
  c->stream = std::move(*stream);
  by_stream_[c->stream.get()] = c->id;
  c->timer = reactor_.timers().schedule(reactor_.now() + to.connect_time, *this, c->id);
  Connection* raw = c.get();
  outgoing_.push_back(raw);
  connections_[c->id] = std::move(c);
  return raw;
}

void SipTransport::on_connected(reactor::Stream& stream) {
  const auto it = by_stream_.find(&stream);
  if (it == by_stream_.end()) return;
  Connection& c = *connections_.at(it->second);
  c.up = true;
  reactor_.timers().cancel(c.timer);
  c.timer = reactor_.timers().schedule(reactor_.now() + kRenewAfter + kRetireTime, *this, c.id);
  c.tokens.clear();
  if (!c.outbox.empty()) stream.write(c.outbox);
  c.outbox.clear();
  c.outbox.shrink_to_fit();
}

void SipTransport::on_closed(reactor::Stream& stream, const Error& reason) {
  const auto it = by_stream_.find(&stream);
  if (it == by_stream_.end()) return;
  const std::uint64_t id = it->second;
  Connection& c = *connections_.at(id);
  const bool was_up = c.up;
  const Destination to = c.to;
  const auto listener = c.listener;
  std::vector<std::uint64_t> tokens = std::move(c.tokens);
  forget(id);
  if (!was_up) {
    observer_.on_dropped(reason.code == ErrorCode::kTls ? "tls_handshake" : "connect_failed",
                         to.remote, listener, reason.what);
    for (const auto t : tokens) sink_.on_send_failed(t, reason);
  }
}

void SipTransport::forget(std::uint64_t id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  reactor_.timers().cancel(it->second->timer);
  by_stream_.erase(it->second->stream.get());
  if (it->second->outgoing) std::erase(outgoing_, it->second.get());
  connections_.erase(it);
}

void SipTransport::on_timer(std::uint64_t token, Instant now) {
  if (token == kOutboxTimer) {
    flush_outboxes();
    return;
  }
  if (token == kFailedTimer) {
    const auto failed = std::move(failed_);
    failed_.clear();
    for (const auto& [id, reason] : failed) sink_.on_send_failed(id, reason);
    return;
  }
  const auto it = connections_.find(token);
  if (it == connections_.end()) return;
  Connection& c = *it->second;
  if (c.up) {  // renewed long ago; nothing waits on it any more
    c.stream->close_gracefully();
    forget(token);
    return;
  }
  (void)now;
  const Error reason{ErrorCode::kTimeout, "no connection to " + c.to.remote.to_string() +
                                              " within " +
                                              std::to_string(c.to.connect_time.count()) + " ms"};
  const std::vector<std::uint64_t> tokens = std::move(c.tokens);
  observer_.on_dropped("connect_timeout", c.to.remote, c.listener, reason.what);
  forget(token);
  for (const auto t : tokens) sink_.on_send_failed(t, reason);
}

void SipTransport::renew_connections() {
  std::vector<std::uint64_t> old;
  for (auto& [id, c] : connections_) {
    const ListenerSocket* l = socket_of(c->listener);
    if (c->transport == Transport::kTls && l && c->tls != l->tls) old.push_back(id);
  }
  for (const auto id : old) {
    connections_.at(id)->stream->close_gracefully();
    forget(id);
  }
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
  Connection* c = find_outgoing(to);
  if (!c) c = open_connection(to);
  if (!c) {
    fail_later(token, {ErrorCode::kUnavailable, "no connection to " + to.remote.to_string()});
    return;
  }
  wire(true, c->stream->local(), to.remote, to.transport, bytes);
  if (c->up) {
    c->stream->write(bytes);
  } else if (c->outbox.size() + bytes.size() <= kMaxPendingBytes) {
    c->outbox.append(bytes);
    c->tokens.push_back(token);
  } else {
    fail_later(token, {ErrorCode::kUnavailable,
                       "too much waits for a connection to " + to.remote.to_string()});
  }
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
      wire(true, flow.local, flow.remote, Transport::kUdp, bytes);
      l->udp->send(flow.remote, as_data(bytes));
    }
    return;
  }
  if (flow.shard != reactor_.shard()) {
    if (!post(flow.shard, std::make_unique<ResponseMail>(flow, std::string(bytes))))
      observer_.on_dropped("mailbox_full", flow.remote, flow.listener,
                           "response dropped: the shard of the connection is behind");
    return;
  }
  const auto it = connections_.find(flow.connection);
  if (it != connections_.end()) {
    wire(true, flow.local, flow.remote, flow.transport, bytes);
    it->second->stream->write(bytes);
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

SipTransport::ConnectionCounts SipTransport::connections() const {
  ConnectionCounts n;
  for (const auto& [id, c] : connections_) ++(c->outgoing ? n.outgoing : n.incoming);
  return n;
}

const reactor::TlsPeer* SipTransport::outgoing_tls(const Destination& to) const {
  for (const Connection* c : outgoing_)
    if (c->up && c->to == to) return &c->stream->tls();
  return nullptr;
}

}  // namespace causeway::transport
