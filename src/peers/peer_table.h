// Neighbours as they are now, as one shard sees them: up or down, drained or blocked, when OPTIONS
// were last exchanged. Runs on the shard's thread; news travels to the other shards by mail.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "deployment/deployment.h"

namespace causeway::peers {

// Ordered by how much it takes away.
enum class Admin : std::uint8_t { kActive, kDrain, kBlock };
[[nodiscard]] std::string_view to_string(Admin a);

struct PeerState {
  bool probed = false;  // not yet probed counts as up
  bool up = true;
  Admin admin = Admin::kActive;
  Instant options_out{}, options_in{};  // zero: never
  std::vector<IpAddress> targets;       // of its name, as looked up last
  int last_status = 0;                  // of the latest OPTIONS; 0: none
  std::string last_failure;             // why it is down
  std::uint32_t changes = 0;
};

class PeerTable {
 public:
  // Keeps what is known of peers that are still there, by name.
  void apply(deployment::DeploymentPtr deployment);

  // Peers of a group in the order to try them: up before down, then by the file's order. Drained
  // and blocked ones are left out; a group with all peers down is still tried.
  // `emergency`: drained ones, and those of a drained group, come last.
  [[nodiscard]] std::vector<deployment::PeerIndex> candidates(deployment::GroupIndex group,
                                                              bool emergency = false) const;
  [[nodiscard]] PeerState& state(deployment::PeerIndex i) { return states_[i.value]; }
  [[nodiscard]] const PeerState& state(deployment::PeerIndex i) const { return states_[i.value]; }
  // The stricter of the group's, its region's and (when given) the peer's.
  [[nodiscard]] Admin admin_of(deployment::GroupIndex group) const;

  [[nodiscard]] bool is_drained(deployment::GroupIndex group, deployment::PeerIndex peer) const {
    return std::max(admin_of(group), states_[peer.value].admin) == Admin::kDrain;
  }

  // The peer of the group that sends from there; where several share an address, the one with that
  // port. nullopt: none is known by address.
  [[nodiscard]] std::optional<deployment::PeerIndex> peer_at(deployment::GroupIndex group,
                                                             const Endpoint& from) const;

  enum class Kind : std::uint8_t { kPeer, kGroup, kRegion };
  // kNotFound names what there is.
  [[nodiscard]] Status set_admin(Kind kind, std::string_view name, Admin admin);
  [[nodiscard]] const deployment::DeploymentPtr& deployment() const { return deployment_; }

 private:
  deployment::DeploymentPtr deployment_;
  std::vector<PeerState> states_;
  std::vector<Admin> groups_, regions_;
};

}  // namespace causeway::peers
