// What headers mean: parsed on access, views into the message. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net.h"
#include "base/result.h"

namespace causeway::sip {

[[nodiscard]] constexpr bool is_lws(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
// RFC 3261 25.1 token
inline constexpr auto kTokenChars = [] {
  std::array<bool, 256> t{};
  for (int c = '0'; c <= '9'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c)
    t[static_cast<std::size_t>(c)] = t[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : std::string_view("-.!%*_+`'~")) t[static_cast<unsigned char>(c)] = true;
  return t;
}();
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
  return kTokenChars[static_cast<unsigned char>(c)];
}

// Bounds on single fields of a request, in bytes where nothing else is said (limits.h; here because
// the configuration holds them).
struct FieldLimits {
  std::uint32_t request_uri = 1'024;
  std::uint32_t contact_uri = 1'024;
  std::uint32_t userinfo = 512;     // of Request-URI, From, To and Contact
  std::uint32_t from_domain = 255;  // a host name is no longer (RFC 1035 2.3.4)
  std::uint32_t header_name = 128;
  std::uint32_t body_name = 128;    // type and subtype of Content-Type
  std::uint32_t option_list = 512;  // one header of Supported, Require or Proxy-Require
  std::uint32_t option_tag = 64;
  std::uint32_t headers = 128;  // lines
  std::uint32_t header_value = 16'384;
  std::uint32_t body = 65'535;
  std::uint32_t sdp = 16'384;
  std::uint32_t sdp_lines = 512;
  std::uint32_t sdp_media = 16;  // media sections
  friend bool operator==(const FieldLimits&, const FieldLimits&) = default;
};

// sip:, sips: or tel:. Anything else is kept in `scheme` and `text` alone.
// What peers write although the grammar forbids it, and what can still be understood. A profile
// says which of them it puts up with; all others are answered 400.
enum Quirk : std::uint8_t {
  kBareLineFeed = 1,      // a line that ends in LF alone
  kUnderscoreInHost = 2,  // RFC 3261 25.1 hostname
  kFreeDisplayName = 4,   // neither tokens nor a quoted string: letters beyond ASCII, dots, @
  kBrokenEscape = 8,      // '%' without two hexadecimal digits behind it (RFC 3261 19.1.2)
  // A part of a multipart body that nobody knows and that does not say whether it must be
  // understood: left out. Seen when the body is read, not by the parser.
  kUnlabelledBodyPart = 16,
};

struct Uri {
  enum class Scheme : std::uint8_t { kOther, kSip, kSips, kTel };
  std::string_view text;    // the whole
  std::string_view scheme;  // as written
  std::string_view user;    // with escapes; of tel: the number
  std::string_view password;
  std::string_view host;     // IPv6 keeps its brackets
  std::uint16_t port = 0;    // 0: not given
  std::string_view params;   // without the leading ';'
  std::string_view headers;  // without the '?'
  Scheme kind = Scheme::kOther;
  std::uint8_t quirks = 0;  // Quirk bits
  [[nodiscard]] bool is_sip() const { return kind == Scheme::kSip || is_sips(); }
  [[nodiscard]] bool is_sips() const { return kind == Scheme::kSips; }
  [[nodiscard]] bool is_tel() const { return kind == Scheme::kTel; }
  [[nodiscard]] bool is_service() const;  // urn:service:... (RFC 5031): `text` says which
  // Value of a parameter, empty view for one without value, nullopt when absent.
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
};
// A raw '#' in the user part is accepted: services send it (TDR-61). An empty user part before '@'
// is not (TDR-26).
[[nodiscard]] Result<Uri> parse_uri(std::string_view text);
// Where the headers of a sip or sips URI begin, at its '?'; npos: it has none. A '?' of the user
// part is none.
[[nodiscard]] std::size_t headers_of_uri(std::string_view uri);
// A URI of Contact or Record-Route as a request is sent to it: without headers and method, which a
// Request-URI does not have (RFC 3261 12.2.1.1, 19.1.1).
[[nodiscard]] std::string as_request_uri(std::string_view uri);

// name-addr or addr-spec with parameters: From, To, Contact, Route, P-Asserted-Identity ...
struct NameAddr {
  std::string_view display;  // as written, quotes included
  std::string_view uri;      // what stands between < and >, or the bare addr-spec
  std::string_view params;   // header parameters without the leading ';'
  Uri target;                // `uri`, parsed; empty for "*"
  std::uint8_t quirks = 0;   // of the display name and of `target`
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
  [[nodiscard]] std::string_view tag() const { return param("tag").value_or(std::string_view{}); }
};
[[nodiscard]] Result<NameAddr> parse_name_addr(std::string_view value);

struct Via {
  std::string_view transport;  // "UDP"
  std::string_view host;
  std::uint16_t port = 0;
  std::string_view params;
  std::string_view branch;
  bool rport = false;  // asked for (RFC 3581)
};
// Of the first value in `value`.
[[nodiscard]] Result<Via> parse_via(std::string_view value);

// `list` up to the first comma that is outside quotes and angle brackets is removed from it and
// returned, trimmed. Empty elements (", ,") are passed over; empty when nothing is left.
[[nodiscard]] std::string_view next_value(std::string_view& list);

// The same for parameters, at the first ';' outside quotes: "a=b" of "a=b;c".
[[nodiscard]] std::string_view next_param(std::string_view& params);

// In "a;b=c;d": the value of `name`, without quotes' meaning resolved.
[[nodiscard]] std::optional<std::string_view> find_param(std::string_view params,
                                                         std::string_view name);

[[nodiscard]] bool is_call_id(std::string_view text);  // RFC 3261 25.1: word [ "@" word ]
[[nodiscard]] std::optional<std::uint32_t> parse_u32(std::string_view text);

}  // namespace causeway::sip
