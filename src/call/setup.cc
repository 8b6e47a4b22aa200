// A call being set up: the caller's INVITE, the hunt for a peer that answers, provisional and final
// responses (architecture, "Life of an INVITE").
#include <algorithm>
#include <functional>

#include "call/call.h"
#include "call/outgoing.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/tag.h"
#include "sip/telephone.h"
#include "transport/emergency.h"

namespace causeway::call {

using sdp::Carrier;
using sdp::SdpMeaning;
using sdp::Side;
using sip::HeaderId;
using telemetry::EventKind;

namespace {
// With the room that it had.
template <typename T>
void release(std::vector<T>& v) {
  std::vector<T>().swap(v);
}
}  // namespace

void Call::start(transport::TxId tx, const transport::Received& r, policy::Decision decided,
                 peers::Counted customer, std::vector<telemetry::Field> inputs, RuledInvite ruled) {
  const sip::Message& m = r.message;
  customer_ = std::move(customer);
  decision_ = std::make_unique<policy::Decision>(std::move(decided));
  const policy::Decision& decision = *decision_;
  state_.began = services_.reactor.wall();
  state_.emergency = decision.emergency;
  state_.emergency_service = decision.service;
  state_.ingress_group = deployment_->group(r.group).name;
  if (decision.customer.service)
    state_.service = deployment::rules_of(*decision.customer.service).name;
  state_.account = decision.customer.account;
  state_.tenant = decision.customer.tenant;
  (void)services_.trails.start(state_.id);  // without one when the store is full: calls go on

  const auto peer = services_.peers.peer_at(r.group, r.flow.remote);
  if (!decision.refusal) from_ = services_.admission.begin(r.group, peer);
  Leg& leg = add_leg(true, r.group);
  state_.ingress = leg.s.id;
  // The answer goes back the way the request came, whatever the group's own listener is.
  use_listener(leg, r.flow.listener);
  leg.s.next_hop = {r.flow.remote, r.flow.transport, "", {}};
  if (peer) leg.s.peer = deployment_->peer(*peer).name;
  leg.s.host = customer_host(*leg.profile, decision.customer);
  if (decision.gateway) {
    leg.s.host = deployment_->peer(*decision.gateway).known_as;
    leg.s.for_gateway = true;
  }
  if (r.flow.transport != Transport::kUdp)
    leg.s.next_hop.remote.port = 0;  // its own port is not one to call back
  leg.server_invite = tx;
  leg.invite_cseq = m.cseq();
  services_.layer.set_user(tx, user(leg));
  const sip::Message& came = as_it_came(tx, m);
  record_message(leg, true, came.bytes());
  tell_changes(leg, rules::Direction::kIn, ruled.changes);
  state_.variables = std::move(ruled.variables);

  if (const auto* uri = m.target()) {
    state_.called = decision.called;
    if (state_.called.empty())
      state_.called = std::string(uri->is_service() ? uri->text : uri->user);
    leg.s.number = sip::escape_user(uri->user.substr(0, uri->user.find(';')));
  }
  state_.calling = billing_number(m, trusted(leg));
  if (auto id = transfer_id_of(m.value(HeaderId::kReferredBy), leg.profile->transfer_id);
      !id.empty())
    state_.transferred.emplace().id = std::move(id);
  learn_dialog(leg, came, false);
  if (leg.s.next_hop.remote.port == 0 && !leg.locating)
    leg.s.next_hop.remote = {
        r.flow.remote.address,
        static_cast<std::uint16_t>(r.flow.transport == Transport::kTls ? 5061 : 5060)};
  // One event: the reasons, and what was known. With the configuration it gives the same decision.
  if (auto* t = trail()) {
    std::string reasons;
    for (const auto& reason : decision.reasons) reasons += (reasons.empty() ? "" : "; ") + reason;
    t->add(EventKind::kDecision, services_.reactor.wall(), 0, reasons, std::move(inputs));
  }

  if (decision.refusal) {
    refuse(tx, m, decision.refusal->status, decision.refusal->q850, decision.refusal->text,
           decision.refusal->label);
    return;
  }
  if (refuse_extensions(leg, tx, m)) {
    services_.counters.refused.add("extension_required");
    leg.server_invite = {};
    terminate({TerminationClass::kRefused, ReleasedBy::kGateway, 420, 127,
               "the caller requires extensions that are not supported"},
              nullptr, nullptr);
    return;
  }
  if (!hear_session(leg, tx, m)) {
    services_.counters.refused.add("session_interval");
    leg.server_invite = {};
    terminate({TerminationClass::kRefused, ReleasedBy::kGateway, 422, 127,
               "the caller's session interval is too small"},
              nullptr, nullptr);
    return;
  }
  invite_ = copy_of(m);
  const auto known = understood_types(*deployment_, *invite_);
  const bool for_help = decision.emergency == policy::EmergencyClass::kEmergency;
  auto parts = body_parts(*invite_, known, for_help);
  if (!parts) {
    refuse(tx, m, 400, 111, parts.error().what, "body");
    return;
  }
  // Whoever calls for help is not asked what else it sent.
  const auto why =
      for_help ? std::nullopt : unacceptable_body(*invite_, *parts, *leg.profile, known);
  if (why) {
    refuse_naming(leg, tx, m, *why);
    services_.counters.refused.add(why->label);
    leg.server_invite = {};
    terminate({TerminationClass::kRefused, ReleasedBy::kGateway, why->status,
               policy::q850_of_status(why->status), why->text},
              nullptr, nullptr);
    return;
  }
  invite_parts_ = std::move(*parts);
  agree_on_reliability(leg);
  if (trusts_header(leg))
    if (const auto early = sip::early_media_of(*invite_)) leg.early_header = early->supported;
  choose_place(leg, &m);
  if (take_first_offer(leg, tx, m)) start_hunt();
}

// The offer first: what family its media is of decides which ours is. False: refused.
bool Call::take_first_offer(Leg& leg, transport::TxId tx, const sip::Message& m) {
  const std::string_view sdp = sdp_of(invite_parts_);
  if (sdp.empty()) {
    leg.offerless = true;
    sdp::step(leg.s.offer_answer, {Side::kPeer, Carrier::kInvite, false});
  } else {
    auto offer = sdp::remote_offer(leg.s.offer_answer, sdp, leg.profile->sdp);
    if (!offer) {
      const bool media = offer.error().code == ErrorCode::kNotAcceptable;
      refuse(tx, m, media ? 488 : 400, media ? 88 : 111, offer.error().what,
             media ? "media" : "sdp");
      return false;
    }
    leg.s.heard = offer->sdp.wish;
    leg.s.own = offer->sdp.wish.direction;
    leg.s.attributes = offer->sdp.attributes;
    leg.offer = std::move(offer->sdp);
  }
  if (auto ok = begin_media(leg); !ok) {
    refuse(tx, m, 503, 47, ok.error().what, "media_ports");
    return false;
  }
  if (!leg.offer) return true;
  const auto wrong = wrong_media(leg, *leg.offer);
  if (wrong.empty()) return true;
  refuse(tx, m, 488, 88, wrong, "media_security");
  return false;
}

void Call::refuse(transport::TxId tx, const sip::Message& request, int status, int q850,
                  const std::string& text, std::string_view label) {
  Leg& leg = *find_leg(state_.ingress);
  tell(EventKind::kRefusal, &leg, text);
  services_.counters.refused.add(label);
  // What is the matter with us stays inside; what is the matter with the request is told.
  respond(leg, tx, request, status, nullptr, {}, q850,
          status >= 500 ? policy::q850_text(q850) : std::string_view(text));
  leg.server_invite = {};
  terminate({TerminationClass::kRefused, ReleasedBy::kGateway, status, q850, text}, nullptr,
            nullptr);
}

// Its INVITE, where it is not answered yet.
void Call::refuse_caller(Leg& in, int status, int q850, const sip::Message* from_far) {
  if (in.server_invite.value == 0) return;
  const sip::Message* request = services_.layer.request_of(in.server_invite);
  if (!request) request = invite_.get();
  if (request)
    respond(in, in.server_invite, *request, status, from_far, {}, q850, policy::q850_text(q850));
  in.server_invite = {};
}

void Call::fail_ingress(int status, int q850, const std::string& text, const sip::Message* from_far,
                        std::optional<TerminationClass> given) {
  refuse_caller(*find_leg(state_.ingress), status, q850, from_far);
  TerminationClass what = TerminationClass::kRejected;
  if (given)
    what = *given;
  else if (status == 486 || status == 600)
    what = TerminationClass::kBusy;
  else if (status == 480 || (status == 408 && state_.progressed))
    what = TerminationClass::kNoAnswer;
  else if (!from_far && status == 488)
    what = TerminationClass::kRefused;  // media that cannot meet
  else if (!from_far || policy::may_retry(status))
    what = TerminationClass::kUnreachable;
  terminate({what, from_far ? ReleasedBy::kCallee : ReleasedBy::kGateway, status, q850, text},
            nullptr, nullptr);
}

// --- Responses to our INVITE -------------------------------------------------------------------

void Call::on_initial_response(Leg& leg, const transport::Received& r) {
  const int status = r.message.status();
  stop_timer(leg.silence);
  if (leg.cancelled || was_terminated_) {
    if (status >= 200 && status < 300) {  // CANCEL crossed the answer: take it and hang up
      confirm(leg, r.message);
      send_ack(leg, r.message.cseq());
      stop_timer(leg.cancel_wait);
      tell(EventKind::kState, &leg, "answered after it was cancelled: hung up");
      send_bye(leg, nullptr);
    } else if (status >= 300) {
      leg.client_invite = {};
      stop_timer(leg.cancel_wait);
      leg_ended(leg);
      finish_if_done();
    }
    return;
  }
  if (status == 100) {
    if (leg.progress.value == 0)  // saying it again gives no further time
      start_timer(leg.progress, deployment_->group(leg.group).timers.no_progress,
                  TimerKind::kProgress, leg);
  } else if (status < 200) {
    on_provisional(leg, r);
  } else if (status < 300) {
    if (leg.attempt) services_.locator.worked(*leg.attempt);
    on_success(leg, r);
  } else if (status < 400 && !is_target(leg) && follow_redirect(leg, r.message)) {
    return;
  } else if (status != 422 || !ask_again_for_session(leg, r.message)) {
    std::string why = leg.s.peer + " answered " + std::to_string(status) + " " +
                      std::string(r.message.reason_phrase());
    attempt_failed(leg, status, why, &r.message);
  }
}

void Call::on_success(Leg& leg, const transport::Received& r) {
  stop_timer(leg.progress);
  stop_timer(leg.ring);
  confirm(leg, r.message);
  leg.answered_with = std::hash<std::string_view>()(r.message.body());
  send_ack(leg, r.message.cseq());
  agree_on_session(leg, r.message);
  if (is_target(leg)) return target_answered(leg, r);
  const auto parts = body_parts(r.message);
  const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
  const Status ok = take_final_answer(leg, sdp);
  if (!ok) {
    // RFC 3261 13.2.2.4: an answer that cannot be used ends the dialog.
    tell(EventKind::kError, &leg, ok.error().what);
    send_bye(leg, nullptr);
    Hunt* const h = hunt_of(leg);
    if (!h) return;
    if (calls_for_help() && (!h->ways.empty() || !h->destinations.empty())) {
      h->last_status = 488;
      h->last_why = ok.error().what;
      close_media(leg);
      return next_way(*h);
    }
    if (forked()) close_media(leg);
    hunt_over(*h,
              {488, 88, leg.s.peer + " answered with media that cannot be used: " + ok.error().what,
               nullptr, leg.s.id});
    return;
  }
  if (branch_of(leg)) make_current(leg);
  answer_ingress(r.message);
}

// Of its early dialogs the one that answered is left.
void Call::confirm(Leg& leg, const sip::Message& success) {
  if (leg.early.has_ended(success.to_tag()))
    tell(EventKind::kNote, &leg, "answered by a phone that had said it would not (199)");
  leg.early.promote(leg.s, success.to_tag());
  leg.client_invite = {};
  if (leg.update_tag != success.to_tag()) leg.client_update = {};  // that early dialog is over
  leg.s.phase = LegPhase::kConfirmed;
  learn_dialog(leg, success, true);
}

// The 2xx says which of the answers in provisionals holds.
Status Call::take_final_answer(Leg& leg, std::string_view sdp) {
  auto& state = leg.s.offer_answer;
  switch (sdp::judge(state, {Side::kPeer, Carrier::kSuccess, !sdp.empty()}).meaning) {
    case SdpMeaning::kAnswer:
      tell_other_answer(leg, sdp, "the one in the 200");
      return take_answer(leg, sdp, sdp::AnswerKind::kFinal);
    case SdpMeaning::kMissing: {
      const auto preview = sdp::accept_preview(state, leg.profile->sdp);
      if (!preview) return fail(ErrorCode::kMalformed, "the 200 has no SDP");
      tell(EventKind::kNote, &leg, "the 200 has no SDP: what came before it holds");
      return use_answer(leg, *preview);
    }
    default: {  // agreed reliably; another early dialog may have been heard since
      if (state.state != sdp::OfferState::kStable) return {};
      tell_other_answer(leg, sdp, "the first, which was acknowledged,");
      return use_last(leg);
    }
  }
}

// The SDP of our 2xx to the caller: empty when all was agreed before it.
Result<std::string> Call::final_sdp(Leg& in, const Leg& out) {
  const sdp::SdpEvent event{Side::kUs, Carrier::kSuccess, true};
  switch (sdp::judge(in.s.offer_answer, event).meaning) {
    case SdpMeaning::kAnswer:
      return make_answer(in, *out.s.heard, out.profile->sdp.hold, sdp::AnswerKind::kFinal);
    case SdpMeaning::kOffer: {
      // RFC 3264: our 2xx carries the offer, what the far side just agreed to; the ACK answers it.
      auto wish = wish_for(in, *out.s.heard, out);
      if (!wish) return tl::unexpected(wish.error());
      auto sdp = make_offer(in, *wish);
      if (sdp) sdp::commit(in.s.offer_answer, event, {SdpMeaning::kOffer, 0});
      return sdp;
    }
    default: return std::string();
  }
}

void Call::answer_ingress(const sip::Message& from_far) {
  Leg& in = *find_leg(state_.ingress);
  Leg& out = *find_leg(state_.egress);
  if (in.reliable && in.reliable->sdp_open()) {
    // RFC 3262 3: not before what was said with SDP is acknowledged. on_prack() comes back.
    success_ = copy_of(from_far);
    branch_answered(out);
    return;
  }
  const Result<std::string> sdp = final_sdp(in, out);
  if (!sdp) {
    tell(EventKind::kError, &in, sdp.error().what);
    send_bye(out, nullptr);
    const int status = status_of(sdp.error());
    if (Hunt* h = branch_of(out)) {  // others may be understood
      close_media(out);
      return hunt_over(
          *h, {status, policy::q850_of_status(status), sdp.error().what, nullptr, out.s.id, true});
    }
    if (status == 503) services_.counters.refused.add("transcoding");
    fail_ingress(status, policy::q850_of_status(status), sdp.error().what, nullptr,
                 TerminationClass::kRefused);
    return;
  }
  branch_answered(out);
  join_media();
  correct_shown(in, *sdp);
  stop_timer(in.still_ringing);
  if (in.reliable) {
    stop_timer(in.reliable->timer);
    sip::answered(in.reliable->sender);
    in.reliable->later.clear();
  }
  if (in.server_update.value == 0) in.offer.reset();  // else it is an UPDATE's
  in.answered = true;
  services_.media.stop_ringing(in.media);
  in.s.phase = LegPhase::kConfirmed;
  state_.answered = services_.reactor.wall();
  ++services_.counters.calls_answered;
  fill_silence();
  in.s.signalled = services_.reactor.wall();
  for (Leg* l : {&in, &out}) watch_over(*l);
  tell_path();
  const auto far_parts = body_parts(from_far, in.profile->pass_bodies);
  respond(in, in.server_invite, *invite_, 200, &from_far,
          join_body(*sdp, far_parts ? *far_parts : std::vector<BodyPart>{}, in.profile->pass_bodies,
                    in.s.dialog.local_tag),
          0, {});
  // What was kept for further attempts is not needed any more.
  if (Hunt* h = hunt_of(out)) towards_ = std::move(h->towards);
  release(hunts_);
  best_.reset();
  release(invite_parts_);
  invite_.reset();
  decision_.reset();
  release(redirected_);
  for (Leg* l : {&in, &out}) {
    l->attempt.reset();
    l->s.told.share(other(*l)->s.heard);
    l->s.heard.share(l->s.told);
  }
}

}  // namespace causeway::call
