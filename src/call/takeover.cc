// One dialog takes the place of another (RFC 3891): an INVITE with Replaces that comes to us, and
// two calls of ours that become one because a transfer names a dialog of the other. The party on
// the far side of the replaced dialog keeps its own, and its media is planned anew.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/headers.h"

namespace causeway::call {

using sdp::Carrier;
using sdp::SdpMeaning;
using sdp::Side;
using sip::HeaderId;
using telemetry::EventKind;
using Phase = Transfer::Phase;

namespace {

std::string in_hex(CallId id) { return fmt::format("{:013x}", id.value); }

}  // namespace

// --- May it? -------------------------------------------------------------------------------------

JoinAnswer Call::may_join(LegId id, const JoinQuestion& q) const {
  const Leg* old = const_cast<Call*>(this)->find_leg(id);
  const auto no = [](int status, std::string why) {
    return JoinAnswer{status, std::move(why), {}};
  };
  if (!old || old->s.dialog.call_id != q.dialog.call_id ||
      old->s.dialog.local_tag != q.dialog.to_tag || old->s.dialog.remote_tag != q.dialog.from_tag)
    return no(481, "the dialog to be replaced is not known");
  if (was_terminated_ || old->s.phase == LegPhase::kEnding || old->s.phase == LegPhase::kEnded)
    return no(603, "the dialog to be replaced is over");
  if (q.from == state_.id) return no(400, "the call is to be replaced by itself");
  if (old->s.group != q.group)
    return no(403, "the dialog to be replaced is one of group '" + old->s.group + "', not '" +
                       q.group + "'");
  if (!q.account.empty() && !state_.account.empty() && q.account != state_.account)
    return no(403, "the dialog to be replaced is another account's");
  // RFC 3891 3: an early dialog that was begun by its peer is not replaced.
  const bool rings = old->s.phase == LegPhase::kEarly && !old->s.ingress && other(*old) &&
                     state_.answered.micros == 0;
  if (old->s.phase != LegPhase::kConfirmed && !rings)
    return no(481, "the dialog to be replaced is not answered yet");
  if (q.dialog.early_only && !rings)
    return no(486, "the dialog was to be replaced only while it rings");
  const Leg* far = other(*old);
  const bool moves = transfer_ && (transferring() || transfer_->moved || is_transferor(*old));
  if (moves || !far || (!rings && !far->confirmed()))
    return no(491, "the call of the dialog to be replaced is being transferred");
  if (!rings && state_.transfers >= deployment_->limits.transfers)
    return no(403, "the call was handed over as often as it may (limits.transfers)");
  // A ringing call may have a hunt before it; those that were refused cost a leg, too.
  if (legs_.size() + kMaxAttempts > kMaxLegs)
    return no(503, "the call has had more legs than it may");
  return {200, {}, state_.id};
}

// --- An INVITE with Replaces ---------------------------------------------------------------------

Call::Leg& Call::begin_taker(const Leg& old, transport::TxId tx, const transport::Received& r,
                             const RuledInvite& ruled) {
  Leg& leg = add_leg(true, r.group);
  use_listener(leg, r.flow.listener);
  leg.s.next_hop = {r.flow.remote, r.flow.transport, "", {}};
  if (const auto peer = services_.peers.peer_at(r.group, r.flow.remote))
    leg.s.peer = deployment_->peer(*peer).name;
  leg.s.host = old.s.host;
  leg.s.for_gateway = old.s.for_gateway;
  leg.s.number = old.s.number;
  if (r.flow.transport != Transport::kUdp) leg.s.next_hop.remote.port = 0;
  leg.server_invite = tx;
  leg.invite_cseq = r.message.cseq();
  services_.layer.set_user(tx, user(leg));
  const sip::Message& came = as_it_came(tx, r.message);
  record_message(leg, true, came.bytes());
  tell_changes(leg, rules::Direction::kIn, ruled.changes);
  remember(state_.variables, ruled.variables);
  learn_dialog(leg, came, false);
  if (leg.s.next_hop.remote.port == 0 && !leg.locating)
    leg.s.next_hop.remote = {
        r.flow.remote.address,
        static_cast<std::uint16_t>(r.flow.transport == Transport::kTls ? 5061 : 5060)};
  return leg;
}

// Reads what it offers and takes ports for it. False: it was answered with a failure.
bool Call::hear_taker(Leg& leg, const sip::Message& m) {
  const transport::TxId tx = leg.server_invite;
  if (refuse_extensions(leg, tx, m) || !hear_session(leg, tx, m)) return false;
  const auto sdp = sdp_in(leg, tx, m);
  if (!sdp) return false;
  if (sdp->empty()) {
    leg.offerless = true;
    sdp::step(leg.s.offer_answer, {Side::kPeer, Carrier::kInvite, false});
  } else {
    auto offer = sdp::remote_offer(leg.s.offer_answer, *sdp, leg.profile->sdp);
    if (!offer) {
      simple_response(leg, tx, m, offer.error().code == ErrorCode::kNotAcceptable ? 488 : 400,
                      offer.error().what);
      return false;
    }
    leg.s.heard = offer->sdp.wish;
    leg.s.own = offer->sdp.wish.direction;
    leg.s.attributes = offer->sdp.attributes;
    leg.offer = std::move(offer->sdp);
  }
  if (deployment_->group(leg.group).internal_realm)
    leg.s.internal = place_of(m, leg.profile->local_media).internal;
  if (auto ok = open_media(leg); !ok) {
    simple_response(leg, tx, m, 503, ok.error().what);
    return false;
  }
  if (const auto wrong = leg.offer ? wrong_media(leg, *leg.offer) : std::string(); !wrong.empty()) {
    simple_response(leg, tx, m, 488, wrong);
    return false;
  }
  return true;
}

// 200 with what the party on the far side wants. False: a failure.
bool Call::answer_taker(Leg& taker, const sip::Message& m) {
  const Leg& far = *other(taker);
  Result<std::string> sdp = [&]() -> Result<std::string> {
    if (taker.offer)
      return make_answer(taker, wanted_by(far), far.profile->sdp.hold, sdp::AnswerKind::kFinal);
    auto wish = wish_for(taker, wanted_by(far), far);
    if (!wish) return tl::unexpected(wish.error());
    auto offer = make_offer(taker, *wish);
    if (offer)
      sdp::commit(taker.s.offer_answer, {Side::kUs, Carrier::kSuccess, true},
                  {SdpMeaning::kOffer, 0});
    return offer;
  }();
  if (!sdp) {
    simple_response(taker, taker.server_invite, m, status_of(sdp.error()), sdp.error().what);
    return false;
  }
  taker.offer.reset();
  taker.answered = true;
  taker.s.phase = LegPhase::kConfirmed;
  respond(taker, taker.server_invite, m, 200, nullptr, {"application/sdp", *sdp}, 0, {});
  taker.s.signalled = services_.reactor.wall();
  watch_over(taker);
  return true;
}

bool Call::take_over(LegId id, const NamedDialog& dialog, transport::TxId tx,
                     const transport::Received& r, const RuledInvite& ruled,
                     ReferRefusal& refusal) {
  const sip::Message& m = r.message;
  JoinAnswer may = may_join(id, {{}, dialog, deployment_->group(r.group).name, {}});
  if (may.status != 200) {
    refusal = {may.status, std::move(may.why)};
    return false;
  }
  if (const auto ok = anchor("another party comes in"); !ok) {
    refusal = {503, ok.error().what};
    return false;
  }
  if (transfer_) finish_transfer();  // it is done, and its transferor had time to hang up
  Leg& old = leg(id);
  const bool rings = old.s.phase == LegPhase::kEarly;
  if (rings && forked()) make_current(old);
  tell(EventKind::kDecision, &old,
       std::string("an INVITE with Replaces of group '") + old.s.group + "' takes the place of " +
           (rings ? "the phone that rings" : "this dialog"));
  Leg& taker = begin_taker(old, tx, r, ruled);
  bool ok = hear_taker(taker, m);
  if (ok) {
    put_in_place(old.s.id, taker.s.id);
    ok = answer_taker(taker, m);
    if (!ok) put_in_place(taker.s.id, old.s.id);
  }
  if (!ok) {
    tell(EventKind::kState, &taker, "it was refused: the dialog stays as it was");
    services_.counters.transfers.add("replace_refused");
    taker.server_invite = {};
    close_media(taker);
    leg_ended(taker);
    choose_branch();
    reconcile();  // media that went past us is anchored by now
    return true;
  }
  const auto by = m.value(HeaderId::kReferredBy);
  const auto named = by.empty() ? Result<sip::NameAddr>{} : sip::parse_name_addr(by);
  remember_transfer(old.s.id, taker.s.id,
                    std::string(!by.empty() && named ? named->uri : std::string_view{}),
                    std::string(m.from() ? m.from()->uri : std::string_view{}),
                    transfer_id_of(by, taker.profile->transfer_id));
  services_.counters.transfers.add("replaced");
  auto counts = services_.admission.again(taker.s.group, taker.s.peer, true);
  (state_.ingress == taker.s.id ? from_ : towards_) = std::move(counts);
  close_media(old);
  if (rings) {
    take_ringing_place(old, taker, m);
    return true;
  }
  end_leg(old, nullptr);
  join_media();
  tell_path();
  reconcile();
  return true;
}

// A call is picked up elsewhere: its caller is answered now.
void Call::take_ringing_place(Leg& old, Leg& taker, const sip::Message& m) {
  if (Hunt* h = hunt_of(old)) {
    h->clear();
    h->over = true;
    end_other_branches(*h, kElsewhere);
  }
  cancel_attempt(old, kElsewhere);
  start_timer(old.cancel_wait, kCancelWait, TimerKind::kCancelWait, old);
  if (!taker.s.heard) {  // it made no offer: its answer to ours comes with the ACK
    taker.s.heard = default_wish(taker);
    taker.s.own = sdp::Direction::kSendRecv;
  }
  answer_ingress(m);
}

// --- Two calls become one ------------------------------------------------------------------------

void Call::on_join_answer(const JoinAnswer& answer) {
  if (!transfer_ || transfer_->phase != Phase::kAsking || was_terminated_) return;
  if (answer.status != 200) return transfer_failed(answer.status, answer.why);
  transfer_->phase = Phase::kMoving;
  move_waiting();
}

// Nothing of it is under way with anybody: it can be written down.
bool Call::at_rest(const Leg& leg) const {
  return leg.confirmed() && !leg.busy() && leg.retry.value == 0 && leg.held.empty() &&
         !leg.locating && !(leg.s.has_media && services_.media.busy(leg.media)) &&
         leg.bye.value == 0 && leg.liveness.value == 0 && leg.refresh.value == 0 &&
         leg.digit_tx.value == 0 && !leg.refer;
}

// Whoever waits goes over to the call that has the dialog named, with dialog, ports and keys.
void Call::move_waiting() {
  Transfer& t = *transfer_;
  Leg& waiting = leg(t.waiting);
  Leg& by = leg(t.transferor);
  if (!at_rest(waiting)) {
    if (++t.moves > Transfer::kMostMoves)
      return transfer_failed(491, "the waiting party is never at rest");
    start_timer(t.timer, Transfer::kMoveAgain, TimerKind::kTransfer, by);
    return;
  }
  stop_timer(t.timer);
  auto order = std::make_unique<JoinOrder>();
  order->question = {state_.id, *t.refer.replaces, by.s.group, state_.account};
  order->by = t.refer.by;
  order->to = t.refer.target;
  order->id = t.refer.id;
  order->transfers = state_.transfers + 1;
  for (auto* timer : {&waiting.look, &waiting.session, &waiting.still_ringing}) stop_timer(*timer);
  order->leg = waiting.s;
  order->ack_branch = waiting.ack_branch;
  order->ack_cseq = waiting.ack_cseq;
  if (waiting.s.has_media) {
    if (auto snapshot = services_.media.snapshot(waiting.media))
      order->leg.media = std::move(*snapshot);
    services_.owner.unbind_media(waiting.media);
    services_.media.surrender(waiting.media);
    waiting.s.has_media = false;
  }
  // From here on the tag is the other call's: this one must not give it up when it ends.
  services_.owner.unbind_tag(std::exchange(waiting.s.dialog.local_tag, {}));
  waiting.s.phase = LegPhase::kEnded;
  leg_away_ = true;
  services_.owner.hand_leg_over(std::move(order));
}

void Call::on_joined(const JoinAnswer& answer, JoinOrder* order) {
  const bool awaited = transfer_ && transfer_->phase == Phase::kMoving && !was_terminated_;
  leg_away_ = false;
  if (answer.status == 200) {
    if (!awaited) return finish_if_done();
    Transfer& t = *transfer_;
    t.phase = Phase::kDone;
    t.moved = true;
    remember_transfer({}, {}, t.refer.by, t.refer.target, t.refer.id);
    state_.transferred->call_id = t.refer.replaces->call_id;
    services_.counters.transfers.add("completed");
    tell(EventKind::kState, &leg(t.waiting), "transferred: goes on in call " + in_hex(answer.into));
    tell_transferor(200, "OK");
    if (t.gone) return finish_transfer();
    start_timer(t.timer, Transfer::kGrace, TimerKind::kTransfer, leg(t.transferor));
    return;
  }
  // It is ours again, whatever has become of the transfer.
  if (!order) return;
  Leg& back = leg(order->leg.id);
  back.s = std::move(order->leg);
  if (const auto ok = restore_leg(back); !ok) {
    tell(EventKind::kError, &back, ok.error().what);
    back.s.phase = LegPhase::kConfirmed;
    if (awaited) transfer_failed(answer.status, answer.why);
    if (!was_terminated_) return stop(TerminationClass::kDropped, ok.error().what);
    send_bye(back, nullptr);
    return;
  }
  watch_over(back);
  restore_session(back);
  if (awaited) return transfer_failed(answer.status, answer.why);
  close_media(back);
  send_bye(back, nullptr);
}

JoinAnswer Call::join(LegId id, JoinOrder& order) {
  JoinAnswer may = may_join(id, order.question);
  if (may.status != 200) return may;
  if (transfer_) finish_transfer();  // it is done, and its transferor had time to hang up
  Leg& old = leg(id);
  if (old.s.phase != LegPhase::kConfirmed) return {481, "it only rings there", {}};
  const auto group = deployment_->find_group(order.leg.group);
  if (!group) return {503, "peer group '" + order.leg.group + "' is gone", {}};
  if (const auto ok = anchor("another party comes in"); !ok) return {503, ok.error().what, {}};
  legs_.push_back(std::make_unique<Leg>());
  Leg& comes = *legs_.back();
  comes.s = order.leg;
  comes.s.id = LegId{static_cast<std::uint32_t>(legs_.size())};
  comes.ack_branch = order.ack_branch;
  comes.ack_cseq = order.ack_cseq;
  place_leg(comes, *group);
  if (auto ok = restore_leg(comes); !ok) {
    services_.owner.unbind_tag(comes.s.dialog.local_tag);
    legs_.pop_back();
    reconcile();  // media that went past us is anchored by now
    return {503, ok.error().what, {}};
  }
  put_in_place(old.s.id, comes.s.id);
  remember_transfer(old.s.id, comes.s.id, order.by, order.to, order.id);
  state_.transfers = std::max(state_.transfers, order.transfers);
  auto counts = services_.admission.again(comes.s.group, comes.s.peer, comes.s.ingress);
  (state_.ingress == comes.s.id ? from_ : towards_) = std::move(counts);
  tell(EventKind::kState, &comes,
       "comes here from call " + in_hex(order.question.from) + ", transferred by " + order.by +
           ", in the place of the dialog with them");
  services_.media.unjoin(old.media);
  end_transferor(old);
  watch_over(comes);
  restore_session(comes);
  join_media();
  tell_path();
  reconcile();
  return {200, {}, state_.id};
}

}  // namespace causeway::call
