#include "provisioning/token.h"

#include <gmock/gmock.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "../store/postgres_server.h"
#include "provisioning/gatekeeper.h"
#include "provisioning/keys.h"
#include "support/proves.h"

namespace causeway::provisioning {
namespace {

using ::testing::HasSubstr;

std::string base64url(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int n = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (n += 8; n >= 6; n -= 6) out += kDigits[bits >> (n - 6) & 63];
  }
  if (n > 0) out += kDigits[bits << (6 - n) & 63];
  return out;
}

std::string number_of(EVP_PKEY* key, const char* name, int size = 0) {
  BIGNUM* n = nullptr;
  EVP_PKEY_get_bn_param(key, name, &n);
  std::string out(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(n)), '\0');
  BN_bn2binpad(n, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  BN_free(n);
  return base64url(out);
}

// An issuer that signs what it is told to.
class Issuer {
 public:
  Issuer() : rsa_(EVP_RSA_gen(2048)), ec_(EVP_EC_gen("P-256")), small_(EVP_RSA_gen(1024)) {}
  ~Issuer() {
    EVP_PKEY_free(rsa_);
    EVP_PKEY_free(ec_);
    EVP_PKEY_free(small_);
  }
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;

  std::string jwks(const std::string& rsa_kid = "r") const {
    const auto rsa = [](EVP_PKEY* k, const std::string& kid) {
      return R"({"kty":"RSA","use":"sig","kid":")" + kid + R"(","n":")" + number_of(k, "n") +
             R"(","e":")" + number_of(k, "e") + "\"}";
    };
    return "{\"keys\":[" + rsa(rsa_, rsa_kid) + "," + rsa(small_, "small") +
           R"(,{"kty":"EC","crv":"P-256","kid":"e","x":")" + number_of(ec_, "qx", 32) +
           R"(","y":")" + number_of(ec_, "qy", 32) +
           R"("},{"kty":"oct","kid":"o","k":"c2VjcmV0"}]})";
  }
  std::string token(const std::string& header, const std::string& claims,
                    bool small = false) const {
    const std::string body = base64url(header) + "." + base64url(claims);
    const bool ec = header.find("ES256") != std::string::npos;
    EVP_PKEY* key = small ? small_ : ec ? ec_ : rsa_;
    EVP_MD_CTX* c = EVP_MD_CTX_new();
    std::size_t size = 512;
    std::string signature(size, '\0');
    auto* p = reinterpret_cast<unsigned char*>(signature.data());
    EVP_DigestSignInit(c, nullptr, EVP_sha256(), nullptr, key);
    EVP_DigestSign(c, p, &size, reinterpret_cast<const unsigned char*>(body.data()), body.size());
    EVP_MD_CTX_free(c);
    signature.resize(size);
    if (ec) {  // DER to r and s
      const auto* q = reinterpret_cast<const unsigned char*>(signature.data());
      ECDSA_SIG* s = d2i_ECDSA_SIG(nullptr, &q, static_cast<long>(size));
      std::string raw(64, '\0');
      BN_bn2binpad(ECDSA_SIG_get0_r(s), reinterpret_cast<unsigned char*>(raw.data()), 32);
      BN_bn2binpad(ECDSA_SIG_get0_s(s), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
      ECDSA_SIG_free(s);
      signature = raw;
    }
    return body + "." + base64url(signature);
  }

 private:
  EVP_PKEY *rsa_, *ec_, *small_;
};

const Issuer& issuer() {
  static const Issuer one;
  return one;
}

constexpr WallTime kNow{1'800'000'000'000'000};
constexpr const char* kRs = R"({"alg":"RS256","kid":"r"})";
constexpr const char* kEs = R"({"alg":"ES256","kid":"e"})";

std::string claims(const std::string& roles = R"("ProvisioningAPI.Read")",
                   const std::string& exp = "1800003600", const std::string& more = "") {
  return R"({"iss":"https://i","aud":"api","tid":"t","azp":"bss","nbf":1799999000,"exp":)" + exp +
         ",\"roles\":[" + roles + "]" + more + "}";
}
const TokenRules kRules{"https://i", {"other", "api"}, "t"};

std::string outcome(const std::string& token) {
  const auto keys = KeySet::parse(issuer().jwks());
  const auto c = verify_token(token, **keys, kRules, kNow);
  return c ? "good " + c->caller : c.error().what;
}

TEST(Token, OfRs256AndEs256IsGood) {
  PROVES("P2");
  EXPECT_EQ(outcome(issuer().token(kRs, claims())), "good bss");
  EXPECT_EQ(outcome(issuer().token(kEs, claims())), "good bss");
  EXPECT_EQ(outcome(issuer().token(R"({"alg":"RS256"})", claims())), "good bss");
}

TEST(Token, OfEveryBrokenKindIsRefused) {
  const std::string good = issuer().token(kRs, claims());
  const std::string head = good.substr(0, good.find('.')), signature = good.substr(good.rfind('.'));
  const std::pair<std::string, const char*> cases[] = {
      {"", "no JWT"},
      {"a.b", "no JWT"},
      {"a.b.c", "no JWT"},
      {std::string(20'000, 'a') + ".b.c", "no JWT"},
      {base64url(R"({"alg":"none"})") + "." + base64url(claims()) + ".", "neither RS256"},
      {issuer().token(R"({"alg":"none","kid":"r"})", claims()), "neither RS256"},
      {issuer().token(R"({"alg":"HS256","kid":"r"})", claims()), "neither RS256"},
      {issuer().token(R"({"alg":"RS384","kid":"r"})", claims()), "neither RS256"},
      {issuer().token(R"({"alg":"RS256","kid":"r","crit":["x"],"x":1})", claims()), "crit"},
      {issuer().token(R"({"alg":"RS256","kid":"small"})", claims(), true), "no key"},
      {issuer().token(R"({"alg":"RS256","kid":"nobody"})", claims()), "no key"},
      {issuer().token(R"({"alg":"RS256","kid":"e"})", claims()), "no key"},
      {head + "." + base64url(claims("\"ProvisioningAPI.Admin\"")) + signature, "no key"},
      {issuer().token(kRs, "[]"), "no JSON object"},
      {issuer().token(kRs, "{}"), "iss"},
      {issuer().token(kRs, R"({"iss":"https://j","aud":"api","tid":"t","exp":1800003600})"), "iss"},
      {issuer().token(kRs, R"({"iss":"https://i","aud":"x","tid":"t","exp":1800003600})"), "aud"},
      {issuer().token(kRs, R"({"iss":"https://i","aud":["x"],"tid":"t","exp":1800003600})"), "aud"},
      {issuer().token(kRs, R"({"iss":"https://i","tid":"t","exp":1800003600})"), "aud"},
      {issuer().token(kRs, R"({"iss":"https://i","aud":["api"],"tid":"u","exp":1800003600})"),
       "tid"},
      {issuer().token(kRs, R"({"iss":"https://i","aud":["x","api"],"tid":"t"})"), "exp is missing"},
      {issuer().token(kRs, claims("", "\"1800003600\"")), "exp is missing"},
      {issuer().token(kRs, claims("", "1799999940")), "expired"},
      {issuer().token(
           kRs, R"({"iss":"https://i","aud":"api","tid":"t","exp":1800003600,"nbf":1800000061})"),
       "not valid yet"},
  };
  for (const auto& [token, why] : cases)
    EXPECT_THAT(outcome(token), HasSubstr(why)) << token.substr(0, 80);
}

TEST(IssuerKeys, AreFetchedOnceAndAgainWhenATokenNamesAnother) {
  std::vector<std::string> urls;
  std::string kid = "r";
  bool away = false;
  Keys keys("https://i", [&](const std::string& url) -> Result<std::string> {
    urls.push_back(url);
    if (away) return fail(ErrorCode::kUnavailable, "away");
    if (url == "https://i/.well-known/openid-configuration")
      return std::string(R"({"issuer":"https://i","jwks_uri":"https://i/keys"})");
    return issuer().jwks(kid);
  });
  WallTime now = kNow;
  ASSERT_TRUE(keys.get("r", now));
  ASSERT_TRUE(keys.get("r", now));
  EXPECT_EQ(urls.size(), 2u);
  // A new key is found at once; a made-up one does not make us ask again and again.
  kid = "r2";
  now.micros += 31'000'000;
  EXPECT_TRUE((*keys.get("r2", now))->has("r2"));
  EXPECT_EQ(urls.size(), 4u);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE((*keys.get("made-up", now))->has("made-up"));
  EXPECT_EQ(urls.size(), 4u);
  // An issuer that is away is lived without for a day.
  away = true;
  now.micros += 3'601'000'000;
  EXPECT_TRUE(keys.get("r2", now));
  now.micros += 24 * 3'600'000'000LL;
  EXPECT_EQ(keys.get("r2", now).error().code, ErrorCode::kUnavailable);
}

TEST(IssuerKeys, OfAnotherIssuerOrOverPlainHttpAreNotTaken) {
  for (const char* document : {R"({"issuer":"https://j","jwks_uri":"https://i/keys"})",
                               R"({"issuer":"https://i","jwks_uri":"http://i/keys"})", "{}", "x"}) {
    Keys keys("https://i", [&](const std::string& url) -> Result<std::string> {
      return url.ends_with("keys") ? issuer().jwks() : std::string(document);
    });
    EXPECT_FALSE(keys.get("r", kNow)) << document;
  }
  EXPECT_FALSE(fetch_url("http://example.invalid/"));
  EXPECT_FALSE(fetch_url("file:///etc/passwd"));
}

class GatekeeperTest : public ::testing::Test {
 protected:
  GatekeeperTest() {
    auto s = store::Store::open(folder_ / "s.db");
    store_ = std::move(*s);
    api_ = std::make_unique<Api>(*store_, Api::Options{});
    limit(0);
  }
  void limit(std::uint32_t rate, std::vector<Prefix> sources = {}) {
    gate_ = std::make_unique<Gatekeeper>(*api_, keys_, Gatekeeper::Options{kRules, sources, rate});
  }
  Response call(const std::string& method, const std::string& path, const std::string& roles,
                WallTime now = kNow) {
    Request r{
        method, path + "?api-version=2024-02-29-preview", {}, "{}", *IpAddress::parse("192.0.2.7")};
    r.headers.emplace_back("content-type", "application/json");
    if (!roles.empty())
      r.headers.emplace_back("authorization", "Bearer " + issuer().token(kRs, claims(roles)));
    return gate_->handle(r, now);
  }
  static std::string role(const std::string& name) { return "\"ProvisioningAPI." + name + "\""; }

  testing::TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Api> api_;
  Keys keys_{"https://i", [](const std::string& url) -> Result<std::string> {
               if (url.ends_with("keys")) return issuer().jwks();
               return std::string(R"({"issuer":"https://i","jwks_uri":"https://i/keys"})");
             }};
  std::unique_ptr<Gatekeeper> gate_;
};

TEST_F(GatekeeperTest, EachRoleDoesItsPart) {
  PROVES("P3");
  const auto outcome_of = [&](const std::string& roles) {
    std::string out;
    for (const auto& [method, path] :
         {std::pair{"GET", "/accounts"}, std::pair{"PUT", "/accounts/a"},
          std::pair{"POST", "/accounts/a:getTeamsCapabilityPlans"},
          std::pair{"POST", "/accounts/a:createOrUpdateNumbers"},
          std::pair{"POST", "/accounts/a:deleteNumbers"}, std::pair{"DELETE", "/accounts/b"}})
      out += call(method, path, roles).status == 403 ? '-' : '+';
    return out;
  };
  EXPECT_EQ(outcome_of(role("Read")), "+-+---");
  EXPECT_EQ(outcome_of(role("ReadUser")), "+-+---");
  EXPECT_EQ(outcome_of(role("Write")), "-+-+--");
  EXPECT_EQ(outcome_of(role("WriteUser")), "-+-+--");
  EXPECT_EQ(outcome_of(role("Delete")), "----++");
  EXPECT_EQ(outcome_of(role("DeleteUser")), "----++");
  EXPECT_EQ(outcome_of(role("Admin")), "++++++");
  EXPECT_EQ(outcome_of(role("AdminUser")), "++++++");
  EXPECT_EQ(outcome_of("\"provisioningapi.admin\""), "------");
  EXPECT_EQ(outcome_of("\"\""), "------");
}

TEST_F(GatekeeperTest, ARefusalSaysNothingOfWhatExists) {
  call("PUT", "/accounts/a", role("Admin"));
  const Response there = call("GET", "/accounts/a", ""), none = call("GET", "/accounts/none", "");
  EXPECT_EQ(there.status, 401);
  EXPECT_EQ(there.body, none.body);
  EXPECT_EQ(*there.header("WWW-Authenticate"), "Bearer realm=\"provisioning\"");
  const Response f1 = call("GET", "/accounts/a", role("Write")),
                 f2 = call("GET", "/nothing", role("Write"));
  EXPECT_EQ(f1.status, 403);
  EXPECT_EQ(f1.body, f2.body);
  EXPECT_THAT(*f1.header("WWW-Authenticate"), HasSubstr("scope=\"ProvisioningAPI.Read\""));
  Request r{"GET", "/accounts", {{"authorization", "Bearer x.y.z"}}, "", {}};
  EXPECT_EQ(gate_->handle(r, kNow).status, 401);
  EXPECT_THAT(*gate_->handle(r, kNow).header("WWW-Authenticate"), HasSubstr("invalid_token"));
  r.headers = {{"authorization", "Basic eA=="}};
  EXPECT_EQ(gate_->handle(r, kNow).status, 401);
}

TEST_F(GatekeeperTest, TheRateIsThatOfAMinute) {
  PROVES("P6", "PRV-05");
  limit(100);
  WallTime now = kNow;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call("GET", "/accounts", role("Read"), now).status, 200);
  const Response r = call("GET", "/accounts", role("Read"), now);
  EXPECT_EQ(r.status, 429);
  EXPECT_EQ(*r.header("Retry-After"), "1");
  EXPECT_EQ(*r.header("x-ms-error-code"), "TooManyRequests");
  // Without a token nobody uses anything of it up.
  for (int i = 0; i < 50; ++i) EXPECT_EQ(call("GET", "/accounts", "", now).status, 401);
  now.micros += 1'000'000;
  EXPECT_EQ(call("GET", "/accounts", role("Read"), now).status, 200);
  now.micros += 60'000'000;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call("GET", "/accounts", role("Read"), now).status, 200);
}

TEST_F(GatekeeperTest, SourcesOutsideOfTheListAreNotHeard) {
  PROVES("P4");
  limit(0, {*Prefix::parse("192.0.2.0/29")});
  EXPECT_TRUE(gate_->may_connect(*IpAddress::parse("192.0.2.7")));
  EXPECT_FALSE(gate_->may_connect(*IpAddress::parse("192.0.2.8")));
  limit(0, {*Prefix::parse("192.0.2.0/30")});
  EXPECT_EQ(call("GET", "/accounts", role("Admin")).status, 403);
}

}  // namespace
}  // namespace causeway::provisioning
