// The directory of the process: follows the store on a thread of its own, keeps the last good state
// in a local file on another, and hands every state to the shards. Calls go on by what is known
// while the store is away. Public functions on any thread, in the order in which they stand here.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/directory_follower.h"
#include "base/time.h"
#include "directory/snapshot_file.h"

namespace causeway::app {

struct DirectoryStatus {
  enum class Source : std::uint8_t { kNothing, kStore, kFile };
  bool follows = false;  // a store is configured
  Source source = Source::kNothing;
  std::size_t numbers = 0, accounts = 0, bytes = 0;
  std::int64_t last_change = 0;
  std::optional<double> age;         // s since the store said so; none: it never did
  std::optional<double> store_seen;  // s since this process reached it
  std::string trouble;               // why the store is not reached; empty: it is
  std::string file_trouble;          // of the latest writing, and of reading at the start
};

class DirectoryService {
 public:
  struct Options {
    std::string store;  // locator; empty: nothing is followed
    std::string file;
    std::function<WallTime()> wall;
    std::chrono::milliseconds poll{200}, retry_least{200}, retry_most{5'000};
    // How long changes are collected before the file is written. A file that takes long is written
    // so seldom that a twentieth of the time goes there.
    std::chrono::milliseconds settle{5'000};
  };
  // To every shard; false: to do again.
  using Deliver = std::function<bool(const directory::DirectoryPtr&)>;

  // Reads the file, then begins to follow.
  explicit DirectoryService(Options options);
  ~DirectoryService() { stop(); }
  DirectoryService(const DirectoryService&) = delete;
  DirectoryService& operator=(const DirectoryService&) = delete;

  // Until the store was read or cannot be, or the file was good.
  void wait_for_first(std::chrono::milliseconds at_most);
  // What is known now, which the shards begin with; from then on `deliver` gets all that follows.
  [[nodiscard]] directory::DirectoryPtr current() const;
  void deliver_to(Deliver deliver, const directory::DirectoryPtr& begun_with);
  [[nodiscard]] DirectoryStatus status() const;
  // Delivers no more, and writes what the file lacks.
  void stop();

  // States that a shard may still hold. Their last references are dropped here: to free a large
  // directory takes longer than a shard has.
  static constexpr std::size_t kMaxHeld = 32;
  // The file is written this often without a change, so that it tells how old it is.
  static constexpr std::chrono::hours kRefresh{1};

 private:
  using Steady = std::chrono::steady_clock;
  void read_file();
  void follow();
  void say(const Status& looked);
  void publish(const directory::DirectoryPtr& directory);
  void deliver();
  void keep_file();
  [[nodiscard]] std::optional<Steady::time_point> file_due() const;  // holding mutex_
  void write_file(std::unique_lock<std::mutex>& lock);

  const Options options_;
  std::unique_ptr<DirectoryFollower> follower_;  // of the following thread, once it runs

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable news_;
  directory::DirectoryPtr current_ = directory::Directory::none();
  std::string mark_;
  DirectoryStatus::Source source_ = DirectoryStatus::Source::kNothing;
  WallTime agreed_{};  // with the store; 0: never
  std::optional<Steady::time_point> seen_;
  std::string trouble_, file_trouble_;
  bool looked_ = false;  // at the store, once
  bool stopping_ = false;
  Deliver deliver_;
  std::uint64_t version_ = 1, delivered_ = 0;  // of current_, of what all shards have
  std::vector<directory::DirectoryPtr> held_;  // what went to the shards and is not free yet
  // The file
  std::optional<Steady::time_point> written_;  // a good one, read or written
  std::optional<Steady::time_point> changed_;  // first change that the file lacks
  Steady::time_point not_before_{};

  std::mutex folding_;  // locked by who folds and by who writes the file
  std::thread following_, filing_;
};

}  // namespace causeway::app
