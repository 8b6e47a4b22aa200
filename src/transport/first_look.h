// What can be known of a request before it is parsed: enough to refuse a new call for a few
// microseconds. Views into the bytes. Pure; no allocation but the answer.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/net.h"

namespace causeway::transport {

struct FirstLook {
  static constexpr std::size_t kMaxVias = 16;
  std::string_view method, uri, from, to, call_id, cseq, user_agent;  // lines without their end
  std::array<std::string_view, kMaxVias> vias;
  std::size_t via_count = 0;
  bool to_tag = false;
  bool priority = false;  // Resource-Priority of an emergency namespace (esnet, RFC 7135)
};

// nullopt: no request, or not one that is plain enough to be answered like this.
[[nodiscard]] std::optional<FirstLook> first_look(std::string_view bytes);

// 503 to it. `retry_after` in seconds; `lines`: further header lines.
[[nodiscard]] std::string shed_response(const FirstLook& look, const Endpoint& from,
                                        unsigned retry_after, std::string_view lines);

// The To-tag of shed_response(): an ACK with it needs no further look.
inline constexpr std::string_view kShedTag = ";tag=shed-";

}  // namespace causeway::transport
