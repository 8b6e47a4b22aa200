#include "store/store.h"

#include <fmt/format.h>

#include "store/schema.h"

namespace causeway::store {

bool Store::is_postgres(std::string_view locator) {
  return locator.starts_with("postgresql://") || locator.starts_with("postgres://") ||
         locator.find("host=") != std::string_view::npos ||
         locator.find("dbname=") != std::string_view::npos ||
         locator.find("service=") != std::string_view::npos;
}

Result<std::unique_ptr<Store>> Store::open(const std::string& locator, Options options) {
  const Engine engine = is_postgres(locator) ? Engine::kPostgres : Engine::kSqlite;
  std::unique_ptr<Store> store(new Store(locator, engine, options));
  auto first = store->connect();
  if (!first) return tl::unexpected(first.error());
  if (const Status s = migrate(**first); !s) return tl::unexpected(s.error());
  store->idle_.push_back(std::move(*first));
  return store;
}

Result<std::unique_ptr<Connection>> Store::connect() {
  return engine_ == Engine::kPostgres ? open_postgres(locator_) : open_sqlite(locator_);
}

Result<std::unique_ptr<Connection>> Store::take() {
  std::unique_lock lock(mutex_);
  if (!room_.wait_for(lock, kLockLimit, [&] { return in_use_ < options_.connections; }))
    return fail(ErrorCode::kUnavailable, "the store is busy: try again");
  ++in_use_;
  if (!idle_.empty()) {
    auto out = std::move(idle_.back());
    idle_.pop_back();
    return out;
  }
  lock.unlock();
  auto out = connect();
  if (!out) give_back(nullptr);
  return out;
}

void Store::give_back(std::unique_ptr<Connection> connection) {
  const std::scoped_lock lock(mutex_);
  --in_use_;
  if (connection && !connection->broken()) idle_.push_back(std::move(connection));
  room_.notify_one();
}

Result<std::unique_ptr<Connection>> Store::begin(std::string_view begin) {
  for (int attempt = 0;; ++attempt) {
    auto c = take();
    if (!c) return c;
    const Status s = (*c)->script(begin);
    if (s) return c;
    const bool gone = (*c)->broken();
    give_back(std::move(*c));
    if (!gone || attempt == 1) return tl::unexpected(s.error());
    const std::scoped_lock lock(mutex_);
    idle_.clear();  // the others are as old
  }
}

Result<std::unique_ptr<Reader>> Store::read() {
  auto c = begin(engine_ == Engine::kSqlite ? "BEGIN"
                                            : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!c) return tl::unexpected(c.error());
  return std::make_unique<Reader>(*this, std::move(*c));
}

Result<std::unique_ptr<Writer>> Store::write(std::string who, WallTime now) {
  if (!writing_.try_lock_for(kLockLimit))
    return fail(ErrorCode::kUnavailable, "the store is busy with other writers: try again");
  const auto give_up = [&](const Error& e) {
    writing_.unlock();
    return tl::unexpected(e);
  };
  auto c = begin(engine_ == Engine::kSqlite ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!c) return give_up(c.error());
  // On PostgreSQL this is where writers of other processes wait. What is read after it, is read
  // behind everything that they committed.
  const auto last = (*c)->run(engine_ == Engine::kSqlite
                                  ? "SELECT last FROM change_counter WHERE one = 1"
                                  : "SELECT last FROM change_counter WHERE one = 1 FOR UPDATE");
  if (!last || last->empty()) {
    (void)(*c)->script("ROLLBACK");
    give_back(std::move(*c));
    return give_up(last ? Error{ErrorCode::kInternal, "the store lost its change counter"}
                        : last.error());
  }
  return std::make_unique<Writer>(*this, std::move(*c), number(last->at(0).at(0)), std::move(who),
                                  now);
}

Reader::~Reader() {
  if (!connection_) return;
  (void)connection_->script("ROLLBACK");
  store_.give_back(std::move(connection_));
}

Writer::~Writer() {
  if (connection_) {
    (void)connection_->script("ROLLBACK");
    store_.give_back(std::move(connection_));
  }
  store_.writing_.unlock();
}

Status Writer::commit() {
  if (counted_) {
    const Value values[] = {last_};
    if (const auto r =
            connection_->run("UPDATE change_counter SET last = $1 WHERE one = 1", values);
        !r)
      return tl::unexpected(r.error());
  }
  Status s = connection_->script("COMMIT");
  if (!s) (void)connection_->script("ROLLBACK");
  store_.give_back(std::move(connection_));
  return s;
}

}  // namespace causeway::store
