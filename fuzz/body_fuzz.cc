// Any bytes as a message: its body parts lie within it, and what is joined again is found again.
#include <cstdlib>
#include <string>

#include "call/body.h"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto m = sip::Message::parse({reinterpret_cast<const char*>(data), size});
  if (!m) return 0;
  const auto parts = call::body_parts(*m);
  if (!parts) return 0;
  std::vector<std::string> types;
  for (const auto& p : *parts) {
    const bool inside = p.content.empty() || (p.content.data() >= m->body().data() &&
                                              p.content.data() + p.content.size() <=
                                                  m->body().data() + m->body().size());
    if (!inside) std::abort();
    types.emplace_back(p.type);
  }
  const std::string boundary = "causeway-fuzz-boundary-0123456789";
  if (m->body().find(boundary) != std::string_view::npos) return 0;
  const auto body = call::join_body(call::sdp_of(*parts), *parts, types, boundary);
  (void)body;
  return 0;
}
