// The only file that sees libpq.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstring>
#include <unordered_map>

#include "store/sql.h"

namespace causeway::store {
namespace {

constexpr std::size_t kKeptStatements = 128;
constexpr unsigned kInt2 = 21, kInt4 = 23, kInt8 = 20, kBool = 16;  // pg_type.dat

struct Free {
  void operator()(PGresult* r) const { PQclear(r); }
};
using Outcome = std::unique_ptr<PGresult, Free>;

std::string one_line(const char* message) {
  std::string out(message == nullptr ? "" : message);
  for (char& c : out)
    if (c == '\n' || c == '\r') c = ' ';
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(PGconn* c) : connection_(c) {
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  }
  ~PostgresConnection() override { PQfinish(connection_); }
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  Result<std::vector<Row>> run(std::string_view sql, std::span<const Value> values) override {
    auto name = statement(sql);
    if (!name) return tl::unexpected(name.error());
    std::vector<std::string> numbers(values.size());
    std::vector<const char*> texts(values.size(), nullptr);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (const auto* n = std::get_if<std::int64_t>(&values[i])) {
        numbers[i] = std::to_string(*n);
        texts[i] = numbers[i].c_str();
      } else if (const auto* t = std::get_if<std::string>(&values[i])) {
        if (t->find('\0') != std::string::npos)
          return fail(ErrorCode::kMalformed, "a text holds a zero byte: take it out");
        texts[i] = t->c_str();
      }
    }
    const Outcome r(PQexecPrepared(connection_, name->c_str(), static_cast<int>(values.size()),
                                   texts.data(), nullptr, nullptr, 0));
    if (const auto s = PQresultStatus(r.get()); s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK)
      return tl::unexpected(error(r.get()));
    return rows(r.get());
  }

  Status script(std::string_view sql) override {
    const Outcome r(PQexec(connection_, std::string(sql).c_str()));
    if (const auto s = PQresultStatus(r.get()); s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK)
      return tl::unexpected(error(r.get()));
    return {};
  }

  bool broken() const override { return PQstatus(connection_) != CONNECTION_OK; }
  Engine engine() const override { return Engine::kPostgres; }

 private:
  Result<std::string> statement(std::string_view sql) {
    std::string key(sql);
    if (const auto it = statements_.find(key); it != statements_.end()) return it->second;
    if (statements_.size() >= kKeptStatements) {
      statements_.clear();
      if (const Status s = script("DEALLOCATE ALL"); !s) return tl::unexpected(s.error());
    }
    std::string name = fmt::format("s{}", ++named_);
    const Outcome r(PQprepare(connection_, name.c_str(), key.c_str(), 0, nullptr));
    if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) return tl::unexpected(error(r.get()));
    statements_.emplace(std::move(key), name);
    return name;
  }

  static std::vector<Row> rows(const PGresult* r) {
    const int n = PQntuples(r), columns = PQnfields(r);
    std::vector<Row> out(static_cast<std::size_t>(n), Row(static_cast<std::size_t>(columns)));
    for (int c = 0; c < columns; ++c) {
      const unsigned type = PQftype(r, c);
      const bool is_number = type == kInt2 || type == kInt4 || type == kInt8;
      for (int i = 0; i < n; ++i) {
        if (PQgetisnull(r, i, c) != 0) continue;
        Value& v = out[static_cast<std::size_t>(i)][static_cast<std::size_t>(c)];
        const char* p = PQgetvalue(r, i, c);
        const Value as_text = std::string(p, static_cast<std::size_t>(PQgetlength(r, i, c)));
        if (is_number)
          v = number(as_text);
        else if (type == kBool)
          v = static_cast<std::int64_t>(*p == 't');
        else
          v = as_text;
      }
    }
    return out;
  }

  Error error(const PGresult* r) const {
    const std::string detail = one_line(PQerrorMessage(connection_));
    if (PQstatus(connection_) != CONNECTION_OK)
      return {ErrorCode::kUnavailable, "the store does not answer: " + detail};
    const char* code = r == nullptr ? nullptr : PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const std::string state = code == nullptr ? "" : code;
    if (state.starts_with("23")) return {ErrorCode::kConflict, "the store: " + detail};
    if (state == "57014")
      return {ErrorCode::kTimeout, "the store gave up: ask for less (" + detail + ")"};
    if (state.starts_with("40") || state == "55P03" || state.starts_with("57P") ||
        state.starts_with("53") || state == "25006")
      return {ErrorCode::kUnavailable, "the store: try again (" + detail + ")"};
    return {ErrorCode::kInternal, "the store: " + detail};
  }

  PGconn* connection_;
  std::unordered_map<std::string, std::string> statements_;
  std::uint64_t named_ = 0;
};

}  // namespace

Result<std::unique_ptr<Connection>> open_postgres(const std::string& connection) {
  // What the connection string says wins over these: it comes later.
  const char* names[] = {"connect_timeout",
                         "keepalives_idle",
                         "keepalives_interval",
                         "keepalives_count",
                         "tcp_user_timeout",
                         "application_name",
                         "dbname",
                         nullptr};
  const char* values[] = {"5", "10", "5", "3", "20000", "causeway", connection.c_str(), nullptr};
  PGconn* c = PQconnectdbParams(names, values, 1);
  auto out = std::make_unique<PostgresConnection>(c);
  if (PQstatus(c) != CONNECTION_OK)
    return fail(ErrorCode::kUnavailable,
                "the store cannot be reached: " + one_line(PQerrorMessage(c)) +
                    "; look at [provisioning] store and at the server");
  if (PQserverVersion(c) < 150'000)
    return fail(ErrorCode::kConfiguration,
                fmt::format("the store is PostgreSQL {}: 15 or newer is needed",
                            PQserverVersion(c) / 10'000));
  // An acknowledged write is a written one, whatever the default of the server is; 'remote_apply'
  // and 'remote_write' of a server with standbys stay.
  const std::string settings = fmt::format(
      "SET client_encoding TO 'UTF8'; SET statement_timeout TO '{}s'; SET lock_timeout TO '{}s'; "
      "SET "
      "idle_in_transaction_session_timeout TO '60s'; SET standard_conforming_strings TO on; SELECT "
      "set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') "
      "IN "
      "('off', 'local');",
      kStatementLimit.count(), kLockLimit.count());
  if (const Status s = out->script(settings); !s) return tl::unexpected(s.error());
  const auto encoding = out->run("SHOW server_encoding", {});
  if (!encoding) return tl::unexpected(encoding.error());
  if (text(encoding->at(0).at(0)) != "UTF8")
    return fail(ErrorCode::kConfiguration,
                "the store is a database in " + text(encoding->at(0).at(0)) +
                    ": make one with ENCODING 'UTF8' TEMPLATE template0");
  return out;
}

}  // namespace causeway::store
