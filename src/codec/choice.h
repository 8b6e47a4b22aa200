// Which codecs two sides of a call use: what is offered on to the far side, and what the answer to
// the near side says. Pure. Coding twice costs a hundred times what relaying does and is heard, so
// it happens only where no codec is common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/codec.h"
#include "sdp/plain.h"

namespace causeway::codec {

// What coding 20 ms of speech costs, in microseconds of the machine of docs/codecs.md: for
// comparing and for admission, not for billing.
struct Cost {
  double encode_us = 0;
  double decode_us = 0;
};
[[nodiscard]] Cost cost_us(Kind kind);
// Of Opus at a rate and a complexity other than the usual ones (16000 Hz, 5).
[[nodiscard]] Cost opus_cost_us(std::uint32_t rate, int complexity);
// Both directions of 20 ms between two codecs, resamplers included; 0 when they are the same.
[[nodiscard]] double transcoding_cost_us(const sdp::Codec& a, const sdp::Codec& b,
                                         int opus_complexity = 5);

// One direction: 20 ms of `from` decoded to PCM of `rate` and encoded as `to`.
[[nodiscard]] double one_way_cost_us(const sdp::Codec& from, const sdp::Codec& to,
                                     std::uint32_t rate, int opus_complexity = 5);

// One payload can be sent on as the other as it is: name, clock and channels, and for AMR the
// payload format (RFC 4867 8.1: octet-align, crc, robust-sorting, interleaving).
[[nodiscard]] bool same_payloads(const sdp::Codec& a, const sdp::Codec& b);

// The line that we write for a codec of that name ("G722") when nobody has offered one: its static
// payload type, or none yet (0 with a dynamic codec; see offer_for). Nothing when this build cannot
// do it.
[[nodiscard]] std::optional<sdp::Codec> own_line(std::string_view name);

// What to offer to the far side. `offered`: what the near side did, in its order. `allowed`: the
// names that the far side's dialect lists, in its order; empty: any. The common ones come first, in
// the order of `allowed` (or of the offer), with the numbers that they had. With `transcode`, and
// when one of the near side's codecs can be decoded here, those follow that would need it (with
// nothing listed: G.711, which everybody has). At the end telephone-event for each clock in use, if
// it was offered at all.
[[nodiscard]] std::vector<sdp::Codec> offer_for(const std::vector<sdp::Codec>& offered,
                                                const std::vector<std::string>& allowed,
                                                bool transcode);

// The parameters that our answer gives a line of the offer when we decode it ourselves: what we can
// receive. (Of what is relayed, the far side's are.)
[[nodiscard]] std::string answer_fmtp(const sdp::Codec& offered);

// How the two sides meet.
struct Meeting {
  // For the answer to the near side: lines of its offer. Not transcoded: all that are common, in
  // the far side's order; otherwise one.
  std::vector<sdp::Codec> near;
  sdp::Codec far;  // what the far side is sent
  bool transcode = false;
  double cost_us = 0;  // transcoding_cost_us() of the two
};
// `answered`: what the far side did. Lines that are no speech codec (telephone-event, CN) are
// passed over in both. kNotAcceptable (488): no way, or none without transcoding.
[[nodiscard]] Result<Meeting> meet(const std::vector<sdp::Codec>& offered,
                                   const std::vector<sdp::Codec>& answered, bool transcode);

}  // namespace causeway::codec
