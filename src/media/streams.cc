#include "media/streams.h"

#include <algorithm>
#include <cstdlib>

namespace causeway::media {
namespace {

std::uint32_t clock_units(std::int64_t us, std::uint32_t clock) {
  return static_cast<std::uint32_t>(us * static_cast<std::int64_t>(clock) / 1'000'000);
}

std::int64_t lost_of_source(const InStream& in) {
  if (!in.started) return 0;
  const std::int64_t expected = std::int64_t{in.highest} - in.base + 1;
  return std::max<std::int64_t>(0, expected - in.received);  // duplicates can make it negative
}

}  // namespace

std::uint32_t extend(std::uint16_t low, std::uint32_t near) {
  return near + static_cast<std::uint32_t>(
                    static_cast<std::int16_t>(low - static_cast<std::uint16_t>(near)));
}

std::optional<Numbered> number(OutStream& o, const rtp::Header& h, std::uint32_t clock,
                               std::int64_t now_us) {
  const auto elapsed = [&] { return clock_units(now_us - o.last_ts_us, clock); };
  Numbered n;
  std::uint32_t ours = 0;
  bool fresh = !o.has_input || h.ssrc != o.input_ssrc;
  if (!fresh) {
    const auto low = static_cast<std::uint16_t>(h.sequence + o.seq_offset);
    const int ahead = static_cast<std::int16_t>(low - static_cast<std::uint16_t>(o.highest));
    if (ahead > kMaxDropout || ahead < -kMaxMisorder)
      fresh = true;
    else
      ours = o.highest + static_cast<std::uint32_t>(ahead);
  }
  if (fresh) {
    // The start values of a new stream were drawn when the leg was opened.
    ours = o.started ? o.highest + 1 : o.highest;
    const std::uint32_t ts = o.started ? o.last_ts + std::max(elapsed(), 1u) : o.last_ts;
    o.has_input = true;
    o.input_ssrc = h.ssrc;
    o.seq_offset = static_cast<std::uint16_t>(ours - h.sequence);
    o.ts_offset = ts - h.timestamp;
    o.floor = ours;
    n.restarted = true;
  } else if (static_cast<std::int32_t>(ours - o.floor) < 0) {
    return std::nullopt;
  }
  std::uint32_t ts = h.timestamp + o.ts_offset;
  const bool newest = !o.started || static_cast<std::int32_t>(ours - o.highest) > 0;
  if (newest && !fresh && ts != o.last_ts) {
    // A leap of the input's clock by more than five seconds against ours is not passed on.
    const auto off = static_cast<std::int32_t>(ts - (o.last_ts + elapsed()));
    if (std::abs(std::int64_t{off}) > 5 * std::int64_t{clock}) {
      ts = o.last_ts + std::max(elapsed(), 1u);
      o.ts_offset = ts - h.timestamp;
      n.restarted = true;
    }
  }
  if (newest) {
    if (!o.started || ts != o.last_ts) o.last_ts_us = now_us;
    o.highest = ours;
    o.last_ts = ts;
    o.clock = clock;
    o.started = true;
  }
  n.sequence = static_cast<std::uint16_t>(ours);
  n.timestamp = ts;
  return n;
}

Numbered next_of_ours(OutStream& o, std::uint32_t clock, std::int64_t now_us) {
  Numbered n;
  n.restarted = !o.started;
  if (o.started) {
    ++o.highest;
    o.last_ts += std::max(clock_units(now_us - o.last_ts_us, clock), 1u);
  }
  o.last_ts_us = now_us;
  o.clock = clock;
  o.started = true;
  n.sequence = static_cast<std::uint16_t>(o.highest);
  n.timestamp = o.last_ts;
  return n;
}

void count(InStream& in, const rtp::Header& h, std::uint32_t clock, std::int64_t now_us) {
  const int ahead = static_cast<std::int16_t>(h.sequence - static_cast<std::uint16_t>(in.highest));
  if (!in.started || in.ssrc != h.ssrc || ahead > kMaxDropout || ahead < -kMaxMisorder) {
    InStream next;
    next.lost_before = in.lost_before + static_cast<std::uint64_t>(lost_of_source(in));
    next.max_jitter_q4 = in.max_jitter_q4;
    next.clock = clock != 0 ? clock : 8000;
    next.started = true;
    next.ssrc = h.ssrc;
    // One cycle up, so that a packet from just before the first one has a number, too.
    next.base = next.highest = 0x10000u | h.sequence;
    next.received = 1;
    in = next;
  } else {
    const std::uint32_t extended = in.highest + static_cast<std::uint32_t>(ahead);
    if (ahead > 0) in.highest = extended;
    if (extended < in.base) in.base = extended;
    ++in.received;
  }
  if (clock == 0) return;
  const std::uint32_t transit = clock_units(now_us, clock) - h.timestamp;
  if (in.has_transit && in.clock == clock) {
    const auto d = static_cast<std::uint32_t>(
        std::abs(std::int64_t{static_cast<std::int32_t>(transit - in.transit)}));
    // A leap of more than two seconds is a restart of the source's clock, no jitter.
    if (d < 2 * clock) {
      in.jitter_q4 += d - ((in.jitter_q4 + 8) >> 4);
      in.max_jitter_q4 = std::max(in.max_jitter_q4, in.jitter_q4);
    }
  }
  in.clock = clock;
  in.transit = transit;
  in.has_transit = true;
}

std::uint64_t lost(const InStream& in) {
  return in.lost_before + static_cast<std::uint64_t>(lost_of_source(in));
}

double jitter_ms(const InStream& in, std::uint32_t jitter_q4) {
  return static_cast<double>(jitter_q4) / 16.0 * 1000.0 / static_cast<double>(in.clock);
}

rtp::ReportBlock report(InStream& in, std::int64_t now_us) {
  rtp::ReportBlock b;
  b.ssrc = in.ssrc;
  const std::uint32_t expected = in.highest - in.base + 1;
  b.cumulative_lost = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(std::int64_t{expected} - in.received, -0x800000, 0x7fffff));
  const std::uint32_t expected_now = expected - in.expected_prior;
  const std::uint32_t received_now = in.received - in.received_prior;
  if (expected_now != 0 && expected_now > received_now)
    b.fraction_lost = static_cast<std::uint8_t>(std::min<std::uint64_t>(
        255, (std::uint64_t{expected_now - received_now} << 8) / expected_now));
  in.expected_prior = expected;
  in.received_prior = in.received;
  b.highest_sequence = in.highest;
  b.jitter = in.jitter_q4 >> 4;
  if (in.last_sr_us != 0) {
    b.last_sr = in.last_sr_ntp;
    b.delay_since_sr = static_cast<std::uint32_t>((now_us - in.last_sr_us) * 65'536 / 1'000'000);
  }
  return b;
}

}  // namespace causeway::media
