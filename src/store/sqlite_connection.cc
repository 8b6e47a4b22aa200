// The only file that sees SQLite.
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <unordered_map>

#include "store/sql.h"

namespace causeway::store {
namespace {

constexpr std::size_t kKeptStatements = 128;
constexpr std::int64_t kApplicationId = 0x43617773;  // "Caws"
// A file up to this size is looked through when it is opened; a larger one shows its damage to the
// statement that meets it.
constexpr std::uintmax_t kCheckedBytes = 256u << 20;

std::string damaged(const std::string& path, std::string_view detail) {
  return fmt::format(
      "the store '{0}' is damaged ({1}): stop causeway, put a backup in its place, or save what "
      "can "
      "be read with `sqlite3 {0} .recover | sqlite3 NEW`; move {0}, {0}-wal and {0}-shm together",
      path, detail);
}

// `$3` would be a name here, searched among thousands; `?3` is a number.
std::string numbered(std::string sql) {
  for (std::size_t i = 0; i + 1 < sql.size(); ++i)
    if (sql[i] == '$' && sql[i + 1] >= '1' && sql[i + 1] <= '9') sql[i] = '?';
  return sql;
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {
    sqlite3_progress_handler(
        db_, 100'000,
        [](void* self) {
          const auto* c = static_cast<SqliteConnection*>(self);
          return std::chrono::steady_clock::now() > c->give_up_at_ ? 1 : 0;
        },
        this);
  }
  ~SqliteConnection() override {
    forget_statements();
    sqlite3_close_v2(db_);
  }
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<std::vector<Row>> run(std::string_view sql, std::span<const Value> values) override {
    auto prepared = statement(sql);
    if (!prepared) return tl::unexpected(prepared.error());
    sqlite3_stmt* s = *prepared;
    give_up_at_ = std::chrono::steady_clock::now() + kStatementLimit;
    auto out = step_all(s, values);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return out;
  }

  Status script(std::string_view sql) override {
    give_up_at_ = std::chrono::steady_clock::now() + kStatementLimit;
    const std::string text(sql);
    if (const int rc = sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr); rc != SQLITE_OK)
      return tl::unexpected(error(rc));
    return {};
  }
  // The schema may take longer.
  Status script_without_limit(const std::string& sql) {
    give_up_at_ = std::chrono::steady_clock::time_point::max();
    if (const int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); rc != SQLITE_OK)
      return tl::unexpected(error(rc));
    return {};
  }

  bool broken() const override { return broken_; }
  Engine engine() const override { return Engine::kSqlite; }

  Error error(int rc) {
    const std::string detail = sqlite3_errmsg(db_);
    switch (rc & 0xff) {
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB: return {ErrorCode::kConfiguration, damaged(path_, detail)};
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return {ErrorCode::kUnavailable,
                fmt::format("the store '{}' is in use by another writer: try again", path_)};
      case SQLITE_INTERRUPT:
        return {ErrorCode::kTimeout,
                fmt::format("the store gave up after {} s: ask for less", kStatementLimit.count())};
      case SQLITE_CONSTRAINT: return {ErrorCode::kConflict, "the store: " + detail};
      case SQLITE_FULL:
      case SQLITE_IOERR:
      case SQLITE_READONLY:
      case SQLITE_CANTOPEN:
        broken_ = true;
        return {ErrorCode::kIo,
                fmt::format("the store '{}': {}; look at the disk and at the owner of "
                            "the file and its folder",
                            path_, detail)};
      default: return {ErrorCode::kInternal, "the store: " + detail};
    }
  }

 private:
  void forget_statements() {
    for (auto& [sql, s] : statements_) sqlite3_finalize(s);
    statements_.clear();
  }

  Result<sqlite3_stmt*> statement(std::string_view sql) {
    std::string key(sql);
    if (const auto it = statements_.find(key); it != statements_.end()) return it->second;
    if (statements_.size() >= kKeptStatements) forget_statements();
    sqlite3_stmt* s = nullptr;
    const std::string ours = numbered(key);
    if (const int rc =
            sqlite3_prepare_v2(db_, ours.c_str(), static_cast<int>(ours.size()), &s, nullptr);
        rc != SQLITE_OK)
      return tl::unexpected(error(rc));
    statements_.emplace(std::move(key), s);
    return s;
  }

  Result<std::vector<Row>> step_all(sqlite3_stmt* s, std::span<const Value> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int at = static_cast<int>(i) + 1;
      if (const auto* n = std::get_if<std::int64_t>(&values[i]))
        sqlite3_bind_int64(s, at, *n);
      else if (const auto* t = std::get_if<std::string>(&values[i]))
        sqlite3_bind_text64(s, at, t->data(), t->size(), SQLITE_STATIC, SQLITE_UTF8);
      else
        sqlite3_bind_null(s, at);
    }
    std::vector<Row> out;
    for (;;) {
      const int rc = sqlite3_step(s);
      if (rc == SQLITE_DONE) return out;
      if (rc != SQLITE_ROW) return tl::unexpected(error(rc));
      out.push_back(row(s));
    }
  }

  static Row row(sqlite3_stmt* s) {
    Row out(static_cast<std::size_t>(sqlite3_column_count(s)));
    for (int i = 0; i < static_cast<int>(out.size()); ++i) {
      Value& v = out[static_cast<std::size_t>(i)];
      switch (sqlite3_column_type(s, i)) {
        case SQLITE_NULL: break;
        case SQLITE_INTEGER: v = static_cast<std::int64_t>(sqlite3_column_int64(s, i)); break;
        default: {
          const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
          v = std::string(p, static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
        }
      }
    }
    return out;
  }

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
  std::chrono::steady_clock::time_point give_up_at_ = std::chrono::steady_clock::time_point::max();
  bool broken_ = false;
};

// Ours, and whole as far as can be told quickly.
Status look_through(SqliteConnection& c, const std::string& path) {
  const auto id = c.run("PRAGMA application_id", {});
  if (!id) return tl::unexpected(id.error());
  const auto tables = c.run("SELECT count(*) FROM sqlite_master", {});
  if (!tables) return tl::unexpected(tables.error());
  if (number(tables->at(0).at(0)) > 0 && number(id->at(0).at(0)) != kApplicationId)
    return fail(ErrorCode::kConfiguration,
                fmt::format("'{}' is a database of another program: name another file", path));
  std::error_code ec;
  if (const auto size = std::filesystem::file_size(path, ec); !ec && size <= kCheckedBytes) {
    const auto check = c.run("PRAGMA quick_check(1)", {});
    if (!check) return tl::unexpected(check.error());
    if (const std::string word = text(check->at(0).at(0)); word != "ok")
      return fail(ErrorCode::kConfiguration, damaged(path, word));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Connection>> open_sqlite(const std::string& path) {
  // Numbers and customers: for the owner alone. SQLite gives -wal and -shm the same mode. Made
  // without a descriptor: to close one of a file that is in use takes the process's locks on it
  // away (fcntl(2)), and then the next program that closes the store deletes the WAL under us.
  (void)::mknod(path.c_str(), S_IFREG | 0600, 0);
  sqlite3* db = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  auto out = std::make_unique<SqliteConnection>(db, path);
  if (rc != SQLITE_OK) return tl::unexpected(out->error(rc));
  sqlite3_busy_timeout(db, static_cast<int>(std::chrono::milliseconds(kLockLimit).count()));
  if (const Status s = look_through(*out, path); !s) return tl::unexpected(s.error());
  // FULL: a commit is on the disk before it is acknowledged, in WAL mode, too. EXTRA: so is the end
  // of the journal that the change to WAL itself needs.
  const std::string settings = fmt::format(
      "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
      "foreign_keys=ON; PRAGMA "
      "trusted_schema=OFF; PRAGMA cache_size=-16384; PRAGMA application_id={};",
      kApplicationId);
  if (const Status s = out->script(settings); !s) return tl::unexpected(s.error());
  return out;
}

}  // namespace causeway::store
