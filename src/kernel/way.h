// Which way the kernel would send a packet (rtnetlink). One request, answered at once; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/net.h"

namespace causeway::kernel {

// As Relay::way(). IPv4 alone.
[[nodiscard]] std::optional<std::uint32_t> way_of(const IpAddress& from, const IpAddress& to,
                                                  const std::string& interface);

}  // namespace causeway::kernel
