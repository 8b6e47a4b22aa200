// The limits on calls, of the whole gateway, of peer groups and of peers: how many at one time, and
// how many a second. Shards share the numbers (SharedLoad). Emergency calls are counted everywhere
// and refused nowhere. On the shard's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "deployment/deployment.h"
#include "peers/peer_table.h"
#include "peers/shared_load.h"
#include "policy/decide.h"

namespace causeway::peers {

class Admission {
 public:
  explicit Admission(SharedLoad& load) : load_(load) {}
  void apply(deployment::DeploymentPtr deployment);

  // A call that would begin: nothing, and it is counted in the rates, or why there are too many.
  [[nodiscard]] std::optional<policy::Refusal> arriving(deployment::GroupIndex group,
                                                        std::optional<deployment::PeerIndex> peer,
                                                        bool emergency, Instant now);
  // One that was let in: in progress from now on, until the value goes.
  [[nodiscard]] Counted begin(deployment::GroupIndex group,
                              std::optional<deployment::PeerIndex> peer);
  // Within what its account and its service may have at one time: counted in `out`, or why not.
  [[nodiscard]] std::optional<policy::Refusal> of_customer(const policy::Customer& customer,
                                                           Counted& out);
  // What it would say to one more, which is not counted anywhere.
  [[nodiscard]] std::optional<policy::Refusal> full_of_customer(
      const policy::Customer& customer) const;
  // It goes on towards that peer: counted in `out`, or why not.
  [[nodiscard]] std::optional<policy::Refusal> towards(deployment::GroupIndex group,
                                                       deployment::PeerIndex peer, bool emergency,
                                                       Instant now, Counted& out);
  // A call that was rebuilt is in progress again. Names, as its legs have them; no peer: empty.
  [[nodiscard]] Counted again(const std::string& group, const std::string& peer, bool caller);

  [[nodiscard]] SharedLoad::Trunk& trunk(const std::string& group) { return load_.trunk(group); }
  [[nodiscard]] std::uint32_t calls() const { return load_.all().now(); }
  [[nodiscard]] std::uint32_t calls_of(deployment::GroupIndex g) const {
    return groups_[g.value]->now();
  }
  [[nodiscard]] std::uint32_t calls_of(deployment::PeerIndex p) const {
    return peers_[p.value]->now();
  }

 private:
  SharedLoad& load_;  // borrowed
  deployment::DeploymentPtr deployment_;
  std::vector<SharedLoad::Counter*> groups_, peers_;  // by index
};

}  // namespace causeway::peers
