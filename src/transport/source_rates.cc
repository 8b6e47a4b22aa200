#include "transport/source_rates.h"

#include <string_view>
#include <vector>

namespace causeway::transport {

// A full bucket is like one that was never there.
void SourceRates::sweep(Instant now) {
  if (now - swept_ < kSweep) return;
  swept_ = now;
  std::vector<Hash128> full;
  all_.for_each([&](const Hash128& k, const BucketTime& b) {
    if (is_full(b, now)) full.push_back(k);
  });
  for (const Hash128& k : full) all_.erase(k);
}

bool SourceRates::take(const IpAddress& source, Instant now, bool anyway) {
  if (!on()) return true;
  const auto& b = source.bytes();
  const Hash128 key = KeyedHasher(key_)
                          .add(std::string_view(reinterpret_cast<const char*>(b.data()), b.size()))
                          .add(std::uint64_t{source.is_v6()})
                          .finish();
  BucketTime* bucket = all_.find(key);
  if (!bucket) {
    if (all_.size() >= kMost) sweep(now);
    if (all_.size() >= kMost) return true;
    all_.insert(key, BucketTime{});
    bucket = all_.find(key);
  }
  if (anyway) return *bucket = causeway::take_anyway(*bucket, rate_, now), true;
  const Taken t = causeway::take(*bucket, rate_, now);
  *bucket = t.bucket;
  return t.ok;
}

}  // namespace causeway::transport
