// Bounds on single fields of a request (GW-04), over what the parser needs to stay safe. Pure.
#pragma once

#include "base/result.h"
#include "sip/headers.h"
#include "sip/message.h"

namespace causeway::sip {

// Of a request that passed validate(). kUriTooLong (414) for the Request-URI, kBodyTooLarge (413)
// for body and session description, kNotAcceptable (488) for the lines and media sections of one,
// kMalformed (400) for the rest; the text names the field, its size and the limit.
[[nodiscard]] Status check_limits(const Message& m, const FieldLimits& limits);
// Of that, all but the body; what one header line or the Request-URI alone can be over.
[[nodiscard]] Status check_head(const Message& m, const FieldLimits& limits);
[[nodiscard]] Status check_field(const HeaderField& f, const FieldLimits& limits);
[[nodiscard]] Status check_request_uri(std::string_view uri, const FieldLimits& limits);

}  // namespace causeway::sip
