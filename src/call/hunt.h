// The way to a peer that answers, while a call is being set up: a hunt tries its peers one after
// the other. A call has one; several at once where the caller's group has
// `forking = "parallel"`, one for each target group.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/boxed.h"
#include "base/ids.h"
#include "call/redirect.h"
#include "peers/admission.h"
#include "policy/decide.h"
#include "sip/message.h"
#include "transport/flow.h"

namespace causeway::call {

struct Way {
  deployment::GroupIndex group;
  deployment::PeerIndex peer;
};

// What 422 answers of the peers asked for (RFC 4028 7.4).
struct SessionFloor {
  std::uint32_t seconds = 0;
  unsigned raised = 0;  // times
};

struct Hunt {
  std::uint32_t number = 0;                          // its place among those of the call
  std::vector<Way> ways;                             // the next one last
  std::vector<transport::Destination> destinations;  // of the peer being tried, the next one last
  Way way{};
  Boxed<policy::Refusal> full;  // why the latest peer was passed over
  peers::Counted towards;       // it is in progress there
  // Where 3xx answers led: Request-URIs that wait, the next one last
  std::vector<Redirected> redirects;
  std::vector<Way> spare;      // of a call for help: peers behind the Contacts of a 3xx
  Boxed<Redirected> redirect;  // what is tried; none: what was called
  std::size_t attempts = 0;
  LegId leg;  // the latest that was tried; 0: none
  SessionFloor session;
  int last_status = 0;
  std::string last_why;
  std::unique_ptr<sip::Message> said;  // a failure that an emergency call was tried further after
  std::string said_by;                 // ... in words
  bool begun = false;
  bool gone = false;   // ... from the configuration
  bool over = false;   // nothing more comes of it
  bool waits = false;  // for those of the caller's own region to be over (GW-02)
  bool rang = false;   // this target said 18x: no other peer instead of it (TDR-79)
  // Among those of the call, when it sent an SDP first and last, and when packets of it came; 0:
  // not yet
  std::uint32_t spoke_first = 0, spoke_last = 0, heard = 0;

  // Nothing further is tried.
  void clear() {
    ways.clear();
    destinations.clear();
    redirects.clear();
    spare.clear();
  }
  [[nodiscard]] bool more() const {
    return !ways.empty() || !destinations.empty() || !redirects.empty() || !spare.empty();
  }
};

// What came of a hunt, for the caller.
struct HuntEnd {
  int status = 0, q850 = 0;
  std::string text;                        // for a person
  std::unique_ptr<sip::Message> response;  // of the far side; null: nobody said so but we
  LegId leg;                               // whose it is; 0: nobody's
  bool refused = false;                    // by us
  std::string_view label;  // ... counted as this, a literal, should the caller hear of it
};

// To those that rang as well, when one of them has the call (RFC 3326 3).
inline constexpr std::string_view kElsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";

[[nodiscard]] std::unique_ptr<sip::Message> copy_of(const sip::Message& m);

// Of several targets that were called at once: does `a` tell the caller more than `b`? A 6xx
// before all (RFC 3261 16.7), then what a person said, what the others said, and silence.
[[nodiscard]] bool tells_more(int a, int b);

}  // namespace causeway::call
