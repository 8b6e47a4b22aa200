#include "lab/gateway_config.h"

#include <filesystem>
#include <fstream>

#include "lab/certs.h"

namespace causeway::lab {
namespace {

constexpr const char* kText =
    R"(# The gateway between the lab's operator and the lab's Phone System. Everything is on loopback.
resolvers = ["127.0.0.11:5353"]

[operation]
control_socket = "@DIR@/control.sock"
state_directory = "@DIR@/state"
drain = "2s"
shards = 1

[limits]
keep_one_in = 1

[provisioning]
listen = "127.0.0.31:8443"
certificate = "tls/gateway.crt"
key = "tls/gateway.key"
issuer = "http://127.0.0.11:8081"
audiences = ["api://provisioning"]

[nameserver]
domain = "gw.operator.example"
listen = ["127.0.0.31:5353"]
ask = ["127.0.0.31:5353"]
servers = ["ns1.gw.operator.example"]
contact = "hostmaster@operator.example"
ttl = "1s"
[[nameserver.host]]
name = "ns1"
addresses = ["127.0.0.31"]
[[nameserver.host]]
name = "provapi"
addresses = ["127.0.0.31"]
[[nameserver.region]]
region = "lab"
service_addresses = ["127.0.0.31"]

[[region]]
name = "lab"

[[realm]]
name = "core"
media_addresses = ["127.0.0.31"]
media_port_min = 40000
media_port_max = 44999

[[realm]]
name = "service"
media_addresses = ["127.0.0.31"]
media_port_min = 45000
media_port_max = 49999

[[tls_identity]]
name = "gateway"
certificate = "tls/gateway.crt"
key = "tls/gateway.key"
trusted_roots = ["tls/ca.crt"]

[[listener]]
name = "core"
realm = "core"
transport = "@TRANSPORT@"
address = "127.0.0.31:5060"

[[listener]]
name = "service"
realm = "service"
transport = "tls"
address = "127.0.0.31:5061"
tls_identity = "gateway"

[[profile]]
name = "phone-system"
extends = "teams-direct-routing"
contact_host = "sbc.operator.example"
via_host = "sbc.operator.example"

[[peer_group]]
name = "operator"
region = "lab"
realm = "core"
listener = "core"
profile = "operator"
trusted = true
routes_to = ["phone-system"]
options_interval = "5s"
media_sources = ["127.0.0.21"]

[peer_group.recognise]
sources = ["127.0.0.21"]

[[peer_group.peer]]
name = "site"
host = "127.0.0.21"
port = 5060

[[peer_group]]
name = "phone-system"
region = "lab"
realm = "service"
listener = "service"
profile = "phone-system"
trusted = true
routes_to = ["operator"]
options_interval = "5s"
media_sources = ["127.0.0.11"]

[peer_group.recognise]
sources = ["127.0.0.11", "127.0.0.12", "127.0.0.13"]
certificate_names = ["sip.pstnhub.example"]
request_hosts = ["sbc.operator.example"]

[[peer_group.peer]]
name = "sip"
host = "sip.pstnhub.example"
port = 5061

[[peer_group.peer]]
name = "sip2"
host = "sip2.pstnhub.example"
port = 5061
priority = 1

[[peer_group.peer]]
name = "sip3"
host = "sip3.pstnhub.example"
port = 5061
priority = 2
)";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

Result<std::string> write_gateway_config(const std::string& directory,
                                         Transport operator_transport) {
  if (auto s = make_certificates(directory + "/tls"); !s) return tl::unexpected(s.error());
  std::error_code ec;
  std::filesystem::create_directories(directory + "/state", ec);
  const std::string path = directory + "/causeway.toml";
  std::string text = kText;
  replace_all(text, "@DIR@", std::filesystem::absolute(directory, ec).string());
  replace_all(text, "@TRANSPORT@", to_string(operator_transport));
  std::ofstream out(path, std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(ErrorCode::kIo, "cannot write " + path);
  return path;
}

}  // namespace causeway::lab
