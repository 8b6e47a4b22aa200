// Any bytes as a written call: refused, or read into what writes the same value again.
#include <cstdlib>
#include <string>

#include "call/serialise.h"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto s = call::deserialise({reinterpret_cast<const char*>(data), size});
  if (!s) return 0;
  const auto again = call::deserialise(call::serialise(*s));
  if (!again || !(*again == *s)) std::abort();
  return 0;
}
