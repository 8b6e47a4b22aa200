#include "kernel/way.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace causeway::kernel {
namespace {

struct Request {
  nlmsghdr header{};
  rtmsg route{};
  std::array<char, 64> attributes{};
};

void add(Request& r, unsigned short type, const void* value, std::size_t size) {
  rtattr a{};
  a.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  a.rta_type = type;
  char* at = reinterpret_cast<char*>(&r) + NLMSG_ALIGN(r.header.nlmsg_len);
  std::memcpy(at, &a, sizeof a);
  std::memcpy(at + RTA_LENGTH(0), value, size);
  r.header.nlmsg_len = NLMSG_ALIGN(r.header.nlmsg_len) + RTA_ALIGN(a.rta_len);
}

class Socket {
 public:
  Socket() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::optional<std::uint32_t> way_of(const IpAddress& from, const IpAddress& to,
                                    const std::string& interface) {
  if (from.is_v6() || to.is_v6()) return std::nullopt;
  const Socket s;
  if (s.fd() < 0) return std::nullopt;
  Request r;
  r.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg));
  r.header.nlmsg_type = RTM_GETROUTE;
  r.header.nlmsg_flags = NLM_F_REQUEST;
  r.route.rtm_family = AF_INET;
  r.route.rtm_dst_len = r.route.rtm_src_len = 32;
  add(r, RTA_DST, to.bytes().data(), 4);
  add(r, RTA_SRC, from.bytes().data(), 4);
  if (!interface.empty()) {
    const unsigned index = if_nametoindex(interface.c_str());
    if (index == 0) return std::nullopt;
    add(r, RTA_OIF, &index, sizeof index);
  }
  if (send(s.fd(), &r, r.header.nlmsg_len, 0) < 0) return std::nullopt;
  alignas(nlmsghdr) std::array<char, 1024> answer{};
  const ssize_t got = recv(s.fd(), answer.data(), answer.size(), 0);  // it is there already
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(rtmsg)))) return std::nullopt;
  nlmsghdr header{};
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != RTM_NEWROUTE || header.nlmsg_len > static_cast<std::uint32_t>(got))
    return std::nullopt;
  rtmsg route{};
  std::memcpy(&route, answer.data() + NLMSG_LENGTH(0), sizeof route);
  if (route.rtm_type == RTN_LOCAL) return 0;
  if (route.rtm_type != RTN_UNICAST) return std::nullopt;
  std::size_t at = NLMSG_LENGTH(sizeof(rtmsg));
  while (at + sizeof(rtattr) <= header.nlmsg_len) {
    rtattr a{};
    std::memcpy(&a, answer.data() + at, sizeof a);
    if (a.rta_len < sizeof a || at + a.rta_len > header.nlmsg_len) break;
    if (a.rta_type == RTA_OIF && a.rta_len == RTA_LENGTH(sizeof(std::uint32_t))) {
      std::uint32_t index = 0;
      std::memcpy(&index, answer.data() + at + RTA_LENGTH(0), sizeof index);
      return index;
    }
    at += RTA_ALIGN(a.rta_len);
  }
  return std::nullopt;
}

}  // namespace causeway::kernel
