// CallState to bytes and back. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "call/state.h"

namespace causeway::call {

[[nodiscard]] std::string serialise(const CallState& state);
// kUnsupported for another version, kMalformed for bytes that are not a call.
[[nodiscard]] Result<CallState> deserialise(std::string_view bytes);

}  // namespace causeway::call
