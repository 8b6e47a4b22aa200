// Keeps the transactions of one shard: matching, retransmission, timers, CANCEL, the ACK of a
// failure and the repetition of a 2xx until its ACK. Runs on the shard's thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/hash.h"
#include "sip/transaction.h"
#include "transport/finished_transactions.h"
#include "transport/group_shares.h"
#include "transport/sip_transport.h"
#include "transport/size_rule.h"

namespace causeway::transport {

// Slot and generation: a stale id names nothing.
using TxId = StrongId<struct TxIdTag, std::uint64_t>;

// Who stands behind a transaction. An endpoint's 2xx is repeated for it until the ACK, and a
// request that came to it twice is merged (RFC 3261 8.2.2.2, 13.3.1.4). A proxy passes every 2xx on
// as it comes and repeats none, hears all of them until Timer M (RFC 6026 7.2, 8.4), and looks for
// loops itself (16.3).
enum class Role : std::uint8_t { kEndpoint, kProxy };

class TransactionUser {
 public:
  // As what is this new request (no ACK, no CANCEL) taken?
  virtual Role role_of(const Received& /*received*/) { return Role::kEndpoint; }
  // A new server transaction (anything but ACK and CANCEL).
  virtual void on_request(TxId tx, const Received& received) = 0;
  // The ACK of a 2xx; the user matches it by dialog.
  virtual void on_ack(const Received& received) = 0;
  // CANCEL for a pending INVITE; it has been answered, the INVITE has not (RFC 3261 9.2).
  virtual void on_cancel(TxId invite, const sip::Message& cancel) = 0;
  // A CANCEL of something that this shard knows nothing of. True: it has been dealt with, as a
  // proxy does that passes it on without state (RFC 3261 16.10); else it is answered 481.
  virtual bool on_unknown_cancel(const Received& /*cancel*/) { return false; }
  // 200 to the CANCEL of an INVITE whose user is `invite_user`, in the dialect of its sender.
  virtual std::string answer_to_cancel(const Received& cancel, std::uint64_t invite_user) = 0;
  // Does it belong to a dialog that there is? It has a To-tag.
  [[nodiscard]] virtual bool knows_dialog(const sip::Message& request) const = 0;
  // Of the peer that a client transaction talks to; may be null.
  [[nodiscard]] virtual const deployment::Profile* profile_of(std::uint64_t user) const = 0;
  // `user` is what the request was sent with.
  virtual void on_response(TxId tx, std::uint64_t user, const Received& received) = 0;
  // A response without a transaction: a 2xx that came again after all (RFC 6026 leaves it to us).
  virtual void on_stray_response(const Received& received) = 0;
  // Client: no final answer (kTimeout) or the transport gave up (kUnavailable ...).
  virtual void on_request_failed(TxId tx, std::uint64_t user, const Error& reason) = 0;
  // Server INVITE: the 2xx or failure was never acknowledged.
  virtual void on_no_ack(TxId tx, std::uint64_t user) = 0;
  virtual void on_other_mail(ShardId from, reactor::Mail mail) = 0;
  // Everything the layer sends for a transaction by itself, and what it absorbs (for the trail).
  virtual void on_layer_message(std::uint64_t user, bool outgoing, std::string_view bytes) = 0;

 protected:
  ~TransactionUser() = default;
};

class TransactionLayer final : MessageSink, reactor::TimerTarget {
 public:
  TransactionLayer(reactor::Reactor& reactor, TransportObserver& observer, TransactionUser& user);

  [[nodiscard]] SipTransport& transport() { return transport_; }
  [[nodiscard]] const SipTransport& transport() const { return transport_; }
  // A new configuration; what is under way follows its listener by name.
  [[nodiscard]] Status apply(Running running);

  // Client. `branch` is the one in the top Via of `bytes`. Not for ACK.
  // kProxy: every 2xx to an INVITE is handed up, and no final answer is a stray until Timer K or M.
  TxId send_request(std::string bytes, std::string_view branch, sip::Method method,
                    const Destination& to, std::uint64_t user, Role role = Role::kEndpoint);
  // CANCEL for a pending INVITE client transaction; waits for its first provisional (RFC 3261 9.1).
  // `reason`: value of a Reason header, may be empty.
  void cancel(TxId invite, std::string_view reason);
  // An INVITE that had provisional answers waits without end. Its dialog is over: 64*T1 are left.
  void set_limit(TxId invite);
  // The user waits no longer for an answer; what comes late is absorbed.
  void abandon(TxId tx);
  // ACK of a 2xx: no transaction of its own.
  void send_ack(std::string_view bytes, const Destination& to) {
    transport_.send_request(to, bytes, 0);
  }

  // Server. Provisional or final.
  void respond(TxId tx, int status, std::string bytes);
  void acknowledged(TxId tx);
  [[nodiscard]] const Flow* flow_of(TxId tx) const;
  void set_user(TxId tx, std::uint64_t user);
  [[nodiscard]] std::uint64_t user_of(TxId tx) const;
  // The request of a server transaction while it is pending, for building answers; good until the
  // user returns from on_request() even when it has answered.
  [[nodiscard]] const sip::Message* request_of(TxId tx) const;

  [[nodiscard]] std::size_t size() const { return live_ + finished_.size(); }
  static constexpr Millis kTrying{200};  // RFC 3261 17.2.1

 private:
  static constexpr std::size_t kChunk = 256;
  static constexpr TxId kFinished{};         // in by_origin_: it is among finished_
  static constexpr Millis kExpiryStep{250};  // many are forgotten in one timer
  struct Slot {
    std::uint32_t generation = 1;
    bool used = false;
    sip::Transaction machine;
    Hash128 key;
    std::string bytes;                  // client: the request; server: the latest response
    std::unique_ptr<Received> request;  // server, while no final answer was given
    Destination to;                     // client
    struct OverUdp {
      Destination to;
      std::string bytes;
    };
    std::unique_ptr<OverUdp> over_udp;  // client, sent over TCP for its size: the other way
    Flow flow;                          // server
    std::uint64_t user = 0;
    deployment::GroupIndex group;  // server
    std::uint64_t timer_token = 0;
    reactor::TimerId timer;
    sip::Method method = sip::Method::kOther;
    Role role = Role::kEndpoint;
    std::optional<Instant> resend_at;  // server INVITE: the 2xx again
    Millis resend_interval{0};
    std::optional<Instant> trying_at;  // server INVITE: 100 unless something else was said
    std::uint64_t origin = 0;          // server, outside of a dialog: key in by_origin_; 0: none
    std::string cancel_reason;
    bool cancel_wanted = false, cancel_sent = false, abandoned = false, acked = false;
    bool shared = false;    // server: counted in shares_
    bool of_call = false;   // server: never forgotten early
    bool rang = false;      // client INVITE: a provisional other than 100 came
    bool repeated = false;  // client: sent once more, because the connection closed
  };

  void on_message(Received&& received) override;
  void on_send_failed(std::uint64_t token, const Error& reason) override;
  bool fall_back_to_udp(TxId id, Slot& s);
  void on_request_lost(std::uint64_t token, bool crossed, const Error& reason) override;
  [[nodiscard]] bool still_waits(std::uint64_t token) const override;
  void on_other_mail(ShardId from, reactor::Mail mail) override {
    user_.on_other_mail(from, std::move(mail));
  }
  void on_timer(std::uint64_t token, Instant now) override;

  void on_sip_request(Received&& received);
  void on_sip_response(const Received& received);
  [[nodiscard]] bool shed(const Received& received, bool of_call);
  void on_cancel_request(const Received& received);
  void follow(const deployment::Deployment& before);
  [[nodiscard]] Hash128 client_key(std::string_view branch, std::string_view method) const;
  [[nodiscard]] Hash128 server_key(const sip::Message& m, std::string_view method) const;
  [[nodiscard]] std::uint64_t origin_of(const sip::Message& m) const;
  [[nodiscard]] TxId create(sip::TxKind kind, bool reliable, const Hash128& key);
  [[nodiscard]] Slot* get(TxId id);
  [[nodiscard]] const Slot* get(TxId id) const;
  void run(TxId id, sip::TxEvent event);
  void rearm(TxId id, Slot& s);
  void release(TxId id, Slot& s);
  void finish(TxId id, Slot& s);
  void schedule_expiry();
  void drop_request(Slot& s);
  [[nodiscard]] bool merged(std::uint64_t origin) const;
  void send_failure_ack(const Slot& s, const sip::Message& response);
  void send_cancel(TxId id, Slot& s);

  reactor::Reactor& reactor_;
  TransportObserver& observer_;
  TransactionUser& user_;
  SipTransport transport_;
  SizeRule size_rule_;
  sip::TimerConfig timers_;
  // Slots stay where they are: the table of a busy shard must not move while a call waits.
  std::vector<std::unique_ptr<std::array<Slot, kChunk>>> slots_;
  std::vector<std::uint32_t> free_;
  const HashKey hash_key_;
  FlatMap<Hash128, TxId, LowBits> by_key_;
  // Requests outside of dialogs, by a hash of Call-ID, CSeq and From-tag: the same one that came
  // another way is a merged request (RFC 3261 8.2.2.2).
  FlatMap<std::uint64_t, TxId, RandomBits> by_origin_;
  FinishedTransactions finished_;
  GroupShares shares_;
  bool expiry_scheduled_ = false;
  std::size_t live_ = 0;
  const Received* serving_ = nullptr;  // the user is reading it
  std::unique_ptr<Received> served_;   // ... and has answered it already
};

}  // namespace causeway::transport
