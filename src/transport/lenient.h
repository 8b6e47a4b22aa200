// A request that cannot be parsed, because it is too large or has no end, may still say to whom an
// answer has to go. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "sip/message.h"

namespace causeway::transport {

// What an answer repeats of it (Via, From, To, Call-ID, CSeq) as a request of its own; nullopt when
// one of them is not within what there is, when it is no request, or an ACK.
[[nodiscard]] std::optional<sip::Message> essence_of(std::string_view bytes);

// 414, 400 or 513: which limit it broke.
[[nodiscard]] int status_for_oversize(std::string_view bytes);

}  // namespace causeway::transport
