#include "app/control_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace causeway::app {
namespace {

constexpr std::size_t kMaxLine = 1 << 20;

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

Status connect_to(const std::string& path, Socket& s) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kConfiguration, "the path of the socket is too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  s.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s.fd >= 0 &&
      ::connect(s.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return {};
  if (errno == ENOENT || errno == ECONNREFUSED)
    return fail(ErrorCode::kUnavailable,
                "no gateway is running at '" + path +
                    "'; start it, or say where it is with --socket PATH or --config FILE");
  if (errno == EACCES)
    return fail(ErrorCode::kForbidden,
                "you may not use '" + path + "'; become the user that runs the gateway");
  return fail(ErrorCode::kIo, "'" + path + "': " + std::strerror(errno));
}

Status send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(ErrorCode::kIo,
                  std::string("the gateway closed the connection: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Status ask(const std::string& socket_path, const Request& request,
           const std::function<Status(const ResponseLine&)>& on_line) {
  Socket s;
  if (auto r = connect_to(socket_path, s); !r) return r;
  if (auto r = send_all(s.fd, encode(request)); !r) return r;
  std::string in;
  char buffer[65'536];
  for (;;) {
    const ssize_t n = ::read(s.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(ErrorCode::kIo,
                  "the gateway closed the connection before its answer was complete");
    in.append(buffer, static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t end = in.find('\n'); end != std::string::npos; end = in.find('\n', at)) {
      const auto line = decode_response(std::string_view(in).substr(at, end - at));
      at = end + 1;
      if (!line) return tl::unexpected(line.error());
      if (line->kind == ResponseLine::Kind::kDone) return {};
      if (line->kind == ResponseLine::Kind::kFailed) return fail(ErrorCode::kConflict, line->text);
      if (auto r = on_line(*line); !r) return r;
    }
    in.erase(0, at);
    if (in.size() > kMaxLine)
      return fail(ErrorCode::kTooLarge, "the gateway sent a line without end");
  }
}

}  // namespace causeway::app
