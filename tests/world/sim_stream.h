// Streams of the simulated world: TCP's behaviour without its packets, and TLS's outcome without
// its cryptography. Bytes arrive cut at random, in order, or not at all.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "reactor/reactor.h"
#include "reactor/tls_context.h"

namespace causeway::world {

class Engine;
class SimStream;
class SimAcceptor;

class Streams {
 public:
  explicit Streams(Engine& engine) : engine_(engine) {}

  // --- used by the reactor ---
  Result<std::unique_ptr<reactor::Acceptor>> listen(std::uint32_t reactor, const Endpoint& local,
                                                    const reactor::SocketOptions& options,
                                                    std::shared_ptr<const reactor::TlsContext> tls,
                                                    reactor::AcceptListener& listener);
  Result<std::unique_ptr<reactor::Stream>> connect(std::uint32_t reactor, const Endpoint& local,
                                                   const Endpoint& remote,
                                                   const reactor::SocketOptions& options,
                                                   const reactor::TlsClient* tls,
                                                   reactor::StreamListener& listener);
  void reset_between(const IpAddress& a, const IpAddress& b);

  // --- used by the engine: something is due for a connection ---
  void deliver(std::uint64_t connection, int what);

  // --- used by SimStream and SimAcceptor ---
  void write(std::uint64_t connection, int side, std::string_view bytes);
  [[nodiscard]] std::size_t queued(std::uint64_t connection, int side) const;
  void pause(std::uint64_t connection, int side, bool paused);
  void close_gracefully(std::uint64_t connection, int side);
  void finish_writing(std::uint64_t connection, int side);
  void destroyed(std::uint64_t connection, int side);
  void forget_acceptor(SimAcceptor& acceptor);

 private:
  enum class Kind : std::uint8_t {
    kSyn,
    kSynAck,
    kAck,
    kClientHello,
    kServerHello,
    kClientFinished,
    kData,
    kFin,
    kReset,
    kAlert,
  };
  struct Item {
    Instant ready, sent;
    Kind kind;
    std::string bytes;  // kData; kAlert: what the far side complained about
    std::size_t used = 0;
  };
  struct Pipe {  // from side i to side 1 - i
    std::deque<Item> items;
    std::size_t queued = 0;
    bool armed = false;
    Instant blocked_since{};
    Micros retry{};
  };
  struct Side {
    std::uint32_t reactor = 0;
    Endpoint address;
    reactor::SocketOptions options;
    SimStream* stream = nullptr;
    reactor::StreamListener* listener = nullptr;
    bool established = false;  // its user was told
    bool paused = false;
    bool ended = false;      // neither speaks nor listens any more
    bool lingering = false;  // closed gracefully: sends what is queued
    bool finished = false;   // has said that nothing more comes, and listens
    Error error;             // for on_closed() at the next event
    std::string early;       // written before it was established
  };
  struct Connection {
    std::uint64_t id = 0;
    Side side[2];  // 0 opened it, 1 accepted it
    Pipe pipe[2];
    bool client_tls = false, server_tls = false;
    reactor::TlsClient client;
    const reactor::TlsContext* client_identity = nullptr;  // within client.context
    std::shared_ptr<const reactor::TlsContext> server_choice;
    const reactor::TlsContext* server = nullptr;  // within server_choice
    SimAcceptor* acceptor = nullptr;              // until accepted or refused
  };
  // What deliver() is about; 0 and 1 are the pipes.
  static constexpr int kErrorOfSide0 = 2, kHandshakeTimeoutOfSide0 = 4;

  void send(Connection& c, int from, Kind kind, std::string bytes = {});
  void arm(Connection& c, int pipe);
  void run_pipe(Connection& c, int pipe);
  bool held_up(Connection& c, int pipe);
  void deliver_bytes(Connection& c, int pipe);
  void receive(Connection& c, int to, Item item);
  void receive_syn(Connection& c);
  void receive_as_client(Connection& c, Kind kind);
  void receive_as_server(Connection& c, Kind kind);
  void establish_client(Connection& c, reactor::TlsPeer peer);
  void accept(Connection& c, reactor::TlsPeer peer);
  void refuse(Connection& c, Error reason, bool tell_client);
  void end(Connection& c, int side, Error reason);
  void fail_soon(Connection& c, int side, Error reason);
  void flush_early(Connection& c, int side);
  void reap(std::uint64_t id);
  Connection* find(std::uint64_t id);
  std::uint16_t free_port(const Endpoint& local);

  Engine& engine_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<Endpoint, std::vector<SimAcceptor*>> acceptors_;
  std::unordered_map<IpAddress, std::uint16_t> next_port_;
  std::uint64_t next_id_ = 1;
  int depth_ = 0;
  std::string scratch_;
};

class SimStream final : public reactor::Stream {
 public:
  SimStream(Streams& streams, std::uint64_t connection, int side, const Endpoint& local,
            const Endpoint& remote)
      : streams_(streams), connection_(connection), side_(side), local_(local), remote_(remote) {}
  ~SimStream() override { streams_.destroyed(connection_, side_); }
  [[nodiscard]] Endpoint local() const override { return local_; }
  [[nodiscard]] Endpoint remote() const override { return remote_; }
  [[nodiscard]] const reactor::TlsPeer& tls() const override { return tls_; }
  void write(std::string_view bytes) override { streams_.write(connection_, side_, bytes); }
  [[nodiscard]] std::size_t queued() const override { return streams_.queued(connection_, side_); }
  void pause_reading(bool paused) override { streams_.pause(connection_, side_, paused); }
  void close_gracefully() override { streams_.close_gracefully(connection_, side_); }
  void finish_writing() override { streams_.finish_writing(connection_, side_); }
  void set_tls(reactor::TlsPeer peer) { tls_ = std::move(peer); }

 private:
  Streams& streams_;
  const std::uint64_t connection_;
  const int side_;
  const Endpoint local_, remote_;
  reactor::TlsPeer tls_;
};

class SimAcceptor final : public reactor::Acceptor {
 public:
  SimAcceptor(Streams& streams, std::uint32_t reactor, const Endpoint& local,
              reactor::SocketOptions options, std::shared_ptr<const reactor::TlsContext> tls,
              reactor::AcceptListener& listener)
      : streams_(streams),
        reactor_(reactor),
        local_(local),
        options_(std::move(options)),
        tls_(std::move(tls)),
        listener_(listener) {}
  ~SimAcceptor() override { streams_.forget_acceptor(*this); }
  [[nodiscard]] Endpoint local() const override { return local_; }
  void set_tls(std::shared_ptr<const reactor::TlsContext> context) override {
    tls_ = std::move(context);
  }
  [[nodiscard]] std::uint32_t reactor() const { return reactor_; }
  [[nodiscard]] const reactor::SocketOptions& options() const { return options_; }
  [[nodiscard]] const std::shared_ptr<const reactor::TlsContext>& tls() const { return tls_; }
  [[nodiscard]] reactor::AcceptListener& listener() const { return listener_; }

 private:
  Streams& streams_;
  const std::uint32_t reactor_;
  const Endpoint local_;
  const reactor::SocketOptions options_;
  std::shared_ptr<const reactor::TlsContext> tls_;
  reactor::AcceptListener& listener_;
};

}  // namespace causeway::world
