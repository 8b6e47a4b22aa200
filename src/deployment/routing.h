// Routing by number, as configured: which service is behind a peer group, how the operator's trunks
// mark calls, and what a number that is in no directory means.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "directory/service.h"

namespace causeway::deployment {

using GroupIndex = StrongId<struct GroupTag, std::uint16_t>;
using directory::Service;
using directory::ServiceSet;

// What is known of each service. A room that may name no vendor asks here.
struct ServiceRules {
  Service service;
  std::string_view name;  // in configuration, trails and metrics
  // A number that is not provisioned for it is unknown there, called or calling (OC-04, ZM-17).
  bool needs_number = false;
  // The host of a request names the customer, and the Contact of ours does (MT-06, MT-07); whoever
  // calls must have a number of that customer (MT-08).
  bool by_customer = false;
  bool custom_header = false;  // of the number, in both directions (MT-10)
  bool call_types = false;     // mobile: each call is originating or terminating (TPM-01)
};
[[nodiscard]] const ServiceRules& rules_of(Service s);
[[nodiscard]] std::optional<Service> service_of(std::string_view name);
[[nodiscard]] std::string names_of(ServiceSet services);  // "operator-connect, zoom-phone"

// A group of the operator's own network, and what its calls are.
enum class Trunk : std::uint8_t {
  kNone,               // not routed by number
  kFixed,              //
  kMobile,             // each call says by call_type_header what it is (TPM-01)
  kMobileOriginating,  // every call comes from a mobile subscriber: the caller's number decides
  kMobileTerminating,  // every call goes to one
};
[[nodiscard]] constexpr bool is_mobile(Trunk t) { return t >= Trunk::kMobile; }
[[nodiscard]] std::string_view to_string(Trunk t);

// What digits without a plus, and without a prefix, are.
enum class BareNumbers : std::uint8_t { kAsIs, kNational, kE164 };

// How the peers of a group write numbers, towards E.164 and back (S9).
struct NumberPlan {
  std::string country;  // calling code: "44"; empty: numbers stay as they come
  std::string national_prefix, international_prefix;  // "0", "00"; empty: none
  BareNumbers bare = BareNumbers::kAsIs;
};

// Numbers that a service calls to see whether all is well (OC-08, ZM-19).
struct VerificationNumbers {
  Service service = directory::kOperatorConnect;
  std::vector<std::string> numbers;  // E.164
  std::optional<GroupIndex> group;   // where calls to them go; none: any group of the service
  bool loop_back = false;            // a call from the service goes straight back there
};

struct NumberRouting {
  // Where numbers go that are in no directory (OC-04, P45); nullopt: nowhere.
  std::optional<Service> unprovisioned_fixed = directory::kOperatorConnect;
  std::optional<Service> unprovisioned_mobile = directory::kPhoneMobile;
  std::string voicemail_pilot;  // E.164; calls to it go to the mobile service (TPM-04)
  // A control point in the operator's network diverts calls to us, marked (D25). Otherwise a mark
  // says that the call was at the service already (TPM-02).
  bool on_premises_control_point = false;
  std::string call_type_header = "X-MS-FMC";
  std::string client_call = "APP", terminating_call = "MT", originating_call;  // its values
  std::string custom_header;                    // its name; empty: there is none
  std::string tenant_header = "X-MS-TenantID";  // names the enterprise (OC-01)
  std::uint16_t account_calls_percent = 15;     // of its numbers, at one time (R13); 0: no limit
  std::uint32_t account_calls_min = 10;         // ... but never fewer
  std::vector<std::pair<std::string, std::uint32_t>> account_calls;  // of single accounts
  std::array<std::uint32_t, directory::kServices> service_calls{};   // of each service; 0: no limit
  std::vector<VerificationNumbers> verification;

  [[nodiscard]] const VerificationNumbers* verification_of(std::string_view number) const;
};

}  // namespace causeway::deployment
