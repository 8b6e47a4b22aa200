// How many new requests a second each source address has sent: one bucket for each that sent any
// lately. Bounded. One shard's thread.
#pragma once

#include "base/flat_map.h"
#include "base/hash.h"
#include "base/net.h"
#include "base/token_bucket.h"

namespace causeway::transport {

class SourceRates {
 public:
  static constexpr std::size_t kMost = 16'384;
  static constexpr Millis kSweep{100};  // between two looks for what can be forgotten

  explicit SourceRates(const HashKey& key) : key_(key) {}
  void set(const Rate& rate) { rate_ = rate; }
  [[nodiscard]] bool on() const { return rate_.per_second != 0; }

  // One more. False: it is one too many. `anyway`: it counts, and is never too many. A source for
  // which there is no room is not bounded: what then comes together is for the overload control.
  [[nodiscard]] bool take(const IpAddress& source, Instant now, bool anyway);
  [[nodiscard]] std::size_t size() const { return all_.size(); }

 private:
  void sweep(Instant now);

  const HashKey key_;
  Rate rate_;
  FlatMap<Hash128, BucketTime, LowBits> all_;
  Instant swept_{};
};

}  // namespace causeway::transport
