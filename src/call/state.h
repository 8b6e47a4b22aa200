// A call as a value: no pointer, no socket, no snapshot of the configuration in it, so that it can
// be written down, destroyed and rebuilt at any stable point (serialise.h). kStateVersion grows
// with every change of the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/ids.h"
#include "base/kept.h"
#include "base/net.h"
#include "base/time.h"
#include "media/leg_snapshot.h"
#include "policy/decide.h"
#include "rules/variables.h"
#include "sdp/offer_answer.h"
#include "sdp/plain.h"

namespace causeway::call {

inline constexpr std::uint16_t kStateVersion = 17;

// Every call ends as exactly one of these.
enum class TerminationClass : std::uint8_t {
  kCompleted,       // answered, and somebody hung up
  kCancelled,       // the caller gave up before an answer
  kBusy,            // 486, 600
  kNoAnswer,        // rang, or 480, 408 after ringing
  kRejected,        // another final answer of the far side
  kUnreachable,     // no peer could be reached, or all said 408, 503, 504
  kRefused,         // we refused it: policy, limits, malformed media
  kDropped,         // answered, and lost: no ACK, both sides silent, our own fault
  kStopped,         // ended by an operator: shutdown, block
  kTransferFailed,  // handed over by one party, who hung up, to a target that was not reached
  kLast = kTransferFailed
};
[[nodiscard]] std::string_view to_string(TerminationClass c);
// What `calls --failed`, the counter of failed calls and the trails that are kept mean: neither
// party nor the person called made it end so. Busy, unanswered and given up are no failures.
[[nodiscard]] bool is_failure(TerminationClass c);
[[nodiscard]] bool is_failure(std::string_view termination);  // as a record has it

enum class ReleasedBy : std::uint8_t { kCaller, kCallee, kGateway };
[[nodiscard]] std::string_view to_string(ReleasedBy r);

struct Termination {
  TerminationClass what = TerminationClass::kDropped;
  ReleasedBy by = ReleasedBy::kGateway;
  int status = 0;  // SIP status of the initial INVITE towards the caller; 200 when answered
  int q850 = 16;
  std::string text;  // for a person
  friend bool operator==(const Termination&, const Termination&) = default;
};

// RFC 3261 12. Parties are header values without their tag.
struct Dialog {
  std::string call_id, local_tag, remote_tag;
  std::string local_party, remote_party;
  std::string remote_target;
  std::vector<std::string> routes;  // Route values in the order in which they are written
  std::uint32_t local_cseq = 0, remote_cseq = 0;
  bool ours = false;        // we made the Call-ID
  std::uint32_t allow = 0;  // methods that the peer's Allow listed, one bit for each sip::Method
  friend bool operator==(const Dialog&, const Dialog&) = default;
};

enum class LegPhase : std::uint8_t { kNew, kEarly, kConfirmed, kEnding, kEnded };

// Where in-dialog requests of a leg go.
struct NextHop {
  Endpoint remote;
  Transport transport = Transport::kUdp;
  std::string name;
  WallTime expires;  // of the address, as the name service said; zero: not known
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

// RFC 4028, as it was agreed in a dialog.
struct SessionState {
  std::uint32_t interval = 0;  // s; 0: there is none
  std::uint32_t least = 0;     // s; what the peer would not go below
  bool ours = false;           // we refresh
  WallTime refreshed;
  WallTime tried;  // our latest refresh
  friend bool operator==(const SessionState&, const SessionState&) = default;
};

struct LegState {
  LegId id;
  bool ingress = false;
  LegPhase phase = LegPhase::kNew;
  bool last_refused = false;          // our last SDP came to nothing
  std::string group, peer, listener;  // by name: indices change with a reload
  Dialog dialog;
  NextHop next_hop;
  std::string number;  // user part of our Contact on this leg
  std::string host;    // ... its host, a name of the customer's own; empty: the profile's
  sdp::OfferAnswer offer_answer;
  Kept<sdp::MediaWish> heard;  // what this peer wants
  Kept<sdp::MediaWish> told;   // what we told it that the others want
  // What this peer wants of the direction, as far as its answers could say so: an answer to a hold
  // of the other side tells nothing.
  sdp::Direction own = sdp::Direction::kSendRecv;
  std::optional<sdp::Direction> refused;  // it would not have it: not offered of our own accord
  std::vector<std::string> attributes;    // further a= lines of the peer
  WallTime signalled;                     // when its latest message of this dialog came
  SessionState session;
  std::string session_id;    // its half of Session-ID (RFC 7989), 32 hex digits; empty: none
  bool internal = false;     // its media is in the group's internal realm
  bool for_gateway = false;  // its peer knows the other side by name: we are a proxy (LMO-05)
  bool passed_on = false;    // our last SDP to it was the other side's (CallState::direct)
  bool has_media = false;
  std::uint32_t refers = 0;         // that we took from this peer
  Boxed<media::LegSnapshot> media;  // when the call is written down
  friend bool operator==(const LegState&, const LegState&) = default;
};

// The last transfer that a call has to do with.
struct Transferred {
  std::string by, to, call_id;
  std::string id;  // the same in all calls of one transfer, as the service has it
  friend bool operator==(const Transferred&, const Transferred&) = default;
};

struct CallState {
  CallId id;
  Bucket bucket;
  policy::EmergencyClass emergency = policy::EmergencyClass::kNone;
  std::string emergency_service;  // "sos" ...
  std::string calling, called;
  std::string service, account, tenant;  // whose call it is; empty: not known
  std::string ingress_group;
  rules::Variables variables;      // what rules remembered
  WallTime began, rang, answered;  // zero: not yet
  std::vector<LegState> legs;
  LegId ingress, egress;    // the pair that talks
  bool direct = false;      // media goes past us: SDP crosses as it is
  bool fax = false;         // a fax machine or a modem was heard: G.711 alone from then on
  bool progressed = false;  // a provisional other than 100 was passed on
  // Of a call that was transferred: how often, and as it began
  std::uint32_t transfers = 0;
  LegId first_ingress, first_egress;  // 0: the pair that talks
  Boxed<Transferred> transferred;
  Boxed<Termination> termination;
  friend bool operator==(const CallState&, const CallState&) = default;
};

}  // namespace causeway::call
