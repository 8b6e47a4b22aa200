// Any bytes as a message: its body parts lie within it, and what is joined again is found again.
#include <cstdlib>
#include <string>

#include "call/body.h"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto m = sip::Message::parse({reinterpret_cast<const char*>(data), size});
  if (!m) return 0;
  const std::vector<std::string> known{"text/plain", "a/b"};
  const auto parts = call::body_parts(*m, known);
  if (!parts) return 0;
  if (parts->size() > call::kMaxParts) std::abort();
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
  if (!body.content_type.starts_with("multipart/mixed;boundary=" + boundary)) return 0;
  // What was joined is read again as the same SDP.
  std::string again = "INVITE sip:a@b SIP/2.0\r\nContent-Type: " + body.content_type +
                      "\r\nContent-Length: " + std::to_string(body.content.size()) + "\r\n\r\n" +
                      body.content;
  const auto n = sip::Message::parse(again);
  if (!n) std::abort();
  const auto twice = call::body_parts(*n, known);
  if (twice && call::sdp_of(*twice) != call::sdp_of(*parts)) std::abort();
  return 0;
}
