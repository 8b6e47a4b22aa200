// SIP as text, the lab's own: plain strings, no views into foreign buffers, made to be read rather
// than to be fast. Values own what they hold.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::lab {

struct SipHeader {
  std::string name, value;
};

struct SipMessage {
  bool request = true;
  std::string method, uri;  // of a request
  int status = 0;           // of a response
  std::string reason;
  std::vector<SipHeader> headers;  // in order; Content-Length is written by to_text
  std::string body;

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // First value, or empty. Names are compared without case; compact forms are understood.
  [[nodiscard]] std::string get(std::string_view name) const;
  // Every value; lists are split at commas outside quotes and angle brackets.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);
  // "INVITE" of "1 INVITE", and 1.
  [[nodiscard]] std::string cseq_method() const;
  [[nodiscard]] unsigned cseq_number() const;
  // Header names in capitals when asked for, as the Phone System writes them.
  [[nodiscard]] std::string to_text(bool capitals = false) const;

 private:
  [[nodiscard]] const SipHeader* find(std::string_view name) const;
};

inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;

// One whole message: a datagram, or what frame_length() cut out of a stream.
[[nodiscard]] Result<SipMessage> parse_sip(std::string_view text);
// Bytes of the first message in a stream, nullopt while it is not complete.
[[nodiscard]] std::optional<std::size_t> frame_length(std::string_view stream);

struct SipUri {
  std::string scheme, user, host;  // host in lower case, IPv6 with brackets
  int port = 0;                    // 0: not given
  std::string params;              // from the first ';' on, without it
  bool has_at = false;             // '@' was written, even with an empty user part
};
[[nodiscard]] Result<SipUri> parse_sip_uri(std::string_view text);

struct NameAddr {
  std::string display, uri, params;  // params without the first ';'
};
[[nodiscard]] NameAddr parse_name_addr(std::string_view text);

// Value of a parameter of "a=1;b;c=3"; "" for one without value, nullopt when absent.
[[nodiscard]] std::optional<std::string> parameter(std::string_view params, std::string_view name);
[[nodiscard]] std::string tag_of(std::string_view from_or_to);
[[nodiscard]] bool is_address(std::string_view host);                  // an IP literal, not a name
[[nodiscard]] bool same_text(std::string_view a, std::string_view b);  // without case
[[nodiscard]] std::string trimmed(std::string_view text);
[[nodiscard]] bool is_e164(std::string_view user);  // "+" and digits
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

}  // namespace causeway::lab
