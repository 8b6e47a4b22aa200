#include "provisioning/api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "provisioning/fields.h"

namespace causeway::provisioning {
namespace {

using Handler = Outcome<Response> (*)(const Api::Call&);
enum Versions : std::uint8_t { kOld = 1, kNew = 2, kBoth = 3 };

struct Route {
  std::string_view method;
  std::vector<std::string_view> path;  // "{account}", "{number}" ... take what stands there
  std::string_view action;             // behind a ':' at the end of the path
  std::uint8_t versions;
  Right right;
  Handler handler;
};

const std::vector<Route>& routes() {
  static const std::vector<Route> kRoutes = {
      {"GET", {"accounts"}, "", kBoth, Right::kRead, list_accounts},
      {"GET", {"accounts", "{account}"}, "", kBoth, Right::kRead, get_account},
      {"PUT", {"accounts", "{account}"}, "", kBoth, Right::kWrite, put_account},
      {"DELETE", {"accounts", "{account}"}, "", kBoth, Right::kDelete, delete_account},
      {"GET", {"numbers"}, "", kBoth, Right::kRead, list_numbers},
      {"POST", {"accounts", "{account}"}, "createOrUpdateNumbers", kNew, Right::kWrite, put_batch},
      {"POST", {"accounts", "{account}"}, "deleteNumbers", kNew, Right::kDelete, delete_batch},
      {"POST",
       {"accounts", "{account}"},
       "getTeamsCapabilityPlans",
       kNew,
       Right::kRead,
       capability_plans},
      {"POST",
       {"accounts", "{account}"},
       "getTeamsAvailableCapabilities",
       kNew,
       Right::kRead,
       available_capabilities},
      {"GET", {"accounts", "{account}", "numbers"}, "", kNew, Right::kRead, list_numbers},
      {"GET", {"accounts", "{account}", "numbers", "{number}"}, "", kNew, Right::kRead, get_number},
      {"PUT",
       {"accounts", "{account}", "numbers", "{number}"},
       "",
       kNew,
       Right::kWrite,
       put_number},
      {"DELETE",
       {"accounts", "{account}", "numbers", "{number}"},
       "",
       kNew,
       Right::kDelete,
       delete_number},
      {"GET",
       {"accounts", "{account}", "teamsCivicAddresses"},
       "",
       kNew,
       Right::kRead,
       list_addresses},
      {"GET",
       {"accounts", "{account}", "teamsCivicAddresses", "{address}"},
       "",
       kNew,
       Right::kRead,
       get_address},
      {"GET", {"teamsRequestsForInformation"}, "", kNew, Right::kRead, list_requests},
      {"GET", {"teamsRequestsForInformation", "{tenant}"}, "", kNew, Right::kRead, get_request},
      {"PATCH",
       {"teamsRequestsForInformation", "{tenant}"},
       "",
       kNew,
       Right::kWrite,
       patch_request},
      {"GET", {"account", "{account}", "numbers"}, "", kOld, Right::kRead, list_numbers},
      {"POST", {"account", "{account}", "numbers"}, "batch", kOld, Right::kWrite, put_batch},
      {"GET", {"account", "{account}", "numbers", "{number}"}, "", kOld, Right::kRead, get_number},
      {"PUT", {"account", "{account}", "numbers", "{number}"}, "", kOld, Right::kWrite, put_number},
      {"DELETE",
       {"account", "{account}", "numbers", "{number}"},
       "",
       kOld,
       Right::kDelete,
       delete_number},
  };
  return kRoutes;
}

// What stands at the places of a route, or nullopt.
std::optional<std::vector<std::pair<std::string_view, std::string>>> match(
    const Route& route, const std::vector<std::string>& path) {
  if (path.size() != route.path.size()) return std::nullopt;
  std::vector<std::pair<std::string_view, std::string>> out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    std::string part = path[i];
    if (i + 1 == path.size() && !route.action.empty()) {
      const std::string tail = ":" + std::string(route.action);
      if (!part.ends_with(tail)) return std::nullopt;
      part.resize(part.size() - tail.size());
    }
    if (route.path[i].starts_with('{'))
      out.emplace_back(route.path[i], std::move(part));
    else if (part != route.path[i])
      return std::nullopt;
  }
  return out;
}

struct Found {
  const Route* route = nullptr;
  std::vector<std::pair<std::string_view, std::string>> places;
  std::vector<std::string_view> other_methods;  // the path is there with these
  bool other_version = false;
};

Found find_route(const std::string& method, const std::vector<std::string>& path,
                 std::uint8_t versions) {
  Found out;
  // An action is more than the account it stands behind: those routes look first.
  for (const bool with_action : {true, false})
    for (const Route& r : routes()) {
      if (r.action.empty() == with_action) continue;
      auto places = match(r, path);
      if (!places) continue;
      if ((r.versions & versions) == 0) {
        out.other_version = true;
      } else if (r.method != method) {
        out.other_methods.push_back(r.method);
      } else if (out.route == nullptr) {
        out.route = &r;
        out.places = std::move(*places);
      }
      if (with_action && r.method == method) return out;
    }
  return out;
}

std::optional<Version> version_of(const Target& target) {
  const std::string* v = target.parameter("api-version");
  if (v == nullptr) return std::nullopt;
  if (*v == kVersion2023) return Version::k2023;
  if (*v == kVersion2024) return Version::k2024;
  return std::nullopt;
}

Outcome<Version> wanted_version(const Target& target) {
  if (const auto v = version_of(target)) return *v;
  const std::string known = fmt::format("write api-version={} or {}", kVersion2024, kVersion2023);
  if (target.parameter("api-version") == nullptr)
    return refuse(400, "MissingApiVersionParameter", "api-version is missing: " + known,
                  "api-version");
  return refuse(400, "UnsupportedApiVersionValue", "this api-version does not exist: " + known,
                "api-version");
}

Outcome<void> no_twins(const Request& request, const Target& target) {
  for (std::size_t i = 0; i < target.query.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (target.query[i].first == target.query[k].first)
        return refuse(400, "ParameterTwice",
                      fmt::format("the parameter '{}' is there twice: write it once",
                                  Json(target.query[i].first).describe()),
                      "query");
  for (const std::string_view name :
       {"content-type", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since",
        "repeatability-request-id", "repeatability-first-sent", "x-ms-client-request-id"})
    if (std::count_if(request.headers.begin(), request.headers.end(),
                      [&](const auto& h) { return h.first == name; }) > 1)
      return refuse(400, "HeaderTwice", fmt::format("the header {} is there twice", name),
                    std::string(name));
  if (const std::string* id = request.header("x-ms-client-request-id");
      id != nullptr && !is_guid(*id))
    return refuse(400, "InvalidHeader",
                  "x-ms-client-request-id is no UUID: write one, or leave it out",
                  "x-ms-client-request-id");
  if (const std::string broken = broken_condition(request); !broken.empty())
    return refuse(400, "InvalidHeader", broken, "headers");
  return {};
}

Outcome<void> take_places(const Found& found, Api::Call& call) {
  for (const auto& [place, value] : found.places) {
    if (place == "{account}") {
      if (const std::string remedy = broken_rule(value, kAccountName); !remedy.empty())
        return refuse(400, "InvalidAccountName",
                      fmt::format("accountName is {}: {}", Json(value).describe(), remedy),
                      "accountName");
      call.account = value;
      continue;
    }
    if (place == "{number}") {
      const std::string name = call.version == Version::k2023 ? "phoneNumber" : "telephoneNumber";
      if (const std::string remedy = broken_rule(value, kTelephoneNumber); !remedy.empty())
        return refuse(400, "InvalidTelephoneNumber",
                      fmt::format("{} is {}: {}", name, Json(value).describe(), remedy), name);
    } else if (place == "{tenant}") {
      if (!is_guid(value))
        return refuse(400, "InvalidTenantId",
                      fmt::format("tenantId is {}: write the 36 characters of a GUID",
                                  Json(value).describe()),
                      "tenantId");
    }
    call.key = value;
  }
  return {};
}

Outcome<Response> answer(Api& api, const Request& request, const Target& target,
                         const Caller& caller, WallTime now) {
  const auto version = wanted_version(target);
  if (!version) return tl::unexpected(version.error());
  if (auto s = no_twins(request, target); !s) return tl::unexpected(s.error());
  const Found found =
      find_route(request.method, target.path, *version == Version::k2023 ? kOld : kNew);
  if (found.route == nullptr) {
    if (!found.other_methods.empty()) {
      Problem p{405,
                "MethodNotAllowed",
                fmt::format("{} cannot be done here: {} can", Json(request.method).describe(),
                            fmt::join(found.other_methods, ", ")),
                "method",
                {}};
      Response r = Api::refusal(request, p);
      r.set("Allow", fmt::format("{}", fmt::join(found.other_methods, ", ")));
      return r;
    }
    return refuse(404, "ResourceNotFound",
                  found.other_version ? "this path belongs to the other api-version"
                                      : "there is nothing under this path",
                  "path");
  }
  Api::Call call{api, request, target, caller, now, *version, {}, {}};
  if (auto s = take_places(found, call); !s) return tl::unexpected(s.error());
  return found.route->handler(call);
}

bool is_repeatable(const Request& r) {
  return r.header("repeatability-request-id") != nullptr ||
         r.header("repeatability-first-sent") != nullptr;
}

}  // namespace

Right Api::right_of(const Request& request) {
  if (const auto target = parse_target(request.target)) {
    const Found found = find_route(request.method, target->path, kBoth);
    if (found.route != nullptr) return found.route->right;
  }
  return request.method == "GET"      ? Right::kRead
         : request.method == "DELETE" ? Right::kDelete
                                      : Right::kWrite;
}

Response Api::refusal(const Request& request, const Problem& problem) {
  const auto target = parse_target(request.target);
  // What cannot be decoded may say its version all the same.
  const bool old = target ? version_of(*target) == Version::k2023
                          : request.target.find("api-version=2023-10-01") != std::string::npos;
  Response r = json_response(problem.status, error_body(problem, !old));
  r.set("x-ms-error-code", problem.code);
  if (problem.status == 503) r.set("Retry-After", "5");
  if (problem.repeat_rejected) r.set("Repeatability-Result", "rejected");
  if (const std::string* id = request.header("x-ms-client-request-id");
      id != nullptr && is_guid(*id))
    r.set("x-ms-client-request-id", *id);
  return r;
}

Response Api::handle(const Request& request, const Caller& caller, WallTime now) {
  const auto target = parse_target(request.target);
  if (!target)
    return refusal(request,
                   {400, "InvalidUrl", "the URL is not percent-encoded UTF-8", "path", {}});
  auto r = answer(*this, request, *target, caller, now);
  if (!r) return refusal(request, r.error());
  if (r->status >= 400) return std::move(*r);
  if (is_repeatable(request) && request.method != "GET") r->set("Repeatability-Result", "accepted");
  if (const std::string* id = request.header("x-ms-client-request-id"))
    r->set("x-ms-client-request-id", *id);
  return std::move(*r);
}

Status Api::tidy(WallTime now) {
  auto w = store_.write("causeway", now);
  if (!w) return tl::unexpected(w.error());
  // A little longer than is promised, and than First-Sent is believed.
  const WallTime old{now.micros - (kRepeatableSeconds + 2 * kClockSkewSeconds) * 1'000'000};
  if (const Status s = (*w)->drop_repeatable_before(old); !s) return s;
  if (const Status s = (*w)->trim_changes(1'000'000); !s) return s;
  return (*w)->commit();
}

Response json_response(int status, const Json& body) {
  Response r;
  r.status = status;
  r.body = body.write();
  r.set("Content-Type", "application/json");
  return r;
}

}  // namespace causeway::provisioning
