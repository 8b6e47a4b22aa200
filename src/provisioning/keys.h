// The keys of an OpenID issuer: discovered, kept, fetched again when they are old or a token names
// one that is not there. Any thread; the thread that finds them old waits for the fetch.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "provisioning/token.h"

namespace causeway::provisioning {

class Keys {
 public:
  using Fetch = std::function<Result<std::string>(const std::string& url)>;
  static constexpr std::int64_t kFresh = 3'600, kGood = 24 * 3'600, kBetween = 30;  // seconds

  Keys(std::string issuer, Fetch fetch) : issuer_(std::move(issuer)), fetch_(std::move(fetch)) {}

  // The keys to hold a token against that names `kid`. kUnavailable: there are none that are good.
  [[nodiscard]] Result<std::shared_ptr<const KeySet>> get(std::string_view kid, WallTime now);

 private:
  [[nodiscard]] Result<std::shared_ptr<const KeySet>> fetch_all();

  const std::string issuer_;
  const Fetch fetch_;
  std::mutex fetching_;  // before mutex_
  std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;
  std::int64_t fetched_ = 0, tried_ = -kBetween;
};

// GET over HTTPS (HTTP where the host is a loopback address): no redirect, 1 MiB, 10 s. The library
// behind it (libcurl) is seen by fetch.cc alone.
[[nodiscard]] Result<std::string> fetch_url(const std::string& url);
[[nodiscard]] bool is_fetchable(std::string_view url);

}  // namespace causeway::provisioning
