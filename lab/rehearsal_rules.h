// The rules that a rehearsal tries, in words, and what to change when one is broken. Data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace causeway::lab {

// What must have been seen of the gateway before a rule can be said to hold.
enum class Seen : std::uint8_t {
  kPeers,          // the configuration's own list
  kTls,            // a connection of the gateway's was accepted
  kOptions,        // its OPTIONS
  kOptionsAnswer,  // its 200 to ours
  kInvite,         // a call from the core that reached the service
  kAnswer,         // its 200 to a call of the service
  kOffer,          // SDP of a call to the service
  kSdpAnswer,      // SDP of an answer to the service
  kInDialog,       // a request of its within a dialog
  kHold,           // a hold of the core's that reached the service
  kServiceHold,    // a hold of the service's that was answered
  kRefresh,        // a refresh of the service's that was answered
  kFailure,        // a failure that the gateway answered the service with
  kFork,           // an answer by another telephone than the one that was heard first
  kCoreFailure,    // a failure of the service's that reached the core
  kCore,           // anything that reached the core
  kAudio,          // both directions were heard
  kChecked,        // its answer to a connectivity check
  kNominated,      // a nomination, in a call that was answered
  kFinalOffer,     // its answer to an offer with a=remote-candidates
  kIceRestart,     // ... with other credentials
  kLitePeer,       // a call with a peer that is ICE-lite itself
  kEarlyPath,      // media of its before a nomination
  kEarlyAnswer,    // SDP of its before the answer
  kDtlsOffer,      // its answer to an offer of DTLS beside SDES
  kIceHold,        // a hold over a path that ICE found
  kTransfer,       // a REFER of the service's
  kAttended,       // ... with Replaces
  kReplaced,       // an INVITE of the service's with Replaces
  kRecords,        // call records, after transfers
  kPlaceAnswer,    // SDP of its answer to a user whose place was said
  kPlaceOffer,     // ... of its offer to one of whom something is known
  kMoved,          // ... of its answer to one who moved
  kElsewhere,      // media with a phone on the Internet, and with relays
  kEscalated,      // ... through the service's media processors, in the middle of a call
  kBeside,         // a dialog whose Contact names a gateway behind the gateway
  kIceLost,        // a BYE of the service's because of ICE
  kCount
};

struct RehearsedRule {
  std::string_view id;
  Seen seen;
  std::string_view rule, remedy;
};

// The services that can be rehearsed, as --service names them.
[[nodiscard]] std::span<const std::string_view> rehearsed_services();
[[nodiscard]] std::span<const RehearsedRule> rules_of_service(std::string_view service);
// Beside those of its service, those of a trunk with media bypass.
[[nodiscard]] std::span<const RehearsedRule> rules_of_media_bypass();
// Where there are trunks with it and without.
[[nodiscard]] std::span<const RehearsedRule> rules_of_two_trunks();
// A gateway behind the gateway, that the service knows.
[[nodiscard]] std::span<const RehearsedRule> rules_of_gateway_behind();
// And those of Local Media Optimization.
[[nodiscard]] std::span<const RehearsedRule> rules_of_local_media();
// Towards the core, with whichever service.
[[nodiscard]] std::span<const RehearsedRule> rules_of_core(bool tls);
// What both services ask for has a number of its own with each: that of `service` for one of ours.
[[nodiscard]] std::string_view rule_of_service(std::string_view service, std::string_view id);

}  // namespace causeway::lab
