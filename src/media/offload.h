// What of a leg's packets the kernel passes on (kernel/relay.h). Armed and read by offload.cc
// alone.
#pragma once

#include <cstdint>

#include "base/net.h"
#include "kernel/relay.h"

namespace causeway::media {

struct Offload {
  kernel::Flow* flow = nullptr;  // of the relay, which outlives it
  Endpoint here, from, to;       // from the peer to us, and to the partner's; others: this is over
  std::uint32_t interface = 0, comes_by = 0;  // as in the flow
  Instant way_known_at{};
  bool armed = false;
  // Of the latest packet that came to the socket or was taken over from the kernel, once
  // `following`.
  bool following = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint64_t packets = 0, bytes = 0, octets = 0;  // of this run, taken over
};

}  // namespace causeway::media
