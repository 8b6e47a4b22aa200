// Any bytes as a stream of packets and as extended reports: counts stay in order, and a block that
// was read is written back the same.
#include <algorithm>
#include <array>
#include <vector>

#include "rtp/bytes.h"
#include "rtp/quality.h"
#include "rtp/voip_metrics.h"

using namespace causeway;
using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> in(reinterpret_cast<const std::byte*>(data),
                                  reinterpret_cast<const std::byte*>(data) + size);
  RtcpReader reader(in);
  RtcpItem item;
  while (reader.next(item)) {
    const auto m = voip_metrics(item);
    if (!m) continue;
    std::array<std::byte, kVoipMetricsPacket> again{};
    write_voip_metrics(again, item.ssrc, *m);
    RtcpReader second(again);
    RtcpItem copy;
    if (!second.next(copy) || voip_metrics(copy) != m) __builtin_trap();
  }
  QualityMonitor monitor;
  monitor.set_codec(impairment_of("PCMA"), 8'000, Millis(20));
  Instant now{Seconds(1)};
  for (std::size_t at = 0; at + 8 <= in.size(); at += 8) {
    now += Millis(get8(&in[at + 6]));
    monitor.packet(get16(&in[at]), get32(&in[at + 2]), now, (get8(&in[at + 7]) & 1) == 0);
    if (get8(&in[at + 7]) > 250) monitor.new_source();
    (void)monitor.poll(now);
  }
  if (const auto s = monitor.summary()) {
    if (s->loss.expected < s->loss.lost + s->loss.discarded) __builtin_trap();
    if (!(s->r_min >= 0 && s->r_average <= 100)) __builtin_trap();
    (void)to_metrics(*s, 1, Micros(0));
  }
  return 0;
}
