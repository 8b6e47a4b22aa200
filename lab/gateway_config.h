// The gateway's configuration for the demo, with everything on loopback.
#pragma once

#include <string>

#include "base/net.h"
#include "base/result.h"

namespace causeway::lab {

// Makes DIR/tls (certificates) and DIR/causeway.toml, and gives the path of the latter.
[[nodiscard]] Result<std::string> write_gateway_config(const std::string& directory,
                                                       Transport operator_transport);

}  // namespace causeway::lab
