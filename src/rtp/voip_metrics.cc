#include "rtp/voip_metrics.h"

#include <algorithm>
#include <cmath>

#include "rtp/bytes.h"

namespace causeway::rtp {
namespace {

constexpr unsigned kBlockType = 7;
constexpr std::size_t kBlockWords = 8;  // after the block's first word
// Standard concealment, an adaptive buffer (RFC 3611 4.7.6).
constexpr std::uint8_t kReceiver = 3 << 6 | 3 << 4;

std::uint8_t of_256(double share) {
  return static_cast<std::uint8_t>(std::clamp<long>(std::lrint(share * 256), 0, 255));
}
std::uint16_t millis(double ms) {
  return static_cast<std::uint16_t>(std::clamp<double>(ms, 0, 65'535));
}
std::uint16_t millis(Micros d) { return millis(static_cast<double>(d.count()) / 1'000); }

}  // namespace

void write_voip_metrics(std::span<std::byte, kVoipMetricsPacket> out, std::uint32_t reporter,
                        const VoipMetrics& m) {
  std::byte* const p = out.data();
  put8(p, 0x80);
  put8(p + 1, static_cast<unsigned>(RtcpType::kExtendedReport));
  put16(p + 2, kVoipMetricsPacket / 4 - 1);
  put32(p + 4, reporter);
  std::byte* const b = p + 8;
  put8(b, kBlockType);
  put8(b + 1, 0);
  put16(b + 2, kBlockWords);
  put32(b + 4, m.ssrc);
  put8(b + 8, m.loss_rate);
  put8(b + 9, m.discard_rate);
  put8(b + 10, m.burst_density);
  put8(b + 11, m.gap_density);
  put16(b + 12, m.burst_duration);
  put16(b + 14, m.gap_duration);
  put16(b + 16, m.round_trip);
  put16(b + 18, m.end_system);
  put8(b + 20, m.signal_level);
  put8(b + 21, m.noise_level);
  put8(b + 22, m.rerl);
  put8(b + 23, m.gmin);
  put8(b + 24, m.r_factor);
  put8(b + 25, m.external_r);
  put8(b + 26, m.mos_lq);
  put8(b + 27, m.mos_cq);
  put8(b + 28, m.receiver);
  put8(b + 29, 0);
  put16(b + 30, m.buffer_nominal);
  put16(b + 32, m.buffer_maximum);
  put16(b + 34, m.buffer_limit);
}

std::optional<VoipMetrics> voip_metrics(const RtcpItem& item) {
  if (!item.is(RtcpType::kExtendedReport) || item.bytes.size() < 8) return std::nullopt;
  auto rest = item.bytes.subspan(8);
  while (rest.size() >= 4) {
    const std::size_t bytes = 4 + std::size_t{get16(&rest[2])} * 4;
    if (bytes > rest.size()) return std::nullopt;
    if (get8(&rest[0]) == kBlockType && bytes == 4 + 4 * kBlockWords) {
      const std::byte* const b = rest.data();
      VoipMetrics m;
      m.ssrc = get32(b + 4);
      m.loss_rate = get8(b + 8);
      m.discard_rate = get8(b + 9);
      m.burst_density = get8(b + 10);
      m.gap_density = get8(b + 11);
      m.burst_duration = get16(b + 12);
      m.gap_duration = get16(b + 14);
      m.round_trip = get16(b + 16);
      m.end_system = get16(b + 18);
      m.signal_level = get8(b + 20);
      m.noise_level = get8(b + 21);
      m.rerl = get8(b + 22);
      m.gmin = get8(b + 23);
      m.r_factor = get8(b + 24);
      m.external_r = get8(b + 25);
      m.mos_lq = get8(b + 26);
      m.mos_cq = get8(b + 27);
      m.receiver = get8(b + 28);
      m.buffer_nominal = get16(b + 30);
      m.buffer_maximum = get16(b + 32);
      m.buffer_limit = get16(b + 34);
      return m;
    }
    rest = rest.subspan(bytes);
  }
  return std::nullopt;
}

VoipMetrics to_metrics(const QualityMonitor::Summary& s, std::uint32_t ssrc, Micros round_trip) {
  VoipMetrics m;
  m.ssrc = ssrc;
  const double expected = std::max(1u, s.loss.expected);
  m.loss_rate = of_256(s.loss.lost / expected);
  m.discard_rate = of_256(s.loss.discarded / expected);
  m.burst_density = of_256(s.bursts.burst_density);
  m.gap_density = of_256(s.bursts.gap_density);
  const double packet = static_cast<double>(s.packet_time.count()) / 1'000;
  m.burst_duration = millis(s.bursts.burst_packets * packet);
  m.gap_duration = millis(s.bursts.gap_packets * packet);
  m.round_trip = millis(round_trip);
  m.end_system = millis(s.buffer + s.packet_time);
  m.r_factor = static_cast<std::uint8_t>(std::clamp<long>(std::lrint(s.r_average), 0, 100));
  m.mos_cq = static_cast<std::uint8_t>(std::clamp<long>(std::lrint(s.mos_average() * 10), 10, 50));
  m.receiver = kReceiver;
  m.buffer_nominal = millis(s.buffer);
  m.buffer_maximum = millis(s.buffer);
  m.buffer_limit = millis(QualityMonitor::kMostBuffer);
  return m;
}

}  // namespace causeway::rtp
