#include "call/body.h"

#include "sip/headers.h"
#include "sip/multipart.h"

namespace causeway::call {
namespace {

constexpr std::string_view kSdp = "application/sdp";

std::string_view media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (!value.empty() && sip::is_lws(value.back())) value.remove_suffix(1);
  while (!value.empty() && sip::is_lws(value.front())) value.remove_prefix(1);
  return value;
}

}  // namespace

Result<std::vector<BodyPart>> body_parts(const sip::Message& m) {
  std::vector<BodyPart> parts;
  if (m.body().empty()) return parts;
  const std::string_view value = m.value(sip::HeaderId::kContentType);
  const std::string_view type = media_type(value);
  if (!sip::is_multipart(value)) {
    parts.push_back({{}, type, m.body()});
    return parts;
  }
  const auto boundary = sip::multipart_boundary(value);
  if (!boundary) return tl::unexpected(boundary.error());
  auto reader = sip::MultipartReader::open(m.body(), *boundary);
  if (!reader) return tl::unexpected(reader.error());
  sip::MultipartPart part;
  for (;;) {
    const auto more = reader->next(part);
    if (!more) return tl::unexpected(more.error());
    if (!*more) return parts;
    if (parts.size() >= kMaxParts)
      return fail(ErrorCode::kTooLarge, "more than " + std::to_string(kMaxParts) + " body parts");
    parts.push_back({part.headers, part.type, part.content});
  }
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
