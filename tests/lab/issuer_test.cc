#include "lab/issuer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace causeway::lab {
namespace {

using nlohmann::json;

class IssuerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(issuer.open(*Endpoint::parse("127.0.0.1:0"))); }
  [[nodiscard]] HttpAnswer post(const std::string& body, const std::string& basic = "") const {
    return issuer.answer("POST", "/token", basic, body, 1'800'000'000);
  }
  Loop loop;
  Issuer issuer{loop};
};

// The signature is judged by whoever takes the token: tests/interop/provisioning_lab.py.
TEST_F(IssuerTest, GivesTokensToItsClientsAlone) {
  const auto a = post(
      "grant_type=client_credentials&client_id=bss&client_secret=lab-secret&scope=api%3A%2F%2Fx%2F."
      "default");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto j = json::parse(a.body);
  EXPECT_EQ(j["token_type"], "Bearer");
  const std::string token = j["access_token"];
  EXPECT_EQ(std::count(token.begin(), token.end(), '.'), 2);
  EXPECT_EQ(post("grant_type=client_credentials", "Basic YnNzOmxhYi1zZWNyZXQ=").status, 200);
  EXPECT_EQ(post("grant_type=client_credentials&client_id=bss&client_secret=wrong").status, 401);
  EXPECT_EQ(post("grant_type=client_credentials&client_id=x&client_secret=lab-secret").status, 401);
  EXPECT_EQ(post("grant_type=password&client_id=bss&client_secret=lab-secret").status, 400);
  EXPECT_EQ(post("").status, 400);
}

TEST_F(IssuerTest, IsFoundByDiscovery) {
  const auto a = issuer.answer("GET", "/.well-known/openid-configuration", "", "", 0);
  ASSERT_EQ(a.status, 200);
  const auto j = json::parse(a.body);
  EXPECT_EQ(j["issuer"], issuer.url());
  EXPECT_EQ(j["jwks_uri"], issuer.url() + "/keys");
  const auto keys = json::parse(issuer.answer("GET", "/keys", "", "", 0).body)["keys"];
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0]["e"], "AQAB");
  EXPECT_EQ(keys[0]["n"].get<std::string>().size(), 342u);  // 2048 bits in base64url
  EXPECT_EQ(issuer.answer("GET", "/else", "", "", 0).status, 404);
  EXPECT_EQ(issuer.answer("GET", "/token", "", "", 0).status, 405);
}

}  // namespace
}  // namespace causeway::lab
