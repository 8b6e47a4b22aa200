// Which messages of a dialog carry an offer, which an answer, and which neither: the patterns of
// RFC 3261 13.2.1, RFC 3262 5, RFC 3311 5 and RFC 6337. One value per dialog, and step() over it;
// what the SDP says is offer_answer.h's business. Pure, any thread.
#pragma once

#include <cstdint>

namespace causeway::sdp {

enum class OfferState : std::uint8_t {
  kIdle,         // nothing was agreed yet
  kLocalOffer,   // ours is out
  kRemoteOffer,  // theirs waits for our answer
  kStable,       // agreed
};

enum class Side : std::uint8_t { kUs, kPeer };

enum class Carrier : std::uint8_t {
  kInvite,       // the first one, or a later one
  kProvisional,  // 101-199 that nobody acknowledges
  kReliable,     // 101-199 with RSeq, once it is in order
  kSuccess,      // 2xx to INVITE
  kAck,
  kPrack,
  kPrackSuccess,
  kUpdate,
  kUpdateSuccess,
  // Requests that came to nothing: 3xx-6xx, no answer at all, CANCEL. From the side that said so.
  kInviteFailure,
  kPrackFailure,
  kUpdateFailure,
};

struct Exchange {
  OfferState state = OfferState::kIdle;
  bool agreed = false;                    // an exchange was completed: where a rollback leads to
  Carrier offered_in = Carrier::kInvite;  // the outstanding offer; its answer comes in kind
  bool owed = false;  // an INVITE came without one: the first reliable answer has the offer
  friend bool operator==(const Exchange&, const Exchange&) = default;
};

struct SdpEvent {
  Side from = Side::kUs;
  Carrier carrier = Carrier::kInvite;
  bool has_sdp = false;
};

enum class SdpMeaning : std::uint8_t {
  kNothing,
  kOffer,
  kAnswer,
  kPreview,     // of the answer, in an unreliable provisional: the offer stays open
  kRepetition,  // of what was agreed: to be passed over
  kMissing,     // an offer or answer had to be here
  kRolledBack,  // the outstanding offer is void, what was agreed before holds
  kRefused,     // a request that is answered with `status`
  kWrong,       // an SDP that nothing allows: of ours, never to be sent; of theirs, passed over
};
struct SdpOutcome {
  SdpMeaning meaning = SdpMeaning::kNothing;
  // 491: an offer of ours is out. 500, with Retry-After: theirs is not answered yet (RFC 3261 14.2,
  // RFC 3311 5.2). 488: an offer in a PRACK while another one is open.
  int status = 0;
  friend bool operator==(const SdpOutcome&, const SdpOutcome&) = default;
};

[[nodiscard]] SdpOutcome judge(const Exchange& x, const SdpEvent& e);
void commit(Exchange& x, const SdpEvent& e, const SdpOutcome& o);
// judge() and commit() in one, for who need not read the SDP in between.
SdpOutcome step(Exchange& x, const SdpEvent& e);

}  // namespace causeway::sdp
