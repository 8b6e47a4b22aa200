#include <fmt/format.h>

#include <algorithm>

#include "store/rows.h"
#include "store/store.h"

namespace causeway::store {
namespace {

// Rows of one statement: under the 32,766 values that SQLite takes.
constexpr std::size_t kAtOnce = 500;

Status done(const Result<std::vector<Row>>& r) {
  if (!r) return tl::unexpected(r.error());
  return {};
}

// "correlation_id = excluded.correlation_id, ..." of all columns but the `keys` first.
std::string replaced(std::string_view columns, std::size_t keys) {
  std::string out;
  for (std::size_t at = 0; at < columns.size();) {
    const std::size_t comma = std::min(columns.find(", ", at), columns.size());
    const std::string name(columns.substr(at, comma - at));
    at = comma + 2;
    if (keys > 0) {
      --keys;
      continue;
    }
    out += (out.empty() ? "" : ", ") + name + " = excluded." + name;
  }
  return out;
}

Statement upsert(std::string_view table, std::string_view columns, std::string_view key,
                 std::size_t keys, std::size_t rows, std::vector<Value> values) {
  Statement s(fmt::format("INSERT INTO {} ({}) VALUES ", table, columns));
  s.tuples(rows, std::move(values));
  s.add(fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", key, replaced(columns, keys)));
  return s;
}

std::int64_t flag(bool b) { return b ? 1 : 0; }

}  // namespace

Status Writer::log(std::span<const Logged> changes) {
  for (std::size_t from = 0; from < changes.size(); from += kAtOnce) {
    const auto some = changes.subspan(from, std::min(kAtOnce, changes.size() - from));
    std::vector<Value> lines, audits;
    for (const Logged& l : some) {
      ++last_;
      lines.insert(lines.end(), {Value(last_), Value(static_cast<std::int64_t>(l.kind)),
                                 Value(std::string(l.key))});
      audits.insert(audits.end(), {Value(last_), Value(now_.micros), Value(who_),
                                   Value(std::string(l.what)), Value(std::string(l.key)),
                                   Value(std::string(l.before)), Value(std::string(l.after))});
    }
    Statement line("INSERT INTO change_log (change, kind, key) VALUES ");
    if (const Status s = done(connection_->run(line.tuples(some.size(), std::move(lines)))); !s)
      return s;
    Statement audit("INSERT INTO audit (change, at, who, what, key, was, became) VALUES ");
    if (const Status s = done(connection_->run(audit.tuples(some.size(), std::move(audits)))); !s)
      return s;
  }
  counted_ = true;
  return {};
}

Status Writer::put_account(AccountRecord& a, std::string_view before, std::string_view after) {
  const Logged line[] = {{ChangeKind::kAccount, a.name, "put-account", before, after}};
  if (const Status s = log(line); !s) return s;
  a.version = last_;
  a.modified = now_;
  std::vector<Value> v{a.name,
                       nullable(a.correlation_id),
                       nullable(a.tenant_id),
                       flag(a.has_details),
                       std::int64_t{a.present},
                       std::int64_t{a.enabled},
                       std::int64_t{a.sync}};
  if (const auto& d = a.direct_routing)
    v.insert(v.end(), {Value(flag(d->call_screening)), Value(d->subdomain), Value(d->region1_token),
                       Value(d->region2_token)});
  else
    v.insert(v.end(), 4, Value());
  v.insert(v.end(), {Value(std::string(word(a.state))), Value(a.errors)});
  for (const auto count : a.counts) v.emplace_back(count);
  v.insert(v.end(), {Value(a.numbers), Value(a.version), Value(a.modified.micros)});
  return done(connection_->run(upsert("accounts", kAccountColumns, "name", 1, 1, std::move(v))));
}

Status Writer::delete_account(const AccountRecord& account, std::string_view before) {
  const Value key[] = {account.name};
  if (const Status s = done(connection_->run("DELETE FROM accounts WHERE name = $1", key)); !s)
    return s;
  const Logged line[] = {{ChangeKind::kAccount, account.name, "delete-account", before, ""}};
  return log(line);
}

Status Writer::add_counts(std::string_view account, std::span<const NumberWrite> writes,
                          bool added) {
  std::array<std::int64_t, kServices> change{};
  std::int64_t all = 0;
  for (const NumberWrite& w : writes) {
    for (std::size_t i = 0; i < kServices; ++i) {
      if (added) change[i] += (w.record.enabled & kEveryService[i]) != 0 ? 1 : 0;
      if (w.before) change[i] -= (w.before->enabled & kEveryService[i]) != 0 ? 1 : 0;
    }
    all += (added ? 1 : 0) - (w.before ? 1 : 0);
  }
  const Value values[] = {change[0], change[1], change[2],           change[3],
                          change[4], all,       std::string(account)};
  return done(connection_->run(
      "UPDATE accounts SET count_oc = count_oc + $1, count_tpm = count_tpm + $2, count_dr = "
      "count_dr "
      "+ $3, count_zoom = count_zoom + $4, count_protection = count_protection + $5, numbers = "
      "numbers + $6 WHERE name = $7",
      values));
}

Status Writer::put_numbers(std::span<NumberWrite> writes) {
  if (writes.empty()) return {};
  std::vector<Logged> lines;
  for (const NumberWrite& w : writes)
    lines.push_back(
        {ChangeKind::kNumber, w.record.number, "put-number", w.before_json, w.after_json});
  std::int64_t change = last_;
  if (const Status s = log(lines); !s) return s;
  for (std::size_t from = 0; from < writes.size(); from += kAtOnce) {
    const auto some = writes.subspan(from, std::min(kAtOnce, writes.size() - from));
    std::vector<Value> v;
    for (NumberWrite& w : some) {
      NumberRecord& n = w.record;
      n.version = ++change;
      n.modified = now_;
      v.insert(v.end(), {Value(n.number), Value(n.account), Value(std::int64_t{n.present}),
                         Value(std::int64_t{n.enabled}), Value(flag(n.has_configuration)),
                         nullable(n.custom_header),
                         Value(static_cast<std::int64_t>(n.operator_connect.assignment)),
                         Value(n.operator_connect.configuration),
                         Value(static_cast<std::int64_t>(n.phone_mobile.assignment)),
                         Value(n.phone_mobile.configuration), Value(std::string(word(n.state))),
                         Value(n.errors), Value(n.version), Value(n.modified.micros)});
    }
    if (const Status s = done(connection_->run(
            upsert("numbers", kNumberColumns, "number", 1, some.size(), std::move(v))));
        !s)
      return s;
  }
  return add_counts(writes[0].record.account, writes, true);
}

Status Writer::delete_numbers(std::span<const NumberWrite> writes) {
  if (writes.empty()) return {};
  std::vector<Logged> lines;
  for (const NumberWrite& w : writes)
    lines.push_back({ChangeKind::kNumber, w.before->number, "delete-number", w.before_json, ""});
  for (std::size_t from = 0; from < writes.size(); from += kAtOnce) {
    const auto some = writes.subspan(from, std::min(kAtOnce, writes.size() - from));
    std::vector<Value> keys;
    for (const NumberWrite& w : some) keys.emplace_back(w.before->number);
    Statement s("DELETE FROM numbers WHERE number IN ");
    if (const Status r = done(connection_->run(s.tuples(1, std::move(keys)))); !r) return r;
  }
  if (const Status s = log(lines); !s) return s;
  return add_counts(writes[0].before->account, writes, false);
}

Status Writer::put_request_for_information(RequestForInformation& r, std::string_view before,
                                           std::string_view after) {
  const Logged line[] = {{ChangeKind::kRequestForInformation, r.tenant_id,
                          "put-request-for-information", before, after}};
  if (const Status s = log(line); !s) return s;
  r.version = last_;
  r.modified = now_;
  return done(connection_->run(
      upsert("requests_for_information", kRfiColumns, "tenant_id", 1, 1,
             {r.tenant_id, r.account, r.status, r.relationship, r.body, nullable(r.comment),
              r.relationship_changed, std::string(word(r.state)), r.errors, r.version,
              r.modified.micros})));
}

Status Writer::put_civic_address(const CivicAddress& a) {
  return done(connection_->run(
      upsert("civic_addresses", kAddressColumns, "tenant_id, id", 2, 1,
             {a.tenant_id, a.id, a.country, a.city, a.postal_code, a.validation_status,
              a.description, a.company, a.body, last_, now_.micros})));
}

Status Writer::put_capability_plan(const CapabilityPlan& p) {
  return done(connection_->run(upsert("capability_plans", "tenant_id, name, body",
                                      "tenant_id, name", 2, 1, {p.tenant_id, p.name, p.body})));
}

Status Writer::put_number_capabilities(const NumberCapabilities& c) {
  return done(connection_->run(upsert("number_capabilities", "number, acquired, available",
                                      "number", 1, 1, {c.number, c.acquired, c.available})));
}

Status Writer::add_outbox(std::span<const OutboxEntry> entries) {
  for (std::size_t from = 0; from < entries.size(); from += kAtOnce) {
    const auto some = entries.subspan(from, std::min(kAtOnce, entries.size() - from));
    std::vector<Value> v;
    for (const OutboxEntry& e : some)
      v.insert(v.end(), {Value(e.change), Value(static_cast<std::int64_t>(e.service)),
                         Value(e.what), Value(e.key), Value(e.account),
                         Value(std::string(word(e.state))), Value(now_.micros)});
    Statement s("INSERT INTO outbox (change, service, what, key, account, state, at) VALUES ");
    if (const Status r = done(connection_->run(s.tuples(some.size(), std::move(v)))); !r) return r;
  }
  return {};
}

Status Writer::keep_repeatable(const Repeatable& r) {
  return done(connection_->run(
      upsert("repeatable_requests", "id, fingerprint, status, headers, body, at", "id", 1, 1,
             {r.id, r.fingerprint, r.status, r.headers, r.body, now_.micros})));
}

Status Writer::drop_repeatable_before(WallTime at) {
  const Value values[] = {at.micros};
  return done(connection_->run("DELETE FROM repeatable_requests WHERE at < $1", values));
}

Status Writer::trim_changes(std::int64_t keep) {
  const Value values[] = {last_ - keep};
  if (last_ <= keep) return {};
  if (const Status s = done(connection_->run("DELETE FROM change_log WHERE change <= $1", values));
      !s)
    return s;
  return done(connection_->run(
      "UPDATE change_counter SET trimmed = $1 WHERE one = 1 AND trimmed < $1", values));
}

}  // namespace causeway::store
