// A SIP message: one buffer and a table of views into it. Boundaries are found once, when it is
// parsed; what a header means is worked out when somebody asks (headers.h). Untouched headers leave
// byte for byte. Any thread, one at a time; views die with the message, which is move-only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sip/header_id.h"
#include "sip/headers.h"

namespace causeway::sip {

enum class Method : std::uint8_t {
  kInvite,
  kAck,
  kCancel,
  kBye,
  kOptions,
  kRegister,
  kPrack,
  kUpdate,
  kInfo,
  kRefer,
  kNotify,
  kSubscribe,
  kMessage,
  kPublish,
  kOther
};
[[nodiscard]] Method method_of(std::string_view token) noexcept;  // case-sensitive (RFC 3261 7.1)
[[nodiscard]] std::string_view to_string(Method m) noexcept;

// What keeps the parser safe; over it a message is refused with kTooLarge and cannot be answered.
// What a peer may send is less (FieldLimits, check_limits()).
struct ParseLimits {
  std::size_t max_message = 65'535;
  std::size_t max_headers = 256;
  std::size_t max_header_name = 1'024;
  std::size_t max_start_line = 16'384;
};

struct HeaderField {
  HeaderId id = HeaderId::kOther;
  std::string_view name;   // as it came
  std::string_view value;  // without surrounding white space; folds (CRLF WSP) are still inside
};

class Message {
 public:
  // Finds start line, headers and body in `bytes`, which are copied. A body shorter than its
  // Content-Length is left to validate(). kMalformed when no answer could be built from it.
  [[nodiscard]] static Result<Message> parse(std::string_view bytes,
                                             const ParseLimits& limits = {});

  // What parse() makes of the same bytes, for a writer who knows the lines: `start_line` without
  // its end, `lines` as parse() gives them (what they are is not looked for again), a body as long
  // as Content-Length says. kTooLarge, kMalformed: as parse().
  [[nodiscard]] static Result<Message> of_lines(std::string_view start_line,
                                                std::span<const HeaderField> lines,
                                                std::string_view body,
                                                const ParseLimits& limits = {});

  Message(Message&&) noexcept = default;
  Message& operator=(Message&&) noexcept = default;

  [[nodiscard]] bool is_request() const { return status_ == 0; }
  // Of a response: the method in its CSeq.
  [[nodiscard]] Method method() const { return method_; }
  [[nodiscard]] std::string_view method_text() const { return method_text_; }
  [[nodiscard]] std::string_view request_uri() const { return request_uri_; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view reason_phrase() const { return reason_; }

  [[nodiscard]] std::span<const HeaderField> headers() const { return headers_; }
  // First header of that kind, or nullptr.
  [[nodiscard]] const HeaderField* find(HeaderId id) const {
    const auto i = slot_[static_cast<std::size_t>(id)];
    return i == 0 ? nullptr : &headers_[i - 1U];
  }
  // First value, or empty.
  [[nodiscard]] std::string_view value(HeaderId id) const {
    const HeaderField* f = find(id);
    return f ? f->value : std::string_view{};
  }
  [[nodiscard]] bool has(HeaderId id) const { return slot_[static_cast<std::size_t>(id)] != 0; }
  // First header with that name, for those without an id.
  [[nodiscard]] const HeaderField* find(std::string_view name) const;
  [[nodiscard]] std::size_t count(HeaderId id) const;
  [[nodiscard]] bool has_one_via() const;  // over all its Via headers

  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] std::string_view bytes() const { return {buffer_.get(), size_}; }

  // Quirk bits of its lines, Request-URI, From, To and (of a request) Contact, as far as validate()
  // has looked at them.
  [[nodiscard]] std::uint8_t quirks() const { return quirks_; }

  // CSeq, already decoded (0 when missing or broken; validate() says so).
  [[nodiscard]] std::uint32_t cseq() const { return cseq_; }
  [[nodiscard]] std::string_view call_id() const { return value(HeaderId::kCallId); }

  // What nearly everybody asks of a message: parsed when first asked for, then kept. nullptr when
  // missing or broken (validate() says why).
  [[nodiscard]] const Via* top_via() const;
  [[nodiscard]] const NameAddr* from() const;
  [[nodiscard]] const NameAddr* to() const;
  [[nodiscard]] const Uri* target() const;  // the Request-URI
  // Empty when there is none.
  [[nodiscard]] std::string_view from_tag() const;
  [[nodiscard]] std::string_view to_tag() const;

 private:
  // An answer that is worked out once.
  template <class T>
  struct Once {
    bool asked = false, good = false;
    T value{};
  };
  struct Party {
    NameAddr address;
    std::string_view tag;
  };
  [[nodiscard]] const Party* party(Once<Party>& kept, HeaderId id) const;

  Message() = default;
  [[nodiscard]] Status parse_start_line(std::string_view line);
  [[nodiscard]] Status parse_headers(std::size_t at, const ParseLimits& limits);
  void keep(const HeaderField& f);
  void take_body(std::size_t at);
  void decode_cseq();

  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::vector<HeaderField> headers_;
  std::array<std::uint16_t, kHeaderIdCount> slot_{};
  std::string_view method_text_, request_uri_, reason_, body_;
  std::uint32_t cseq_ = 0;
  int status_ = 0;
  Method method_ = Method::kOther;
  HeaderId repeated_ = HeaderId::kOther;  // the first that stands twice and must not
  mutable std::uint8_t quirks_ = 0;
  bool cseq_ok_ = false, length_ok_ = true, version_ok_ = true, start_ok_ = true;
  mutable Once<Via> via_;
  mutable Once<Party> from_, to_;
  mutable Once<Uri> target_;
  friend Status validate(const Message&, const Message*);
};

// What RFC 3261 8.1.1, 8.2 and 20 demand of any message before it is worked on: Via, From, To,
// Call-ID, CSeq (once each, sane, method equal to the request's), Content-Length no longer than the
// body, routes that are addresses, a Request-URI that we can route. The error's code and text are
// what the answer says: 400, 416 (kUriScheme) or 505 (kVersion). `was`: what this was made of;
// values that both have are not read again.
[[nodiscard]] Status validate(const Message& m, const Message* was = nullptr);
// What is wrong with a message that has one of these quirks, for a person; empty for none.
[[nodiscard]] std::string_view describe_quirk(std::uint8_t quirks) noexcept;

// How many bytes at the start of `stream` make one message (RFC 3261 18.3), leading CRLFs included;
// nullopt: not complete yet. kMalformed or kTooLarge when it can never be framed: close the stream.
struct Frame {
  std::size_t skip = 0;    // keep-alive CRLFs in front
  std::size_t length = 0;  // of the message; 0 when there were CRLFs alone
};
[[nodiscard]] Result<std::optional<Frame>> find_frame(std::string_view stream,
                                                      const ParseLimits& limits = {});

// The same for a stream that grows: what was looked at before is not looked at again.
class FrameFinder {
 public:
  explicit FrameFinder(const ParseLimits& limits = {}) : limits_(limits) {}
  // `stream` begins as it did in the call before, until a frame was found: then behind that frame.
  [[nodiscard]] Result<std::optional<Frame>> find(std::string_view stream);

 private:
  [[nodiscard]] Status read_head(std::string_view s);

  ParseLimits limits_;
  std::size_t scanned_ = 0;  // no line end that matters before it
  bool line_ended_ = false;  // the start line is complete
  std::size_t head_ = 0;     // bytes of start line and headers; 0: not known yet
  std::size_t length_ = 0;   // of the body
};

}  // namespace causeway::sip
