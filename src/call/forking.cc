// Several targets of one call ring at once (peer_group.forking, RFC 3261 16.6): each is a hunt with
// a leg of its own, and the caller has one dialog with us. One of the legs is the current one
// (CallState::egress): what it says of media is heard, as the gate of the caller's profile has it.
// The first that answers stays, the others are cancelled; of failures the best is told when nobody
// is left (16.7).
#include <algorithm>

#include "call/call.h"
#include "call/hunt.h"
#include "sip/headers.h"

namespace causeway::call {

using deployment::EarlyMediaGate;
using telemetry::EventKind;

namespace {

int rank(int status) {
  if (status >= 600) return 0;
  switch (status) {
    case 486: return 1;
    case 480: return 3;
    case 408: return 5;
    default: return status >= 400 && status < 500 ? 2 : status < 400 ? 4 : 6;
  }
}

}  // namespace

bool tells_more(int a, int b) { return rank(a) < rank(b); }

// Its INVITE is out, and was not taken back.
bool Call::still_tried(const Leg* leg) {
  return leg && leg->client_invite.value != 0 && !leg->cancelled &&
         (leg->s.phase == LegPhase::kNew || leg->s.phase == LegPhase::kEarly);
}

Hunt* Call::branch_of(const Leg& leg) {
  Hunt* h = forked() ? hunt_of(leg) : nullptr;
  return h && !h->over ? h : nullptr;
}

// A hunt for each target; those of another region wait until nobody of the caller's own is left
// (GW-02).
void Call::start_fork() {
  const auto home = deployment_->group(find_leg(state_.ingress)->group).region;
  const auto& targets = decision_->targets;
  const bool any = std::any_of(targets.begin(), targets.end(), [&](deployment::GroupIndex g) {
    return deployment_->group(g).region == home;
  });
  for (const auto g : targets) {
    auto h = std::make_unique<Hunt>();
    h->number = static_cast<std::uint32_t>(hunts_.size());
    h->waits = any && deployment_->group(g).region != home;
    collect_ways(*h, {g});
    hunts_.push_back(std::move(h));
  }
  begin_branches();
}

void Call::begin_branches() {
  for (std::size_t i = 0; i < hunts_.size() && !was_terminated_; ++i) {
    Hunt& h = *hunts_[i];
    if (h.begun || h.waits || h.over) continue;
    h.begun = true;
    next_way(h);
  }
}

// What it came to is kept, should nobody answer.
void Call::branch_over(Hunt& h, HuntEnd end) {
  const Leg* leg = find_leg(h.leg);
  h.clear();
  h.over = true;
  h.towards.reset();
  const bool nobody_will = end.status >= 600;
  if (!best_ || tells_more(end.status, best_->status)) best_ = std::move(end);
  if (nobody_will)  // RFC 3261 16.7
    end_other_branches(h, "SIP;cause=" + std::to_string(best_->status));
  const auto goes_on = [](const auto& each) { return !each->over && !each->waits; };
  if (std::any_of(hunts_.begin(), hunts_.end(), goes_on)) {
    tell(EventKind::kDecision, leg, "nothing more comes of this target; others are still tried");
    choose_branch();
    reconcile();
    return;
  }
  const bool rang = std::any_of(hunts_.begin(), hunts_.end(), [](auto& x) { return x->rang; });
  const auto waits = [](const auto& each) { return each->waits && !each->over; };
  if (!rang && policy::may_retry(best_->status) && services_.reactor.now() < hunt_deadline_ &&
      std::any_of(hunts_.begin(), hunts_.end(), waits)) {
    tell(EventKind::kDecision, nullptr, "the targets of another region are tried now");
    for (const auto& each : hunts_) each->waits = false;
    return begin_branches();
  }
  const HuntEnd said = std::move(*best_);
  if (said.leg.value != 0) state_.egress = said.leg;
  tell_caller(said);
}

// All but `stays` are taken back.
void Call::end_other_branches(const Hunt& stays, std::string_view reason) {
  for (const auto& h : hunts_) {
    if (h.get() == &stays || h->over) continue;
    h->clear();
    h->over = true;
    h->towards.reset();
    Leg* leg = find_leg(h->leg);
    if (!still_tried(leg)) continue;
    tell(EventKind::kRouteAttempt, leg, "cancelled: " + std::string(reason));
    leg->for_far = false;
    leg->client_update = {};  // whoever has the call is asked instead
    cancel_attempt(*leg, reason);
    close_media(*leg);
    start_timer(leg->cancel_wait, kCancelWait, TimerKind::kCancelWait, *leg);
  }
}

// It has the call.
void Call::branch_answered(const Leg& leg) {
  const Hunt* h = branch_of(leg);
  if (!h) return;
  end_other_branches(*h, kElsewhere);
}

void Call::stop_at(const PeerTest& gone, TerminationClass what, const std::string& text) {
  const auto hit = [&](const Leg& l) {
    return l.s.phase != LegPhase::kEnded && !l.cancelled &&
           (l.listener.value == 0xffff || gone(l.s.group, l.s.peer));
  };
  const auto named = [&](const Way& w) {
    return gone(deployment_->group(w.group).name, deployment_->peer(w.peer).name);
  };
  for (const auto& l : legs_)
    if (hit(*l) && !branch_of(*l)) return stop(what, text);
  for (std::size_t i = 0; forked() && i < hunts_.size() && !was_terminated_; ++i) {
    Hunt& h = *hunts_[i];
    if (h.over) continue;
    std::erase_if(h.ways, named);
    Leg* l = find_leg(h.leg);
    const bool tried = still_tried(l);
    const bool way_gone = !h.waits && (h.gone || named(h.way));
    if (!way_gone && !(tried && hit(*l))) continue;
    h.destinations.clear();
    if (!tried) {
      hunt_over(h, {503, 41, text, nullptr, h.leg});
    } else {
      cancel_attempt(*l, "Q.850;cause=41");
      attempt_failed(*l, 503, text, nullptr);
    }
  }
}

// --- Whose media the caller hears while they ring ------------------------------------------------

// `with_sdp`: an SDP of its that counts came with it.
void Call::branch_rang(Leg& leg, bool with_sdp) {
  Hunt* h = hunt_of(leg);
  if (!h) return;
  h->rang = true;
  if (!forked()) return;
  if (with_sdp) {
    h->spoke_last = ++branch_events_;
    if (h->spoke_first == 0) h->spoke_first = h->spoke_last;
  }
  choose_branch();
  // It may have become the caller's before there was media.
  if (leg.s.id == state_.egress && leg.s.heard && find_leg(state_.ingress)->s.told) join_media();
}

// Packets of it came, from a phone that was not heard before.
void Call::branch_heard(const Leg& leg) {
  Hunt* h = branch_of(leg);
  if (!h) return;
  h->heard = ++branch_events_;
  choose_branch();
}

// One that may be heard before one that may not, then what the gate says; else one that rings
// before one that says nothing, and the current one before others.
bool Call::goes_before(const Hunt& a, const Hunt& b) {
  const Leg &x = leg(a.leg), &y = leg(b.leg);
  const auto heard = [](const Leg& l, const Hunt& h) {
    return h.spoke_last != 0 && l.s.heard && l.early.media.backward;
  };
  const bool x_heard = heard(x, a), y_heard = heard(y, b);
  if (x_heard != y_heard) return x_heard;
  if (!x_heard) return x.s.phase == LegPhase::kEarly && y.s.phase != LegPhase::kEarly;
  switch (find_leg(state_.ingress)->profile->early_media_gate) {
    case EarlyMediaGate::kFirst: return a.spoke_first < b.spoke_first;
    case EarlyMediaGate::kActive:
      if (a.heard != b.heard) return a.heard > b.heard;
      break;
    case EarlyMediaGate::kLast: break;
  }
  return a.spoke_last > b.spoke_last;
}

void Call::choose_branch() {
  if (!forked() || was_terminated_ || success_) return;
  const Leg* now = find_leg(state_.egress);
  if (now && now->confirmed()) return;
  // An offer is on its way between it and the caller.
  if (still_tried(now) &&
      (now->server_update.value != 0 || now->asks() || find_leg(state_.ingress)->awaits()))
    return;
  const Hunt* best = still_tried(now) ? hunt_of(*now) : nullptr;
  for (const auto& h : hunts_)
    if (!h->over && h.get() != best && still_tried(find_leg(h->leg)) &&
        (!best || goes_before(*h, *best)))
      best = h.get();
  if (best) make_current(leg(best->leg));
}

void Call::make_current(Leg& out) {
  if (state_.egress == out.s.id) return;
  const Leg& in = *find_leg(state_.ingress);
  if (in.s.has_media) services_.media.unjoin(in.media);
  state_.egress = out.s.id;
  tell(EventKind::kState, &out, "of the targets that ring this one is the caller's now");
  if (out.s.heard || in.s.told) join_media();
  if (!out.confirmed()) tell_authorisation(out);
}

}  // namespace causeway::call
