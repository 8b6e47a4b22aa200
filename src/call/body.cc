#include "call/body.h"

#include "sip/headers.h"

namespace causeway::call {
namespace {

constexpr std::string_view kSdp = "application/sdp";

std::string_view media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (!value.empty() && sip::is_lws(value.back())) value.remove_suffix(1);
  while (!value.empty() && sip::is_lws(value.front())) value.remove_prefix(1);
  return value;
}

std::string_view type_of_part(std::string_view headers) {
  while (!headers.empty()) {
    const std::size_t eol = headers.find('\n');
    const std::string_view line = headers.substr(0, eol);
    headers.remove_prefix(eol == std::string_view::npos ? headers.size() : eol + 1);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        sip::header_id(line.substr(0, colon)) == sip::HeaderId::kContentType)
      return media_type(line.substr(colon + 1));
  }
  return "text/plain";
}

}  // namespace

Result<std::vector<BodyPart>> body_parts(const sip::Message& m) {
  std::vector<BodyPart> parts;
  if (m.body().empty()) return parts;
  const std::string_view value = m.value(sip::HeaderId::kContentType);
  const std::string_view type = media_type(value);
  if (type.size() < 10 || !sip::iequals(type.substr(0, 10), "multipart/")) {
    parts.push_back({{}, type, m.body()});
    return parts;
  }
  const std::size_t semi = value.find(';');
  std::string_view boundary =
      semi == std::string_view::npos
          ? std::string_view{}
          : sip::find_param(value.substr(semi + 1), "boundary").value_or("");
  if (boundary.size() >= 2 && boundary.front() == '"')
    boundary = boundary.substr(1, boundary.size() - 2);
  if (boundary.empty() || boundary.size() > 70)
    return fail(ErrorCode::kMalformed, "multipart body without a boundary of 1 to 70 characters");
  const std::string mark = "--" + std::string(boundary);
  std::string_view rest = m.body();
  std::size_t at = rest.find(mark);
  if (at == std::string_view::npos)
    return fail(ErrorCode::kMalformed, "multipart body without its boundary");
  rest.remove_prefix(at + mark.size());
  while (!rest.starts_with("--")) {
    const std::size_t eol = rest.find('\n');
    const std::size_t end = rest.find("\r\n" + mark);
    if (eol == std::string_view::npos || end == std::string_view::npos || end < eol)
      return fail(ErrorCode::kMalformed, "multipart body that does not end");
    if (parts.size() >= kMaxParts)
      return fail(ErrorCode::kTooLarge, "more than " + std::to_string(kMaxParts) + " body parts");
    const std::string_view part = rest.substr(eol + 1, end - eol - 1);
    BodyPart p;
    if (part.starts_with("\r\n")) {
      p.content = part.substr(2);
    } else if (const std::size_t blank = part.find("\r\n\r\n"); blank != std::string_view::npos) {
      p.headers = part.substr(0, blank + 2);
      p.content = part.substr(blank + 4);
    } else {
      return fail(ErrorCode::kMalformed, "body part without an empty line after its headers");
    }
    p.type = type_of_part(p.headers);
    parts.push_back(p);
    rest.remove_prefix(end + 2 + mark.size());
  }
  return parts;
}

std::string_view sdp_of(const std::vector<BodyPart>& parts) {
  for (const auto& p : parts)
    if (sip::iequals(p.type, kSdp)) return p.content;
  return {};
}

Body join_body(std::string_view sdp, const std::vector<BodyPart>& others,
               const std::vector<std::string>& allowed, std::string_view boundary) {
  std::vector<const BodyPart*> crossing;
  for (const auto& p : others) {
    if (sip::iequals(p.type, kSdp)) continue;
    for (const auto& a : allowed)
      if (sip::iequals(a, p.type)) {
        crossing.push_back(&p);
        break;
      }
  }
  if (crossing.empty()) return sdp.empty() ? Body{} : Body{std::string(kSdp), std::string(sdp)};
  if (sdp.empty() && crossing.size() == 1)
    return {std::string(crossing[0]->type), std::string(crossing[0]->content)};
  Body b;
  b.content_type = "multipart/mixed;boundary=" + std::string(boundary);
  if (!sdp.empty())
    b.content.append("--")
        .append(boundary)
        .append("\r\nContent-Type: application/sdp\r\n\r\n")
        .append(sdp)
        .append("\r\n");
  for (const BodyPart* p : crossing) {
    b.content.append("--").append(boundary).append("\r\n");
    if (p->headers.empty())
      b.content.append("Content-Type: ").append(p->type).append("\r\n");
    else
      b.content.append(p->headers);
    b.content.append("\r\n").append(p->content).append("\r\n");
  }
  b.content.append("--").append(boundary).append("--\r\n");
  return b;
}

}  // namespace causeway::call
