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
  std::string_view headers;       // lines of the part, CRLF included; of a plain body empty
  std::string_view content_type;  // whole
  std::string_view type;          // "application/sdp", without parameters
  std::string_view id;            // Content-ID, with its brackets
  std::string_view disposition;   // Content-Disposition, whole
  std::string_view encoding;      // how it is packed, when it is: "gzip", "base64"
  std::string_view content;
  bool required = true;   // must be understood (RFC 3261 20.11)
  bool labelled = false;  // ... and says so itself
  bool in_multipart = false;
  [[nodiscard]] bool is_sdp() const;  // that describes this session
};

// Containers within containers are read to this depth, and so many parts in all.
inline constexpr std::size_t kMaxParts = 16, kMaxDepth = 4;

// What is to be looked at: the parts of a multipart body in their order, those of containers within
// it too, and of multipart/alternative the last that can be understood whole: SDP, and what `known`
// lists (RFC 2046 5.1.4). A body that is not multipart is one part. kMalformed for a multipart
// against its grammar, kTooLarge past a bound; `lenient` (a call for help):
// what could be read before that.
[[nodiscard]] Result<std::vector<BodyPart>> body_parts(const sip::Message& m,
                                                       std::span<const std::string> known = {},
                                                       bool lenient = false);
// Content of the first SDP part; empty when there is none.
[[nodiscard]] std::string_view sdp_of(const std::vector<BodyPart>& parts);

struct Body {
  std::string content_type;
  std::string content;
};
// `sdp` (may be empty) with those of `others` whose type `allowed` lists, byte for byte.
[[nodiscard]] Body join_body(std::string_view sdp, const std::vector<BodyPart>& others,
                             const std::vector<std::string>& allowed, std::string_view boundary);
// The types of the parts that do not cross so, "application/isup, text/plain"; empty: all do.
[[nodiscard]] std::string left_out(const std::vector<BodyPart>& parts,
                                   const std::vector<std::string>& allowed);
// Does a part with that Content-ID ("<a@b>", as a cid URL names it: "a@b") cross so?
[[nodiscard]] bool carries(const std::vector<BodyPart>& parts,
                           const std::vector<std::string>& allowed, std::string_view cid);

}  // namespace causeway::call
