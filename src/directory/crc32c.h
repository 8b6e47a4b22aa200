// CRC-32C (Castagnoli; RFC 3720 appendix B.4), eight bytes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::directory {

[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

}  // namespace causeway::directory
