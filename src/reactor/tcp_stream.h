// TCP and TLS connections, opened and accepted. On the shard's thread.
//
// TcpStream is what the user owns; StreamCore does the work. close_gracefully() leaves the core
// with the reactor, so that the user may destroy the stream at once and the bytes still leave.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "reactor/epoll_reactor.h"
#include "reactor/reactor.h"
#include "reactor/tls_session.h"

namespace causeway::reactor {

class TcpAcceptor;
class TcpStream;

class StreamCore final : private FdHandler, private TimerTarget {
 public:
  StreamCore(EpollReactor& reactor, FileDescriptor fd, const Endpoint& remote,
             std::unique_ptr<TlsSession> tls);
  ~StreamCore();
  StreamCore(const StreamCore&) = delete;
  StreamCore& operator=(const StreamCore&) = delete;

  // One of the two, once. False: the reactor cannot watch the socket.
  [[nodiscard]] bool start_connecting(TcpStream& owner, StreamListener& listener);
  [[nodiscard]] bool start_accepted(TcpStream& owner, TcpAcceptor& acceptor);

  void set_owner(TcpStream* owner) { owner_ = owner; }
  void write(std::string_view bytes);
  void pause_reading(bool paused);
  void finish_writing();
  // The core now belongs to the reactor. False: nothing to wait for, destroy it.
  [[nodiscard]] bool start_lingering();
  [[nodiscard]] std::size_t queued() const { return plain_.size() + queue_.size() - sent_; }
  void come_first(bool first) { first_ = first; }  // of its handshake
  [[nodiscard]] const TlsPeer& tls_peer() const { return peer_; }
  // The acceptor is gone before the handshake is done.
  void forget_acceptor() { acceptor_ = nullptr; }

 private:
  enum class State : std::uint8_t { kConnecting, kHandshake, kOpen, kLingering, kDead };

  void on_ready(std::uint32_t events) override;
  void on_end_of_turn() override;
  void on_timer(std::uint64_t token, Instant now) override;
  void on_handshake_turn() override;
  void on_handshake_step(std::unique_ptr<TlsSession> session, TlsSession::Step step) override;

  void finish_connecting();
  void begin_handshake();
  void want_step();
  void after_step(TlsSession::Step step);
  void established();
  void read_socket();
  bool read_tls();                             // false: closed or destroyed
  bool give(std::span<const std::byte> data);  // false: destroyed or closed in the callback
  void flush();
  void send_queue();
  void update_interest();
  void schedule_flush() { reactor_.at_end_of_turn(watch_); }
  void fall_silent();             // dead, and nobody is told
  void die(const Error& reason);  // dead, and the user is told; may destroy this
  void linger_step();

  // borrowed
  EpollReactor& reactor_;
  TcpStream* owner_ = nullptr;
  StreamListener* listener_ = nullptr;
  TcpAcceptor* acceptor_ = nullptr;  // until it is handed over
  // owned
  FileDescriptor fd_;
  std::unique_ptr<TlsSession> tls_;  // null, too, while a step of the handshake is computed
  // state
  const Endpoint remote_;
  WatchId watch_;
  std::uint32_t interest_ = 0;
  State state_ = State::kConnecting;
  bool paused_ = false, shut_down_ = false;
  bool finishing_ = false;  // nothing more is taken for the far side
  bool stepping_ = false;   // a step of the handshake is under way: nothing is read
  bool first_ = true;       // its handshake does not wait for those of strangers
  bool late_read_ = false;  // the session may hold plain text that nobody was given
  TimerId timer_;           // of the handshake, or of lingering
  std::string plain_;       // not encrypted yet, or written before the connection was there
  std::string queue_;       // for the socket
  std::size_t sent_ = 0;    // of queue_
  std::string overflow_;    // why it dies at the end of the turn
  TlsPeer peer_;
};

class TcpStream final : public Stream {
 public:
  static Result<std::unique_ptr<Stream>> connect(EpollReactor& reactor, const Endpoint& local,
                                                 const Endpoint& remote,
                                                 const SocketOptions& options, const TlsClient* tls,
                                                 StreamListener& listener);
  TcpStream(EpollReactor& reactor, std::unique_ptr<StreamCore> core, const Endpoint& local,
            const Endpoint& remote)
      : reactor_(reactor), core_(std::move(core)), local_(local), remote_(remote) {}
  [[nodiscard]] Endpoint local() const override { return local_; }
  [[nodiscard]] Endpoint remote() const override { return remote_; }
  [[nodiscard]] const TlsPeer& tls() const override { return tls_; }
  void write(std::string_view bytes) override {
    if (core_) core_->write(bytes);
  }
  [[nodiscard]] std::size_t queued() const override { return core_ ? core_->queued() : 0; }
  void pause_reading(bool paused) override {
    if (core_) core_->pause_reading(paused);
  }
  void close_gracefully() override;
  void finish_writing() override {
    if (core_) core_->finish_writing();
  }
  void set_tls(const TlsPeer& peer) { tls_ = peer; }
  void set_local(const Endpoint& local) { local_ = local; }
  [[nodiscard]] StreamCore& core() { return *core_; }

 private:
  EpollReactor& reactor_;
  std::unique_ptr<StreamCore> core_;
  Endpoint local_;
  const Endpoint remote_;
  TlsPeer tls_;
};

class TcpAcceptor final : public Acceptor, private FdHandler, private TimerTarget {
 public:
  static Result<std::unique_ptr<Acceptor>> open(EpollReactor& reactor, const Endpoint& local,
                                                const SocketOptions& options,
                                                std::shared_ptr<const TlsContext> tls,
                                                AcceptListener& listener);
  ~TcpAcceptor() override;
  [[nodiscard]] Endpoint local() const override { return local_; }
  void set_tls(std::shared_ptr<const TlsContext> context) override { tls_ = std::move(context); }

  // --- for StreamCore ---
  // The user's listener, or null: refused. May destroy the stream and the acceptor.
  StreamListener* hand_over(TcpStream& stream);
  // Destroys the stream.
  void refuse(TcpStream& stream, const Error& reason);

 private:
  TcpAcceptor(EpollReactor& reactor, FileDescriptor fd, std::shared_ptr<const TlsContext> tls,
              AcceptListener& listener);
  void on_ready(std::uint32_t events) override;
  void on_timer(std::uint64_t token, Instant now) override;
  bool accept_one();  // false: stop for now, or destroyed
  void take(FileDescriptor fd, const Endpoint& remote);
  [[nodiscard]] std::unique_ptr<TcpStream> no_longer_pending(TcpStream& stream);
  void out_of_descriptors();
  void update_interest();

  EpollReactor& reactor_;
  AcceptListener& listener_;
  FileDescriptor fd_;
  std::shared_ptr<const TlsContext> tls_;
  const Endpoint local_;
  WatchId watch_;
  std::unordered_map<TcpStream*, std::unique_ptr<TcpStream>> pending_;  // handshakes in flight
  std::unordered_map<IpAddress, std::size_t> pending_from_;
  TimerId resting_;        // no descriptors left: accept again when it fires
  bool listening_ = true;  // what epoll was told
};

}  // namespace causeway::reactor
