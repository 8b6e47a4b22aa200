// Which headers of one side reach the other, and how identity is written for a peer. Pure.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "deployment/deployment.h"
#include "sip/build.h"
#include "sip/message.h"

namespace causeway::call {

// How numbers of one side are written for the other (S9): in E.164 by the plan of the group that
// they come from, then as the receiving profile wants them. Nothing is rewritten without both.
struct NumberForms {
  const deployment::Deployment* deployment = nullptr;
  const deployment::NumberPlan *from = nullptr, *to = nullptr;
  deployment::NumberFormat format = deployment::NumberFormat::kAsIs;
  [[nodiscard]] explicit operator bool() const { return deployment != nullptr; }
  [[nodiscard]] std::string rewritten(std::string_view number) const;
};
[[nodiscard]] NumberForms number_forms(const deployment::Deployment& d, deployment::GroupIndex from,
                                       deployment::GroupIndex to);

// Copies from `in` what the receiving profile lists: pass_headers always, trusted_headers when both
// sides are in our trust domain (RFC 3325 5). What belongs to the dialog, the transaction or the
// transport never crosses, whatever a profile says.
// SIP URIs whose host is an address get `own_host` in its place: an address is the inside of a
// network, a name is an identity. "sips" becomes "sip".
// Identities (P-Asserted-Identity, Diversion and their like) have their numbers rewritten.
// What `ours` names does not cross: the gateway writes it itself.
// A value that refers to a part of the body (cid:) crosses when `carried` says that the part does.
void copy_crossing_headers(sip::Builder& out, const sip::Message& in,
                           const deployment::Profile& receiver, bool both_trusted,
                           std::string_view own_host,
                           const std::function<bool(std::string_view cid)>& carried = {},
                           const NumberForms& forms = {},
                           std::span<const deployment::HeaderLine> ours = {});
[[nodiscard]] std::string hide_addresses(std::string_view value, std::string_view own_host);
// A header value with the numbers of all its SIP and tel URIs rewritten.
[[nodiscard]] std::string with_numbers(std::string_view value, const NumberForms& forms);
[[nodiscard]] bool never_crosses(sip::HeaderId id);
// Does the receiver's profile list that header, and may it have it?
[[nodiscard]] bool lets_pass(const deployment::Profile& receiver, std::string_view name,
                             bool both_trusted);

// A display name as RFC 3261 25.1 has it: what came as neither tokens nor a quoted string is
// quoted.
[[nodiscard]] std::string display_name(std::string_view as_it_came);

// Who calls, as the receiving peer is to see it.
struct Caller {
  std::string user;     // "+4930...", "anonymous" or a name; never empty
  std::string display;  // quoted, or empty
  bool anonymous = false;
};
// From, or the asserted identity where the profile says so and privacy is not asked for (TDR-48).
// A peer outside of our trust domain hears of nobody who asked for privacy (RFC 3323 5).
[[nodiscard]] Caller caller_of(const sip::Message& invite, const deployment::Deployment& d,
                               const deployment::Profile& receiver, bool source_trusted,
                               const NumberForms& forms = {}, bool receiver_trusted = true);

// The telephone number in P-Asserted-Identity; empty: there is none.
[[nodiscard]] std::string asserted_number(const sip::Message& invite);

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
// The sender's half of a Session-ID (RFC 7989 5): 32 hex digits that are not all 0; empty: it has
// none.
[[nodiscard]] std::string session_half(std::string_view value);
// Text of the first Reason that holds one of these words, case aside; empty: none does.
[[nodiscard]] std::string_view reason_among(const sip::Message& m,
                                            const std::vector<std::string>& words);
// The Q.850 cause in a message's Reason headers; 0 when there is none.
[[nodiscard]] int q850_of(const sip::Message& m);

}  // namespace causeway::call
