// Datagrams from and to the kernel. On the shard's thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <vector>

#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"

namespace causeway::reactor {

// Buffers for one read, shared by all sockets of a reactor.
class DatagramBatch {
 public:
  static constexpr std::size_t kDatagrams = 16;
  static constexpr std::size_t kLargest = 65'535;
  static constexpr std::size_t kStride = kLargest + UdpListener::kTailroom;

  DatagramBatch();
  // How many were received; negative with errno set.
  int receive(int fd);
  // One at most: a fifth cheaper than receive() where no more than one waits.
  int receive_one(int fd);
  [[nodiscard]] std::span<std::byte> data(std::size_t i) {
    return {buffer_.get() + i * kStride, messages_[i].msg_len};
  }
  [[nodiscard]] Endpoint from(std::size_t i) const { return from_sockaddr(addresses_[i]); }

 private:
  std::unique_ptr<std::byte[]> buffer_;
  std::array<mmsghdr, kDatagrams> messages_{};
  std::array<iovec, kDatagrams> vectors_{};
  std::array<sockaddr_storage, kDatagrams> addresses_{};
};

// What a socket sends in one turn of the loop, in order.
class OutgoingBatch {
 public:
  static constexpr std::size_t kDatagrams = 32;
  static constexpr std::size_t kBytes = 64 * 1024;

  explicit OutgoingBatch(int fd);  // an open UDP socket's
  // Is there room for one more of that size? One that is larger than all of it fits an empty one.
  [[nodiscard]] bool fits(std::size_t size) const {
    return count_ == 0 || (count_ < kDatagrams && bytes_.size() + size <= kBytes);
  }
  void add(const Endpoint& to, std::span<const std::byte> data);
  // Sends what there is and is empty afterwards. Returns how many the kernel did not take.
  std::size_t send();
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // Runs of one size go in one piece, as far as we know.
  [[nodiscard]] bool in_pieces() const { return segments_; }

 private:
  // Datagrams of one size to one peer, from the i-th on: they go through the kernel in one piece.
  [[nodiscard]] std::size_t run_of(std::size_t i) const;

  std::vector<std::byte> bytes_;  // one behind the other
  std::array<std::size_t, kDatagrams> sizes_{};
  std::array<sockaddr_storage, kDatagrams> addresses_{};
  std::array<socklen_t, kDatagrams> address_sizes_{};
  std::size_t count_ = 0;
  int fd_;
  bool segments_ = false;
  int refused_ = 0;  // runs that the kernel took only one by one
};

class KernelUdpSocket final : public UdpSocket, private FdHandler {
 public:
  static Result<std::unique_ptr<UdpSocket>> open(EpollReactor& reactor, const Endpoint& local,
                                                 const SocketOptions& options,
                                                 UdpListener& listener);
  ~KernelUdpSocket() override;
  [[nodiscard]] Endpoint local() const override { return local_; }
  void send(const Endpoint& to, std::span<const std::byte> data) override;
  void connect(const Endpoint& remote) override;

 private:
  KernelUdpSocket(EpollReactor& reactor, FileDescriptor fd, const Endpoint& local,
                  UdpListener& listener)
      : reactor_(reactor), listener_(listener), fd_(std::move(fd)), local_(local) {}
  void on_ready(std::uint32_t events) override;
  void on_end_of_turn() override { flush(); }
  void flush();

  EpollReactor& reactor_;
  UdpListener& listener_;
  FileDescriptor fd_;
  WatchId watch_;
  Endpoint local_, remote_;
  std::unique_ptr<OutgoingBatch> outgoing_;  // SocketOptions::gather
  // The kernel forgets a port that it chose itself when such a socket is opened again.
  bool chosen_port_ = false;
  bool connected_ = false;         // remote_ alone is heard
  bool kernel_connected_ = false;  // and the kernel knows it
  bool measure_wait_ = false;      // SocketOptions::measure_wait
  bool dense_ = false;             // datagrams come so close that several may wait
  Instant last_ready_{};
};

// What UDP and TCP sockets have in common: family, options and bind().
[[nodiscard]] Result<FileDescriptor> open_socket(int type, const Endpoint& local,
                                                 const SocketOptions& options);
[[nodiscard]] Endpoint local_endpoint(int fd);
// How long the datagram that was read last had lain in the queue of the socket; the first question
// makes the kernel note it from then on.
[[nodiscard]] Micros wait_of_latest(int fd);

}  // namespace causeway::reactor
