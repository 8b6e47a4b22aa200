#include "store/schema.h"

#include <fmt/format.h>

namespace causeway::store {
namespace {

// {text}: compared byte by byte, case and all, on both engines. {clustered}: rows lie in the order
// of their key where the engine can do that.
constexpr std::string_view kVersion1 = R"(
CREATE TABLE change_counter (one BIGINT PRIMARY KEY, last BIGINT NOT NULL, trimmed BIGINT NOT NULL);
INSERT INTO change_counter (one, last, trimmed) VALUES (1, 0, 0);

CREATE TABLE accounts (
  name {text} PRIMARY KEY,
  correlation_id {text}, tenant_id {text},
  has_details BIGINT NOT NULL, present BIGINT NOT NULL, enabled BIGINT NOT NULL, sync BIGINT NOT NULL,
  call_screening BIGINT, subdomain {text}, region1_token {text}, region2_token {text},
  state {text} NOT NULL, errors {text} NOT NULL,
  count_oc BIGINT NOT NULL, count_tpm BIGINT NOT NULL, count_dr BIGINT NOT NULL,
  count_zoom BIGINT NOT NULL, count_protection BIGINT NOT NULL, numbers BIGINT NOT NULL,
  version BIGINT NOT NULL, modified BIGINT NOT NULL){clustered};
CREATE INDEX accounts_by_tenant ON accounts (tenant_id);
CREATE UNIQUE INDEX accounts_by_subdomain ON accounts (lower(subdomain));

CREATE TABLE numbers (
  number {text} PRIMARY KEY,
  account {text} NOT NULL REFERENCES accounts (name),
  present BIGINT NOT NULL, enabled BIGINT NOT NULL, has_configuration BIGINT NOT NULL,
  custom_header {text},
  oc_assignment BIGINT NOT NULL, oc_configuration {text} NOT NULL,
  tpm_assignment BIGINT NOT NULL, tpm_configuration {text} NOT NULL,
  state {text} NOT NULL, errors {text} NOT NULL,
  version BIGINT NOT NULL, modified BIGINT NOT NULL){clustered};
CREATE UNIQUE INDEX numbers_by_account ON numbers (account, number);

CREATE TABLE requests_for_information (
  tenant_id {text} PRIMARY KEY, account {text} NOT NULL, status {text} NOT NULL,
  relationship {text} NOT NULL, body {text} NOT NULL, comment {text},
  relationship_changed BIGINT NOT NULL, state {text} NOT NULL, errors {text} NOT NULL,
  version BIGINT NOT NULL, modified BIGINT NOT NULL){clustered};

CREATE TABLE civic_addresses (
  tenant_id {text} NOT NULL, id {text} NOT NULL,
  country {text} NOT NULL, city {text} NOT NULL, postal_code {text} NOT NULL,
  validation_status {text} NOT NULL, description {text} NOT NULL, company {text} NOT NULL,
  body {text} NOT NULL, version BIGINT NOT NULL, modified BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, id)){clustered};

CREATE TABLE capability_plans (
  tenant_id {text} NOT NULL, name {text} NOT NULL, body {text} NOT NULL,
  PRIMARY KEY (tenant_id, name)){clustered};

CREATE TABLE number_capabilities (
  number {text} PRIMARY KEY, acquired {text} NOT NULL, available {text} NOT NULL){clustered};

CREATE TABLE change_log (
  change BIGINT PRIMARY KEY, kind BIGINT NOT NULL, key {text} NOT NULL);

CREATE TABLE audit (
  change BIGINT PRIMARY KEY, at BIGINT NOT NULL, who {text} NOT NULL, what {text} NOT NULL,
  key {text} NOT NULL, was {text} NOT NULL, became {text} NOT NULL);
CREATE INDEX audit_by_key ON audit (key, change);

CREATE TABLE outbox (
  change BIGINT NOT NULL, service BIGINT NOT NULL, what {text} NOT NULL, key {text} NOT NULL,
  account {text} NOT NULL, state {text} NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (change, service));

CREATE TABLE repeatable_requests (
  id {text} PRIMARY KEY, fingerprint {text} NOT NULL, status BIGINT NOT NULL,
  headers {text} NOT NULL, body {text} NOT NULL, at BIGINT NOT NULL){clustered};
CREATE INDEX repeatable_by_age ON repeatable_requests (at);
)";

// Index: the version that it leads to, less one.
constexpr std::string_view kSteps[] = {kVersion1};

std::string spelled(std::string_view step, Engine engine) {
  const std::pair<std::string_view, std::string_view> words[] = {
      {"{text}", engine == Engine::kSqlite ? "TEXT COLLATE BINARY" : "TEXT COLLATE \"C\""},
      {"{clustered}", engine == Engine::kSqlite ? " WITHOUT ROWID" : ""}};
  std::string out(step);
  for (const auto& [word, meaning] : words)
    for (std::size_t at = 0; (at = out.find(word, at)) != std::string::npos;)
      out.replace(at, word.size(), meaning);
  return out;
}

Status steps(Connection& c) {
  if (c.engine() == Engine::kPostgres)  // others that start wait here
    if (const auto r = c.run("SELECT pg_advisory_xact_lock(4828167202)"); !r)
      return tl::unexpected(r.error());
  if (const Status s =
          c.script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
      !s)
    return s;
  const auto found = c.run("SELECT version FROM schema_version");
  if (!found) return tl::unexpected(found.error());
  const std::int64_t have = found->empty() ? 0 : number(found->at(0).at(0));
  if (have > kSchemaVersion)
    return fail(
        ErrorCode::kConfiguration,
        fmt::format("the store has schema {} and this causeway knows up to {}: run the newer "
                    "causeway, or restore the backup from before it",
                    have, kSchemaVersion));
  if (have == kSchemaVersion) return {};
  for (std::int64_t v = have; v < kSchemaVersion; ++v)
    if (const Status s = c.script(spelled(kSteps[v], c.engine())); !s) return s;
  if (const auto r = c.run("DELETE FROM schema_version"); !r) return tl::unexpected(r.error());
  const Value version[] = {kSchemaVersion};
  if (const auto r = c.run("INSERT INTO schema_version (version) VALUES ($1)", version); !r)
    return tl::unexpected(r.error());
  return {};
}

}  // namespace

Status migrate(Connection& connection) {
  const bool sqlite = connection.engine() == Engine::kSqlite;
  if (const Status s = connection.script(sqlite ? "BEGIN IMMEDIATE" : "BEGIN"); !s) return s;
  if (const Status s = steps(connection); !s) {
    (void)connection.script("ROLLBACK");
    return s;
  }
  return connection.script("COMMIT");
}

}  // namespace causeway::store
