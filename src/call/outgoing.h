// The INVITE that goes on, as far as configuration, decision and the caller's INVITE make it: all
// but SDP, tags and branch. Pure, so that it can be shown without a call (explain.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "call/crossing.h"
#include "peers/dialect.h"
#include "policy/decide.h"

namespace causeway::call {

// What the INVITE is made from.
struct Onward {
  const sip::Message& invite;  // the caller's
  const deployment::Deployment& deployment;
  const policy::Decision& decision;
  std::string_view called;  // number, or the user or service as it came
  deployment::GroupIndex from;
  deployment::PeerIndex to;
  peers::LocalSide us;
};

struct Addressing {
  std::string request_uri;
  std::string from, to;      // header values without tags
  std::string contact_user;  // with the trunk group where the profile has it there (RFC 4904)
};
[[nodiscard]] Addressing addressing_of(const Onward& on);

// Max-Forwards, what the profile adds, what crosses, and the headers of the decision and the
// tenant. `carried`: does the part of the body with this Content-ID cross?
void write_headers(sip::Builder& out, const Onward& on,
                   const std::function<bool(std::string_view cid)>& carried);

// The host that stands for us towards this customer; empty: the profile's own (TDR-50).
[[nodiscard]] std::string customer_host(const deployment::Profile& profile,
                                        const policy::Customer& customer);

}  // namespace causeway::call
