// Between INVITE and 2xx: the early dialogs of a callee and its forks, what the caller hears of
// them, and the reliable way of saying it (RFC 3262). Each leg has a reliability of its own: PRACK
// never crosses.
#include <algorithm>

#include "call/call.h"
#include "call/crossing.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/tag.h"

namespace causeway::call {

using deployment::Reliability;
using sdp::Carrier;
using sdp::SdpMeaning;
using sdp::Side;
using sip::HeaderId;
using sip::Method;
using telemetry::EventKind;

namespace {

constexpr sip::TimerConfig kTimers{};

}  // namespace

// RFC 3262 4: what asks to be acknowledged; 0: it does not.
std::uint32_t rseq_of(const sip::Message& m) {
  if (!sip::has_token(m, HeaderId::kRequire, "100rel")) return 0;
  const auto rseq = sip::parse_rseq(m.value(HeaderId::kRSeq));
  return rseq ? *rseq : 0;
}

// Does this caller acknowledge what it is told?
void Call::agree_on_reliability(Leg& in) {
  const Reliability ours = in.profile->reliable_provisionals;
  if (ours == Reliability::kOff) return;
  if (!sip::has_token(*invite_, HeaderId::kRequire, "100rel") &&
      !(ours == Reliability::kRequired && sip::has_token(*invite_, HeaderId::kSupported, "100rel")))
    return;
  in.reliable = std::make_unique<SaidReliably>();
  // RFC 3262 3: anywhere in the lower half, so that it is not guessed.
  in.reliable->numbered = static_cast<std::uint32_t>(services_.reactor.random().below(1U << 30));
}

// --- The called side ----------------------------------------------------------------------------

void Call::on_provisional(Leg& leg, const transport::Received& r) {
  const sip::Message& m = r.message;
  stop_timer(leg.progress);
  if (leg.ring.value == 0)
    start_timer(leg.ring, deployment_->group(leg.group).timers.ring, TimerKind::kRing, leg);
  if (m.status() == 199) return on_fork_ended(leg, m);
  leg.s.phase = LegPhase::kEarly;
  if (m.status() == 180 && state_.rang.micros == 0 && state_.answered.micros == 0)
    state_.rang = services_.reactor.wall();
  const std::string before = leg.s.dialog.remote_tag;
  switch (m.to_tag().empty() ? EarlyDialogs::Found::kCurrent
                             : leg.early.select(leg.s, m.to_tag())) {
    case EarlyDialogs::Found::kNew: learn_dialog(leg, m, true); break;
    case EarlyDialogs::Found::kKnown: leg.hop_unknown = true; break;
    case EarlyDialogs::Found::kCurrent: break;
    case EarlyDialogs::Found::kNoRoom:
      tell(EventKind::kNote, &leg, "more early dialogs than are kept");
      pass_provisional(m, m.status(), false);
      return;
    case EarlyDialogs::Found::kGone:
      tell(EventKind::kNote, &leg, "passed over: that phone said that it will not answer (199)");
      return;
  }
  if (!take_in_order(leg, m)) {  // again, or too early: nothing of it counts
    if (!before.empty() && leg.early.select_known(leg.s, before)) leg.hop_unknown = true;
    return;
  }
  hear_authorisation(leg, m, m.to_tag());
  const bool heard = hear_provisional(leg, m, rseq_of(m) != 0);
  if (heard) leg.early.spoke();
  if (leg.server_update.value == 0)
    choose_fork(leg, before);
  else if (!before.empty() && leg.early.select_known(leg.s, before))
    leg.hop_unknown = true;
  branch_rang(leg, heard);
  // Beside the target that the caller hears: that one's SDP again.
  const Leg* shown = forked() ? find_leg(state_.egress) : &leg;
  pass_provisional(m, m.status(), heard && shown->s.heard);
  tell_authorisation(leg);
  reconcile();
}

// Acknowledges a reliable one. False: it came before, or too early.
bool Call::take_in_order(Leg& leg, const sip::Message& m) {
  const std::uint32_t rseq = rseq_of(m);
  if (rseq == 0) return true;
  if (leg.profile->reliable_provisionals == Reliability::kOff || m.to_tag().empty()) {
    tell(EventKind::kNote, &leg, "100rel was not offered: taken as not reliable");
    return true;
  }
  if (sip::received(leg.early.received, rseq) != sip::RSeqOrder::kNext) return false;
  send_prack(leg, rseq, m.cseq());
  return true;
}

// Reads its SDP, if it has one that counts.
bool Call::hear_provisional(Leg& leg, const sip::Message& m, bool reliable) {
  reliable = reliable && leg.profile->reliable_provisionals != Reliability::kOff;
  const auto parts = body_parts(m);
  const std::string_view sdp = parts ? sdp_of(*parts) : std::string_view{};
  if (sdp.empty()) return false;
  const auto what =
      sdp::judge(leg.s.offer_answer,
                 {Side::kPeer, reliable ? Carrier::kReliable : Carrier::kProvisional, true});
  if (what.meaning == SdpMeaning::kRepetition)
    tell_other_answer(leg, sdp, "the first, which was acknowledged,");
  if (what.meaning != SdpMeaning::kAnswer && what.meaning != SdpMeaning::kPreview) return false;
  const auto ok = take_answer(leg, sdp,
                              what.meaning == SdpMeaning::kAnswer ? sdp::AnswerKind::kFinal
                                                                  : sdp::AnswerKind::kPreliminary);
  if (!ok)
    tell(EventKind::kError, &leg, "SDP of " + std::to_string(m.status()) + ": " + ok.error().what);
  else if (what.meaning == SdpMeaning::kAnswer)
    leg.early.answer = leg.s.offer_answer.last_remote;
  return ok.has_value();
}

// RFC 3261 13.2.1, RFC 3262 5: every SDP of one dialog that answers our INVITE is to be the same,
// whatever an UPDATE has changed since. `holds`: which does now.
void Call::tell_other_answer(const Leg& leg, std::string_view sdp, std::string_view holds) {
  const std::string_view before = leg.s.offer_answer.last_remote;
  const std::string_view first = leg.early.answer;
  if (sdp.empty() || before.empty() || sdp::same_media(sdp, before) ||
      (!first.empty() && sdp::same_media(sdp, first)))
    return;
  tell(EventKind::kNote, &leg,
       "answered our offer twice, with another SDP: " + std::string(holds) + " holds");
}

// What was muted or narrowed while it rang, and could not be put right by the 2xx: an offer was
// open.
void Call::hear_answer_again(Leg& leg) {
  if (!leg.confirmed() || leg.s.ingress || leg.media_of.empty() || was_terminated_) return;
  const bool refused = leg.s.last_refused;
  hear_again(leg);
  leg.s.last_refused = refused;
}

// Another early dialog has taken the place of the current one: media is as that one said.
void Call::hear_again(Leg& leg) {
  if (!leg.s.heard) return;
  if (const Status ok = use_last(leg); !ok)
    tell(EventKind::kError, &leg, "media of the phone that is left: " + ok.error().what);
}

void Call::send_prack(Leg& leg, std::uint32_t rseq, std::uint32_t invite_cseq) {
  const std::string branch = sip::make_branch(owner(), services_.reactor.random());
  auto b = in_dialog(leg, Method::kPrack, branch, ++leg.s.dialog.local_cseq);
  b.begin(HeaderId::kRAck).number(rseq).add(" ").number(invite_cseq).add(" INVITE").end_line();
  leg.prack = send_in_dialog(leg, Method::kPrack, b.finish(), branch);
}

// --- The caller ---------------------------------------------------------------------------------

void Call::pass_provisional(const sip::Message& from_far, int status, bool with_sdp) {
  if (transfer_) return target_rings(from_far, status, with_sdp);
  Leg& in = *find_leg(state_.ingress);
  Leg& out = *find_leg(state_.egress);
  if (in.server_invite.value == 0 || in.answered || !invite_) return;
  if (!shape_forwarding(in, status, with_sdp)) return;
  using deployment::EarlyMedia;
  const EarlyMedia how = in.profile->early_media;
  if (how == EarlyMedia::kFirstOnly && state_.progressed) {
    tell(EventKind::kNote, &in, "the caller's profile has the first 18x alone (early_media)");
    return;
  }
  if (how == EarlyMedia::kRinging && in.offer && with_sdp) {
    tell(EventKind::kNote, &in, "told as 180 without SDP (early_media)");
    status = 180;
    with_sdp = false;
  }
  with_sdp = may_show_sdp(in, out, with_sdp);
  Body body;
  if (const std::string sdp = early_sdp(in, out, with_sdp); !sdp.empty()) {
    body = join_body(sdp, {}, in.profile->pass_bodies, in.s.dialog.local_tag);
    in.withheld = false;
    join_media();
    // TDR-74 c: it may stop ringing now, though the far side is not to be heard yet.
    if (ring(in)) tell(EventKind::kNote, &in, "hears ringing of ours until the far side is heard");
  }
  // ZM-13: there a 183 without SDP rings nothing, and a 180 with SDP is not listened to.
  if (in.profile->ringing == deployment::Ringing::kBySdp && (status == 180 || status == 183))
    status = body.content.empty() ? 180 : 183;
  state_.progressed = true;
  in.s.phase = LegPhase::kEarly;
  in.rang_with = status;
  start_timer(in.still_ringing, kStillRinging, TimerKind::kStillRinging, in);
  say_provisional(in, status, &from_far, body);
}

// The SDP of a provisional answer to the caller; empty: none.
std::string Call::early_sdp(Leg& in, const Leg& out, bool with_sdp) {
  const sdp::SdpEvent event{Side::kUs, in.reliable ? Carrier::kReliable : Carrier::kProvisional,
                            true};
  Result<std::string> sdp{std::string()};
  switch (sdp::judge(in.s.offer_answer, event).meaning) {
    case SdpMeaning::kPreview:
    case SdpMeaning::kAnswer:
      if (!with_sdp || !in.offer || !out.s.heard) return {};
      sdp = make_answer(in, *out.s.heard, out.profile->sdp.hold,
                        in.reliable ? sdp::AnswerKind::kFinal : sdp::AnswerKind::kPreliminary);
      if (sdp && in.reliable) in.offer.reset();
      break;
    case SdpMeaning::kOffer: {  // the caller made none: the first reliable answer has to have it
      const auto wish = wish_for(in, out.s.heard ? *out.s.heard : default_wish(out), out);
      sdp = wish ? make_offer(in, *wish) : tl::unexpected(wish.error());
      if (sdp) sdp::commit(in.s.offer_answer, event, {SdpMeaning::kOffer, 0});
      break;
    }
    default: return {};
  }
  if (sdp) return *sdp;
  tell(EventKind::kError, &in, "early media: " + sdp.error().what);
  return {};
}

void Call::say_provisional(Leg& in, int status, const sip::Message* from_far, const Body& body) {
  if (!in.reliable) {
    in.authorised = authorisation_for(in);
    respond(in, in.server_invite, *invite_, status, from_far, body, 0, {});
    return;
  }
  auto& r = *in.reliable;
  const auto* flow = services_.layer.flow_of(in.server_invite);
  if (!flow || (body.content.empty() && r.later.size() >= kMaxUnsaid)) return;
  in.authorised = authorisation_for(in);
  const std::uint32_t rseq = ++r.numbered;
  r.later.push_back({response_text(in, *flow, as_it_came(in.server_invite, *invite_), status,
                                   from_far, body, 0, {}, rseq),
                     status, rseq, !body.content.empty()});
  say_next(in);
}

// One at a time: the next leaves when the last was acknowledged.
void Call::say_next(Leg& in) {
  auto& r = *in.reliable;
  if (r.sender.waits || r.later.empty() || in.server_invite.value == 0 || in.answered) return;
  r.said = std::move(r.later.front());
  r.later.erase(r.later.begin());
  sip::sent(r.sender, r.said.rseq, services_.reactor.now(), kTimers);
  leave(in, r.said.bytes);
  services_.layer.respond(in.server_invite, r.said.status, r.said.bytes);
  start_timer(r.timer, kTimers.t1, TimerKind::kReliable, in);
}

void Call::on_reliable_timer(Leg& in) {
  if (!in.reliable || in.server_invite.value == 0 || in.answered) return;
  auto& r = *in.reliable;
  const auto now = services_.reactor.now();
  const auto what = sip::on_time(r.sender, now);
  if (what.timed_out) {
    success_.reset();
    fail_ingress(504, 102, "the caller never acknowledged " + std::to_string(r.said.status),
                 nullptr, TerminationClass::kDropped);
    return;
  }
  if (what.resend) {
    record_message(in, false, r.said.bytes);
    services_.layer.respond(in.server_invite, r.said.status, r.said.bytes);
  }
  if (const auto next = sip::next_deadline(r.sender))
    start_timer(r.timer, *next - now, TimerKind::kReliable, in);
}

// RFC 3261 13.3.1.1: proxies on the caller's side give up after three minutes without a word.
void Call::say_still_ringing(Leg& in) {
  if (in.server_invite.value == 0 || in.answered || !invite_ || was_terminated_ || success_) return;
  say_provisional(in, in.rang_with, nullptr, {});
  start_timer(in.still_ringing, kStillRinging, TimerKind::kStillRinging, in);
}

void Call::on_prack(Leg& leg, transport::TxId tx, const transport::Received& r) {
  const sip::Message& m = r.message;
  const auto rack = sip::parse_rack(m.value(HeaderId::kRAck));
  if (!rack) {
    simple_response(leg, tx, m, 400, rack.error().what);
    return;
  }
  const auto sdp = sdp_in(leg, tx, m);
  if (!sdp) return;
  if (!leg.reliable || !sip::on_prack(leg.reliable->sender, *rack, leg.invite_cseq)) {
    simple_response(leg, tx, m, 481, "nothing waits for this PRACK");
    return;
  }
  stop_timer(leg.reliable->timer);
  if (!answer_prack(leg, tx, m, *sdp)) return;
  if (was_terminated_ || leg.answered) return;
  if (success_ && !leg.reliable->sdp_open()) {
    const auto success = std::move(success_);
    answer_ingress(*success);
    return;
  }
  say_next(leg);
  // There may have been no room to tell it.
  if (Leg* out = other(leg); out && leg.s.ingress) tell_authorisation(*out);
  reconcile();
}

// False: the call is over because of it.
bool Call::answer_prack(Leg& leg, transport::TxId tx, const sip::Message& m, std::string_view sdp) {
  Body body;
  const auto give_up = [&](int status, const std::string& why) {
    simple_response(leg, tx, m, status, why);
    fail_ingress(488, 88, why, nullptr, TerminationClass::kRefused);
    return false;
  };
  switch (sdp::judge(leg.s.offer_answer, {Side::kPeer, Carrier::kPrack, !sdp.empty()}).meaning) {
    case SdpMeaning::kMissing: return give_up(400, "the PRACK carries no answer to our offer");
    case SdpMeaning::kAnswer:
      if (const auto ok = take_answer(leg, sdp, sdp::AnswerKind::kFinal); !ok)
        return give_up(488, ok.error().what);
      join_media();
      break;
    case SdpMeaning::kOffer: {
      int status = 0;
      std::string why;
      if (!hear_offer(leg, sdp, Carrier::kPrack, status, why)) {
        simple_response(leg, tx, m, status, why);  // acknowledged all the same (RFC 6337 3.2)
        return true;
      }
      const Leg* far = other(leg);
      const auto answer =
          far && far->s.heard
              ? make_answer(leg, wanted_by(*far), far->profile->sdp.hold, sdp::AnswerKind::kFinal)
              : Result<std::string>(fail(ErrorCode::kNotAcceptable, "the other side is not known"));
      leg.offer.reset();
      if (!answer) {
        (void)sdp::rollback(leg.s.offer_answer);
        simple_response(leg, tx, m, status_of(answer.error()), answer.error().what);
        return true;
      }
      body = {"application/sdp", *answer};
      join_media();
      break;
    }
    case SdpMeaning::kRefused:
      simple_response(leg, tx, m, 488, "another offer is open");
      return true;
    default: break;
  }
  respond(leg, tx, m, 200, nullptr, body, 0, {});
  return true;
}

}  // namespace causeway::call
