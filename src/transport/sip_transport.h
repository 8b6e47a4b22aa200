// SIP over sockets, for one shard: listeners, framing, the connection table, keep-alive,
// recognition of the sender and delivery to the shard that owns the message. Runs on the shard's
// thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/flow.h"

namespace causeway::transport {

// Receives what belongs to this shard.
class MessageSink {
 public:
  virtual void on_message(Received received) = 0;
  // The bytes of request `token` never left: no connection within the time, or it was refused.
  virtual void on_send_failed(std::uint64_t token, const Error& reason) = 0;
  // Mail of other rooms that share the shard's mailbox.
  virtual void on_other_mail(ShardId from, reactor::Mail mail) = 0;

 protected:
  ~MessageSink() = default;
};

class SipTransport final : reactor::UdpListener,
                           reactor::StreamListener,
                           reactor::AcceptListener,
                           reactor::MailHandler,
                           reactor::TimerTarget {
 public:
  SipTransport(reactor::Reactor& reactor, MessageSink& sink, TransportObserver& observer);
  ~SipTransport();
  SipTransport(const SipTransport&) = delete;
  SipTransport& operator=(const SipTransport&) = delete;

  // Opens what `running` lists and is not open yet, closes what it no longer lists. On failure
  // nothing has changed.
  [[nodiscard]] Status apply(Running running);
  [[nodiscard]] bool running() const { return running_.deployment != nullptr; }
  [[nodiscard]] const deployment::Deployment& deployment() const { return *running_.deployment; }
  [[nodiscard]] deployment::DeploymentPtr deployment_ptr() const { return running_.deployment; }

  // A request. `token` comes back in on_send_failed(), never from inside this call.
  void send_request(const Destination& to, std::string_view bytes, std::uint64_t token);
  // A response, back along the request's flow. When a connection is gone it is opened anew towards
  // the address that the request came from (RFC 3261 18.2.2).
  void send_response(const Flow& flow, std::string_view bytes);
  // Closes every connection opened with TLS identity contexts older than the running ones (TDR-18).
  void renew_connections();

  [[nodiscard]] ShardId shard_of(Bucket bucket) const;
  // What we write into Via and Contact for requests that leave by `listener`.
  [[nodiscard]] Endpoint advertised(deployment::ListenerIndex listener) const;

  struct ConnectionCounts {
    std::size_t incoming = 0, outgoing = 0;
  };
  [[nodiscard]] ConnectionCounts connections() const;
  // Is an outgoing connection to this destination up, and what did TLS say? nullptr: none.
  [[nodiscard]] const reactor::TlsPeer* outgoing_tls(const Destination& to) const;

  static constexpr std::chrono::minutes kRenewAfter{50};  // TDR-21: at least hourly
  static constexpr Millis kRetireTime{40'000};  // > 64*T1: answers still arrive on the old one
  static constexpr std::size_t kMaxPendingBytes = 1
                                                  << 18;  // queued while connecting, per connection
  static constexpr std::size_t kMaxOutbox = 4'096;

 private:
  struct ListenerSocket {
    deployment::ListenerIndex index;
    std::string name;
    deployment::Listener config;
    std::unique_ptr<reactor::UdpSocket> udp;
    std::unique_ptr<reactor::Acceptor> acceptor;
    std::shared_ptr<const reactor::TlsContext> tls;
  };
  struct Connection {
    std::uint64_t id = 0;
    std::unique_ptr<reactor::Stream> stream;
    deployment::ListenerIndex listener;
    Transport transport = Transport::kTcp;
    bool outgoing = false;
    bool up = false;
    bool paused = false;
    Destination to;  // outgoing
    Instant opened;
    std::string inbox;                  // bytes of an unfinished frame
    std::string outbox;                 // until it is up
    std::vector<std::uint64_t> tokens;  // requests in outbox
    std::shared_ptr<const reactor::TlsContext> tls;
    reactor::TimerId timer;
  };

  void on_datagram(reactor::UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                   Instant received) override;
  void on_connected(reactor::Stream& stream) override;
  void on_bytes(reactor::Stream& stream, std::span<const std::byte> data) override;
  void on_closed(reactor::Stream& stream, const Error& reason) override;
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> stream) override;
  void on_refused(const Endpoint& from, const Error& reason) override;
  void on_mail(ShardId from, reactor::Mail mail) override;
  void on_timer(std::uint64_t token, Instant now) override;

  // `connection` is 0 for a datagram. False: stop reading this connection for now.
  bool take(std::string_view bytes, const Flow& flow, const reactor::TlsPeer* tls);
  bool deliver(ShardId to, Received received);
  [[nodiscard]] bool translate(Received& r, const deployment::Deployment& then) const;
  void answer_statelessly(const sip::Message& m, const Flow& flow, int status,
                          std::string_view why);
  void read_frames(Connection& c);
  Connection* find_outgoing(const Destination& to);
  Connection* open_connection(const Destination& to);
  void forget(std::uint64_t id);
  void fail_later(std::uint64_t token, Error reason);
  void flush_outboxes();
  [[nodiscard]] bool post(ShardId to, reactor::Mail mail);
  [[nodiscard]] reactor::SocketOptions socket_options(const deployment::Listener& l) const;
  [[nodiscard]] ListenerSocket* socket_of(deployment::ListenerIndex index);
  [[nodiscard]] Result<ListenerSocket> open_listener(const Running& running,
                                                     deployment::ListenerIndex index);
  void wire(bool outgoing, const Endpoint& local, const Endpoint& remote, Transport t,
            std::string_view bytes);

  // Borrowed
  reactor::Reactor& reactor_;
  MessageSink& sink_;
  TransportObserver& observer_;
  // Owned
  Running running_;
  std::vector<ListenerSocket> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> outgoing_;  // of connections_: few, and asked for with every request
  std::unordered_map<const reactor::Stream*, std::uint64_t> by_stream_;
  std::vector<std::deque<reactor::Mail>> outboxes_;  // per shard: mail that found a full mailbox
  // State
  std::uint64_t next_connection_ = 1;
  bool outbox_timer_ = false;
  std::vector<std::pair<std::uint64_t, Error>> failed_;  // to be told by the next timer turn
};

}  // namespace causeway::transport
