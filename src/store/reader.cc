#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "store/rows.h"
#include "store/store.h"

namespace causeway::store {

std::string_view word(SyncState s) {
  switch (s) {
    case SyncState::kNone: return "";
    case SyncState::kPending: return "pending";
    case SyncState::kSynced: return "synced";
    case SyncState::kFailed: return "failed";
  }
  return "";
}

SyncState sync_state(std::string_view w) {
  return w == "pending"  ? SyncState::kPending
         : w == "synced" ? SyncState::kSynced
         : w == "failed" ? SyncState::kFailed
                         : SyncState::kNone;
}

AccountRecord account_of(const Row& r) {
  AccountRecord a;
  a.name = text(r[0]);
  a.correlation_id = maybe_text(r[1]);
  a.tenant_id = maybe_text(r[2]);
  a.has_details = number(r[3]) != 0;
  a.present = static_cast<ServiceSet>(number(r[4]));
  a.enabled = static_cast<ServiceSet>(number(r[5]));
  a.sync = static_cast<ServiceSet>(number(r[6]));
  if (const auto subdomain = maybe_text(r[8]))
    a.direct_routing = DirectRoutingAccount{number(r[7]) != 0, *subdomain, text(r[9]), text(r[10])};
  a.state = sync_state(text(r[11]));
  a.errors = text(r[12]);
  for (std::size_t i = 0; i < kServices; ++i) a.counts[i] = number(r[13 + i]);
  a.numbers = number(r[18]);
  a.version = number(r[19]);
  a.modified = {number(r[20])};
  return a;
}

NumberRecord number_of(const Row& r) {
  NumberRecord n;
  n.number = text(r[0]);
  n.account = text(r[1]);
  n.present = static_cast<ServiceSet>(number(r[2]));
  n.enabled = static_cast<ServiceSet>(number(r[3]));
  n.has_configuration = number(r[4]) != 0;
  n.custom_header = maybe_text(r[5]);
  n.operator_connect = {static_cast<Assignment>(number(r[6])), text(r[7])};
  n.phone_mobile = {static_cast<Assignment>(number(r[8])), text(r[9])};
  n.state = sync_state(text(r[10]));
  n.errors = text(r[11]);
  n.version = number(r[12]);
  n.modified = {number(r[13])};
  return n;
}

RequestForInformation rfi_of(const Row& r) {
  return {text(r[0]), text(r[1]),       text(r[2]),     text(r[3]),
          text(r[4]), maybe_text(r[5]), number(r[6]),   sync_state(text(r[7])),
          text(r[8]), number(r[9]),     {number(r[10])}};
}

CivicAddress address_of(const Row& r) {
  return {text(r[0]), text(r[1]), text(r[2]), text(r[3]),   text(r[4]),     text(r[5]),
          text(r[6]), text(r[7]), text(r[8]), number(r[9]), {number(r[10])}};
}

namespace {

// All that `page` asks for, in the order of `key`.
Statement paged(std::string_view columns, std::string_view table, std::string_view key,
                const Page& page, const Condition& also) {
  Statement s(fmt::format("SELECT {} FROM {} WHERE 1 = 1", columns, table));
  if (!also.sql.empty()) s.add(" AND " + also.sql, also.values);
  if (page.after) s.add(fmt::format(" AND {} > $?", key), {*page.after});
  if (!page.where.sql.empty()) s.add(" AND (" + page.where.sql + ")", page.where.values);
  s.add(fmt::format(" ORDER BY {} LIMIT $?", key), {page.limit});
  if (page.skip > 0) s.add(" OFFSET $?", {page.skip});
  return s;
}

template <typename T, typename F>
Result<std::vector<T>> all(Result<std::vector<Row>> rows, F make) {
  if (!rows) return tl::unexpected(rows.error());
  std::vector<T> out;
  out.reserve(rows->size());
  for (const Row& r : *rows) out.push_back(make(r));
  return out;
}

template <typename T, typename F>
Result<T> one(Result<std::vector<Row>> rows, F make, std::string_view what, std::string_view key) {
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty())
    return fail(ErrorCode::kNotFound, fmt::format("there is no {} '{}'", what, key));
  return make(rows->front());
}

Result<std::int64_t> counted(Connection& c, std::string_view table, const Condition& where,
                             const Condition& also) {
  Statement s(fmt::format("SELECT count(*) FROM {} WHERE 1 = 1", table));
  if (!also.sql.empty()) s.add(" AND " + also.sql, also.values);
  if (!where.sql.empty()) s.add(" AND (" + where.sql + ")", where.values);
  const auto rows = c.run(s);
  if (!rows) return tl::unexpected(rows.error());
  return number(rows->at(0).at(0));
}

Condition of_account(const std::optional<std::string>& account) {
  return account ? Condition{"account = $?", {*account}} : Condition{};
}

Statement with_keys(std::string_view head, std::span<const std::string> keys,
                    std::string_view tail) {
  Statement s(head);
  s.tuples(1, std::vector<Value>(keys.begin(), keys.end()));
  s.add(tail);
  return s;
}

}  // namespace

Result<AccountRecord> Reader::account(std::string_view name) {
  const Value values[] = {std::string(name)};
  static const std::string kSql =
      fmt::format("SELECT {} FROM accounts WHERE name = $1", kAccountColumns);
  return one<AccountRecord>(connection_->run(kSql, values), account_of, "account", name);
}

Result<NumberRecord> Reader::number(std::string_view number) {
  const Value values[] = {std::string(number)};
  static const std::string kSql =
      fmt::format("SELECT {} FROM numbers WHERE number = $1", kNumberColumns);
  return one<NumberRecord>(connection_->run(kSql, values), number_of, "number", number);
}

Result<std::vector<NumberRecord>> Reader::numbers(std::span<const std::string> keys) {
  if (keys.empty()) return std::vector<NumberRecord>{};
  return all<NumberRecord>(
      connection_->run(
          with_keys(fmt::format("SELECT {} FROM numbers WHERE number IN ", kNumberColumns), keys,
                    " ORDER BY number")),
      number_of);
}

Result<std::vector<AccountRecord>> Reader::list_accounts(const Page& page) {
  return all<AccountRecord>(connection_->run(paged(kAccountColumns, "accounts", "name", page, {})),
                            account_of);
}

Result<std::vector<NumberRecord>> Reader::list_numbers(const Page& page,
                                                       const std::optional<std::string>& account) {
  return all<NumberRecord>(
      connection_->run(paged(kNumberColumns, "numbers", "number", page, of_account(account))),
      number_of);
}

Result<std::int64_t> Reader::count_accounts(const Condition& where) {
  return counted(*connection_, "accounts", where, {});
}

Result<std::int64_t> Reader::count_numbers(const Condition& where,
                                           const std::optional<std::string>& account) {
  if (!where.sql.empty()) return counted(*connection_, "numbers", where, of_account(account));
  Statement s("SELECT COALESCE(sum(numbers), 0) FROM accounts WHERE 1 = 1");
  if (account) s.add(" AND name = $?", {*account});
  const auto rows = connection_->run(s);
  if (!rows) return tl::unexpected(rows.error());
  return store::number(rows->at(0).at(0));
}

Result<RequestForInformation> Reader::request_for_information(std::string_view tenant_id) {
  const Value values[] = {std::string(tenant_id)};
  return one<RequestForInformation>(
      connection_->run(
          fmt::format("SELECT {} FROM requests_for_information WHERE tenant_id = $1", kRfiColumns),
          values),
      rfi_of, "request for information of tenant", tenant_id);
}

Result<std::vector<RequestForInformation>> Reader::list_requests_for_information(const Page& page) {
  return all<RequestForInformation>(
      connection_->run(paged(kRfiColumns, "requests_for_information", "tenant_id", page, {})),
      rfi_of);
}

Result<std::int64_t> Reader::count_requests_for_information(const Condition& where) {
  return counted(*connection_, "requests_for_information", where, {});
}

Result<CivicAddress> Reader::civic_address(std::string_view tenant_id, std::string_view id) {
  const Value values[] = {std::string(tenant_id), std::string(id)};
  return one<CivicAddress>(
      connection_->run(
          fmt::format("SELECT {} FROM civic_addresses WHERE tenant_id = $1 AND id = $2",
                      kAddressColumns),
          values),
      address_of, "civic address", id);
}

Result<std::vector<CivicAddress>> Reader::list_civic_addresses(const Page& page,
                                                               std::string_view tenant_id) {
  return all<CivicAddress>(connection_->run(paged(kAddressColumns, "civic_addresses", "id", page,
                                                  {"tenant_id = $?", {std::string(tenant_id)}})),
                           address_of);
}

Result<std::int64_t> Reader::count_civic_addresses(const Condition& where,
                                                   std::string_view tenant_id) {
  return counted(*connection_, "civic_addresses", where,
                 {"tenant_id = $?", {std::string(tenant_id)}});
}

Result<std::vector<CapabilityPlan>> Reader::capability_plans(std::string_view tenant_id) {
  const Value values[] = {std::string(tenant_id)};
  return all<CapabilityPlan>(
      connection_->run("SELECT tenant_id, name, body FROM capability_plans WHERE tenant_id = $1 OR "
                       "tenant_id = '' ORDER BY name, tenant_id",
                       values),
      [](const Row& r) { return CapabilityPlan{text(r[0]), text(r[1]), text(r[2])}; });
}

Result<std::vector<NumberCapabilities>> Reader::number_capabilities(
    std::span<const std::string> numbers) {
  if (numbers.empty()) return std::vector<NumberCapabilities>{};
  return all<NumberCapabilities>(
      connection_->run(
          with_keys("SELECT number, acquired, available FROM number_capabilities WHERE number IN ",
                    numbers, " ORDER BY number")),
      [](const Row& r) { return NumberCapabilities{text(r[0]), text(r[1]), text(r[2])}; });
}

Result<std::int64_t> Reader::last_change() {
  const auto rows = connection_->run("SELECT last FROM change_counter WHERE one = 1");
  if (!rows) return tl::unexpected(rows.error());
  return store::number(rows->at(0).at(0));
}

Result<Changes> Reader::changes_since(std::int64_t number, std::int64_t limit) {
  const auto counter = connection_->run("SELECT last, trimmed FROM change_counter WHERE one = 1");
  if (!counter) return tl::unexpected(counter.error());
  if (number < store::number(counter->at(0).at(1)))
    return fail(ErrorCode::kNotFound, "changes that old are trimmed: scan again");
  Changes out;
  out.last = store::number(counter->at(0).at(0));
  const Value values[] = {number, limit};
  const auto rows = connection_->run(
      "SELECT change, kind, key FROM change_log WHERE change > $1 ORDER BY change LIMIT $2",
      values);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> keys;
  for (const Row& r : *rows) {
    Change c;
    c.number = store::number(r[0]);
    c.kind = static_cast<ChangeKind>(store::number(r[1]));
    c.key = text(r[2]);
    if (c.kind == ChangeKind::kAccount) {
      auto a = account(c.key);
      if (!a && a.error().code != ErrorCode::kNotFound) return tl::unexpected(a.error());
      if (a) c.account = std::move(*a);
    } else if (c.kind == ChangeKind::kNumber) {
      keys.push_back(c.key);
    }
    out.changes.push_back(std::move(c));
  }
  constexpr std::size_t kAtOnce = 500;
  std::unordered_map<std::string, NumberRecord> found;
  for (std::size_t i = 0; i < keys.size(); i += kAtOnce) {
    auto some = numbers(std::span(keys).subspan(i, std::min(kAtOnce, keys.size() - i)));
    if (!some) return tl::unexpected(some.error());
    for (auto& n : *some) found.emplace(n.number, std::move(n));
  }
  for (Change& c : out.changes)
    if (c.kind == ChangeKind::kNumber)
      if (const auto it = found.find(c.key); it != found.end()) c.phone_number = it->second;
  return out;
}

Result<std::string> Reader::mark(std::int64_t change) {
  const Value values[] = {change};
  const auto rows = connection_->run("SELECT at, what, key FROM audit WHERE change = $1", values);
  if (!rows) return tl::unexpected(rows.error());
  if (rows->empty()) return std::string();
  const Row& r = rows->front();
  return fmt::format("{} {} {}", store::number(r[0]), text(r[1]), text(r[2]));
}

Result<std::vector<AuditEntry>> Reader::audit(std::string_view key, std::int64_t limit) {
  const Value values[] = {std::string(key), limit};
  return all<AuditEntry>(
      connection_->run("SELECT change, at, who, what, key, was, became FROM audit WHERE key = $1 "
                       "ORDER BY change DESC LIMIT $2",
                       values),
      [](const Row& r) {
        return AuditEntry{store::number(r[0]), {store::number(r[1])},
                          text(r[2]),          text(r[3]),
                          text(r[4]),          text(r[5]),
                          text(r[6])};
      });
}

Result<std::vector<OutboxEntry>> Reader::outbox(std::int64_t after, std::int64_t limit) {
  const Value values[] = {after, limit};
  return all<OutboxEntry>(
      connection_->run("SELECT change, service, what, key, account, state, at FROM outbox WHERE "
                       "change > $1 ORDER BY change, service LIMIT $2",
                       values),
      [](const Row& r) {
        return OutboxEntry{store::number(r[0]),  static_cast<Service>(store::number(r[1])),
                           text(r[2]),           text(r[3]),
                           text(r[4]),           sync_state(text(r[5])),
                           {store::number(r[6])}};
      });
}

Result<Repeatable> Reader::repeatable(std::string_view id) {
  const Value values[] = {std::string(id)};
  return one<Repeatable>(
      connection_->run("SELECT id, fingerprint, status, headers, body, at FROM repeatable_requests "
                       "WHERE id = $1",
                       values),
      [](const Row& r) {
        return Repeatable{text(r[0]), text(r[1]), store::number(r[2]),
                          text(r[3]), text(r[4]), {store::number(r[5])}};
      },
      "repeatable request", id);
}

}  // namespace causeway::store
