// Numbering of RTP streams: what we count of the peer's, and how ours goes on without a break. Pure
// functions over the values of leg_snapshot.h; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "media/leg_snapshot.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace causeway::media {

// RFC 3550 A.1: how far a number may jump before the source counts as restarted.
inline constexpr int kMaxDropout = 3'000;
inline constexpr int kMaxMisorder = 100;

struct Numbered {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool restarted = false;  // the input changed: the receiver should see a marker
};

// Our numbers for a packet of the input. nullopt: it is from before the present input took over,
// and its number was used by then. `clock`: Hz, of the packet's payload type.
[[nodiscard]] std::optional<Numbered> number(OutStream& o, const rtp::Header& h,
                                             std::uint32_t clock, std::int64_t now_us);

// Our numbers for a packet that we made ourselves: the next one, at the time that has passed. What
// arrives later goes on behind it.
[[nodiscard]] Numbered next_of_ours(OutStream& o, std::uint32_t clock, std::int64_t now_us);

// Counts an accepted packet. `clock` 0: no jitter from this one (telephone events repeat a
// timestamp).
void count(InStream& in, const rtp::Header& h, std::uint32_t clock, std::int64_t now_us);

[[nodiscard]] std::uint64_t lost(const InStream& in);  // of all sources so far
[[nodiscard]] double jitter_ms(const InStream& in, std::uint32_t jitter_q4);

// For a report of our own; moves the interval of `fraction_lost` on.
[[nodiscard]] rtp::ReportBlock report(InStream& in, std::int64_t now_us);

// The extended number nearest to `near` with these low 16 bits.
[[nodiscard]] std::uint32_t extend(std::uint16_t low, std::uint32_t near);

}  // namespace causeway::media
