// A TTL cache in front of any Resolver: answers and "does not exist" by their TTL, one question at
// a time per name, and the last good answer when the name servers are silent (RFC 8767).
// On the shard's thread; the inner resolver and the timers outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "dns/resolver.h"
#include "reactor/reactor.h"

namespace causeway::dns {

struct CacheOptions {
  std::size_t max_entries = 4096;  // the least recently asked for leaves first
  std::size_t max_waiters = 4096;  // clients waiting for one name; more get kUnavailable
  Seconds min_ttl{1};              // a TTL of 0 would mean one question per call
  Seconds max_ttl{86'400};
  Seconds min_negative_ttl{1};
  Seconds max_negative_ttl{300};
  Seconds max_stale{86'400};  // how long after its TTL a record may be served; 0: never
  Millis stale_after{1'500};  // a question open for so long is answered from the past
  Seconds stale_hold{5};      // after a failure: from the past at once, without a question
};

struct CacheCounters {
  std::uint64_t hits = 0, misses = 0, stale = 0, failures = 0, evicted = 0;
};

class Cache final : public Resolver, private ResolverClient, private reactor::TimerTarget {
 public:
  Cache(Resolver& inner, reactor::Reactor& reactor, CacheOptions options = {});
  ~Cache() override;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // A hit answers from inside the call.
  void query(std::string_view name, RecordType type, ResolverClient& client,
             std::uint64_t token) override;
  void cancel(ResolverClient& client) override;

  [[nodiscard]] const CacheCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void clear();  // forgets every answer; open questions go on

 private:
  struct Key {
    std::string name;
    RecordType type;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& k) const noexcept {
      return std::hash<std::string>{}(k.name) * 31 + static_cast<std::size_t>(k.type);
    }
  };
  struct Entry {
    Key key;
    Answer answer;
    Instant stored{}, expires{};
    Instant hold_until{};  // the last refresh failed: not asked again before
  };
  struct Waiter {
    ResolverClient* client;
    std::uint64_t token;
  };
  struct Question {
    Key key;
    std::vector<Waiter> waiters;
    reactor::TimerId stale_timer;
  };
  using Entries = std::list<Entry>;  // most recently used first

  void on_answer(std::uint64_t question, const Result<Answer>& answer) override;
  void on_timer(std::uint64_t question, Instant now) override;

  Entry* find(const Key& key);
  [[nodiscard]] bool usable_stale(const Entry& entry, Instant now) const;
  [[nodiscard]] Answer remaining(const Entry& entry, Instant now) const;
  [[nodiscard]] Answer stale(const Entry& entry) const;
  void store(const Key& key, const Answer& answer);
  void answer_all(std::vector<Waiter>& waiters, const Result<Answer>& answer);

  // borrowed
  Resolver& inner_;
  reactor::Reactor& reactor_;
  // state
  const CacheOptions options_;
  Entries entries_;
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
  std::unordered_map<Key, std::uint64_t, KeyHash> asking_;
  std::unordered_map<std::uint64_t, Question> questions_;
  std::vector<std::vector<Waiter>*> answering_;  // lists being walked: cancel() reaches them too
  std::uint64_t next_question_ = 1;
  CacheCounters counters_;
};

}  // namespace causeway::dns
