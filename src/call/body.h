// Message bodies: finding the SDP among the parts, and putting SDP and what may cross together
// again (RFC 2046 5.1, RFC 5621). Views into the message; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message.h"

namespace causeway::call {

struct BodyPart {
  std::string_view headers;  // lines of the part, CRLF included; of a plain body empty
  std::string_view type;     // "application/sdp", without parameters
  std::string_view content;
};

// A body that is not multipart is one part. At most kMaxParts; kMalformed for a multipart without
// its boundary.
inline constexpr std::size_t kMaxParts = 16;
[[nodiscard]] Result<std::vector<BodyPart>> body_parts(const sip::Message& m);
// Content of the first SDP part; empty when there is none.
[[nodiscard]] std::string_view sdp_of(const std::vector<BodyPart>& parts);

struct Body {
  std::string content_type;
  std::string content;
};
// `sdp` (may be empty) with those of `others` whose type `allowed` lists, byte for byte.
[[nodiscard]] Body join_body(std::string_view sdp, const std::vector<BodyPart>& others,
                             const std::vector<std::string>& allowed, std::string_view boundary);

}  // namespace causeway::call
