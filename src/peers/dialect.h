// What every request and response to a peer carries because of its profile: Via, Contact, Allow,
// the added headers. Used for OPTIONS here and by the legs of a call. Pure.
#pragma once

#include <string>
#include <string_view>

#include "deployment/deployment.h"
#include "sip/build.h"

namespace causeway::peers {

// Our own end towards one peer group.
struct LocalSide {
  const deployment::Profile* profile = nullptr;
  Endpoint advertised;  // address and port of the listener, public behind NAT
  Transport transport = Transport::kUdp;
  std::string_view host = {};  // in Contact and From in place of the profile's; empty: that
};

// "SIP/2.0/TLS sbc.example:5061;branch=...;rport" (RFC 3581 for UDP; TDR-53: a name where the
// profile has one).
[[nodiscard]] std::string via_value(const LocalSide& side, std::string_view branch);
// "<sip:+4930@sbc.example:5061;transport=tls>" (TDR-49, TDR-52); `user` may be empty.
[[nodiscard]] std::string contact_value(const LocalSide& side, std::string_view user);
// The host that stands for us in From, To and Contact.
[[nodiscard]] std::string own_host(const LocalSide& side);
// Allow, Supported, User-Agent or Server, and the profile's own lines (X-MS-SBC and its like).
void add_common(sip::Builder& b, const deployment::Profile& profile, bool request);

}  // namespace causeway::peers
