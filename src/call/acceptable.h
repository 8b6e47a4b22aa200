// Whether a request can be answered as it stands, before its offer is read: what it requires, how
// its body is packed, what it wants to be answered with. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "call/body.h"
#include "deployment/deployment.h"
#include "sip/message.h"

namespace causeway::call {

// A refusal that names what would have been right in a header of its own.
struct Unacceptable {
  int status = 0;
  std::string_view header;  // "Unsupported", "Accept", "Accept-Encoding"
  std::string value;
  std::string text;        // for the trail
  std::string_view label;  // metric label: a literal
};

// 420 (RFC 3261 8.2.2.3): option tags in Require that the profile does not have.
[[nodiscard]] std::optional<Unacceptable> unacceptable_extensions(
    const sip::Message& request, const deployment::Profile& profile);

// The types besides SDP that some peer of ours takes: those that the body of `m` may be of. Empty
// when it is nothing but SDP.
[[nodiscard]] std::vector<std::string> understood_types(const deployment::Deployment& d,
                                                        const sip::Message& m);

// 415 (RFC 3261 8.2.3, RFC 5621 8): an encoded body, or a body or part that must be understood and
// is neither SDP nor of a type in `known`. What does not say so must be, unless the profile puts up
// with parts without a label. 406: SDP is not among what the caller accepts (RFC 4475 3.3.15).
[[nodiscard]] std::optional<Unacceptable> unacceptable_body(
    const sip::Message& invite, const std::vector<BodyPart>& parts,
    const deployment::Profile& profile, std::span<const std::string> known = {});

}  // namespace causeway::call
