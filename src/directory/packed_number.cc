#include "directory/packed_number.h"

namespace causeway::directory {

std::optional<std::uint64_t> pack_number(std::string_view number) {
  if (number.size() < 2 || number.size() > kMaxDigits + 1 || number.front() != '+') return {};
  std::uint64_t packed = 1;
  for (const char c : number.substr(1)) {
    if (c < '0' || c > '9') return {};
    packed = packed * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return packed;
}

std::string unpack_number(std::uint64_t packed) {
  std::string out = std::to_string(packed);
  if (out.size() < 2 || out.size() > kMaxDigits + 1 || out.front() != '1') return {};
  out.front() = '+';
  return out;
}

}  // namespace causeway::directory
