#include "app/metrics_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

namespace causeway::app {

using Clock = std::chrono::steady_clock;

HttpAsks http_asks(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return bytes.size() >= kMaxHttpRequest ? HttpAsks::kNonsense : HttpAsks::kNotYet;
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const std::size_t a = line.find(' '), b = line.rfind(' ');
  if (a == std::string_view::npos || a == b) return HttpAsks::kNonsense;
  const std::string_view version = line.substr(b + 1);
  std::string_view target = line.substr(a + 1, b - a - 1);
  if ((version != "HTTP/1.1" && version != "HTTP/1.0") || target.find(' ') != target.npos)
    return HttpAsks::kNonsense;
  if (line.substr(0, a) != "GET") return HttpAsks::kOtherMethod;
  target = target.substr(0, target.find('?'));
  return target == "/metrics" ? HttpAsks::kMetrics : HttpAsks::kElsewhere;
}

namespace {

std::string response(std::string_view status, std::string_view type, std::string_view body,
                     std::string_view more = {}) {
  std::string r = "HTTP/1.1 ";
  r.append(status).append("\r\nContent-Type: ").append(type).append("\r\nContent-Length: ");
  r.append(std::to_string(body.size())).append("\r\n").append(more);
  r.append("Connection: close\r\n\r\n").append(body);
  return r;
}

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

namespace detail {

struct ScrapeChannel {
  std::mutex mutex;
  std::string out;        // guarded by mutex
  bool answered = false;  // guarded by mutex
  std::shared_ptr<int> wake;

  void send(std::string bytes) {
    {
      const std::lock_guard lock(mutex);
      if (std::exchange(answered, true)) return;
      out = std::move(bytes);
    }
    const std::uint64_t one = 1;
    (void)!::write(*wake, &one, sizeof one);
  }
};

}  // namespace detail

void Scrape::answer(std::string_view text) const {
  channel_->send(response("200 OK", "text/plain; version=0.0.4; charset=utf-8", text));
}
void Scrape::fail(std::string_view why) const {
  channel_->send(response("503 Service Unavailable", kText, why));
}

struct MetricsServer::Client {
  int fd = -1;
  Clock::time_point until;
  std::string in;
  bool asked = false;  // one request for each connection
  std::shared_ptr<detail::ScrapeChannel> channel = std::make_shared<detail::ScrapeChannel>();

  ~Client() { ::close(fd); }
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const Endpoint& at,
                                                           ScrapeHandler& handler,
                                                           std::chrono::milliseconds time) {
  sockaddr_storage address{};
  socklen_t size = to_sockaddr(at, address);
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(fd, 16) != 0) {
    auto e = fail(ErrorCode::kIo, "metrics.listen " + at.to_string() + ": " + std::strerror(errno));
    if (fd >= 0) ::close(fd);
    return e;
  }
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    auto e = fail(ErrorCode::kIo, std::string("metrics: eventfd: ") + std::strerror(errno));
    ::close(fd);
    return e;
  }
  std::unique_ptr<MetricsServer> s(new MetricsServer(handler, fd, wake, time));
  size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    s->local_ = from_sockaddr(address);
  s->thread_ = std::thread([raw = s.get()] { raw->run(); });
  return s;
}

MetricsServer::MetricsServer(ScrapeHandler& handler, int listener, int wake,
                             std::chrono::milliseconds time)
    : handler_(handler), time_(time), listener_(listener), wake_(new int(wake), [](int* fd) {
        ::close(*fd);
        delete fd;
      }) {}

MetricsServer::~MetricsServer() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(*wake_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  ::close(listener_);
}

void MetricsServer::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign({{*wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    auto wait = std::chrono::milliseconds(-1);
    const auto now = Clock::now();
    for (const auto& [fd, c] : clients_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(c->until - now);
      wait = wait.count() < 0 ? left : std::min(wait, left);
      const std::lock_guard lock(c->channel->mutex);
      const bool answering = !c->channel->out.empty();
      // What stands behind a request is not read, nor its end: a client may say all it has to say
      // and wait.
      const short events = answering ? POLLOUT : c->asked ? 0 : POLLIN;
      polled.push_back({fd, events, 0});
    }
    const int ms =
        clients_.empty() ? -1 : static_cast<int>(std::max<std::int64_t>(0, wait.count()));
    if (::poll(polled.data(), polled.size(), ms) < 0 && errno != EINTR) return;
    std::uint64_t drained = 0;
    (void)!::read(*wake_, &drained, sizeof drained);
    for (std::size_t i = 2; i < polled.size(); ++i) {
      Client& c = *clients_.at(polled[i].fd);
      bool keep = (polled[i].revents & (POLLERR | POLLNVAL)) == 0 && Clock::now() < c.until;
      if (keep && (polled[i].revents & POLLHUP) != 0 && c.asked) keep = false;
      if (keep && (polled[i].revents & (POLLIN | POLLHUP)) != 0) keep = read_from(c);
      if (keep && (polled[i].revents & POLLOUT) != 0) keep = write_to(c);
      if (!keep) clients_.erase(polled[i].fd);
    }
    if ((polled[1].revents & POLLIN) != 0) accept_client();
  }
  clients_.clear();
}

void MetricsServer::accept_client() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const bool no_room = fd < 0 && (errno == EMFILE || errno == ENFILE);
  // The one whose time is up first makes room: a scrape takes milliseconds.
  if (!clients_.empty() && (no_room || clients_.size() >= kMaxClients))
    clients_.erase(std::min_element(
        clients_.begin(), clients_.end(),
        [](const auto& a, const auto& b) { return a.second->until < b.second->until; }));
  else if (no_room)  // it stays readable: not asked again at once
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  if (fd < 0) return;
  auto c = std::make_unique<Client>();
  c->fd = fd;
  c->until = Clock::now() + time_;
  c->channel->wake = wake_;
  clients_[fd] = std::move(c);
}

bool MetricsServer::read_from(Client& c) {
  char buffer[2'048];
  const ssize_t n = ::read(c.fd, buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  c.in.append(buffer, static_cast<std::size_t>(n));
  const HttpAsks asks = http_asks(c.in);
  if (asks == HttpAsks::kNotYet) return true;
  c.asked = true;
  c.in = std::string();
  switch (asks) {
    case HttpAsks::kNotYet: break;
    case HttpAsks::kMetrics: handler_.on_scrape(Scrape(c.channel)); break;
    case HttpAsks::kElsewhere:
      c.channel->send(response("404 Not Found", kText, "there is /metrics\n"));
      break;
    case HttpAsks::kOtherMethod:
      c.channel->send(
          response("405 Method Not Allowed", kText, "GET alone is answered\n", "Allow: GET\r\n"));
      break;
    case HttpAsks::kNonsense:
      c.channel->send(response("400 Bad Request", kText, "this is no request\n"));
      break;
  }
  return true;
}

bool MetricsServer::write_to(Client& c) {
  const std::lock_guard lock(c.channel->mutex);
  auto& out = c.channel->out;
  const ssize_t n = ::send(c.fd, out.data(), out.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  out.erase(0, static_cast<std::size_t>(n));
  if (!out.empty()) return true;
  ::shutdown(c.fd, SHUT_WR);
  return false;
}

}  // namespace causeway::app
