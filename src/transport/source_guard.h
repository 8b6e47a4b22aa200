// Who misbehaves: what a source sends that is malformed or of nobody is counted, and beyond a bound
// it is banned for a time, or, being a peer's own address, looked at before it is parsed. Known are
// offenders alone; bounded. One shard's thread; bans travel to the other shards by mail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "base/hash.h"
#include "base/net.h"
#include "base/time.h"

namespace causeway::transport {

struct Ban {
  IpAddress source;
  std::string reason;
  Instant until;
};

class SourceGuard {
 public:
  static constexpr std::size_t kMost = 16'384;

  struct Settings {
    std::uint32_t offences_per_minute = 60;  // 0: nobody is limited for them
    Seconds ban{3'600};
  };
  enum class Verdict : std::uint8_t { kPass, kLook, kBanned };

  explicit SourceGuard(const HashKey& key) : key_(key) {}
  void set(const Settings& settings) { settings_ = settings; }

  // Asked of everything that arrives. kLook: only what looks like SIP is worth parsing.
  [[nodiscard]] Verdict arriving(const IpAddress& source, Instant now) {
    if (all_.size() == 0) return Verdict::kPass;
    const Entry* e = all_.find(key(source));
    if (!e) return Verdict::kPass;
    if (e->banned_until > now) return Verdict::kBanned;
    return e->limited_until > now ? Verdict::kLook : Verdict::kPass;
  }
  // True: that was one too many.
  [[nodiscard]] bool offence(const IpAddress& source, Instant now);
  // Until when; for the record of the other shards.
  Instant ban(const IpAddress& source, std::string reason, Instant now) {
    return ban_until(source, std::move(reason), now + settings_.ban, now);
  }
  Instant ban_until(const IpAddress& source, std::string reason, Instant until, Instant now);
  // False: it was not banned. What else is held against it is forgotten, too.
  bool unban(const IpAddress& source, Instant now);
  [[nodiscard]] std::vector<Ban> bans(Instant now) const;

 private:
  struct Entry {
    IpAddress source;
    Instant minute{};  // began
    std::uint32_t offences = 0;
    Instant limited_until{}, banned_until{};
    std::string reason;
  };
  [[nodiscard]] Hash128 key(const IpAddress& a) const;
  Entry* entry(const IpAddress& source, Instant now);

  const HashKey key_;
  Settings settings_;
  FlatMap<Hash128, Entry, LowBits> all_;
  Instant swept_{};  // when it was looked who can be forgotten: that takes a while
};

}  // namespace causeway::transport
