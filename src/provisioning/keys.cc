#include "provisioning/keys.h"

#include "base/log.h"
#include "provisioning/json.h"

namespace causeway::provisioning {

Result<std::shared_ptr<const KeySet>> Keys::fetch_all() {
  std::string base = issuer_;
  while (base.ends_with('/')) base.pop_back();
  const auto text = fetch_(base + "/.well-known/openid-configuration");
  if (!text) return tl::unexpected(text.error());
  const auto j = parse_json(*text);
  const auto member = [&](std::string_view name) {
    const Json* v = j ? j->find(name) : nullptr;
    return v != nullptr && v->text() != nullptr ? *v->text() : std::string();
  };
  if (member("issuer") != issuer_)
    return fail(ErrorCode::kConfiguration, "the discovery document names another issuer");
  const std::string url = member("jwks_uri");
  if (!is_fetchable(url)) return fail(ErrorCode::kConfiguration, "its jwks_uri is no https URL");
  const auto jwks = fetch_(url);
  if (!jwks) return tl::unexpected(jwks.error());
  return KeySet::parse(*jwks);
}

Result<std::shared_ptr<const KeySet>> Keys::get(std::string_view kid, WallTime now) {
  const std::int64_t seconds = now.micros / 1'000'000;
  const auto usable = [&] {
    return keys_ && seconds - fetched_ < kFresh && (kid.empty() || keys_->has(kid));
  };
  {
    const std::scoped_lock lock(mutex_);
    if (usable()) return keys_;
  }
  const std::scoped_lock one_at_a_time(fetching_);
  {
    const std::scoped_lock lock(mutex_);
    const bool good = keys_ && seconds - fetched_ < kGood;
    if (usable()) return keys_;
    // A made-up key must not make us ask the issuer with every request.
    if (seconds - tried_ < kBetween) {
      if (good) return keys_;
      return fail(ErrorCode::kUnavailable, "the keys of the issuer cannot be had");
    }
    tried_ = seconds;
  }
  auto fetched = fetch_all();
  const std::scoped_lock lock(mutex_);
  if (fetched) {
    keys_ = *fetched;
    fetched_ = seconds;
    return keys_;
  }
  log::warning("provisioning: the keys of {} cannot be had: {}", issuer_, fetched.error().what);
  if (keys_ && seconds - fetched_ < kGood) return keys_;
  return fail(ErrorCode::kUnavailable, "the keys of the issuer cannot be had");
}

}  // namespace causeway::provisioning
