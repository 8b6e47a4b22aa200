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
  kTransfer,       // a REFER of the service's
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
// What both services ask for has a number of its own with each: that of `service` for one of ours.
[[nodiscard]] std::string_view rule_of_service(std::string_view service, std::string_view id);

}  // namespace causeway::lab
