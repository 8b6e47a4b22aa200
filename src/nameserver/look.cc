#include "nameserver/look.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/random.h"

namespace causeway::nameserver {
namespace {

using Clock = std::chrono::steady_clock;

struct Socket {
  int fd = -1;
  Socket() = default;
  explicit Socket(int descriptor) : fd(descriptor) {}
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
};

Result<Said> ask_one(const Endpoint& server, const std::string& name, Type type,
                     std::chrono::milliseconds wait) {
  // A port of its own for each question: who answers must guess it and the id (RFC 5452).
  SystemRandom random;
  const auto id = static_cast<std::uint16_t>(random.u64());
  const auto query = make_query(name, type, id);
  if (!query) return tl::unexpected(query.error());
  sockaddr_storage address{};
  const socklen_t size = to_sockaddr(server, address);
  const Socket s(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (s.fd < 0 || ::connect(s.fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::send(s.fd, query->data(), query->size(), MSG_NOSIGNAL) < 0)
    return fail(ErrorCode::kIo,
                fmt::format("name server {}: {}", server.to_string(), std::strerror(errno)));
  const auto until = Clock::now() + wait;
  std::array<std::byte, kMaxQuery> buffer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd p{s.fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0)
      return fail(ErrorCode::kTimeout,
                  fmt::format("name server {} does not answer", server.to_string()));
    const ssize_t n = ::recv(s.fd, buffer.data(), buffer.size(), 0);
    if (n < 0)
      return fail(ErrorCode::kIo,
                  fmt::format("name server {}: {}", server.to_string(), std::strerror(errno)));
    auto said = read_reply({buffer.data(), static_cast<std::size_t>(n)}, name, type, id);
    if (said || said.error().code != ErrorCode::kMalformed) return said;
  }
}

}  // namespace

Result<Said> ask_servers(const std::vector<Endpoint>& servers, const std::string& name, Type type,
                         std::chrono::milliseconds each) {
  Error last{ErrorCode::kUnavailable, "there is no name server to ask"};
  for (const auto& server : servers) {
    auto said = ask_one(server, name, type, each);
    if (said) return said;
    last = said.error();
  }
  return tl::unexpected(last);
}

Result<Seen> look(const std::vector<Expected>& names, const Ask& ask) {
  bool all = true, nothing = true;
  for (const auto& n : names) {
    for (const Type type : {Type::kTxt, Type::kA, Type::kAaaa}) {
      const auto said = ask(n.name, type);
      if (!said) return tl::unexpected(said.error());
      if (!said->data.empty()) nothing = false;
      if (type == Type::kTxt) {
        // Others may have put texts of their own beside it.
        if (!n.token.empty() &&
            std::find(said->data.begin(), said->data.end(), n.token) == said->data.end())
          all = false;
        continue;
      }
      std::vector<std::string> wanted, found = said->data;
      for (const auto& a : n.addresses)
        if (a.is_v6() == (type == Type::kAaaa)) wanted.push_back(a.to_string());
      std::sort(wanted.begin(), wanted.end());
      std::sort(found.begin(), found.end());
      if (wanted != found) all = false;
    }
  }
  return nothing ? Seen::kNothing : all ? Seen::kAll : Seen::kOther;
}

std::vector<Endpoint> servers_of_system(std::string_view text) {
  std::vector<Endpoint> out;
  while (!text.empty() && out.size() < 3) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    constexpr std::string_view kWord = "nameserver";
    if (!line.starts_with(kWord)) continue;
    line.remove_prefix(kWord.size());
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    line = line.substr(0, line.find_first_of(" \t\r#"));
    if (const auto a = IpAddress::literal(line)) out.push_back({*a, 53});
  }
  return out;
}

}  // namespace causeway::nameserver
