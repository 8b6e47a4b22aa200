#include "transport/source_guard.h"

#include <algorithm>

namespace causeway::transport {
namespace {
constexpr Seconds kMinute{60};
constexpr Millis kSweep{100};
}  // namespace

Hash128 SourceGuard::key(const IpAddress& a) const {
  const auto& b = a.bytes();
  return KeyedHasher(key_)
      .add(std::string_view(reinterpret_cast<const char*>(b.data()), b.size()))
      .add(std::uint64_t{a.is_v6()})
      .finish();
}

// Null: there is no room, and nobody in it could be forgotten.
SourceGuard::Entry* SourceGuard::entry(const IpAddress& source, Instant now) {
  const Hash128 k = key(source);
  if (Entry* known = all_.find(k)) return known;
  if (all_.size() >= kMost && now - swept_ < kSweep) return nullptr;
  if (all_.size() >= kMost) {
    swept_ = now;
    std::vector<Hash128> over;
    all_.for_each([&](const Hash128& h, const Entry& e) {
      if (now - e.minute >= kMinute && e.limited_until <= now && e.banned_until <= now)
        over.push_back(h);
    });
    for (const Hash128& h : over) all_.erase(h);
    if (all_.size() >= kMost) return nullptr;
  }
  Entry fresh;
  fresh.source = source;
  fresh.minute = now;
  all_.insert(k, std::move(fresh));
  return all_.find(k);
}

bool SourceGuard::offence(const IpAddress& source, Instant now) {
  if (settings_.offences_per_minute == 0) return false;
  Entry* const e = entry(source, now);
  if (!e) return false;
  if (now - e->minute >= kMinute) {
    e->minute = now;
    e->offences = 0;
  }
  if (++e->offences <= settings_.offences_per_minute) return false;
  e->limited_until = now + kMinute;
  e->offences = 0;
  return true;
}

Instant SourceGuard::ban_until(const IpAddress& source, std::string reason, Instant until,
                               Instant now) {
  Entry* const e = entry(source, now);
  if (!e) return now;
  e->banned_until = until;
  e->reason = std::move(reason);
  return until;
}

bool SourceGuard::unban(const IpAddress& source, Instant now) {
  const Hash128 k = key(source);
  const Entry* e = all_.find(k);
  const bool banned = e && e->banned_until > now;
  all_.erase(k);
  return banned;
}

std::vector<Ban> SourceGuard::bans(Instant now) const {
  std::vector<Ban> out;
  all_.for_each([&](const Hash128&, const Entry& e) {
    if (e.banned_until > now) out.push_back({e.source, e.reason, e.banned_until});
  });
  std::sort(out.begin(), out.end(), [](const Ban& a, const Ban& b) { return a.until < b.until; });
  return out;
}

}  // namespace causeway::transport
