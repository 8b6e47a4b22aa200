#include "rules/draft.h"

#include "sip/multipart.h"

namespace causeway::rules {

using sip::HeaderId;

Draft::Draft(const sip::Message& m)
    : request_uri(m.request_uri()),
      body(m.body()),
      status(m.status()),
      reason(m.reason_phrase()),
      message_(m) {
  lines.reserve(m.headers().size() + 4);
  for (const auto& f : m.headers()) lines.push_back(f);
}

std::string_view Draft::plain(std::string_view value) {
  if (value.find_first_of("\r\n") == std::string_view::npos) return value;
  std::string out;  // RFC 3261 7.3.1: a fold is a space
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\r' && value[i] != '\n') {
      out += value[i];
      continue;
    }
    while (i + 1 < value.size() && sip::is_lws(value[i + 1])) ++i;
    out += ' ';
  }
  return keep(std::move(out));
}

std::string_view Draft::value(HeaderId id) const {
  for (const auto& l : lines)
    if (l.id == id) return l.value;
  return {};
}

std::string_view Draft::sdp() const {
  if (body.empty() || !value(HeaderId::kContentEncoding).empty()) return {};
  const std::string_view type = value(HeaderId::kContentType);
  if (sip::iequals(sip::media_type(type), "application/sdp")) return body;
  if (!sip::is_multipart(type)) return {};
  const auto boundary = sip::multipart_boundary(type);
  if (!boundary) return {};
  auto reader = sip::MultipartReader::open(body, *boundary);
  if (!reader) return {};
  constexpr int kMaxParts = 16;
  sip::MultipartPart part;
  for (int i = 0; i < kMaxParts; ++i) {
    const auto more = reader->next(part);
    if (!more || !*more) return {};
    if (sip::iequals(part.type, "application/sdp"))
      return sip::part_header(part.headers, "Content-Transfer-Encoding").empty() ||
                     sip::iequals(sip::part_header(part.headers, "Content-Transfer-Encoding"),
                                  "binary")
                 ? part.content
                 : std::string_view{};
  }
  return {};
}

void Draft::replace_sdp(std::string_view text) {
  const std::string_view old = sdp();
  const auto at = static_cast<std::size_t>(old.data() - body.data());
  std::string out;
  out.reserve(body.size() + text.size());
  out.append(body.substr(0, at)).append(text).append(body.substr(at + old.size()));
  body = keep(std::move(out));
  changed = true;
}

Result<sip::Message> Draft::finish() {
  std::string start;
  if (status == 0) {
    start.reserve(message_.method_text().size() + request_uri.size() + 10);
    start.append(message_.method_text()).append(" ").append(request_uri).append(" SIP/2.0");
  } else {
    start.append("SIP/2.0 ").append(std::to_string(status)).append(" ").append(reason);
  }
  if (body.data() != message_.body().data()) {
    const std::string_view length = keep(std::to_string(body.size()));
    for (auto& l : lines)
      if (l.id == HeaderId::kContentLength) l.value = length;
  }
  return sip::Message::of_lines(start, lines, body);
}

}  // namespace causeway::rules
