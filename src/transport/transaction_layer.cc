#include "transport/transaction_layer.h"

#include <algorithm>
#include <utility>

#include "deployment/recognise.h"
#include "sip/build.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "transport/emergency.h"
#include "transport/stateless.h"

namespace causeway::transport {
namespace {

using sip::HeaderId;
using sip::Method;
using sip::TxEvent;

TxEvent event_for(int status) {
  if (status < 200) return TxEvent::kProvisional;
  return status < 300 ? TxEvent::kSuccess : TxEvent::kFailure;
}

// RFC 3261 8.2.6.1: with the Timestamp of the request, and how long it lay here.
std::string trying_for(const Received& request, const deployment::Profile& profile, Instant now) {
  const sip::Message& m = request.message;
  auto b = sip::begin_response(m, 100, sip::reason_phrase(100), {}, request.flow.remote);
  if (const std::string_view stamp = m.value(HeaderId::kTimestamp); !stamp.empty()) {
    b.begin(HeaderId::kTimestamp).add(stamp);
    const auto ms = std::chrono::duration_cast<Millis>(now - request.at).count();
    const std::string thousandths = std::to_string(1'000 + ms % 1'000).substr(1);
    if (stamp.find_first_of(" \t") == std::string_view::npos)
      b.add(" ").number(ms / 1'000).add(".").add(thousandths);
    b.end_line();
  }
  add_profile_lines(b, &profile);
  return b.finish();
}

}  // namespace

TransactionLayer::TransactionLayer(reactor::Reactor& reactor, TransportObserver& observer,
                                   TransactionUser& user)
    : reactor_(reactor),
      observer_(observer),
      user_(user),
      transport_(reactor, *this, observer),
      hash_key_{reactor.random().u64(), reactor.random().u64()} {}

Hash128 TransactionLayer::client_key(std::string_view branch, std::string_view method) const {
  return KeyedHasher(hash_key_).add('c').add(branch).add(method).finish();
}

// RFC 3261 17.2.3; without the magic cookie what RFC 2543 compared.
Hash128 TransactionLayer::server_key(const sip::Message& m, std::string_view method) const {
  const sip::Via& via = *m.top_via();
  KeyedHasher h(hash_key_);
  h.add('s').add(via.branch).add(via.host).add(method);
  if (via.branch.starts_with(sip::kMagicCookie)) return h.add(via.port).finish();
  return h.add(m.call_id()).add(m.cseq()).add(m.from_tag()).finish();
}

// 0: it belongs to a dialog.
std::uint64_t TransactionLayer::origin_of(const sip::Message& m) const {
  if (!m.to_tag().empty()) return 0;
  KeyedHasher h(hash_key_);
  h.add('o').add(m.call_id()).add(m.from_tag()).add(m.cseq()).add(m.method_text());
  return h.finish().low | 1;
}

TransactionLayer::Slot* TransactionLayer::get(TxId id) {
  const auto index = static_cast<std::uint32_t>(id.value & 0xffffffffU);
  const auto generation = static_cast<std::uint32_t>(id.value >> 32);
  if (index / kChunk >= slots_.size()) return nullptr;
  Slot& s = (*slots_[index / kChunk])[index % kChunk];
  return s.used && s.generation == generation ? &s : nullptr;
}
const TransactionLayer::Slot* TransactionLayer::get(TxId id) const {
  return const_cast<TransactionLayer*>(this)->get(id);
}

TxId TransactionLayer::create(sip::TxKind kind, bool reliable, const Hash128& key) {
  if (free_.empty()) {
    const std::size_t first = slots_.size() * kChunk;
    slots_.push_back(std::make_unique<std::array<Slot, kChunk>>());
    for (std::size_t i = kChunk; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(first + i));
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& s = (*slots_[index / kChunk])[index % kChunk];
  const std::uint32_t generation = s.generation;
  s = Slot{};
  s.generation = generation;
  s.used = true;
  s.machine = sip::make_transaction(kind, reliable);
  const TxId id{(std::uint64_t{generation} << 32) | index};
  s.key = key;
  by_key_.insert(key, id);
  ++live_;
  return id;
}

void TransactionLayer::release(TxId id, Slot& s) {
  reactor_.timers().cancel(s.timer);
  if (const TxId* known = by_key_.find(s.key); known && *known == id) by_key_.erase(s.key);
  if (s.origin != 0)
    if (const TxId* known = by_origin_.find(s.origin); known && *known == id)
      by_origin_.erase(s.origin);
  if (std::exchange(s.shared, false)) shares_.remove(s.group);
  s.used = false;
  ++s.generation;
  s.bytes = std::string();
  s.over_udp.reset();
  drop_request(s);
  free_.push_back(static_cast<std::uint32_t>(id.value & 0xffffffffU));
  --live_;
}

// Nothing is left but to know the request again (Timers J and L).
void TransactionLayer::finish(TxId id, Slot& s) {
  // With little room left, the answer to what is no call is not remembered (RFC 3261 8.2.7).
  if (s.machine.kind == sip::TxKind::kNonInviteServer && !s.of_call && shares_.crowded())
    return release(id, s);
  // While its transaction lasts it may still come by another way (RFC 3261 8.2.2.2). One that was
  // refused is let in there: its sender tries again (RFC 3263 4.3).
  constexpr std::size_t kStatusAt = 8;  // "SIP/2.0 4xx"
  const bool refused = s.bytes.size() > kStatusAt && s.bytes[kStatusAt] > '2';
  const std::uint64_t origin = refused ? 0 : std::exchange(s.origin, 0);
  finished_.add({s.key, origin, s.user, reactor_.now() + timers_.b(), s.flow, std::move(s.bytes),
                 s.group, s.shared});
  s.shared = false;
  release(id, s);
  if (origin != 0) by_origin_.insert(origin, kFinished);
  schedule_expiry();
}

void TransactionLayer::schedule_expiry() {
  const auto next = finished_.next();
  if (!next || std::exchange(expiry_scheduled_, true)) return;
  reactor_.timers().schedule(*next + kExpiryStep, *this, kFinished.value);
}

void TransactionLayer::drop_request(Slot& s) {
  if (s.request && s.request.get() == serving_)
    served_ = std::move(s.request);
  else
    s.request.reset();
}

Status TransactionLayer::apply(Running running) {
  const deployment::DeploymentPtr before =
      transport_.running() ? transport_.deployment_ptr() : nullptr;
  if (auto ok = transport_.apply(std::move(running)); !ok) return ok;
  shares_.set_most(transport_.deployment().limits.max_transactions);
  if (before)
    follow(*before);
  else
    shares_.move(transport_.deployment().groups.size(), [](auto g) { return std::optional(g); });
  if (before) transport_.settle();
  return {};
}

// What is under way follows its listener and its group by name.
void TransactionLayer::follow(const deployment::Deployment& before) {
  const deployment::Deployment& now = transport_.deployment();
  const auto moved = [&](deployment::ListenerIndex old) {
    if (old.value >= before.listeners.size()) return old;
    for (std::size_t i = 0; i < now.listeners.size(); ++i)
      if (now.listeners[i].name == before.listener(old).name)
        return deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
    return deployment::ListenerIndex{0xffff};  // closed: what is sent there is dropped
  };
  const auto group = [&](deployment::GroupIndex old) -> std::optional<deployment::GroupIndex> {
    if (old.value >= before.groups.size()) return std::nullopt;
    return now.find_group(before.group(old).name);
  };
  shares_.move(now.groups.size(), group);
  constexpr deployment::GroupIndex kGone{0xffff};
  for (auto& chunk : slots_) {
    for (Slot& s : *chunk) {
      if (!s.used) continue;
      s.flow.listener = moved(s.flow.listener);
      s.to.listener = moved(s.to.listener);
      s.group = group(s.group).value_or(kGone);
      if (s.over_udp) s.over_udp->to.listener = moved(s.over_udp->to.listener);
    }
  }
  finished_.for_each([&](FinishedTransactions::One& one) {
    one.flow.listener = moved(one.flow.listener);
    one.group = group(one.group).value_or(kGone);
  });
}

void TransactionLayer::rearm(TxId id, Slot& s) {
  std::optional<Instant> at;
  if (const auto d = sip::next_deadline(s.machine)) at = d->at;
  if (s.resend_at && (!at || *s.resend_at < *at)) at = s.resend_at;
  if (s.trying_at && (!at || *s.trying_at < *at)) at = s.trying_at;
  reactor_.timers().cancel(s.timer);
  s.timer = at ? reactor_.timers().schedule(*at, *this, id.value) : reactor::TimerId{};
}

void TransactionLayer::on_timer(std::uint64_t token, Instant now) {
  const TxId id{token};
  if (id == kFinished) {
    expiry_scheduled_ = false;
    finished_.expire(now, [this](const FinishedTransactions::One& one) {
      if (one.shared) shares_.remove(one.group);
      if (one.origin == 0) return;
      if (const TxId* known = by_origin_.find(one.origin); known && *known == kFinished)
        by_origin_.erase(one.origin);
    });
    schedule_expiry();
    return;
  }
  Slot* s = get(id);
  if (!s) return;
  s->timer = {};
  if (s->trying_at && *s->trying_at <= now) {
    s->trying_at.reset();
    if (s->bytes.empty() && s->request) {
      std::string bytes = trying_for(*s->request, transport_.profile_of(s->request->group), now);
      user_.on_layer_message(s->user, true, bytes);
      respond(id, 100, std::move(bytes));
      s = get(id);
      if (!s) return;
    }
  }
  if (s->resend_at && *s->resend_at <= now) {
    s->resend_interval = std::min(s->resend_interval * 2, timers_.t2);
    s->resend_at = now + s->resend_interval;
    user_.on_layer_message(s->user, true, s->bytes);
    transport_.send_response(s->flow, s->bytes);
  }
  for (;;) {
    const auto d = sip::next_deadline(s->machine);
    if (!d || d->at > now) break;
    // Accepted with nobody having sent ACK: the user ends the call (RFC 3261 13.3.1.4).
    const bool unacked = s->machine.kind == sip::TxKind::kInviteServer &&
                         s->machine.state == sip::TxState::kAccepted &&
                         d->event == TxEvent::kTimeout && !s->acked && s->role == Role::kEndpoint;
    const std::uint64_t user = s->user;
    run(id, d->event);
    if (unacked) user_.on_no_ack(id, user);
    s = get(id);
    if (!s) return;
  }
  rearm(id, *s);
}

void TransactionLayer::run(TxId id, TxEvent event) {
  Slot* s = get(id);
  if (!s) return;
  const sip::TxActions a = sip::step(s->machine, event, reactor_.now(), timers_);
  const std::uint64_t user = s->user;
  const bool client = s->machine.kind == sip::TxKind::kInviteClient ||
                      s->machine.kind == sip::TxKind::kNonInviteClient;
  const bool tell = !s->abandoned;
  if (a.send && !s->bytes.empty()) {
    if (event == TxEvent::kRetransmit || event == TxEvent::kRequest)
      user_.on_layer_message(user, true, s->bytes);
    if (client)
      transport_.send_request(s->to, s->bytes, id.value);
    else
      transport_.send_response(s->flow, s->bytes);
  }
  s = get(id);
  if (!s) return;
  if (a.terminated)
    release(id, *s);
  else if (s->machine.kind == sip::TxKind::kNonInviteServer &&
           s->machine.state == sip::TxState::kCompleted)
    finish(id, *s);
  else
    rearm(id, *s);
  if (!tell) return;
  if (a.timed_out && client)
    user_.on_request_failed(id, user, {ErrorCode::kTimeout, "no final answer in time"});
  if (a.timed_out && !client) user_.on_no_ack(id, user);
}

// --- Client ------------------------------------------------------------------------------------

TxId TransactionLayer::send_request(std::string bytes, std::string_view branch, Method method,
                                    const Destination& to, std::uint64_t user, Role role) {
  const bool by_tcp = size_rule_.prefers_tcp(to, bytes.size(), reactor_.now());
  const bool reliable = to.transport != Transport::kUdp || by_tcp;
  const TxId id =
      create(method == Method::kInvite ? sip::TxKind::kInviteClient : sip::TxKind::kNonInviteClient,
             reliable, client_key(branch, sip::to_string(method)));
  Slot& s = *get(id);
  s.bytes = std::move(bytes);
  s.to = to;
  if (by_tcp) {
    s.over_udp = std::make_unique<Slot::OverUdp>(Slot::OverUdp{to, s.bytes});
    s.bytes = with_tcp_via(s.bytes, transport_.advertised(*to.tcp_listener).port);
    s.to.transport = Transport::kTcp;
    s.to.listener = *to.tcp_listener;
  }
  s.user = user;
  s.method = method;
  s.role = role;
  run(id, TxEvent::kStart);
  return id;
}

void TransactionLayer::abandon(TxId tx) {
  if (Slot* s = get(tx)) s->abandoned = true;
}

void TransactionLayer::set_limit(TxId invite) {
  Slot* s = get(invite);
  if (!s || s->machine.kind != sip::TxKind::kInviteClient || s->machine.timeout_at) return;
  s->machine.timeout_at = reactor_.now() + timers_.b();
  rearm(invite, *s);
}

void TransactionLayer::cancel(TxId invite, std::string_view reason) {
  Slot* s = get(invite);
  if (!s || s->machine.kind != sip::TxKind::kInviteClient || s->cancel_sent) return;
  s->cancel_reason = std::string(reason);
  s->cancel_wanted = true;
  if (s->machine.state == sip::TxState::kProceeding) {
    send_cancel(invite, *s);
  } else {
    // Nothing may be cancelled yet (RFC 3261 9.1); at least do not ask again.
    s->machine.retransmit_at.reset();
    rearm(invite, *s);
  }
}

void TransactionLayer::send_cancel(TxId id, Slot& s) {
  s.cancel_sent = true;
  const auto invite = sip::Message::parse(s.bytes);
  if (!invite) return;
  // RFC 3261 9.1: same Request-URI, Call-ID, To, From, CSeq number, top Via and Route.
  sip::Builder b(512);
  b.request_line("CANCEL", invite->request_uri());
  b.header(HeaderId::kVia, invite->value(HeaderId::kVia));
  for (const auto& f : invite->headers())
    if (f.id == HeaderId::kRoute) b.copy(f);
  b.header(HeaderId::kMaxForwards, 70);
  b.header(HeaderId::kFrom, invite->value(HeaderId::kFrom));
  b.header(HeaderId::kTo, invite->value(HeaderId::kTo));
  b.header(HeaderId::kCallId, invite->call_id());
  b.begin(HeaderId::kCSeq).number(invite->cseq()).add(" CANCEL").end_line();
  add_profile_lines(b, user_.profile_of(s.user));
  if (!s.cancel_reason.empty()) b.header(HeaderId::kReason, s.cancel_reason);
  const sip::Via* via = invite->top_via();
  const std::string branch = via ? std::string(via->branch) : std::string();
  const Destination to = s.to;
  const std::uint64_t user = s.user;
  std::string bytes = b.finish();
  user_.on_layer_message(user, true, bytes);
  const TxId cancel =
      send_request(std::move(bytes), branch, Method::kCancel, to, user);  // `s` is dead from here
  abandon(cancel);
  // RFC 3261 9.1: a UAS of RFC 2543 may never answer the INVITE; give up after 64*T1.
  set_limit(id);
}

// TCP was refused: the same request over UDP, whatever its size (RFC 3261 18.1.1).
bool TransactionLayer::fall_back_to_udp(TxId id, Slot& s) {
  if (!s.over_udp || s.machine.state > sip::TxState::kTrying) return false;
  // Of use to the next one, also where whoever asked has not waited for it.
  size_rule_.refused(s.over_udp->to.remote, reactor_.now());
  if (s.abandoned || s.cancel_wanted) return false;
  const auto other = std::move(s.over_udp);
  s.to = other->to;
  s.bytes = std::move(other->bytes);
  s.machine = sip::make_transaction(s.machine.kind, false);
  user_.on_layer_message(s.user, true, s.bytes);
  run(id, TxEvent::kStart);
  return true;
}

void TransactionLayer::on_send_failed(std::uint64_t token, const Error& reason) {
  const TxId id{token};
  Slot* s = get(id);
  if (!s || s->machine.state == sip::TxState::kTerminated) return;
  if (fall_back_to_udp(id, *s)) return;
  const std::uint64_t user = s->user;
  const bool tell = !s->abandoned && (s->machine.kind == sip::TxKind::kInviteClient ||
                                      s->machine.kind == sip::TxKind::kNonInviteClient);
  (void)sip::step(s->machine, TxEvent::kTransportError, reactor_.now(), timers_);
  release(id, *s);
  // However the transport put it: a peer that was not reached is not one that does not answer.
  if (tell) user_.on_request_failed(id, user, {ErrorCode::kUnavailable, reason.what});
}

bool TransactionLayer::still_waits(std::uint64_t token) const {
  const Slot* s = get(TxId{token});
  return s && s->machine.state <= sip::TxState::kProceeding;
}

// The connection of a request closed before its final answer. A peer that had nothing to do may
// close one while a request is on its way (TDR-22), and a call outlives its connection (TDR-24):
// what had no answer at all, and what belongs to a dialog, is sent once more. A peer that rings
// answers over a connection of its own (RFC 3261 18.2.2). Everybody else hears of it now.
void TransactionLayer::on_request_lost(std::uint64_t token, bool crossed, const Error& reason) {
  const TxId id{token};
  Slot* s = get(id);
  if (!s || s->machine.state > sip::TxState::kProceeding) return;
  if (crossed && !s->repeated && !s->cancel_wanted) {
    bool again = s->machine.state != sip::TxState::kProceeding;
    if (const auto m = sip::Message::parse(s->bytes); m && !again) {
      const auto to = sip::parse_name_addr(m->value(HeaderId::kTo));
      again = to && !to->tag().empty();
    }
    if (again) {
      s->repeated = true;
      user_.on_layer_message(s->user, true, s->bytes);
      transport_.send_request(s->to, s->bytes, token);
      return;
    }
  }
  if (!s->rang) on_send_failed(token, reason);
}

void TransactionLayer::send_failure_ack(const Slot& s, const sip::Message& response) {
  const auto invite = sip::Message::parse(s.bytes);
  if (!invite) return;
  // RFC 3261 17.1.1.3: the request's Request-URI, Via and Route, the response's To.
  sip::Builder b(512);
  b.request_line("ACK", invite->request_uri());
  b.header(HeaderId::kVia, invite->value(HeaderId::kVia));
  for (const auto& f : invite->headers())
    if (f.id == HeaderId::kRoute) b.copy(f);
  b.header(HeaderId::kMaxForwards, 70);
  b.header(HeaderId::kFrom, invite->value(HeaderId::kFrom));
  b.header(HeaderId::kTo, response.value(HeaderId::kTo));
  b.header(HeaderId::kCallId, invite->call_id());
  b.begin(HeaderId::kCSeq).number(invite->cseq()).add(" ACK").end_line();
  add_profile_lines(b, user_.profile_of(s.user));
  const std::string bytes = b.finish();
  user_.on_layer_message(s.user, true, bytes);
  transport_.send_request(s.to, bytes, 0);
}

namespace {

// Whom an answer is of, for counting: where several groups have the source, the first of them that
// sends from this listener.
std::optional<deployment::GroupIndex> group_of(const deployment::Deployment& d, const Flow& flow) {
  if (const auto one = deployment::group_of_source(d, flow.listener, flow.remote)) return one;
  for (std::size_t i = 0; i < d.groups.size(); ++i)
    if (d.groups[i].listener == flow.listener)
      return deployment::GroupIndex(static_cast<std::uint16_t>(i));
  return std::nullopt;
}

}  // namespace

void TransactionLayer::on_sip_response(const Received& r) {
  const sip::Via* via = r.message.top_via();
  if (!via) return;
  const TxId* known = by_key_.find(client_key(via->branch, r.message.method_text()));
  // RFC 3261 8.1.3.3: to a request that began here; a proxy has others behind it.
  if (Slot* s = known ? get(*known) : nullptr;
      s && s->role == Role::kEndpoint && !r.message.has_one_via()) {
    observer_.on_dropped("misdirected_response", r.flow.remote, r.flow.listener,
                         "it has more than one Via, so it is for somebody else");
    return;
  }
  if (!known) {
    user_.on_stray_response(r);
    return;
  }
  const TxId id = *known;
  Slot* s = get(id);
  const sip::TxActions a =
      sip::step(s->machine, event_for(r.message.status()), reactor_.now(), timers_);
  if (a.send_ack) send_failure_ack(*s, r.message);
  if (a.deliver && r.message.status() >= 200)
    observer_.on_answer(false, group_of(transport_.deployment(), r.flow), s->method,
                        r.message.status());
  s->rang = s->rang || (r.message.status() > 100 && r.message.status() < 200);
  const std::uint64_t user = s->user;
  const bool tell = a.deliver && !s->abandoned;
  if (!a.deliver) user_.on_layer_message(user, false, r.message.bytes());
  if (s->cancel_wanted && !s->cancel_sent && s->machine.state == sip::TxState::kProceeding) {
    send_cancel(id, *s);
    s = get(id);
  }
  if (s) {
    // What would be kept only to hear the same final answer again (Timers K and M) is not: one that
    // comes again is a stray, and the dialog knows what to do with it.
    const bool heard =
        s->role == Role::kEndpoint && ((s->machine.kind == sip::TxKind::kNonInviteClient &&
                                        s->machine.state == sip::TxState::kCompleted) ||
                                       (s->machine.kind == sip::TxKind::kInviteClient &&
                                        s->machine.state == sip::TxState::kAccepted));
    if (a.terminated || heard)
      release(id, *s);
    else
      rearm(id, *s);
  }
  if (tell) user_.on_response(id, user, r);
}

// --- Server ------------------------------------------------------------------------------------

void TransactionLayer::on_message(Received&& r) {
  if (r.message.is_request())
    on_sip_request(std::move(r));
  else
    on_sip_response(r);
}

void TransactionLayer::on_sip_request(Received&& r) {
  if (!r.message.top_via()) return;
  const Method method = r.message.method();
  if (method == Method::kCancel) {
    on_cancel_request(r);
    return;
  }
  const Hash128 key =
      server_key(r.message, method == Method::kAck ? "INVITE" : r.message.method_text());
  if (const TxId* known = by_key_.find(key)) {
    const TxId id = *known;
    Slot& s = *get(id);
    if (method != Method::kAck) {
      user_.on_layer_message(s.user, false, r.message.bytes());
      // Again on another connection: the one before is dead as far as its sender knows.
      if (r.flow.connection != 0) s.flow = r.flow;
      run(id, TxEvent::kRequest);
      return;
    }
    if (s.machine.state == sip::TxState::kAccepted) {
      user_.on_ack(r);  // a peer that reuses the branch of its INVITE
    } else {
      user_.on_layer_message(s.user, false, r.message.bytes());
      run(id, TxEvent::kAck);
    }
    return;
  }
  if (auto* done = finished_.find(key); done && method != Method::kAck) {
    user_.on_layer_message(done->user, false, r.message.bytes());
    if (done->response.empty()) return;
    user_.on_layer_message(done->user, true, done->response);
    if (r.flow.connection != 0) done->flow = r.flow;
    transport_.send_response(done->flow, done->response);
    return;
  }
  if (method == Method::kAck) {
    user_.on_ack(r);
    return;
  }
  const bool of_call = !r.message.to_tag().empty() && user_.knows_dialog(r.message);
  if (shed(r, of_call)) return;
  const Role role = user_.role_of(r);
  const std::uint64_t origin = role == Role::kProxy ? 0 : origin_of(r.message);
  if (origin != 0 && merged(origin)) {
    observer_.on_dropped("merged", r.flow.remote, r.flow.listener,
                         "the same request came another way (RFC 3261 8.2.2.2)");
    observer_.on_answer(true, r.group, method, 482);
    transport_.send_response(r.flow, stateless_response(r.message, r.flow, 482, "Merged request",
                                                        &transport_.profile_of(r.group)));
    return;
  }
  const TxId id =
      create(method == Method::kInvite ? sip::TxKind::kInviteServer : sip::TxKind::kNonInviteServer,
             r.flow.transport != Transport::kUdp, key);
  Slot& s = *get(id);
  s.method = method;
  s.role = role;
  s.group = r.group;
  s.of_call = of_call;
  s.shared = true;
  shares_.add(s.group);
  if (origin != 0) by_origin_.insert(s.origin = origin, id);
  s.flow = r.flow;
  s.request = std::make_unique<Received>(std::move(r));
  (void)sip::step(s.machine, TxEvent::kStart, reactor_.now(), timers_);
  if (method == Method::kInvite) {
    s.trying_at = reactor_.now() + kTrying;
    rearm(id, s);
  }
  // The user may answer at once: what it reads stays until it returns.
  serving_ = s.request.get();
  user_.on_request(id, *serving_);
  serving_ = nullptr;
  served_.reset();
}

// One group must not take the room of all others: what it begins beyond its share is refused. What
// belongs to a call in progress and calls for help are taken whatever there is.
bool TransactionLayer::shed(const Received& r, bool of_call) {
  if (of_call || !shares_.full(r.group)) return false;
  if (r.message.method() == Method::kInvite && r.message.to_tag().empty() &&
      names_emergency(transport_.deployment(), r.message.request_uri()))
    return false;
  observer_.on_dropped("transactions_full", r.flow.remote, r.flow.listener,
                       "group '" + transport_.group_at(r.group).name +
                           "' holds more transactions than its share (limits.max_transactions)");
  if (r.message.method() == Method::kInvite && r.message.to_tag().empty())
    observer_.on_refused_call(r.message, r.flow, 503, "too many transactions at once");
  observer_.on_answer(true, r.group, r.message.method(), 503);
  transport_.send_response(r.flow, stateless_response(r.message, r.flow, 503, "Overloaded",
                                                      &transport_.profile_of(r.group)));
  return true;
}

// Still being worked on, or answered with 2xx. One that was refused may be tried again by another
// way with the same CSeq (RFC 3263 4.3).
bool TransactionLayer::merged(std::uint64_t origin) const {
  const TxId* known = by_origin_.find(origin);
  if (!known) return false;
  const Slot* s = get(*known);
  return *known == kFinished || (s && s->machine.state <= sip::TxState::kAccepted);
}

void TransactionLayer::on_cancel_request(const Received& r) {
  const Hash128 key = server_key(r.message, "INVITE");
  const TxId* live = by_key_.find(key);
  const TxId invite = live ? *live : TxId{};
  const auto* done = live ? nullptr : finished_.find(key);
  if (!live && !done && user_.on_unknown_cancel(r)) return;
  // A repeated CANCEL finds the same answer.
  if (live || done) {
    transport_.send_response(r.flow,
                             user_.answer_to_cancel(r, live ? user_of(invite) : done->user));
  } else {
    observer_.on_dropped("no_transaction", r.flow.remote, r.flow.listener,
                         "CANCEL of a request that is not known");
    transport_.send_response(r.flow,
                             stateless_response(r.message, r.flow, 481, "No such transaction",
                                                &transport_.profile_of(r.group)));
  }
  if (const Slot* s = get(invite); s && s->machine.state < sip::TxState::kAccepted)
    user_.on_cancel(invite, r.message);
}

void TransactionLayer::respond(TxId tx, int status, std::string bytes) {
  Slot* s = get(tx);
  if (!s) return;
  s->bytes = std::move(bytes);
  s->trying_at.reset();
  if (status >= 200) {
    observer_.on_answer(true, s->group, s->method, status);
    drop_request(*s);
  }
  if (status >= 200 && status < 300 && s->machine.kind == sip::TxKind::kInviteServer &&
      s->role == Role::kEndpoint) {
    s->resend_interval = timers_.t1;  // RFC 3261 13.3.1.4: over every transport
    s->resend_at = reactor_.now() + s->resend_interval;
  }
  run(tx, event_for(status));
}

void TransactionLayer::acknowledged(TxId tx) {
  Slot* s = get(tx);
  if (!s) return;
  s->acked = true;
  s->resend_at.reset();
  s->bytes = std::string();  // nothing will be sent again
  if (s->machine.state == sip::TxState::kAccepted)
    finish(tx, *s);
  else
    rearm(tx, *s);
}

const Flow* TransactionLayer::flow_of(TxId tx) const {
  const Slot* s = get(tx);
  return s ? &s->flow : nullptr;
}
void TransactionLayer::set_user(TxId tx, std::uint64_t user) {
  if (Slot* s = get(tx)) s->user = user;
}
std::uint64_t TransactionLayer::user_of(TxId tx) const {
  const Slot* s = get(tx);
  return s ? s->user : 0;
}
const sip::Message* TransactionLayer::request_of(TxId tx) const {
  const Slot* s = get(tx);
  return s && s->request ? &s->request->message : nullptr;
}

}  // namespace causeway::transport
