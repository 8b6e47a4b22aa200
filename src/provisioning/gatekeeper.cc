#include "provisioning/gatekeeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace causeway::provisioning {
namespace {

std::string_view role_of(Right right) {
  switch (right) {
    case Right::kRead: return "ProvisioningAPI.Read";
    case Right::kWrite: return "ProvisioningAPI.Write";
    case Right::kDelete: return "ProvisioningAPI.Delete";
  }
  return "";
}

// The role of a program, or the same of a person who uses the portal.
bool has_right(const std::vector<std::string>& roles, Right right) {
  const std::string role(role_of(right));
  return std::any_of(roles.begin(), roles.end(), [&](const std::string& r) {
    return r == role || r == role + "User" || r == "ProvisioningAPI.Admin" ||
           r == "ProvisioningAPI.AdminUser";
  });
}

constexpr std::string_view kRealm = "Bearer realm=\"provisioning\"";

}  // namespace

std::int64_t MinuteRate::take(WallTime now) {
  if (per_minute_ == 0) return 0;
  constexpr std::int64_t kMinute = 60'000'000;
  const std::int64_t each = kMinute / per_minute_;
  const std::int64_t full_at = std::max(full_at_, now.micros) + each;
  // A clock that was set back must not shut the door for longer than a minute.
  if (full_at > now.micros + 2 * kMinute) full_at_ = now.micros + kMinute;
  if (full_at > now.micros + kMinute)
    return std::max<std::int64_t>(1, (full_at - now.micros - kMinute + 999'999) / 1'000'000);
  full_at_ = full_at;
  return 0;
}

bool Gatekeeper::may_connect(const IpAddress& source) const {
  return options_.sources.empty() ||
         std::any_of(options_.sources.begin(), options_.sources.end(),
                     [&](const Prefix& p) { return p.contains(source); });
}

Result<Claims> Gatekeeper::claims_of(const Request& request, WallTime now) {
  const std::string* header = request.header("authorization");
  if (header == nullptr) return fail(ErrorCode::kNotFound, "no token");
  constexpr std::string_view kScheme = "bearer ";
  std::string scheme = header->substr(0, kScheme.size());
  for (char& c : scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (scheme != kScheme) return fail(ErrorCode::kNotFound, "no bearer token");
  if (std::count_if(request.headers.begin(), request.headers.end(),
                    [](const auto& h) { return h.first == "authorization"; }) > 1)
    return fail(ErrorCode::kMalformed, "two tokens");
  const std::string_view token = std::string_view(*header).substr(kScheme.size());
  const auto kid = token_key(token);
  if (!kid) return tl::unexpected(kid.error());
  const auto keys = keys_.get(*kid, now);
  if (!keys) return tl::unexpected(keys.error());
  return verify_token(token, **keys, options_.token, now);
}

Response Gatekeeper::handle(const Request& request, WallTime now) {
  const auto refused = [&](Problem p, std::string challenge) {
    Response r = Api::refusal(request, p);
    if (!challenge.empty()) r.set("WWW-Authenticate", std::move(challenge));
    return r;
  };
  if (!may_connect(request.source)) return refused({403, "Forbidden", "not from here", {}, {}}, {});
  const auto claims = claims_of(request, now);
  if (!claims) {
    if (claims.error().code == ErrorCode::kUnavailable)
      return refused(
          {503, "ServiceUnavailable", "tokens cannot be verified at the moment: try again", {}, {}},
          {});
    const bool none = claims.error().code == ErrorCode::kNotFound;
    if (!none)
      log::info("provisioning: a token from {} is refused: {}", request.source.to_string(),
                claims.error().what);
    return refused({401, "Unauthorized", "a valid bearer token is needed", {}, {}},
                   none ? std::string(kRealm) : fmt::format("{}, error=\"invalid_token\"", kRealm));
  }
  const Right right = Api::right_of(request);
  if (!has_right(claims->roles, right))
    return refused(
        {403,
         "Forbidden",
         fmt::format("the token does not have the role {}", role_of(right)),
         {},
         {}},
        fmt::format("{}, error=\"insufficient_scope\", scope=\"{}\"", kRealm, role_of(right)));
  std::int64_t wait = 0;
  {
    const std::scoped_lock lock(mutex_);
    wait = rate_.take(now);
  }
  if (wait > 0) {
    Response r = refused({429,
                          "TooManyRequests",
                          fmt::format("more than {} requests a minute: wait {} s",
                                      options_.requests_per_minute, wait),
                          {},
                          {}},
                         {});
    r.set("Retry-After", std::to_string(wait));
    return r;
  }
  return api_.handle(request, Caller{claims->caller}, now);
}

}  // namespace causeway::provisioning
