#include <fmt/format.h>

#include "provisioning/api.h"
#include "provisioning/editor.h"

namespace causeway::provisioning {
namespace {

Json shown(const Api::Call& call, const store::AccountRecord& a, bool with_status = false) {
  if (call.version == Version::k2023)
    return account_2023(a, with_status ? std::optional(call.subdomain_status(a)) : std::nullopt);
  return account_2024(a, call.subdomain_status(a));
}

std::optional<Existing> existing_of(const Result<store::AccountRecord>& a) {
  if (!a) return std::nullopt;
  return Existing{etag_2023(a->version), a->modified};
}

}  // namespace

Outcome<Response> list_accounts(const Api::Call& call) {
  const auto listing = listing_of(call, account_filter_fields(), {});
  if (!listing) return tl::unexpected(listing.error());
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto found = r.list_accounts(listing->page);
    if (!found) return tl::unexpected(problem_of(found.error()));
    std::optional<std::int64_t> count;
    if (listing->count) {
      const auto n = r.count_accounts(listing->page.where);
      if (!n) return tl::unexpected(problem_of(n.error()));
      count = *n;
    }
    Json::Array values;
    std::string last;
    for (const auto& a : *found) {
      if (static_cast<std::int64_t>(values.size()) == listing->shown) break;
      values.push_back(shown(call, a));
      last = a.name;
    }
    const bool more = static_cast<std::int64_t>(found->size()) > listing->shown;
    return list_response(call, *listing, std::move(values), more, last, count);
  });
}

Outcome<Response> get_account(const Api::Call& call) {
  bool with_status = false;
  if (call.version == Version::k2023) {
    if (auto s = only_parameters(call, {"status"}); !s) return tl::unexpected(s.error());
    const auto flag = flag_parameter(call, "status");
    if (!flag) return tl::unexpected(flag.error());
    with_status = *flag;
  } else if (auto s = only_parameters(call, {}); !s) {
    return tl::unexpected(s.error());
  }
  return read(call, [&](store::Reader& r) -> Outcome<Response> {
    const auto a = r.account(call.account);
    if (!a) {
      if (a.error().code != ErrorCode::kNotFound) return tl::unexpected(problem_of(a.error()));
      if (auto s = conditions_hold(call, std::nullopt); !s) return tl::unexpected(s.error());
      return refuse(404, "AccountNotFound", fmt::format("there is no account '{}'", call.account),
                    "accountName");
    }
    return resource_response(call, a->version, a->modified, shown(call, *a, with_status));
  });
}

Outcome<Response> put_account(const Api::Call& call) {
  if (auto s = only_parameters(call, {}); !s) return tl::unexpected(s.error());
  const auto body = body_of(call, "application/json");
  if (!body) return tl::unexpected(body.error());
  std::vector<Fault> faults;
  store::AccountRecord record;
  if (call.version == Version::k2024)
    record = read_account_2024(*body, call.account, faults);
  else
    read_account_2023(*body, record, faults);
  if (!faults.empty()) return tl::unexpected(problem_of(std::move(faults)));
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    const auto before = w.account(call.account);
    if (!before && before.error().code != ErrorCode::kNotFound)
      return tl::unexpected(problem_of(before.error()));
    if (auto s = conditions_hold(call, existing_of(before)); !s) return tl::unexpected(s.error());
    if (call.version == Version::k2023) {
      // Over what is there: that version says nothing of the other services.
      record = before ? *before : store::AccountRecord{};
      record.name = call.account;
      std::vector<Fault> none;
      read_account_2023(*body, record, none);
    }
    const auto created = Editor(w, call.rules()).put_account(record);
    if (!created) return tl::unexpected(created.error());
    Response r = json_response(*created ? 201 : 200, shown(call, record));
    r.set("ETag", etag_header(record.version));
    return r;
  });
}

Outcome<Response> delete_account(const Api::Call& call) {
  const bool old = call.version == Version::k2023;
  if (auto s = old ? only_parameters(call, {}) : only_parameters(call, {"deleteNumbers"}); !s)
    return tl::unexpected(s.error());
  const auto numbers = flag_parameter(call, "deleteNumbers");
  if (!numbers) return tl::unexpected(numbers.error());
  return write(call, [&](store::Writer& w) -> Outcome<Response> {
    const auto before = w.account(call.account);
    if (!before && before.error().code != ErrorCode::kNotFound)
      return tl::unexpected(problem_of(before.error()));
    if (auto s = conditions_hold(call, existing_of(before)); !s) return tl::unexpected(s.error());
    if (auto s = Editor(w, call.rules()).delete_account(call.account, *numbers); !s)
      return tl::unexpected(s.error());
    return Response{204, {}, ""};
  });
}

}  // namespace causeway::provisioning
