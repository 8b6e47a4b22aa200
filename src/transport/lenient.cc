#include "transport/lenient.h"

#include <string>

#include "sip/header_id.h"

namespace causeway::transport {

using sip::HeaderId;

namespace {

constexpr std::size_t kMaxField = 4'096, kMaxFields = 64;

std::string_view first_line(std::string_view bytes) { return bytes.substr(0, bytes.find('\n')); }

}  // namespace

std::optional<sip::Message> essence_of(std::string_view bytes) {
  while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes.remove_prefix(1);
  const std::string_view line = first_line(bytes);
  const std::string_view method = line.substr(0, line.find(' '));
  if (method.empty() || method.size() > 32 || method == "ACK" ||
      sip::iequals(method.substr(0, 4), "SIP/"))
    return std::nullopt;
  std::string text(method);
  text += " sip:x SIP/2.0\r\n";
  std::size_t fields = 0, at = line.size() + 1;
  while (at < bytes.size() && fields < kMaxFields) {
    std::size_t end = bytes.find('\n', at);
    while (end != std::string_view::npos && end + 1 < bytes.size() &&
           (bytes[end + 1] == ' ' || bytes[end + 1] == '\t'))
      end = bytes.find('\n', end + 1);
    if (end == std::string_view::npos) break;  // an unfinished field says nothing
    const std::string_view field = bytes.substr(at, end + 1 - at);
    at = end + 1;
    if (field == "\r\n" || field == "\n") break;
    std::string_view name = field.substr(0, field.find(':'));
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    const HeaderId id = sip::header_id(name);
    if (id != HeaderId::kVia && id != HeaderId::kFrom && id != HeaderId::kTo &&
        id != HeaderId::kCallId && id != HeaderId::kCSeq)
      continue;
    if (field.size() > kMaxField) return std::nullopt;
    text.append(field);
    ++fields;
  }
  text += "\r\n";
  auto m = sip::Message::parse(text);
  if (!m || !sip::validate(*m)) return std::nullopt;
  return std::move(*m);
}

int status_for_oversize(std::string_view bytes) {
  const sip::ParseLimits limits;
  if (first_line(bytes).size() > limits.max_start_line) return 414;
  // Too many headers, or a name without end, in a message that is not too large by itself.
  const std::size_t head = bytes.find("\r\n\r\n");
  return head != std::string_view::npos && bytes.size() <= limits.max_message ? 400 : 513;
}

}  // namespace causeway::transport
