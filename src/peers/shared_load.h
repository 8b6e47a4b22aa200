// Calls in progress and their rates, of the whole process, of each peer group and of each peer:
// shared by all shards. Kept by name, so that a reload that reorders them changes nothing. Any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/token_bucket.h"

namespace causeway::peers {

class SharedLoad {
 public:
  struct Counter {
    std::atomic<std::uint32_t> calls{0};
    TokenBucket rate;
    [[nodiscard]] std::uint32_t now() const { return calls.load(std::memory_order_relaxed); }
    // False: there are `most` already. `most` 0: as many as there are.
    [[nodiscard]] bool begin(std::uint32_t most);
  };
  [[nodiscard]] Counter& all() { return all_; }
  // Made on first use; live as long as the process. Shards ask once per reload and keep the
  // pointers.
  [[nodiscard]] Counter& group(const std::string& name) { return named(groups_, name); }
  [[nodiscard]] Counter& peer(const std::string& name) { return named(peers_, name); }

 private:
  using Named = std::unordered_map<std::string, std::unique_ptr<Counter>>;
  [[nodiscard]] Counter& named(Named& all, const std::string& name);

  Counter all_;
  std::mutex mutex_;  // guards the maps, not the counters
  Named groups_, peers_;
};

// One side of a call in progress: while it lives, its counters count it.
class Counted {
 public:
  Counted() = default;
  ~Counted() { reset(); }
  Counted(Counted&& o) noexcept : in_(std::exchange(o.in_, {})) {}
  Counted& operator=(Counted&& o) noexcept {
    if (this != &o) {
      reset();
      in_ = std::exchange(o.in_, {});
    }
    return *this;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  // False, and not counted there: it has `most` already.
  [[nodiscard]] bool add(SharedLoad::Counter& c, std::uint32_t most);
  void add(SharedLoad::Counter& c) { (void)add(c, 0); }
  void reset();

 private:
  std::array<SharedLoad::Counter*, 3> in_{};  // process, group, peer
};

}  // namespace causeway::peers
