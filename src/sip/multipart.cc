#include "sip/multipart.h"

#include <algorithm>

#include "sip/header_id.h"
#include "sip/headers.h"

namespace causeway::sip {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_lws(s.back())) s.remove_suffix(1);
  while (!s.empty() && is_lws(s.front())) s.remove_prefix(1);
  return s;
}

bool is_boundary_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

struct Delimiter {
  std::size_t at = std::string_view::npos;  // where the part before it ends
  std::size_t end = 0;                      // behind the line
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
    if (d.closes) i += 2;
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    if (d.closes && i == text.size()) {
      d.end = i;
      return d;
    }
    if (text.substr(i, 2) != "\r\n") continue;
    d.end = i + 2;
    return d;
  }
}

}  // namespace

std::string_view media_type(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

std::string_view part_header(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    std::size_t end = headers.find('\n');
    // A line that begins with white space goes on with the one before (RFC 2046 5.1, RFC 822).
    while (end != std::string_view::npos && end + 1 < headers.size() &&
           (headers[end + 1] == ' ' || headers[end + 1] == '\t'))
      end = headers.find('\n', end + 1);
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(end == std::string_view::npos ? headers.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view found = trim(line.substr(0, colon));
    const HeaderId id = header_id(found);
    if (iequals(id == HeaderId::kOther ? found : header_name(id), name))
      return trim(line.substr(colon + 1));
  }
  return {};
}

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
  if (b.empty() || b.size() > 70 || b.back() == ' ' ||
      !std::all_of(b.begin(), b.end(), is_boundary_char))
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
  part.content_type = part_header(part.headers, "Content-Type");
  if (part.content_type.empty()) part.content_type = "text/plain";
  part.type = media_type(part.content_type);
  rest_.remove_prefix(d.end);
  closed_ = d.closes;
  return true;
}

}  // namespace causeway::sip
