#include "app/control_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

namespace causeway::app {
namespace detail {

// What a responder writes and the server sends.
struct ControlChannel {
  std::mutex mutex;
  std::string out;        // guarded by mutex
  bool finished = false;  // guarded by mutex: done or failed was said
  bool gone = false;      // guarded by mutex: the client has left
  bool flooded = false;   // guarded by mutex
  std::shared_ptr<int> wake;

  void send(const ResponseLine& line) {
    {
      const std::lock_guard lock(mutex);
      if (gone || finished) return;
      finished = line.kind == ResponseLine::Kind::kDone || line.kind == ResponseLine::Kind::kFailed;
      out += encode(line);
      flooded = out.size() > ControlServer::kMaxOutput;
    }
    const std::uint64_t one = 1;
    (void)!::write(*wake, &one, sizeof one);
  }
};

}  // namespace detail

struct Responder::Last {
  std::shared_ptr<detail::ControlChannel> channel;
  explicit Last(std::shared_ptr<detail::ControlChannel> c) : channel(std::move(c)) {}
  ~Last() { channel->send({ResponseLine::Kind::kFailed, "the gateway gave no answer", {}}); }
  Last(const Last&) = delete;
  Last& operator=(const Last&) = delete;
};

Responder::Responder(std::shared_ptr<detail::ControlChannel> channel)
    : last_(std::make_shared<Last>(std::move(channel))) {}
void Responder::text(std::string_view line) const {
  last_->channel->send({ResponseLine::Kind::kText, std::string(line), {}});
}
void Responder::head(std::vector<std::string> cells) const {
  last_->channel->send({ResponseLine::Kind::kHead, {}, std::move(cells)});
}
void Responder::row(std::vector<std::string> cells) const {
  last_->channel->send({ResponseLine::Kind::kRow, {}, std::move(cells)});
}
void Responder::bytes(std::span<const std::byte> data) const {
  constexpr std::size_t kPiece = 48'000;
  for (std::size_t at = 0; at < data.size(); at += kPiece) {
    const auto piece = data.subspan(at, std::min(kPiece, data.size() - at));
    last_->channel->send({ResponseLine::Kind::kBytes,
                          std::string(reinterpret_cast<const char*>(piece.data()), piece.size()),
                          {}});
  }
}
void Responder::done() const { last_->channel->send({ResponseLine::Kind::kDone, {}, {}}); }
void Responder::fail(std::string_view why) const {
  last_->channel->send({ResponseLine::Kind::kFailed, std::string(why), {}});
}
bool Responder::alive() const {
  const std::lock_guard lock(last_->channel->mutex);
  return !last_->channel->gone && !last_->channel->finished;
}

struct ControlServer::Client {
  int fd = -1;
  std::string in;
  bool asked = false;  // one request for each connection
  std::shared_ptr<detail::ControlChannel> channel;

  ~Client() {
    ::close(fd);
    const std::lock_guard lock(channel->mutex);
    channel->gone = true;
    channel->out.clear();
  }
};

namespace {

bool make_address(const std::string& path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return true;
}

// An error when somebody answers there, or when it is no socket.
Status make_room(const std::string& path, const sockaddr_un& address) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return {};
  if (!S_ISSOCK(st.st_mode))
    return fail(ErrorCode::kConflict, "'" + path + "' exists and is no socket; remove it");
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool answers = probe >= 0 && (::connect(probe, reinterpret_cast<const sockaddr*>(&address),
                                                sizeof address) == 0 ||
                                      errno == EAGAIN);
  if (probe >= 0) ::close(probe);
  if (answers)
    return fail(ErrorCode::kConflict,
                "another gateway answers at '" + path + "'; stop it or use another control_socket");
  return {};
}

tl::unexpected<Error> io(const std::string& path) {
  return fail(ErrorCode::kIo, "control socket '" + path + "': " + std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::string& path,
                                                           ControlHandler& handler) {
  sockaddr_un address{}, temporary{};
  const std::string beside = path + "." + std::to_string(::getpid());
  if (!make_address(path, address) || !make_address(beside, temporary))
    return fail(ErrorCode::kConfiguration,
                "control socket '" + path + "': the path is too long; at most 96 characters");
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  if (const Status room = make_room(path, address); !room) return tl::unexpected(room.error());

  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return io(path);
  // Set before bind(), the mode is there from the first moment; the rename makes the change whole.
  ::unlink(beside.c_str());
  struct stat st{};
  if (::fchmod(fd, 0600) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&temporary), sizeof temporary) != 0 ||
      ::chmod(beside.c_str(), 0600) != 0 || ::listen(fd, 16) != 0 ||
      ::stat(beside.c_str(), &st) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) {
    auto e = io(path);
    ::close(fd);
    ::unlink(beside.c_str());
    return e;
  }
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::unique_ptr<ControlServer> s(new ControlServer(path, handler, fd, wake));
  s->inode_ = st.st_ino;
  s->thread_ = std::thread([raw = s.get()] { raw->run(); });
  return s;
}

ControlServer::ControlServer(std::string path, ControlHandler& handler, int listener, int wake)
    : handler_(handler),
      path_(std::move(path)),
      listener_(listener),
      wake_(new int(wake), [](int* fd) {
        ::close(*fd);
        delete fd;
      }) {}

ControlServer::~ControlServer() { stop(); }

void ControlServer::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(*wake_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  clients_.clear();
  if (listener_ < 0) return;
  ::close(listener_);
  listener_ = -1;
  struct stat st{};
  if (::stat(path_.c_str(), &st) == 0 && st.st_ino == inode_) ::unlink(path_.c_str());
}

void ControlServer::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign({{*wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    for (const auto& [fd, c] : clients_) {
      const std::lock_guard lock(c->channel->mutex);
      const short out = c->channel->out.empty() ? 0 : POLLOUT;
      polled.push_back({fd, static_cast<short>(POLLIN | out), 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    std::uint64_t drained = 0;
    (void)!::read(*wake_, &drained, sizeof drained);
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      Client& c = *clients_.at(polled[i].fd);
      bool keep = (polled[i].revents & (POLLERR | POLLNVAL)) == 0;
      if (keep && (polled[i].revents & (POLLIN | POLLHUP)) != 0) keep = read_from(c);
      if (keep && (polled[i].revents & POLLOUT) != 0) keep = write_to(c);
      if (!keep) clients_.erase(polled[i].fd);
    }
    if ((polled[1].revents & POLLIN) != 0) accept_client();
  }
}

void ControlServer::accept_client() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {  // for want of descriptors or memory it stays readable: not asked again at once
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return;
  }
  if (clients_.size() >= kMaxClients) {
    // Whoever connected and never asked makes room.
    const auto idle = std::find_if(clients_.begin(), clients_.end(),
                                   [](const auto& c) { return !c.second->asked; });
    if (idle == clients_.end()) {
      const std::string sorry =
          encode(ResponseLine{ResponseLine::Kind::kFailed, "too many commands are running", {}});
      (void)!::write(fd, sorry.data(), sorry.size());
      ::close(fd);
      return;
    }
    clients_.erase(idle);
  }
  auto c = std::make_unique<Client>();
  c->fd = fd;
  c->channel = std::make_shared<detail::ControlChannel>();
  c->channel->wake = wake_;
  clients_[fd] = std::move(c);
}

bool ControlServer::read_from(Client& c) {
  char buffer[16'384];
  const ssize_t n = ::read(c.fd, buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  if (c.asked) return true;  // one request for each connection: the rest is not read
  c.in.append(buffer, static_cast<std::size_t>(n));
  const std::size_t end = c.in.find('\n', c.in.size() - static_cast<std::size_t>(n));
  if (end == std::string::npos && c.in.size() <= kMaxRequestBytes) return true;
  c.asked = true;
  const Responder responder(c.channel);
  const auto request = decode_request(std::string_view(c.in).substr(0, end));
  if (end == std::string::npos)
    responder.fail("the request is too long");
  else if (!request)
    responder.fail(request.error().what);
  else
    handler_.on_command(*request, responder);
  c.in.clear();
  c.in.shrink_to_fit();
  return true;
}

bool ControlServer::write_to(Client& c) {
  const std::lock_guard lock(c.channel->mutex);
  auto& out = c.channel->out;
  if (c.channel->flooded) return false;
  const ssize_t n =
      ::send(c.fd, out.data(), std::min<std::size_t>(out.size(), 1 << 20), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  out.erase(0, static_cast<std::size_t>(n));
  return !(out.empty() && c.channel->finished);
}

}  // namespace causeway::app
