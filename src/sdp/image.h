// Fax by T.38 over UDPTL as a stream of the call (RFC 3264, RFC 3362, ITU-T T.38 Annex D): what an
// m=image line says, read and written. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdp/description.h"
#include "sdp/read.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxImageAttributes = 16, kMaxImageAttribute = 128;

// Adds to what was read of the audio the first live m=image line over UDPTL. Where there is no live
// audio beside it `read` becomes an offer of that image alone, if `may_be_alone`.
void add_image(const SessionDescription& d, bool may_be_alone, Result<RemoteOffer>& read);

// "m=image PORT udptl t38" and its attributes.
[[nodiscard]] std::string image_lines(const Image& image, std::uint16_t port);

// The m= lines that `text`, an SDP of ours, has: without "m=".
[[nodiscard]] std::vector<std::string_view> media_lines_of(std::string_view text);

}  // namespace causeway::sdp
