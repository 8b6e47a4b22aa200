// One SQL text over two engines: SQLite in a file, PostgreSQL 15 over libpq. Placeholders are $1,
// $2
// ... on both; text is compared byte by byte on both. A connection belongs to one thread at a time
// and waits. Internal to store/, except Value and Condition.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace causeway::store {

using Value = std::variant<std::monostate, std::int64_t, std::string>;
using Row = std::vector<Value>;

// What a column holds, for a row of ours: the schema says which it is.
[[nodiscard]] std::string text(const Value& v);
[[nodiscard]] std::optional<std::string> maybe_text(const Value& v);
[[nodiscard]] std::int64_t number(const Value& v);
[[nodiscard]] Value nullable(const std::optional<std::string>& v);

// A part of a WHERE clause. Its values stand as `$?` in `sql`, in order; whoever composes the
// statement numbers them. The text never holds what a client sent.
struct Condition {
  std::string sql;  // empty: everything
  std::vector<Value> values;
};

// Composes a statement with its values: text by text, `$?` becomes the number of the value.
class Statement {
 public:
  explicit Statement(std::string_view sql) : sql_(sql) {}
  Statement& add(std::string_view sql, std::vector<Value> values = {});
  // "(a, b), (c, d)": `rows` groups of as many values.
  Statement& tuples(std::size_t rows, std::vector<Value> values);
  [[nodiscard]] const std::string& sql() const { return sql_; }
  [[nodiscard]] std::span<const Value> values() const { return values_; }

 private:
  std::string sql_;
  std::vector<Value> values_;
};

enum class Engine : std::uint8_t { kSqlite, kPostgres };

class Connection {
 public:
  virtual ~Connection() = default;
  // One statement, prepared once and kept. An Error is kUnavailable when the same may succeed
  // later, kConflict when a constraint of the schema is against it.
  [[nodiscard]] virtual Result<std::vector<Row>> run(std::string_view sql,
                                                     std::span<const Value> values = {}) = 0;
  [[nodiscard]] Result<std::vector<Row>> run(const Statement& s) {
    return run(s.sql(), s.values());
  }
  // Several statements without values.
  [[nodiscard]] virtual Status script(std::string_view sql) = 0;
  // The server or the file is gone for this connection; a new one may be opened.
  [[nodiscard]] virtual bool broken() const = 0;
  [[nodiscard]] virtual Engine engine() const = 0;
};

// How long one statement, or the wait for a lock, may take.
inline constexpr std::chrono::seconds kStatementLimit{30}, kLockLimit{10};

[[nodiscard]] Result<std::unique_ptr<Connection>> open_sqlite(const std::string& path);
[[nodiscard]] Result<std::unique_ptr<Connection>> open_postgres(const std::string& connection);

}  // namespace causeway::store
