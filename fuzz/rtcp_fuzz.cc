// Any bytes as a compound RTCP packet: walk it, and write back what was understood.
#include <array>
#include <vector>

#include "rtp/rtcp.h"

using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> p(reinterpret_cast<const std::byte*>(data),
                                 reinterpret_cast<const std::byte*>(data) + size);
  (void)valid_compound(p);
  RtcpReader reader(p);
  RtcpItem item;
  std::array<std::byte, 1024> buffer;
  RtcpWriter writer(buffer);
  while (reader.next(item)) {
    std::array<ReportBlock, 31> blocks;
    const std::size_t n = item.reports();
    for (std::size_t i = 0; i < n; ++i) blocks[i] = item.report(i);
    if (const auto info = item.sender_info())
      writer.sender_report(item.ssrc, *info, std::span(blocks).first(n));
    else
      writer.receiver_report(item.ssrc, std::span(blocks).first(n));
    if (!item.cname().empty()) writer.sdes(item.ssrc, item.cname());
  }
  if (writer.size() > buffer.size()) __builtin_trap();
  RtcpReader again(std::span<const std::byte>(buffer).first(writer.size()));
  while (again.next(item)) {
  }
  if (again.malformed()) __builtin_trap();
  return 0;
}
