// The VoIP metrics block of RTCP extended reports (RFC 3611 4.7). Pure; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rtp/quality.h"
#include "rtp/rtcp.h"

namespace causeway::rtp {

struct VoipMetrics {
  static constexpr std::uint8_t kUnavailable = 127;  // of levels, R and MOS
  std::uint32_t ssrc = 0;                            // of the source that is reported on
  std::uint8_t loss_rate = 0;                        // of 256, as the next three
  std::uint8_t discard_rate = 0;
  std::uint8_t burst_density = 0;
  std::uint8_t gap_density = 0;
  std::uint16_t burst_duration = 0;  // ms
  std::uint16_t gap_duration = 0;
  std::uint16_t round_trip = 0;
  std::uint16_t end_system = 0;
  std::uint8_t signal_level = kUnavailable;  // dBm0
  std::uint8_t noise_level = kUnavailable;
  std::uint8_t rerl = kUnavailable;
  std::uint8_t gmin = BurstModel::kGmin;
  std::uint8_t r_factor = kUnavailable;
  std::uint8_t external_r = kUnavailable;
  std::uint8_t mos_lq = kUnavailable;  // times ten
  std::uint8_t mos_cq = kUnavailable;
  std::uint8_t receiver = 0;         // concealment, kind and rate of the jitter buffer
  std::uint16_t buffer_nominal = 0;  // ms
  std::uint16_t buffer_maximum = 0;
  std::uint16_t buffer_limit = 0;
  friend bool operator==(const VoipMetrics&, const VoipMetrics&) = default;
};

// Header of the packet, SSRC of the reporter and the block.
inline constexpr std::size_t kVoipMetricsPacket = 44;
void write_voip_metrics(std::span<std::byte, kVoipMetricsPacket> out, std::uint32_t reporter,
                        const VoipMetrics& m);
// The first such block of an extended report; nullopt when there is none, or a block before it
// says that it is longer than the packet.
[[nodiscard]] std::optional<VoipMetrics> voip_metrics(const RtcpItem& item);

[[nodiscard]] VoipMetrics to_metrics(const QualityMonitor::Summary& s, std::uint32_t ssrc,
                                     Micros round_trip);

}  // namespace causeway::rtp
