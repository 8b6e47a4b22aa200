#include "sip/multipart.h"

#include "sip/header_id.h"
#include "sip/headers.h"

namespace causeway::sip {
namespace {

std::string_view media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (!value.empty() && is_lws(value.back())) value.remove_suffix(1);
  while (!value.empty() && is_lws(value.front())) value.remove_prefix(1);
  return value;
}

std::string_view type_of_part(std::string_view headers) {
  while (!headers.empty()) {
    const std::size_t eol = headers.find('\n');
    const std::string_view line = headers.substr(0, eol);
    headers.remove_prefix(eol == std::string_view::npos ? headers.size() : eol + 1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && is_lws(name.back())) name.remove_suffix(1);
    if (header_id(name) == HeaderId::kContentType) return media_type(line.substr(colon + 1));
  }
  return "text/plain";
}

struct Delimiter {
  std::size_t at = std::string_view::npos;  // where the part before it ends
  std::size_t end = 0;                      // behind the line, or behind "--" when it closes
  bool closes = false;
};

// The next line "--BOUNDARY" or "--BOUNDARY--"; white space may stand behind it (RFC 2046 5.1.1).
Delimiter find_delimiter(std::string_view text, std::string_view boundary) {
  for (std::size_t from = 0;;) {
    const std::size_t mark = text.find("--", from);
    if (mark == std::string_view::npos) return {};
    from = mark + 1;
    const bool starts_line = mark == 0 || (mark >= 2 && text.substr(mark - 2, 2) == "\r\n");
    if (!starts_line || text.substr(mark + 2, boundary.size()) != boundary) continue;
    std::size_t i = mark + 2 + boundary.size();
    Delimiter d;
    d.at = mark == 0 ? 0 : mark - 2;
    d.closes = text.substr(i, 2) == "--";
    if (d.closes) {
      d.end = i + 2;
      return d;
    }
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    if (text.substr(i, 2) != "\r\n") continue;
    d.end = i + 2;
    return d;
  }
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  const std::string_view type = media_type(content_type);
  return type.size() > 10 && iequals(type.substr(0, 10), "multipart/");
}

Result<std::string_view> multipart_boundary(std::string_view content_type) {
  const std::size_t semi = content_type.find(';');
  std::string_view b = semi == std::string_view::npos
                           ? std::string_view{}
                           : find_param(content_type.substr(semi + 1), "boundary").value_or("");
  if (b.size() >= 2 && b.front() == '"' && b.back() == '"') b = b.substr(1, b.size() - 2);
  if (b.empty() || b.size() > 70 || b.find_first_of("\r\n") != std::string_view::npos)
    return fail(ErrorCode::kMalformed, "multipart body without a boundary of 1 to 70 characters");
  return b;
}

Result<MultipartReader> MultipartReader::open(std::string_view body, std::string_view boundary) {
  const Delimiter first = find_delimiter(body, boundary);
  if (first.at == std::string_view::npos)
    return fail(ErrorCode::kMalformed, "multipart body without its boundary");
  MultipartReader r(body.substr(first.end), boundary);
  r.closed_ = first.closes;
  return r;
}

Result<bool> MultipartReader::next(MultipartPart& part) {
  if (closed_) return false;
  const Delimiter d = find_delimiter(rest_, boundary_);
  if (d.at == std::string_view::npos)
    return fail(ErrorCode::kMalformed, "multipart body that does not end");
  const std::string_view text = rest_.substr(0, d.at);
  part = {};
  if (text.starts_with("\r\n")) {
    part.content = text.substr(2);
  } else if (const std::size_t blank = text.find("\r\n\r\n"); blank != std::string_view::npos) {
    part.headers = text.substr(0, blank + 2);
    part.content = text.substr(blank + 4);
  } else if (text.ends_with("\r\n")) {
    part.headers = text;  // headers alone: the delimiter's own CRLF was the empty line
  } else {
    return fail(ErrorCode::kMalformed, "body part without an empty line after its headers");
  }
  part.type = type_of_part(part.headers);
  rest_.remove_prefix(d.end);
  closed_ = d.closes;
  return true;
}

}  // namespace causeway::sip
