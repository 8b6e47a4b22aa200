#include "provisioning/editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace causeway::provisioning {
namespace {

using store::AccountRecord;
using store::NumberRecord;
using store::ServiceSet;

// Those that have a backend that is told. Call protection is, whether an account asks or not;
// Direct Routing and Zoom are set up on their own side.
constexpr ServiceSet kSwitched = store::kOperatorConnect | store::kPhoneMobile;

ServiceSet told(const AccountRecord& account, ServiceSet services) {
  return static_cast<ServiceSet>(services & ((account.sync & kSwitched) | store::kCallProtection));
}

std::string lower(std::string s) {
  for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

Problem no_account(std::string_view name) {
  return {404,
          "AccountNotFound",
          fmt::format("there is no account '{}': create it first", name),
          "accountName",
          {}};
}

// Problem of a store's Error, with another one for what is not there.
Problem or_missing(const Error& e, Problem missing) {
  return e.code == ErrorCode::kNotFound ? std::move(missing) : problem_of(e);
}

Outcome<void> done(const Status& s) {
  if (!s) return tl::unexpected(problem_of(s.error()));
  return {};
}

}  // namespace

void Editor::set_state(ServiceSet services, store::SyncState& state, std::string& errors) const {
  errors.clear();
  state = services == 0    ? store::SyncState::kNone
          : rules_.backend ? store::SyncState::kPending
                           : store::SyncState::kFailed;
  if (state != store::SyncState::kFailed) return;
  Json list = Json::array();
  for (const auto s : store::kEveryService) {
    if ((services & s) == 0) continue;
    Json e;
    e["code"] = "BackendNotConfigured";
    e["message"] = fmt::format("{} is not told: no backend is configured", service_name(s));
    e["target"] = fmt::format("serviceDetails.{}", service_name(s));
    list.push_back(std::move(e));
  }
  errors = list.write();
}

void Editor::tell(std::vector<store::OutboxEntry>& to, ServiceSet services, std::int64_t change,
                  std::string_view what, const std::string& key, const std::string& account) const {
  for (const auto s : store::kEveryService)
    if ((services & s) != 0)
      to.push_back({change, s, std::string(what), key, account,
                    rules_.backend ? store::SyncState::kPending : store::SyncState::kFailed,
                    writer_.now()});
}

Outcome<void> Editor::check_length(const store::DirectRoutingAccount& d) const {
  for (const auto& domain : rules_.region_domains) {
    const std::size_t length = d.subdomain.size() + 1 + domain.size();
    if (length <= kMaxEnterpriseName) continue;
    return refuse(
        400, "SubdomainTooLong",
        fmt::format("'{}.{}' has {} characters and may have {}: choose a subdomain of at most {}",
                    d.subdomain, domain, length, kMaxEnterpriseName,
                    kMaxEnterpriseName - 1 - domain.size()),
        "serviceDetails.teamsDirectRouting.configuration.subdomain");
  }
  return {};
}

Outcome<bool> Editor::put_account(AccountRecord& a) {
  const auto before = writer_.account(a.name);
  if (!before && before.error().code != ErrorCode::kNotFound)
    return tl::unexpected(problem_of(before.error()));
  if (before) {
    a.counts = before->counts;
    a.numbers = before->numbers;
    const std::int64_t held = a.counts[store::index_of(store::kOperatorConnect)] +
                              a.counts[store::index_of(store::kPhoneMobile)];
    if (held > 0 && before->tenant_id != a.tenant_id)
      return refuse(
          409, "TenantInUse",
          fmt::format("serviceDetails.teamsTenantId stays '{}' while the account has {} "
                      "numbers of teamsOperatorConnect or teamsPhoneMobile: delete them, or "
                      "disable these services on them, first",
                      before->tenant_id.value_or(""), held),
          "serviceDetails.teamsTenantId");
  }
  if (const auto& d = a.direct_routing) {
    if (auto s = check_length(*d); !s) return tl::unexpected(s.error());
    store::Page same;
    same.where = {"lower(subdomain) = $? AND name <> $?", {lower(d->subdomain), a.name}};
    same.limit = 1;
    const auto others = writer_.list_accounts(same);
    if (!others) return tl::unexpected(problem_of(others.error()));
    if (!others->empty())
      return refuse(409, "SubdomainInUse",
                    fmt::format("the subdomain '{}' is that of account '{}': choose another",
                                d->subdomain, others->front().name),
                    "serviceDetails.teamsDirectRouting.configuration.subdomain");
  }
  const ServiceSet services =
      static_cast<ServiceSet>(told(a, a.present) & (a.sync | (a.enabled & store::kCallProtection)));
  set_state(services, a.state, a.errors);
  if (auto s = done(writer_.put_account(a, before ? audit_text(*before) : "", audit_text(a))); !s)
    return tl::unexpected(s.error());
  std::vector<store::OutboxEntry> entries;
  tell(entries, services, a.version, "put-account", a.name, a.name);
  if (auto s = done(writer_.add_outbox(entries)); !s) return tl::unexpected(s.error());
  return !before.has_value();
}

Outcome<void> Editor::delete_account(std::string_view name, bool with_numbers) {
  const auto account = writer_.account(name);
  if (!account)
    return tl::unexpected(
        or_missing(account.error(), {404,
                                     "AccountNotFound",
                                     fmt::format("there is no account '{}'", name),
                                     "accountName",
                                     {}}));
  if (account->numbers > 0 && !with_numbers)
    return refuse(409, "AccountHasNumbers",
                  fmt::format("account '{}' has {} numbers: delete them first, or say "
                              "deleteNumbers=true",
                              name, account->numbers),
                  "deleteNumbers");
  while (account->numbers > 0) {
    store::Page page;
    page.limit = 500;
    auto some = writer_.list_numbers(page, account->name);
    if (!some) return tl::unexpected(problem_of(some.error()));
    if (some->empty()) break;
    if (auto s = delete_found(*account, std::move(*some)); !s) return s;
  }
  if (auto s = done(writer_.delete_account(*account, audit_text(*account))); !s) return s;
  std::vector<store::OutboxEntry> entries;
  tell(entries, static_cast<ServiceSet>(told(*account, account->present)), writer_.last(),
       "delete-account", account->name, account->name);
  return done(writer_.add_outbox(entries));
}

Outcome<void> Editor::check_addresses(const AccountRecord& account,
                                      std::span<const NumberRecord> numbers) {
  std::optional<std::int64_t> known;
  const std::string tenant = lower(account.tenant_id.value_or(""));
  for (const NumberRecord& n : numbers)
    for (const auto* service : {&n.operator_connect, &n.phone_mobile}) {
      if (service->configuration.empty()) continue;
      const auto c = parse_json(service->configuration);
      const Json* id = c ? c->find("civicAddressId") : nullptr;
      const Json* location = c ? c->find("locationId") : nullptr;
      if (id == nullptr) continue;
      if (!known) {
        const auto count = writer_.count_civic_addresses({}, tenant);
        if (!count) return tl::unexpected(problem_of(count.error()));
        known = *count;
      }
      if (*known == 0) return {};  // nobody told us the addresses of this tenant
      const std::string target =
          fmt::format("serviceDetails.{}.configuration.",
                      service == &n.operator_connect ? "teamsOperatorConnect" : "teamsPhoneMobile");
      const auto address = writer_.civic_address(tenant, *id->text());
      if (!address)
        return tl::unexpected(or_missing(
            address.error(),
            {400,
             "CivicAddressNotFound",
             fmt::format(
                 "{}: civicAddressId '{}' is no address of the account's tenant: take one of "
                 "teamsCivicAddresses",
                 n.number, *id->text()),
             target + "civicAddressId",
             {}}));
      if (location == nullptr) continue;
      const auto body = parse_json(address->body);
      const Json* list = body ? body->find("locations") : nullptr;
      bool found = false;
      if (list != nullptr && list->items() != nullptr)
        for (const Json& l : *list->items())
          if (const Json* one = l.find("id"); one != nullptr && one->text() != nullptr)
            found = found || *one->text() == *location->text();
      if (!found)
        return refuse(400, "LocationNotFound",
                      fmt::format("{}: locationId '{}' is no location of civic address '{}'",
                                  n.number, *location->text(), *id->text()),
                      target + "locationId");
    }
  return {};
}

Outcome<std::vector<bool>> Editor::put_numbers(const std::string& account,
                                               std::vector<NumberRecord>& numbers) {
  const auto owner = writer_.account(account);
  if (!owner) return tl::unexpected(or_missing(owner.error(), no_account(account)));
  std::vector<std::string> keys;
  for (const auto& n : numbers) keys.push_back(n.number);
  std::sort(keys.begin(), keys.end());
  if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end())
    return refuse(400, "NumberTwice", fmt::format("{} is there twice: name it once", *twice),
                  "numbers");
  auto old = writer_.numbers(keys);
  if (!old) return tl::unexpected(problem_of(old.error()));
  if (auto s = check_addresses(*owner, numbers); !s) return tl::unexpected(s.error());
  Writes writes;
  std::vector<bool> created;
  for (NumberRecord& n : numbers) {
    store::Writer::NumberWrite w;
    const auto was = std::lower_bound(
        old->begin(), old->end(), n.number,
        [](const NumberRecord& a, const std::string& key) { return a.number < key; });
    if (was != old->end() && was->number == n.number) {
      if (was->account != account)
        return refuse(409, "NumberInUse",
                      fmt::format("{} belongs to account '{}': delete it there first", n.number,
                                  was->account),
                      "telephoneNumber");
      w.before = *was;
      w.before_json = audit_text(*was);
    }
    created.push_back(!w.before.has_value());
    set_state(told(*owner, n.enabled), n.state, n.errors);
    w.after_json = audit_text(n);
    w.record = std::move(n);
    writes.push_back(std::move(w));
  }
  if (auto s = done(writer_.put_numbers(writes)); !s) return tl::unexpected(s.error());
  std::vector<store::OutboxEntry> entries;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto& w = writes[i];
    const ServiceSet was = w.before ? w.before->enabled : ServiceSet{0};
    tell(entries, told(*owner, static_cast<ServiceSet>(w.record.enabled | was)), w.record.version,
         "put-number", w.record.number, account);
    numbers[i] = std::move(writes[i].record);
  }
  if (auto s = done(writer_.add_outbox(entries)); !s) return tl::unexpected(s.error());
  return created;
}

Outcome<void> Editor::delete_found(const AccountRecord& account, std::vector<NumberRecord> found) {
  Writes writes;
  for (NumberRecord& n : found) {
    store::Writer::NumberWrite w;
    w.before_json = audit_text(n);
    w.before = std::move(n);
    writes.push_back(std::move(w));
  }
  const std::int64_t first = writer_.last() + 1;
  if (auto s = done(writer_.delete_numbers(writes)); !s) return s;
  std::vector<store::OutboxEntry> entries;
  for (std::size_t i = 0; i < writes.size(); ++i)
    tell(entries, told(account, writes[i].before->enabled), first + static_cast<std::int64_t>(i),
         "delete-number", writes[i].before->number, account.name);
  return done(writer_.add_outbox(entries));
}

Outcome<void> Editor::delete_numbers(const std::string& account,
                                     const std::vector<std::string>& numbers) {
  const auto owner = writer_.account(account);
  if (!owner)
    return tl::unexpected(
        or_missing(owner.error(), {404,
                                   "AccountNotFound",
                                   fmt::format("there is no account '{}'", account),
                                   "accountName",
                                   {}}));
  std::vector<std::string> keys(numbers);
  std::sort(keys.begin(), keys.end());
  if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end())
    return refuse(400, "NumberTwice", fmt::format("{} is there twice: name it once", *twice),
                  "numbers");
  auto found = writer_.numbers(keys);
  if (!found) return tl::unexpected(problem_of(found.error()));
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto it = std::find_if(found->begin(), found->end(), [&](const NumberRecord& n) {
      return n.number == numbers[i] && n.account == account;
    });
    if (it == found->end() && faults.size() < 20)
      faults.push_back({"NumberNotFound",
                        fmt::format("{} is no number of account '{}'", numbers[i], account),
                        numbers.size() == 1 ? "telephoneNumber"
                                            : fmt::format("numbers[{}].telephoneNumber", i)});
  }
  if (!faults.empty()) {
    Problem p = problem_of(std::move(faults));
    p.status = 404;
    p.code = "NumberNotFound";
    return tl::unexpected(std::move(p));
  }
  return delete_found(*owner, std::move(*found));
}

Outcome<void> Editor::put_request_for_information(store::RequestForInformation& r,
                                                  const std::string& before) {
  set_state(store::kOperatorConnect, r.state, r.errors);
  if (auto s = done(
          writer_.put_request_for_information(r, before, request_for_information_2024(r).write()));
      !s)
    return s;
  std::vector<store::OutboxEntry> entries;
  tell(entries, store::kOperatorConnect, r.version, "put-request-for-information", r.tenant_id,
       r.account);
  return done(writer_.add_outbox(entries));
}

}  // namespace causeway::provisioning
