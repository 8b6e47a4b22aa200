// Fax by T.38: UDPTL of a leg, inside the room. Its datagrams are opaque here and go between the
// two addresses that were agreed, from a port of their own.
#pragma once

#include <memory>
#include <optional>

#include "base/net.h"
#include "base/time.h"
#include "media/leg_snapshot.h"
#include "media/port_pool.h"

namespace causeway::media {

struct ImageRelay {
  static constexpr std::size_t kMaxDatagram = 1'500;
  // A page at 33,600 bit/s with the last three packets repeated is a tenth of it.
  static constexpr unsigned kPerSecond = 500;

  std::unique_ptr<PortPair> ports;  // the RTP one of it
  Endpoint bound, open_end;         // the latter for SDP
  std::optional<ImageAgreed> agreed;
  Instant second{};
  unsigned in_second = 0;
};

}  // namespace causeway::media
