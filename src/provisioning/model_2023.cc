#include <fmt/format.h>

#include "provisioning/fields.h"
#include "provisioning/model.h"

namespace causeway::provisioning {
namespace {

Json tokens_of(const store::DirectRoutingAccount& d) {
  Json out;
  out["region1Token"] = d.region1_token;
  out["region2Token"] = d.region2_token;
  return out;
}

}  // namespace

void read_account_2023(const Json& body, store::AccountRecord& a, std::vector<Fault>& faults) {
  Fields f(body, "", faults);
  a.direct_routing.reset();
  if (const Json* config = f.object("directRouting")) {
    Fields d(*config, "directRouting.", faults);
    store::DirectRoutingAccount out;
    out.call_screening = d.boolean("callScreening", true).value_or(true);
    out.subdomain = d.text("subdomain", kSubdomain, true).value_or("");
    if (const Json* tokens = d.object("subdomainTokens", true)) {
      Fields t(*tokens, "directRouting.subdomainTokens.", faults);
      out.region1_token = t.text("region1Token", kSubdomainToken, true).value_or("");
      out.region2_token = t.text("region2Token", kSubdomainToken, true).value_or("");
      t.end();
    }
    d.end();
    a.direct_routing = out;
    a.has_details = true;
    a.present |= store::kDirectRouting;
    a.enabled |= store::kDirectRouting;
  } else {
    a.present &= static_cast<store::ServiceSet>(~store::kDirectRouting);
    a.enabled &= static_cast<store::ServiceSet>(~store::kDirectRouting);
    a.sync &= static_cast<store::ServiceSet>(~store::kDirectRouting);
  }
  f.end();
}

Json account_2023(const store::AccountRecord& a, std::optional<SubdomainStatus> status) {
  Json out;
  out["etag"] = etag_2023(a.version);
  out["name"] = a.name;
  Json& details = out["details"] = Json::object();
  if (const auto& d = a.direct_routing) {
    Json& c = details["directRouting"];
    c["callScreening"] = d->call_screening;
    c["subdomain"] = d->subdomain;
    c["subdomainTokens"] = tokens_of(*d);
    if (status) {
      const bool good = *status == SubdomainStatus::kProvisioned;
      const bool none = *status == SubdomainStatus::kNotProvisioned;
      out["directRoutingProvisioningState"]["subdomainStatus"] = good   ? "Provisioned"
                                                                 : none ? "NotProvisioned"
                                                                        : "Inconsistent";
    }
  }
  return out;
}

void read_number_2023(const Json& body, const std::string& path, store::NumberRecord& n,
                      std::vector<Fault>& faults) {
  constexpr store::ServiceSet kKnown =
      store::kOperatorConnect | store::kDirectRouting | store::kZoom;
  Fields f(body, path, faults);
  n.enabled &= static_cast<store::ServiceSet>(~kKnown);
  const Json* services = f.object("services");
  if (services == nullptr || services->members()->empty()) {
    n.enabled |= store::kOperatorConnect;  // the default of that version
  } else {
    Fields s(*services, path + "services.", faults);
    for (const auto& [name, service] : {std::pair{"teamsDrEnabled", store::kDirectRouting},
                                        std::pair{"teamsOcEnabled", store::kOperatorConnect},
                                        std::pair{"zoomEnabled", store::kZoom}})
      if (s.boolean(name, true).value_or(false)) n.enabled |= service;
    s.end();
  }
  n.present |= kKnown;
  n.custom_header.reset();
  n.has_configuration = false;
  if (const Json* c = f.object("configuration")) {
    n.has_configuration = true;
    Fields g(*c, path + "configuration.", faults);
    n.custom_header = g.text("customSipHeader", kHeaderValue);
    g.end();
  }
  f.end();
}

Json number_2023(const store::NumberRecord& n) {
  Json out;
  out["etag"] = etag_2023(n.version);
  out["accountName"] = n.account;
  out["phoneNumber"] = n.number;
  Json& details = out["details"] = Json::object();
  if (n.has_configuration) {
    Json& c = details["configuration"] = Json::object();
    if (n.custom_header) c["customSipHeader"] = *n.custom_header;
  }
  Json& s = details["services"];
  s["teamsDrEnabled"] = (n.enabled & store::kDirectRouting) != 0;
  s["teamsOcEnabled"] = (n.enabled & store::kOperatorConnect) != 0;
  s["zoomEnabled"] = (n.enabled & store::kZoom) != 0;
  return out;
}

}  // namespace causeway::provisioning
