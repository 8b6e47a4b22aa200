// Is it a call for help? Asked of a Request-URI before anything else is known, so that load is
// never shed at its cost. Pure; no allocation.
#pragma once

#include <string_view>

#include "deployment/deployment.h"
#include "sip/message.h"

namespace causeway::transport {

// urn:service:sos and what is below it (RFC 5031), or one of the configuration's dial strings as
// the user part of a sip, sips or tel URI, however it is punctuated.
[[nodiscard]] bool names_emergency(const deployment::Deployment& d, std::string_view request_uri);
// A Resource-Priority of the namespace of emergency networks (RFC 7135). Who may say so is a
// question of trust.
[[nodiscard]] bool has_esnet_priority(const sip::Message& m);

}  // namespace causeway::transport
