// What a lab peer checks in every message that the gateway sends it: each breach carries the number
// of the requirement it breaks. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/sdp_text.h"
#include "lab/sip_text.h"

namespace causeway::lab {

struct Violation {
  std::string requirement;  // "TDR-33"; "RFC3261-..." for what no requirement of ours says
  std::string what;
  friend bool operator==(const Violation&, const Violation&) = default;
};
using Violations = std::vector<Violation>;
inline constexpr std::string_view kNoCandidates = "no ICE candidates in the SDP";

// How the Phone System knows the gateway.
struct ServiceView {
  std::vector<std::string> gateway_names;      // the trunk that was provisioned, and its customers'
  std::vector<std::string> certificate_names;  // shown on the connection; empty: not checked
  std::vector<std::string> own_names;          // sip, sip2, sip3
  std::string domain;                          // of these names
  std::string operator_address;                // must not reach us
  bool bypass = false;                         // the trunk has media bypass
  std::vector<IpAddress> media;                // where the gateway's media is; empty: not checked
  bool on_internet = false;                    // so are we: private addresses lead nowhere ...
  std::optional<IpAddress> inside = {};        // ... but this one, for users in its network
  std::string beside = {};                     // a gateway behind the gateway, in Contact
};

// Requests and responses that reach the Phone System.
[[nodiscard]] Violations check_service_request(const SipMessage& m, const ServiceView& v);
[[nodiscard]] Violations check_service_response(const SipMessage& m, const ServiceView& v,
                                                const std::string& method);
// SDP that reaches the Phone System. `ours`: what we offered, when this is an answer.
[[nodiscard]] Violations check_service_sdp(const SdpText& s, const ServiceView& v,
                                           const SdpText* ours);
// Of it, ICE alone: that of a trunk with media bypass, and none otherwise.
[[nodiscard]] Violations check_ice_sdp(const SdpText& s, const ServiceView& v);
// A later SDP of the same dialog. `restarted`: the offer had other credentials of ours.
[[nodiscard]] Violations check_ice_continuity(const SdpText& before, const SdpText& now,
                                              bool restarted);
// With what the Phone System refuses the request, if it does, and the rule that was broken.
struct LabRefusal {
  int status = 0;
  std::string why;  // "TDR-33: an address in Contact: ..."
};
[[nodiscard]] std::optional<LabRefusal> service_refusal(const Violations& v);

struct OperatorView {
  IpAddress gateway_address;  // signalling, operator's side
  IpAddress gateway_media;
  bool trusted = true;                     // the gateway may give us asserted identities
  std::string service_domain = "pstnhub";  // what must not reach us
  std::string gateway_name = {};           // in Contact, where it is given
  std::vector<std::string> suites = {};    // of SRTP; empty: plain RTP
};
[[nodiscard]] Violations check_operator_message(const SipMessage& m, const OperatorView& v);
[[nodiscard]] Violations check_operator_sdp(const SdpText& s, const OperatorView& v,
                                            const SdpText* ours = nullptr);

// Both sides: a later SDP of the same dialog against the one before it.
// `same_wish`: nothing but a refresh was asked for.
[[nodiscard]] Violations check_continuity(const SdpText& before, const SdpText& now, bool same_wish,
                                          bool service);

}  // namespace causeway::lab
