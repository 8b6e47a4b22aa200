#include "deployment/routing.h"

#include <algorithm>

namespace causeway::deployment {
namespace {

constexpr std::array<ServiceRules, directory::kServices> kRules{{
    {directory::kOperatorConnect, "operator-connect", false, false, true, false},
    {directory::kPhoneMobile, "teams-phone-mobile", false, false, false, true},
    {directory::kDirectRouting, "direct-routing", true, true, true, false},
    {directory::kZoom, "zoom-phone", true, false, true, false},
    {directory::kCallProtection, "call-protection", true, false, false, false},
}};

}  // namespace

const ServiceRules& rules_of(Service s) { return kRules[directory::index_of(s)]; }

std::optional<Service> service_of(std::string_view name) {
  for (const auto& r : kRules)
    if (r.name == name) return r.service;
  return std::nullopt;
}

std::string names_of(ServiceSet services) {
  std::string out;
  for (const auto& r : kRules)
    if (services & r.service) out.append(out.empty() ? "" : ", ").append(r.name);
  return out;
}

std::string_view to_string(Trunk t) {
  switch (t) {
    case Trunk::kNone: return "none";
    case Trunk::kFixed: return "fixed";
    case Trunk::kMobile: return "mobile";
    case Trunk::kMobileOriginating: return "mobile_originating";
    case Trunk::kMobileTerminating: return "mobile_terminating";
  }
  return "";
}

const VerificationNumbers* NumberRouting::verification_of(std::string_view number) const {
  for (const auto& v : verification)
    if (std::find(v.numbers.begin(), v.numbers.end(), number) != v.numbers.end()) return &v;
  return nullptr;
}

}  // namespace causeway::deployment
