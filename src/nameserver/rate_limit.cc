#include "nameserver/rate_limit.h"

namespace causeway::nameserver {
namespace {

std::uint64_t prefix_of(const IpAddress& a) {
  const int bytes = a.is_v6() ? 7 : 3;
  std::uint64_t out = a.is_v6() ? 6 : 4;
  for (int i = 0; i < bytes; ++i) out = out << 8U | a.bytes()[static_cast<std::size_t>(i)];
  return out;
}

// The finaliser of MurmurHash3.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 33U) * 0xff51afd7ed558ccdULL;
  x = (x ^ x >> 33U) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33U;
}

}  // namespace

RateLimit::Verdict RateLimit::judge(const IpAddress& from, const Rate& rate, std::uint32_t slip,
                                    Instant now) {
  if (rate.per_second == 0) return Verdict::kAnswer;
  const std::uint64_t prefix = prefix_of(from);
  Bucket& b = buckets_[mix(prefix ^ seed_) % kBuckets];
  // A bucket that is full owes its source nothing. One that is not stays with its source: another
  // one shares it for that time, and cannot wash it clean.
  if (b.prefix != prefix && is_full(b.time, now)) b = {prefix, {}, 0};
  const Taken t = take(b.time, rate, now);
  b.time = t.bucket;
  if (t.ok) return Verdict::kAnswer;
  ++b.over;
  return slip != 0 && b.over % slip == 0 ? Verdict::kTruncate : Verdict::kDrop;
}

}  // namespace causeway::nameserver
