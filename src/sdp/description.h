// A session description (RFC 8866) as it came: boundaries found once, every line kept in order.
// Pure values, any thread. Views point into the description's own copy of the text and die with it
// (of a borrowed one: into the text that was given); a move keeps them valid only through the
// accessors, so ask again after moving.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxBytes = 65'535;
inline constexpr std::size_t kMaxLines = 512;
inline constexpr std::size_t kMaxMedia = 16;

struct Line {
  char type = 0;             // the letter before "="
  std::uint16_t begin = 0;   // of the value, in text()
  std::uint16_t length = 0;  // of the value
};

// One m= line and what belongs to it. Offsets are into lines().
struct MediaSection {
  std::uint16_t first = 0;  // the m= line itself
  std::uint16_t end = 0;    // one past the last line of this section
  std::uint16_t port = 0;
  std::string_view media(const class SessionDescription& of) const;    // "audio"
  std::string_view proto(const class SessionDescription& of) const;    // "RTP/AVP"
  std::string_view formats(const class SessionDescription& of) const;  // "0 8 101"
  std::uint16_t media_length = 0, proto_begin = 0, proto_length = 0, formats_begin = 0;
};

struct OriginLine {
  std::string_view username;
  std::uint64_t session_id = 0;
  std::uint64_t version = 0;
  std::string_view address;
};

class SessionDescription {
 public:
  SessionDescription(SessionDescription&&) noexcept = default;  // the text stays where it is
  SessionDescription& operator=(SessionDescription&&) noexcept = default;
  [[nodiscard]] std::string_view text() const { return {base_, size_}; }
  [[nodiscard]] std::span<const Line> lines() const { return lines_; }
  [[nodiscard]] std::span<const Line> session_lines() const {
    return lines().first(media_count_ == 0 ? lines_.size() : media_.front().first);
  }
  [[nodiscard]] std::span<const MediaSection> media() const {
    return std::span(media_).first(media_count_);
  }
  // The lines of a section, the m= line first.
  [[nodiscard]] std::span<const Line> lines_of(const MediaSection& m) const {
    return lines().subspan(m.first, static_cast<std::size_t>(m.end - m.first));
  }
  [[nodiscard]] std::string_view value(const Line& l) const {
    return {base_ + l.begin, l.length};  // parse() has put it there
  }
  // 1-based, for error texts.
  [[nodiscard]] std::size_t line_number(const Line& l) const {
    return static_cast<std::size_t>(&l - lines_.data()) + 1;
  }
  [[nodiscard]] OriginLine origin() const;

  // Same lines in the same order; how they ended (CRLF or LF) does not matter.
  friend bool operator==(const SessionDescription& a, const SessionDescription& b);

 private:
  friend Result<SessionDescription> parse(std::string_view text);
  friend Result<SessionDescription> parse_borrowed(std::string_view text);
  SessionDescription() = default;
  [[nodiscard]] Status read();
  // Longer than what a string holds within itself (parse() sees to that): on the heap, so that
  // `base_` outlives a move.
  std::string owned_;
  const char* base_ = nullptr;
  std::size_t size_ = 0;
  std::vector<Line> lines_;
  std::array<MediaSection, kMaxMedia> media_{};
  std::size_t media_count_ = 0;
  std::uint64_t session_id_ = 0, version_ = 0;  // of o=; its words are offsets into its value
  std::uint16_t user_begin_ = 0, user_length_ = 0, address_begin_ = 0, address_length_ = 0;
};

// Strict where a mistake would be carried on (v=, o=, s= present and in order, m= well formed, no
// control characters), tolerant where the field is (LF alone, no t=, no line end at the end). The
// error names the line. kTooLarge past a bound.
[[nodiscard]] Result<SessionDescription> parse(std::string_view text);
// The same over a text that outlives the description: nothing is copied.
[[nodiscard]] Result<SessionDescription> parse_borrowed(std::string_view text);

// Every line with CRLF, byte for byte as it came.
[[nodiscard]] std::string write(const SessionDescription& d);

}  // namespace causeway::sdp
