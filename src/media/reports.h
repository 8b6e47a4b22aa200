// RTCP between two legs: what one peer reports is told to the other in terms of the streams that it
// knows. Pure over the legs; no sockets.
#pragma once

#include <cstddef>
#include <span>

#include "base/time.h"
#include "media/leg.h"

namespace causeway::media {

// Takes from a compound of `from`'s peer what concerns ourselves: time of its SR, round trip.
void learn(Leg& from, std::span<const std::byte> compound, Instant now);

// The compound as `to`'s peer may see it: our SSRC and CNAME, report blocks on our stream turned
// into blocks on its own stream. SR, RR and SDES cross. BYE does not: our SSRC goes on when an
// input ends, and says its own goodbye when the leg closes. Other kinds describe streams that we do
// not have. Returns the bytes written; 0: nothing to tell.
[[nodiscard]] std::size_t translate(const Leg& from, Leg& to, std::span<const std::byte> compound,
                                    std::span<std::byte> out, Instant now);

// A report of our own to the leg's peer.
[[nodiscard]] std::size_t own_report(Leg& leg, std::span<std::byte> out, Instant now,
                                     WallTime wall);
// Behind such a report, where the peer asked for it: its quality here (RFC 3611 4.7). 0: it did
// not.
[[nodiscard]] std::size_t voip_report(const Leg& leg, std::span<std::byte> out);
[[nodiscard]] std::size_t goodbye(const Leg& leg, std::span<std::byte> out);

}  // namespace causeway::media
