// A configuration that is good, with a domain of its own.
#pragma once

#include <string>

namespace causeway::app::testing {

inline std::string with_domain(const std::string& folder, const std::string& more = {}) {
  return "[operation]\nstate_directory = \"" + folder + R"("
[[region]]
name = "north"
[[region]]
name = "south"
[[realm]]
name = "core"
media_addresses = ["127.0.0.1"]
media_port_min = 20000
media_port_max = 29999
[[listener]]
name = "udp"
realm = "core"
transport = "udp"
address = "127.0.0.1:5060"
[[peer_group]]
name = "a"
region = "north"
realm = "core"
listener = "udp"
profile = "operator"
[[peer_group.peer]]
name = "a1"
host = "192.0.2.1"
[nameserver]
domain = "gw.example.net"
servers = ["ns1.gw.example.net"]
contact = "hostmaster@example.net"
)" + more +
         R"(
[[nameserver.host]]
name = "ns1"
addresses = ["192.0.2.53"]
[[nameserver.region]]
region = "north"
service_addresses = ["192.0.2.1"]
[[nameserver.region]]
region = "south"
service_addresses = ["192.0.2.2"]
)";
}

}  // namespace causeway::app::testing
