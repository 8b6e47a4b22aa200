// The INVITE that would go to a peer, composed without a call: with placeholders for what a call
// draws at random or takes from its shard, and through the rules of the peer's profile. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "call/outgoing.h"
#include "rules/engine.h"

namespace causeway::call {

struct ShownInvite {
  std::string request_uri, from, to, contact;  // without tags
  std::vector<std::string> headers;            // further lines, without Via, Call-ID, CSeq and body
  std::vector<std::string> session;            // lines of its SDP that say what is offered
  std::vector<rules::Change> changes;
};
// `from`: the profile of the caller. Variables are what rules remember of the caller's INVITE.
[[nodiscard]] ShownInvite shown_invite(const Onward& on, const deployment::Profile& from,
                                       rules::Variables variables);

// What of an INVITE that was sent is comparable with that.
[[nodiscard]] ShownInvite shown(const sip::Message& invite);

}  // namespace causeway::call
