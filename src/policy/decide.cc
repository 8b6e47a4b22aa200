#include "policy/decide.h"

#include "policy/numbers.h"
#include "policy/route.h"

namespace causeway::policy {
namespace {

using deployment::Deployment;

// Emergencies may use the reserve and are held by nothing else. Rates are looked at before there is
// anything to decide (peers/admission.h).
std::optional<Refusal> admit(const Deployment& d, const CallFacts& f, bool emergency) {
  const auto& group = d.group(f.from);
  const std::uint64_t all = d.limits.max_calls;
  const std::uint64_t normal = all - all * d.limits.emergency_reserve_percent / 100;
  if (f.calls_now >= (emergency ? all : normal))
    return Refusal{503, 42,
                   "limit of " + std::to_string(emergency ? all : normal) + " calls reached",
                   "limit_calls"};
  if (emergency) return std::nullopt;
  if (group.max_calls != 0 && f.group_calls_now >= group.max_calls)
    return Refusal{503, 34,
                   "limit of " + std::to_string(group.max_calls) + " calls of group '" +
                       group.name + "' reached",
                   "limit_group_calls"};
  if (!f.peer) return std::nullopt;
  const auto& peer = d.peer(*f.peer);
  if (peer.max_calls != 0 && f.peer_calls_now >= peer.max_calls)
    return Refusal{
        503, 34,
        "limit of " + std::to_string(peer.max_calls) + " calls of peer '" + peer.name + "' reached",
        "limit_peer_calls"};
  return std::nullopt;
}

// "44999": 999 behind the country of a number plan.
const deployment::EmergencyNumber* behind_country(const Deployment& d, std::string_view digits) {
  for (const auto& g : d.groups) {
    const std::string& country = g.numbers.country;
    if (country.empty() || !digits.starts_with(country)) continue;
    for (const auto& e : d.emergency)
      if (without_plus(e.digits) == digits.substr(country.size())) return &e;
  }
  return nullptr;
}

const deployment::EmergencyNumber* listed(const Deployment& d, std::string_view number) {
  const std::string_view digits = without_plus(number);
  if (digits.empty()) return nullptr;
  for (const auto& e : d.emergency)
    if (without_plus(e.digits) == digits) return &e;
  return number.starts_with('+') ? behind_country(d, digits) : nullptr;
}

// LMO-02: behind one name of ours a service calls any of several gateways, and names it. A call for
// help goes where every call for help goes.
void choose_gateway(const Deployment& d, const CallFacts& f, Decision& out) {
  if (!d.group(f.from).internal_realm || out.emergency == EmergencyClass::kEmergency) return;
  const auto peer = d.find_gateway(f.from, f.request_host);
  if (!peer) return;
  out.gateway = peer;
  out.targets = {d.peer(*peer).group};
  out.reasons.push_back("the service names gateway " + d.peer(*peer).known_as + ": peer '" +
                        d.peer(*peer).name + "'");
}

}  // namespace

std::optional<std::string> emergency_service(const Deployment& d, std::string_view number,
                                             std::string_view uri) {
  // Labels of a service are compared without case (RFC 5031 4.1).
  constexpr std::string_view kUrn = "urn:service:";
  if (uri.size() > kUrn.size()) {
    std::string urn(uri);
    for (char& c : urn) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    std::string service = urn.starts_with(kUrn) ? urn.substr(kUrn.size()) : std::string();
    if (service == "sos" || service.starts_with("sos.")) return service;
  }
  if (const auto* e = listed(d, number)) return e->service;
  return std::nullopt;
}

std::string emergency_digits(const Deployment& d, std::string_view number) {
  const auto* e = listed(d, number);
  if (!e) return {};
  // Listed with its country, and without, too: the network has the short one.
  if (const auto* shorter = behind_country(d, e->digits)) e = shorter;
  return std::string(without_plus(e->digits));
}

std::string dial_string(const Deployment& d, std::string_view service) {
  for (;;) {
    for (const auto& e : d.emergency)
      if (e.service == service) return e.digits;
    const auto dot = service.rfind('.');
    if (dot == std::string_view::npos) return {};
    service = service.substr(0, dot);
  }
}

Decision decide(const Deployment& d, const CallFacts& f, const directory::Directory* directory) {
  Decision out;
  out.called = f.called;
  const auto& group = d.group(f.from);
  out.reasons.push_back("from group '" + group.name + "'");
  if (const auto service = emergency_service(d, f.called, f.request_uri)) {
    out.emergency = EmergencyClass::kEmergency;
    out.service = *service;
    out.reasons.push_back("'" + (f.called.empty() ? f.request_uri : f.called) +
                          "' is an emergency number: " + *service);
  }
  const bool emergency = out.emergency == EmergencyClass::kEmergency;
  if (f.ending || (f.stopping && !emergency)) {
    out.refusal = Refusal{503, 41, "the gateway is shutting down", "stopping"};
    return out;
  }
  if (f.request_scheme != "sip" && f.request_scheme != "sips" && f.request_scheme != "tel" &&
      !emergency) {
    out.refusal = Refusal{416, 28,
                          "Request-URI scheme '" + f.request_scheme +
                              "' is not sip, sips or tel, and no emergency service",
                          "uri_scheme"};
    return out;
  }
  // A local number without its context is one that means nothing to us, or any to such a group.
  if (!emergency && f.number_status != 0 && !(group.any_number && f.number_status == 484)) {
    out.refusal = Refusal{f.number_status, q850_of_status(f.number_status), f.number_fault,
                          "telephone_number"};
    return out;
  }
  if (!emergency && !group.any_number && !is_number(f.called)) {
    out.refusal = Refusal{f.called_raw.empty() ? 484 : 404, f.called_raw.empty() ? 28 : 1,
                          "'" + f.called_raw + "' is not a telephone number and group '" +
                              group.name + "' has any_number off",
                          "not_a_number"};
    return out;
  }
  if (f.max_forwards == 0) {
    out.refusal = Refusal{483, 25, "Max-Forwards is 0", "too_many_hops"};
    return out;
  }
  if (f.own_vias > kMaxOwnVias) {
    out.refusal = Refusal{
        482, 25,
        "the call has come through here " + std::to_string(f.own_vias) + " times before: a loop",
        "loop"};
    return out;
  }
  if (emergency && group.trunk != deployment::Trunk::kNone) {
    // EM-16: whoever called for help is in the operator's network already.
    out.alarm = true;
    out.refusal = Refusal{403, 21,
                          "an emergency call came from trunk '" + group.name +
                              "': the operator's network must not send those here",
                          "emergency_from_trunk"};
    return out;
  }
  out.refusal = admit(d, f, emergency || (f.resource_priority && group.trusted));
  if (out.refusal) return out;
  out.targets = group.routes_to;
  route(d, directory, f, out);
  if (out.refusal) return out;
  choose_gateway(d, f, out);
  if (out.targets.empty()) {
    out.refusal = Refusal{404, 3, "group '" + group.name + "' has no routes_to", "no_route"};
    return out;
  }
  std::string names;
  for (const auto t : out.targets) names += (names.empty() ? "" : ", ") + d.group(t).name;
  // Two networks that both answer a call for help would help nobody.
  out.at_once = group.rings_all && !emergency && !out.first && out.targets.size() > 1;
  out.reasons.push_back((out.at_once ? "routes_to, all at once (forking): " : "routes_to: ") +
                        names);
  return out;
}

int q850_of_status(int status) {
  // ISUP causes as in RFC 3398 7.2.6 with the clarifications of TDR-80 and TDR-84.
  switch (status) {
    case 400: return 41;
    case 401:
    case 402:
    case 403: return 21;
    case 404: return 1;
    case 405: return 63;
    case 406: return 79;
    case 408: return 102;
    case 410: return 22;
    case 413:
    case 414:
    case 416: return 127;
    case 415: return 79;
    case 420: return 127;
    case 480: return 18;
    case 481: return 41;
    case 482:
    case 483: return 25;
    case 484: return 28;
    case 485: return 1;
    case 486: return 17;
    case 487: return 16;
    case 488: return 88;
    case 500: return 41;
    case 501: return 79;
    case 502: return 38;
    case 503: return 41;
    case 504: return 102;
    case 505:
    case 513: return 127;
    case 600: return 17;
    case 603: return 21;
    case 604: return 1;
    case 606: return 88;
    default: return status >= 400 ? 31 : 16;
  }
}

std::string_view q850_text(int cause) {
  switch (cause) {  // ITU-T Q.850 2.2.7, in our words
    case 1: return "unallocated number";
    case 3: return "no route to destination";
    case 16: return "normal call clearing";
    case 17: return "user busy";
    case 18: return "no user responding";
    case 19: return "no answer";
    case 20: return "subscriber absent";
    case 21: return "call rejected";
    case 22: return "number changed";
    case 25: return "routing error";
    case 28: return "incomplete number";
    case 31: return "normal, unspecified";
    case 34: return "no channel available";
    case 38: return "network out of order";
    case 41: return "temporary failure";
    case 42: return "congestion";
    case 47: return "resource unavailable";
    case 63: return "service not available";
    case 79: return "not implemented";
    case 88: return "incompatible destination";
    case 102: return "timer expired";
    case 111: return "protocol error";
    case 127: return "interworking";
    default: return "";
  }
}

MappedFailure map_failure(int status) {
  if (status == 0) return {504, 102};                    // nothing came at all
  if (status >= 300 && status < 400) return {480, 20};   // never handed on (TDR-89)
  if (status == 401 || status == 407) return {503, 41};  // our own credentials, not the caller's
  return {status, q850_of_status(status)};
}

}  // namespace causeway::policy
