// The TCP and TLS connections of one shard: framing, reuse, renewal, keep-alive, and an end for
// each that is idle, half-open, dribbling or not read by its peer. Knows nothing of listeners,
// groups or transactions. Runs on the shard's thread.
//
// Requests go out on connections that we opened, one per destination, and never on one that a peer
// opened (TDR-19 .. TDR-21); responses go back along the connection of their request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sip/message.h"
#include "transport/flow.h"

namespace causeway::transport {

class ConnectionUser {
 public:
  // What can never be framed began on this flow; the answer to it, or nothing. The connection is
  // closed then.
  [[nodiscard]] virtual std::string on_unframed(std::string_view begin, const Flow& flow,
                                                const Error& why) = 0;
  // One whole message. False: this connection is not read on before resume().
  virtual bool on_frame(std::string_view bytes, const Flow& flow, const reactor::TlsPeer& tls) = 0;
  // Request `token` may not have arrived: its connection did not open, or was closed while the
  // request waited for an answer. `crossed`: the connection was open before the request was
  // written, so the peer's closing may have crossed it. Never from inside send().
  virtual void on_request_lost(std::uint64_t token, bool crossed, const Error& reason) = 0;
  // Does anybody still want to hear of it?
  [[nodiscard]] virtual bool still_waits(std::uint64_t token) const = 0;
  // A connection that ended for a reason worth telling; a peer that just closes is none (TDR-22).
  virtual void on_connection_trouble(std::string_view label, const Endpoint& remote,
                                     deployment::ListenerIndex listener, std::string_view what) = 0;

 protected:
  ~ConnectionUser() = default;
};

struct ConnectionLimits {
  std::size_t most = 4'096;   // accepted, and as many opened
  Seconds idle{600};          // without a message; 0: never closed for that
  Seconds keep_alive{90};     // between our pings on a quiet connection that we opened; 0: none
  Seconds first_message{30};  // of an accepted one; 0: no limit
  std::size_t buffers = 64 << 20;  // bytes that wait on all of them
};

class ConnectionTable final : reactor::StreamListener, reactor::TimerTarget {
 public:
  ConnectionTable(reactor::Reactor& reactor, ConnectionUser& user)
      : reactor_(reactor), user_(user) {}
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  void set_limits(const ConnectionLimits& limits) { limits_ = limits; }

  // How a connection of ours is opened.
  struct Way {
    Endpoint local;
    reactor::SocketOptions options;
    std::shared_ptr<const reactor::TlsContext> tls;  // null: TCP
  };
  // The connection that requests to `to` use; 0: open() one.
  [[nodiscard]] std::uint64_t outgoing(const Destination& to);
  [[nodiscard]] Result<std::uint64_t> open(const Destination& to, const Way& way);
  // A request on one of those two; token 0: nobody waits for an answer. kTooLarge when too much
  // waits for the connection to open.
  [[nodiscard]] Status send(std::uint64_t id, std::string_view bytes, std::uint64_t token);
  // A response; false: that connection is gone, or takes nothing more.
  [[nodiscard]] bool respond(std::uint64_t id, std::string_view bytes);
  // A request arrived on it that will be answered: it is not retired before.
  void expect_answer(std::uint64_t id);

  // Null: refused, there are too many.
  [[nodiscard]] reactor::StreamListener* adopt(std::unique_ptr<reactor::Stream> stream,
                                               deployment::ListenerIndex listener,
                                               Transport transport,
                                               std::shared_ptr<const reactor::TlsContext> tls);

  // Reads on where on_frame() said false.
  void resume();
  // After a reload: `listener` by its old index. Connections whose listener is gone are closed by
  // end_without_listener(), when everybody else has followed: who hears of it sends at once.
  void move_listeners(
      const std::function<std::optional<deployment::ListenerIndex>(deployment::ListenerIndex)>& to);
  void end_without_listener();
  // Those that this address opened.
  void end_from(const IpAddress& address);
  // Connections of this listener with another context than `tls` take nothing new and are closed
  // when what is under way on them is done (TDR-18).
  void retire_others(deployment::ListenerIndex listener,
                     const std::shared_ptr<const reactor::TlsContext>& tls);

  // All of them: its socket was opened anew, with other options.
  void retire_all(deployment::ListenerIndex listener);

  struct Counts {
    std::size_t incoming = 0, outgoing = 0;
  };
  [[nodiscard]] Counts counts() const { return counts_; }
  // Accepted from that address.
  [[nodiscard]] std::size_t accepted_from(const IpAddress& address) const {
    const auto it = accepted_from_.find(address);
    return it == accepted_from_.end() ? 0 : it->second;
  }
  // Bytes that wait on connections, as last counted.
  [[nodiscard]] std::size_t buffered() const { return buffered_; }
  [[nodiscard]] Endpoint local_of(std::uint64_t id) const;
  // Every TLS connection that is up: f(outgoing, destination of an outgoing one, remote, TlsPeer).
  template <typename F>
  void each_tls(F&& f) const {
    for (const auto& [id, c] : connections_)
      if (c->up && c->transport == Transport::kTls)
        f(c->outgoing, c->to, c->stream->remote(), c->stream->tls());
  }

  static constexpr std::chrono::minutes kRenewAfter{50};  // TDR-21: at least hourly
  // A retired connection is looked at so often, and closed in any case after so long.
  static constexpr Seconds kRetireLook{2}, kRetireLimit{300};
  // When we have said that nothing follows, it is read on for so long: a request may cross that.
  static constexpr Seconds kReadOn{4};
  static constexpr Seconds kFrameTime{30};  // from the first byte of a message to its last
  static constexpr Seconds kPongTime{10};   // RFC 5626 4.4.1
  static constexpr std::size_t kMaxPendingBytes = 1 << 18;  // queued while connecting
  static constexpr std::size_t kMaxUnframed = 128 * 1024;

 private:
  struct Pending {
    std::uint64_t token;
    bool crossed;
  };
  struct Connection {
    std::uint64_t id = 0;
    std::unique_ptr<reactor::Stream> stream;
    deployment::ListenerIndex listener;
    Transport transport = Transport::kTcp;
    bool outgoing = false, up = false, paused = false;
    Destination to;  // outgoing
    std::shared_ptr<const reactor::TlsContext> tls;
    Instant opened, last_message, last_traffic;
    Instant frame_began;     // of an unfinished message; zero: none
    Instant retired;         // zero: in use
    Instant finished;        // zero: we may still write
    Instant pinged;          // zero: no answer is owed
    bool pong_owed = false;  // our ping was out when its latest bytes came
    bool answers_pings = false;
    bool overfull = false;         // holds the most of too much: closed by its timer
    bool spoke = false;            // a message or a ping came on it
    std::size_t held = 0;          // bytes that wait on it, as last counted
    std::size_t line_ends = 0;     // CR and LF since the last message or ping
    std::size_t unanswered = 0;    // requests that came and have no final answer yet
    std::size_t prune_at = 64;     // when `pending` has grown to this, look who still waits
    std::string inbox;             // of an unfinished message
    sip::FrameFinder finder;       // ... how far it was looked through
    std::string outbox;            // until it is up
    std::vector<Pending> pending;  // requests sent on it
    reactor::TimerId timer;
    Instant due = Instant::max();  // of the timer
  };

  void on_connected(reactor::Stream& stream) override;
  void on_bytes(reactor::Stream& stream, std::span<const std::byte> data) override;
  void on_closed(reactor::Stream& stream, const Error& reason) override;
  void on_timer(std::uint64_t id, Instant now) override;

  [[nodiscard]] Connection* find(std::uint64_t id) const;
  [[nodiscard]] Connection* find(const reactor::Stream& stream) const;
  Connection& add(std::unique_ptr<Connection> c);
  void read_frames(Connection& c);
  void take_line_ends(Connection& c, std::size_t count);
  [[nodiscard]] Instant next_due(const Connection& c) const;
  void arm(Connection& c);
  void look_after(Connection& c, Instant now);
  void retire(Connection& c);
  void close_retired(Connection& c, Instant now);
  void count(Connection& c);
  void keep_within_buffers();
  void prune(Connection& c);
  // Closes it, with a reason worth telling or without; tells who waits on it.
  void end(std::uint64_t id, std::string_view label, const Error& reason);
  void forget(std::uint64_t id);

  // Borrowed
  reactor::Reactor& reactor_;
  ConnectionUser& user_;
  // Owned
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<const reactor::Stream*, Connection*> by_stream_;
  std::unordered_map<IpAddress, std::size_t> accepted_from_;
  std::vector<std::uint64_t> without_listener_;
  std::vector<Connection*> outgoing_;  // those that take requests: few, and asked for every time
  // State
  ConnectionLimits limits_;
  Counts counts_;
  std::uint64_t next_ = 1;
  std::size_t buffered_ = 0;
};

}  // namespace causeway::transport
