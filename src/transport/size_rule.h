// RFC 3261 18.1.1: a request that would not fit into one datagram with certainty goes over TCP, and
// over UDP all the same when TCP is refused. On the shard's thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "transport/flow.h"

namespace causeway::transport {

// `request`, written for UDP, with a top Via for TCP whose sent-by has that port.
[[nodiscard]] std::string with_tcp_via(std::string_view request, std::uint16_t port);

class SizeRule {
 public:
  // Does a request of that size to that UDP destination go over TCP?
  [[nodiscard]] bool prefers_tcp(const Destination& to, std::size_t bytes, Instant now) const;
  void refused(const Endpoint& remote, Instant now);
  // A refusal is remembered for so long, so that not every large request waits for the next one.
  static constexpr Seconds kRemembered{60};
  static constexpr std::size_t kMost = 64;

 private:
  std::vector<std::pair<Endpoint, Instant>> refused_;  // until
};

}  // namespace causeway::transport
