// The parts of a multipart body (RFC 2046 5.1, RFC 5621), found one after the other without
// copying. Views into the body and the Content-Type; pure.
#pragma once

#include <string_view>

#include "base/result.h"

namespace causeway::sip {

struct MultipartPart {
  std::string_view headers;       // lines of the part, CRLF included; empty when it has none
  std::string_view content_type;  // whole; "text/plain" when not given (RFC 2046 5.2)
  std::string_view type;          // "application/sdp", without parameters
  std::string_view content;
};

// Is that Content-Type a multipart one?
[[nodiscard]] bool is_multipart(std::string_view content_type);
// "application/sdp" of "application/sdp ;charset=utf-8".
[[nodiscard]] std::string_view media_type(std::string_view content_type);
// Its boundary, without quotes: 1 to 70 characters of RFC 2046 5.1.1.
[[nodiscard]] Result<std::string_view> multipart_boundary(std::string_view content_type);
// Value of the first header of that name (a compact one is found by its long name) in the lines of
// a part; folded lines are part of it. Empty: there is none.
[[nodiscard]] std::string_view part_header(std::string_view headers, std::string_view name);

// Preamble and epilogue are passed over. A delimiter is a whole line: the boundary as the beginning
// of a longer word does not count.
class MultipartReader {
 public:
  // kMalformed when `body` has no delimiter at all.
  [[nodiscard]] static Result<MultipartReader> open(std::string_view body,
                                                    std::string_view boundary);
  // False after the last part. kMalformed when the closing delimiter is missing or a part has no
  // empty line behind its headers.
  [[nodiscard]] Result<bool> next(MultipartPart& part);

 private:
  MultipartReader(std::string_view rest, std::string_view boundary)
      : rest_(rest), boundary_(boundary) {}
  std::string_view rest_;  // behind the delimiter that was read last
  std::string_view boundary_;
  bool closed_ = false;
};

}  // namespace causeway::sip
