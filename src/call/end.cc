// How a call ends: exactly one Termination, every leg told once, one record.
#include <utility>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

std::string_view to_string(TerminationClass c) {
  switch (c) {
    case TerminationClass::kCompleted: return "completed";
    case TerminationClass::kCancelled: return "cancelled";
    case TerminationClass::kBusy: return "busy";
    case TerminationClass::kNoAnswer: return "no_answer";
    case TerminationClass::kRejected: return "rejected";
    case TerminationClass::kUnreachable: return "unreachable";
    case TerminationClass::kRefused: return "refused";
    case TerminationClass::kDropped: return "dropped";
    case TerminationClass::kStopped: return "stopped";
    case TerminationClass::kTransferFailed: return "transfer_failed";
  }
  return "?";
}

bool is_failure(TerminationClass c) {
  switch (c) {
    case TerminationClass::kCompleted:
    case TerminationClass::kCancelled:
    case TerminationClass::kBusy:
    case TerminationClass::kNoAnswer: return false;
    case TerminationClass::kRejected:
    case TerminationClass::kUnreachable:
    case TerminationClass::kRefused:
    case TerminationClass::kDropped:
    case TerminationClass::kStopped:
    case TerminationClass::kTransferFailed: return true;
  }
  return true;
}

bool is_failure(std::string_view termination) {
  for (int c = 0; c <= static_cast<int>(TerminationClass::kLast); ++c)
    if (to_string(static_cast<TerminationClass>(c)) == termination)
      return is_failure(static_cast<TerminationClass>(c));
  return true;
}

std::string_view to_string(ReleasedBy r) {
  switch (r) {
    case ReleasedBy::kCaller: return "caller";
    case ReleasedBy::kCallee: return "callee";
    case ReleasedBy::kGateway: return "gateway";
  }
  return "?";
}

Call::Call(CallServices& services, deployment::DeploymentPtr deployment, CallId id, Bucket bucket)
    : services_(services), deployment_(std::move(deployment)) {
  state_.id = id;
  state_.bucket = bucket;
}

Call::~Call() { let_go(); }

void Call::let_go() {
  if (let_go_) return;
  let_go_ = true;
  from_.reset();
  towards_.reset();
  customer_.reset();
  for (const auto& h : hunts_) h->towards.reset();
  services_.locator.cancel(*this);
  for (auto& leg : legs_) {
    for (auto* t : {&leg->silence, &leg->progress, &leg->ring, &leg->retry, &leg->cancel_wait,
                    &leg->look, &leg->still_ringing, &leg->update_wait, &leg->session})
      stop_timer(*t);
    if (leg->reliable) stop_timer(leg->reliable->timer);
    if (transfer_) stop_timer(transfer_->timer);
    services_.owner.unbind_tag(leg->s.dialog.local_tag);
    if (leg->s.has_media) {
      services_.owner.unbind_media(leg->media);
      services_.media.release(leg->media);
    }
  }
}

void Call::stop_timer(reactor::TimerId& id) {
  if (id.value != 0) services_.reactor.timers().cancel(id);
  id = {};
}

void Call::start_timer(reactor::TimerId& id, Micros in, TimerKind kind, const Leg& leg) {
  stop_timer(id);
  id = services_.reactor.timers().schedule(
      services_.reactor.now() + in, *this,
      (static_cast<std::uint64_t>(kind) << 32) | leg.s.id.value);
}

void Call::on_timer(std::uint64_t token, Instant) {
  Leg& leg = *find_leg(LegId{static_cast<std::uint32_t>(token & 0xffffffffU)});
  const auto& group = deployment_->group(leg.group);
  switch (static_cast<TimerKind>(token >> 32)) {
    case TimerKind::kSilence: {
      leg.silence = {};
      const auto ms =
          std::chrono::duration_cast<Millis>(services_.reactor.now() - leg.attempt_began).count();
      tell(EventKind::kTimer, &leg, "no answer at all for " + std::to_string(ms) + " ms");
      // The INVITE may still be on its way: an answer that comes late is cancelled or hung up.
      cancel_attempt(leg, {});
      attempt_failed(leg, 0, leg.s.peer + " did not answer within " + std::to_string(ms) + " ms",
                     nullptr);
      return;
    }
    case TimerKind::kProgress:
      leg.progress = {};
      tell(EventKind::kTimer, &leg,
           "100 but no ringing for " + std::to_string(group.timers.no_progress.count()) + " ms");
      cancel_attempt(leg, "Q.850;cause=102;text=\"no progress\"");
      attempt_failed(leg, 408, leg.s.peer + " made no progress", nullptr);
      return;
    case TimerKind::kRing:
      leg.ring = {};
      tell(EventKind::kTimer, &leg,
           "rang for " + std::to_string(group.timers.ring.count()) + " ms");
      cancel_attempt(leg, "Q.850;cause=19;text=\"no answer\"");
      if (is_target(leg) || forked())
        return attempt_failed(leg, 480, leg.s.peer + " rang without an answer", nullptr);
      fail_ingress(480, 19, leg.s.peer + " rang without an answer", nullptr);
      return;
    case TimerKind::kReinvite:
      leg.ring = {};
      tell(EventKind::kTimer, &leg, "a re-INVITE had provisional answers alone: taken back");
      services_.layer.cancel(leg.client_invite, {});
      return;
    case TimerKind::kRetry:
      leg.retry = {};
      reconcile();
      return;
    case TimerKind::kLook: look_after(leg); return;
    case TimerKind::kStillRinging:
      leg.still_ringing = {};
      say_still_ringing(leg);
      return;
    case TimerKind::kReliable:
      leg.reliable->timer = {};
      on_reliable_timer(leg);
      return;
    case TimerKind::kUpdateWait:
      leg.update_wait = {};
      if (leg.server_update.value == 0) return;
      // RFC 3311 5.2: what takes longer than its sender waits is answered 504, not given up.
      refuse_offer(leg, 504, "the other side has not answered yet");
      choose_branch();
      reconcile();
      return;
    case TimerKind::kSession: on_session_timer(leg); return;
    case TimerKind::kTransfer: on_transfer_timer(); return;
    case TimerKind::kCancelWait:
      leg.cancel_wait = {};
      leg.client_invite = {};
      leg_ended(leg);
      finish_if_done();
      return;
  }
}

// Our INVITE is pending: take it back. The transaction layer holds the CANCEL until a provisional
// came.
void Call::cancel_attempt(Leg& leg, std::string_view reason) {
  stop_timer(leg.silence);
  stop_timer(leg.progress);
  stop_timer(leg.ring);
  if (leg.client_invite.value == 0 || leg.cancelled) return;
  leg.cancelled = true;
  services_.layer.cancel(leg.client_invite, reason);
}

void Call::send_bye(Leg& leg, const sip::Message* reason_of) {
  if (leg.s.phase != LegPhase::kConfirmed) return;
  leg.s.phase = LegPhase::kEnding;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  auto b = in_dialog(leg, Method::kBye, branch, ++leg.s.dialog.local_cseq);
  if (reason_of) copy_crossing(b, *reason_of, leg);
  int cause = reason_of ? q850_of(*reason_of) : 0;
  if (cause == 0 && state_.termination &&
      (leg.profile->reason_on_failure || state_.termination->what != TerminationClass::kCompleted))
    cause = state_.termination->q850;
  if (cause != 0) b.header(HeaderId::kReason, reason_value(cause, policy::q850_text(cause)));
  if (leg.s.ingress && !leg.acknowledged && leg.server_invite.value != 0) {
    leg.bye_waiting = HeldRequest{b.finish(), branch, Method::kBye};
    return;
  }
  (void)send_in_dialog(leg, Method::kBye, b.finish(), branch);
}

// A BYE that waited for the caller's ACK.
void Call::send_waiting_bye(Leg& leg) {
  if (!leg.bye_waiting) return;
  const HeldRequest bye = std::move(*leg.bye_waiting);
  leg.bye_waiting.reset();
  (void)send_in_dialog(leg, Method::kBye, bye.bytes, bye.branch);
}

void Call::end_leg(Leg& leg, const sip::Message* reason_of) {
  for (auto* t : {&leg.silence, &leg.progress, &leg.ring, &leg.retry, &leg.look, &leg.still_ringing,
                  &leg.update_wait})
    stop_timer(*t);
  if (leg.reliable) stop_timer(leg.reliable->timer);
  if (leg.server_update.value != 0) refuse_offer(leg, 487, "the call is over");
  switch (leg.s.phase) {
    case LegPhase::kNew:
    case LegPhase::kEarly:
      if (leg.client_invite.value != 0) {
        const int cause =
            reason_of && q850_of(*reason_of) ? q850_of(*reason_of) : state_.termination->q850;
        // "Answered elsewhere" and its like are for the far phone, too (RFC 3326).
        std::string reason = reason_value(cause, policy::q850_text(cause));
        if (const auto sip = reason_of ? sip_reason_of(*reason_of) : std::string_view{};
            !sip.empty())
          reason = std::string(sip) + ", " + reason;
        cancel_attempt(leg, reason);
        start_timer(leg.cancel_wait, kCancelWait, TimerKind::kCancelWait, leg);
        return;
      }
      leg_ended(leg);
      return;
    case LegPhase::kConfirmed:
      if (leg.server_invite.value != 0 && !leg.answered) refuse_offer(leg, 487, "the call is over");
      // A re-INVITE of ours should now get a 487 (RFC 3261 15.1.2). It may get nothing.
      services_.layer.set_limit(leg.client_invite);
      send_bye(leg, reason_of);
      return;
    case LegPhase::kEnding: return;
    case LegPhase::kEnded: leg_ended(leg); return;
  }
}

void Call::leg_ended(Leg& leg) {
  if (leg.server_update.value != 0) refuse_offer(leg, 487, "the call is over");
  if (leg.reliable) stop_timer(leg.reliable->timer);
  services_.layer.set_limit(leg.client_invite);
  leg.s.phase = LegPhase::kEnded;
  for (auto* t : {&leg.silence, &leg.progress, &leg.ring, &leg.retry, &leg.cancel_wait, &leg.look,
                  &leg.still_ringing, &leg.update_wait, &leg.session})
    stop_timer(*t);
}

void Call::terminate(Termination t, Leg* by, const sip::Message* reason_of) {
  (void)by;
  if (was_terminated_) return;
  was_terminated_ = true;
  state_.termination = std::move(t);
  tell(EventKind::kEnd, nullptr,
       std::string(to_string(state_.termination->what)) + ": " + state_.termination->text);
  // Who picked a call up may be lost before its caller could be told of it.
  if (Leg* in = find_leg(state_.ingress);
      in && in->server_invite.value != 0 && !in->answered && in->s.phase < LegPhase::kConfirmed) {
    Termination& end = *state_.termination;
    if (end.status < 300) end.status = 480;
    refuse_caller(*in, end.status, end.q850, nullptr);
  }
  if (transfer_) give_up_transfer();
  for (auto& leg : legs_) close_media(*leg);
  for (const auto& h : hunts_) {
    h->clear();
    h->over = true;
    h->towards.reset();
  }
  success_.reset();
  for (auto& leg : legs_) end_leg(*leg, reason_of);
  from_.reset();
  towards_.reset();
  customer_.reset();
  services_.owner.on_terminated(*this, make_record());
  finish_if_done();
}

void Call::finish_if_done() {
  if (!was_terminated_ || finished_ || leg_away_) return;
  for (const auto& leg : legs_)
    if (leg->s.phase != LegPhase::kEnded) return;
  finished_ = true;
  services_.owner.on_finished(*this);
}

void Call::stop(TerminationClass what, std::string text) {
  if (was_terminated_) return;
  Leg* in = find_leg(state_.ingress);
  if (in && state_.answered.micros == 0) {
    fail_ingress(503, 41, text, nullptr, what);
    return;
  }
  terminate({what, ReleasedBy::kGateway, 200, 31, std::move(text)}, nullptr, nullptr);
}

void Call::on_media_started(LegId id) {
  Leg* leg = find_leg(id);
  if (!leg) return;
  tell(EventKind::kMediaStart, leg, "the first packet arrived");
  if (leg->talks.empty()) leg->talks = leg->media_of;
  branch_heard(*leg);
}
void Call::on_media_lost(LegId id) {
  if (Leg* leg = find_leg(id)) tell(EventKind::kMediaLoss, leg, "nothing arrives any more");
}

void Call::on_one_way(LegId id) {
  if (Leg* leg = find_leg(id))
    tell(EventKind::kMediaLoss, leg,
         "one-way audio: nothing for 5 s from " + leg->s.peer + " while the other side is heard");
}

// In the trail of the call, and for the operator: the path to a peer is broken, not one call of it.
void Call::media_alarm(const Leg& leg, const std::string& what) {
  tell(EventKind::kMediaLoss, &leg, what);
  services_.owner.on_media_failed(leg.s.peer, what);
}

void Call::on_unchecked(LegId id) {
  if (const Leg* leg = find_leg(id))
    media_alarm(*leg, "the peer's connectivity checks have ended, nothing of it arrives");
}

void Call::on_keys(LegId id, bool good, std::string_view how) {
  Leg* leg = find_leg(id);
  if (!leg) return;
  if (good) {
    tell(EventKind::kMediaStart, leg, "keys agreed by " + std::string(how));
    return;
  }
  media_alarm(*leg, std::string(how));
  if (leaving(*leg) || state_.answered.micros == 0) return;
  if (is_target(*leg) && !leg->confirmed()) {  // the transfer fails, not the call
    cancel_attempt(*leg, {});
    return attempt_failed(*leg, 488, "no keys of SRTP with " + leg->s.peer, nullptr);
  }
  terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
             "no keys of SRTP with " + leg->s.peer + ": " + std::string(how)},
            nullptr, nullptr);
}

// Both sides are gone, and nobody is left to hang up: without this the call would stay for ever.
void Call::on_media_quiet() {
  const Seconds limit = deployment_->limits.media_timeout;
  if (was_terminated_ || state_.answered.micros == 0 || limit == Seconds(0) ||
      services_.reactor.wall().micros - state_.answered.micros < Micros(limit).count())
    return;
  terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
             "no RTP or RTCP from either side for " + std::to_string(limit.count()) +
                 " s (limits.media_timeout)"},
            nullptr, nullptr);
}

telemetry::CallRecord Call::make_record() {
  telemetry::CallRecord r;
  r.call = state_.id.value;
  r.node = deployment_->operation.node.value;
  r.started = state_.began;
  r.ringing = state_.rang;
  r.answered = state_.answered;
  r.ended = services_.reactor.wall();
  r.from = state_.calling;
  r.to = state_.called;
  r.service = state_.service;
  r.account = state_.account;
  r.tenant = state_.tenant;
  r.ingress_group = state_.ingress_group;
  // Who began it and where it went; media is that of the pair that talked last.
  const bool moved = state_.first_ingress.value != 0;
  if (const Leg* in = find_leg(moved ? state_.first_ingress : state_.ingress)) {
    r.region = deployment_->regions[deployment_->group(in->group).region.value].name;
    r.ingress_peer = in->s.peer;
    r.ingress_call_id = in->s.dialog.call_id;
  }
  if (const Leg* out = find_leg(moved ? state_.first_egress : state_.egress)) {
    r.egress_group = out->s.group;
    r.egress_peer = out->s.peer;
    r.egress_call_id = out->s.dialog.call_id;
  }
  if (const Leg* in = find_leg(state_.ingress); in && in->media_seen)
    r.from_caller = *in->media_seen;
  if (const Leg* out = find_leg(state_.egress); out && out->media_seen)
    r.from_callee = *out->media_seen;
  r.transfers = state_.transfers;
  if (const auto& t = state_.transferred) {
    r.transferred_by = t->by;
    r.transferred_to = t->to;
    r.transfer_call_id = t->call_id;
    r.transfer_id = t->id;
  }
  const Termination& t = *state_.termination;
  r.termination = std::string(to_string(t.what));
  r.reason = t.text;
  r.sip_status = t.status;
  r.q850_cause = t.q850;
  r.released_by = t.by == ReleasedBy::kCaller   ? telemetry::Released::kCaller
                  : t.by == ReleasedBy::kCallee ? telemetry::Released::kCallee
                                                : telemetry::Released::kGateway;
  r.emergency = state_.emergency == policy::EmergencyClass::kEmergency;
  r.emergency_service = state_.emergency_service;
  return r;
}

bool Call::adopt(const deployment::DeploymentPtr& next) {
  bool complete = true;
  for (auto& leg : legs_) {  // all of them: what is stopped says goodbye by its own listener
    leg->listener = deployment::ListenerIndex{0xffff};  // nothing is sent without one
    for (std::size_t i = 0; i < next->listeners.size(); ++i)
      if (next->listeners[i].name == leg->s.listener)
        leg->listener = deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
    if (leg->attempt) leg->attempt->listener = leg->listener;
    if (leg->s.phase != LegPhase::kEnded && !leg->cancelled && !branch_of(*leg) &&
        (leg->listener.value == 0xffff || !next->find_group(leg->s.group)))
      complete = false;
  }
  if (!complete) return false;
  const auto moved = [&](const Way& w) -> std::optional<Way> {
    const auto group = next->find_group(deployment_->group(w.group).name);
    const auto peer = next->find_peer(deployment_->peer(w.peer).name);
    if (!group || !peer) return std::nullopt;
    return Way{*group, *peer};
  };
  // A peer is being tried, or its name looked up.
  for (const auto& h : hunts_) {
    if (h->over) continue;
    if (!h->waits) {
      const auto w = moved(h->way);
      if (!w && !forked()) return false;
      h->gone = !w;  // stop_at() follows
      h->way = w.value_or(Way{});
    }
    for (auto* list : {&h->ways, &h->spare}) {
      std::vector<Way> ways;
      for (const Way& w : *list)
        if (const auto m = moved(w)) ways.push_back(*m);
      *list = std::move(ways);
    }
  }
  for (auto& leg : legs_) {
    const auto group = next->find_group(leg->s.group);
    leg->group = group.value_or(deployment::GroupIndex{0});
    leg->profile = &next->profile(next->group(leg->group).profile);
  }
  deployment_ = next;
  if (transfer_)
    if (const Leg* by = find_leg(transfer_->transferor))
      for (auto& d : transfer_->destinations)
        d.listener = deployment_->way_out(by->group, d.remote.address.is_v6()).value_or(d.listener);
  for (const auto& h : hunts_)
    for (auto& d : h->destinations)
      d.listener =
          deployment_->way_out(h->way.group, d.remote.address.is_v6()).value_or(d.listener);
  return true;
}

std::vector<std::string> Call::groups() const {
  std::vector<std::string> out;
  for (const auto& leg : legs_)
    if (leg->s.phase != LegPhase::kEnded && !leg->cancelled) out.push_back(leg->s.group);
  return out;
}

void Call::tap_media(bool on) {
  for (const auto& leg : legs_)
    if (leg->s.has_media) services_.media.tap(leg->media, on);
}

std::string Call::group_of(LegId id) const {
  for (const auto& leg : legs_)
    if (leg->s.id == id) return leg->s.group;
  return {};
}

std::string Call::peer_of(LegId id) const {
  for (const auto& leg : legs_)
    if (leg->s.id == id) return leg->s.peer;
  return {};
}

// --- Written form ------------------------------------------------------------------------------

bool Call::stable() const {
  if (was_terminated_ || state_.answered.micros == 0 || transfer_) return false;
  for (const auto& leg : legs_) {
    if (leg->s.phase == LegPhase::kEnded) continue;
    if (!at_rest(*leg)) return false;
  }
  return true;
}

CallState Call::write_down() {
  CallState s = state_;
  for (auto& leg : legs_) {
    s.legs.push_back(leg->s);
    if (leg->s.has_media)
      if (auto snap = services_.media.snapshot(leg->media)) s.legs.back().media = std::move(*snap);
  }
  return s;
}

// From its names, in the configuration in force.
void Call::place_leg(Leg& leg, deployment::GroupIndex group) {
  leg.group = group;
  leg.profile = &deployment_->profile(deployment_->group(group).profile);
  leg.listener = deployment_->group(group).listener;
  for (std::size_t i = 0; i < deployment_->listeners.size(); ++i)
    if (deployment_->listeners[i].name == leg.s.listener)
      leg.listener = deployment::ListenerIndex{static_cast<std::uint16_t>(i)};
  leg.bound = deployment_->listener(leg.listener).address;
  leg.transport = deployment_->listener(leg.listener).transport;
}

// A confirmed one from its written form, with its media.
Status Call::restore_leg(Leg& leg) {
  leg.answered_once = leg.acknowledged = true;
  services_.owner.bind_tag(leg.s.dialog.local_tag, *this, leg.s.id);
  const bool has_media = std::exchange(leg.s.has_media, false);
  const auto written = std::exchange(leg.s.media, {});
  if (!has_media || !written) return {};
  auto id = services_.media.restore(realm_media(media_realm(leg, leg.s.internal)), *written);
  if (!id) return tl::unexpected(id.error());
  leg.media = *id;
  leg.s.has_media = true;
  services_.owner.bind_media(leg.media, *this, leg.s.id);
  return {};
}

Status Call::restore(CallState state) {
  Status complete;
  std::vector<LegState> legs = std::move(state.legs);
  state.legs.clear();
  state_ = std::move(state);
  for (std::size_t i = 0; i < legs.size(); ++i)
    if (legs[i].id.value != i + 1)
      return fail(ErrorCode::kMalformed, "legs are not numbered from 1");
  for (auto& ls : legs) {
    legs_.push_back(std::make_unique<Leg>());
    Leg& leg = *legs_.back();
    leg.s = std::move(ls);
    const auto group = deployment_->find_group(leg.s.group);
    place_leg(leg, group.value_or(deployment::GroupIndex{0}));
    if (!group) {
      leg.s.phase = LegPhase::kEnded;  // nobody to say goodbye to
      complete = fail(ErrorCode::kUnavailable, "peer group '" + leg.s.group + "' is gone");
    }
    if (leg.s.phase == LegPhase::kEnded) {
      leg.s.has_media = false;
      continue;
    }
    if (auto ok = restore_leg(leg); !ok) complete = std::move(ok);
  }
  if (const Leg* in = find_leg(state_.ingress))
    from_ = services_.admission.again(in->s.group, in->s.peer, true);
  if (const Leg* out = find_leg(state_.egress))
    towards_ = services_.admission.again(out->s.group, out->s.peer, false);
  policy::Customer whose;
  whose.service = deployment::service_of(state_.service);
  whose.account = state_.account;
  (void)services_.admission.of_customer(whose, customer_);  // it was let in before
  if (complete) {
    join_media();
    fill_silence();
    for (auto& leg : legs_) {
      watch_over(*leg);
      restore_session(*leg);
    }
    for (auto& leg : legs_) play_on_hold(*leg);
  }
  return complete;
}

}  // namespace causeway::call
