// Any bytes as a stream of telephone-event packets: begins and ends must alternate, and each end
// must be of the event that began.
#include <algorithm>
#include <array>
#include <vector>

#include "rtp/bytes.h"
#include "rtp/telephone_event.h"

using namespace causeway;
using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> in(reinterpret_cast<const std::byte*>(data),
                                  reinterpret_cast<const std::byte*>(data) + size);
  EventReceiver receiver;
  EventSender sender;
  Instant now{Seconds(1)};
  int on = -1;
  const auto check = [&](const EventReceiver::Happened& h) {
    if (h.what == EventReceiver::What::kBegin) {
      if (on >= 0) __builtin_trap();
      on = h.event;
      sender.start(h.event, now, h.volume);
    }
    if (h.what == EventReceiver::What::kEnd) {
      if (on != h.event || h.duration.count() < 0) __builtin_trap();
      on = -1;
      sender.stop_at(h.duration);
    }
  };
  // sequence, timestamp, length of the payload and flags, wait, payload
  for (std::size_t at = 0; at + 8 <= in.size();) {
    EventReceiver::Packet p;
    p.sequence = get16(&in[at]);
    p.timestamp = get32(&in[at + 2]);
    const unsigned flags = get8(&in[at + 6]);
    now += Millis(get8(&in[at + 7]));
    p.marker = (flags & 0x80) != 0;
    p.clock = (flags & 0x40) != 0 ? 48'000 : 8'000;
    at += 8;
    const std::size_t n = std::min<std::size_t>(flags & 0x0f, in.size() - at);
    p.payload = std::span(in).subspan(at, n);
    at += n;
    if (const auto e = parse_event(p.payload)) {
      std::array<std::byte, kEventBytes> again;
      write_event(again, *e);
      if (parse_event(again) != e) __builtin_trap();
    }
    for (const auto& h : receiver.receive(p, now)) check(h);
    if (const auto h = receiver.poll(now)) check(*h);
    if (receiver.active() != (on >= 0)) __builtin_trap();
    for (const auto& packet : sender.next(now, p.timestamp)) (void)parse_event(packet.payload);
  }
  return 0;
}
