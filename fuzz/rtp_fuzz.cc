// Any bytes as a datagram on a media port.
#include <vector>

#include "rtp/packet.h"

using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> p(reinterpret_cast<const std::byte*>(data),
                           reinterpret_cast<const std::byte*>(data) + size);
  (void)classify(p);
  const auto h = parse_header(p);
  if (!h) return 0;
  (void)payload(p, *h);
  set_payload_type(p, 101);
  set_marker(p, true);
  set_sequence(p, 1);
  set_timestamp(p, 2);
  set_ssrc(p, 3);
  const auto again = parse_header(p);
  if (!again || again->sequence != 1 || again->timestamp != 2 || again->ssrc != 3 ||
      again->bytes != h->bytes)
    __builtin_trap();
  return 0;
}
