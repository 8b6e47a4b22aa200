#include "app/listen_probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace causeway::app {
namespace {

// Without SO_REUSEPORT bind() fails when anybody has the address, with or without it.
bool taken(const deployment::Listener& l, const std::string& interface) {
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(l.address, address);
  const bool udp = l.transport == Transport::kUdp;
  const int fd = ::socket(address.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int one = 1;
  // Connections of an earlier process that linger are no obstacle, one that listens is.
  if (!udp) (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (!interface.empty())
    (void)::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                       static_cast<socklen_t>(interface.size()));
  const bool failed = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0;
  const bool in_use = failed && errno == EADDRINUSE;
  ::close(fd);
  return in_use;
}

bool is_tcp(Transport t) { return t != Transport::kUdp; }

}  // namespace

Status addresses_free(const deployment::Deployment& next, const deployment::Deployment* running) {
  for (const auto& l : next.listeners) {
    const auto same = [&](const deployment::Listener& o) {
      return o.address == l.address && is_tcp(o.transport) == is_tcp(l.transport);
    };
    if (running && std::any_of(running->listeners.begin(), running->listeners.end(), same))
      continue;
    if (taken(l, next.realm(l.realm).interface))
      return fail(ErrorCode::kConflict,
                  "listener '" + l.name + "': " + l.address.to_string() + "/" +
                      std::string(to_string(l.transport)) +
                      " is in use by another process, perhaps another gateway; stop it, or give "
                      "the listener another address");
  }
  return {};
}

}  // namespace causeway::app
