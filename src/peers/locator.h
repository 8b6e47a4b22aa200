// From a configured peer, or a name that a dialog gave, to the addresses to try, in order
// (RFC 3263). Remembers which addresses failed lately: those are tried last. On the shard's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dns/rfc3263.h"
#include "reactor/reactor.h"
#include "transport/flow.h"

namespace causeway::peers {

class LocatorClient {
 public:
  // Never from inside locate(). Never empty when it is a value.
  virtual void on_located(std::uint64_t token,
                          Result<std::vector<transport::Destination>> where) = 0;

 protected:
  ~LocatorClient() = default;
};

// What one shard learns of an address, for the others: they send there, too.
class AddressObserver {
 public:
  virtual void on_address_news(const Endpoint& remote, Transport transport, bool failed) = 0;

 protected:
  ~AddressObserver() = default;
};

// Which listener requests leave from, by the family of the address.
struct WaysOut {
  std::optional<deployment::ListenerIndex> v4, v6;
  Millis connect_time{2'000};
  std::string own_name;  // as Destination has it
};
[[nodiscard]] WaysOut ways_of(const deployment::Deployment& d, deployment::GroupIndex group);

class Locator final : dns::TargetListener, reactor::TimerTarget {
 public:
  // Who gave the name: the configuration, or the far side of a dialog.
  enum class Origin : std::uint8_t { kConfigured, kDialog };

  Locator(dns::Resolver& resolver, reactor::Reactor& reactor)
      : resolver_(resolver), reactor_(reactor) {}
  ~Locator();
  Locator(const Locator&) = delete;
  Locator& operator=(const Locator&) = delete;

  // Known at once (a literal, or cached): the value. nullopt: on_located(token) follows, after
  // `within` at the latest (kTimeout). Addresses without a way out are left out.
  [[nodiscard]] std::optional<Result<std::vector<transport::Destination>>> locate(
      dns::TargetRequest request, const WaysOut& ways, Origin origin, Millis within,
      LocatorClient& client, std::uint64_t token);
  void cancel(LocatorClient& client);

  // An address that did not answer, or said 503, stands behind the others for kSetAside.
  // What is new of it is told to the observer.
  void failed(const transport::Destination& where);
  void worked(const transport::Destination& where);
  // News of another shard.
  void heard(const Endpoint& remote, Transport transport, bool failed);
  void set_observer(AddressObserver* observer) { observer_ = observer; }
  [[nodiscard]] bool is_set_aside(const transport::Destination& where) const;
  [[nodiscard]] std::size_t open_questions() const { return questions_.size(); }

  // Questions at one time. Names that dialogs gave take at most half, and one name at most
  // kMaxPerName, so that slow names cannot keep the others from being asked.
  static constexpr std::size_t kMaxQuestions = 4'096, kMaxPerName = 1'024;
  static constexpr Millis kPatience{4'000};
  static constexpr Millis kNaptrGrace{500};  // NAPTR gets so much more time than SRV, or less
  static constexpr Seconds kSetAside{30};
  static constexpr Seconds kTellAgain{5};  // of an address that goes on failing
  static constexpr std::size_t kMaxSetAside = 4'096;

 private:
  struct Question {
    std::unique_ptr<dns::TargetSelection> selection;
    LocatorClient* client = nullptr;
    std::uint64_t token = 0;
    WaysOut ways;
    Origin origin = Origin::kConfigured;
    std::string host;
    Instant deadline;
    reactor::TimerId timer;
  };
  void arm(std::uint64_t id, Question& q);
  void on_targets(std::uint64_t id, Result<std::vector<dns::Target>> targets) override;
  void on_timer(std::uint64_t id, Instant now) override;
  [[nodiscard]] Status room_for(const std::string& host, Origin origin) const;
  [[nodiscard]] Result<std::vector<transport::Destination>> to_destinations(
      const Result<std::vector<dns::Target>>& targets, const WaysOut& ways) const;
  void close(std::unordered_map<std::uint64_t, Question>::iterator it);
  [[nodiscard]] static std::string key_of(const Endpoint& remote, Transport transport);

  // Borrowed
  dns::Resolver& resolver_;
  reactor::Reactor& reactor_;
  AddressObserver* observer_ = nullptr;
  // State
  std::unordered_map<std::uint64_t, Question> questions_;
  std::unordered_map<std::string, std::size_t> by_host_;  // of questions_
  std::size_t of_dialogs_ = 0;                            // of questions_
  std::unordered_map<std::string, Instant> set_aside_;    // until
  std::uint64_t next_ = 1;
};

// Lets large requests to that peer go over TCP where the configuration says so (TDR-90).
void allow_tcp(const deployment::Deployment& d, deployment::PeerIndex peer,
               transport::Destination& to);
// The same for a hop of a dialog that no peer of the configuration is: RFC 3261 18.1.1 has it so,
// and wherever it goes TCP may be refused.
void allow_tcp(const deployment::Deployment& d, deployment::GroupIndex group,
               transport::Destination& to);

// The question for a configured peer.
[[nodiscard]] dns::TargetRequest request_for(const deployment::Deployment& d,
                                             const deployment::Peer& peer);

}  // namespace causeway::peers
