// A request and a response as values: what the API works on, and what a web server or a test makes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/net.h"
#include "base/time.h"

namespace causeway::provisioning {

struct Request {
  std::string method;                                        // "GET"
  std::string target;                                        // "/accounts/a%20b?api-version=..."
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  IpAddress source;
  // nullptr: there is none. One that is there twice is refused before it is looked at.
  [[nodiscard]] const std::string* header(std::string_view name) const {
    for (const auto& [n, v] : headers)
      if (n == name) return &v;
    return nullptr;
  }
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  void set(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
  }
  [[nodiscard]] const std::string* header(std::string_view name) const {
    for (const auto& [n, v] : headers)
      if (n == name) return &v;
    return nullptr;
  }
};

// Path and query taken apart and decoded. nullopt: a broken escape, a zero byte or no UTF-8.
struct Target {
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;
  [[nodiscard]] const std::string* parameter(std::string_view name) const {
    for (const auto& [n, v] : query)
      if (n == name) return &v;
    return nullptr;
  }
};
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);
[[nodiscard]] std::string percent_encoded(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text);

// "Sun, 06 Nov 1994 08:49:37 GMT" or RFC 3339. Seconds since 1970.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text);
[[nodiscard]] std::string http_date(std::int64_t seconds);

// The conditions of a request (RFC 9110 13.2.2) against what is there. nullopt: go on; else 304 or
// 412. If-Modified-Since speaks for writes, too, and answers 412 there.
struct Existing {
  std::string etag;  // without quotes
  WallTime modified;
};
[[nodiscard]] std::optional<int> failed_condition(const Request& request,
                                                  const std::optional<Existing>& existing);
// A conditional header that cannot be read, as a sentence; empty: all can.
[[nodiscard]] std::string broken_condition(const Request& request);

}  // namespace causeway::provisioning
