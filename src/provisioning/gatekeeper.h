// Who may call the API, and how often: source, token, role, rate; then the API. A refusal says
// nothing of what exists. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/net.h"
#include "provisioning/api.h"
#include "provisioning/keys.h"

namespace causeway::provisioning {

// So many at once, and as many spread over each minute. Not shared without a lock.
class MinuteRate {
 public:
  explicit MinuteRate(std::uint32_t per_minute) : per_minute_(per_minute) {}
  // Seconds to wait; 0: take it.
  [[nodiscard]] std::int64_t take(WallTime now);

 private:
  std::uint32_t per_minute_;
  std::int64_t full_at_ = 0;  // microseconds: when nothing of the minute is used
};

class Gatekeeper {
 public:
  struct Options {
    TokenRules token;
    std::vector<Prefix> sources;              // empty: everyone
    std::uint32_t requests_per_minute = 100;  // of all callers together; 0: no bound
  };
  Gatekeeper(Api& api, Keys& keys, Options options)
      : api_(api), keys_(keys), options_(std::move(options)), rate_(options_.requests_per_minute) {}

  // Before anything is read from a connection.
  [[nodiscard]] bool may_connect(const IpAddress& source) const;
  [[nodiscard]] Response handle(const Request& request, WallTime now);

 private:
  [[nodiscard]] Result<Claims> claims_of(const Request& request, WallTime now);

  Api& api_;
  Keys& keys_;
  const Options options_;
  std::mutex mutex_;
  MinuteRate rate_;
};

}  // namespace causeway::provisioning
