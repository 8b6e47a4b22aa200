// The only file that sees cjose and jansson.
#include "provisioning/token.h"

#include <cjose/cjose.h>
#include <fmt/format.h>

#include <algorithm>

#include "provisioning/json.h"

namespace causeway::provisioning {
namespace {

struct ReleaseKey {
  void operator()(cjose_jwk_t* k) const { cjose_jwk_release(k); }
};
struct ReleaseJws {
  void operator()(cjose_jws_t* j) const { cjose_jws_release(j); }
};
using Jws = std::unique_ptr<cjose_jws_t, ReleaseJws>;

std::string member(const Json& j, std::string_view name) {
  const Json* v = j.find(name);
  return v != nullptr && v->text() != nullptr ? *v->text() : std::string();
}

struct Header {
  Jws jws;
  std::string algorithm, kid;
};

Result<Header> opened(std::string_view token) {
  if (token.size() > kMaxToken || std::count(token.begin(), token.end(), '.') != 2)
    return fail(ErrorCode::kMalformed, "no JWT in the compact form");
  cjose_err err{};
  Header h{Jws(cjose_jws_import(token.data(), token.size(), &err)), {}, {}};
  if (!h.jws) return fail(ErrorCode::kMalformed, "no JWT");
  cjose_header_t* header = cjose_jws_get_protected(h.jws.get());
  const auto get = [&](const char* name) {
    cjose_err e{};
    const char* v = header == nullptr ? nullptr : cjose_header_get(header, name, &e);
    return std::string(v == nullptr ? "" : v);
  };
  h.algorithm = get("alg");
  h.kid = get("kid");
  if (h.algorithm != "RS256" && h.algorithm != "ES256")
    return fail(ErrorCode::kMalformed, "its algorithm is neither RS256 nor ES256");
  // What must be understood and is not, is refused (RFC 7515 4.1.11); `b64` lives there, too.
  if (char* crit = cjose_header_get_raw(header, "crit", &err); crit != nullptr) {
    cjose_get_dealloc()(crit);
    return fail(ErrorCode::kMalformed, "its header has `crit`");
  }
  return h;
}

}  // namespace

struct KeySet::Impl {
  struct Key {
    std::unique_ptr<cjose_jwk_t, ReleaseKey> key;
    std::string kid, algorithm;
  };
  std::vector<Key> keys;
};

KeySet::KeySet() : impl_(std::make_unique<Impl>()) {}
KeySet::~KeySet() = default;

bool KeySet::has(std::string_view kid) const {
  return std::any_of(impl_->keys.begin(), impl_->keys.end(),
                     [&](const Impl::Key& k) { return k.kid == kid; });
}
std::size_t KeySet::size() const { return impl_->keys.size(); }

Result<std::shared_ptr<const KeySet>> KeySet::parse(std::string_view jwks) {
  const auto j = parse_json(jwks);
  const Json* list = j ? j->find("keys") : nullptr;
  if (list == nullptr || list->items() == nullptr)
    return fail(ErrorCode::kMalformed, "the issuer's keys are no JSON Web Key Set");
  std::shared_ptr<KeySet> out(new KeySet());
  for (const Json& one : *list->items()) {
    if (out->impl_->keys.size() >= kMaxKeys) break;
    const std::string kty = member(one, "kty"), use = member(one, "use");
    if (!use.empty() && use != "sig") continue;
    const std::string algorithm = kty == "RSA" ? "RS256" : kty == "EC" ? "ES256" : "";
    if (algorithm.empty()) continue;
    if (const std::string alg = member(one, "alg"); !alg.empty() && alg != algorithm) continue;
    if (kty == "EC" && member(one, "crv") != "P-256") continue;
    if (kty == "RSA" && member(one, "n").size() < 342) continue;  // 2,048 bits
    // The public members alone: x5c and the like are no business of the library.
    Json plain = Json::object();
    for (const char* name : {"kty", "kid", "n", "e", "crv", "x", "y"})
      if (const std::string v = member(one, name); !v.empty()) plain[name] = v;
    const std::string text = plain.write();
    cjose_err err{};
    Impl::Key key{
        std::unique_ptr<cjose_jwk_t, ReleaseKey>(cjose_jwk_import(text.data(), text.size(), &err)),
        member(one, "kid"), algorithm};
    if (key.key) out->impl_->keys.push_back(std::move(key));
  }
  if (out->impl_->keys.empty())
    return fail(ErrorCode::kMalformed, "the issuer has no key for RS256 or ES256");
  return std::shared_ptr<const KeySet>(std::move(out));
}

Result<std::string> token_key(std::string_view token) {
  auto h = opened(token);
  if (!h) return tl::unexpected(h.error());
  return h->kid;
}

namespace {

Result<std::string> verified_payload(std::string_view token, const KeySet& keys) {
  auto h = opened(token);
  if (!h) return tl::unexpected(h.error());
  for (const auto& k : keys.impl().keys) {
    if (k.algorithm != h->algorithm || (!h->kid.empty() && k.kid != h->kid)) continue;
    cjose_err err{};
    if (!cjose_jws_verify(h->jws.get(), k.key.get(), &err)) continue;
    std::uint8_t* text = nullptr;
    std::size_t size = 0;
    if (!cjose_jws_get_plaintext(h->jws.get(), &text, &size, &err)) break;
    return std::string(reinterpret_cast<const char*>(text), size);
  }
  return fail(ErrorCode::kForbidden, "no key of the issuer made its signature");
}

bool in_audience(const Json* aud, const std::vector<std::string>& wanted) {
  if (aud == nullptr) return false;
  const auto is = [&](const Json& v) {
    return v.text() != nullptr &&
           std::find(wanted.begin(), wanted.end(), *v.text()) != wanted.end();
  };
  if (const Json::Array* list = aud->items()) return std::any_of(list->begin(), list->end(), is);
  return is(*aud);
}

}  // namespace

Result<Claims> verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                            WallTime now) {
  const auto payload = verified_payload(token, keys);
  if (!payload) return tl::unexpected(payload.error());
  const auto no = [](std::string why) { return fail(ErrorCode::kForbidden, std::move(why)); };
  const auto j = parse_json(*payload);
  if (!j || j->members() == nullptr) return no("its claims are no JSON object");
  if (member(*j, "iss") != rules.issuer) return no("iss is another issuer");
  if (!in_audience(j->find("aud"), rules.audiences)) return no("aud is another audience");
  if (!rules.tenant.empty() && member(*j, "tid") != rules.tenant)
    return no("tid is another tenant");
  const std::int64_t seconds = now.micros / 1'000'000;
  const Json* exp = j->find("exp");
  if (exp == nullptr || exp->integer() == nullptr) return no("exp is missing");
  if (*exp->integer() + rules.skew_seconds <= seconds) return no("it has expired");
  if (const Json* nbf = j->find("nbf")) {
    if (nbf->integer() == nullptr) return no("nbf is no time");
    if (*nbf->integer() - rules.skew_seconds > seconds) return no("it is not valid yet");
  }
  Claims out;
  for (const char* name : {"azp", "appid", "sub", "oid"})
    if (out.caller.empty()) out.caller = member(*j, name).substr(0, 200);
  if (const Json* roles = j->find("roles"); roles != nullptr && roles->items() != nullptr)
    for (const Json& r : *roles->items())
      if (r.text() != nullptr) out.roles.push_back(*r.text());
  return out;
}

}  // namespace causeway::provisioning
