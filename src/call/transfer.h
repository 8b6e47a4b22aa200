// A transfer under way: who asked, who waits, where it goes. Part of a call (transfer.cc,
// takeover.cc); nothing of it outlives the process, for a call is not at rest until it is over.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/refer.h"
#include "call/state.h"
#include "peers/shared_load.h"
#include "reactor/reactor.h"
#include "transport/flow.h"
#include "transport/sip_transport.h"

namespace causeway::call {

struct Transfer {
  static constexpr Seconds kGrace{5};       // for the transferor's BYE, after it succeeded
  static constexpr Millis kMoveAgain{200};  // the waiting party is in the middle of something
  static constexpr unsigned kMostMoves = 50;
  static constexpr std::size_t kMostAttempts = 8;

  enum class Phase : std::uint8_t {
    kCalling,  // the target is looked for or rings
    kAsking,   // whoever has the dialog that it names
    kMoving,   // the waiting party goes over there
    kDone,     // the transferor is expected to hang up
  };
  Phase phase = Phase::kCalling;
  LegId transferor, waiting, target;  // target: 0 before the first attempt
  Refer refer;
  bool gone = false;     // the transferor has hung up
  bool rings = false;    // the target does
  bool resumed = false;  // the waiting party's hold is being ended, so that it hears that
  bool moved = false;    // the waiting party is in the other call now
  unsigned moves = 0;
  std::size_t attempts = 0;
  std::vector<std::string> peers;                    // by name, the next one last
  std::vector<transport::Destination> destinations;  // of the peer being tried, next one last
  std::string peer;
  peers::Counted counted;  // towards it
  Instant deadline{};
  int last_status = 0;
  std::string last_why;
  reactor::TimerId timer;
};

// One call asks another, on whichever shard, for the place of a dialog (RFC 3891), by the name that
// a peer gave; and gives it a leg.
struct JoinQuestion {
  CallId from;
  NamedDialog dialog;
  std::string group;    // who asks may end only its own group's dialogs
  std::string account;  // ... and of its own account, where both are known
};
struct JoinAnswer {
  int status = 0;  // 200: it may, or it did
  std::string why;
  CallId into;
};
// The leg goes over with its media.
struct JoinOrder {
  JoinQuestion question;
  LegState leg;
  std::string by, to, id;  // of the transfer, for the record
  std::string ack_branch;  // of the ACK to its latest 2xx, should that come again
  std::uint32_t ack_cseq = 0;
  std::uint32_t transfers = 0;
};

}  // namespace causeway::call
