// Messages within a call's dialogs: who they are from, which machine they concern.
#include <algorithm>
#include <functional>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "telemetry/text.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

void Call::on_request(LegId id, transport::TxId tx, const transport::Received& came) {
  Leg& leg = *find_leg(id);
  services_.layer.set_user(tx, user(leg));
  record_message(leg, true, came.message.bytes());
  const auto ruled = enter(leg, came);
  const transport::Received& r = ruled ? *ruled : came;
  const sip::Message& m = r.message;
  leg.s.signalled = services_.reactor.wall();
  Dialog& d = leg.s.dialog;
  // A phone that rings speaks within the early dialog of its own.
  const std::string before = d.remote_tag;
  const bool early = !leg.s.ingress && leg.s.phase == LegPhase::kEarly;
  const bool waited = leg.server_update.value != 0;  // for an answer to its offer
  const bool other_fork = early && leg.early.select_known(leg.s, m.from_tag());
  if (other_fork) leg.hop_unknown = true;
  dispatch(leg, tx, r);
  if (other_fork && (waited || m.body().empty()) && leg.s.phase == LegPhase::kEarly &&
      leg.early.select_known(leg.s, before))
    leg.hop_unknown = true;
  if (early) settle_early(leg);
}

void Call::dispatch(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
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
  if (refuse_extensions(leg, tx, m)) {
    services_.counters.dropped.add("in_call_420");
    return;
  }
  switch (m.method()) {
    case Method::kInvite: on_reinvite(leg, tx, r); break;
    case Method::kBye: on_bye(leg, tx, r); break;
    case Method::kOptions: simple_response(leg, tx, m, 200, {}); break;
    case Method::kUpdate:
    case Method::kPrack:
      if (allows(leg, m.method_text())) {
        m.method() == Method::kUpdate ? on_update(leg, tx, r) : on_prack(leg, tx, r);
        break;
      }
      simple_response(leg, tx, m, 405, "not allowed by the profile");
      break;
    case Method::kInfo:
      if (allows(leg, "INFO")) {
        on_digit_message(leg, tx, r);
        break;
      }
      simple_response(leg, tx, m, 405, "not allowed by the profile");
      break;
    case Method::kRefer: on_refer(leg, tx, r); break;
    case Method::kNotify:
      if (leg.profile->sdp.digits == sdp::DigitsAs::kNotify &&
          sip::iequals(m.value(HeaderId::kEvent).substr(0, m.value(HeaderId::kEvent).find(';')),
                       "telephone-event")) {
        on_digit_message(leg, tx, r);
        break;
      }
      if (allows(leg, "NOTIFY")) {  // RFC 6665 4.1.3: there is no subscription
        simple_response(leg, tx, m, 481, "no such subscription");
        break;
      }
      [[fallthrough]];
    default:
      simple_response(leg, tx, m, m.method() == Method::kOther ? 501 : 405,
                      "not supported within a call");
      break;
  }
}

// Our Allow lists what is answered, and what it does not list is refused (RFC 3261 20.5).
bool Call::allows(const Leg& leg, std::string_view method) {
  const auto& allow = leg.profile->allow;
  return std::find(allow.begin(), allow.end(), method) != allow.end();
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

void Call::on_ack(LegId id, const transport::Received& came) {
  Leg& leg = *find_leg(id);
  // An ACK of an earlier INVITE that comes late, or twice, is not the one waited for.
  if (leg.server_invite.value == 0 || !leg.answered || came.message.cseq() != leg.invite_cseq)
    return;
  if (!from_its_group(leg, came)) return;
  record_message(leg, true, came.message.bytes());
  const auto ruled = enter(leg, came);
  const transport::Received& r = ruled ? *ruled : came;
  services_.layer.acknowledged(leg.server_invite);
  leg.server_invite = {};
  leg.answered = false;
  leg.acknowledged = true;
  if (leaving(leg)) {
    send_waiting_bye(leg);
    return;
  }
  leg.offerless = false;
  const auto parts = body_parts(r.message);
  const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
  const auto what =
      sdp::judge(leg.s.offer_answer, {sdp::Side::kPeer, sdp::Carrier::kAck, !sdp.empty()});
  if (what.meaning == sdp::SdpMeaning::kAnswer || what.meaning == sdp::SdpMeaning::kMissing) {
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
  Leg* const found = find_leg(id);
  if (found == nullptr) return;
  Leg& leg = *found;
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

void Call::on_response(LegId id, transport::TxId tx, const transport::Received& came) {
  Leg* const found = find_leg(id);
  if (found == nullptr) return;
  Leg& leg = *found;
  record_message(leg, true, came.message.bytes());
  const auto ruled = enter(leg, came);
  const transport::Received& r = ruled ? *ruled : came;
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
      else {
        leg.refused_invite = leg.refused_invite || r.message.status() >= 300;
        on_initial_response(leg, r);
      }
      return;
    case Method::kUpdate:
      if (tx == leg.refresh && tx.value != 0) {
        if (r.message.status() >= 200) on_refresh_answer(leg, r.message.status(), &r.message);
        return;
      }
      if (tx != leg.client_update) return;
      if (leg.s.phase == LegPhase::kEarly && leg.early.select_known(leg.s, leg.update_tag))
        leg.hop_unknown = true;
      if (r.message.status() / 100 == 2) hear_authorisation(leg, r.message, leg.update_tag);
      on_update_response(leg, r);
      settle_early(leg);
      if (Leg* far = other(leg)) settle_early(*far);  // it may have been waited for
      return;
    case Method::kPrack:
      if (r.message.status() >= 300)
        tell(EventKind::kNote, &leg,
             "our PRACK was refused with " + std::to_string(r.message.status()) +
                 ": it goes on as if it had been taken");
      if (r.message.status() / 100 != 2) return;
      hear_authorisation(leg, r.message, r.message.to_tag());
      settle_early(leg);
      return;
    case Method::kInfo:
    case Method::kNotify:
      if (r.message.status() < 200) return;
      if (tx == leg.notify && tx.value != 0)
        on_notified(leg, r.message.status());
      else if (tx == leg.digit_tx)
        send_next_digit(leg);
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
  if (m.method() != Method::kInvite || m.status() < 200) return;
  if (m.status() >= 300) {
    if (leg.ack_cseq != 0 && m.cseq() == leg.ack_cseq)
      tell(EventKind::kNote, &leg,
           "answered " + std::to_string(m.status()) + " after its 200: passed over");
    return;
  }
  const bool late = leg.refused_invite && leg.s.phase == LegPhase::kEnded;
  if (!late && m.to() && m.to_tag() == leg.s.dialog.remote_tag) {
    if (m.cseq() == leg.ack_cseq && leg.answered_with != 0 &&
        leg.answered_with != std::hash<std::string_view>()(m.body()))
      tell(EventKind::kNote, &leg, "answered twice, with another body: its first answer holds");
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
  if (late)
    hear_late_answer(leg, ": hung up");
  else
    tell(EventKind::kState, &leg, "a second fork answered: hung up");
  send_ack(fork, m.cseq());
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  std::string bytes = in_dialog(fork, Method::kBye, branch, m.cseq() + 1).finish();
  leave(leg, bytes);
  const auto tx = services_.layer.send_request(std::move(bytes), branch, Method::kBye,
                                               destination(fork), user(leg));
  services_.layer.abandon(tx);
}

// Told once: over UDP it comes again and again.
void Call::hear_late_answer(Leg& leg, std::string_view what) {
  services_.counters.dropped.add("late_answer");
  if (std::exchange(leg.answered_late, true)) return;
  tell(EventKind::kNote, &leg, std::string(kLateAnswer) + std::string(what));
}

void Call::leave_refused(LateAnswers& late) const {
  for (const auto& leg : legs_)
    if (leg->refused_invite && !leg->answered_late)
      late.refused(leg->s.dialog.local_tag, state_.id, leg->s.id, leg->s.peer);
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
  if (tx == leg.refresh && tx.value != 0) return on_refresh_answer(leg, 0, nullptr);
  if (tx == leg.digit_tx && tx.value != 0) return send_next_digit(leg);
  if (tx == leg.notify && tx.value != 0) return on_notified(leg, 0);
  if (tx == leg.client_update && tx.value != 0) {
    leg.client_update = {};
    if (was_terminated_ || !leg.settled()) return;
    if (leg.s.phase == LegPhase::kEarly && leg.early.select_known(leg.s, leg.update_tag))
      leg.hop_unknown = true;
    if (reason.code != ErrorCode::kTimeout)
      on_offer_unsent(leg, reason);
    else if (leg.confirmed())
      on_offer_refused(leg, 408);
    else
      on_update_unanswered(leg, 408);
    return;
  }
  if (tx == leg.prack && tx.value != 0) {
    leg.prack = {};
    if (!was_terminated_)
      tell(EventKind::kNote, &leg, "our PRACK was not answered: it goes on as if it had been");
    return;
  }
  if (tx != leg.client_invite) return;
  leg.client_invite = {};
  if (leg.s.phase == LegPhase::kConfirmed && !was_terminated_ &&
      reason.code != ErrorCode::kTimeout) {
    on_offer_unsent(leg, reason);
    return;
  }
  if (leg.s.phase == LegPhase::kConfirmed) {
    tell(EventKind::kError, &leg, reason.what);
    if (is_transferor(leg)) return transferor_left("its re-INVITE was not answered");
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
  if (leaving(leg)) {  // a re-INVITE to one that was handed over: its BYE has the last word
    finish_if_done();
    return;
  }
  attempt_failed(leg, 0, leg.s.peer + ": " + reason.what, nullptr);
}

void Call::on_no_ack(LegId id, transport::TxId tx) {
  Leg* const found = find_leg(id);
  if (found == nullptr || found->server_invite != tx) return;
  Leg& leg = *found;
  leg.server_invite = {};
  leg.answered = false;
  if (leaving(leg)) {
    send_waiting_bye(leg);
    return;
  }
  if (is_transferor(leg)) return transferor_left("our 200 was never acknowledged");
  terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
             "the 200 was never acknowledged"},
            nullptr, nullptr);
}

void Call::on_bye(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const bool pending = state_.answered.micros == 0;
  // One that picked the call up came in, too: it is its called side.
  if (pending && leg.s.id != state_.ingress && !was_terminated_) {
    // A callee has no early dialog to end (RFC 3261 15); an attempt that was given up, answered
    // late and was hung up on says BYE, too: the hunt goes on without it.
    const bool early = leg.s.phase == LegPhase::kNew || leg.s.phase == LegPhase::kEarly;
    simple_response(leg, tx, r.message, early ? 481 : 200,
                    early ? "the call is not answered yet" : "");
    if (early) return;
    leg_ended(leg);
    if (success_ && leg.s.id == state_.egress) {  // before the caller could be told
      success_.reset();
      fail_ingress(480, 16, "the called side hung up before the caller's PRACK", nullptr);
      return;
    }
    finish_if_done();
    return;
  }
  if (bye_in_transfer(leg, tx, r)) return;
  // RFC 3261 15.1.2: a pending request of the peer is ended with 487.
  if (leg.server_update.value != 0) refuse_offer(leg, 487, "the call is over");
  if (leg.server_invite.value != 0 && !leg.answered) refuse_offer(leg, 487, "the call is over");
  if (leg.server_invite.value != 0 && leg.answered)
    services_.layer.acknowledged(leg.server_invite);  // it is not sent again
  leg.server_invite = {};
  leg.bye_waiting.reset();
  simple_response(leg, tx, r.message, 200, {});
  if (const auto text = reason_among(r.message, leg.profile->media_failure_reasons); !text.empty())
    media_alarm(
        leg, "the peer hung up because of its media: " + telemetry::printable(text.substr(0, 200)));
  // Both hung up at once; or an attempt that was given up, answered late and was hung up on: the
  // call goes on without it.
  if (was_terminated_ || !other(leg)) {
    leg_ended(leg);
    finish_if_done();
    return;
  }
  leg.s.phase = LegPhase::kEnded;
  const bool caller = leg.s.id == state_.ingress;
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
