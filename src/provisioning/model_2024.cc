#include <fmt/format.h>

#include "provisioning/fields.h"
#include "provisioning/model.h"

namespace causeway::provisioning {
namespace {

using store::AccountRecord;
using store::Assignment;
using store::NumberRecord;
using store::Service;
using store::SyncState;

void add_state(Json& to, SyncState state, const std::string& errors) {
  if (state == SyncState::kNone) return;
  to["serviceProvisioningStatus"] = state == SyncState::kPending  ? "pending"
                                    : state == SyncState::kSynced ? "synced"
                                                                  : "failed";
  to["serviceProvisioningErrors"] = Json::Raw{errors.empty() ? "[]" : errors};
}

std::optional<store::DirectRoutingAccount> read_direct_routing(const Json& body,
                                                               const std::string& path,
                                                               std::vector<Fault>& faults) {
  Fields f(body, path, faults);
  const auto screening = f.boolean("callScreening", true);
  const auto subdomain = f.text("subdomain", kSubdomain, true);
  std::optional<std::string> first, second;
  if (const Json* tokens = f.object("subdomainTokens", true)) {
    Fields t(*tokens, path + "subdomainTokens.", faults);
    first = t.text("region1Token", kSubdomainToken, true);
    second = t.text("region2Token", kSubdomainToken, true);
    t.end();
  }
  f.end();
  if (!screening || !subdomain || !first || !second) return std::nullopt;
  return store::DirectRoutingAccount{*screening, *subdomain, *first, *second};
}

void read_account_service(const Json& body, Service service, AccountRecord& a,
                          std::vector<Fault>& faults) {
  const std::string path = fmt::format("serviceDetails.{}.", service_name(service));
  Fields f(body, path, faults);
  a.present |= service;
  if (f.boolean("enabled", true).value_or(false)) a.enabled |= service;
  if (service != store::kCallProtection)
    if (f.boolean("syncEnabled", true).value_or(false)) a.sync |= service;
  f.read_only({"numberCount"});
  if (service == store::kDirectRouting) {
    f.read_only({"subdomainStatus"});
    if (const Json* c = f.object("configuration"))
      a.direct_routing = read_direct_routing(*c, path + "configuration.", faults);
  }
  f.end();
}

// The writable members, as they are kept.
std::string read_teams_configuration(const Json& body, const std::string& path,
                                     std::vector<Fault>& faults) {
  const auto list = [](const std::vector<std::string>& items) {
    Json out = Json::array();
    for (const auto& i : items) out.push_back(i);
    return out;
  };
  Fields f(body, path, faults);
  Json out = Json::object();
  if (const auto v = f.text("usage", {1, 100, Pattern::kAny}, true)) out["usage"] = *v;
  if (const auto v = f.texts("choosableCapabilities", true))
    out["choosableCapabilities"] = list(*v);
  f.read_only({"acquiredCapabilities", "availableCapabilities"});
  if (const auto v = f.texts("additionalUsages")) out["additionalUsages"] = list(*v);
  for (const char* name : {"civicAddressId", "locationId"})
    if (const auto v = f.text(name, {1, 100, Pattern::kAny})) out[name] = *v;
  if (const auto v = f.boolean("allowTenantAddressUpdate")) out["allowTenantAddressUpdate"] = *v;
  if (const auto v = f.text("displayedCountryCode", {1, 10, Pattern::kAny}))
    out["displayedCountryCode"] = *v;
  f.end();
  return out.write();
}

void read_number_service(const Json& body, Service service, const std::string& path,
                         NumberRecord& n, std::vector<Fault>& faults) {
  Fields f(body, path, faults);
  n.present |= service;
  if (f.boolean("enabled", true).value_or(false)) n.enabled |= service;
  if (service == store::kOperatorConnect || service == store::kPhoneMobile) {
    store::NumberService& s =
        service == store::kOperatorConnect ? n.operator_connect : n.phone_mobile;
    if (const auto w = f.word("assignmentStatus", {"assigned", "unassigned"}))
      s.assignment = *w == "assigned" ? Assignment::kAssigned : Assignment::kUnassigned;
    if (const Json* c = f.object("configuration"))
      s.configuration = read_teams_configuration(*c, path + "configuration.", faults);
  }
  f.end();
}

void key_of_path(Fields& f, std::string_view name, std::string_view key) {
  if (const auto v = f.text(name); v && *v != key)
    f.fault(name, "KeyMismatch", fmt::format("is '{}' and the path says '{}'", *v, key));
}

Json teams_service(const store::NumberService& s, bool enabled,
                   const store::NumberCapabilities* capabilities) {
  Json out;
  out["enabled"] = enabled;
  if (s.assignment != Assignment::kNone)
    out["assignmentStatus"] = s.assignment == Assignment::kAssigned ? "assigned" : "unassigned";
  if (s.configuration.empty()) return out;
  if (capabilities == nullptr) {
    out["configuration"] = Json::Raw{s.configuration};
  } else if (auto c = parse_json(s.configuration)) {
    (*c)["acquiredCapabilities"] = Json::Raw{capabilities->acquired};
    (*c)["availableCapabilities"] = Json::Raw{capabilities->available};
    out["configuration"] = std::move(*c);
  }
  return out;
}

std::string_view word_of(SubdomainStatus status) {
  switch (status) {
    case SubdomainStatus::kProvisioned: return "provisioned";
    case SubdomainStatus::kInconsistent: return "inconsistent";
    case SubdomainStatus::kNotProvisioned: break;
  }
  return "notProvisioned";
}

// `status`: nothing without what is counted or found elsewhere.
Json account_body(const AccountRecord& a, std::optional<SubdomainStatus> status) {
  const bool counted = status.has_value();
  Json out;
  out["name"] = a.name;
  if (a.correlation_id) out["correlationId"] = *a.correlation_id;
  if (a.has_details) {
    Json details = Json::object();
    if (a.tenant_id) details["teamsTenantId"] = *a.tenant_id;
    for (const Service service : store::kEveryService) {
      if ((a.present & service) == 0) continue;
      Json& s = details[service_name(service)];
      s["enabled"] = (a.enabled & service) != 0;
      if (service != store::kCallProtection) s["syncEnabled"] = (a.sync & service) != 0;
      if (counted) s["numberCount"] = a.counts[store::index_of(service)];
      if (service != store::kDirectRouting) continue;
      if (const auto& d = a.direct_routing) {
        Json& c = s["configuration"];
        c["callScreening"] = d->call_screening;
        c["subdomain"] = d->subdomain;
        c["subdomainTokens"]["region1Token"] = d->region1_token;
        c["subdomainTokens"]["region2Token"] = d->region2_token;
      }
      if (status) s["subdomainStatus"] = word_of(*status);
    }
    out["serviceDetails"] = std::move(details);
  }
  if (counted) add_state(out, a.state, a.errors);
  return out;
}

}  // namespace

std::string_view service_name(Service s) {
  switch (s) {
    case store::kOperatorConnect: return "teamsOperatorConnect";
    case store::kPhoneMobile: return "teamsPhoneMobile";
    case store::kDirectRouting: return "teamsDirectRouting";
    case store::kZoom: return "zoomPhoneCloudPeering";
    case store::kCallProtection: return "azureOperatorCallProtection";
  }
  return "";
}

AccountRecord read_account_2024(const Json& body, std::string_view name,
                                std::vector<Fault>& faults) {
  AccountRecord a;
  a.name = name;
  Fields f(body, "", faults);
  key_of_path(f, "name", name);
  a.correlation_id = f.text("correlationId");
  f.read_only({"serviceProvisioningStatus", "serviceProvisioningErrors"});
  if (const Json* details = f.object("serviceDetails")) {
    a.has_details = true;
    Fields d(*details, "serviceDetails.", faults);
    a.tenant_id = d.text("teamsTenantId", {1, 100, Pattern::kAny});
    for (const Service service : store::kEveryService)
      if (const Json* s = d.object(service_name(service)))
        read_account_service(*s, service, a, faults);
    d.end();
  }
  f.end();
  return a;
}

Json account_2024(const AccountRecord& a, SubdomainStatus status) {
  return account_body(a, status);
}

NumberRecord read_number_2024(const Json& body, std::string_view account,
                              std::optional<std::string_view> number, const std::string& path,
                              std::vector<Fault>& faults) {
  NumberRecord n;
  n.account = account;
  Fields f(body, path, faults);
  if (number) {
    n.number = *number;
    key_of_path(f, "telephoneNumber", *number);
  } else if (const auto t = f.text("telephoneNumber", kTelephoneNumber, true)) {
    n.number = *t;
  }
  key_of_path(f, "accountName", account);
  f.read_only({"serviceProvisioningStatus", "serviceProvisioningErrors"});
  if (const Json* details = f.object("serviceDetails", true)) {
    Fields d(*details, path + "serviceDetails.", faults);
    for (const Service service : store::kEveryService)
      if (const Json* s = d.object(service_name(service)))
        read_number_service(*s, service,
                            fmt::format("{}serviceDetails.{}.", path, service_name(service)), n,
                            faults);
    d.end();
  }
  if (const Json* c = f.object("configuration")) {
    n.has_configuration = true;
    Fields g(*c, path + "configuration.", faults);
    n.custom_header = g.text("customSipHeader", kHeaderValue);
    g.end();
  }
  f.end();
  return n;
}

Json number_2024(const NumberRecord& n, const store::NumberCapabilities* capabilities) {
  Json out;
  out["telephoneNumber"] = n.number;
  out["accountName"] = n.account;
  Json& details = out["serviceDetails"] = Json::object();
  for (const Service service : store::kEveryService) {
    if ((n.present & service) == 0) continue;
    const bool enabled = (n.enabled & service) != 0;
    if (service == store::kOperatorConnect)
      details[service_name(service)] = teams_service(n.operator_connect, enabled, capabilities);
    else if (service == store::kPhoneMobile)
      details[service_name(service)] = teams_service(n.phone_mobile, enabled, capabilities);
    else
      details[service_name(service)]["enabled"] = enabled;
  }
  if (n.has_configuration) {
    Json& c = out["configuration"] = Json::object();
    if (n.custom_header) c["customSipHeader"] = *n.custom_header;
  }
  add_state(out, n.state, n.errors);
  return out;
}

Json request_for_information_2024(const store::RequestForInformation& r) {
  auto parsed = parse_json(r.body);
  Json out = parsed && parsed->members() != nullptr ? std::move(*parsed) : Json::object();
  out["tenantId"] = r.tenant_id;
  if (!r.account.empty()) out["accountName"] = r.account;
  out["productContext"] = "teams";
  if (!r.status.empty()) out["status"] = r.status;
  if (!r.relationship.empty() || r.comment || r.relationship_changed != 0) {
    Json& c = out["customerRelationship"] = Json::object();
    if (!r.relationship.empty()) c["status"] = r.relationship;
    if (r.relationship_changed != 0)
      c["lastModifiedOn"] = format_rfc3339(WallTime{r.relationship_changed});
    if (r.comment) c["comment"] = *r.comment;
  }
  add_state(out, r.state, r.errors);
  return out;
}

void patch_request_for_information(const Json& body, store::RequestForInformation& r, WallTime now,
                                   std::vector<Fault>& faults) {
  Fields f(body, "", faults);
  f.read_only({"tenantId"});
  f.read_only({"id", "accountName", "productContext", "operatorId", "status", "consentedOn",
               "lastModifiedOn", "consentedCountries", "contacts", "serviceProvisioningStatus",
               "serviceProvisioningErrors"});
  const Json* given = body.find("customerRelationship");
  if (given != nullptr && given->is_null()) {
    f.read_only({"customerRelationship"});
    r.relationship.clear();
    r.comment.reset();
    r.relationship_changed = now.micros;
  } else if (const Json* c = f.object("customerRelationship")) {
    const auto removed = [&](std::string_view name) {
      const Json* v = c->find(name);
      return v != nullptr && v->is_null();
    };
    Fields g(*c, "customerRelationship.", faults);
    g.read_only({"lastModifiedOn"});
    if (removed("status")) {
      g.read_only({"status"});
      r.relationship.clear();
    } else if (const auto v = g.text("status", {1, 100, Pattern::kAny})) {
      r.relationship = *v;
    }
    if (removed("comment")) {
      g.read_only({"comment"});
      r.comment.reset();
    } else if (const auto v = g.text("comment")) {
      r.comment = *v;
    }
    g.end();
    r.relationship_changed = now.micros;
  }
  f.end();
}

std::vector<std::string> read_number_identifiers(const Json& body, std::vector<Fault>& faults) {
  std::vector<std::string> out;
  Fields f(body, "", faults);
  if (const Json::Array* items = f.array("numbers", 1, kBatch))
    for (std::size_t i = 0; i < items->size(); ++i) {
      Fields one((*items)[i], fmt::format("numbers[{}].", i), faults);
      if (auto n = one.text("telephoneNumber", kTelephoneNumber, true))
        out.push_back(std::move(*n));
      one.end();
    }
  f.end();
  return out;
}

std::string audit_text(const AccountRecord& a) { return account_body(a, std::nullopt).write(); }

std::string audit_text(const NumberRecord& n) {
  NumberRecord plain = n;
  plain.state = SyncState::kNone;
  return number_2024(plain, nullptr).write();
}

std::string etag_2023(std::int64_t version) { return fmt::format("{:011}", version); }
std::string etag_header(std::int64_t version) { return '"' + etag_2023(version) + '"'; }

}  // namespace causeway::provisioning
