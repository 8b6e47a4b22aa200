// Session timers (RFC 4028), for each dialog by itself: what the peers of a call agree with us is
// nobody else's business. The trail says who refreshes and when it was missed.
#include <algorithm>

#include "call/call.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using deployment::SessionTimer;
using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

namespace {

constexpr std::uint32_t kLongest = 86'400;  // seconds; a peer that names more gets this
constexpr Seconds kBusyWait{1};

std::uint32_t seconds_of(Seconds s) { return static_cast<std::uint32_t>(s.count()); }

std::uint32_t min_se_of(const sip::Message& m) {
  const auto least = sip::parse_seconds(m.value(HeaderId::kMinSe));
  return least ? std::min(*least, kLongest) : 0;
}

// Since it was refreshed: who waits gives up a third of it, or 32 s, before it is over (RFC 4028
// 10).
Micros end_of(const SessionState& s) {
  const Micros whole = Seconds(s.interval);
  return whole - std::min<Micros>(Seconds(32), whole / 3);
}

}  // namespace

// What an INVITE or UPDATE of the peer asks for; in force with our 2xx. False: it was answered 422,
// which nobody is who calls for help.
bool Call::hear_session(Leg& leg, transport::TxId tx, const sip::Message& m) {
  const auto& p = *leg.profile;
  leg.heard_session.reset();
  if (p.session_timer == SessionTimer::kOff) return true;
  const bool knows = sip::has_token(m, HeaderId::kSupported, "timer") ||
                     sip::has_token(m, HeaderId::kRequire, "timer");
  const auto asked = sip::parse_session_expires(m.value(HeaderId::kSessionExpires));
  SessionState s = leg.s.session;
  s.least = std::max(s.least, min_se_of(m));
  const std::uint32_t least = seconds_of(p.min_se);
  if (asked && asked->seconds < least && knows && !calls_for_help()) {
    refuse_session(leg, tx, m);
    return false;
  }
  if (asked) {
    s.interval = std::clamp(asked->seconds, least, kLongest);
    // Who is not named is chosen by us (RFC 4028 table 2): the peer, where it can.
    s.ours = asked->refresher == sip::Refresher::kUas || !knows;
  } else {
    // RFC 4028 9: one may be begun by whoever answers; a refresh without one ends it.
    s.interval = p.session_timer == SessionTimer::kRequest
                     ? std::max(seconds_of(p.session_expires), s.least)
                     : 0;
    s.ours = !knows;
  }
  leg.heard_session = s;
  return true;
}

void Call::refuse_session(Leg& leg, transport::TxId tx, const sip::Message& m) {
  const std::uint32_t least = seconds_of(leg.profile->min_se);
  tell(EventKind::kRefusal, &leg,
       "the session interval asked for is below min_se, " + std::to_string(least) + " s");
  const transport::Flow* flow = services_.layer.flow_of(tx);
  if (flow == nullptr) return;
  auto b = sip::begin_response(as_it_came(tx, m), 422, sip::reason_phrase(422),
                               leg.s.dialog.local_tag, flow->remote);
  b.header(HeaderId::kMinSe, static_cast<std::int64_t>(least));
  peers::add_common(b, *leg.profile, false);
  std::string bytes = b.finish();
  leave(leg, bytes);
  services_.layer.respond(tx, 422, std::move(bytes));
}

// What its 2xx to an INVITE or UPDATE of ours agrees to.
void Call::agree_on_session(Leg& leg, const sip::Message& success) {
  const auto& p = *leg.profile;
  if (p.session_timer == SessionTimer::kOff) return;
  SessionState& s = leg.s.session;
  if (!leg.s.ingress) s.least = std::max(s.least, floor_of(leg).seconds);
  const auto agreed = sip::parse_session_expires(success.value(HeaderId::kSessionExpires));
  if (agreed) {
    s.interval = std::clamp(agreed->seconds, std::min(seconds_of(p.min_se), kLongest), kLongest);
    s.ours = agreed->refresher != sip::Refresher::kUas;
  } else if (p.session_timer == SessionTimer::kRequest) {
    // RFC 4028 7.2: it does without, and we refresh for both.
    if (s.interval == 0) s.interval = std::max(seconds_of(p.session_expires), s.least);
    s.ours = true;
  } else {
    s.interval = 0;
  }
  refreshed(leg);
}

// Headers of our INVITE or UPDATE; `initial`: nothing is agreed yet.
void Call::ask_for_session(sip::Builder& b, const Leg& leg, bool initial) const {
  const auto& p = *leg.profile;
  const SessionState& s = leg.s.session;
  if (p.session_timer == SessionTimer::kOff) return;
  if (initial && p.session_timer != SessionTimer::kRequest) return;
  if (!initial && s.interval == 0) return;
  const std::uint32_t least =
      std::max(seconds_of(p.min_se), initial ? floor_of(leg).seconds : s.least);
  sip::SessionExpires x;
  x.seconds = initial ? std::max(seconds_of(p.session_expires), least) : s.interval;
  if (!initial) x.refresher = s.ours ? sip::Refresher::kUac : sip::Refresher::kUas;
  std::string value;
  sip::write(value, x);
  b.header(HeaderId::kSessionExpires, value);
  b.header(HeaderId::kMinSe, static_cast<std::int64_t>(std::min(least, x.seconds)));
}

// Headers of our 2xx to its INVITE or UPDATE.
void Call::confirm_session(sip::Builder& b, const Leg& leg) const {
  const SessionState& s = leg.s.session;
  if (leg.profile->session_timer == SessionTimer::kOff || s.interval == 0) return;
  std::string value;
  sip::write(value, {s.interval, s.ours ? sip::Refresher::kUas : sip::Refresher::kUac});
  b.header(HeaderId::kSessionExpires, value);
  if (!s.ours) b.header(HeaderId::kRequire, "timer");
}

// The clock begins again.
void Call::refreshed(Leg& leg) {
  leg.s.session.refreshed = services_.reactor.wall();
  leg.refreshed_at = services_.reactor.now();
  watch_session(leg);
}

// The clock of the machine may be set: it counts only across a hand-over.
void Call::restore_session(Leg& leg) {
  const auto ago = [&](WallTime at) {
    return Micros(std::max<std::int64_t>(0, services_.reactor.wall().micros - at.micros));
  };
  if (leg.s.session.interval == 0) return;
  leg.refreshed_at = services_.reactor.now() - ago(leg.s.session.refreshed);
  leg.tried_at = services_.reactor.now() - ago(leg.s.session.tried);
  watch_session(leg);
}

void Call::watch_session(Leg& leg) {
  stop_timer(leg.session);
  const SessionState& s = leg.s.session;
  if (s.interval == 0 || was_terminated_ || !leg.confirmed()) return;
  const Micros age = services_.reactor.now() - leg.refreshed_at;
  const Micros whole = Seconds(s.interval), end = end_of(s);
  // RFC 4028 10: half of it for who refreshes. What failed is tried again after a while, and does
  // not end the call before its time.
  Micros due = end;
  if (s.ours) {
    const Micros tried = leg.tried_at - leg.refreshed_at;
    due = std::min(end, std::max(whole / 2, tried + std::min<Micros>(Seconds(32), whole / 8)));
  }
  start_timer(leg.session, std::max<Micros>(due - age, Millis(10)), TimerKind::kSession, leg);
}

void Call::on_session_timer(Leg& leg) {
  leg.session = {};
  SessionState& s = leg.s.session;
  if (s.interval == 0 || was_terminated_ || !leg.confirmed()) return;
  const Micros age = services_.reactor.now() - leg.refreshed_at;
  const std::string who = leg.s.peer.empty() ? leg.s.group : leg.s.peer;
  if (age >= end_of(s)) {
    if (is_transferor(leg)) return transferor_left("its session was not refreshed");
    terminate({TerminationClass::kDropped, ReleasedBy::kGateway, 200, 102,
               "the session with " + who + " was not refreshed within " +
                   std::to_string(std::chrono::duration_cast<Seconds>(age).count()) + " s of " +
                   std::to_string(s.interval)},
              nullptr, nullptr);
    return;
  }
  if (!s.ours) return watch_session(leg);
  refresh_next_hop(leg);
  if (leg.busy() || leg.asks() || leg.locating || leg.refresh.value != 0 || !can_offer(leg)) {
    start_timer(leg.session, kBusyWait, TimerKind::kSession, leg);
    return;
  }
  tell(EventKind::kTimer, &leg,
       "half of a session of " + std::to_string(s.interval) + " s is over: refreshed");
  if (peer_allows(leg, Method::kUpdate) && allows(leg, "UPDATE")) {
    const std::string branch = sip::make_branch(owner(), services_.reactor.random());
    auto b = in_dialog(leg, Method::kUpdate, branch, ++leg.s.dialog.local_cseq);
    (void)send_in_dialog(leg, Method::kUpdate, b.finish(), branch);
    leg.refresh = std::exchange(leg.client_update, {});
  } else {
    leg.told_before = leg.s.told;
    leg.passed_before = leg.s.passed_on;
    // The same SDP with the same version (TDR-86); what it refused last is not said again.
    Result<std::string> sdp = leg.s.last_refused && leg.s.told
                                  ? make_offer(leg, *leg.s.told)
                                  : Result<std::string>(leg.s.offer_answer.last_local);
    if (!sdp) return tell(EventKind::kError, &leg, sdp.error().what);
    leg.repeats = !leg.s.last_refused;
    send_sdp(leg, *sdp, false);
  }
  s.tried = services_.reactor.wall();
  leg.tried_at = services_.reactor.now();
  watch_session(leg);
}

// An UPDATE without an offer; 0: no answer came.
void Call::on_refresh_answer(Leg& leg, int status, const sip::Message* m) {
  leg.refresh = {};
  if (was_terminated_ || !leg.confirmed()) return;
  if (status >= 200 && status < 300 && m != nullptr) {
    learn_target(leg, *m);
    agree_on_session(leg, *m);
    return;
  }
  if (status == 481) {  // RFC 5057: the dialog is gone
    if (is_transferor(leg)) return transferor_left("its dialog is gone");
    leg.s.phase = LegPhase::kEnded;
    terminate(
        {TerminationClass::kDropped, ReleasedBy::kGateway, 200, 31, "a refresh was answered 481"},
        &leg, nullptr);
    return;
  }
  (void)session_too_small(leg, status, m);
}

// 422: the interval that its Min-SE wants, from the next refresh on.
bool Call::session_too_small(Leg& leg, int status, const sip::Message* m) {
  if (status != 422 || m == nullptr) return false;
  const std::uint32_t least = min_se_of(*m);
  if (least <= leg.s.session.interval) return false;
  tell(EventKind::kNote, &leg, "session interval raised to " + std::to_string(least) + " s");
  leg.s.session.interval = leg.s.session.least = least;
  return true;
}

// Our first INVITE got 422: again with what the peer wants, at most twice in a call.
bool Call::ask_again_for_session(Leg& leg, const sip::Message& m) {
  constexpr unsigned kMost = 2;
  const std::uint32_t least = min_se_of(m);
  Hunt* const h = hunt_of(leg);
  SessionFloor& floor = h ? h->session : target_session_;
  if (leg.profile->session_timer != SessionTimer::kRequest || least <= floor.seconds ||
      ++floor.raised > kMost)
    return false;
  floor.seconds = least;
  tell(EventKind::kRouteAttempt, &leg,
       leg.s.peer + " wants a session interval of " + std::to_string(least) + " s: asked again");
  stop_timer(leg.progress);
  stop_timer(leg.ring);
  leg.client_invite = {};
  if (leg.s.phase == LegPhase::kNew && (h || is_target(leg))) {
    h ? leave_initial_invite(*h, leg) : leave_target_invite(leg);
    return true;
  }
  close_media(leg);
  leg_ended(leg);
  if (is_target(leg)) {
    transfer_->destinations.push_back(*leg.attempt);
    next_target();
    return true;
  }
  if (!h) return false;
  h->destinations.push_back(*leg.attempt);
  next_way(*h);
  return true;
}

}  // namespace causeway::call
