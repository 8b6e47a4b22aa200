#include "transport/transaction_layer.h"

#include <algorithm>

#include "sip/build.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "transport/stateless.h"

namespace causeway::transport {
namespace {

using sip::HeaderId;
using sip::Method;
using sip::TxEvent;

std::string client_key(std::string_view branch, std::string_view method) {
  std::string k;
  k.reserve(branch.size() + method.size() + 2);
  k.append("c").append(branch).append("|").append(method);
  return k;
}

// RFC 3261 17.2.3; without the magic cookie what RFC 2543 compared.
std::string server_key(const sip::Message& m, const sip::Via& via, std::string_view method) {
  std::string k = "s";
  if (via.branch.starts_with(sip::kMagicCookie)) {
    k.append(via.branch)
        .append("|")
        .append(via.host)
        .append(":")
        .append(std::to_string(via.port))
        .append("|")
        .append(method);
    return k;
  }
  const auto from = sip::parse_name_addr(m.value(HeaderId::kFrom));
  k.append(m.call_id())
      .append("|")
      .append(std::to_string(m.cseq()))
      .append("|")
      .append(from ? from->tag() : "")
      .append("|");
  k.append(via.host).append("|").append(via.branch).append("|").append(method);
  return k;
}

TxEvent event_for(int status) {
  if (status < 200) return TxEvent::kProvisional;
  return status < 300 ? TxEvent::kSuccess : TxEvent::kFailure;
}

}  // namespace

TransactionLayer::TransactionLayer(reactor::Reactor& reactor, TransportObserver& observer,
                                   TransactionUser& user)
    : reactor_(reactor), observer_(observer), user_(user), transport_(reactor, *this, observer) {}

TransactionLayer::Slot* TransactionLayer::get(TxId id) {
  const auto index = static_cast<std::uint32_t>(id.value & 0xffffffffU);
  const auto generation = static_cast<std::uint32_t>(id.value >> 32);
  if (index >= slots_.size() || !slots_[index].used || slots_[index].generation != generation)
    return nullptr;
  return &slots_[index];
}
const TransactionLayer::Slot* TransactionLayer::get(TxId id) const {
  return const_cast<TransactionLayer*>(this)->get(id);
}

TxId TransactionLayer::create(sip::TxKind kind, bool reliable, std::string key) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& s = slots_[index];
  const std::uint32_t generation = s.generation;
  s = Slot{};
  s.generation = generation;
  s.used = true;
  s.machine = sip::make_transaction(kind, reliable);
  const TxId id{(std::uint64_t{generation} << 32) | index};
  s.key = std::move(key);
  by_key_[s.key] = id;
  ++live_;
  return id;
}

void TransactionLayer::release(TxId id, Slot& s) {
  reactor_.timers().cancel(s.timer);
  if (const auto it = by_key_.find(s.key); it != by_key_.end() && it->second == id)
    by_key_.erase(it);
  s.used = false;
  ++s.generation;
  s.key.clear();
  s.bytes = std::string();
  drop_request(s);
  free_.push_back(static_cast<std::uint32_t>(id.value & 0xffffffffU));
  --live_;
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
  if (!before) return {};
  const deployment::Deployment& now = transport_.deployment();
  const auto moved = [&](deployment::ListenerIndex old) {
    for (std::size_t i = 0; i < now.listeners.size(); ++i)
      if (now.listeners[i].name == before->listener(old).name)
        return deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
    return deployment::ListenerIndex{0xffff};  // closed: what is sent there is dropped
  };
  for (Slot& s : slots_) {
    if (!s.used) continue;
    if (s.flow.listener.value < before->listeners.size()) s.flow.listener = moved(s.flow.listener);
    if (s.to.listener.value < before->listeners.size()) s.to.listener = moved(s.to.listener);
  }
  return {};
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
  Slot* s = get(id);
  if (!s) return;
  s->timer = {};
  if (s->trying_at && *s->trying_at <= now) {
    s->trying_at.reset();
    if (s->bytes.empty() && s->request) {
      auto b = sip::begin_response(s->request->message, 100, sip::reason_phrase(100), {},
                                   s->flow.remote);
      std::string bytes = b.finish();
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
                         d->event == TxEvent::kTimeout && !s->acked;
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
  else
    rearm(id, *s);
  if (!tell) return;
  if (a.timed_out && client)
    user_.on_request_failed(id, user, {ErrorCode::kTimeout, "no final answer in time"});
  if (a.timed_out && !client) user_.on_no_ack(id, user);
}

// --- Client ------------------------------------------------------------------------------------

TxId TransactionLayer::send_request(std::string bytes, std::string_view branch, Method method,
                                    const Destination& to, std::uint64_t user) {
  const bool reliable = to.transport != Transport::kUdp;
  const TxId id =
      create(method == Method::kInvite ? sip::TxKind::kInviteClient : sip::TxKind::kNonInviteClient,
             reliable, client_key(branch, sip::to_string(method)));
  Slot& s = *get(id);
  s.bytes = std::move(bytes);
  s.to = to;
  s.user = user;
  s.method = method;
  run(id, TxEvent::kStart);
  return id;
}

void TransactionLayer::abandon(TxId tx) {
  if (Slot* s = get(tx)) s->abandoned = true;
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
  if (!s.cancel_reason.empty()) b.header(HeaderId::kReason, s.cancel_reason);
  const auto via = sip::parse_via(invite->value(HeaderId::kVia));
  const std::string branch = via ? std::string(via->branch) : std::string();
  const Destination to = s.to;
  const std::uint64_t user = s.user;
  std::string bytes = b.finish();
  user_.on_layer_message(user, true, bytes);
  const TxId cancel =
      send_request(std::move(bytes), branch, Method::kCancel, to, user);  // `s` is dead from here
  abandon(cancel);
  // RFC 3261 9.1: a UAS of RFC 2543 may never answer the INVITE; give up after 64*T1.
  if (Slot* inv = get(id)) {
    inv->machine.timeout_at = reactor_.now() + timers_.b();
    rearm(id, *inv);
  }
}

void TransactionLayer::on_send_failed(std::uint64_t token, const Error& reason) {
  const TxId id{token};
  Slot* s = get(id);
  if (!s || s->machine.state == sip::TxState::kTerminated) return;
  const std::uint64_t user = s->user;
  const bool tell = !s->abandoned && (s->machine.kind == sip::TxKind::kInviteClient ||
                                      s->machine.kind == sip::TxKind::kNonInviteClient);
  (void)sip::step(s->machine, TxEvent::kTransportError, reactor_.now(), timers_);
  release(id, *s);
  if (tell) user_.on_request_failed(id, user, reason);
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
  const std::string bytes = b.finish();
  user_.on_layer_message(s.user, true, bytes);
  transport_.send_request(s.to, bytes, 0);
}

void TransactionLayer::on_sip_response(Received r) {
  const auto via = sip::parse_via(r.message.value(HeaderId::kVia));
  if (!via) return;
  const auto it = by_key_.find(client_key(via->branch, r.message.method_text()));
  if (it == by_key_.end()) {
    user_.on_stray_response(r);
    return;
  }
  const TxId id = it->second;
  Slot* s = get(id);
  const sip::TxActions a =
      sip::step(s->machine, event_for(r.message.status()), reactor_.now(), timers_);
  if (a.send_ack) send_failure_ack(*s, r.message);
  const std::uint64_t user = s->user;
  const bool tell = a.deliver && !s->abandoned;
  if (!a.deliver) user_.on_layer_message(user, false, r.message.bytes());
  if (s->cancel_wanted && !s->cancel_sent && s->machine.state == sip::TxState::kProceeding) {
    send_cancel(id, *s);
    s = get(id);
  }
  if (s) {
    if (a.terminated)
      release(id, *s);
    else
      rearm(id, *s);
  }
  if (tell) user_.on_response(id, user, r);
}

// --- Server ------------------------------------------------------------------------------------

void TransactionLayer::on_message(Received r) {
  if (r.message.is_request())
    on_sip_request(std::move(r));
  else
    on_sip_response(std::move(r));
}

void TransactionLayer::on_sip_request(Received r) {
  const auto via = sip::parse_via(r.message.value(HeaderId::kVia));
  if (!via) return;
  const Method method = r.message.method();
  if (method == Method::kCancel) {
    on_cancel_request(std::move(r));
    return;
  }
  const std::string key =
      server_key(r.message, *via, method == Method::kAck ? "INVITE" : r.message.method_text());
  if (const auto it = by_key_.find(key); it != by_key_.end()) {
    const TxId id = it->second;
    Slot& s = *get(id);
    if (method != Method::kAck) {
      user_.on_layer_message(s.user, false, r.message.bytes());
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
  if (method == Method::kAck) {
    user_.on_ack(r);
    return;
  }
  if (live_ >= kMaxTransactions) {
    observer_.on_dropped("transactions_full", r.flow.remote, r.flow.listener,
                         "too many transactions at once");
    transport_.send_response(r.flow, stateless_response(r.message, r.flow, 503, "Overloaded"));
    return;
  }
  const TxId id =
      create(method == Method::kInvite ? sip::TxKind::kInviteServer : sip::TxKind::kNonInviteServer,
             r.flow.transport != Transport::kUdp, key);
  Slot& s = *get(id);
  s.method = method;
  s.flow = r.flow;
  s.request = std::make_unique<Received>(std::move(r));
  (void)sip::step(s.machine, TxEvent::kStart, reactor_.now(), timers_);
  if (method == Method::kInvite) {
    s.trying_at = reactor_.now() + kTrying;
    rearm(id, s);
  }
  // The user may answer at once, and create transactions (slots move, what they hold does not):
  // what it reads stays until it returns.
  serving_ = s.request.get();
  user_.on_request(id, *serving_);
  serving_ = nullptr;
  served_.reset();
}

void TransactionLayer::on_cancel_request(Received r) {
  const auto via = sip::parse_via(r.message.value(HeaderId::kVia));
  const auto it = by_key_.find(server_key(r.message, *via, "INVITE"));
  const bool known = it != by_key_.end();
  // A repeated CANCEL finds the same answer.
  transport_.send_response(r.flow, user_.answer_to_cancel(r, known ? 200 : 481));
  if (known && get(it->second)->machine.state < sip::TxState::kAccepted)
    user_.on_cancel(it->second, r.message);
}

void TransactionLayer::respond(TxId tx, int status, std::string bytes) {
  Slot* s = get(tx);
  if (!s) return;
  s->bytes = std::move(bytes);
  s->trying_at.reset();
  if (status >= 200) drop_request(*s);
  if (status >= 200 && status < 300 && s->machine.kind == sip::TxKind::kInviteServer) {
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
