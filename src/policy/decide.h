// Decisions about calls: pure functions of what is configured and what is known of the call. The
// same facts give the same decision, so that a trail can be replayed and "why" answered. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deployment/deployment.h"
#include "directory/directory.h"

namespace causeway::policy {

enum class EmergencyClass : std::uint8_t { kNone, kEmergency };

struct CallFacts {
  deployment::GroupIndex from;
  std::string called;          // user part of the Request-URI, separators removed; may be empty
  std::string called_raw;      // as it came
  int number_status = 0;       // what a tel URI that is none is answered with; 0: nothing is wrong
  std::string number_fault;    // in words
  std::string request_scheme;  // "sip", "sips", "tel", "urn"
  std::string request_uri;     // whole, for urn:service:sos
  bool resource_priority = false;  // of the namespace esnet (RFC 7135)
  int max_forwards = 70;
  int own_vias = 0;             // how often its Vias say that it was here before
  std::uint32_t calls_now = 0;  // whole process
  std::uint32_t group_calls_now = 0;
  std::optional<deployment::PeerIndex> peer;  // of the group, where its address tells
  std::uint32_t peer_calls_now = 0;
  // Who calls, digits with or without plus; empty: no number
  std::string calling;                   // From
  std::string asserted;                  // P-Asserted-Identity
  std::string diverting;                 // who sent the call on (Diversion, History-Info)
  std::string request_host, to_host;     // lower case
  std::optional<std::string> call_type;  // value of call_type_header
  std::string tenant;                    // ... of tenant_header
  std::string custom;                    // ... of custom_header
  bool stopping = false;
  bool ending = false;  // calls get BYE: not even an emergency would live
};

// A call may rightly pass here again on its way (from a trunk to a core, from the core to a
// service), and once more on the way back of a transfer; oftener is a loop (RFC 3261 16.3).
inline constexpr int kMaxOwnVias = 3;

struct Refusal {
  int status = 0;
  int q850 = 0;            // 0: none
  std::string text;        // for Reason, trail and log
  std::string_view label;  // metric label: a literal, counters keep the view
};

// Whose call it is, and how much of the gateway it may use.
struct Customer {
  std::optional<deployment::Service> service;
  std::string account;  // empty: none is known
  std::string tenant;   // at the service's maker; empty: not known
  std::string label;    // of its own name towards the service; empty: none
  // At one time; 0: no limit
  std::uint32_t account_calls = 0, service_calls = 0;
};

struct Decision {
  EmergencyClass emergency = EmergencyClass::kNone;
  std::string service;                           // "sos" ... for emergencies
  std::vector<deployment::GroupIndex> targets;   // in the order to try
  bool at_once = false;                          // ... or all of them, to ring side by side
  std::optional<deployment::GroupIndex> first;   // before the others, whatever its region
  std::optional<deployment::PeerIndex> gateway;  // the one peer that the service named (LMO-02)
  std::string called;  // where it goes: in E.164 when the group's plan could make it so
  Customer customer;
  std::vector<deployment::HeaderLine> headers;  // of ours, in the request that goes on
  bool alarm = false;                           // an operator must hear of it (EM-16)
  std::optional<Refusal> refusal;
  std::vector<std::string> reasons;  // one sentence each, for the trail
};

// Without a directory no number is provisioned.
[[nodiscard]] Decision decide(const deployment::Deployment& d, const CallFacts& facts,
                              const directory::Directory* directory = nullptr);

// "sos..." when the number (with or without a leading "+") or URN is an emergency of this
// deployment.
[[nodiscard]] std::optional<std::string> emergency_service(const deployment::Deployment& d,
                                                           std::string_view number,
                                                           std::string_view uri);

// How the operator's network dials it: the listed string that this number means, bare or behind a
// country of the deployment's number plans ("+44999" is 999; EM-01, ZM-20). Empty: no emergency.
[[nodiscard]] std::string emergency_digits(const deployment::Deployment& d,
                                           std::string_view number);

// The first dial string of a service; without one, of the service that contains it ("sos" of
// "sos.police"). Empty: this deployment has none.
[[nodiscard]] std::string dial_string(const deployment::Deployment& d, std::string_view service);

// A number in the form that a peer wants it. Dial strings of emergencies and anything that is not
// digits pass as they are. `plan`: of its group, for national and international forms.
[[nodiscard]] std::string format_number(const deployment::Deployment& d, std::string_view number,
                                        deployment::NumberFormat format,
                                        const deployment::NumberPlan& plan = {});

// A number as the peers of a group write it, in E.164 as far as their plan says (S9). Anything else
// stays as it is.
[[nodiscard]] std::string to_e164(std::string_view number, const deployment::NumberPlan& plan);

// SIP status to the one that the calling side gets when every way is exhausted, and its Q.850 cause
// (TDR-80). `status` 0: no answer at all.
struct MappedFailure {
  int status = 0;
  int q850 = 0;
};
[[nodiscard]] MappedFailure map_failure(int status);
[[nodiscard]] int q850_of_status(int status);
// A few words for the text of a Reason header; says nothing about the inside of the network.
[[nodiscard]] std::string_view q850_text(int cause);

// May the next peer be tried after this answer (GW-02)?
[[nodiscard]] constexpr bool may_retry(int status) {
  return status == 408 || status == 503 || status == 504;
}

}  // namespace causeway::policy
