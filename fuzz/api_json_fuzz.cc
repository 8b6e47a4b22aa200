// Any bytes as a body: refused with the place, or a value that reads as itself when it is written.
#include <string>
#include <string_view>

#include "provisioning/json.h"

using namespace causeway::provisioning;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = parse_json({reinterpret_cast<const char*>(data), size});
  if (!value) {
    if (value.error().what.empty()) __builtin_trap();
    return 0;
  }
  const std::string once = value->write();
  const auto again = parse_json(once);
  if (!again || again->write() != once) __builtin_trap();
  return 0;
}
