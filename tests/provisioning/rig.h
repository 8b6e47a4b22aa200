// The API on a fresh store of each engine, without sockets. Every exchange is also written to
// $CAUSEWAY_EXCHANGES, for check_exchanges.py to hold against api/openapi.yaml.
#pragma once

#include <cstdlib>
#include <fstream>

#include "../store/engines.h"
#include "provisioning/api.h"
#include "support/proves.h"

namespace causeway::provisioning {

class ApiTest : public store::EngineTest {
 protected:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  static constexpr const char* kNew = "api-version=2024-02-29-preview";
  static constexpr const char* kOld = "api-version=2023-10-01";

  void SetUp() override {
    EngineTest::SetUp();
    if (store_) start(false);
  }
  void start(bool backend) {
    api_ = std::make_unique<Api>(
        *store_, Api::Options{"https://provapi.example.net", {backend, domains_}, subdomains_});
  }

  // `target` without a version gets the new one.
  Response call(const std::string& method, std::string target, const std::string& body = "",
                Headers headers = {}) {
    if (target.find("api-version") == std::string::npos)
      target += (target.find('?') == std::string::npos ? "?" : "&") + std::string(kNew);
    Request r{method, target, std::move(headers), body, {}};
    if (!body.empty() && r.header("content-type") == nullptr)
      r.headers.emplace_back(
          "content-type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    Response out = api_->handle(r, Caller{caller_}, now_);
    record(r, out);
    return out;
  }
  Response get(const std::string& target, Headers h = {}) { return call("GET", target, "", h); }
  Response put(const std::string& target, const std::string& body, Headers h = {}) {
    return call("PUT", target, body, h);
  }
  Response post(const std::string& target, const std::string& body, Headers h = {}) {
    return call("POST", target, body, h);
  }
  Response del(const std::string& target, Headers h = {}) { return call("DELETE", target, "", h); }
  static Json body(const Response& r) {
    auto j = parse_json(r.body);
    EXPECT_TRUE(j) << r.body;
    return j ? *j : Json();
  }
  // "a/b/2/c" of the body: its JSON text, or "" when it is not there.
  static std::string at(const Response& r, const std::string& path) {
    const Json j = body(r);
    const Json* here = &j;
    for (std::size_t from = 0; here != nullptr && from <= path.size();) {
      const std::size_t end = std::min(path.find('/', from), path.size());
      const std::string name = path.substr(from, end - from);
      from = end + 1;
      if (const auto* items = here->items()) {
        const auto i = static_cast<std::size_t>(std::atoi(name.c_str()));
        here = i < items->size() ? &(*items)[i] : nullptr;
      } else {
        here = here->find(name);
      }
    }
    if (here == nullptr) return "";
    return here->text() != nullptr ? *here->text() : here->write();
  }
  static std::string code(const Response& r) { return at(r, "error/code"); }
  static std::string header(const Response& r, std::string_view name) {
    const std::string* v = r.header(name);
    return v == nullptr ? "" : *v;
  }
  void account(const std::string& name, const std::string& details = "{}") {
    const Response r = put("/accounts/" + name, "{\"serviceDetails\":" + details + "}");
    ASSERT_EQ(r.status, 201) << r.body;
  }
  void number(const std::string& account, const std::string& n,
              const std::string& details = R"({"teamsDirectRouting":{"enabled":true}})") {
    const Response r =
        put("/accounts/" + account + "/numbers/" + n, "{\"serviceDetails\":" + details + "}");
    ASSERT_EQ(r.status, 201) << r.body;
  }

  WallTime now_{1'800'000'000'000'000};  // 2027-01-15T08:00:00Z
  std::string caller_ = "bss";
  std::vector<std::string> domains_;  // for start()
  Subdomains* subdomains_ = nullptr;  // ...
  std::unique_ptr<Api> api_;

 private:
  static void record(const Request& q, const Response& r) {
    const char* file = std::getenv("CAUSEWAY_EXCHANGES");
    if (file == nullptr || !is_utf8(q.body)) return;
    const auto headers = [](const auto& list) {
      Json out = Json::object();
      for (const auto& [n, v] : list)
        if (is_utf8(v)) out[n] = v;
      return out;
    };
    Json line;
    line["method"] = q.method;
    line["target"] = q.target;
    line["headers"] = headers(q.headers);
    line["body"] = q.body;
    line["status"] = r.status;
    line["response_headers"] = headers(r.headers);
    line["response"] = r.body;
    std::ofstream(file, std::ios::app) << line.write() << "\n";
  }
};

}  // namespace causeway::provisioning

// NOLINTBEGIN(bugprone-macro-parentheses): the name of a type cannot stand in parentheses
#define API_SUITE(name)                                                                         \
  using name = ApiTest;                                                                         \
  INSTANTIATE_TEST_SUITE_P(Engines, name,                                                       \
                           ::testing::Values(store::Engine::kSqlite, store::Engine::kPostgres), \
                           store::engine_name)
// NOLINTEND(bugprone-macro-parentheses)
