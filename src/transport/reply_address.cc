#include "transport/reply_address.h"

#include <algorithm>

namespace causeway::transport {

Endpoint reply_address(const sip::Via& top, const Endpoint& source,
                       const deployment::PeerGroup* group, const deployment::Profile* profile) {
  constexpr std::uint16_t kDefaultPort = 5060;
  const std::uint16_t sent_by = top.port != 0 ? top.port : kDefaultPort;
  if (group) {
    const auto maddr = sip::find_param(top.params, "maddr");
    const auto address = maddr ? IpAddress::literal(*maddr) : std::nullopt;
    const auto& own = group->recognition.sources;
    if (address && address->is_v6() == source.address.is_v6() && *address != source.address &&
        std::any_of(own.begin(), own.end(), [&](const Prefix& p) { return p.contains(*address); }))
      return {*address, sent_by};
  }
  if (top.rport || (profile && profile->symmetric_response)) return source;
  return {source.address, sent_by};
}

}  // namespace causeway::transport
