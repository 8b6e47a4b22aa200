// Transfers that a party of the call asks for (RFC 3515, 5589): the gateway is the transferee. The
// REFER ends here; what comes of it is an INVITE to the peers of whoever asked, a new leg that
// takes the transferor's place in the pair that talks, and NOTIFYs of how it goes. While the target
// is called the pair is already the one that is wanted, so that reconcile() has no case of its own;
// a transfer that fails puts the transferor back, and reconcile() says again what was said before.
#include "call/transfer.h"

#include <algorithm>
#include <utility>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "tone/wav.h"

namespace causeway::call {

using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;
using Phase = Transfer::Phase;

// --- The request --------------------------------------------------------------------------------

bool Call::may_refer(const Leg& leg, const transport::Received& r, Refer& refer,
                     ReferRefusal& refusal) {
  const auto refuse = [&](int status, std::string why) {
    refusal = {status, std::move(why)};
    return false;
  };
  if (leg.profile->transfer == deployment::Transfers::kRefuse)
    return refuse(403, "group '" + leg.s.group + "' may not transfer (profile.transfer)");
  const bool talks = leg.s.id == state_.ingress || leg.s.id == state_.egress;
  const Leg* far = talks ? other(leg) : nullptr;
  if (transferring()) return refuse(491, "a transfer of this call is under way");
  if (was_terminated_ || state_.answered.micros == 0 || !leg.confirmed() || !far ||
      !far->confirmed())
    return refuse(491, "nobody talks in this dialog who could be transferred");
  const std::uint32_t most = deployment_->limits.transfers;
  if (state_.transfers >= most)
    return refuse(403, "the call was transferred " + std::to_string(state_.transfers) +
                           " times: limits.transfers");
  // Those that fail are not counted there; a peer that goes on failing is stopped all the same.
  std::uint32_t taken = 0;
  for (const auto& l : legs_) taken += l->s.refers;
  if (taken >= 4 * most || legs_.size() + Transfer::kMostAttempts > kMaxLegs)
    return refuse(403, std::to_string(taken) + " transfers of this call were tried already");
  if (!read_refer(r.message, *leg.profile, leg.transport == Transport::kTls, refer, refusal))
    return false;
  if (!refer.replaces) return true;
  if (leg.profile->replaces != deployment::ReplacesWith::kBoth && !is_ours(*refer.replaces))
    return refuse(403, "these peers are not sent the Replaces in Refer-To (profile.replaces)");
  for (const auto& l : legs_)
    if (l->s.dialog.call_id == refer.replaces->call_id &&
        l->s.dialog.local_tag == refer.replaces->to_tag)
      return refuse(400, "the Replaces in Refer-To names the call that is to be transferred");
  return true;
}

// A dialog of this gateway, whether there still is one or not.
bool Call::is_ours(const NamedDialog& dialog) const {
  const auto owned = sip::owner_of_tag(dialog.to_tag);
  return owned && owned->node == deployment_->operation.node;
}

void Call::on_refer(Leg& leg, transport::TxId tx, const transport::Received& r) {
  Refer refer;
  ReferRefusal refusal;
  if (!may_refer(leg, r, refer, refusal)) return refuse_refer(leg, tx, r.message, refusal);
  if (const auto ok = anchor("a party is transferred"); !ok)
    return refuse_refer(leg, tx, r.message, {503, ok.error().what});
  if (transfer_) finish_transfer();  // its transferor has still not hung up
  accept_refer(leg, tx, r.message, refer);
  const auto& named = transfer_->refer.replaces;
  if (!named || !is_ours(*named)) return call_target();
  // The dialog that it names is one of ours: the two calls become one, without a further leg.
  transfer_->phase = Phase::kAsking;
  start_timer(transfer_->timer, Transfer::kGrace, TimerKind::kTransfer, leg);
  services_.owner.ask_to_join({state_.id, *named, leg.s.group, state_.account});
}

void Call::refuse_refer(Leg& leg, transport::TxId tx, const sip::Message& m,
                        const ReferRefusal& refusal) {
  tell(EventKind::kRefusal, &leg, "REFER refused: " + refusal.why);
  services_.counters.transfers.add("refused");
  const auto* flow = services_.layer.flow_of(tx);
  if (!flow) return;
  auto b =
      sip::begin_response(as_it_came(tx, m), refusal.status, sip::reason_phrase(refusal.status),
                          leg.s.dialog.local_tag, flow->remote);
  peers::add_common(b, *leg.profile, false);
  b.header(HeaderId::kReason, reason_value(policy::q850_of_status(refusal.status), refusal.why));
  std::string bytes = b.finish();
  leave(leg, bytes);
  services_.layer.respond(tx, refusal.status, std::move(bytes));
}

void Call::accept_refer(Leg& leg, transport::TxId tx, const sip::Message& m, const Refer& refer) {
  ++leg.s.refers;
  transfer_ = std::make_unique<Transfer>();
  transfer_->transferor = leg.s.id;
  transfer_->waiting = other(leg)->s.id;
  transfer_->refer = refer;
  services_.counters.transfers.add("accepted");
  tell(EventKind::kDecision, &leg,
       std::string(refer.replaces ? "attended" : "blind") + " transfer to " + refer.target +
           (refer.by.empty() ? "" : ", by " + refer.by) + ": carried out here, towards group '" +
           leg.s.group + "'");
  for (const auto& name : refer.left_out)
    tell(EventKind::kNote, &leg,
         "header " + name + " of Refer-To does not go on (profile.pass_headers)");
  if (const auto* flow = services_.layer.flow_of(tx)) {
    auto b = sip::begin_response(as_it_came(tx, m), 202, sip::reason_phrase(202),
                                 leg.s.dialog.local_tag, flow->remote);
    b.header(HeaderId::kContact, peers::contact_value(side(leg), leg.s.number));
    peers::add_common(b, *leg.profile, false);
    if (!refer.tells) b.header("Refer-Sub", "false");  // RFC 4488 4
    std::string bytes = b.finish();
    leave(leg, bytes);
    services_.layer.respond(tx, 202, std::move(bytes));
  }
  leg.refer.reset();
  if (!refer.tells) return;
  // RFC 3515 2.4.6: from the second REFER of a dialog on its CSeq tells the subscriptions apart.
  const auto& timers = deployment_->group(leg.group).timers;
  leg.refer = std::make_unique<ReferSubscription>(
      leg.s.refers > 1 ? "refer;id=" + std::to_string(m.cseq()) : "refer",
      services_.reactor.now() + timers.hunt + timers.ring);
  tell_transferor(100, "Trying");
}

// --- What the transferor hears -------------------------------------------------------------------

void Call::tell_transferor(int status, std::string_view reason) {
  Leg& by = leg(transfer_->transferor);
  if (!by.refer) return;
  by.refer->say(status, reason);
  send_notify(by);
}

void Call::send_notify(Leg& leg) {
  if (!leg.refer) return;
  const auto said = leg.refer->next(services_.reactor.now());
  if (!said) return;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  auto b = in_dialog(leg, Method::kNotify, branch, ++leg.s.dialog.local_cseq);
  b.header(HeaderId::kContact, peers::contact_value(side(leg), leg.s.number));
  b.header(HeaderId::kEvent, leg.refer->event());
  b.header(HeaderId::kSubscriptionState, said->state);
  leg.notify = send_in_dialog(leg, Method::kNotify,
                              b.finish(said->fragment, "message/sipfrag;version=2.0"), branch);
  // One that waits for the next hop's address has no number yet by which its answer would be known.
  if (leg.notify.value == 0) on_notified(leg, 200);
}

void Call::on_notified(Leg& leg, int status) {
  leg.notify = {};
  if (!leg.refer) return;
  if (status >= 200 && status < 300) {
    leg.refer->sent_one_was_answered();
  } else {
    tell(EventKind::kNote, &leg,
         status == 0 ? "NOTIFY was not answered: the transferor hears no more of it"
                     : "NOTIFY was answered " + std::to_string(status) +
                           ": the transferor hears no more of it");
    leg.refer->gone();
  }
  if (leg.refer->over())
    leg.refer.reset();
  else
    send_notify(leg);
}

// --- The target ----------------------------------------------------------------------------------

void Call::put_in_place(LegId old, LegId now) {
  if (state_.ingress == old)
    state_.ingress = now;
  else if (state_.egress == old)
    state_.egress = now;
}

// TDR-100: to the peers of whoever asked, whatever the target looks like; neither number routing
// nor screening sees it.
void Call::call_target() {
  Transfer& t = *transfer_;
  const Leg& by = leg(t.transferor);
  stop_timer(t.timer);
  t.phase = Phase::kCalling;
  t.deadline = services_.reactor.now() + deployment_->group(by.group).timers.hunt;
  for (const auto p : services_.peers.candidates(by.group, calls_for_help()))
    t.peers.push_back(deployment_->peer(p).name);
  std::reverse(t.peers.begin(), t.peers.end());
  // Where the call is already comes first.
  if (std::erase(t.peers, by.s.peer) != 0) t.peers.push_back(by.s.peer);
  next_target();
}

void Call::next_target() {
  while (transfer_ && !was_terminated_) {
    Transfer& t = *transfer_;
    const Leg& by = leg(t.transferor);
    if (t.attempts >= Transfer::kMostAttempts || services_.reactor.now() >= t.deadline ||
        (t.destinations.empty() && t.peers.empty()))
      return transfer_failed(t.last_status != 0 ? t.last_status : 503,
                             t.last_why.empty() ? "no peer of the group can be asked" : t.last_why);
    if (!t.destinations.empty()) return try_target();
    t.peer = std::move(t.peers.back());
    t.peers.pop_back();
    const auto peer = deployment_->find_peer(t.peer);
    if (!peer) continue;
    if (auto full = services_.admission.towards(by.group, *peer, calls_for_help(),
                                                services_.reactor.now(), t.counted)) {
      t.last_status = full->status;
      t.last_why = full->text;
      continue;
    }
    auto where = services_.locator.locate(
        peers::request_for(*deployment_, deployment_->peer(*peer)),
        peers::ways_of(*deployment_, by.group), peers::Locator::Origin::kConfigured,
        deployment_->group(by.group).timers.silence, *this, kTargetToken << 32);
    if (where) on_target_located(std::move(*where));
    return;
  }
}

void Call::on_target_located(Result<std::vector<transport::Destination>> where) {
  if (!transfer_ || transfer_->phase != Phase::kCalling || was_terminated_) return;
  Transfer& t = *transfer_;
  t.destinations.clear();
  if (where) {
    for (auto& d : *where) {
      const auto out = deployment_->way_out(leg(t.transferor).group, d.remote.address.is_v6());
      if (!out) continue;
      d.listener = *out;
      t.destinations.push_back(d);
    }
    std::reverse(t.destinations.begin(), t.destinations.end());
  } else {
    t.last_why = t.peer + ": " + where.error().what;
    tell(EventKind::kRouteAttempt, nullptr, t.last_why);
  }
  next_target();
}

void Call::try_target() {
  Transfer& t = *transfer_;
  const Leg& by = leg(t.transferor);
  const transport::Destination to = std::move(t.destinations.back());
  t.destinations.pop_back();
  const auto peer = deployment_->find_peer(t.peer);
  if (!peer || legs_.size() >= kMaxLegs) return next_target();
  ++t.attempts;
  Leg& target = add_leg(false, by.group);
  target.s.peer = t.peer;
  target.s.host = by.s.host;  // TDR-104: of the same customer
  target.s.for_gateway = by.s.for_gateway;
  target.s.internal = by.s.internal;
  target.s.number = by.s.number;  // ... and for the same party
  if (to.listener != target.listener) use_listener(target, to.listener);
  peers::allow_tcp(*deployment_, *peer, target.attempt.emplace(to));
  target.s.next_hop = {to.remote, to.transport, to.tls_name, wall_of(to.expires)};
  target.attempt_began = services_.reactor.now();
  put_in_place(t.target.value != 0 ? t.target : t.transferor, target.s.id);
  t.target = target.s.id;
  tell(EventKind::kRouteAttempt, &target,
       "asking " + t.peer + " at " + to.remote.to_string() + " for " + t.refer.target);
  if (auto ok = send_target_invite(target); !ok) {
    close_media(target);
    leg_ended(target);
    transfer_failed(ok.error().code == ErrorCode::kNotAcceptable ? 488 : 503, ok.error().what);
  }
}

// RFC 7989 7: whoever is handed over goes on under its own half, and nobody has the other yet.
// Empty: the target's profile does not list the header, Refer-To has one, or none is known.
std::string Call::session_id_for(const Leg& target, const Leg& waiting) const {
  constexpr std::string_view kNil = "00000000000000000000000000000000";
  if (waiting.s.session_id.empty() ||
      !lets_pass(*target.profile, "Session-ID", trusted(target) && trusted(waiting)))
    return {};
  for (const auto& h : transfer_->refer.headers)
    if (sip::iequals(h.name, "Session-ID")) return {};
  return waiting.s.session_id + ";remote=" + std::string(kNil);
}

Status Call::send_target_invite(Leg& target) {
  const Transfer& t = *transfer_;
  const Leg& waiting = leg(t.waiting);
  if (auto ok = open_media(target); !ok) return ok;
  use_gate(target, waiting);
  auto wish = wish_for(target, wanted_by(waiting), waiting);
  if (!wish) return tl::unexpected(wish.error());
  if (auto sdp = make_offer(target, *wish); !sdp) return tl::unexpected(sdp.error());
  Dialog& d = target.s.dialog;
  d.ours = true;
  d.call_id =
      sip::make_tag(owner(), services_.reactor.random()) + "@" + peers::own_host(side(target));
  leave_target_invite(target);
  return {};
}

// Also once more, as leave_initial_invite().
void Call::leave_target_invite(Leg& target) {
  const Transfer& t = *transfer_;
  const peers::LocalSide us = side(target);
  Dialog& d = target.s.dialog;
  d.local_party =
      leg(t.transferor).s.dialog.local_party;  // who waits, as the transferor knows them
  d.remote_target = t.refer.target;            // TDR-101: byte for byte
  d.remote_party = "<" + t.refer.target + ">";
  ++d.local_cseq;
  target.refused_invite = false;
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  sip::Builder b(2048);
  b.request_line("INVITE", d.remote_target);
  b.header(HeaderId::kVia, peers::via_value(us, branch));
  b.header(HeaderId::kMaxForwards, 70);
  b.begin(HeaderId::kFrom).add(d.local_party).add(";tag=").add(d.local_tag).end_line();
  b.header(HeaderId::kTo, d.remote_party);
  b.header(HeaderId::kCallId, d.call_id);
  b.begin(HeaderId::kCSeq).number(d.local_cseq).add(" INVITE").end_line();
  b.header(HeaderId::kContact, peers::contact_value(us, target.s.number));
  if (const auto route = record_route(target); !route.empty())
    b.header(HeaderId::kRecordRoute, route);
  ask_for_session(b, target, true);
  const bool reliable = target.profile->reliable_provisionals == deployment::Reliability::kRequired;
  if (t.refer.replaces || reliable)
    b.header(HeaderId::kRequire, t.refer.replaces && reliable ? "replaces, 100rel"
                                 : reliable                   ? "100rel"
                                                              : "replaces");
  if (t.refer.replaces) b.header(HeaderId::kReplaces, to_header(*t.refer.replaces));
  if (!t.refer.referred_by.empty()) b.header(HeaderId::kReferredBy, t.refer.referred_by);
  peers::add_common(b, *target.profile, true);
  if (trusts_header(target)) b.header("P-Early-Media", "supported");
  if (const std::string id = session_id_for(target, leg(t.waiting)); !id.empty())
    b.header(HeaderId::kSessionId, id);
  for (const auto& h : t.refer.headers) b.header(h.name, h.value);
  std::string invite = b.finish(target.s.offer_answer.last_local, "application/sdp");

  leave(target, invite);
  target.client_invite = services_.layer.send_request(std::move(invite), branch, Method::kInvite,
                                                      *target.attempt, user(target));
  start_timer(target.silence, deployment_->group(target.group).timers.silence, TimerKind::kSilence,
              target);
}

// TDR-106: whoever waits hears ringing, of the target's making where there is some.
void Call::target_rings(const sip::Message& m, int status, bool with_sdp) {
  Transfer& t = *transfer_;
  if (t.phase != Phase::kCalling) return;
  tell_transferor(status, m.reason_phrase());
  const bool first = !std::exchange(t.rings, true);
  if (first) services_.media.unjoin(leg(t.waiting).media);
  if (with_sdp) join_media();
  if (first) ring_waiting();
}

void Call::ring_waiting() {
  const Leg& waiting = leg(transfer_->waiting);
  const auto& p = *waiting.profile;
  const auto& cadence =
      p.ringback ? *p.ringback : tone::recommended_cadence(tone::Signal::kRingback);
  if ((p.ringback_sound && services_.media.ring(waiting.media, *p.ringback_sound)) ||
      services_.media.ring(waiting.media, cadence))
    tell(EventKind::kNote, &waiting, "hears ringing of ours while the target rings");
}

// What reconcile() does not see: the transferor stands beside the pair that talks.
void Call::attend_transfer() {
  Transfer& t = *transfer_;
  Leg& by = leg(t.transferor);
  Leg& waiting = leg(t.waiting);
  if (by.s.id != state_.ingress && by.s.id != state_.egress && by.awaits() && !t.moved)
    answer_offer(by, wanted_by(waiting), waiting.profile->sdp.hold);
  if (t.phase != Phase::kCalling || !t.rings || !waiting.s.told || waiting.busy()) return;
  // On hold nobody hears anything: it ends with the first ring.
  constexpr auto kBoth = sdp::Direction::kSendRecv;
  if (reaching(waiting, kBoth) != reaching(waiting, waiting.s.told->direction) &&
      waiting.s.refused != kBoth && waiting.retry.value == 0 && can_offer(waiting)) {
    sdp::MediaWish wish = wanted_by(by);
    wish.direction = kBoth;
    t.resumed = send_offer(waiting, wish, false);
    return;
  }
  if (std::exchange(t.resumed, false)) ring_waiting();
}

// --- The end of it -------------------------------------------------------------------------------

void Call::target_failed(int status, const std::string& why) {
  Transfer& t = *transfer_;
  t.last_status = status == 0 ? 408 : status;
  t.last_why = why;
  const bool more = !t.destinations.empty() || !t.peers.empty();
  if (more && !t.rings && (status == 0 || policy::may_retry(status))) {
    tell(EventKind::kRouteAttempt, &leg(t.target), why);
    return next_target();
  }
  transfer_failed(t.last_status, why);
}

void Call::target_answered(Leg& target, const transport::Received& r) {
  const auto parts = body_parts(r.message);
  const Status ok = take_final_answer(target, parts ? sdp_of(*parts) : std::string_view{});
  if (!ok) {
    tell(EventKind::kError, &target, ok.error().what);
    send_bye(target, nullptr);
    close_media(target);
    return target_failed(
        488, target.s.peer + " answered with media that cannot be used: " + ok.error().what);
  }
  Transfer& t = *transfer_;
  t.phase = Phase::kDone;
  services_.media.stop_ringing(leg(t.waiting).media);
  join_media();
  fill_silence();
  target.s.signalled = services_.reactor.wall();
  watch_over(target);
  (state_.ingress == target.s.id ? from_ : towards_) = std::move(t.counted);
  remember_transfer(t.transferor, target.s.id, t.refer.by, t.refer.target, t.refer.id);
  services_.counters.transfers.add("completed");
  tell(EventKind::kState, &target, "transferred: " + t.refer.target + " has answered");
  tell_path();
  tell_transferor(200, "OK");
  if (t.gone)
    finish_transfer();
  else
    start_timer(t.timer, Transfer::kGrace, TimerKind::kTransfer, leg(t.transferor));
  reconcile();
}

// For the record: who the parties were when the call was answered, and what has become of it.
void Call::remember_transfer(LegId old, LegId now, std::string by, std::string to, std::string id) {
  if (state_.first_ingress.value == 0) {
    state_.first_ingress = state_.ingress == now ? old : state_.ingress;
    state_.first_egress = state_.egress == now ? old : state_.egress;
  }
  ++state_.transfers;
  Transferred t = state_.transferred ? std::move(*state_.transferred) : Transferred{};
  t.by = std::move(by);
  t.to = std::move(to);
  if (!id.empty()) t.id = std::move(id);
  if (const Leg* l = find_leg(now)) t.call_id = l->s.dialog.call_id;
  state_.transferred = std::move(t);
}

void Call::transfer_failed(int status, const std::string& why) {
  services_.counters.transfers.add("failed");
  tell(EventKind::kState, &leg(transfer_->transferor),
       "transfer to " + transfer_->refer.target + " failed: " + why);
  tell_transferor(status, sip::reason_phrase(status));
  const auto t = std::move(transfer_);
  stop_timer(t->timer);
  if (t->target.value != 0) put_in_place(t->target, t->transferor);
  const Leg& waiting = leg(t->waiting);
  services_.media.stop_ringing(waiting.media);
  if (t->rings) services_.media.unjoin(waiting.media);
  if (was_terminated_) return;
  if (t->gone) {
    terminate({TerminationClass::kTransferFailed, ReleasedBy::kGateway, 200,
               policy::q850_of_status(status),
               "transferred to " + t->refer.target + ", which was not reached (" + why +
                   "), by a party that had hung up"},
              nullptr, nullptr);
    return;
  }
  // As it was: what is different from what was told is said again.
  join_media();
  reconcile();
}

bool Call::bye_in_transfer(Leg& leg, transport::TxId tx, const transport::Received& r) {
  if (!transfer_ || was_terminated_) return false;
  if (is_target(leg) && leg.s.phase < LegPhase::kConfirmed) {
    simple_response(leg, tx, r.message, 481, "the call is not answered yet");
    return true;
  }
  if (!is_transferor(leg)) return false;
  simple_response(leg, tx, r.message, 200, {});
  transferor_left("it hung up");
  return true;
}

// It need not wait for the outcome (TDR-107). The subscription outlives the call in its dialog (RFC
// 5057 4.1): a peer that has forgotten it says 481.
void Call::transferor_left(const std::string& why) {
  Leg& by = leg(transfer_->transferor);
  if (by.server_invite.value != 0 && !by.answered) refuse_offer(by, 487, "the call is over");
  if (by.server_invite.value != 0) services_.layer.acknowledged(by.server_invite);
  by.server_invite = {};
  leg_ended(by);
  close_media(by);
  transfer_->gone = true;
  if (transfer_->phase == Phase::kDone) return finish_transfer();
  tell(EventKind::kState, &by, "the transferor is gone (" + why + "): the transfer goes on");
  reconcile();  // who waits may have been asking it something
}

void Call::end_transferor(Leg& by) {
  close_media(by);
  end_leg(by, nullptr);
}

// The transferor has no part in it any more.
void Call::finish_transfer() {
  const auto t = std::move(transfer_);
  stop_timer(t->timer);
  if (!t->gone) end_transferor(leg(t->transferor));
  if (!t->moved || was_terminated_) return;
  terminate({TerminationClass::kCompleted, ReleasedBy::kGateway, 200, 16,
             "transferred into another call of the gateway"},
            nullptr, nullptr);
}

// The call is over while it is transferred.
void Call::give_up_transfer() {
  if (transfer_->phase != Phase::kDone) {
    tell_transferor(487, sip::reason_phrase(487));
    services_.counters.transfers.add("failed");
  }
  stop_timer(transfer_->timer);
  transfer_.reset();
}

void Call::on_transfer_timer() {
  if (!transfer_) return;
  Transfer& t = *transfer_;
  t.timer = {};
  switch (t.phase) {
    case Phase::kCalling: return;
    case Phase::kAsking: return transfer_failed(503, "the shard that has that dialog is behind");
    case Phase::kMoving: return move_waiting();
    case Phase::kDone:
      tell(EventKind::kTimer, &leg(t.transferor), "did not hang up after the transfer: hung up on");
      return finish_transfer();
  }
}

}  // namespace causeway::call
