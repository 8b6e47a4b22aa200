// A call in progress: offers from either side, reconciled by desired state. What a peer wants is
// in its leg's `heard`, what it was told of the other side in `told`; reconcile() makes the two
// agree, so that glare, 491, crossing holds and session refresh need no case of their own.
#include <algorithm>
#include <functional>
#include <utility>

#include "call/call.h"
#include "call/crossing.h"
#include "call/meeting.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sdp::Carrier;
using sdp::SdpMeaning;
using sdp::Side;
using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

namespace {

bool has_codec(const sdp::MediaWish& w, const sdp::Codec& codec) {
  return reaches(codec, w, false);
}

}  // namespace

void Call::on_reinvite(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
  if (!leg.confirmed() || was_terminated_) {
    simple_response(leg, tx, m, leg.s.phase == LegPhase::kEarly ? 500 : 481,
                    "the call is not established");
    return;
  }
  const auto body = sdp_in(leg, tx, m);
  if (!body) return;
  const std::string_view sdp = *body;
  // RFC 3261 14.2: theirs is not finished: 500; ours is out: 491.
  const auto what = sdp::judge(leg.s.offer_answer, {Side::kPeer, Carrier::kInvite, !sdp.empty()});
  if (leg.server_invite.value != 0 || leg.server_update.value != 0) {
    refuse_overlap(leg, tx, m, leg.answered ? 491 : 500);
    return;
  }
  if (leg.asks() || other_offer_waits(leg) || what.meaning == SdpMeaning::kRefused) {
    refuse_overlap(leg, tx, m, leg.asks() || other_offer_waits(leg) ? 491 : what.status);
    return;
  }
  if (!hear_session(leg, tx, m)) return;
  learn_target(leg, m);
  leg.server_invite = tx;
  leg.invite_cseq = m.cseq();
  leg.answered = false;
  leg.offerless = sdp.empty();
  passed_unasked_ = 0;
  int status = 0;
  std::string why;
  if (leg.offerless)
    sdp::commit(leg.s.offer_answer, {Side::kPeer, Carrier::kInvite, false}, what);
  else if (!hear_offer(leg, sdp, Carrier::kInvite, status, why)) {
    refuse_offer(leg, status, why);
    return;
  }
  hear_place(leg, m);
  reconcile();
}

// RFC 3311 5.2. Without SDP it refreshes the target alone.
void Call::on_update(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
  if (was_terminated_ || (!leg.confirmed() && leg.s.phase != LegPhase::kEarly)) {
    simple_response(leg, tx, m, 481, "the call is not established");
    return;
  }
  const auto body = sdp_in(leg, tx, m);
  if (!body) return;
  const std::string_view sdp = *body;
  const auto what = sdp::judge(leg.s.offer_answer, {Side::kPeer, Carrier::kUpdate, !sdp.empty()});
  if (leg.server_update.value != 0 || what.meaning == SdpMeaning::kRefused) {
    refuse_overlap(leg, tx, m, leg.server_update.value != 0 ? 500 : what.status);
    return;
  }
  if (!sdp.empty() && (leg.asks() || other_offer_waits(leg))) {
    refuse_overlap(leg, tx, m, 491);
    return;
  }
  if (leg.confirmed() && !hear_session(leg, tx, m)) return;
  learn_target(leg, m);
  hear_authorisation(leg, m, leg.s.dialog.remote_tag);
  if (sdp.empty()) {
    simple_response(leg, tx, m, 200, {});
    return;
  }
  leg.server_update = tx;
  passed_unasked_ = 0;
  int status = 0;
  std::string why;
  if (!hear_offer(leg, sdp, Carrier::kUpdate, status, why)) {
    refuse_offer(leg, status, why);
    return;
  }
  if (!leg.s.ingress && !leg.confirmed()) leg.early.spoke();
  if (branch_of(leg) && leg.s.id != state_.egress) {
    // One of several targets that ring, and not the caller's: it is told what is known of it.
    const Leg& in = *find_leg(state_.ingress);
    answer_offer(leg, wanted_by(in), in.profile->sdp.hold);
    return branch_rang(leg, true);
  }
  reconcile();
  if (leg.server_update.value == 0) return;
  if (other(leg))
    start_timer(leg.update_wait, kUpdateWait, TimerKind::kUpdateWait, leg);
  else
    refuse_offer(leg, 504, "the other side is not there yet");
}

// Reads an offer that judge() let through. False: with what to refuse it, and why.
bool Call::hear_offer(Leg& leg, std::string_view sdp, Carrier carrier, int& status,
                      std::string& why) {
  auto offer = sdp::remote_offer(leg.s.offer_answer, sdp, leg.profile->sdp);
  if (!offer) {
    status = offer.error().code == ErrorCode::kNotAcceptable ? 488 : 400;
    why = offer.error().what;
    return false;
  }
  sdp::commit(leg.s.offer_answer, {Side::kPeer, carrier, true}, {SdpMeaning::kOffer, 0});
  why = wrong_media(leg, offer->sdp);
  if (!why.empty()) {
    status = 488;
    (void)sdp::rollback(leg.s.offer_answer);
    return false;
  }
  if (offer->unchanged) tell(EventKind::kNote, &leg, "session refresh: nothing changed");
  leg.s.attributes = offer->sdp.attributes;
  leg.news = true;
  leg.offer = std::move(offer->sdp);
  leg.offer_repeats = offer->unchanged;
  return true;
}

void Call::refuse_overlap(Leg& leg, transport::TxId tx, const sip::Message& request, int status) {
  const auto* flow = services_.layer.flow_of(tx);
  if (!flow) return;
  const auto what = std::string(request.method_text()) + " refused with " + std::to_string(status);
  if (status == 500)
    tell(EventKind::kRefusal, &leg, what + ": its request before that is not answered yet");
  else if (leg.answered)
    tell(EventKind::kRefusal, &leg, what + ": its ACK of our last answer has not come yet");
  else if (leg.asks())
    tell(EventKind::kRefusal, &leg, what + ": it crossed an offer of ours");
  else if (other_offer_waits(leg))
    tell(EventKind::kRefusal, &leg, what + ": the other side's offer is on its way there");
  else
    tell(EventKind::kRefusal, &leg, what + ": it has not answered our offer yet");
  auto b = sip::begin_response(request, status, sip::reason_phrase(status), leg.s.dialog.local_tag,
                               flow->remote);
  // RFC 3261 14.2, RFC 3311 5.2: 500 says when; whoever gets 491 has timers of its own.
  if (status == 500)
    b.header(HeaderId::kRetryAfter,
             static_cast<std::int64_t>(services_.reactor.random().below(11)));
  peers::add_common(b, *leg.profile, false);
  if (leg.profile->reason_on_failure)
    b.header(HeaderId::kReason, reason_value(policy::q850_of_status(status), {}));
  services_.counters.dropped.add(status == 491 ? "in_call_491" : "in_call_500");
  std::string bytes = b.finish();
  leave(leg, bytes);
  services_.layer.respond(tx, status, std::move(bytes));
}

// 420 naming what is required and not in the profile (RFC 3261 8.2.2.3).
bool Call::refuse_extensions(Leg& leg, transport::TxId tx, const sip::Message& request) {
  const auto why = unacceptable_extensions(request, *leg.profile);
  if (!why) return false;
  refuse_naming(leg, tx, request, *why);
  return true;
}

std::optional<std::string_view> Call::sdp_in(Leg& leg, transport::TxId tx,
                                             const sip::Message& request) {
  const auto known = understood_types(*deployment_, request);
  const auto parts = body_parts(request, known);
  if (!parts) {
    simple_response(leg, tx, request, 400, parts.error().what);
    return std::nullopt;
  }
  if (const auto why = unacceptable_body(request, *parts, *leg.profile, known)) {
    refuse_naming(leg, tx, request, *why);
    return std::nullopt;
  }
  return sdp_of(*parts);
}

void Call::refuse_naming(Leg& leg, transport::TxId tx, const sip::Message& request,
                         const Unacceptable& why) {
  const auto* flow = services_.layer.flow_of(tx);
  if (!flow) return;
  auto b = sip::begin_response(as_it_came(tx, request), why.status, sip::reason_phrase(why.status),
                               leg.s.dialog.local_tag, flow->remote);
  b.header(why.header, why.value);
  peers::add_common(b, *leg.profile, false);
  const int cause = policy::q850_of_status(why.status);
  if (leg.profile->reason_on_failure)
    b.header(HeaderId::kReason, reason_value(cause, policy::q850_text(cause)));
  std::string bytes = b.finish();
  tell(EventKind::kRefusal, &leg, why.text);
  leave(leg, bytes);
  services_.layer.respond(tx, why.status, std::move(bytes));
}

// What this peer wants, free of what it only conceded in an answer.
sdp::MediaWish Call::wanted_by(const Leg& leg) const {
  sdp::MediaWish w = leg.s.heard ? *leg.s.heard : default_wish(leg);
  w.direction = leg.s.own;
  return w;
}

// ... with an offer of its that is open. One that repeats its last SDP tells no more of the
// direction than that did: a refresh while the other side holds is no hold.
sdp::MediaWish Call::asked_by(const Leg& leg) const {
  return leg.offer && !leg.offer_repeats ? leg.offer->wish : wanted_by(leg);
}

// What remains of a direction when the peer of `to` has had its say, in its dialect.
sdp::Direction Call::reaching(const Leg& to, sdp::Direction wish) const {
  const auto own = to.s.own;
  return expressed(sdp::make_direction(sdp::sends(wish) && sdp::receives(own),
                                       sdp::receives(wish) && sdp::sends(own)),
                   to.profile->sdp);
}

// Would the peer of `to` notice anything if it were told `wish`? Of audio it may send what it was
// told of and has itself: all of that must still be wanted, and something be left.
bool Call::must_offer(const Leg& to, const sdp::MediaWish& wish) const {
  if (!to.s.told || !to.s.heard) return true;
  if (must_pass_on(to)) return true;
  if (state_.direct) return false;
  if (must_move(to)) return true;
  if (reaching(to, wish.direction) != reaching(to, to.s.told->direction)) return true;
  if (state_.fax && !to.s.refused && !plain_enough(to)) return true;
  const Leg* from = other(to);
  const int image = from && (wish.image_alone() || passes_image(*from, to)) ? image_shape(wish) : 0;
  if (image_shape(*to.s.told) != image) return true;
  if (wish.image_alone()) return false;
  // Coding anew serves where they have nothing in common, and the other law of G.711 costs a table;
  // else a new offer is better.
  const bool common =
      std::any_of(to.s.heard->codecs.begin(), to.s.heard->codecs.end(), [&](const sdp::Codec& c) {
        return !sdp::is_telephone_event(c) && !sdp::is_comfort_noise(c) && has_codec(wish, c);
      });
  const bool made = !common && from && may_transcode(to.profile->sdp, from->profile->sdp);
  bool audio = false;
  for (const auto& c : to.s.told->codecs) {
    if (sdp::is_telephone_event(c) || sdp::is_comfort_noise(c) || !has_codec(*to.s.heard, c))
      continue;
    if (!reaches(c, wish, made) &&
        !(from && other_law_does(c, wish) && may_transcode(to.profile->sdp, from->profile->sdp)))
      return true;
    audio = true;
  }
  return !audio;
}

// Can an offer be made to it now? While it is early by UPDATE, where its Allow has that.
bool Call::can_offer(const Leg& to) {
  return to.settled() && !to.busy() && (to.confirmed() || peer_allows(to, Method::kUpdate));
}

void Call::reconcile() {
  Leg* a = find_leg(state_.ingress);
  Leg* b = find_leg(state_.egress);
  if (!a || !b || was_terminated_) return;
  if (transfer_) attend_transfer();
  for (Leg* leg : {a, b}) {
    Leg* far = leg == a ? b : a;
    if (!leg->awaits()) continue;
    // What the far side is to be told: the new offer, or for an INVITE without one everything again
    // (TDR-95: a resume without SDP is a full sendrecv offer).
    if (leg->offerless && leg->server_update.value == 0) leg->s.own = sdp::Direction::kSendRecv;
    const sdp::MediaWish wanted = with_music(asked_by(*leg), *far);
    // Already being asked, or nothing can be sent to it yet: on_located() comes back here.
    if (far->asks() || !far->held.empty()) continue;
    if (can_offer(*far) && must_offer(*far, wanted)) {
      if (far->retry.value != 0) continue;           // it said 491: soon again
      if (send_offer(*far, wanted, true)) continue;  // answered when the far side has answered
      if (!leg->awaits()) continue;
    }
    // The far side has what it needs, or is asking something itself: answer from what is known of
    // it.
    const sdp::MediaWish known =
        with_music(far->confirmed() ? asked_by(*far) : wanted_by(*far), *leg);
    answer_offer(*leg, known, far->profile->sdp.hold);
  }
  // Nobody is waiting: does each side know what the other wants now?
  for (Leg* leg : {a, b}) {
    Leg* far = leg == a ? b : a;
    if (!can_offer(*leg) || !far->settled() || far->busy() || !far->s.heard ||
        leg->retry.value != 0)
      continue;
    const sdp::MediaWish wanted = with_music(wanted_by(*far), *leg);
    if (leg->s.refused == wanted.direction) continue;
    if (must_offer(*leg, wanted)) (void)send_offer(*leg, wanted, false);
  }
}

// `for_far`: the other side waits for what becomes of it.
bool Call::send_offer(Leg& to, const sdp::MediaWish& from, bool for_far) {
  Leg* source = other(to);
  auto wish = state_.direct ? Result<sdp::MediaWish>(from) : wish_for(to, from, *source);
  if (!wish) {
    if (source->awaits()) refuse_offer(*source, status_of(wish.error()), wish.error().what);
    return false;
  }
  const auto before = to.s.told;
  const bool passed_before = to.s.passed_on;
  auto sdp = make_offer(to, *wish);
  if (!sdp) {
    tell(EventKind::kError, &to, sdp.error().what);
    drop_move(to, false);
    if (state_.direct && source->awaits())
      refuse_offer(*source, status_of(sdp.error()), sdp.error().what);
    return false;
  }
  if (!for_far) ++passed_unasked_;
  to.told_before = before;
  to.repeats = false;
  to.passed_before = passed_before;
  send_sdp(to, *sdp, for_far);
  return true;
}

void Call::send_sdp(Leg& to, const std::string& sdp, bool for_far) {
  to.for_far = for_far;
  stop_timer(to.retry);
  const Method method = to.confirmed() ? Method::kInvite : Method::kUpdate;
  sdp::commit(to.s.offer_answer,
              {Side::kUs, to.confirmed() ? Carrier::kInvite : Carrier::kUpdate, true},
              {SdpMeaning::kOffer, 0});
  to.update_tag = to.s.dialog.remote_tag;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  std::string bytes =
      in_dialog(to, method, branch, ++to.s.dialog.local_cseq).finish(sdp, "application/sdp");
  (void)send_in_dialog(to, method, std::move(bytes), branch);
}

void Call::answer_offer(Leg& leg, const sdp::MediaWish& other_heard, sdp::HoldForm other_hold) {
  const bool update = leg.server_update.value != 0;
  const transport::TxId tx = update ? leg.server_update : leg.server_invite;
  Result<std::string> sdp = [&]() -> Result<std::string> {
    if (leg.offer) return make_answer(leg, other_heard, other_hold, sdp::AnswerKind::kFinal);
    auto wish = state_.direct ? Result<sdp::MediaWish>(other_heard)
                              : wish_for(leg, other_heard, *other(leg));
    if (!wish) return tl::unexpected(wish.error());
    auto offer = make_offer(leg, *wish);
    if (offer)
      sdp::commit(leg.s.offer_answer, {Side::kUs, Carrier::kSuccess, true},
                  {SdpMeaning::kOffer, 0});
    return offer;
  }();
  if (!sdp) {
    refuse_offer(leg, status_of(sdp.error()), sdp.error().what);
    return;
  }
  const auto* request = services_.layer.request_of(tx);
  if (!request) return;
  leg.offer.reset();
  leg.s.last_refused = false;
  if (update) {
    leg.server_update = {};
    stop_timer(leg.update_wait);
  } else {
    leg.answered = true;
  }
  respond(leg, tx, *request, 200, nullptr, {"application/sdp", *sdp}, 0, {});
  settle_anchor(leg);
  if (update) join_media();
  tell_changed_path();
}

void Call::refuse_offer(Leg& leg, int status, const std::string& text) {
  tell(EventKind::kRefusal, &leg, text);
  const transport::TxId tx =
      std::exchange(leg.server_update.value != 0 ? leg.server_update : leg.server_invite, {});
  stop_timer(leg.update_wait);
  (void)sdp::rollback(leg.s.offer_answer);
  leg.offer.reset();
  drop_move(leg, false);
  restore_anchor(leg);
  hear_answer_again(leg);
  if (const auto* request = services_.layer.request_of(tx))
    respond(leg, tx, *request, status, nullptr, {}, policy::q850_of_status(status), text);
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
    leg.put_off = 0;
    leg.answered_with = std::hash<std::string_view>()(m.body());
    send_ack(leg, m.cseq());
    agree_on_session(leg, m);
    const auto parts = body_parts(m);
    const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
    const Status ok = sdp.empty()
                          ? Status(fail(ErrorCode::kMalformed, "200 to a re-INVITE without SDP"))
                          : take_answer(leg, sdp, sdp::AnswerKind::kFinal);
    if (!ok) {  // nothing was agreed, so nothing changes: as if it had been refused
      tell(EventKind::kError, &leg, ok.error().what);
      on_offer_refused(leg, 488);
      return;
    }
    join_media();
    reconcile();
    tell_changed_path();
    return;
  }
  on_offer_refused(leg, session_too_small(leg, status, &m) ? 491 : status);
}

void Call::on_update_response(Leg& leg, const transport::Received& r) {
  const sip::Message& m = r.message;
  const int status = m.status();
  if (status < 200) return;
  leg.client_update = {};
  if (was_terminated_ || !leg.settled()) return;
  if (status < 300) {
    learn_target(leg, m);
    if (leg.confirmed()) agree_on_session(leg, m);
    const auto parts = body_parts(m);
    const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
    const Status ok = sdp.empty()
                          ? Status(fail(ErrorCode::kMalformed, "200 to an UPDATE without SDP"))
                          : take_answer(leg, sdp, sdp::AnswerKind::kFinal);
    if (ok) {
      leg.put_off = 0;
      join_media();
      reconcile();
      tell_changed_path();
      return;
    }
    tell(EventKind::kError, &leg, ok.error().what);  // as if it had been refused
  }
  if ((status == 408 || status == 481) && !leg.confirmed())
    on_update_unanswered(leg, status);
  else
    on_offer_refused(leg, status < 300 ? 488 : status);
  if (leg.confirmed() && leg.s.ingress && !was_terminated_) {  // the answer overtook it
    ask_once_more(leg);
    reconcile();
  }
}

// The early dialog that our UPDATE went to is gone (RFC 3261 12.2.1.2): another phone may still
// answer; without one this attempt is over.
void Call::on_update_unanswered(Leg& leg, int status) {
  (void)sdp::rollback(leg.s.offer_answer);
  leg.s.told = leg.told_before;
  leg.s.passed_on = leg.passed_before;
  hear_answer_again(leg);
  const std::string why = status == 481 ? "the early dialog is gone: UPDATE was answered 481"
                                        : "the early dialog is gone: UPDATE was not answered";
  tell(EventKind::kError, &leg, why);
  const std::string gone = leg.s.dialog.remote_tag;
  if (leg.early.drop_current(leg.s)) {
    leg.hop_unknown = true;
    let_fork_go(leg, gone);
    Leg* far = other(leg);
    if (leg.for_far && far && far->awaits())
      refuse_offer(*far, 504, "the other side did not answer");
    tell_authorisation(leg);
    reconcile();
    return;
  }
  cancel_attempt(leg, "Q.850;cause=102;text=\"no answer to UPDATE\"");
  attempt_failed(leg, 504, why, nullptr);  // another peer, where the caller has heard nothing yet
}

// What we offered is void; who asked for it is told, or it is tried again.
void Call::on_offer_refused(Leg& leg, int status) {
  (void)sdp::rollback(leg.s.offer_answer);
  leg.s.last_refused = !leg.repeats;  // what was said before that is still in force
  const auto refused = std::exchange(leg.s.told, leg.told_before);
  leg.s.passed_on = leg.passed_before;
  hear_answer_again(leg);
  // RFC 3261 14.1: what we wanted to say is not lost, reconcile() finds it again. Not without end:
  // a peer that never has time keeps the other side waiting.
  drop_move(leg, status == 491 && leg.put_off < kMaxPutOff);
  if (status == 491 && ++leg.put_off <= kMaxPutOff) {
    tell(EventKind::kNote, &leg, "our offer crossed one of its own (491): made again soon");
    pass_again(leg);
    schedule_retry(leg);
    reconcile();
    return;
  }
  if ((status == 408 || status == 481) && leg.confirmed()) {  // RFC 5057: the dialog is gone
    leg.s.phase = LegPhase::kEnded;
    if (is_transferor(leg)) return transferor_left("its dialog is gone");
    terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 31,
               "re-INVITE was answered " + std::to_string(status)},
              &leg, nullptr);
    return;
  }
  // The peer will not: it keeps what it had, and whoever asked is told.
  tell(EventKind::kNote, &leg, "our offer was refused with " + std::to_string(status));
  give_up_offer(leg, refused, status < 400 ? 488 : status,
                "the other side answered " + std::to_string(status));
}

// `leg` will not hear of it: whoever asked is told, and of our own accord it is not asked again.
void Call::give_up_offer(Leg& leg, const Kept<sdp::MediaWish>& refused, int status,
                         const std::string& why) {
  leg.put_off = 0;
  if (refused) leg.s.refused = refused->direction;
  Leg* far = other(leg);
  if (far) far->news = false;
  if (leg.for_far && far && far->awaits()) refuse_offer(*far, status, why);
  reconcile();
}

// The re-INVITE never reached the peer: a proxy that restarts is no reason to end a call. It is
// as before, and tried again a few times.
void Call::on_offer_unsent(Leg& leg, const Error& reason) {
  (void)sdp::rollback(leg.s.offer_answer);
  leg.s.last_refused = !leg.repeats;
  const auto refused = std::exchange(leg.s.told, leg.told_before);
  leg.s.passed_on = leg.passed_before;
  hear_answer_again(leg);
  tell(EventKind::kError, &leg, "re-INVITE could not be sent: " + reason.what);
  drop_move(leg, leg.put_off < kMaxPutOff);
  if (++leg.put_off <= kMaxPutOff) {
    pass_again(leg);
    start_timer(leg.retry, kSendAgain, TimerKind::kRetry, leg);
    reconcile();
    return;
  }
  give_up_offer(leg, refused, 503, "the other side cannot be reached");
}

void Call::schedule_retry(Leg& leg) {
  // RFC 3261 14.1: 2.1 to 4 s for the owner of the Call-ID, up to 2 s for the other, in steps of 10
  // ms.
  const auto steps = services_.reactor.random().below(leg.s.dialog.ours ? 190 : 200);
  const Millis in{(leg.s.dialog.ours ? 2'100 : 0) + static_cast<long>(steps) * 10};
  start_timer(leg.retry, in, TimerKind::kRetry, leg);
}

}  // namespace causeway::call
