// SIP over sockets, for one shard: listeners, recognition of the sender and delivery to the shard
// that owns the message; connections are kept by ConnectionTable. Runs on the shard's thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/connection_table.h"
#include "transport/detours.h"
#include "transport/first_look.h"
#include "transport/flow.h"
#include "transport/moved_dialogs.h"
#include "transport/overload.h"
#include "transport/recent_invites.h"
#include "transport/source_guard.h"
#include "transport/source_rates.h"

namespace causeway::transport {

// Receives what belongs to this shard.
class MessageSink {
 public:
  virtual void on_message(Received&& received) = 0;
  // The bytes of request `token` never left.
  virtual void on_send_failed(std::uint64_t token, const Error& reason) = 0;
  // As ConnectionUser has them.
  virtual void on_request_lost(std::uint64_t token, bool crossed, const Error& reason) = 0;
  [[nodiscard]] virtual bool still_waits(std::uint64_t token) const = 0;
  // Mail of other rooms that share the shard's mailbox.
  virtual void on_other_mail(ShardId from, reactor::Mail mail) = 0;

 protected:
  ~MessageSink() = default;
};

class SipTransport final : reactor::UdpListener,
                           reactor::AcceptListener,
                           ConnectionUser,
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
  // After apply(), when its user has followed: closes the connections of removed listeners.
  void settle() { connections_.end_without_listener(); }
  [[nodiscard]] bool running() const { return running_.deployment != nullptr; }
  [[nodiscard]] const deployment::Deployment& deployment() const { return *running_.deployment; }
  [[nodiscard]] deployment::DeploymentPtr deployment_ptr() const { return running_.deployment; }

  // A request. `token` comes back in on_send_failed(), never from inside this call.
  void send_request(const Destination& to, std::string_view bytes, std::uint64_t token);
  // A response, back along the request's flow. When a connection is gone it is opened anew towards
  // the address that the request came from (RFC 3261 18.2.2).
  void send_response(const Flow& flow, std::string_view bytes);
  [[nodiscard]] ShardId shard_of(Bucket bucket) const;
  // A dialog of this tag of ours begins or ends to live on this shard. Where its bucket leads
  // elsewhere, what comes there for it is sent on.
  void dialog_lives_here(std::string_view tag, bool here);
  // Where one of that tag and bucket lives, as far as it is known here.
  [[nodiscard]] ShardId dialog_shard(std::string_view tag, Bucket bucket) const;
  // What we write into Via and Contact for requests that leave by `listener`.
  [[nodiscard]] Endpoint advertised(deployment::ListenerIndex listener) const;

  [[nodiscard]] std::vector<Ban> bans() const { return guard_.bans(reactor_.now()); }
  bool unban(const IpAddress& source) { return guard_.unban(source, reactor_.now()); }
  // Share of new calls that is let in: less than 1 while there is more than can be done.
  [[nodiscard]] double admitted() const { return overload_.admitted; }

  using ConnectionCounts = ConnectionTable::Counts;
  [[nodiscard]] ConnectionCounts connections() const { return connections_.counts(); }
  // As ConnectionTable has it.
  template <typename F>
  void each_tls(F&& f) const {
    connections_.each_tls(std::forward<F>(f));
  }

  static constexpr std::size_t kMaxOutbox = 4'096;

  [[nodiscard]] const deployment::PeerGroup& group_at(deployment::GroupIndex g) const {
    return running_.deployment->group(g);
  }
  [[nodiscard]] const deployment::Profile& profile_of(deployment::GroupIndex g) const {
    return running_.deployment->profile(group_at(g).profile);
  }

 private:
  static constexpr std::uint64_t kOutboxTimer = 0, kFailedTimer = 1;
  static constexpr Millis kOutboxRetry{2};
  struct ListenerSocket {
    deployment::ListenerIndex index;
    std::string name;
    deployment::Listener config;
    reactor::SocketOptions options;  // of its realm, as it was opened
    std::unique_ptr<reactor::UdpSocket> udp;
    std::unique_ptr<reactor::Acceptor> acceptor;
    std::vector<std::shared_ptr<const reactor::TlsContext>> identities;
    std::shared_ptr<const reactor::TlsContext> tls;  // the choice among them
  };
  // False: they are the ones that it has.
  void name_ourselves();
  static bool set_identities(ListenerSocket& s, const Running& running);

  void on_datagram(reactor::UdpSocket& socket, const Endpoint& from, std::span<std::byte> data,
                   Instant received) override;
  reactor::StreamListener* on_accepted(std::unique_ptr<reactor::Stream> stream) override;
  void on_refused(const Endpoint& from, const Error& reason) override;
  Welcome welcome(const Endpoint& local, const Endpoint& from, std::size_t pending) override;
  [[nodiscard]] std::string on_unframed(std::string_view begin, const Flow& flow,
                                        const Error& why) override;
  bool on_frame(std::string_view bytes, const Flow& flow, const reactor::TlsPeer& tls) override;
  void on_request_lost(std::uint64_t token, bool crossed, const Error& reason) override {
    sink_.on_request_lost(token, crossed, reason);
  }
  [[nodiscard]] bool still_waits(std::uint64_t token) const override {
    return sink_.still_waits(token);
  }
  void on_connection_trouble(std::string_view label, const Endpoint& remote,
                             deployment::ListenerIndex listener, std::string_view what) override;
  void on_mail(ShardId from, reactor::Mail mail) override;
  void on_timer(std::uint64_t token, Instant now) override;

  // `connection` is 0 for a datagram. False: stop reading this connection for now.
  bool take(std::string_view bytes, const Flow& flow, const reactor::TlsPeer* tls);
  // new_calls.cc: what there is no time for, or too much of: answered, and not looked at further.
  [[nodiscard]] bool shed(std::string_view bytes, const Flow& flow);
  void refuse_unseen(const FirstLook& look, const Flow& flow, std::string_view label,
                     std::string_view why);
  [[nodiscard]] bool has_room(const sip::Message& invite, const Flow& flow,
                              deployment::GroupIndex group);
  static constexpr std::string_view kSourceRate =
      "more new requests of one source than limits.requests_per_second";
  // Malformed, or of no group.
  void offend(const Flow& flow, std::string_view what);
  void ban(const Flow& flow, const std::string& reason);
  [[nodiscard]] bool is_scanner(const sip::Message& m) const;
  bool deliver(ShardId to, Received&& received);
  [[nodiscard]] bool translate(Received& r, const deployment::Deployment& then) const;
  // To whom it belongs here, or on to where a detour leads.
  void hand_over(Received&& received);
  void note_detour(const sip::Message& invite, Bucket bucket);
  void tell_detour(const sip::Message& invite, Bucket bucket);
  [[nodiscard]] std::optional<Bucket> elsewhere(const sip::Message& m, Bucket bucket);
  [[nodiscard]] Bucket bucket_on(ShardId shard, Bucket like) const;
  // Of no recognised group: its source alone says whose dialect it may speak.
  void answer_stranger(const sip::Message& m, Flow flow, int status, std::string_view why,
                       std::string_view detail = {});
  void answer_statelessly(const sip::Message& m, const Flow& flow,
                          const deployment::Profile* profile, int status, std::string_view why,
                          std::string_view detail = {});  // `detail`: for us alone
  [[nodiscard]] bool is_for_us(const sip::Message& response) const;
  [[nodiscard]] Result<std::uint64_t> open_connection(const Destination& to);
  void fail_later(std::uint64_t token, Error reason);
  void flush_outboxes();
  [[nodiscard]] bool post(ShardId to, reactor::Mail mail);
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
  // What requests of ours have as sent-by, now and before the last reload; both
  std::vector<std::string> names_now_, names_before_, own_hosts_;
  ConnectionTable connections_;
  Detours detours_;
  MovedDialogs moved_;
  SourceGuard guard_;
  RecentInvites recent_;
  SourceRates rates_;
  std::vector<std::deque<reactor::Mail>> outboxes_;  // per shard: mail that found a full mailbox
  // State
  OverloadState overload_;
  bool outbox_timer_ = false;
  std::vector<std::pair<std::uint64_t, Error>> failed_;  // to be told by the next timer turn
};

}  // namespace causeway::transport
