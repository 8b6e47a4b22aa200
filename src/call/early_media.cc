// Whose early media a caller hears: of several phones that ring the one that the gate of the
// caller's profile lets through (RFC 3960 3.1), none that P-Early-Media of a trusted core keeps
// closed (RFC 5009), none that said that it will not answer (RFC 6228).
#include "call/call.h"
#include "call/crossing.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "telemetry/text.h"
#include "tone/wav.h"

namespace causeway::call {

using deployment::EarlyMediaGate;
using deployment::ForwardedAs;
using telemetry::EventKind;

// RFC 5009 10: the header is of one trust domain, and ends where that ends.
bool Call::trusts_header(const Leg& leg) const {
  return leg.profile->early_media_header == deployment::EarlyMediaHeader::kSupported &&
         trusted(leg);
}

// Ringing of ours, where the profile has some and the other side was not heard yet.
bool Call::ring(Leg& in) {
  const auto& p = *in.profile;
  const bool rings = (p.ringback_sound && services_.media.ring(in.media, *p.ringback_sound)) ||
                     (p.ringback && services_.media.ring(in.media, *p.ringback));
  return in.rings = rings;
}

void Call::use_gate(const Leg& out, const Leg& in) {
  using media::ForkGate;
  ForkGate gate = ForkGate::kLatest;
  switch (in.profile->early_media_gate) {
    case EarlyMediaGate::kLast: break;
    case EarlyMediaGate::kFirst: gate = ForkGate::kCurrentAlone; break;
    case EarlyMediaGate::kActive: gate = ForkGate::kWhoSpeaks; break;
  }
  services_.media.set_fork_gate(out.media, gate);
}

// --- The called side ----------------------------------------------------------------------------

// `tag`: of the early dialog that it was said in.
void Call::hear_authorisation(Leg& out, const sip::Message& m, std::string_view tag) {
  const auto said = sip::early_media_of(m);
  if (!said || out.s.phase != LegPhase::kEarly || out.s.ingress) return;
  if (!trusts_header(out)) {
    tell(EventKind::kNote, &out,
         "P-Early-Media passed over: it is not for these peers (early_media_header, trusted)");
    return;
  }
  if (!said->says_direction) {
    tell(EventKind::kNote, &out, "P-Early-Media without a direction: nothing changes by it");
    return;
  }
  if (!out.early.authorise(out.s, tag, said->backward, said->forward)) return;
  tell(EventKind::kState, &out,
       "P-Early-Media: " + std::string(sip::early_media_word(said->backward, said->forward)) +
           (said->backward ? ": its early media may be heard"
                           : ": its early media is not to be heard"));
  services_.media.mute_fork(out.media, tag, !said->backward);
  out.media_stale = out.media_stale || out.media_of == tag;
}

// Makes the early dialog that is to be heard the current one. `before`: the one that was, which
// stays where none sent an SDP.
void Call::choose_fork(Leg& out, const std::string& before) {
  const Leg* in = other(out);
  if (out.s.ingress || out.s.phase != LegPhase::kEarly || out.server_update.value != 0) return;
  const auto gate = in ? in->profile->early_media_gate : EarlyMediaGate::kLast;
  std::string wanted = out.early.preferred(out.s, gate, out.talks);
  if (wanted.empty()) wanted = before;
  if (wanted.empty()) return;
  if (wanted != out.s.dialog.remote_tag) {
    if (!out.early.select_known(out.s, wanted)) return;
    out.hop_unknown = true;
  }
  if (out.s.heard && (out.media_stale || out.media_of != wanted)) hear_again(out);
}

// After anything that may have changed what passes.
void Call::settle_early(Leg& out) {
  if (out.s.ingress || out.s.phase != LegPhase::kEarly || was_terminated_) return;
  choose_fork(out, {});
  choose_branch();
  tell_authorisation(out);
}

void Call::on_fork_heard(LegId id, std::string_view tag) {
  Leg* out = find_leg(id);
  if (!out || out->s.ingress || out->s.phase != LegPhase::kEarly || was_terminated_) return;
  const Leg* in = other(*out);
  if (!in || in->profile->early_media_gate != EarlyMediaGate::kActive || out->talks == tag) return;
  out->talks = tag;
  tell(EventKind::kState, out, "another phone is heard now: packets come from it");
  branch_heard(*out);
  settle_early(*out);
  reconcile();
}

// Its early dialog is over: its media ends, and another one's takes the place where there is one.
void Call::let_fork_go(Leg& out, const std::string& tag) {
  services_.media.forget_fork(out.media, tag);
  if (out.talks == tag) out.talks.clear();
  if (out.media_of == tag) out.media_of.clear();
  choose_fork(out, {});
  choose_branch();
}

// RFC 6228 5: a reliable 199 is acknowledged in the dialog that it ends.
bool Call::ends_in_order(Leg& out, const sip::Message& m) {
  const std::string before = out.s.dialog.remote_tag;
  const bool moved = out.early.select_known(out.s, m.to_tag());
  if (!moved && before != m.to_tag()) return true;  // unknown: end() says so
  if (moved) out.hop_unknown = true;
  const bool in_order = take_in_order(out, m);
  if (moved && out.early.select_known(out.s, before)) out.hop_unknown = true;
  return in_order;
}

void Call::on_fork_ended(Leg& out, const sip::Message& m) {
  const std::string tag(m.to_tag());
  if (out.early.has_ended(tag)) return;  // again
  if (!ends_in_order(out, m)) return;
  const bool current = !tag.empty() && tag == out.s.dialog.remote_tag;
  if (current && out.server_update.value != 0) refuse_offer(out, 487, "it said that it is over");
  const bool asked = out.client_update.value != 0 && out.update_tag == tag;
  if (asked) {  // void, should it answer the INVITE all the same
    const std::string now = out.s.dialog.remote_tag;
    const bool switched = out.early.select_known(out.s, tag);
    (void)sdp::rollback(out.s.offer_answer);
    out.s.told = out.told_before;
    out.s.passed_on = out.passed_before;
    if (switched) (void)out.early.select_known(out.s, now);
  }
  switch (out.early.end(out.s, tag)) {
    case EarlyDialogs::Ended::kUnknown:
      tell(EventKind::kNote, &out,
           tag.empty() ? "199 without a To-tag: it ends no early dialog"
                       : "199 of a phone that never rang: it ends no early dialog");
      return;
    case EarlyDialogs::Ended::kCurrent: out.hop_unknown = true; break;
    case EarlyDialogs::Ended::kOther: break;
  }
  const int cause = q850_of(m);
  tell(EventKind::kState, &out,
       "a phone will not answer (199" +
           (cause != 0 ? ", Q.850 cause " + std::to_string(cause) : std::string()) +
           "): its early dialog has ended, its media and keys are let go");
  if (asked) out.client_update = {};
  let_fork_go(out, tag);
  Leg* in = other(out);
  if (asked && out.for_far && in && in->awaits())
    refuse_offer(*in, 504, "the other side will not answer");
  tell_authorisation(out);
  reconcile();
}

// --- The caller ---------------------------------------------------------------------------------

// TDR-68: 181 (forwarded) and 182 (queued) as the profile wants them. False: it is not told.
bool Call::shape_forwarding(const Leg& in, int& status, bool& with_sdp) {
  if ((status != 181 && status != 182) || in.profile->forwarded == ForwardedAs::kReceived)
    return true;
  const std::string was = std::to_string(status);
  if (in.profile->forwarded == ForwardedAs::kRinging) {
    status = 180;
  } else if (with_sdp && in.offer) {
    status = 183;
  } else {
    tell(EventKind::kNote, &in, was + " is not told (forwarded_and_queued)");
    return false;
  }
  tell(EventKind::kNote, &in,
       was + " is told as " + std::to_string(status) + " (forwarded_and_queued)");
  return true;
}

// An SDP stops the ringing of a caller's own. Where nothing may be heard yet, it is shown to one
// that reads P-Early-Media or hears ringing of ours.
bool Call::may_show_sdp(Leg& in, const Leg& out, bool with_sdp) {
  with_sdp = with_sdp || (in.withheld && out.s.heard);
  const bool good = !out.s.heard || out.early.media.backward || in.early_header ||
                    (!state_.direct && (in.profile->ringback || in.profile->ringback_sound)) ||
                    in.s.told;
  if (!with_sdp || good) return with_sdp;
  if (!std::exchange(in.withheld, true))
    tell(EventKind::kNote, &in,
         "told without SDP: early media is not authorised (P-Early-Media), and it rings by itself");
  return false;
}

// What it is told by P-Early-Media of what it hears from now on; empty: nothing.
std::string_view Call::authorisation_for(const Leg& in) const {
  const Leg* out = other(in);
  if (!in.early_header || !in.s.told || !out) return {};
  const auto& may = out->early.media;
  const auto& far = out->s.heard;
  const auto shown = in.s.told->direction;  // by our SDP
  const bool heard = in.rings || (far && may.backward && sdp::sends(far->direction));
  const bool listens = far && may.forward && sdp::receives(far->direction);
  return sip::early_media_word(heard && sdp::sends(shown), listens && sdp::receives(shown));
}

// What the caller hears has changed, perhaps without an 18x of the far side: by an UPDATE, the
// answer to a PRACK, a 199, or packets of another phone.
void Call::tell_authorisation(Leg& out) {
  Leg* in = other(out);
  if (transfer_ || was_terminated_ || success_ || !in || other(*in) != &out || !in->s.ingress ||
      !invite_ || in->server_invite.value == 0 || in->answered)
    return;
  const bool open = out.s.heard && !out.media_of.empty() && out.early.media.backward;
  if (std::exchange(in->hears, open) && !open && in->s.told) {
    services_.media.unjoin(in->media);  // what it hears next may be a tone again
    if (ring(*in))
      tell(EventKind::kNote, in, "hears ringing of ours: nobody on the far side is to be heard");
    join_media();
  }
  using deployment::EarlyMedia;
  if (!state_.progressed || in->profile->early_media != EarlyMedia::kPass) return;
  Body body;
  if (in->withheld && open)
    if (const std::string sdp = early_sdp(*in, out, true); !sdp.empty()) {
      tell(EventKind::kNote, in, "early media is authorised now: told with SDP");
      body = join_body(sdp, {}, in->profile->pass_bodies, in->s.dialog.local_tag);
      in->withheld = false;
      in->rang_with = 183;
      join_media();
    }
  if (!body.content.empty() || (in->early_header && authorisation_for(*in) != in->authorised))
    say_provisional(*in, in->rang_with, nullptr, body);
}

}  // namespace causeway::call
