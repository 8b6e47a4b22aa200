// What the command line and the running gateway say to each other over the control socket: lines of
// JSON.
//   request   {"command": "calls", "args": {"number": "+44"}}
//   response  any of {"text": "..."}, {"head": ["peer", "state"]}, {"row": ["a", "up"]}, {"bytes":
//   "base64"},
//             then {"done": true} or {"done": false, "error": "..."}
// Pure; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::app {

inline constexpr std::size_t kMaxRequestBytes = 16 << 20;  // a configuration travels in one

struct Request {
  std::string command;
  std::map<std::string, std::string> args;
  [[nodiscard]] std::string arg(const std::string& name) const {
    const auto it = args.find(name);
    return it == args.end() ? std::string{} : it->second;
  }
  friend bool operator==(const Request&, const Request&) = default;
};

struct ResponseLine {
  enum class Kind : std::uint8_t { kText, kHead, kRow, kBytes, kDone, kFailed };
  Kind kind = Kind::kText;
  std::string text;                // of kText, kBytes (decoded) and kFailed (why)
  std::vector<std::string> cells;  // of kHead and kRow
  friend bool operator==(const ResponseLine&, const ResponseLine&) = default;
};

// With "\n". Bytes that are not UTF-8 become U+FFFD, except in kBytes.
[[nodiscard]] std::string encode(const Request& r);
[[nodiscard]] std::string encode(const ResponseLine& r);
[[nodiscard]] Result<Request> decode_request(std::string_view line);
[[nodiscard]] Result<ResponseLine> decode_response(std::string_view line);

}  // namespace causeway::app
