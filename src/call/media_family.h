// Whether a leg's media is of IPv4 or IPv6. It need not be what its signalling is (RFC 6157). Pure.
#pragma once

#include <optional>

#include "base/net.h"
#include "deployment/deployment.h"
#include "media/media_plane.h"

namespace causeway::call {

// That of the address that the peer offered, where the realm has it. Without an offer: of what the
// realm has and the group's `media_sources` let in, the family of the signalling first.
[[nodiscard]] media::Family media_family(const deployment::Realm& realm,
                                         const deployment::PeerGroup& group, bool signalled_by_v6,
                                         const std::optional<IpAddress>& offered);

}  // namespace causeway::call
