// Bearer tokens: JWTs of RS256 or ES256, verified against the keys of an issuer. Pure: the keys and
// the time are given. The library behind it (cjose) is seen by token.cc alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace causeway::provisioning {

// The signing keys of an issuer (RFC 7517). Immutable; any thread.
class KeySet {
 public:
  static constexpr std::size_t kMaxKeys = 32;
  // Keys that are not for RS256 or ES256, too short, or not for signatures are left out.
  [[nodiscard]] static Result<std::shared_ptr<const KeySet>> parse(std::string_view jwks);
  ~KeySet();
  KeySet(const KeySet&) = delete;
  KeySet& operator=(const KeySet&) = delete;
  [[nodiscard]] bool has(std::string_view kid) const;
  [[nodiscard]] std::size_t size() const;

  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  KeySet();
  std::unique_ptr<Impl> impl_;
};

struct TokenRules {
  std::string issuer;
  std::vector<std::string> audiences;  // one of them is in `aud`
  std::string tenant;                  // `tid`; empty: any
  std::int64_t skew_seconds = 60;
};

struct Claims {
  std::string caller;  // azp, appid, sub or oid: who it is in the audit
  std::vector<std::string> roles;
};

inline constexpr std::size_t kMaxToken = 16'384;

// The kid of its header, which says which key is wanted; empty: it names none. kMalformed: no JWT,
// or an algorithm that is not allowed.
[[nodiscard]] Result<std::string> token_key(std::string_view token);
// kForbidden with the reason, which is for the log and not for the caller.
[[nodiscard]] Result<Claims> verify_token(std::string_view token, const KeySet& keys,
                                          const TokenRules& rules, WallTime now);

}  // namespace causeway::provisioning
