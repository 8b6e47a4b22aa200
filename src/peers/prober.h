// OPTIONS to peers on a schedule, and what their answers say (TDR-31 .. TDR-41, GW-01). Every
// address of a name is asked; the peer is up while one of them answers, and the others are set
// aside. Each peer is probed by one shard only; the others hear of it by mail. On the shard's
// thread.
#pragma once

#include <string>
#include <vector>

#include "peers/dialect.h"
#include "peers/locator.h"
#include "peers/peer_table.h"
#include "transport/transaction_layer.h"

namespace causeway::peers {

class ProberListener {
 public:
  // `state` changed in the table of this shard.
  virtual void on_peer_news(deployment::PeerIndex peer) = 0;

 protected:
  ~ProberListener() = default;
};

class Prober final : reactor::TimerTarget, LocatorClient {
 public:
  // `user_tag` is or-ed into the user value of our transactions, so that the owner of the
  // transaction layer can tell them from those of calls.
  Prober(reactor::Reactor& reactor, transport::TransactionLayer& layer, Locator& locator,
         PeerTable& table, ProberListener& listener, std::uint64_t user_tag);
  ~Prober();

  // Starts with the first round spread over `kSpread`, then by each group's interval.
  void apply();
  void on_response(std::uint64_t user, const sip::Message& response);
  void on_failed(std::uint64_t user, const Error& reason);
  static constexpr Millis kSpread{500};
  // A peer that is down is asked at least this often, so that it is noticed when it returns.
  static constexpr Seconds kDownInterval{10};
  // The names of peers that are not probed are looked up so often.
  static constexpr Seconds kLookUp{60};
  static constexpr std::size_t kMaxAddresses = 8;  // of one name that are asked

 private:
  void on_timer(std::uint64_t token, Instant now) override;
  void on_located(std::uint64_t token, Result<std::vector<transport::Destination>> where) override;
  void probe(deployment::PeerIndex peer);
  void send(deployment::PeerIndex peer, std::size_t address);
  void on_outcome(std::uint64_t token, bool up, int status, std::string why);
  void verdict(deployment::PeerIndex peer, bool up, int status, std::string why);
  void schedule(deployment::PeerIndex peer, Micros in);

  reactor::Reactor& reactor_;
  transport::TransactionLayer& layer_;
  Locator& locator_;
  PeerTable& table_;
  ProberListener& listener_;
  std::uint64_t user_tag_;
  // What one peer was asked and has answered so far.
  struct Turn {
    std::vector<transport::Destination> asked;
    std::size_t open = 0;  // no outcome yet
    bool any_up = false, locating = false;
    int status = 0;   // of what decided
    std::string why;  // the latest failure
  };
  std::vector<reactor::TimerId> timers_;  // per peer
  std::vector<Turn> turns_;               // per peer
  std::uint32_t round_ = 0;  // changes with apply(): late answers of an old list are ignored
};

// The OPTIONS request itself.
[[nodiscard]] std::string make_options(const LocalSide& side, const deployment::Peer& peer,
                                       std::string_view branch, std::string_view tag,
                                       std::string_view call_id);

}  // namespace causeway::peers
