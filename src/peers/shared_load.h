// Calls in progress and their rates, of the whole process, of each peer group and of each peer, and
// calls in progress of each service and account:
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
#include <vector>

#include "base/token_bucket.h"

namespace causeway::peers {

class SharedLoad {
 public:
  struct Counter {
    std::atomic<std::uint32_t> calls{0};
    std::atomic<std::uint64_t> begun{0}, refused{0};  // of services and accounts
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
  // Asked for with every call of theirs. Accounts that ever had one are as many as were
  // provisioned.
  [[nodiscard]] Counter& service(const std::string& name) { return named(services_, name); }
  [[nodiscard]] Counter& account(const std::string& name) { return named(accounts_, name); }

  struct Row {
    std::string name;
    std::uint32_t calls = 0;               // now
    std::uint64_t begun = 0, refused = 0;  // since the process began
  };
  // How the calls of a peer group went, since the process began: what its operator is to watch.
  struct Trunk {
    std::atomic<std::uint64_t> seizures{0}, effective{0}, brief{0}, lost{0}, poor{0};
  };
  [[nodiscard]] Trunk& trunk(const std::string& name);
  struct TrunkRow {
    std::string name;
    std::uint64_t seizures = 0;   // calls that ended, from it or towards it
    std::uint64_t effective = 0;  // answered, busy, unanswered or rejected by the person called
    std::uint64_t brief = 0;      // answered for less than ten seconds
    std::uint64_t lost = 0;       // answered, and ended by neither party
    std::uint64_t poor = 0;       // below a MOS of 3.1 on average, or heard one way alone
    [[nodiscard]] double effectiveness() const {
      return seizures == 0 ? 1.0 : static_cast<double>(effective) / static_cast<double>(seizures);
    }
  };
  [[nodiscard]] std::vector<TrunkRow> trunks() const;  // by name

  // By name. Of more accounts than `most`, those with most calls now, then with most ever.
  [[nodiscard]] std::vector<Row> services() const;
  [[nodiscard]] std::vector<Row> accounts(std::size_t most) const;

 private:
  using Named = std::unordered_map<std::string, std::unique_ptr<Counter>>;
  [[nodiscard]] Counter& named(Named& all, const std::string& name);
  [[nodiscard]] std::vector<Row> rows(const Named& all) const;

  Counter all_;
  mutable std::mutex mutex_;  // guards the maps, not the counters
  Named groups_, peers_, services_, accounts_;
  std::unordered_map<std::string, std::unique_ptr<Trunk>> trunks_;
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
