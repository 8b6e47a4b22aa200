// Accounts and numbers at rest, with an audit row and a numbered change for every write. Any
// thread; every call may wait for the disk or the server, so none belongs on a shard.
//
// Writers take turns, on both engines: one transaction at a time holds the change counter, so that
// numbers of changes become visible in order, what a transaction read stays true until it commits,
// and a version is never used twice. A write is on the disk (SQLite: WAL with synchronous=FULL;
// PostgreSQL: synchronous_commit) when commit() returns.
//
// For a follower: last_change() and a scan by pages, then changes_since() what that said, again and
// again. A change tells the key and how it is now; applying one twice does no harm.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/records.h"
#include "store/sql.h"

namespace causeway::store {

class Store;

// Rows in the order of their key, from behind `after`; `skip` costs what it skips.
struct Page {
  Condition where;
  std::optional<std::string> after;
  std::int64_t limit = 200, skip = 0;
};

// A snapshot of the store; ends with the object.
class Reader {
 public:
  Reader(Store& store, std::unique_ptr<Connection> connection)
      : store_(store), connection_(std::move(connection)) {}
  virtual ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // kNotFound when there is none, here and below.
  [[nodiscard]] Result<AccountRecord> account(std::string_view name);
  [[nodiscard]] Result<NumberRecord> number(std::string_view number);
  // Those that exist, in the order of the key.
  [[nodiscard]] Result<std::vector<NumberRecord>> numbers(std::span<const std::string> keys);
  [[nodiscard]] Result<std::vector<AccountRecord>> list_accounts(const Page& page);
  // `account`: nullopt for those of all.
  [[nodiscard]] Result<std::vector<NumberRecord>> list_numbers(
      const Page& page, const std::optional<std::string>& account);
  [[nodiscard]] Result<std::int64_t> count_accounts(const Condition& where);
  // Without a condition at no cost of the numbers.
  [[nodiscard]] Result<std::int64_t> count_numbers(const Condition& where,
                                                   const std::optional<std::string>& account);

  [[nodiscard]] Result<RequestForInformation> request_for_information(std::string_view tenant_id);
  [[nodiscard]] Result<std::vector<RequestForInformation>> list_requests_for_information(
      const Page& page);
  [[nodiscard]] Result<std::int64_t> count_requests_for_information(const Condition& where);
  [[nodiscard]] Result<CivicAddress> civic_address(std::string_view tenant_id, std::string_view id);
  [[nodiscard]] Result<std::vector<CivicAddress>> list_civic_addresses(const Page& page,
                                                                       std::string_view tenant_id);
  [[nodiscard]] Result<std::int64_t> count_civic_addresses(const Condition& where,
                                                           std::string_view tenant_id);
  [[nodiscard]] Result<std::vector<CapabilityPlan>> capability_plans(std::string_view tenant_id);
  [[nodiscard]] Result<std::vector<NumberCapabilities>> number_capabilities(
      std::span<const std::string> numbers);

  [[nodiscard]] Result<std::int64_t> last_change();
  // At most `limit` changes behind `number`. kNotFound: they were trimmed, scan again.
  [[nodiscard]] Result<Changes> changes_since(std::int64_t number, std::int64_t limit);

  // What this change was, in one line; empty: there is none of that number. Who followed a store
  // until that change knows by it whether this is still the same history.
  [[nodiscard]] Result<std::string> mark(std::int64_t change);

  [[nodiscard]] Result<std::vector<AuditEntry>> audit(std::string_view key, std::int64_t limit);
  [[nodiscard]] Result<std::vector<OutboxEntry>> outbox(std::int64_t after, std::int64_t limit);
  [[nodiscard]] Result<Repeatable> repeatable(std::string_view id);

 protected:
  Store& store_;
  std::unique_ptr<Connection> connection_;
};

// The one that may write now. Everything that was not committed is undone at its end.
class Writer final : public Reader {
 public:
  // `who` and `now` stand in the audit rows.
  Writer(Store& store, std::unique_ptr<Connection> connection, std::int64_t last, std::string who,
         WallTime now)
      : Reader(store, std::move(connection)), last_(last), who_(std::move(who)), now_(now) {}
  ~Writer() override;

  // Each sets `version` and `modified` and writes the change and the audit row with `before` and
  // `after` (JSON; before is empty for what is new). Counts of numbers are kept by the store.
  [[nodiscard]] Status put_account(AccountRecord& account, std::string_view before,
                                   std::string_view after);
  // kConflict while it has numbers.
  [[nodiscard]] Status delete_account(const AccountRecord& account, std::string_view before);
  struct NumberWrite {
    NumberRecord record;
    std::optional<NumberRecord> before;
    std::string before_json, after_json;
  };
  // All of one account, which must exist; none twice.
  [[nodiscard]] Status put_numbers(std::span<NumberWrite> writes);
  // `before` of each is set.
  [[nodiscard]] Status delete_numbers(std::span<const NumberWrite> writes);
  [[nodiscard]] Status put_request_for_information(RequestForInformation& rfi,
                                                   std::string_view before, std::string_view after);
  // What a backend client fills: no change, no audit.
  [[nodiscard]] Status put_civic_address(const CivicAddress& address);
  [[nodiscard]] Status put_capability_plan(const CapabilityPlan& plan);
  [[nodiscard]] Status put_number_capabilities(const NumberCapabilities& capabilities);

  [[nodiscard]] Status add_outbox(std::span<const OutboxEntry> entries);
  [[nodiscard]] Status keep_repeatable(const Repeatable& answer);
  [[nodiscard]] Status drop_repeatable_before(WallTime at);
  // Forgets all changes but the newest `keep`.
  [[nodiscard]] Status trim_changes(std::int64_t keep);

  [[nodiscard]] std::int64_t last() const { return last_; }
  [[nodiscard]] WallTime now() const { return now_; }
  // Not to be used afterwards. An Error kUnavailable may mean that it was committed all the same:
  // the server was lost while it answered.
  [[nodiscard]] Status commit();

 private:
  struct Logged {
    ChangeKind kind;
    std::string_view key, what, before, after;
  };
  [[nodiscard]] Status log(std::span<const Logged> changes);  // numbered from last_ + 1
  [[nodiscard]] Status add_counts(std::string_view account, std::span<const NumberWrite> writes,
                                  bool added);

  std::int64_t last_;
  bool counted_ = false;
  std::string who_;
  WallTime now_;
};

class Store {
 public:
  struct Options {
    std::size_t connections = 8;  // at most, in use at one time
  };
  // `locator`: the path of a file, or "postgresql://..." or "host=... dbname=...". Creates and
  // migrates.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& locator,
                                                           Options options);
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& locator) {
    return open(locator, Options{});
  }
  [[nodiscard]] static bool is_postgres(std::string_view locator);
  ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] Result<std::unique_ptr<Reader>> read();
  [[nodiscard]] Result<std::unique_ptr<Writer>> write(std::string who, WallTime now);
  [[nodiscard]] Engine engine() const { return engine_; }

 private:
  friend class Reader;
  friend class Writer;
  Store(std::string locator, Engine engine, Options options)
      : locator_(std::move(locator)), engine_(engine), options_(options) {}
  [[nodiscard]] Result<std::unique_ptr<Connection>> connect();
  // A connection in a transaction begun by `begin`, once more on a new one when the old was gone.
  [[nodiscard]] Result<std::unique_ptr<Connection>> begin(std::string_view begin);
  [[nodiscard]] Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);

  const std::string locator_;
  const Engine engine_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t in_use_ = 0;
  std::timed_mutex writing_;  // writers of this process queue here, not at the engine
};

}  // namespace causeway::store
