// A token bucket as one number, the theoretical arrival time of the generic cell rate algorithm
// (ITU-T I.371): when the bucket will be full again. Pure functions, and one that threads share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace causeway {

struct Rate {
  std::uint32_t per_second = 0;  // 0: no bound
  std::uint32_t burst = 0;       // at once after a quiet time; 0: those of one second
};

// Nanoseconds, so that no rate up to a million is rounded to another.
struct BucketTime {
  std::int64_t full_at = 0;
};

namespace detail {
struct Cell {
  std::int64_t now, each, tolerance;
  Cell(const Rate& r, Instant at)
      : now(std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count()),
        each(1'000'000'000 / std::max(1U, r.per_second)),
        tolerance(each * (std::int64_t{r.burst != 0 ? r.burst : std::max(1U, r.per_second)} - 1)) {}
};
}  // namespace detail

struct Taken {
  bool ok = false;
  BucketTime bucket;  // afterwards, in either case
};

[[nodiscard]] inline Taken take(BucketTime bucket, const Rate& rate, Instant now) {
  if (rate.per_second == 0) return {true, bucket};
  const detail::Cell c(rate, now);
  if (bucket.full_at <= c.now + c.tolerance)
    return {true, {std::max(bucket.full_at, c.now) + c.each}};
  // A debt under another rate, from before a reload, is not paid at this one.
  return {false, {std::min(bucket.full_at, c.now + c.tolerance + c.each)}};
}

// Taken though there may be none: what cannot be refused counts, but leaves no debt to others.
[[nodiscard]] inline BucketTime take_anyway(BucketTime bucket, const Rate& rate, Instant now) {
  if (rate.per_second == 0) return bucket;
  const detail::Cell c(rate, now);
  return {std::min(std::max(bucket.full_at, c.now) + c.each, c.now + c.tolerance + c.each)};
}

[[nodiscard]] inline bool is_full(BucketTime bucket, Instant now) {
  return bucket.full_at <= detail::Cell({}, now).now;
}

// Shared by threads.
class TokenBucket {
 public:
  // False: there was none.
  [[nodiscard]] bool take(const Rate& rate, Instant now) {
    if (rate.per_second == 0) return true;
    std::int64_t seen = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const Taken t = causeway::take({seen}, rate, now);
      if (!t.ok && t.bucket.full_at == seen) return false;
      if (full_at_.compare_exchange_weak(seen, t.bucket.full_at, std::memory_order_relaxed))
        return t.ok;
    }
  }
  void take_anyway(const Rate& rate, Instant now) {
    if (rate.per_second == 0) return;
    std::int64_t seen = full_at_.load(std::memory_order_relaxed);
    while (!full_at_.compare_exchange_weak(seen, causeway::take_anyway({seen}, rate, now).full_at,
                                           std::memory_order_relaxed)) {
    }
  }
  // One that was taken in vain.
  void give_back(const Rate& rate) {
    if (rate.per_second != 0)
      full_at_.fetch_sub(detail::Cell(rate, {}).each, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> full_at_{0};
};

}  // namespace causeway
