// Media that goes past us, between a service's user and a gateway behind us (LMO-02): SDP crosses
// as it is but for its o= line, ours in each dialog, and no port is held. Signalling goes on as in
// every call: an offer is asked of the other side, and answered by its answer.
#include <algorithm>
#include <utility>

#include "call/call.h"
#include "call/local_media.h"

namespace causeway::call {

using telemetry::EventKind;

namespace {

// What two sides have to share for one's SDP to be understood by the other.
std::string unlike(const deployment::Profile& a, const deployment::Profile& b) {
  if (a.sdp.security != b.sdp.security) return "one side has SRTP of another kind";
  if (a.sdp.ice_lite != b.sdp.ice_lite) return "one side alone has ICE";
  return {};
}

}  // namespace

// The name under which the peers of `leg` know the gateway on the other side; empty: none.
std::string Call::gateway_beside(const Leg& leg) const {
  if (!deployment_->group(leg.group).internal_realm) return {};
  const Leg* far = other(leg);
  const auto peer = far ? deployment_->find_peer(far->s.peer) : std::nullopt;
  return peer ? deployment_->peer(*peer).known_as : std::string();
}

// LMO-05: what a proxy writes into the INVITE of a dialog and the answers to it. Its Contact names
// the gateway behind us, so that without this what follows would go past us.
std::string Call::record_route(const Leg& leg) const {
  if (!leg.s.for_gateway) return {};
  peers::LocalSide us = side(leg);
  us.host = {};
  std::string uri = "<sip:" + peers::own_host(us) + ":" + std::to_string(us.advertised.port);
  if (us.transport != Transport::kUdp) uri.append(";transport=").append(to_string(us.transport));
  return uri + ";lr>";
}

// Before the caller's offer is read.
void Call::begin_direct(const Leg& in, const UserPlace& place) {
  if (!decision_ || !decision_->gateway || place.path.empty() || calls_for_help()) return;
  const auto& peer = deployment_->peer(*decision_->gateway);
  if (place.path.front() != peer.known_as) return;
  const auto& theirs = deployment_->profile(deployment_->group(peer.group).profile);
  std::string why = unlike(*in.profile, theirs);
  if (why.empty() && sdp_of(invite_parts_).empty()) why = "the INVITE has no SDP";
  state_.direct = why.empty();
  tell(
      EventKind::kDecision, &in,
      state_.direct ? "media goes straight to " + peer.known_as : "media is anchored here: " + why);
}

// A re-INVITE of `leg` with an offer: does media go past us from now on, or come here again? Once
// the other side has agreed.
void Call::change_anchor(Leg& leg, const UserPlace& place) {
  anchor_change_.reset();
  const std::string gateway = gateway_beside(leg);
  const bool direct = !gateway.empty() && !place.path.empty() && place.path.front() == gateway &&
                      !calls_for_help() && !transferring();
  Leg* far = other(leg);
  // A transferor that stays for a while has no say any more.
  if (leg.s.id != state_.ingress && leg.s.id != state_.egress) return;
  if (direct == state_.direct || !far) return;
  if (!direct) {
    if (const Status ok = anchor("the service says so"); !ok)
      tell(EventKind::kError, &leg, "media still goes past us: " + ok.error().what);
    else
      anchor_change_ = {leg.s.id, true};
    return;
  }
  if (const std::string why = unlike(*leg.profile, *far->profile); !why.empty()) {
    tell(EventKind::kDecision, &leg, "media is anchored here: " + why);
    return;
  }
  anchor_change_ = {leg.s.id, false};
  state_.direct = true;
  tell(EventKind::kDecision, &leg, "media is to go straight to " + gateway);
}

// Media comes here; both sides hear of it by the next reconcile(). Does nothing where it is here.
Status Call::anchor(std::string_view why) {
  anchor_change_.reset();  // what one of those before asked for is not put back
  if (!state_.direct) return {};
  for (const LegId id : {state_.ingress, state_.egress}) {
    Leg* leg = find_leg(id);
    if (!leg || leg->s.has_media) continue;
    if (const Status ok = open_media(*leg); !ok) {
      leave_media();
      return ok;
    }
  }
  state_.direct = false;
  tell(EventKind::kDecision, nullptr, "media is to be anchored here: " + std::string(why));
  return {};
}

void Call::leave_media() {
  for (const LegId id : {state_.ingress, state_.egress})
    if (Leg* leg = find_leg(id)) close_media(*leg);
}

// The re-INVITE was answered: what it asked for is so.
void Call::settle_anchor(const Leg& by) {
  if (!anchor_change_ || anchor_change_->by != by.s.id) return;
  anchor_change_.reset();
  if (state_.direct) leave_media();
  tell_path();
}

// ... or refused: all is as it was.
void Call::restore_anchor(const Leg& by) {
  if (!anchor_change_ || anchor_change_->by != by.s.id) return;
  state_.direct = anchor_change_->before;
  anchor_change_.reset();
  if (state_.direct) leave_media();
}

// What the other side said last, as our offer to `to`.
Result<std::string> Call::pass_offer(Leg& to, const sdp::MediaWish& wish) {
  Leg* from = other(to);
  if (!from) return fail(ErrorCode::kNotAcceptable, "there is no other side");
  // TDR-95: who asks without SDP wants everything again.
  auto text = sdp::pass_offer(to.s.offer_answer, from->s.offer_answer.last_remote, to.offerless);
  if (!text) return text;
  from->news = false;
  to.s.told = wish;
  to.s.passed_on = true;
  return text;
}

// ... as the answer to the offer of `to`.
Result<std::string> Call::pass_answer(Leg& to, const sdp::MediaWish& wish, sdp::AnswerKind kind) {
  Leg* from = other(to);
  if (!from) return fail(ErrorCode::kNotAcceptable, "there is no other side");
  auto text = sdp::pass_answer(to.s.offer_answer, from->s.offer_answer.last_remote, kind);
  if (!text) return text;
  from->news = false;
  to.s.heard = to.offer->wish;
  to.s.own = to.offer->wish.direction;
  to.s.told = wish;
  to.s.refused.reset();
  to.s.passed_on = true;
  note_media_of(to);
  if (kind == sdp::AnswerKind::kPreliminary && to.shown_first.empty()) to.shown_first = *text;
  return text;
}

// Of several answers to one INVITE a caller may hold to the first (RFC 3261 13.2.1): where the one
// that counts is another, it is offered anew.
void Call::correct_shown(Leg& to, std::string_view final) {
  const std::string first = std::exchange(to.shown_first, {});
  passed_unasked_ = 0;  // what it was told while it rang does not count
  Leg* from = state_.direct ? other(to) : nullptr;
  if (final.empty()) return ask_once_more(to);
  if (!from || first.empty() || sdp::same_media(first, final)) return;
  tell(EventKind::kNote, from,
       "it answered with another SDP than the first that the caller was shown: the caller is "
       "offered that one anew");
  to.s.last_refused = true;
  from->news = true;
}

// It had its answer in a reliable provisional, and refused an UPDATE since: without the SDP of the
// phone that answered it would hear nobody.
void Call::ask_once_more(Leg& to) {
  Leg* from = state_.direct ? other(to) : nullptr;
  if (!from || !to.s.refused ||
      sdp::same_media(from->s.offer_answer.last_remote, to.s.offer_answer.agreed_local))
    return;
  tell(EventKind::kNote, from,
       "it answered with another SDP than the caller has, who refused that while it rang: the "
       "caller is offered it once more");
  to.s.refused.reset();
  from->news = true;
}

// The other side's SDP that `to` did not take yet is still to be passed on.
void Call::pass_again(const Leg& to) {
  if (Leg* from = state_.direct ? other(to) : nullptr) from->news = true;
}

// Glare between two peers that hear each other's SDP: an offer is never answered by an offer.
bool Call::other_offer_waits(const Leg& leg) const {
  const Leg* far = state_.direct ? other(leg) : nullptr;
  return far && far->awaits();
}

// Does `to` have the other side's latest SDP, or ours where media is anchored? Of our own accord it
// is told twice at most: two sides that never agree would go on without end.
bool Call::must_pass_on(const Leg& to) const {
  if (state_.direct != to.s.passed_on) return true;
  const Leg* from = other(to);
  if (!state_.direct || !from || !from->news) return false;
  // What it refused, it has not.
  return (from->awaits() || passed_unasked_ < kMostUnasked) &&
         (to.s.last_refused ||
          !sdp::same_media(from->s.offer_answer.last_remote, to.s.offer_answer.last_local));
}

}  // namespace causeway::call
