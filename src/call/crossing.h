// Which headers of one side reach the other, and how identity is written for a peer. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "deployment/deployment.h"
#include "sip/build.h"
#include "sip/message.h"

namespace causeway::call {

// Copies from `in` what the receiving profile lists: pass_headers always, trusted_headers when both
// sides are in our trust domain (RFC 3325 5). What belongs to the dialog, the transaction or the
// transport never crosses, whatever a profile says.
// SIP URIs whose host is an address get `own_host` in its place: an address is the inside of a
// network, a name is an identity. "sips" becomes "sip".
// A value that refers to a part of the body (cid:) crosses when `carried` says that the part does.
void copy_crossing_headers(sip::Builder& out, const sip::Message& in,
                           const deployment::Profile& receiver, bool both_trusted,
                           std::string_view own_host,
                           const std::function<bool(std::string_view cid)>& carried = {});
[[nodiscard]] std::string hide_addresses(std::string_view value, std::string_view own_host);
[[nodiscard]] bool never_crosses(sip::HeaderId id);

// Who calls, as the receiving peer is to see it.
struct Caller {
  std::string user;     // "+4930...", "anonymous" or a name; never empty
  std::string display;  // quoted, or empty
  bool anonymous = false;
};
// From, or the asserted identity where the profile says so and privacy is not asked for (TDR-48).
[[nodiscard]] Caller caller_of(const sip::Message& invite, const deployment::Deployment& d,
                               const deployment::Profile& receiver, bool source_trusted);

// The number to bill: the asserted telephone number of a trusted source, whatever privacy says to
// others (TDR-63); else what From says.
[[nodiscard]] std::string billing_number(const sip::Message& invite, bool source_trusted);

// "sip:USER[;PARAMETERS]@HOST[:PORT][;user=phone]". Parameters are those of a telephone number, as
// sip::parameters_of() has them: with them it is `user=phone` whatever `phone` says.
[[nodiscard]] std::string party_uri(std::string_view user, std::string_view host,
                                    std::uint16_t port, bool phone,
                                    std::string_view parameters = {});

// The number that a call is routed by, of its Request-URI: the global one where a phone-context
// makes it so, unless what was dialled is an emergency number. Empty when it has none.
[[nodiscard]] std::string called_number(const deployment::Deployment& d, const sip::Uri& uri);

// Value of a Reason header for a cause, "Q.850;cause=17;text=\"...\"".
[[nodiscard]] std::string reason_value(int q850, std::string_view text);
// The value of a Reason header that is not about Q.850 ("SIP;cause=200;..."), bounded; empty: none.
[[nodiscard]] std::string_view sip_reason_of(const sip::Message& m);
// The Q.850 cause in a message's Reason headers; 0 when there is none.
[[nodiscard]] int q850_of(const sip::Message& m);

}  // namespace causeway::call
