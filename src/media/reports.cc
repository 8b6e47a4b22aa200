#include "media/reports.h"

#include <algorithm>

#include "media/streams.h"
#include "rtp/rtcp.h"
#include "rtp/voip_metrics.h"

namespace causeway::media {
namespace {

using rtp::ReportBlock;
using rtp::RtcpItem;
using rtp::RtcpType;

std::int64_t us(Instant t) { return t.time_since_epoch().count(); }

// A block about what we sent to `from`'s peer, as a block about what `to`'s peer sent us.
std::optional<ReportBlock> across(const Leg& from, const Leg& to, ReportBlock b) {
  if (b.ssrc != from.out.ssrc || !from.out.has_input || !to.in.started ||
      from.out.input_ssrc != to.in.ssrc)
    return std::nullopt;
  b.ssrc = to.in.ssrc;
  b.highest_sequence =
      extend(static_cast<std::uint16_t>(b.highest_sequence - from.out.seq_offset), to.in.highest);
  // The SR that it speaks of was made here: the far side never sent that one.
  if (from.sent_sr_is_ours && b.last_sr == from.sent_sr) b.last_sr = b.delay_since_sr = 0;
  return b;
}

}  // namespace

void learn(Leg& from, std::span<const std::byte> compound, Instant now) {
  rtp::RtcpReader reader(compound);
  RtcpItem item;
  while (reader.next(item)) {
    if (const auto info = item.sender_info()) {
      from.in.last_sr_ntp = rtp::middle(info->ntp);
      from.in.last_sr_us = us(now);
    }
    for (std::size_t i = 0; i < item.reports(); ++i) {
      const ReportBlock b = item.report(i);
      // Opus sends copies of its frames against losses that it is told of.
      if (b.ssrc == from.out.ssrc && from.saying && from.saying->encoder)
        from.saying->encoder->set_expected_loss(b.fraction_lost * 100 / 256);
      if (b.ssrc != from.out.ssrc || b.last_sr == 0 || b.last_sr != from.sent_sr) continue;
      const double away =
          to_seconds(now - from.sent_sr_at) - static_cast<double>(b.delay_since_sr) / 65'536.0;
      if (away < 0 || away >= 60) continue;
      from.counted.round_trip_ms = away * 1000;
      from.quality.set_round_trip(Micros(static_cast<std::int64_t>(away * 1'000'000)));
    }
  }
}

std::size_t translate(const Leg& from, Leg& to, std::span<const std::byte> compound,
                      std::span<std::byte> out, Instant now) {
  rtp::RtcpReader reader(compound);
  rtp::RtcpWriter writer(out);
  RtcpItem item;
  bool reported = false;
  while (reader.next(item)) {
    if (!item.is(RtcpType::kSenderReport) && !item.is(RtcpType::kReceiverReport)) continue;
    std::array<ReportBlock, 31> blocks;
    std::size_t n = 0;
    for (std::size_t i = 0; i < item.reports(); ++i)
      if (const auto b = across(from, to, item.report(i)); b && n < blocks.size()) blocks[n++] = *b;
    const auto told = std::span<const ReportBlock>(blocks).first(n);
    const auto info = item.sender_info();
    if (info && to.out.has_input && to.out.input_ssrc == item.ssrc) {
      rtp::SenderInfo ours = *info;
      ours.rtp_timestamp += to.out.ts_offset;
      ours.packets = to.out.packets;
      ours.octets = to.out.octets;
      writer.sender_report(to.out.ssrc, ours, told);
      to.sent_sr = rtp::middle(info->ntp);
      to.sent_sr_at = now;
      to.sent_sr_is_ours = false;
    } else {
      writer.receiver_report(to.out.ssrc, told);
    }
    reported = true;
  }
  if (!reported) return 0;
  writer.sdes(to.out.ssrc, to.cname);
  return writer.ok() ? writer.size() : 0;
}

std::size_t own_report(Leg& leg, std::span<std::byte> out, Instant now, WallTime wall) {
  rtp::RtcpWriter writer(out);
  std::array<ReportBlock, 1> block;
  std::size_t n = 0;
  if (leg.in.started) block[n++] = report(leg.in, us(now));
  const auto told = std::span<const ReportBlock>(block).first(n);
  if (leg.out.packets != leg.reported_packets) {
    const std::uint64_t ntp = rtp::ntp_time(wall.micros);
    const auto since =
        static_cast<std::uint32_t>((us(now) - leg.out.last_ts_us) * leg.out.clock / 1'000'000);
    writer.sender_report(leg.out.ssrc,
                         {ntp, leg.out.last_ts + since, leg.out.packets, leg.out.octets}, told);
    leg.reported_packets = leg.out.packets;
    leg.sent_sr = rtp::middle(ntp);
    leg.sent_sr_at = now;
    leg.sent_sr_is_ours = true;
  } else {
    writer.receiver_report(leg.out.ssrc, told);
  }
  writer.sdes(leg.out.ssrc, leg.cname);
  return writer.ok() ? writer.size() : 0;
}

std::size_t voip_report(const Leg& leg, std::span<std::byte> out) {
  if (!leg.agreed.voip_metrics || !leg.in.started || out.size() < rtp::kVoipMetricsPacket) return 0;
  const auto quality = leg.quality.summary();
  if (!quality) return 0;
  const auto away = leg.counted.round_trip_ms.value_or(0);
  rtp::write_voip_metrics(
      out.first<rtp::kVoipMetricsPacket>(), leg.out.ssrc,
      rtp::to_metrics(*quality, leg.in.ssrc, Micros(static_cast<std::int64_t>(away * 1'000))));
  return rtp::kVoipMetricsPacket;
}

std::size_t goodbye(const Leg& leg, std::span<std::byte> out) {
  rtp::RtcpWriter writer(out);
  writer.receiver_report(leg.out.ssrc, {});
  writer.sdes(leg.out.ssrc, leg.cname);
  writer.bye(leg.out.ssrc);
  return writer.ok() ? writer.size() : 0;
}

}  // namespace causeway::media
