// Which names of enterprises their service routes to, as calls have shown: kept over a restart. A
// name that is verified, whose token stands in the DNS, is not there before the enterprise has a
// licensed user in it, and up to a day later (TDR-27).
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "directory/directory.h"

namespace causeway::app {

struct Activation {
  std::string account;      // whose name it was then
  std::int64_t since = 0;   // s since 1970: the first call
  bool by_service = false;  // the service called us by it; else it took a call of ours under it
  friend bool operator==(const Activation&, const Activation&) = default;
};

class Activations {
 public:
  static constexpr std::size_t kMost = 50'000, kWaiting = 10'000;

  // A file that cannot be understood is an error: what was known would be lost.
  [[nodiscard]] static Result<std::map<std::string, Activation>> read(const std::string& path);
  [[nodiscard]] static Result<std::unique_ptr<Activations>> open(const std::string& path);

  // What a shard saw; any thread, never waits for a file. What is too much is seen again later.
  void saw(std::string_view name, std::string_view account, bool by_service, WallTime now);
  // On disk before it returns; one thread. Nothing is written where nothing is new. Names of
  // accounts that `known` has no more are forgotten; one that was never read from a store (or null)
  // says nothing of that.
  [[nodiscard]] Status keep(const directory::Directory* known);
  [[nodiscard]] std::size_t size() const { return count_; }  // any thread

 private:
  explicit Activations(std::string path) : path_(std::move(path)) {}
  struct Seen {
    std::string name;
    Activation what;
  };
  const std::string path_;
  std::map<std::string, Activation> names_;  // lower case
  std::atomic<std::size_t> count_ = 0;
  std::int64_t looked_at_ = 0;  // last change of the directory that names_ was compared with
  std::mutex mutex_;
  std::vector<Seen> waiting_;
};

}  // namespace causeway::app
