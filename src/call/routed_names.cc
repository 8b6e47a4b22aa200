// Names of enterprises that their service routes to, as calls show (TDR-27).
#include "base/host_name.h"
#include "call/gateway_shard.h"
#include "call/state.h"

namespace causeway::call {

// The account's own name towards the group; empty: its service does not tell accounts apart by it.
std::string GatewayShard::name_towards(const deployment::Deployment& d, deployment::GroupIndex g,
                                       const std::string& account) const {
  const auto& group = d.group(g);
  const auto& host = d.profile(group.profile).contact_host;
  if (!group.service || !deployment::rules_of(*group.service).by_customer || host.empty() ||
      account.empty() || !directory_)
    return {};
  const auto* of = directory_->account(account);
  return of && !of->subdomain.empty() ? to_lower(of->subdomain + "." + host) : std::string();
}

void GatewayShard::tell_routed(const std::string& name, const std::string& account,
                               bool by_service) {
  // Told again now and then: what was not kept, or was given back, shows itself anew.
  const Instant now = reactor_.now();
  if (routed_.size() >= kRoutedNames || now - routed_since_ >= std::chrono::hours(1)) {
    routed_.clear();
    routed_since_ = now;
  }
  if (routed_.insert(name + "\n" + account).second)
    records_.on_name_routed(name, account, by_service);
}

// A call under the account's name that rang there: whoever does not know a name refuses it first.
void GatewayShard::look_for_routed_name(const CallState& call,
                                        const telemetry::CallRecord& record) {
  if (call.account.empty() || (call.rang.micros == 0 && call.answered.micros == 0)) return;
  const auto& d = layer_.transport().deployment();
  const auto g = d.find_group(record.egress_group);
  if (!g || !d.profile(d.group(*g).profile).customer_in_contact) return;
  if (const auto name = name_towards(d, *g, call.account); !name.empty())
    tell_routed(name, call.account, false);
}

}  // namespace causeway::call
