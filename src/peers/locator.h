// From a configured peer to the addresses to try, in order (RFC 3263). On the shard's thread.
#pragma once

#include <memory>
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

class Locator final : dns::TargetListener {
 public:
  Locator(dns::Resolver& resolver, reactor::Reactor& reactor)
      : resolver_(resolver), reactor_(reactor) {}

  // Known at once (a literal, or cached): the value. nullopt: on_located(token) follows.
  [[nodiscard]] std::optional<Result<std::vector<transport::Destination>>> locate(
      const dns::TargetRequest& request, deployment::ListenerIndex listener, LocatorClient& client,
      std::uint64_t token);
  void cancel(LocatorClient& client);
  // At most this many questions at once; more are refused with kUnavailable.
  static constexpr std::size_t kMaxQuestions = 4'096;

 private:
  struct Question {
    std::unique_ptr<dns::TargetSelection> selection;
    LocatorClient* client = nullptr;
    std::uint64_t token = 0;
    deployment::ListenerIndex listener;
  };
  void on_targets(std::uint64_t token, Result<std::vector<dns::Target>> targets) override;

  dns::Resolver& resolver_;
  reactor::Reactor& reactor_;
  std::unordered_map<std::uint64_t, Question> questions_;
  std::uint64_t next_ = 1;
};

// The question for a configured peer.
[[nodiscard]] dns::TargetRequest request_for(const deployment::Deployment& d,
                                             const deployment::Peer& peer);

}  // namespace causeway::peers
