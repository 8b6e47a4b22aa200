// What a shard may ask of the machine it runs on. Two implementations: EpollReactor (one thread,
// one epoll loop) and the simulated world's SimReactor (tests/world). Everything above this line is
// the same code in both, so nothing in src/ outside src/reactor reads a clock, a socket or
// randomness.
//
// Threads: every object here belongs to one shard and is used on that shard's thread only; the one
// exception is post(), which any shard may call.
//
// Lifetimes: listeners and targets are borrowed and must outlive what they listen to. Destroying a
// socket, stream or acceptor is always allowed, also from inside its own callback, and no callback
// arrives after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/net.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace causeway::reactor {

// --- Timers ------------------------------------------------------------------------------------

class TimerTarget {
 public:
  // `token` is what schedule() was given. The timer is already gone when this is called.
  virtual void on_timer(std::uint64_t token, Instant now) = 0;

 protected:
  ~TimerTarget() = default;
};

// 0 is "no timer". Ids are never reused within 2^32 schedulings, so a stale cancel() is harmless.
using TimerId = StrongId<struct TimerIdTag, std::uint64_t>;

class Timers {
 public:
  virtual ~Timers() = default;
  // Fires once, at or after `at`, in order of `at` (ties in order of scheduling). O(1).
  virtual TimerId schedule(Instant at, TimerTarget& target, std::uint64_t token) = 0;
  // Does nothing for an id that has fired or was cancelled.
  virtual void cancel(TimerId id) = 0;
};

// --- Datagrams ---------------------------------------------------------------------------------

struct SocketOptions {
  std::string interface;    // SO_BINDTODEVICE when not empty: a packet never leaves by another side
  int dscp = 0;             // 0..63
  int receive_buffer = 0;   // bytes, 0 for the system's default
  bool reuse_port = false;  // several shards on one address
  // UDP: when many wait, on_datagram() is told when they came, not when they were read
  bool measure_wait = false;
  // UDP: what a turn of the loop sends goes to the kernel at the turn's end, in few system calls,
  // and a peer on a busy turn is woken once. Not for media, where a turn is a delay.
  bool gather = false;
  // UDP: rather fails, with kUnavailable, than takes one of the last file descriptors.
  bool leave_reserve = false;
};

class UdpSocket {
 public:
  virtual ~UdpSocket() = default;
  [[nodiscard]] virtual Endpoint local() const = 0;
  // Sends now or at the end of the loop turn, in order. A full kernel queue drops and counts, as
  // UDP does.
  virtual void send(const Endpoint& to, std::span<const std::byte> data) = 0;
  // From now on only `remote` is heard and send() to it is cheaper. Calling again moves it; an
  // Endpoint with port 0 opens the socket again.
  virtual void connect(const Endpoint& remote) = 0;
};

class UdpListener {
 public:
  // Bytes past data.end() that may be written to (an SRTP tag fits without a copy).
  static constexpr std::size_t kTailroom = 256;
  // `data` is valid during the call only, may be modified in place, and has kTailroom behind it.
  virtual void on_datagram(UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                           Instant received) = 0;

 protected:
  ~UdpListener() = default;
};

// --- Streams -----------------------------------------------------------------------------------

// A certificate, its key and chain, and the roots we trust: immutable once built.
class TlsContext;

// What TLS found out about the far side; empty for TCP.
struct TlsPeer {
  std::string version;             // "TLSv1.3"
  std::string cipher;              // OpenSSL's name
  std::vector<std::string> names;  // SIP domains of its SAN, or CN without any (RFC 5922 7.1)
  WallTime not_after;              // of the peer's certificate
  std::string sni;                 // asked for by the client, when we are the server
  bool verified = false;           // chain leads to a trusted root
};

// How a connection that we open is authenticated.
struct TlsClient {
  std::shared_ptr<const TlsContext> context;
  std::string server_name;  // SNI, and the name the certificate has to carry
  std::string own_name;     // which identity of a choice we show; empty: the first
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes at once (queued bytes are lost)
  [[nodiscard]] virtual Endpoint local() const = 0;
  [[nodiscard]] virtual Endpoint remote() const = 0;
  [[nodiscard]] virtual const TlsPeer& tls() const = 0;
  // Queues; everything written in one turn leaves together. A far side that never reads makes the
  // queue overflow (kMaxQueued) and the stream close with kTooLarge.
  static constexpr std::size_t kMaxQueued = 1 << 20;
  virtual void write(std::string_view bytes) = 0;
  // Bytes that were written and have not left.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  virtual void pause_reading(bool paused) = 0;
  // Sends what is queued (for at most a second), then closes. on_closed() is not called.
  virtual void close_gracefully() = 0;
  // Of a stream that is connected. Sends what is queued and says that nothing follows; what is
  // written afterwards is dropped. The far side is read on until it closes as well (on_closed()) or
  // the stream is destroyed: what had left it before it heard of our end is not lost.
  virtual void finish_writing() = 0;
};

class StreamListener {
 public:
  // Connected and, with TLS, the handshake is done and the certificate verified.
  virtual void on_connected(Stream& stream) = 0;
  virtual void on_bytes(Stream& stream, std::span<const std::byte> data) = 0;
  // The stream is dead; the owner destroys it (it may do so inside this call). A clean end of the
  // far side is ErrorCode::kIo with "closed by peer"; a certificate that does not fit is kTls and
  // the text names what was expected and what was found.
  virtual void on_closed(Stream& stream, const Error& reason) = 0;

 protected:
  ~StreamListener() = default;
};

class AcceptListener {
 public:
  // Asked before anything is spent on a connection. kNo: it is closed at once and not heard of
  // again. kFirst: its handshake is computed before those that are kInTurn. `local`: of the
  // acceptor; `pending`: handshakes of that address that are under way there.
  enum class Welcome : std::uint8_t { kNo, kInTurn, kFirst };
  virtual Welcome welcome(const Endpoint& local, const Endpoint& from, std::size_t pending) {
    (void)local, (void)from, (void)pending;
    return Welcome::kInTurn;
  }
  // Called when the connection is usable (after the TLS handshake). The new stream reports to the
  // listener that is returned; nullptr refuses it.
  virtual StreamListener* on_accepted(std::unique_ptr<Stream> stream) = 0;
  // A connection that did not get that far; counted and put into the trail of refusals.
  virtual void on_refused(const Endpoint& from, const Error& reason) = 0;

 protected:
  ~AcceptListener() = default;
};

class Acceptor {
 public:
  virtual ~Acceptor() = default;
  [[nodiscard]] virtual Endpoint local() const = 0;
  // For connections accepted from now on (a renewed certificate).
  virtual void set_tls(std::shared_ptr<const TlsContext> context) = 0;
};

// --- Mail between shards -----------------------------------------------------------------------

class MailBase {
 public:
  virtual ~MailBase() = default;
};
using Mail = std::unique_ptr<MailBase>;

class MailHandler {
 public:
  virtual void on_mail(ShardId from, Mail mail) = 0;

 protected:
  ~MailHandler() = default;
};

// --- The shard's view of the machine -----------------------------------------------------------

class Reactor : public Clock {
 public:
  [[nodiscard]] virtual ShardId shard() const = 0;
  [[nodiscard]] virtual std::size_t shard_count() const = 0;
  // How many sockets media may have open on this shard: its share of the file descriptors.
  [[nodiscard]] virtual std::size_t media_sockets() const {
    return std::numeric_limits<std::size_t>::max();
  }
  // How long the latest turn of the loop took: what came meanwhile has waited so long.
  [[nodiscard]] virtual Micros last_turn() const { return Micros{0}; }
  [[nodiscard]] virtual Timers& timers() = 0;
  [[nodiscard]] virtual Random& random() = 0;

  // Port 0 takes any free port. kIo with "address already in use" when the port is taken.
  [[nodiscard]] virtual Result<std::unique_ptr<UdpSocket>> open_udp(const Endpoint& local,
                                                                    const SocketOptions& options,
                                                                    UdpListener& listener) = 0;
  // `tls` null: plain TCP.
  [[nodiscard]] virtual Result<std::unique_ptr<Acceptor>> listen(
      const Endpoint& local, const SocketOptions& options, std::shared_ptr<const TlsContext> tls,
      AcceptListener& listener) = 0;
  // Starts to connect; on_connected() or on_closed() follows, never from inside this call.
  // `local` gives the source address (port 0: any). `tls` null: plain TCP.
  [[nodiscard]] virtual Result<std::unique_ptr<Stream>> connect(const Endpoint& local,
                                                                const Endpoint& remote,
                                                                const SocketOptions& options,
                                                                const TlsClient* tls,
                                                                StreamListener& listener) = 0;

  // Hands `mail` to another shard's handler (or to our own, on the next turn). False when that
  // mailbox is full: the caller keeps the mail and decides (drop and count, or stop reading).
  [[nodiscard]] virtual bool post(ShardId to, Mail& mail) = 0;
  virtual void set_mail_handler(MailHandler* handler) = 0;
};

}  // namespace causeway::reactor
