#include "reactor/udp_socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/log.h"

namespace causeway::reactor {
namespace {

constexpr int kBatchesPerTurn = 2;
constexpr int kRefusals = 8;     // of runs in one piece, then they are not tried again
constexpr Micros kDense{1'000};  // between two wake-ups

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// A run that the kernel did not take in one piece. Returns how many it did not take like this.
std::size_t send_singly(int fd, const msghdr& run, std::size_t count) {
  const auto* at = static_cast<const std::byte*>(run.msg_iov->iov_base);
  const std::size_t size = run.msg_iov->iov_len / count;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < count; ++i, at += size)
    if (sendto(fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               static_cast<const sockaddr*>(run.msg_name), run.msg_namelen) < 0)
      ++lost;
  return lost;
}

// As much as the operator asked for, whatever the system's usual bound is, when we may.
void ask_for_receive_buffer(int fd, int wanted, const std::string& where) {
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted))
    (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, wanted);
  int got = 0;
  socklen_t length = sizeof got;
  // The kernel doubles it for its own accounts.
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length) == 0 && got / 2 < wanted)
    log::warning(
        "the receive buffer of {} is {} bytes, {} were wanted: raise net.core.rmem_max or give the "
        "process CAP_NET_ADMIN",
        where, got / 2, wanted);
}

}  // namespace

Result<FileDescriptor> open_socket(int type, const Endpoint& local, const SocketOptions& options) {
  const bool v6 = local.address.is_v6();
  const std::string where = local.to_string();
  FileDescriptor fd(socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    const int error = errno;
    Error reason = io_error("socket for " + where, error);
    if (error == EMFILE || error == ENFILE) reason.code = ErrorCode::kUnavailable;
    return tl::unexpected<Error>(reason);
  }
  if (options.leave_reserve && fd.get() >= first_reserved_descriptor())
    return tl::unexpected<Error>(
        {ErrorCode::kUnavailable,
         "the process has too few file descriptors: raise its limit of open files (LimitNOFILE)"});
  const int f = fd.get();
  bool ok = true;
  if (v6) ok = set_option(f, IPPROTO_IPV6, IPV6_V6ONLY, 1) && ok;
  if (type == SOCK_STREAM) ok = set_option(f, SOL_SOCKET, SO_REUSEADDR, 1) && ok;
  if (options.reuse_port) ok = set_option(f, SOL_SOCKET, SO_REUSEPORT, 1) && ok;
  const int tos = options.dscp << 2;
  ok = (v6 ? set_option(f, IPPROTO_IPV6, IPV6_TCLASS, tos)
           : set_option(f, IPPROTO_IP, IP_TOS, tos)) &&
       ok;
  if (options.receive_buffer > 0) ask_for_receive_buffer(f, options.receive_buffer, where);
  if (!ok) return tl::unexpected<Error>(io_error("options of " + where, errno));
  if (!options.interface.empty() &&
      setsockopt(f, SOL_SOCKET, SO_BINDTODEVICE, options.interface.data(),
                 static_cast<socklen_t>(options.interface.size())) != 0)
    return tl::unexpected<Error>(io_error("interface " + options.interface, errno));
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(local, address);
  if (bind(f, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return tl::unexpected<Error>(io_error("bind " + where, errno));
  return fd;
}

// One system call for a whole batch, where SO_TIMESTAMPNS would cost every datagram a control
// message.
Micros wait_of_latest(int fd) {
  timespec came{}, now{};
  if (ioctl(fd, SIOCGSTAMPNS, &came) != 0) return Micros{0};
  clock_gettime(CLOCK_REALTIME, &now);
  const Micros wait =
      Seconds{now.tv_sec - came.tv_sec} + Micros{(now.tv_nsec - came.tv_nsec) / 1000};
  return std::clamp<Micros>(wait, Micros{0}, Seconds{10});
}

Endpoint local_endpoint(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return from_sockaddr(address);
}

DatagramBatch::DatagramBatch() : buffer_(new std::byte[kDatagrams * kStride]) {
  for (std::size_t i = 0; i < kDatagrams; ++i) {
    vectors_[i] = {buffer_.get() + i * kStride, kLargest};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_name = &addresses_[i];
  }
}

int DatagramBatch::receive(int fd) {
  for (auto& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  return recvmmsg(fd, messages_.data(), kDatagrams, MSG_DONTWAIT, nullptr);
}

int DatagramBatch::receive_one(int fd) {
  socklen_t length = sizeof(sockaddr_storage);
  const auto size = recvfrom(fd, buffer_.get(), kLargest, MSG_DONTWAIT,
                             reinterpret_cast<sockaddr*>(addresses_.data()), &length);
  if (size < 0) return -1;
  messages_[0].msg_len = static_cast<unsigned>(size);
  return 1;
}

OutgoingBatch::OutgoingBatch(int fd) : fd_(fd) {
  bytes_.reserve(kBytes);
  // A kernel that does not know the option would send a run as one datagram.
  int size = 0;
  socklen_t length = sizeof size;
  segments_ = getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &length) == 0;
}

void OutgoingBatch::add(const Endpoint& to, std::span<const std::byte> data) {
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  sizes_[count_] = data.size();
  address_sizes_[count_] = to_sockaddr(to, addresses_[count_]);
  ++count_;
}

std::size_t OutgoingBatch::run_of(std::size_t i) const {
  // What is split after it was routed must fit the narrowest path that is usual.
  constexpr std::size_t kLargestSegment = 1'200;
  if (!segments_ || sizes_[i] == 0 || sizes_[i] > kLargestSegment) return 1;
  std::size_t n = 1;
  while (i + n < count_ && sizes_[i + n] == sizes_[i] &&
         address_sizes_[i + n] == address_sizes_[i] &&
         std::memcmp(&addresses_[i + n], &addresses_[i], address_sizes_[i]) == 0)
    ++n;
  return n;
}

std::size_t OutgoingBatch::send() {
  struct alignas(cmsghdr) Segmented {
    std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> room{};
  };
  std::array<mmsghdr, kDatagrams> messages;
  std::array<iovec, kDatagrams> vectors;
  std::array<Segmented, kDatagrams> segmented;
  std::array<std::size_t, kDatagrams> runs;
  std::byte* at = bytes_.data();
  std::size_t n = 0;
  for (std::size_t i = 0; i < count_; i += runs[n++]) {
    runs[n] = run_of(i);
    vectors[n] = {at, sizes_[i] * runs[n]};
    msghdr& m = messages[n].msg_hdr;
    m = {};
    m.msg_name = &addresses_[i];
    m.msg_namelen = address_sizes_[i];
    m.msg_iov = &vectors[n];
    m.msg_iovlen = 1;
    if (runs[n] > 1) {
      m.msg_control = segmented[n].room.data();
      m.msg_controllen = segmented[n].room.size();
      cmsghdr* const c = CMSG_FIRSTHDR(&m);
      c->cmsg_level = SOL_UDP;
      c->cmsg_type = UDP_SEGMENT;
      c->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto size = static_cast<std::uint16_t>(sizes_[i]);
      std::memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    at += vectors[n].iov_len;
  }
  std::size_t lost = 0;
  for (std::size_t i = 0; i < n;) {
    const int sent =
        sendmmsg(fd_, &messages[i], static_cast<unsigned>(n - i), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      i += static_cast<std::size_t>(sent);
      continue;
    }
    // The first of them; each that follows deserves its own attempt.
    if (runs[i] > 1) {
      const bool unfit = errno == EINVAL || errno == EIO || errno == EOPNOTSUPP;
      const std::size_t more = send_singly(fd_, messages[i].msg_hdr, runs[i]);
      lost += more;
      // One peer may be to blame, not the socket: a narrow path, IPsec.
      if (unfit && more == 0 && ++refused_ == kRefusals) segments_ = false;
    } else {
      ++lost;
    }
    ++i;
  }
  count_ = 0;
  bytes_.clear();
  if (bytes_.capacity() > 2 * kBytes) std::vector<std::byte>().swap(bytes_);
  return lost;
}

Result<std::unique_ptr<UdpSocket>> KernelUdpSocket::open(EpollReactor& reactor,
                                                         const Endpoint& local,
                                                         const SocketOptions& options,
                                                         UdpListener& listener) {
  auto fd = open_socket(SOCK_DGRAM, local, options);
  if (!fd) return tl::unexpected<Error>(fd.error());
  const Endpoint bound = local_endpoint(fd->get());
  std::unique_ptr<KernelUdpSocket> self(
      new KernelUdpSocket(reactor, std::move(*fd), bound, listener));
  self->chosen_port_ = local.port == 0;
  self->measure_wait_ = options.measure_wait;
  if (options.gather) self->outgoing_ = std::make_unique<OutgoingBatch>(self->fd_.get());
  if (options.measure_wait) (void)wait_of_latest(self->fd_.get());
  self->watch_ = reactor.watch_fd(self->fd_.get(), EPOLLIN, *self);
  if (self->watch_ == WatchId{}) return tl::unexpected<Error>(io_error("epoll", errno));
  return self;
}

KernelUdpSocket::~KernelUdpSocket() {
  flush();
  reactor_.unwatch_fd(watch_);
}

void KernelUdpSocket::flush() {
  if (outgoing_ && !outgoing_->empty()) reactor_.counters().datagrams_dropped += outgoing_->send();
}

void KernelUdpSocket::on_ready(std::uint32_t) {
  const Pulse pulse(reactor_, watch_);
  DatagramBatch& batch = reactor_.batch();
  EpollReactor& reactor = reactor_;
  // A media port sees a packet every 20 ms, a SIP port many at once. What is left waiting is
  // reported again (the descriptor is level-triggered).
  dense_ = dense_ || reactor.now() - last_ready_ < kDense;
  last_ready_ = reactor.now();
  for (int round = 0; round < kBatchesPerTurn; ++round) {
    const int n = dense_ ? batch.receive(fd_.get()) : batch.receive_one(fd_.get());
    if (n <= 1) dense_ = false;
    const bool many = measure_wait_ && n == static_cast<int>(DatagramBatch::kDatagrams);
    const Instant came = reactor.now() - (many ? wait_of_latest(fd_.get()) : Micros{0});
    // A negative result also reports (and clears) an ICMP error of an earlier send.
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const Endpoint from = batch.from(index);
      ++reactor.counters().datagrams_in;
      if (connected_ && from != remote_) continue;  // arrived before connect()
      listener_.on_datagram(*this, from, batch.data(index), came);
      if (!pulse) return;
    }
    if (n < static_cast<int>(DatagramBatch::kDatagrams)) break;
  }
}

void KernelUdpSocket::send(const Endpoint& to, std::span<const std::byte> data) {
  ++reactor_.counters().datagrams_out;
  if (outgoing_) {
    if (!outgoing_->fits(data.size())) flush();
    if (outgoing_->empty()) reactor_.at_end_of_turn(watch_);
    return outgoing_->add(to, data);
  }
  if (kernel_connected_ && to == remote_) {
    if (::send(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    // The error may belong to an earlier datagram (ICMP); this one deserves its own attempt.
    if (errno == ECONNREFUSED &&
        ::send(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
      return;
    ++reactor_.counters().datagrams_dropped;
    return;
  }
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(to, address);
  if (sendto(fd_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length) < 0)
    ++reactor_.counters().datagrams_dropped;
}

void KernelUdpSocket::connect(const Endpoint& remote) {
  remote_ = remote;
  connected_ = remote.port != 0;
  if (chosen_port_) return;  // the filter on arrival does it alone
  sockaddr_storage address{};
  socklen_t length = sizeof(sockaddr);
  address.ss_family = AF_UNSPEC;
  if (connected_) length = to_sockaddr(remote, address);
  const int result = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length);
  // Without the kernel's help (no route yet) the filter on arrival does the same.
  kernel_connected_ = connected_ && result == 0;
}

}  // namespace causeway::reactor
