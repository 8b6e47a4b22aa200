// subdomainStatus of the Provisioning API: whether an enterprise's names stand in the DNS as they
// ought to. Requests get what was found last; a thread of its own asks the name servers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "deployment/nameserver.h"
#include "nameserver/look.h"
#include "provisioning/subdomains.h"

namespace causeway::app {

class SubdomainWatch final : public provisioning::Subdomains {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kKnown = 10'000, kWaiting = 1'000;
  struct Times {
    // Looked up again when it is asked for and this old: as it ought to be, or not.
    std::chrono::milliseconds good = std::chrono::seconds(60);
    std::chrono::milliseconds otherwise = std::chrono::seconds(3);
    // What is not as it ought to be is looked up without being asked for, for so long.
    std::chrono::milliseconds care = std::chrono::minutes(2);
  };

  // `ask` is called on the thread of the watch and may wait.
  SubdomainWatch(const deployment::Nameserver& domain, nameserver::Ask ask)
      : SubdomainWatch(domain, std::move(ask), Times{}) {}
  SubdomainWatch(const deployment::Nameserver& domain, nameserver::Ask ask, Times times);
  ~SubdomainWatch() override;
  SubdomainWatch(const SubdomainWatch&) = delete;
  SubdomainWatch& operator=(const SubdomainWatch&) = delete;

  [[nodiscard]] provisioning::SubdomainStatus status(
      const store::DirectRoutingAccount& account) override;

 private:
  struct Known {
    provisioning::SubdomainStatus status = provisioning::SubdomainStatus::kNotProvisioned;
    std::vector<nameserver::Expected> names;
    Clock::time_point at, asked;
    bool looked = false, waiting = false;
  };
  [[nodiscard]] std::vector<nameserver::Expected> names_of(
      const store::DirectRoutingAccount& account) const;
  void run();
  void want(const std::string& key, Known& known);
  void look_again();
  void found(const std::string& key, const Result<nameserver::Seen>& seen);

  const deployment::Nameserver domain_;
  const nameserver::Ask ask_;
  const Times times_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Known> known_;  // by label and tokens; at most kKnown
  std::deque<std::string> waiting_;     // keys; at most kWaiting
  bool stopping_ = false;
  bool silent_ = false;  // nobody answered the last time
  std::thread thread_;
};

// Where the configuration says, or else where the system asks.
[[nodiscard]] std::vector<Endpoint> servers_to_ask(const deployment::Nameserver& domain,
                                                   const std::vector<Endpoint>& resolvers);

}  // namespace causeway::app
