#include "lab/sip_port.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace causeway::lab {
namespace {
constexpr std::size_t kMaxConnections = 1024;
}

SipPort::SipPort(Loop& loop, Listener& listener, SipPortSettings settings)
    : loop_(loop), listener_(listener), settings_(std::move(settings)) {}

SipPort::~SipPort() {
  for (const int fd : sockets_) {
    loop_.unwatch(fd);
    close(fd);
  }
}

Status SipPort::open() {
  if (settings_.transport == Transport::kTls) {
    auto server = make_tls_context(settings_.tls, true);
    if (!server) return tl::unexpected(server.error());
    auto client = make_tls_context(settings_.tls, false);
    if (!client) return tl::unexpected(client.error());
    server_tls_ = std::move(*server);
    client_tls_ = std::move(*client);
  }
  for (std::size_t i = 0; i < settings_.sites.size(); ++i)
    if (auto s = open_site(i); !s) return s;
  return {};
}

Status SipPort::open_site(std::size_t site) {
  const Endpoint& at = settings_.sites[site].address;
  const bool datagram = settings_.transport == Transport::kUdp;
  sockaddr_storage sa{};
  socklen_t n = to_sockaddr(at, sa);
  const int fd = socket(at.address.is_v6() ? AF_INET6 : AF_INET,
                        (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::kIo, std::string("socket: ") + std::strerror(errno));
  sockets_.push_back(fd);
  const int on = 1, bytes = 4 * 1024 * 1024;
  if (!datagram) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (datagram) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (bind(fd, reinterpret_cast<sockaddr*>(&sa), n) != 0 || (!datagram && listen(fd, 256) != 0))
    return fail(ErrorCode::kIo, "cannot listen on " + at.to_string() + ": " + std::strerror(errno));
  n = sizeof sa;
  getsockname(fd, reinterpret_cast<sockaddr*>(&sa), &n);
  settings_.sites[site].address = from_sockaddr(sa);
  loop_.watch(fd, EPOLLIN, [this, site, datagram](std::uint32_t) {
    if (datagram) {
      read_datagrams(site);
    } else {
      accept_all(site);
    }
  });
  return {};
}

void SipPort::read_datagrams(std::size_t site) {
  static char buf[kMaxMessageBytes];
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage sa{};
    socklen_t len = sizeof sa;
    const auto n =
        recvfrom(sockets_[site], buf, sizeof buf, 0, reinterpret_cast<sockaddr*>(&sa), &len);
    if (n < 0) return;
    const Flow flow{0, site, from_sockaddr(sa), false};
    const std::string_view text(buf, static_cast<std::size_t>(n));
    if (text.find_first_not_of("\r\n") == std::string_view::npos) continue;
    auto m = parse_sip(text);
    if (m) {
      listener_.on_message(std::move(*m), flow);
    } else {
      listener_.on_bad_message(m.error().what, flow);
    }
  }
}

void SipPort::accept_all(std::size_t site) {
  for (;;) {
    sockaddr_storage sa{};
    socklen_t len = sizeof sa;
    const int fd = accept4(sockets_[site], reinterpret_cast<sockaddr*>(&sa), &len,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() >= kMaxConnections) {
      close(fd);
      continue;
    }
    StreamConnection::Listener& listener = *this;
    auto c = std::make_unique<StreamConnection>(loop_, listener, fd, server_tls_.get(),
                                                settings_.sites[site].address, from_sockaddr(sa));
    const std::uint64_t id = next_++;
    c->id = id;
    connections_[id] = Connection{std::move(c), site};
  }
}

Result<Flow> SipPort::flow_to(std::size_t site, const Endpoint& remote) {
  if (settings_.transport == Transport::kUdp) return Flow{0, site, remote, false};
  if (const auto it = ours_.find({site, remote}); it != ours_.end())
    return Flow{it->second, site, remote, false};
  auto c =
      StreamConnection::open(loop_, *this, client_tls_.get(), settings_.sites[site].address.address,
                             remote, settings_.verify_name);
  if (!c) return tl::unexpected(c.error());
  const std::uint64_t id = next_++;
  (*c)->id = id;
  connections_[id] = Connection{std::move(*c), site};
  ours_[{site, remote}] = id;
  return Flow{id, site, remote, false};
}

void SipPort::send(const Flow& flow, std::string_view text) {
  if (flow.connection != 0) {
    if (const auto it = connections_.find(flow.connection); it != connections_.end())
      it->second.stream->send(text);
    return;
  }
  if (settings_.transport != Transport::kUdp) return;
  sockaddr_storage sa{};
  const socklen_t n = to_sockaddr(flow.remote, sa);
  // A full socket buffer is loss, which SIP over UDP repairs by itself.
  (void)!sendto(sockets_[flow.site], text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&sa),
                n);
}

std::vector<std::string> SipPort::peer_names(const Flow& flow) const {
  const auto it = connections_.find(flow.connection);
  return it == connections_.end() ? std::vector<std::string>{} : it->second.stream->peer_names();
}

Flow SipPort::flow_of(const StreamConnection& c) const {
  const auto it = connections_.find(c.id);
  return {c.id, it == connections_.end() ? 0 : it->second.site, c.remote(), c.accepted()};
}

void SipPort::on_stream_message(StreamConnection& c, std::string_view text) {
  const Flow flow = flow_of(c);
  auto m = parse_sip(text);
  if (m) {
    listener_.on_message(std::move(*m), flow);
  } else {
    listener_.on_bad_message(m.error().what, flow);
  }
}

void SipPort::on_stream_closed(StreamConnection& c, const std::string& why) {
  const Flow flow = flow_of(c);
  for (auto it = ours_.begin(); it != ours_.end();)
    it = it->second == c.id ? ours_.erase(it) : std::next(it);
  // It is still on the stack: destroyed in the next turn of the loop.
  auto node = connections_.extract(c.id);
  if (node) {
    std::shared_ptr<StreamConnection> dying = std::move(node.mapped().stream);
    loop_.after(Micros(0), [dying] {});
  }
  listener_.on_connection_lost(flow, why);
}

}  // namespace causeway::lab
