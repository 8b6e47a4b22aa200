#include "lab/flood.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace causeway::lab {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> garbage(const Endpoint& from) {
  constexpr std::size_t kKinds = 1'024;
  std::mt19937 random(1);
  std::vector<std::string> all(kKinds);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 4 != 0) {
      all[i].resize(20 + random() % 600);
      for (char& c : all[i]) c = static_cast<char>(random());
      continue;
    }
    all[i] = fmt::format(
        "INVITE sip:{}@nobody.example SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}\r\n"
        "From: <sip:x@nobody.example>;tag={}\r\nTo: <sip:y@nobody.example>\r\nCall-ID: {}\r\n"
        "CSeq: 1 NONSENSE\r\nContent-Length: 0\r\n\r\n",
        i, from.to_string(), i, i, i);
  }
  return all;
}

constexpr std::size_t kBatch = 64;

class Batch {
 public:
  explicit Batch(const std::vector<std::string>& all) : all_(all) {}
  // How many of `n` left.
  std::size_t send(int fd, std::size_t n) {
    n = std::min(n, kBatch);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string& one = all_[next_++ % all_.size()];
      pieces_[i] = {const_cast<char*>(one.data()), one.size()};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(fd, messages_.data(), static_cast<unsigned>(n), MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }

 private:
  const std::vector<std::string>& all_;
  std::size_t next_ = 0;
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> messages_{};
};

}  // namespace

Result<FloodReport> run_flood(const FloodSettings& s, const volatile std::sig_atomic_t& stop) {
  sockaddr_storage from{}, to{};
  const socklen_t from_size = to_sockaddr(s.from, from), to_size = to_sockaddr(s.to, to);
  const int fd = ::socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&from), from_size) != 0 ||
      ::connect(fd, reinterpret_cast<const sockaddr*>(&to), to_size) != 0) {
    auto e = fail(ErrorCode::kIo, s.from.to_string() + ": " + std::strerror(errno));
    if (fd >= 0) ::close(fd);
    return e;
  }
  const auto all = garbage(s.from);
  Batch batch(all);
  FloodReport r;
  const auto began = Clock::now();
  for (;;) {
    const std::chrono::duration<double> gone = Clock::now() - began;
    r.seconds = gone.count();
    if (stop != 0 || gone >= s.length) break;
    const auto due = static_cast<std::uint64_t>(gone.count() * s.rate);
    while (r.sent + r.unsent < due) {
      const std::size_t n = std::min<std::uint64_t>(kBatch, due - r.sent - r.unsent);
      const std::size_t sent = batch.send(fd, n);
      r.sent += sent;
      r.unsent += n - sent;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  ::close(fd);
  return r;
}

}  // namespace causeway::lab
