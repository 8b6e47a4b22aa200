#include "transport/connection_table.h"

#include <algorithm>
#include <utility>

namespace causeway::transport {
namespace {

std::string_view as_text(std::span<const std::byte> d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

// "SIP/2.0 1xx": everything else that we send back ends a transaction.
bool is_provisional(std::string_view response) {
  constexpr std::size_t kStatusAt = 8;
  return response.size() > kStatusAt && response[kStatusAt] == '1';
}

}  // namespace

ConnectionTable::~ConnectionTable() {
  for (auto& [id, c] : connections_) reactor_.timers().cancel(c->timer);
}

ConnectionTable::Connection* ConnectionTable::find(std::uint64_t id) const {
  const auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : it->second.get();
}

ConnectionTable::Connection* ConnectionTable::find(const reactor::Stream& stream) const {
  const auto it = by_stream_.find(&stream);
  return it == by_stream_.end() ? nullptr : it->second;
}

ConnectionTable::Connection& ConnectionTable::add(std::unique_ptr<Connection> c) {
  c->id = next_++;
  c->opened = c->last_message = c->last_traffic = reactor_.now();
  Connection& ref = *c;
  by_stream_[ref.stream.get()] = &ref;
  ++(ref.outgoing ? counts_.outgoing : counts_.incoming);
  if (ref.outgoing)
    outgoing_.push_back(&ref);
  else
    ++accepted_from_[ref.stream->remote().address];
  connections_[ref.id] = std::move(c);
  arm(ref);
  return ref;
}

void ConnectionTable::forget(std::uint64_t id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& c = *it->second;
  reactor_.timers().cancel(c.timer);
  by_stream_.erase(c.stream.get());
  buffered_ -= c.held;
  if (c.outgoing) {
    std::erase(outgoing_, &c);
  } else if (const auto from = accepted_from_.find(c.stream->remote().address);
             --from->second == 0) {
    accepted_from_.erase(from);
  }
  --(c.outgoing ? counts_.outgoing : counts_.incoming);
  connections_.erase(it);
}

void ConnectionTable::end(std::uint64_t id, std::string_view label, const Error& reason) {
  Connection* const c = find(id);
  if (!c) return;
  const std::vector<Pending> pending = std::move(c->pending);
  const Endpoint remote = c->outgoing ? c->to.remote : c->stream->remote();
  const auto listener = c->listener;
  forget(id);
  if (!label.empty()) user_.on_connection_trouble(label, remote, listener, reason.what);
  for (const Pending& p : pending) user_.on_request_lost(p.token, p.crossed, reason);
}

// --- Opening and accepting ---------------------------------------------------------------------

std::uint64_t ConnectionTable::outgoing(const Destination& to) {
  for (Connection* c : outgoing_) {
    if (!(c->to == to)) continue;
    if (!c->up || reactor_.now() - c->opened < kRenewAfter) return c->id;
    retire(*c);
    return 0;
  }
  return 0;
}

Result<std::uint64_t> ConnectionTable::open(const Destination& to, const Way& way) {
  if (counts_.outgoing >= limits_.most)
    return fail(ErrorCode::kUnavailable, "no connection to " + to.remote.to_string() + ": " +
                                             std::to_string(limits_.most) +
                                             " are open (limits.max_connections)");
  auto c = std::make_unique<Connection>();
  c->listener = to.listener;
  c->transport = to.transport;
  c->outgoing = true;
  c->to = to;
  c->tls = way.tls;
  const reactor::TlsClient tls{way.tls, to.tls_name, to.own_name};
  auto stream = reactor_.connect(way.local, to.remote, way.options,
                                 to.transport == Transport::kTls ? &tls : nullptr, *this);
  if (!stream)
    return fail(stream.error().code,
                "cannot connect to " + to.remote.to_string() + ": " + stream.error().what);
  c->stream = std::move(*stream);
  return add(std::move(c)).id;
}

reactor::StreamListener* ConnectionTable::adopt(std::unique_ptr<reactor::Stream> stream,
                                                deployment::ListenerIndex listener,
                                                Transport transport,
                                                std::shared_ptr<const reactor::TlsContext> tls) {
  if (counts_.incoming >= limits_.most) {
    user_.on_connection_trouble("too_many_connections", stream->remote(), listener,
                                "at most " + std::to_string(limits_.most) + " are taken");
    return nullptr;
  }
  auto c = std::make_unique<Connection>();
  c->listener = listener;
  c->transport = transport;
  c->up = true;
  c->tls = std::move(tls);
  c->stream = std::move(stream);
  add(std::move(c));
  return this;
}

void ConnectionTable::on_connected(reactor::Stream& stream) {
  Connection* const c = find(stream);
  if (!c) return;
  c->up = true;
  c->last_traffic = c->last_message = reactor_.now();
  if (!c->outbox.empty()) stream.write(c->outbox);
  c->outbox = std::string();
  arm(*c);
}

void ConnectionTable::on_closed(reactor::Stream& stream, const Error& reason) {
  const Connection* const c = find(stream);
  if (!c) return;
  std::string_view label;
  if (c->finished != Instant{}) return end(c->id, {}, reason);
  if (!c->up) label = reason.code == ErrorCode::kTls ? "tls_handshake" : "connect_failed";
  if (reason.code == ErrorCode::kTooLarge) label = "peer_does_not_read";
  if (reason.code == ErrorCode::kTimeout && c->up) label = "peer_is_gone";
  end(c->id, label, reason);
}

// --- Reading -----------------------------------------------------------------------------------

void ConnectionTable::on_bytes(reactor::Stream& stream, std::span<const std::byte> data) {
  Connection* const c = find(stream);
  if (!c) return;
  c->last_traffic = reactor_.now();
  c->pong_owed = c->pinged != Instant{};
  c->pinged = Instant{};
  c->inbox.append(as_text(data));
  const std::uint64_t id = c->id;
  if (!c->paused) read_frames(*c);
  if (Connection* const still = find(id)) count(*still);
}

// What waits on it. What has left since is found out when the sum seems too much.
void ConnectionTable::count(Connection& c) {
  const std::size_t held = c.inbox.size() + c.outbox.size() + c.stream->queued();
  buffered_ += held - c.held;
  c.held = held;
  if (buffered_ > limits_.buffers) keep_within_buffers();
}

void ConnectionTable::keep_within_buffers() {
  buffered_ = 0;
  Connection* largest = nullptr;
  for (auto& [id, c] : connections_) {
    c->held = c->inbox.size() + c->outbox.size() + c->stream->queued();
    buffered_ += c->held;
    if (!largest || c->held > largest->held || (c->held == largest->held && c->id < largest->id))
      largest = c.get();
  }
  // One at a time, and not from inside a call that may hold it: its timer is due.
  if (buffered_ <= limits_.buffers || largest->overfull) return;
  largest->overfull = true;
  reactor_.timers().cancel(largest->timer);
  largest->due = reactor_.now();
  largest->timer = reactor_.timers().schedule(largest->due, *this, largest->id);
}

// RFC 5626 3.5.1: a double CRLF is a ping, a single one its answer.
void ConnectionTable::take_line_ends(Connection& c, std::size_t count) {
  if (c.outgoing && c.pong_owed) c.answers_pings = true;
  // What comes back to our own pings is no ping.
  if (c.outgoing) return;
  c.line_ends += count;
  if (c.line_ends < 4) return;
  c.spoke = true;
  c.line_ends %= 4;
  c.stream->write("\r\n");
  c.last_message = reactor_.now();  // it wants to keep this connection
}

void ConnectionTable::read_frames(Connection& c) {
  const std::uint64_t id = c.id;
  std::size_t at = 0;
  for (;;) {
    const auto frame = c.finder.find(std::string_view(c.inbox).substr(at));
    if (!frame || (!frame->has_value() && c.inbox.size() - at > kMaxUnframed)) {
      const Error why = frame ? Error{ErrorCode::kTooLarge, "message never ends"} : frame.error();
      const Flow flow{{}, c.listener, c.transport, c.stream->local(), c.stream->remote(), id};
      const std::string answer = user_.on_unframed(std::string_view(c.inbox).substr(at), flow, why);
      if (!answer.empty()) {
        c.stream->write(answer);
        c.stream->close_gracefully();
      }
      end(id, "framing", why);
      return;
    }
    if (!frame->has_value()) break;
    const sip::Frame& f = **frame;
    at += f.skip;
    if (f.skip != 0) take_line_ends(c, f.skip);
    if (f.length == 0) continue;
    c.line_ends = 0;
    c.spoke = true;
    c.last_message = reactor_.now();
    const Flow flow{{}, c.listener, c.transport, c.stream->local(), c.stream->remote(), id};
    const bool go_on =
        user_.on_frame(std::string_view(c.inbox).substr(at, f.length), flow, c.stream->tls());
    if (!find(id)) return;  // closed by what it said
    at += f.length;
    c.frame_began = Instant{};
    if (!go_on) {
      c.paused = true;
      c.stream->pause_reading(true);
      break;
    }
  }
  c.inbox.erase(0, at);
  if (c.inbox.empty() || c.paused)
    c.frame_began = Instant{};
  else if (c.frame_began == Instant{})
    c.frame_began = reactor_.now();
  arm(c);
}

void ConnectionTable::resume() {
  std::vector<std::uint64_t> paused;
  for (auto& [id, c] : connections_)
    if (c->paused) paused.push_back(id);
  std::sort(paused.begin(), paused.end());
  for (const auto id : paused) {
    Connection* const c = find(id);
    if (!c) continue;
    c->paused = false;
    c->stream->pause_reading(false);
    read_frames(*c);
  }
}

// --- Writing -----------------------------------------------------------------------------------

Status ConnectionTable::send(std::uint64_t id, std::string_view bytes, std::uint64_t token) {
  Connection* const c = find(id);
  if (!c || c->finished != Instant{})
    return fail(ErrorCode::kUnavailable, "the connection is gone");
  if (!c->up && c->outbox.size() + bytes.size() > kMaxPendingBytes)
    return fail(ErrorCode::kTooLarge,
                "too much waits for a connection to " + c->to.remote.to_string());
  if (token != 0) {
    if (c->pending.size() >= c->prune_at) prune(*c);
    c->pending.push_back({token, c->up});
  }
  if (!c->up) {
    c->outbox.append(bytes);
  } else {
    c->last_message = c->last_traffic = reactor_.now();
    c->stream->write(bytes);
  }
  count(*c);
  return {};
}

void ConnectionTable::prune(Connection& c) {
  std::erase_if(c.pending, [&](const Pending& p) { return !user_.still_waits(p.token); });
  c.prune_at = std::max<std::size_t>(64, c.pending.size() * 2);
}

bool ConnectionTable::respond(std::uint64_t id, std::string_view bytes) {
  Connection* const c = find(id);
  if (!c || c->finished != Instant{}) return false;
  c->last_message = c->last_traffic = reactor_.now();
  if (c->unanswered != 0 && !is_provisional(bytes)) --c->unanswered;
  c->stream->write(bytes);
  count(*c);
  return true;
}

void ConnectionTable::expect_answer(std::uint64_t id) {
  if (Connection* const c = find(id)) ++c->unanswered;
}

Endpoint ConnectionTable::local_of(std::uint64_t id) const {
  const Connection* const c = find(id);
  return c ? c->stream->local() : Endpoint{};
}

// --- Time --------------------------------------------------------------------------------------

Instant ConnectionTable::next_due(const Connection& c) const {
  if (!c.up) return c.opened + c.to.connect_time;
  if (c.finished != Instant{}) return c.finished + kReadOn;
  if (c.retired != Instant{}) return reactor_.now() + kRetireLook;
  Instant at = Instant::max();
  if (c.frame_began != Instant{}) at = std::min(at, c.frame_began + kFrameTime);
  if (limits_.idle.count() != 0) at = std::min(at, c.last_message + limits_.idle);
  if (!c.outgoing && !c.spoke && limits_.first_message.count() != 0)
    at = std::min(at, c.opened + limits_.first_message);
  if (!c.outgoing) return at;
  at = std::min(at, c.opened + kRenewAfter);
  if (limits_.keep_alive.count() == 0) return at;
  return std::min(at, c.pinged != Instant{} && c.answers_pings
                          ? c.pinged + kPongTime
                          : c.last_traffic + limits_.keep_alive);
}

// A timer that is early only looks again; so nothing is rescheduled with every message.
void ConnectionTable::arm(Connection& c) {
  const Instant at = next_due(c);
  if (c.timer != reactor::TimerId{} && c.due <= at) return;
  reactor_.timers().cancel(c.timer);
  c.timer = {};
  c.due = at;
  if (at != Instant::max()) c.timer = reactor_.timers().schedule(at, *this, c.id);
}

void ConnectionTable::on_timer(std::uint64_t id, Instant now) {
  Connection* const c = find(id);
  if (!c) return;
  c->timer = {};
  c->due = Instant::max();
  look_after(*c, now);
  if (Connection* const still = find(id)) arm(*still);
}

void ConnectionTable::look_after(Connection& c, Instant now) {
  if (!c.up) {
    if (now < c.opened + c.to.connect_time) return;
    return end(c.id, "connect_timeout",
               {ErrorCode::kTimeout, "no connection to " + c.to.remote.to_string() + " within " +
                                         std::to_string(c.to.connect_time.count()) + " ms"});
  }
  if (std::exchange(c.overfull, false) && buffered_ > limits_.buffers)
    return end(c.id, "buffers_full",
               {ErrorCode::kTooLarge, "it held " + std::to_string(c.held) + " of " +
                                          std::to_string(buffered_) +
                                          " bytes that wait on connections "
                                          "(limits.connection_buffers)"});
  if (!c.outgoing && !c.spoke && limits_.first_message.count() != 0 &&
      now >= c.opened + limits_.first_message)
    return end(c.id, "no_message",
               {ErrorCode::kTimeout,
                "nothing came on it in " + std::to_string(limits_.first_message.count()) + " s"});
  if (c.frame_began != Instant{} && now >= c.frame_began + kFrameTime)
    return end(
        c.id, "slow_message",
        {ErrorCode::kTimeout, "a message was not complete " + std::to_string(kFrameTime.count()) +
                                  " s after its first byte"});
  if (c.retired != Instant{}) {
    return close_retired(c, now);
  }
  if (c.outgoing && now >= c.opened + kRenewAfter) return retire(c);
  if (limits_.idle.count() != 0 && now >= c.last_message + limits_.idle) return retire(c);
  if (!c.outgoing || limits_.keep_alive.count() == 0) return;
  if (c.pinged != Instant{} && c.answers_pings && now >= c.pinged + kPongTime)
    return end(c.id, "peer_is_gone",
               {ErrorCode::kTimeout,
                "no answer to a keep-alive within " + std::to_string(kPongTime.count()) + " s"});
  if (now < c.last_traffic + limits_.keep_alive) return;
  c.pinged = c.last_traffic = now;
  c.stream->write("\r\n\r\n");
}

// First our half: what the peer has sent before it hears of that is read and answered, over a new
// connection (RFC 3261 18.2.2).
void ConnectionTable::close_retired(Connection& c, Instant now) {
  if (c.finished != Instant{}) {
    if (now < c.finished + kReadOn) return;
    c.stream->close_gracefully();
    return end(c.id, {}, {ErrorCode::kUnavailable, "the connection was renewed"});
  }
  prune(c);
  const bool busy =
      !c.pending.empty() || c.unanswered != 0 || c.paused || c.frame_began != Instant{};
  if (busy && now < c.retired + kRetireLimit) return;
  const std::vector<Pending> pending = std::move(c.pending);
  c.pending.clear();
  c.finished = now;
  c.stream->finish_writing();
  const Error reason{ErrorCode::kUnavailable, "the connection was renewed"};
  for (const Pending& p : pending) user_.on_request_lost(p.token, p.crossed, reason);
}

void ConnectionTable::retire(Connection& c) {
  if (c.retired != Instant{}) return;
  c.retired = reactor_.now();
  std::erase(outgoing_, &c);
  arm(c);
}

void ConnectionTable::retire_others(deployment::ListenerIndex listener,
                                    const std::shared_ptr<const reactor::TlsContext>& tls) {
  for (auto& [id, c] : connections_)
    if (c->transport == Transport::kTls && c->listener == listener && c->tls != tls) retire(*c);
}

void ConnectionTable::retire_all(deployment::ListenerIndex listener) {
  for (auto& [id, c] : connections_)
    if (c->listener == listener) retire(*c);
}

void ConnectionTable::move_listeners(
    const std::function<std::optional<deployment::ListenerIndex>(deployment::ListenerIndex)>& to) {
  for (auto& [id, c] : connections_) {
    const auto now = to(c->listener);
    if (now) {
      c->listener = c->to.listener = *now;
      continue;
    }
    std::erase(outgoing_, c.get());  // its old index may be another listener's now
    without_listener_.push_back(id);
  }
}

void ConnectionTable::end_from(const IpAddress& address) {
  if (accepted_from(address) == 0) return;
  std::vector<std::uint64_t> gone;
  for (auto& [id, c] : connections_)
    if (!c->outgoing && c->stream->remote().address == address) gone.push_back(id);
  std::sort(gone.begin(), gone.end());
  for (const auto id : gone) end(id, {}, {ErrorCode::kUnavailable, "its source was banned"});
}

void ConnectionTable::end_without_listener() {
  std::vector<std::uint64_t> gone = std::move(without_listener_);
  without_listener_.clear();
  std::sort(gone.begin(), gone.end());
  for (const auto id : gone)
    end(id, {}, {ErrorCode::kUnavailable, "its listener was removed from the configuration"});
}

}  // namespace causeway::transport
