// Writing messages: appends to one string, in the order the caller wants. Pure.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "base/net.h"
#include "sip/header_id.h"
#include "sip/message.h"

namespace causeway::sip {

class Builder {
 public:
  explicit Builder(std::size_t expected = 1024) { out_.reserve(expected); }

  Builder& request_line(std::string_view method, std::string_view uri) {
    return add(method).add(" ").add(uri).add(" SIP/2.0\r\n");
  }
  Builder& status_line(int status, std::string_view reason) {
    return add("SIP/2.0 ").number(status).add(" ").add(reason).add("\r\n");
  }
  Builder& header(std::string_view name, std::string_view value) {
    return add(name).add(": ").add(value).add("\r\n");
  }
  Builder& header(HeaderId id, std::string_view value) { return header(header_name(id), value); }
  Builder& header(HeaderId id, std::int64_t n) {
    return add(header_name(id)).add(": ").number(n).add("\r\n");
  }
  // As it came, name and value.
  Builder& copy(const HeaderField& f) { return header(f.name, f.value); }
  // For a header written piece by piece; end it with end_line().
  Builder& begin(HeaderId id) { return add(header_name(id)).add(": "); }
  Builder& end_line() { return add("\r\n"); }
  Builder& add(std::string_view s) {
    out_.append(s);
    return *this;
  }
  Builder& number(std::int64_t n) {
    char buf[24];
    const auto r = std::to_chars(buf, buf + sizeof buf, n);
    return add({buf, static_cast<std::size_t>(r.ptr - buf)});
  }
  // Content-Length and the body; ends the message.
  [[nodiscard]] std::string finish(std::string_view body = {}, std::string_view content_type = {});
  // What has been written so far.
  [[nodiscard]] std::string_view text() const { return out_; }

 private:
  std::string out_;
};

// The standard phrase for a status (RFC 3261 21), or "Error".
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

// Status line, Via(s), From, To (with our tag when the request had none), Call-ID and CSeq of a
// response (RFC 3261 8.2.6). `received`: where the request really came from, added to the top Via
// as received and rport (RFC 3581 4) when it differs or was asked for.
[[nodiscard]] Builder begin_response(const Message& request, int status, std::string_view reason,
                                     std::string_view to_tag, const Endpoint& received);

}  // namespace causeway::sip
