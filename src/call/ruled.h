// Rules of profiles at the legs of a call: what a peer sent as its profile's rules make it, before
// anybody reads it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "deployment/deployment.h"
#include "policy/decide.h"
#include "rules/engine.h"
#include "transport/flow.h"

namespace causeway::call {

// An INVITE that begins a call.
struct RuledInvite {
  std::optional<sip::Message> message;  // none: it is as it came
  rules::Variables variables;
  std::vector<rules::Change> changes;
};
// `chain` is rules_in of the profile of `group`. `peer`: its name; may be empty.
[[nodiscard]] RuledInvite rule_invite(const deployment::Deployment& d, const rules::Chain& chain,
                                      deployment::GroupIndex group, std::string_view peer,
                                      const sip::Message& invite);

// For a message of a call that was decided and is not made. `calling`, `called`: as rules know the
// numbers. Views of all arguments.
[[nodiscard]] rules::Facts facts_of_decided(const deployment::Deployment& d,
                                            const policy::Decision& decision,
                                            std::string_view calling, std::string_view called,
                                            deployment::GroupIndex group, std::string_view peer,
                                            rules::Direction direction);

// What rules remembered of the INVITE is the call's from now on.
void remember(rules::Variables& of_call, const rules::Variables& more);

// The same arrival with another message.
[[nodiscard]] transport::Received with_message(const transport::Received& r, sip::Message m);

}  // namespace causeway::call
