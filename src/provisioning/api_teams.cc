// What backends told us and the API shows: plans, capabilities, addresses, requests for
// information.
#include <fmt/format.h>

#include <algorithm>

#include "provisioning/api.h"
#include "provisioning/editor.h"

namespace causeway::provisioning {
namespace {

std::string lower(std::string s) {
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return s;
}

// The tenant of the account of the path, lower case; empty when it has none.
Outcome<std::string> tenant_of(const Api::Call& call, store::Reader& r) {
  const auto a = r.account(call.account);
  if (a) return lower(a->tenant_id.value_or(""));
  if (a.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(a.error()));
  return refuse(404, "AccountNotFound", fmt::format("there is no account '{}'", call.account),
                "accountName");
}

}  // namespace

Outcome<Response> capability_plans(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto tenant = tenant_of(call, r);
    if (!tenant) return tl::unexpected(tenant.error());
    const auto plans = r.capability_plans(*tenant);
    if (!plans) return tl::unexpected(problem_of(plans.error()));
    Json list = Json::array();
    for (const auto& p : *plans) list.push_back(Json::Raw{p.body});
    Json out;
    out["capabilityPlans"] = std::move(list);
    return json_response(200, out);
  });
}

Outcome<Response> available_capabilities(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/json");
  if (!body) return tl::unexpected(body.error());
  std::vector<Fault> faults;
  const auto numbers = read_number_identifiers(*body, faults);
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto tenant = tenant_of(call, r);
    if (!tenant) return tl::unexpected(tenant.error());
    const auto owned = r.numbers(numbers);
    const auto known = r.number_capabilities(numbers);
    if (!owned) return tl::unexpected(problem_of(owned.error()));
    if (!known) return tl::unexpected(problem_of(known.error()));
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (std::none_of(owned->begin(), owned->end(), [&](const store::NumberRecord& n) {
            return n.number == numbers[i] && n.account == call.account;
          }))
        return refuse(404, "NumberNotFound",
                      fmt::format("{} is no number of account '{}'", numbers[i], call.account),
                      fmt::format("numbers[{}].telephoneNumber", i));
    // What every one of them could take, in the order of the first.
    std::vector<std::string> common;
    bool first = true;
    for (const auto& n : numbers) {
      std::vector<std::string> of_this;
      for (const auto& k : *known)
        if (k.number == n)
          if (const auto list = parse_json(k.available); list && list->items() != nullptr)
            for (const Json& c : *list->items())
              if (c.text() != nullptr) of_this.push_back(*c.text());
      if (first)
        common = std::move(of_this);
      else
        std::erase_if(common, [&](const std::string& c) {
          return std::find(of_this.begin(), of_this.end(), c) == of_this.end();
        });
      first = false;
    }
    Json list = Json::array();
    for (auto& c : common) list.push_back(std::move(c));
    Json out;
    out["availableCapabilities"] = std::move(list);
    return json_response(200, out);
  });
}

Outcome<Response> list_addresses(const Api::Call& call) {
  const auto listing = listing_of(call, address_filter_fields(), {});
  if (!listing) return tl::unexpected(listing.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto tenant = tenant_of(call, r);
    if (!tenant) return tl::unexpected(tenant.error());
    const auto found = r.list_civic_addresses(listing->page, *tenant);
    if (!found) return tl::unexpected(problem_of(found.error()));
    std::optional<std::int64_t> count;
    if (listing->count) {
      const auto n = r.count_civic_addresses(listing->page.where, *tenant);
      if (!n) return tl::unexpected(problem_of(n.error()));
      count = *n;
    }
    Json::Array values;
    std::string last;
    for (const auto& a : *found) {
      if (static_cast<std::int64_t>(values.size()) == listing->shown) break;
      values.push_back(Json::Raw{a.body});
      last = a.id;
    }
    const bool more = static_cast<std::int64_t>(found->size()) > listing->shown;
    return list_response(call, *listing, std::move(values), more, last, count);
  });
}

Outcome<Response> get_address(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto tenant = tenant_of(call, r);
    if (!tenant) return tl::unexpected(tenant.error());
    const auto a = r.civic_address(*tenant, call.key);
    if (!a) {
      if (a.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(a.error()));
      if (auto s = conditions_hold(call, std::nullopt); !s) return tl::unexpected(s.error());
      return refuse(
          404, "CivicAddressNotFound",
          fmt::format("the account's tenant has no civic address {}", Json(call.key).describe()),
          "civicAddressId");
    }
    return resource_response(call, a->version, a->modified, Json::Raw{a->body});
  });
}

Outcome<Response> list_requests(const Api::Call& call) {
  const auto listing = listing_of(call, request_filter_fields(), {});
  if (!listing) return tl::unexpected(listing.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto found = r.list_requests_for_information(listing->page);
    if (!found) return tl::unexpected(problem_of(found.error()));
    std::optional<std::int64_t> count;
    if (listing->count) {
      const auto n = r.count_requests_for_information(listing->page.where);
      if (!n) return tl::unexpected(problem_of(n.error()));
      count = *n;
    }
    Json::Array values;
    std::string last;
    for (const auto& q : *found) {
      if (static_cast<std::int64_t>(values.size()) == listing->shown) break;
      values.push_back(request_for_information_2024(q));
      last = q.tenant_id;
    }
    const bool more = static_cast<std::int64_t>(found->size()) > listing->shown;
    return list_response(call, *listing, std::move(values), more, last, count);
  });
}

Outcome<Response> get_request(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto q = r.request_for_information(lower(call.key));
    if (!q) {
      if (q.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(q.error()));
      if (auto s = conditions_hold(call, std::nullopt); !s) return tl::unexpected(s.error());
      return refuse(404, "RequestForInformationNotFound",
                    fmt::format("there is no request for information of tenant {}", call.key),
                    "tenantId");
    }
    return resource_response(call, q->version, q->modified, request_for_information_2024(*q));
  });
}

Outcome<Response> patch_request(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/merge-patch+json");
  if (!body) return tl::unexpected(body.error());
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    auto q = w.request_for_information(lower(call.key));
    if (!q && q.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(q.error()));
    std::optional<Existing> existing;
    if (q) existing = Existing{etag_2023(q->version), q->modified};
    if (auto s = conditions_hold(call, existing); !s) return tl::unexpected(s.error());
    std::vector<Fault> faults;
    store::RequestForInformation changed = q ? *q : store::RequestForInformation{};
    patch_request_for_information(*body, changed, call.now, faults);
    if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
    // The enterprise makes it, by its consent; an operator answers it.
    if (!q)
      return refuse(
          404, "RequestForInformationNotFound",
          fmt::format("there is no request for information of tenant {}: it comes from the "
                      "enterprise",
                      call.key),
          "tenantId");
    if (auto s =
            Editor(w, call.rules())
                .put_request_for_information(changed, request_for_information_2024(*q).write());
        !s)
      return tl::unexpected(s.error());
    Response r = json_response(200, request_for_information_2024(changed));
    r.set("ETag", etag_header(changed.version));
    return r;
  });
}

}  // namespace causeway::provisioning
