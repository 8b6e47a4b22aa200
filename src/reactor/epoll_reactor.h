// A shard's view of the real machine: one thread, one level-triggered epoll loop. Construct it on
// any thread, then use it on the one that calls run(); only wake() and MailRoom::post() are for
// other threads. Sockets, streams and timers must be gone before it is.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "reactor/file_descriptor.h"
#include "reactor/handshake_pool.h"
#include "reactor/mail_room.h"
#include "reactor/reactor.h"
#include "reactor/timer_wheel.h"

namespace causeway::reactor {

class DatagramBatch;
class StreamCore;

class FdHandler {
 public:
  virtual void on_ready(std::uint32_t epoll_events) = 0;
  virtual void on_end_of_turn() {}
  // The step that want_handshake_step() asked for may be made now ...
  virtual void on_handshake_turn() {}
  // ... or was made elsewhere (start_handshake_step()).
  virtual void on_handshake_step(std::unique_ptr<TlsSession>, TlsSession::Step) {}

 protected:
  ~FdHandler() = default;
};

using WatchId = StrongId<struct WatchIdTag, std::uint64_t>;  // 0: none

struct EpollOptions {
  ShardId shard{0};
  std::optional<int> cpu;            // run() pins its thread to it
  std::size_t max_handshakes = 256;  // TLS handshakes in flight per acceptor; more wait
  Millis handshake_time{10'000};
  std::size_t handshake_steps = 16;     // of all streams, begun and taken back in one turn
  HandshakePool* handshakes = nullptr;  // computes them; null: the shard does. Outlives us
  Micros stall{50'000};                 // a turn that takes longer is counted
};

struct ReactorStats {
  std::uint64_t turns = 0, stalls = 0;
  Micros longest_turn{0};
  std::uint64_t datagrams_in = 0, datagrams_out = 0;
  std::uint64_t datagrams_dropped = 0;  // by a full kernel queue, or unreachable
  std::uint64_t streams_opened = 0, streams_accepted = 0, streams_refused = 0;
  std::uint64_t mail_in = 0;
};

class EpollReactor final : public Reactor {
 public:
  explicit EpollReactor(MailRoom& mail_room, EpollOptions options = {});
  ~EpollReactor() override;
  EpollReactor(const EpollReactor&) = delete;
  EpollReactor& operator=(const EpollReactor&) = delete;

  // Turns until stop is requested (from any thread).
  void run(const std::stop_token& stop);
  // One turn that waits at most so long. For tests, and for a loop of one's own.
  void turn(Millis longest_wait);
  // Ends the current wait. Any thread.
  void wake() { mailbox_.ring(); }
  [[nodiscard]] const ReactorStats& stats() const { return stats_; }

  // --- Reactor ---
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  [[nodiscard]] ShardId shard() const override { return options_.shard; }
  [[nodiscard]] std::size_t shard_count() const override { return mail_room_.shard_count(); }
  [[nodiscard]] std::size_t media_sockets() const override {
    return static_cast<std::size_t>(std::max(first_reserved_descriptor(), 0)) / shard_count();
  }
  [[nodiscard]] Micros last_turn() const override { return last_turn_; }
  [[nodiscard]] Timers& timers() override { return timers_; }
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] Result<std::unique_ptr<UdpSocket>> open_udp(const Endpoint& local,
                                                            const SocketOptions& options,
                                                            UdpListener& listener) override;
  [[nodiscard]] Result<std::unique_ptr<Acceptor>> listen(const Endpoint& local,
                                                         const SocketOptions& options,
                                                         std::shared_ptr<const TlsContext> tls,
                                                         AcceptListener& listener) override;
  [[nodiscard]] Result<std::unique_ptr<Stream>> connect(const Endpoint& local,
                                                        const Endpoint& remote,
                                                        const SocketOptions& options,
                                                        const TlsClient* tls,
                                                        StreamListener& listener) override;
  [[nodiscard]] bool post(ShardId to, Mail& mail) override;
  void set_mail_handler(MailHandler* handler) override { mail_handler_ = handler; }

  // --- for who drives a file descriptor of its own (c-ares) ---
  // Level-triggered. The descriptor stays the caller's and must be unwatched before it is closed.
  [[nodiscard]] WatchId watch_fd(int fd, std::uint32_t epoll_events, FdHandler& handler);
  void modify_fd(WatchId id, std::uint32_t epoll_events);
  void unwatch_fd(WatchId id);  // no callback after this
  void at_end_of_turn(WatchId id);
  [[nodiscard]] bool watching(WatchId id) const;

  // --- for the sockets of this room ---
  [[nodiscard]] const EpollOptions& options() const { return options_; }
  [[nodiscard]] ReactorStats& counters() { return stats_; }
  [[nodiscard]] DatagramBatch& batch() { return *batch_; }
  void linger(std::unique_ptr<StreamCore> stream);
  void end_linger(StreamCore& stream);
  void discard(std::unique_ptr<StreamCore> stream);  // destroyed at the end of the turn
  // on_handshake_turn() follows, after what this turn has read and when it is that stream's turn.
  void want_handshake_step(WatchId id) { handshake_turns_.push_back(id); }
  // On another thread; on_handshake_step() follows. False: there is none, do it here.
  // As HandshakePool::submit() has `source` and `first`.
  [[nodiscard]] bool start_handshake_step(WatchId id, std::unique_ptr<TlsSession>& session,
                                          const IpAddress& source, bool first);

 private:
  static constexpr std::size_t kMaxLingering = 1024;
  struct Slot {
    FdHandler* handler = nullptr;
    int fd = -1;
    std::uint32_t generation = 1;
    bool at_end = false;
  };

  void read_clock();
  [[nodiscard]] int wait_time(Millis longest) const;
  [[nodiscard]] Slot* slot(WatchId id);
  void dispatch(const epoll_event& event);
  void run_end_of_turn();
  void take_handshake_steps();
  void give_handshake_turns();
  void empty_mailbox();

  // borrowed
  MailRoom& mail_room_;
  Mailbox& mailbox_;
  MailHandler* mail_handler_ = nullptr;
  // owned
  FileDescriptor epoll_;
  std::unique_ptr<DatagramBatch> batch_;
  std::unordered_map<StreamCore*, std::unique_ptr<StreamCore>> lingering_;
  std::vector<std::unique_ptr<StreamCore>> trash_;
  std::shared_ptr<HandshakeInbox> handshake_inbox_;  // null: the shard computes its own
  // state
  const EpollOptions options_;
  Instant now_{};
  WallTime wall_{};
  Micros last_turn_{0};
  TimerWheel timers_;
  SystemRandom random_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<WatchId> end_of_turn_, ending_;
  std::deque<WatchId> handshake_turns_;  // one for each stream in a handshake at most
  bool more_mail_ = false, more_steps_ = false;
  ReactorStats stats_;
};

// Taken before a callback into user code: afterwards it tells whether the object that watched is
// still there and still watching, without touching it.
class Pulse {
 public:
  Pulse(const EpollReactor& reactor, WatchId watch) : reactor_(reactor), watch_(watch) {}
  explicit operator bool() const { return reactor_.watching(watch_); }

 private:
  const EpollReactor& reactor_;
  const WatchId watch_;
};

}  // namespace causeway::reactor
