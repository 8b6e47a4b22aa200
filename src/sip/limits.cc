#include "sip/limits.h"

#include <algorithm>

#include "sip/headers.h"
#include "sip/multipart.h"

namespace causeway::sip {
namespace {

Status over(ErrorCode code, std::string_view field, std::size_t size, std::size_t limit) {
  std::string what(field);
  what.append(" of ").append(std::to_string(size)).append(" bytes, at most ");
  what.append(std::to_string(limit)).append(" are taken");
  return fail(code, std::move(what));
}

// User part and password of a sip URI, without parsing the rest of it.
std::size_t userinfo_size(std::string_view uri) {
  const std::size_t at = uri.find('@');
  if (at == std::string_view::npos) return 0;
  const std::size_t colon = uri.find(':');
  return colon < at ? at - colon - 1 : at;
}

Status check_userinfo(std::string_view field, std::string_view uri, std::size_t limit) {
  // The whole is shorter than the limit in nearly every message.
  if (uri.size() <= limit) return {};
  const std::size_t n = userinfo_size(uri);
  if (n > limit) return over(ErrorCode::kMalformed, field, n, limit);
  return {};
}

Status check_options(const HeaderField& f, const FieldLimits& limits) {
  if (f.value.size() > limits.option_list)
    return over(ErrorCode::kMalformed, header_name(f.id), f.value.size(), limits.option_list);
  if (f.value.size() <= limits.option_tag) return {};
  std::string_view list = f.value;
  for (auto tag = next_value(list); !tag.empty(); tag = next_value(list))
    if (tag.size() > limits.option_tag)
      return over(ErrorCode::kMalformed, "option tag in " + std::string(header_name(f.id)),
                  tag.size(), limits.option_tag);
  return {};
}

Status check_contact(std::string_view value, const FieldLimits& limits) {
  if (value.size() <= std::min(limits.contact_uri, limits.userinfo)) return {};
  for (auto one = next_value(value); !one.empty(); one = next_value(value)) {
    const auto contact = parse_name_addr(one);
    if (!contact) return tl::unexpected(contact.error());
    if (contact->uri.size() > limits.contact_uri)
      return over(ErrorCode::kMalformed, "Contact URI", contact->uri.size(), limits.contact_uri);
    if (auto s = check_userinfo("user part in Contact", contact->uri, limits.userinfo); !s)
      return s;
  }
  return {};
}

Status check_party(HeaderId id, std::string_view value, const FieldLimits& limits) {
  if (value.size() <= std::min(limits.userinfo, limits.from_domain)) return {};
  const auto party = parse_name_addr(value);
  if (!party) return tl::unexpected(party.error());
  const std::string name(header_name(id));
  if (auto s = check_userinfo("user part in " + name, party->uri, limits.userinfo); !s) return s;
  if (id != HeaderId::kFrom) return {};
  const auto uri = parse_uri(party->uri);
  if (uri && uri->host.size() > limits.from_domain)
    return over(ErrorCode::kMalformed, "domain in From", uri->host.size(), limits.from_domain);
  return {};
}

Status too_many(ErrorCode code, std::size_t found, std::string_view what, std::size_t limit) {
  std::string text = std::to_string(found);
  text.append(what).append(", at most ").append(std::to_string(limit)).append(" are taken");
  return fail(code, std::move(text));
}

std::size_t occurrences(std::string_view text, std::string_view of) {
  std::size_t n = 0;
  for (std::size_t at = text.find(of); at != std::string_view::npos; at = text.find(of, at + 1))
    ++n;
  return n;
}

Status check_sdp(std::string_view sdp, const FieldLimits& limits) {
  if (sdp.size() > limits.sdp)
    return over(ErrorCode::kBodyTooLarge, "session description", sdp.size(), limits.sdp);
  if (const auto lines = occurrences(sdp, "\n"); lines > limits.sdp_lines)
    return too_many(ErrorCode::kNotAcceptable, lines, " lines of a session description",
                    limits.sdp_lines);
  if (const auto media = occurrences(sdp, "\nm="); media > limits.sdp_media)
    return too_many(ErrorCode::kNotAcceptable, media, " media sections", limits.sdp_media);
  return {};
}

// What cannot be read as its type says, or lies deeper, is judged where it is read.
Status check_content(std::string_view type, std::string_view content, const FieldLimits& limits,
                     int depth = 0) {
  constexpr int kDeepest = 3;
  if (iequals(media_type(type), "application/sdp")) return check_sdp(content, limits);
  if (!is_multipart(type) || depth == kDeepest) return {};
  const auto boundary = multipart_boundary(type);
  if (!boundary) return {};
  auto reader = MultipartReader::open(content, *boundary);
  MultipartPart part;
  while (reader) {
    const auto more = reader->next(part);
    if (!more || !*more) break;
    if (auto s = check_content(part.content_type, part.content, limits, depth + 1); !s) return s;
  }
  return {};
}

Status check_body(const Message& m, const FieldLimits& limits) {
  const std::string_view body = m.body();
  if (body.empty()) return {};
  if (body.size() > limits.body)
    return over(ErrorCode::kBodyTooLarge, "body", body.size(), limits.body);
  return check_content(m.value(HeaderId::kContentType), body, limits);
}

}  // namespace

Status check_request_uri(std::string_view uri, const FieldLimits& limits) {
  if (uri.size() > limits.request_uri)
    return over(ErrorCode::kUriTooLong, "Request-URI", uri.size(), limits.request_uri);
  return check_userinfo("user part in the Request-URI", uri, limits.userinfo);
}

Status check_field(const HeaderField& f, const FieldLimits& limits) {
  if (f.value.size() > limits.header_value)
    return over(ErrorCode::kMalformed, f.name.substr(0, 32), f.value.size(), limits.header_value);
  if (f.name.size() > limits.header_name)
    return over(ErrorCode::kMalformed,
                "name of header '" + std::string(f.name.substr(0, 32)) + "...'", f.name.size(),
                limits.header_name);
  switch (f.id) {
    case HeaderId::kFrom:
    case HeaderId::kTo: return check_party(f.id, f.value, limits);
    case HeaderId::kContact: return check_contact(f.value, limits);
    case HeaderId::kSupported:
    case HeaderId::kRequire:
    case HeaderId::kProxyRequire: return check_options(f, limits);
    case HeaderId::kContentType: {
      const std::size_t n = std::min(f.value.find(';'), f.value.size());
      if (n > limits.body_name)
        return over(ErrorCode::kMalformed, "type in Content-Type", n, limits.body_name);
      return {};
    }
    default: return {};
  }
}

Status check_head(const Message& m, const FieldLimits& limits) {
  if (auto s = check_request_uri(m.request_uri(), limits); !s) return s;
  if (m.headers().size() > limits.headers)
    return too_many(ErrorCode::kMalformed, m.headers().size(), " header lines", limits.headers);
  for (const HeaderField& f : m.headers())
    if (auto s = check_field(f, limits); !s) return s;
  return {};
}

Status check_limits(const Message& m, const FieldLimits& limits) {
  if (auto s = check_head(m, limits); !s) return s;
  return check_body(m, limits);
}

}  // namespace causeway::sip
