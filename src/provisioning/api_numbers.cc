#include <fmt/format.h>

#include "provisioning/api.h"
#include "provisioning/editor.h"
#include "provisioning/fields.h"

namespace causeway::provisioning {
namespace {

// What backends say of those numbers that have something to say it of.
Outcome<Capabilities> capabilities_of(store::Reader& r,
                                      const std::vector<store::NumberRecord>& numbers) {
  std::vector<std::string> keys;
  for (const auto& n : numbers)
    if (!n.operator_connect.configuration.empty() || !n.phone_mobile.configuration.empty())
      keys.push_back(n.number);
  auto found = r.number_capabilities(keys);
  if (!found) return tl::unexpected(problem_of(found.error()));
  Capabilities out;
  for (auto& c : *found) out.emplace(c.number, c);
  return out;
}

Json shown(const Api::Call& call, const store::NumberRecord& n, const Capabilities& capabilities) {
  if (call.version == Version::k2023) return number_2023(n);
  const auto it = capabilities.find(n.number);
  return number_2024(n, it == capabilities.end() ? nullptr : &it->second);
}

Outcome<Json::Array> all_shown(const Api::Call& call, store::Reader& r,
                               const std::vector<store::NumberRecord>& numbers) {
  const auto capabilities = capabilities_of(r, numbers);
  if (!capabilities) return tl::unexpected(capabilities.error());
  Json::Array out;
  out.reserve(numbers.size());
  for (const auto& n : numbers) out.push_back(shown(call, n, *capabilities));
  return out;
}

tl::unexpected<Problem> no_number(const Api::Call& call) {
  return refuse(404, "NumberNotFound",
                fmt::format("{} is no number of account '{}'", call.key, call.account),
                call.version == Version::k2023 ? "phoneNumber" : "telephoneNumber");
}

tl::unexpected<Problem> no_account(const Api::Call& call) {
  return refuse(404, "AccountNotFound", fmt::format("there is no account '{}'", call.account),
                "accountName");
}

// The number when it is there and of this account.
Outcome<std::optional<store::NumberRecord>> found_number(const Api::Call& call, store::Reader& r) {
  auto n = r.number(call.key);
  if (!n && n.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(n.error()));
  if (!n || n->account != call.account) return std::nullopt;
  return std::move(*n);
}

std::optional<Existing> existing_of(const std::optional<store::NumberRecord>& n) {
  if (!n) return std::nullopt;
  return Existing{etag_2023(n->version), n->modified};
}

Outcome<std::vector<store::NumberRecord>> read_batch_2024(const Api::Call& call, const Json& body) {
  std::vector<store::NumberRecord> out;
  std::vector<Fault> faults;
  Fields f(body, "", faults);
  if (const Json::Array* items = f.array("numbers", 1, kBatch))
    for (std::size_t i = 0; i < items->size(); ++i)
      out.push_back(read_number_2024((*items)[i], call.account, std::nullopt,
                                     fmt::format("numbers[{}].", i), faults));
  f.end();
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return out;
}

// Records hold what 2023-10-01 says over what is there.
Outcome<std::vector<store::NumberRecord>> read_batch_2023(const Api::Call& call, const Json& body,
                                                          store::Reader& r) {
  std::vector<store::NumberRecord> out;
  std::vector<Fault> faults;
  Fields f(body, "", faults);
  if (const Json::Array* items = f.array("numbers", 1, kBatch))
    for (std::size_t i = 0; i < items->size(); ++i) {
      const std::string path = fmt::format("numbers[{}].", i);
      Fields one((*items)[i], path, faults);
      const auto number = one.text("phoneNumber", kTelephoneNumber, true);
      const Json* details = one.object("details", true);
      one.end();
      if (!number || details == nullptr) continue;
      auto before = r.number(*number);
      if (!before && before.error().code != ErrorCode::kNotFound)
        return tl::unexpected(problem_of(before.error()));
      store::NumberRecord n =
          before && before->account == call.account ? *before : store::NumberRecord{};
      n.number = *number;
      n.account = call.account;
      read_number_2023(*details, path + "details.", n, faults);
      out.push_back(std::move(n));
    }
  f.end();
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return out;
}

}  // namespace

Outcome<Response> list_numbers(const Api::Call& call) {
  const bool one_number = call.version == Version::k2023 && call.account.empty();
  auto listing = one_number ? listing_of(call, number_filter_fields(), {"number"})
                            : listing_of(call, number_filter_fields(), {});
  if (!listing) return tl::unexpected(listing.error());
  if (const std::string* n = one_number ? call.target.parameter("number") : nullptr) {
    if (const std::string remedy = broken_rule(*n, kTelephoneNumber); !remedy.empty())
      return refuse(400, "InvalidParameter",
                    fmt::format("number is {}: {}", Json(*n).describe(), remedy), "number");
    listing->page.where = {"number = $?", {*n}};
  }
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    std::optional<std::string> account;
    if (!call.account.empty()) {
      account = call.account;
      if (const auto a = r.account(call.account); !a) {
        if (a.error().code == ErrorCode::kNotFound) return no_account(call);
        return tl::unexpected(problem_of(a.error()));
      }
    }
    auto found = r.list_numbers(listing->page, account);
    if (!found) return tl::unexpected(problem_of(found.error()));
    std::optional<std::int64_t> count;
    if (listing->count) {
      const auto n = r.count_numbers(listing->page.where, account);
      if (!n) return tl::unexpected(problem_of(n.error()));
      count = *n;
    }
    const bool more = static_cast<std::int64_t>(found->size()) > listing->shown;
    if (more) found->resize(static_cast<std::size_t>(listing->shown));
    auto values = all_shown(call, r, *found);
    if (!values) return tl::unexpected(values.error());
    const std::string last = found->empty() ? "" : found->back().number;
    return list_response(call, *listing, std::move(*values), more, last, count);
  });
}

Outcome<Response> get_number(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto n = found_number(call, r);
    if (!n) return tl::unexpected(n.error());
    if (!*n) {
      if (auto s = conditions_hold(call, std::nullopt); !s) return tl::unexpected(s.error());
      return no_number(call);
    }
    auto values = all_shown(call, r, {**n});
    if (!values) return tl::unexpected(values.error());
    return resource_response(call, (*n)->version, (*n)->modified, values->front());
  });
}

Outcome<Response> put_number(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/json");
  if (!body) return tl::unexpected(body.error());
  std::vector<Fault> faults;
  store::NumberRecord record;
  if (call.version == Version::k2024)
    record = read_number_2024(*body, call.account, call.key, "", faults);
  else
    read_number_2023(*body, "", record, faults);
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    const auto before = found_number(call, w);
    if (!before) return tl::unexpected(before.error());
    if (auto s = conditions_hold(call, existing_of(*before)); !s) return tl::unexpected(s.error());
    if (call.version == Version::k2023) {
      record = before->value_or(store::NumberRecord{});
      record.number = call.key;
      record.account = call.account;
      std::vector<Fault> none;
      read_number_2023(*body, "", record, none);
    }
    std::vector<store::NumberRecord> numbers{record};
    const auto created = Editor(w, call.rules()).put_numbers(call.account, numbers);
    if (!created) return tl::unexpected(created.error());
    auto values = all_shown(call, w, numbers);
    if (!values) return tl::unexpected(values.error());
    Response r = json_response(created->front() ? 201 : 200, values->front());
    r.set("ETag", etag_header(numbers.front().version));
    return r;
  });
}

Outcome<Response> delete_number(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    const auto before = found_number(call, w);
    if (!before) return tl::unexpected(before.error());
    if (auto s = conditions_hold(call, existing_of(*before)); !s) return tl::unexpected(s.error());
    if (!*before) return no_number(call);
    if (auto s = Editor(w, call.rules()).delete_numbers(call.account, {call.key}); !s)
      return tl::unexpected(s.error());
    return Response{204, {}, ""};
  });
}

Outcome<Response> put_batch(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/json");
  if (!body) return tl::unexpected(body.error());
  Outcome<std::vector<store::NumberRecord>> numbers;
  if (call.version == Version::k2024) {
    numbers = read_batch_2024(call, *body);
    if (!numbers) return tl::unexpected(numbers.error());
  }
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    if (call.version == Version::k2023) numbers = read_batch_2023(call, *body, w);
    if (!numbers) return tl::unexpected(numbers.error());
    const auto created = Editor(w, call.rules()).put_numbers(call.account, *numbers);
    if (!created) return tl::unexpected(created.error());
    auto values = all_shown(call, w, *numbers);
    if (!values) return tl::unexpected(values.error());
    Json out;
    out["numbers"] = std::move(*values);
    return json_response(200, out);
  });
}

Outcome<Response> delete_batch(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/json");
  if (!body) return tl::unexpected(body.error());
  std::vector<Fault> faults;
  const auto numbers = read_number_identifiers(*body, faults);
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    if (auto s = Editor(w, call.rules()).delete_numbers(call.account, numbers); !s)
      return tl::unexpected(s.error());
    return Response{204, {}, ""};
  });
}

}  // namespace causeway::provisioning
