// A DTLS handshake of a leg, inside the room.
#pragma once

#include <memory>
#include <string>

#include "base/net.h"
#include "base/time.h"
#include "media/leg_snapshot.h"
#include "reactor/reactor.h"
#include "rtp/dtls.h"

namespace causeway::media {

inline constexpr Seconds kHandshakeFor{30};  // then it is told of as failed
// A peer that missed our last datagrams repeats its own within this.
inline constexpr Seconds kHandshakeLinger{10};

struct Handshake {
  DtlsAgreed terms;
  std::unique_ptr<rtp::Dtls> dtls;  // null: the last try failed, the next begins with the timer
  Endpoint remote;                  // where its datagrams go; port 0: not known yet
  bool bound = false;               // ... and the only place where they come from
  reactor::TimerId timer{};
  Instant began{}, done{};
  std::string failure;  // of the last try
  bool told = false;    // that it failed
};

}  // namespace causeway::media
