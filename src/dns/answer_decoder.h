// Raw DNS messages into Answers. Pure; bounded in time and memory whatever the bytes say.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "dns/resolver.h"

namespace causeway::dns {

// The answer to the question (name, type): aliases are followed within the message, records of
// other names and types are left out. kMalformed for bytes that are no answer to that question,
// kUnavailable for a server that says it failed (RFC 1035 4.1.1).
[[nodiscard]] Result<Answer> decode_answer(std::span<const std::byte> message,
                                           std::string_view name, RecordType type);

}  // namespace causeway::dns
