// Response rate limiting: how much one source may make us send to it, since over UDP a source is
// whoever it says it is. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/net.h"
#include "base/token_bucket.h"

namespace causeway::nameserver {

class RateLimit {
 public:
  enum class Verdict : std::uint8_t { kAnswer, kTruncate, kDrop };
  // Sources are told apart by /24 and /56. `seed` decides which share a bucket when there are more
  // than kBuckets: not to be guessed.
  explicit RateLimit(std::uint64_t seed) : seed_(seed), buckets_(kBuckets) {}
  // Beyond the rate each `slip`-th is truncated, so that an honest resolver comes over TCP.
  [[nodiscard]] Verdict judge(const IpAddress& from, const Rate& rate, std::uint32_t slip,
                              Instant now);

  static constexpr std::size_t kBuckets = 16'384;

 private:
  struct Bucket {
    std::uint64_t prefix = 0;
    BucketTime time;
    std::uint32_t over = 0;
  };
  std::uint64_t seed_;
  std::vector<Bucket> buckets_;
};

}  // namespace causeway::nameserver
