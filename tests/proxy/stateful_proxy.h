// A small stateful SIP proxy (RFC 3261 16) on the transaction layer: what shows that the layer
// serves one. Forks to all its targets at once, records its route, speaks UDP, takes literal
// addresses alone. One shard.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sip/tag.h"
#include "transport/transaction_layer.h"

namespace causeway::proxy {

struct Options {
  std::vector<Endpoint> targets;  // of requests that carry no Route and are in no dialog
  Seconds timer_c{181};           // RFC 3261 16.6 step 11: more than three minutes
};

class StatefulProxy final : transport::TransactionUser,
                            transport::TransportObserver,
                            reactor::TimerTarget {
 public:
  StatefulProxy(reactor::Reactor& reactor, Options options)
      : reactor_(reactor), options_(std::move(options)), layer_(reactor, *this, *this) {}

  [[nodiscard]] Status apply(transport::Running running) {
    return layer_.apply(std::move(running));
  }
  [[nodiscard]] std::size_t contexts() const { return contexts_.size(); }
  [[nodiscard]] std::size_t transactions() const { return layer_.size(); }

 private:
  // One client transaction of a forked request.
  struct Branch {
    transport::TxId tx;
    int status = 0;  // final; 0: none yet
    bool provisional = false;
    std::string response;  // the final one, our Via taken off
  };
  // RFC 3261 16.2: what belongs to one request that was forwarded.
  struct Context {
    transport::TxId server;
    bool invite = false, answered = false, cancelled = false;
    std::vector<Branch> branches;
    reactor::TimerId timer_c;
  };

  // TransactionUser
  transport::Role role_of(const transport::Received&) override { return transport::Role::kProxy; }
  void on_request(transport::TxId tx, const transport::Received& r) override;
  void on_ack(const transport::Received& r) override { forward_statelessly(r); }
  void on_cancel(transport::TxId invite, const sip::Message& cancel) override;
  bool on_unknown_cancel(const transport::Received& r) override {
    forward_statelessly(r);
    return true;
  }
  std::string answer_to_cancel(const transport::Received& cancel,
                               std::uint64_t invite_user) override;
  bool knows_dialog(const sip::Message&) const override { return true; }  // it keeps none
  const deployment::Profile* profile_of(std::uint64_t) const override { return nullptr; }
  void on_response(transport::TxId tx, std::uint64_t user, const transport::Received& r) override;
  void on_stray_response(const transport::Received& r) override;
  void on_request_failed(transport::TxId tx, std::uint64_t user, const Error& reason) override;
  void on_no_ack(transport::TxId, std::uint64_t) override {}
  void on_other_mail(ShardId, reactor::Mail) override {}
  void on_layer_message(std::uint64_t, bool, std::string_view) override {}
  // TransportObserver
  void on_dropped(std::string_view, const Endpoint&, deployment::ListenerIndex,
                  std::string_view) override {}
  bool wants_wire() const override { return false; }
  void on_wire(bool, const Endpoint&, const Endpoint&, Transport, std::string_view) override {}
  // TimerTarget: Timer C of a context, or its end
  void on_timer(std::uint64_t token, Instant now) override;

  [[nodiscard]] std::vector<Endpoint> targets_of(const sip::Message& m, bool& own_route) const;
  [[nodiscard]] std::string forwarded(const transport::Received& r, bool own_route,
                                      const std::string& branch) const;
  [[nodiscard]] bool is_us(std::string_view uri) const;
  [[nodiscard]] const Endpoint& own() const { return layer_at().deployment().listeners[0].address; }
  [[nodiscard]] const transport::SipTransport& layer_at() const {
    return const_cast<transport::TransactionLayer&>(layer_).transport();
  }
  [[nodiscard]] transport::Destination to(const Endpoint& where) const;
  [[nodiscard]] sip::Owner home_of(const sip::Message& m) const;
  void answer(transport::TxId tx, int status);
  void forward_statelessly(const transport::Received& r);
  void branch_done(std::uint64_t id, Context& c);
  void cancel_pending(Context& c);
  void restart_timer_c(std::uint64_t id, Context& c);
  void end_later(std::uint64_t id);

  reactor::Reactor& reactor_;
  Options options_;
  transport::TransactionLayer layer_;
  std::unordered_map<std::uint64_t, Context> contexts_;  // bounded by the layer's transactions
  std::uint64_t next_id_ = 1;
};

}  // namespace causeway::proxy
