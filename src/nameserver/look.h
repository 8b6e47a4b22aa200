// What the world sees of an enterprise's names: name servers are asked, as a service that verifies
// a token does. Waits for them; no thread of calls or of the server.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "nameserver/wire.h"

namespace causeway::nameserver {

// What ought to stand at a name.
struct Expected {
  std::string name;
  std::vector<IpAddress> addresses;
  std::string token;  // TXT; empty: whatever stands there
};

enum class Seen : std::uint8_t { kAll, kNothing, kOther };

using Ask = std::function<Result<Said>(const std::string& name, Type type)>;

// Of all names together: everything as expected, nothing at all, or anything else. An Error: nobody
// says.
[[nodiscard]] Result<Seen> look(const std::vector<Expected>& names, const Ask& ask);

// Asks each of the servers in turn until one says something (RFC 1035 4.2.1, with recursion
// desired).
[[nodiscard]] Result<Said> ask_servers(const std::vector<Endpoint>& servers,
                                       const std::string& name, Type type,
                                       std::chrono::milliseconds each = std::chrono::seconds(2));

// Those of /etc/resolv.conf, at most three as the system itself has it.
[[nodiscard]] std::vector<Endpoint> servers_of_system(std::string_view resolv_conf);

}  // namespace causeway::nameserver
