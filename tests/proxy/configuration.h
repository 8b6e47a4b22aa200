// The configuration that the proxy's transport needs: one listener, one group that takes everybody.
#pragma once

#include <stdexcept>
#include <string>

#include "deployment/load.h"

namespace causeway::proxy {

inline deployment::DeploymentPtr deployment_at(const Endpoint& listen, const std::string& sources) {
  const std::string address = listen.to_string();
  const std::string host = listen.address.to_string();
  deployment::LoadOptions options;
  options.check_files = false;
  auto loaded = deployment::load_text(R"(
[operation]
control_socket = "/tmp/causeway-test-proxy.sock"
state_directory = "/tmp/causeway-test-proxy"
[[region]]
name = "r"
[[realm]]
name = "a"
media_addresses = [")" + host + R"("]
media_port_min = 20000
media_port_max = 20099
[[listener]]
name = "a"
realm = "a"
transport = "udp"
address = ")" + address + R"("
[[peer_group]]
name = "all"
region = "r"
realm = "a"
listener = "a"
profile = "operator"
any_number = true
options_interval = "0s"
[peer_group.recognise]
sources = [")" + sources + R"("]
[[peer_group.peer]]
name = "one"
host = ")" + host + R"("
port = 5999
)",
                                      "proxy.toml", options);
  if (!loaded.deployment) throw std::runtime_error(loaded.to_string());
  return loaded.deployment;
}

}  // namespace causeway::proxy
