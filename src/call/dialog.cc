// A call in progress: re-INVITE from either side, reconciled by desired state. What a peer wants is
// in its leg's `heard`, what it was told of the other side in `told`; reconcile() makes the two
// agree, so that glare, 491, crossing holds and session refresh need no case of their own.
#include <algorithm>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

namespace {

bool share_audio(const sdp::MediaWish& a, const sdp::MediaWish& b) {
  for (const auto& x : a.codecs) {
    if (sdp::is_telephone_event(x) || sdp::is_comfort_noise(x)) continue;
    for (const auto& y : b.codecs)
      if (sdp::same_codec(x, y)) return true;
  }
  return false;
}

}  // namespace

void Call::on_request(LegId id, transport::TxId tx, const transport::Received& r) {
  Leg& leg = *find_leg(id);
  const sip::Message& m = r.message;
  services_.layer.set_user(tx, user(leg));
  record_message(leg, true, m.bytes());
  leg.s.signalled = services_.reactor.wall();
  Dialog& d = leg.s.dialog;
  if (!from_its_group(leg, r) || m.call_id() != d.call_id || m.to_tag() != d.local_tag ||
      m.from_tag() != d.remote_tag || leg.s.phase == LegPhase::kEnded) {
    simple_response(leg, tx, m, 481, "no such dialog");
    return;
  }
  // RFC 3261 12.2.2: lower than what was seen is out of order.
  if (d.remote_cseq != 0 && m.cseq() <= d.remote_cseq) {
    simple_response(
        leg, tx, m, 500,
        "CSeq " + std::to_string(m.cseq()) + " is not above " + std::to_string(d.remote_cseq));
    return;
  }
  d.remote_cseq = m.cseq();
  switch (m.method()) {
    case Method::kInvite: on_reinvite(leg, tx, r); break;
    case Method::kBye: on_bye(leg, tx, r); break;
    case Method::kOptions: simple_response(leg, tx, m, 200, {}); break;
    default:
      simple_response(leg, tx, m, m.method() == Method::kOther ? 501 : 405,
                      "not supported within a call");
      break;
  }
}

// Somebody who may send to us, and knows the tags of a call, is not yet a party to it.
bool Call::from_its_group(Leg& leg, const transport::Received& r) {
  if (r.group == leg.group) return true;
  // The Request-URI is our Contact now, by which the group may be recognised as another one.
  for (const Prefix& p : deployment_->group(leg.group).recognition.sources)
    if (p.contains(r.flow.remote.address)) return true;
  tell(EventKind::kRefusal, &leg,
       std::string(r.message.method_text().substr(0, 32)) + " from " + r.flow.remote.to_string() +
           ", which is no source of group '" + leg.s.group + "'");
  return false;
}

void Call::on_reinvite(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
  if (leg.s.phase != LegPhase::kConfirmed || was_terminated_) {
    simple_response(leg, tx, m, leg.s.phase == LegPhase::kEarly ? 500 : 481,
                    "the call is not established");
    return;
  }
  // RFC 3261 14.2: theirs is not finished: 500; ours is out: 491.
  if (leg.server_invite.value != 0) {
    if (const auto* flow = services_.layer.flow_of(tx)) {
      auto b = sip::begin_response(m, leg.answered ? 491 : 500,
                                   sip::reason_phrase(leg.answered ? 491 : 500), {}, flow->remote);
      b.header(HeaderId::kRetryAfter,
               static_cast<std::int64_t>(services_.reactor.random().below(10)));
      peers::add_common(b, *leg.profile, false);
      if (leg.profile->reason_on_failure)
        b.header(HeaderId::kReason,
                 reason_value(policy::q850_of_status(leg.answered ? 491 : 500), {}));
      services_.counters.dropped.add(leg.answered ? "in_call_491" : "in_call_500");
      std::string bytes = b.finish();
      record_message(leg, false, bytes);
      services_.layer.respond(tx, leg.answered ? 491 : 500, std::move(bytes));
    }
    return;
  }
  if (leg.client_invite.value != 0) {
    simple_response(leg, tx, m, 491, "a re-INVITE of ours is under way");
    return;
  }
  if (refuse_extensions(leg, tx, m)) {
    services_.counters.dropped.add("in_call_420");
    return;
  }
  learn_target(leg, m);
  const auto parts = body_parts(m);
  if (!parts) {
    simple_response(leg, tx, m, 400, parts.error().what);
    return;
  }
  leg.server_invite = tx;
  leg.invite_cseq = m.cseq();
  leg.answered = false;
  const std::string_view sdp = sdp_of(*parts);
  leg.offerless = sdp.empty();
  if (!leg.offerless) {
    auto offer = sdp::remote_offer(leg.s.offer_answer, sdp, leg.profile->sdp);
    if (!offer) {
      const bool media = offer.error().code == ErrorCode::kNotAcceptable;
      refuse_offer(leg, media ? 488 : 400, offer.error().what);
      return;
    }
    leg.offer = offer->sdp;  // refuse_offer() takes it back
    if (const auto wrong = wrong_media(leg, offer->sdp); !wrong.empty()) {
      refuse_offer(leg, 488, wrong);
      return;
    }
    leg.s.attributes = offer->sdp.attributes;
    if (offer->unchanged) tell(EventKind::kNote, &leg, "session refresh: nothing changed");
  }
  reconcile();
}

// 420 naming what is required and not in the profile (RFC 3261 8.2.2.3).
bool Call::refuse_extensions(Leg& leg, transport::TxId tx, const sip::Message& request) {
  const auto why = unacceptable_extensions(request, *leg.profile);
  if (!why) return false;
  refuse_naming(leg, tx, request, *why);
  return true;
}

void Call::refuse_naming(Leg& leg, transport::TxId tx, const sip::Message& request,
                         const Unacceptable& why) {
  const auto* flow = services_.layer.flow_of(tx);
  if (!flow) return;
  auto b = sip::begin_response(request, why.status, sip::reason_phrase(why.status),
                               leg.s.dialog.local_tag, flow->remote);
  b.header(why.header, why.value);
  peers::add_common(b, *leg.profile, false);
  const int cause = policy::q850_of_status(why.status);
  if (leg.profile->reason_on_failure)
    b.header(HeaderId::kReason, reason_value(cause, policy::q850_text(cause)));
  std::string bytes = b.finish();
  tell(EventKind::kRefusal, &leg, why.text);
  record_message(leg, false, bytes);
  services_.layer.respond(tx, why.status, std::move(bytes));
}

// What this peer wants, free of what it only conceded in an answer.
sdp::MediaWish Call::wanted_by(const Leg& leg) const {
  sdp::MediaWish w = leg.s.heard ? *leg.s.heard : default_wish(leg);
  w.direction = leg.s.own;
  return w;
}

// What remains of a direction when the peer of `to` has had its say, in its dialect.
sdp::Direction Call::reaching(const Leg& to, sdp::Direction wish) const {
  const auto own = to.s.own;
  return expressed(sdp::make_direction(sdp::sends(wish) && sdp::receives(own),
                                       sdp::receives(wish) && sdp::sends(own)),
                   to.profile->sdp);
}

// Would the peer of `to` notice anything if it were told `wish`?
bool Call::must_offer(const Leg& to, const sdp::MediaWish& wish) const {
  if (!to.s.told || !to.s.heard) return true;
  if (reaching(to, wish.direction) != reaching(to, to.s.told->direction)) return true;
  return !share_audio(wish, *to.s.heard);
}

void Call::reconcile() {
  Leg* a = find_leg(state_.ingress);
  Leg* b = find_leg(state_.egress);
  if (!a || !b || was_terminated_ || a->s.phase != LegPhase::kConfirmed ||
      b->s.phase != LegPhase::kConfirmed)
    return;
  for (Leg* leg : {a, b}) {
    Leg* far = leg == a ? b : a;
    if (leg->server_invite.value == 0 || leg->answered) continue;
    if (!leg->offerless && !leg->offer) continue;
    // What the far side is to be told: the new offer, or for an INVITE without one everything again
    // (TDR-95: a resume without SDP is a full sendrecv offer).
    if (leg->offerless) leg->s.own = sdp::Direction::kSendRecv;
    const sdp::MediaWish wanted = leg->offer ? leg->offer->wish : wanted_by(*leg);
    if (far->client_invite.value != 0 || !far->held.empty()) continue;  // already being asked
    if (!far->busy() && must_offer(*far, wanted)) {
      if (far->retry.value != 0) continue;           // it said 491: soon again
      if (send_offer(*far, wanted, true)) continue;  // answered when the far side has answered
      if (leg->server_invite.value == 0) continue;
    }
    // The far side has what it needs, or is asking something itself: answer from what is known of
    // it.
    const sdp::MediaWish known = far->offer ? far->offer->wish : wanted_by(*far);
    answer_offer(*leg, known, far->profile->sdp.hold);
  }
  // Nobody is waiting: does each side know what the other wants now?
  for (Leg* leg : {a, b}) {
    Leg* far = leg == a ? b : a;
    if (leg->busy() || far->busy() || !far->s.heard || leg->retry.value != 0) continue;
    const sdp::MediaWish wanted = wanted_by(*far);
    if (leg->refused == wanted.direction) continue;
    if (must_offer(*leg, wanted)) (void)send_offer(*leg, wanted, false);
  }
}

// `for_far`: the other side waits for what becomes of it.
bool Call::send_offer(Leg& to, const sdp::MediaWish& from, bool for_far) {
  Leg* source = other(to);
  auto wish = wish_for(to, from, *source);
  if (!wish) {
    if (source->server_invite.value != 0 && !source->answered)
      refuse_offer(*source, 488, wish.error().what);
    return false;
  }
  const auto before = to.s.told;
  auto sdp = make_offer(to, *wish);
  if (!sdp) {
    tell(EventKind::kError, &to, sdp.error().what);
    return false;
  }
  to.told_before = before;
  to.for_far = for_far;
  stop_timer(to.retry);
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  std::string bytes = in_dialog(to, Method::kInvite, branch, ++to.s.dialog.local_cseq)
                          .finish(*sdp, "application/sdp");
  (void)send_in_dialog(to, Method::kInvite, std::move(bytes), branch);
  return true;
}

void Call::answer_offer(Leg& leg, const sdp::MediaWish& other_heard, sdp::HoldForm other_hold) {
  Result<std::string> sdp = [&]() -> Result<std::string> {
    if (leg.offer) return make_answer(leg, other_heard, other_hold, sdp::AnswerKind::kFinal);
    auto wish = wish_for(leg, other_heard, *other(leg));
    if (!wish) return tl::unexpected(wish.error());
    return make_offer(leg, *wish);
  }();
  if (!sdp) {
    refuse_offer(leg, 488, sdp.error().what);
    return;
  }
  const auto* request = services_.layer.request_of(leg.server_invite);
  if (!request) return;
  leg.offer.reset();
  leg.answered = true;
  respond(leg, leg.server_invite, *request, 200, nullptr, {"application/sdp", *sdp}, 0, {});
}

void Call::refuse_offer(Leg& leg, int status, const std::string& text) {
  tell(EventKind::kRefusal, &leg, text);
  if (leg.offer) (void)sdp::rollback(leg.s.offer_answer);
  leg.offer.reset();
  if (const auto* request = services_.layer.request_of(leg.server_invite))
    respond(leg, leg.server_invite, *request, status, nullptr, {}, policy::q850_of_status(status),
            text);
  leg.server_invite = {};
}

void Call::on_reinvite_response(Leg& leg, const transport::Received& r) {
  const sip::Message& m = r.message;
  const int status = m.status();
  if (status < 200) {
    // The transaction waits without end now (RFC 3261 17.1.1.2).
    if (leg.ring.value == 0)
      start_timer(leg.ring, deployment_->group(leg.group).timers.ring, TimerKind::kReinvite, leg);
    return;
  }
  stop_timer(leg.ring);
  leg.client_invite = {};
  if (was_terminated_ || leg.s.phase != LegPhase::kConfirmed) {  // BYE crossed it
    if (status < 300) send_ack(leg, m.cseq());
    return;
  }
  if (status < 300) {
    learn_target(leg, m);
    send_ack(leg, m.cseq());
    const auto parts = body_parts(m);
    const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
    const Status ok = sdp.empty()
                          ? Status(fail(ErrorCode::kMalformed, "200 to a re-INVITE without SDP"))
                          : take_answer(leg, sdp, sdp::AnswerKind::kFinal);
    if (!ok) {
      tell(EventKind::kError, &leg, ok.error().what);
      terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 88, ok.error().what},
                nullptr, nullptr);
      return;
    }
    join_media();
    reconcile();
    return;
  }
  (void)sdp::rollback(leg.s.offer_answer);
  const auto refused = leg.s.told;
  leg.s.told = leg.told_before;
  Leg* far = other(leg);
  if (status ==
      491) {  // RFC 3261 14.1: what we wanted to say is not lost, reconcile() finds it again
    schedule_retry(leg);
    reconcile();
    return;
  }
  if (status == 408 || status == 481) {  // RFC 5057: the dialog is gone
    leg.s.phase = LegPhase::kEnded;
    terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 31,
               "re-INVITE was answered " + std::to_string(status)},
              &leg, nullptr);
    return;
  }
  // The peer will not: it keeps what it had, and whoever asked is told.
  tell(EventKind::kNote, &leg, "re-INVITE refused with " + std::to_string(status));
  if (refused) leg.refused = refused->direction;
  if (leg.for_far && far && far->server_invite.value != 0 && !far->answered)
    refuse_offer(*far, status < 400 ? 488 : status,
                 "the other side answered " + std::to_string(status));
  reconcile();
}

void Call::schedule_retry(Leg& leg) {
  // RFC 3261 14.1: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for the other, in steps of 10
  // ms.
  const auto steps = services_.reactor.random().below(leg.s.dialog.ours ? 190 : 200);
  const Millis in{(leg.s.dialog.ours ? 2'100 : 0) + static_cast<long>(steps) * 10};
  start_timer(leg.retry, in, TimerKind::kRetry, leg);
}

void Call::on_ack(LegId id, const transport::Received& r) {
  Leg& leg = *find_leg(id);
  // An ACK of an earlier INVITE that comes late, or twice, is not the one waited for.
  if (leg.server_invite.value == 0 || !leg.answered || r.message.cseq() != leg.invite_cseq) return;
  if (!from_its_group(leg, r)) return;
  record_message(leg, true, r.message.bytes());
  services_.layer.acknowledged(leg.server_invite);
  leg.server_invite = {};
  leg.answered = false;
  leg.acknowledged = true;
  if (was_terminated_) {
    send_waiting_bye(leg);
    return;
  }
  if (leg.offerless) {
    leg.offerless = false;
    const auto parts = body_parts(r.message);
    const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
    const Status ok =
        sdp.empty() ? Status(fail(ErrorCode::kMalformed, "the ACK carries no answer to our offer"))
                    : take_answer(leg, sdp, sdp::AnswerKind::kFinal);
    if (!ok) {
      tell(EventKind::kError, &leg, ok.error().what);
      terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 88, ok.error().what},
                nullptr, nullptr);
      return;
    }
    join_media();
  }
  reconcile();
}

void Call::on_cancel(LegId id, const sip::Message& cancel) {
  Leg& leg = *find_leg(id);
  record_message(leg, true, cancel.bytes());
  if (leg.server_invite.value == 0 || leg.answered) return;
  if (leg.s.phase == LegPhase::kConfirmed) {  // of a re-INVITE
    refuse_offer(leg, 487, "cancelled by the peer");
    reconcile();
    return;
  }
  const sip::Message* request = services_.layer.request_of(leg.server_invite);
  if (request)
    respond(leg, leg.server_invite, *request, 487, nullptr, {}, 16, "cancelled by the caller");
  leg.server_invite = {};
  terminate({TerminationClass::kCancelled, ReleasedBy::kCaller, 487, 16, "cancelled by the caller"},
            &leg, &cancel);
}

void Call::on_response(LegId id, transport::TxId tx, const transport::Received& r) {
  Leg& leg = *find_leg(id);
  record_message(leg, true, r.message.bytes());
  leg.s.signalled = services_.reactor.wall();
  switch (r.message.method()) {
    case Method::kOptions:
      if (tx == leg.liveness && r.message.status() >= 200)
        on_liveness_answer(leg, r.message.status());
      return;
    case Method::kInvite:
      // Not the one under way: a 2xx again, or of another fork.
      if (tx.value == 0 || leg.client_invite != tx)
        on_stray_response(id, r);
      else if (leg.reinvite)
        on_reinvite_response(leg, r);
      else
        on_initial_response(leg, r);
      return;
    case Method::kBye:
      if (r.message.status() >= 200) {
        leg.bye = {};
        leg_ended(leg);
        finish_if_done();
      }
      return;
    default: return;
  }
}

void Call::on_stray_response(LegId id, const transport::Received& r) {
  Leg& leg = *find_leg(id);
  const sip::Message& m = r.message;
  if (m.method() != Method::kInvite || m.status() < 200 || m.status() >= 300) return;
  if (m.to() && m.to_tag() == leg.s.dialog.remote_tag) {
    send_ack(leg, m.cseq());  // ours was lost
    return;
  }
  if (++leg.forks_hung_up > kMaxForks) return;  // nobody has so many phones
  // Another fork answered, too (RFC 3261 13.2.2.4): ACK and BYE in a dialog of its own.
  Leg fork;
  fork.s = leg.s;
  fork.group = leg.group;
  fork.listener = leg.listener;
  fork.bound = leg.bound;
  fork.transport = leg.transport;
  fork.profile = leg.profile;
  fork.s.has_media = false;
  fork.temporary = true;
  learn_dialog(fork, m, true);
  tell(EventKind::kState, &leg, "a second fork answered: hung up");
  send_ack(fork, m.cseq());
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  std::string bytes = in_dialog(fork, Method::kBye, branch, m.cseq() + 1).finish();
  record_message(leg, false, bytes);
  const auto tx = services_.layer.send_request(std::move(bytes), branch, Method::kBye,
                                               destination(fork), user(leg));
  services_.layer.abandon(tx);
}

void Call::on_request_failed(LegId id, transport::TxId tx, const Error& reason) {
  Leg& leg = *find_leg(id);
  if (tx == leg.bye) {
    leg.bye = {};
    leg_ended(leg);
    finish_if_done();
    return;
  }
  if (tx == leg.liveness) return on_liveness_answer(leg, 0);
  if (tx != leg.client_invite) return;
  leg.client_invite = {};
  if (leg.s.phase == LegPhase::kConfirmed) {
    tell(EventKind::kError, &leg, reason.what);
    terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
               "re-INVITE was not answered: " + reason.what},
              nullptr, nullptr);
    return;
  }
  if (was_terminated_ || leg.cancelled) {
    leg_ended(leg);
    finish_if_done();
    return;
  }
  attempt_failed(leg, 0, leg.s.peer + ": " + reason.what, nullptr);
}

void Call::on_no_ack(LegId id, transport::TxId tx) {
  Leg& leg = *find_leg(id);
  if (leg.server_invite != tx) return;
  leg.server_invite = {};
  leg.answered = false;
  if (was_terminated_) {
    send_waiting_bye(leg);
    return;
  }
  terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
             "the 200 was never acknowledged"},
            nullptr, nullptr);
}

void Call::on_bye(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const bool pending = state_.answered.micros == 0;
  if (pending && !leg.s.ingress && !was_terminated_) {
    // A callee has no early dialog to end (RFC 3261 15); an attempt that was given up, answered
    // late and was hung up on says BYE, too: the hunt goes on without it.
    const bool early = leg.s.phase == LegPhase::kNew || leg.s.phase == LegPhase::kEarly;
    simple_response(leg, tx, r.message, early ? 481 : 200,
                    early ? "the call is not answered yet" : "");
    if (early) return;
    leg_ended(leg);
    finish_if_done();
    return;
  }
  // RFC 3261 15.1.2: a pending request of the peer is ended with 487.
  if (leg.server_invite.value != 0 && !leg.answered) refuse_offer(leg, 487, "the call is over");
  if (leg.server_invite.value != 0 && leg.answered)
    services_.layer.acknowledged(leg.server_invite);  // it is not sent again
  leg.server_invite = {};
  leg.bye_waiting.clear();
  simple_response(leg, tx, r.message, 200, {});
  // Both hung up at once; or an attempt that was given up, answered late and was hung up on: the
  // call goes on without it.
  if (was_terminated_ || !other(leg)) {
    leg_ended(leg);
    finish_if_done();
    return;
  }
  leg.s.phase = LegPhase::kEnded;
  const bool caller = leg.s.ingress;
  const int cause = q850_of(r.message);
  if (pending) {  // BYE of an early dialog (RFC 3261 15.1.1) is a caller who gave up
    terminate({TerminationClass::kCancelled, ReleasedBy::kCaller, 487, 16,
               "the caller hung up before an answer"},
              &leg, &r.message);
    return;
  }
  terminate({TerminationClass::kCompleted, caller ? ReleasedBy::kCaller : ReleasedBy::kCallee, 200,
             cause ? cause : 16, caller ? "the caller hung up" : "the called side hung up"},
            &leg, &r.message);
}

}  // namespace causeway::call
