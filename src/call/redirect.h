// Where a 3xx leads (RFC 3261 8.1.3.4). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/net.h"
#include "sip/message.h"

namespace causeway::call {

// A Contact that will be tried.
struct Redirected {
  std::string uri;             // Request-URI
  std::string peer;            // by name: of the group that said 3xx
  std::optional<Endpoint> at;  // an address of that group that is no peer's
};

inline constexpr std::size_t kMaxRedirects = 5;  // Contacts that one call tries

// The SIP URIs of its Contacts as Request-URIs, the preferred (q) first; equal ones as they came.
[[nodiscard]] std::vector<std::string> contacts_in_order(const sip::Message& m);

}  // namespace causeway::call
