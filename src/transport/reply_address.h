// Where the answer to a request goes over UDP. Pure.
#pragma once

#include "base/net.h"
#include "deployment/deployment.h"
#include "sip/headers.h"

namespace causeway::transport {

// RFC 3261 18.2.2 and RFC 3581 4: the port that the request came from when its sender asked for
// that (rport) or the profile says so, else the port of the top Via, and never another address than
// the source; except that of maddr, when the group may send from there, too. `group` and `profile`
// may be nullptr: the sender was not recognised.
[[nodiscard]] Endpoint reply_address(const sip::Via& top, const Endpoint& source,
                                     const deployment::PeerGroup* group,
                                     const deployment::Profile* profile);

}  // namespace causeway::transport
