// Any bytes as a payload of AMR or AMR-WB: what is understood is written back as it was, padding
// aside.
#include <array>
#include <cstdlib>
#include <string>

#include "codec/amr_payload.h"

using namespace causeway;
using namespace causeway::codec::amr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool wide = (data[0] & 1) != 0;
  // The rest of the first line is parameters, behind it the payload.
  const std::size_t text = std::min<std::size_t>(data[1], size - 2);
  const auto* begin = reinterpret_cast<const char*>(data + 2);
  const sdp::Codec line{PayloadType{96}, wide ? "AMR-WB" : "AMR", wide ? 16000U : 8000U, 1,
                        std::string(begin, text)};
  const auto format = format_of(line);
  if (!format) return 0;
  const std::span payload(reinterpret_cast<const std::byte*>(data + 2 + text), size - 2 - text);
  Payload p;
  if (!unpack(*format, payload, p)) return 0;
  std::array<std::byte, 1000> out;
  const std::size_t n = pack(*format, p, out);
  if (n != payload.size()) std::abort();
  Payload again;
  if (!unpack(*format, std::span(out).first(n), again) || again.count != p.count ||
      again.request != p.request) {
    std::abort();
  }
  for (std::size_t i = 0; i < p.count; ++i) {
    if (again.frames[i].type != p.frames[i].type || again.frames[i].good != p.frames[i].good ||
        again.frames[i].bits != p.frames[i].bits) {
      std::abort();
    }
  }
  return 0;
}
