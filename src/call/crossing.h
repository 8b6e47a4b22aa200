// Which headers of one side reach the other, and how identity is written for a peer. Pure.
#pragma once

#include <string>
#include <string_view>

#include "deployment/deployment.h"
#include "sip/build.h"
#include "sip/message.h"

namespace causeway::call {

// Copies from `in` what the receiving profile lists: pass_headers always, trusted_headers when both
// sides are in our trust domain (RFC 3325 5). What belongs to the dialog, the transaction or the
// transport never crosses, whatever a profile says. The host of an asserted identity becomes
// `own_host`: a number says who calls, the host where the other side's network is.
void copy_crossing_headers(sip::Builder& out, const sip::Message& in, const deployment::Profile& receiver, bool both_trusted, std::string_view own_host);
[[nodiscard]] bool never_crosses(sip::HeaderId id);

// Who calls, as the receiving peer is to see it.
struct Caller {
  std::string user;       // "+4930...", "anonymous" or a name; never empty
  std::string display;    // quoted, or empty
  bool anonymous = false;
};
// From, or the asserted identity where the profile says so and privacy is not asked for (TDR-48).
[[nodiscard]] Caller caller_of(const sip::Message& invite, const deployment::Deployment& d, const deployment::Profile& receiver, bool source_trusted);

// "sip:USER@HOST[:PORT][;user=phone]"
[[nodiscard]] std::string party_uri(std::string_view user, std::string_view host, std::uint16_t port, bool phone);

// Value of a Reason header for a cause, "Q.850;cause=17;text=\"...\"".
[[nodiscard]] std::string reason_value(int q850, std::string_view text);
// The Q.850 cause in a message's Reason headers; 0 when there is none.
[[nodiscard]] int q850_of(const sip::Message& m);

}  // namespace causeway::call
