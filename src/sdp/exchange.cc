#include "sdp/exchange.h"

namespace causeway::sdp {
namespace {

using enum Carrier;
using enum SdpMeaning;

// An offer of the other side than `who` is open, and came in `carrier`.
bool answers(const Exchange& x, Side who, Carrier carrier) {
  const OfferState theirs = who == Side::kUs ? OfferState::kRemoteOffer : OfferState::kLocalOffer;
  return x.state == theirs && x.offered_in == carrier;
}

bool open(const Exchange& x) {
  return x.state == OfferState::kLocalOffer || x.state == OfferState::kRemoteOffer;
}

SdpOutcome overlap(const Exchange& x, Side from) {
  if (from == Side::kUs) return {kWrong, 0};
  return {kRefused, x.state == OfferState::kLocalOffer ? 491 : 500};
}

// A final answer to a request that carries one itself when it was offered one.
SdpOutcome in_kind(const Exchange& x, const SdpEvent& e, Carrier request) {
  if (answers(x, e.from, request)) return {e.has_sdp ? kAnswer : kMissing, 0};
  return {e.has_sdp ? kRepetition : kNothing, 0};
}

// A reliable 18x or the 2xx. `answered`: whether an open offer of the INVITE must be answered here.
SdpOutcome in_response(const Exchange& x, const SdpEvent& e, bool must_answer) {
  if (x.owed) return {e.has_sdp ? kOffer : kMissing, 0};
  if (answers(x, e.from, kInvite)) {
    if (e.has_sdp) return {kAnswer, 0};
    return {must_answer ? kMissing : kNothing, 0};
  }
  if (!e.has_sdp) return {kNothing, 0};
  return {x.state == OfferState::kStable ? kRepetition : kWrong, 0};
}

SdpOutcome in_prack(const Exchange& x, const SdpEvent& e) {
  if (answers(x, e.from, kReliable)) return {e.has_sdp ? kAnswer : kMissing, 0};
  if (!e.has_sdp) return {kNothing, 0};
  if (!open(x) && !x.owed) return {kOffer, 0};
  return e.from == Side::kUs ? SdpOutcome{kWrong, 0} : SdpOutcome{kRefused, 488};
}

SdpOutcome failed(const Exchange& x, Side from, Carrier request) {
  const bool ours = answers(x, from, request);
  // What a provisional offered, and nobody answered, goes with its INVITE.
  const bool with_invite =
      request == kInvite && open(x) && (x.offered_in == kReliable || x.offered_in == kSuccess);
  return {ours || with_invite ? kRolledBack : kNothing, 0};
}

}  // namespace

SdpOutcome judge(const Exchange& x, const SdpEvent& e) {
  switch (e.carrier) {
    case kInvite:
      if (open(x)) return overlap(x, e.from);
      return {e.has_sdp ? kOffer : kNothing, 0};
    case kUpdate:
      if (!e.has_sdp) return {kNothing, 0};
      if (open(x) || x.owed) return overlap(x, e.from);
      return {kOffer, 0};
    case kProvisional:
      if (!e.has_sdp) return {kNothing, 0};
      if (answers(x, e.from, kInvite)) return {kPreview, 0};
      return {x.owed ? kWrong : kRepetition, 0};
    case kReliable: return in_response(x, e, false);
    case kSuccess: return in_response(x, e, true);
    case kAck: return in_kind(x, e, kSuccess);
    case kPrack: return in_prack(x, e);
    case kPrackSuccess: return in_kind(x, e, kPrack);
    case kUpdateSuccess: return in_kind(x, e, kUpdate);
    case kInviteFailure: return failed(x, e.from, kInvite);
    case kPrackFailure: return failed(x, e.from, kPrack);
    case kUpdateFailure: return failed(x, e.from, kUpdate);
  }
  return {};
}

void commit(Exchange& x, const SdpEvent& e, const SdpOutcome& o) {
  switch (o.meaning) {
    case kOffer:
      x.state = e.from == Side::kUs ? OfferState::kLocalOffer : OfferState::kRemoteOffer;
      x.offered_in = e.carrier;
      x.owed = false;
      return;
    case kAnswer:
      x.state = OfferState::kStable;
      x.agreed = true;
      return;
    case kRolledBack:
      x.state = x.agreed ? OfferState::kStable : OfferState::kIdle;
      if (e.carrier == kInviteFailure) x.owed = false;
      return;
    case kNothing:
      if (e.carrier == kInvite) x.owed = true;
      if (e.carrier == kInviteFailure) x.owed = false;
      return;
    case kPreview:
    case kRepetition:
    case kMissing:
    case kRefused:
    case kWrong: return;
  }
}

SdpOutcome step(Exchange& x, const SdpEvent& e) {
  const SdpOutcome o = judge(x, e);
  commit(x, e, o);
  return o;
}

}  // namespace causeway::sdp
