#include "nameserver/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/random.h"

namespace causeway::nameserver {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDatagramsPerTurn = 64;

Instant now() {
  return Instant(std::chrono::duration_cast<Micros>(Clock::now().time_since_epoch()));
}

Error cannot(const Endpoint& at, const char* what) {
  return {ErrorCode::kIo,
          "nameserver.listen " + at.to_string() + "/" + what + ": " + std::strerror(errno)};
}

int open_socket(const Endpoint& at, int type) {
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(at, address);
  const int fd = ::socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  if (fd < 0) return -1;
  if ((type == SOCK_STREAM && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      (type == SOCK_STREAM && ::listen(fd, 64) != 0)) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

Endpoint local_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return from_sockaddr(address);
}

}  // namespace

struct Server::Connection {
  int fd;
  IpAddress from;
  Clock::time_point until;
  Bytes in, out;  // at most a query and what came with it; at most one answer

  Connection(int descriptor, const IpAddress& source) : fd(descriptor), from(source) {}
  ~Connection() { ::close(fd); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
};

Server::Server(int wake, ContentPtr content, std::chrono::milliseconds idle)
    : idle_(idle), wake_(wake), limit_(SystemRandom().u64()), content_(std::move(content)) {}

Result<std::unique_ptr<Server>> Server::open(const std::vector<Endpoint>& listen,
                                             ContentPtr content, std::chrono::milliseconds idle) {
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0)
    return fail(ErrorCode::kIo, std::string("nameserver: eventfd: ") + std::strerror(errno));
  std::unique_ptr<Server> s(new Server(wake, std::move(content), idle));
  for (const auto& at : listen)
    if (auto ok = s->listen_at(at); !ok) return tl::unexpected(ok.error());
  s->thread_ = std::thread([raw = s.get()] { raw->run(); });
  return s;
}

Status Server::listen_at(const Endpoint& at) {
  const int udp = open_socket(at, SOCK_DGRAM);
  if (udp < 0) return tl::unexpected(cannot(at, "udp"));
  sockets_.push_back({udp, false});
  const int tcp = open_socket(at, SOCK_STREAM);
  if (tcp < 0) return tl::unexpected(cannot(at, "tcp"));
  sockets_.push_back({tcp, true});
  local_.push_back({local_of(udp), local_of(tcp)});
  return {};
}

Server::~Server() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  connections_.clear();
  for (const auto& s : sockets_) ::close(s.fd);
  ::close(wake_);
}

void Server::replace(ContentPtr content) {
  const std::scoped_lock lock(mutex_);
  content_.swap(content);
}

ContentPtr Server::content() const {
  const std::scoped_lock lock(mutex_);
  return content_;
}

Counts Server::counts() const {
  Counts out;
  for (std::size_t i = 0; i < answers_.size(); ++i) out.answers[i] = answers_[i];
  out.truncated = truncated_;
  out.limited = limited_;
  out.ignored = ignored_;
  out.tcp = tcp_;
  return out;
}

void Server::count(const Reply& reply, Over over) {
  ++answers_[static_cast<std::size_t>(reply.rcode)];
  if (reply.truncated) ++truncated_;
  if (over == Over::kTcp) ++tcp_;
}

int Server::wait_ms() const {
  if (connections_.empty()) return -1;
  auto first = connections_.front()->until;
  for (const auto& c : connections_) first = std::min(first, c->until);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

void Server::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign({{wake_, POLLIN, 0}});
    for (const auto& s : sockets_) polled.push_back({s.fd, POLLIN, 0});
    for (const auto& c : connections_)
      polled.push_back({c->fd, static_cast<short>(c->out.empty() ? POLLIN : POLLOUT), 0});
    if (::poll(polled.data(), polled.size(), wait_ms()) < 0 && errno != EINTR) return;
    const std::size_t first = 1 + sockets_.size();
    // Those that are accepted below were not polled.
    std::vector<std::unique_ptr<Connection>> kept;
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (serve(*connections_[i], polled[first + i].revents))
        kept.push_back(std::move(connections_[i]));
    connections_ = std::move(kept);
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if ((polled[1 + i].revents & POLLIN) == 0) continue;
      if (sockets_[i].stream)
        accept_one(sockets_[i].fd);
      else
        read_datagrams(sockets_[i].fd);
    }
  }
}

void Server::read_datagrams(int fd) {
  std::array<std::byte, kMaxQuery + 1> buffer;
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) return;
    const Endpoint source = from_sockaddr(from);
    const std::span<const std::byte> query(buffer.data(), static_cast<std::size_t>(n));
    const auto send = [&](const Bytes& bytes) {
      (void)::sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&from),
                     size);
    };
    if (source.port == 0) {  // nobody can be there
      ++ignored_;
      continue;
    }
    const ContentPtr c = content();  // for each: what was replaced is in no later answer
    // Before any work, so that a flood of questions costs little.
    const auto verdict = limit_.judge(source.address, c->rate, c->slip, now());
    if (verdict != RateLimit::Verdict::kAnswer) {
      ++limited_;
      if (verdict == RateLimit::Verdict::kTruncate)
        if (const auto bytes = truncated(query)) send(*bytes);
      continue;
    }
    const auto reply = answer(query, Over::kUdp, c->zone, *c->tenants);
    if (!reply) {
      ++ignored_;
      continue;
    }
    count(*reply, Over::kUdp);
    send(reply->bytes);
  }
}

void Server::accept_one(int fd) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int accepted =
      ::accept4(fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0) {
    // It stays readable while there is no descriptor: not asked again at once.
    if (errno == EMFILE || errno == ENFILE)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return;
  }
  auto c = std::make_unique<Connection>(accepted, from_sockaddr(from).address);
  c->until = Clock::now() + idle_;
  const auto of_source = std::count_if(connections_.begin(), connections_.end(),
                                       [&](const auto& other) { return other->from == c->from; });
  if (of_source >= static_cast<std::ptrdiff_t>(kConnectionsPerSource)) return;
  // The one whose time is up first makes room (RFC 7766 6.2.3).
  if (connections_.size() >= kConnections)
    connections_.erase(
        std::min_element(connections_.begin(), connections_.end(),
                         [](const auto& a, const auto& b) { return a->until < b->until; }));
  connections_.push_back(std::move(c));
}

// The next whole query of what has come; an answer of it goes into `out`.
bool Server::answer_next(Connection& c) {
  while (c.out.empty() && c.in.size() >= 2) {
    const std::size_t length =
        std::to_integer<std::size_t>(c.in[0]) << 8U | std::to_integer<std::size_t>(c.in[1]);
    if (length > kMaxQuery) return false;
    if (c.in.size() < length + 2) return true;
    const ContentPtr content = this->content();
    const auto reply =
        answer({c.in.data() + 2, length}, Over::kTcp, content->zone, *content->tenants);
    c.in.erase(c.in.begin(), c.in.begin() + static_cast<std::ptrdiff_t>(length + 2));
    if (!reply) {
      ++ignored_;
      return false;
    }
    count(*reply, Over::kTcp);
    c.until = Clock::now() + idle_;
    c.out.push_back(static_cast<std::byte>(reply->bytes.size() >> 8U));
    c.out.push_back(static_cast<std::byte>(reply->bytes.size() & 0xffU));
    c.out.insert(c.out.end(), reply->bytes.begin(), reply->bytes.end());
  }
  return true;
}

bool Server::serve(Connection& c, short events) {
  if (Clock::now() >= c.until || (events & (POLLERR | POLLNVAL)) != 0) return false;
  if ((events & (POLLIN | POLLHUP)) != 0 && c.out.empty()) {
    std::array<std::byte, 2'048> buffer;
    const ssize_t n = ::recv(c.fd, buffer.data(), buffer.size(), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (n > 0) c.in.insert(c.in.end(), buffer.begin(), buffer.begin() + n);
  }
  // As many as have come and whose answers are taken.
  for (;;) {
    if (!answer_next(c)) return false;
    if (c.out.empty()) return true;
    const ssize_t n = ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.out.erase(c.out.begin(), c.out.begin() + n);
    if (!c.out.empty()) return true;
  }
}

}  // namespace causeway::nameserver
