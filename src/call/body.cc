#include "call/body.h"

#include <algorithm>

#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/multipart.h"

namespace causeway::call {
namespace {

constexpr std::string_view kSdp = "application/sdp";

bool listed(std::span<const std::string> types, std::string_view type) {
  return std::any_of(types.begin(), types.end(),
                     [&](const std::string& t) { return sip::iequals(t, type); });
}

// What leaves the bytes as they are (RFC 2045 6.2, RFC 3261 20.12).
bool is_plain_encoding(std::string_view e) {
  for (const std::string_view plain : {"identity", "binary", "8bit", "7bit"})
    if (sip::iequals(e, plain)) return true;
  return e.empty();
}

void read_disposition(BodyPart& p, bool container_required) {
  p.required = container_required;
  if (p.disposition.empty()) return;
  const auto d = sip::parse_disposition(p.disposition);
  if (!d) return;
  if (d->optional) p.required = false;
  p.labelled = d->has_handling;
}

// One message's containers and parts.
class Walk {
 public:
  explicit Walk(std::span<const std::string> known) : known_(known) {}

  // Appends what there is to be looked at in `p`: itself, or the parts in it.
  Status take(const BodyPart& p, std::size_t depth, std::vector<BodyPart>& out) {
    if (!sip::is_multipart(p.content_type) || !p.encoding.empty()) {
      return add(p, out);
    }
    if (++containers_ > kMaxParts)
      return fail(ErrorCode::kTooLarge,
                  "more than " + std::to_string(kMaxParts) + " multipart bodies");
    if (depth == kMaxDepth)
      return fail(ErrorCode::kTooLarge,
                  "multipart bodies in each other, more than " + std::to_string(kMaxDepth));
    const auto boundary = sip::multipart_boundary(p.content_type);
    if (!boundary) return tl::unexpected(boundary.error());
    auto reader = sip::MultipartReader::open(p.content, *boundary);
    if (!reader) return tl::unexpected(reader.error());
    return sip::iequals(p.type, "multipart/alternative") ? choose(p, *reader, depth, out)
                                                         : all_of(p, *reader, depth, out);
  }

 private:
  Status add(const BodyPart& p, std::vector<BodyPart>& out) {
    if (++count_ > kMaxParts)
      return fail(ErrorCode::kTooLarge, "more than " + std::to_string(kMaxParts) + " body parts");
    out.push_back(p);
    return {};
  }
  static BodyPart part_of(const sip::MultipartPart& m, const BodyPart& container) {
    BodyPart p;
    p.headers = m.headers;
    p.content_type = m.content_type;
    p.type = m.type;
    p.content = m.content;
    p.id = sip::part_header(m.headers, "Content-ID");
    p.disposition = sip::part_header(m.headers, "Content-Disposition");
    for (const std::string_view name : {"Content-Encoding", "Content-Transfer-Encoding"})
      if (const auto e = sip::part_header(m.headers, name); !is_plain_encoding(e)) p.encoding = e;
    p.in_multipart = true;
    read_disposition(p, container.required);
    return p;
  }

  // RFC 2046 5.1.7: a kind of multipart that is not known is a mixed one. Of a related one only the
  // root stands for itself; the others are there to be referred to (RFC 2387).
  Status all_of(const BodyPart& container, sip::MultipartReader& reader, std::size_t depth,
                std::vector<BodyPart>& out) {
    const bool related = sip::iequals(container.type, "multipart/related");
    bool first = true;
    for (sip::MultipartPart m;;) {
      const auto more = reader.next(m);
      if (!more) return tl::unexpected(more.error());
      if (!*more) return {};
      BodyPart p = part_of(m, container);
      if (related && !std::exchange(first, false) && !p.labelled) p.required = false;
      if (auto ok = take(p, depth + 1, out); !ok) return ok;
    }
  }

  Status choose(const BodyPart& container, sip::MultipartReader& reader, std::size_t depth,
                std::vector<BodyPart>& out) {
    std::vector<BodyPart> best;
    for (sip::MultipartPart m;;) {
      const auto more = reader.next(m);
      if (!more) {
        out.insert(out.end(), best.begin(), best.end());
        return tl::unexpected(more.error());
      }
      if (!*more) break;
      std::vector<BodyPart> one;
      if (auto ok = take(part_of(m, container), depth + 1, one); !ok) {
        out.insert(out.end(), best.begin(), best.end());  // for those who take what there is
        return ok;
      }
      if (understood(one)) best = std::move(one);
    }
    if (best.empty()) return add(container, out);  // whole, and of a type that nobody knows
    out.insert(out.end(), best.begin(), best.end());
    return {};
  }

  [[nodiscard]] bool understood(const std::vector<BodyPart>& parts) const {
    bool any = false;
    for (const BodyPart& p : parts) {
      const bool good = p.is_sdp() || (p.encoding.empty() && listed(known_, p.type));
      if (!good && p.required) return false;
      any = any || good;
    }
    return any;
  }

  std::span<const std::string> known_;
  std::size_t count_ = 0, containers_ = 0;
};

// Parts cross with their own lines; of a plain body those that its message had for it.
void append_part(Body& b, const BodyPart& p, std::string_view boundary) {
  b.content.append("--").append(boundary).append("\r\n");
  if (p.in_multipart && !p.headers.empty()) {
    b.content.append(p.headers);
  } else {
    b.content.append("Content-Type: ").append(p.content_type).append("\r\n");
    if (!p.id.empty()) b.content.append("Content-ID: ").append(p.id).append("\r\n");
    if (!p.disposition.empty())
      b.content.append("Content-Disposition: ").append(p.disposition).append("\r\n");
    if (!p.encoding.empty())
      b.content.append("Content-Encoding: ").append(p.encoding).append("\r\n");
  }
  b.content.append("\r\n").append(p.content).append("\r\n");
}

}  // namespace

bool BodyPart::is_sdp() const {
  if (!encoding.empty() || !sip::iequals(type, kSdp)) return false;
  // An early session is one of its own (RFC 3959), and what is to be rendered describes none. A
  // word that nobody knows says nothing.
  const auto kind = sip::media_type(disposition);
  return !sip::iequals(kind, "early-session") && !sip::iequals(kind, "render");
}

Result<std::vector<BodyPart>> body_parts(const sip::Message& m, std::span<const std::string> known,
                                         bool lenient) {
  std::vector<BodyPart> parts;
  if (m.body().empty()) return parts;
  BodyPart whole;
  whole.content_type = m.value(sip::HeaderId::kContentType);
  whole.type = sip::media_type(whole.content_type);
  whole.disposition = m.value(sip::HeaderId::kContentDisposition);
  if (const auto e = m.value(sip::HeaderId::kContentEncoding); !is_plain_encoding(e))
    whole.encoding = e;
  if (const auto* id = m.find("Content-ID")) whole.id = id->value;
  whole.content = m.body();
  read_disposition(whole, true);
  if (auto ok = Walk(known).take(whole, 0, parts); !ok && !lenient)
    return tl::unexpected(ok.error());
  return parts;
}

std::string_view sdp_of(const std::vector<BodyPart>& parts) {
  for (const auto& p : parts)
    if (p.is_sdp()) return p.content;
  return {};
}

Body join_body(std::string_view sdp, const std::vector<BodyPart>& others,
               const std::vector<std::string>& allowed, std::string_view boundary) {
  std::vector<const BodyPart*> crossing;
  for (const auto& p : others)
    if (!sip::iequals(p.type, kSdp) && listed(allowed, p.type)) crossing.push_back(&p);
  if (crossing.empty()) return sdp.empty() ? Body{} : Body{std::string(kSdp), std::string(sdp)};
  const BodyPart& first = *crossing.front();
  if (sdp.empty() && crossing.size() == 1 && first.id.empty() && first.disposition.empty() &&
      first.encoding.empty())
    return {std::string(first.content_type), std::string(first.content)};
  Body b;
  b.content_type = "multipart/mixed;boundary=" + std::string(boundary);
  if (!sdp.empty())
    b.content.append("--")
        .append(boundary)
        .append("\r\nContent-Type: application/sdp\r\n\r\n")
        .append(sdp)
        .append("\r\n");
  for (const BodyPart* p : crossing) append_part(b, *p, boundary);
  b.content.append("--").append(boundary).append("--\r\n");
  return b;
}

std::string left_out(const std::vector<BodyPart>& parts, const std::vector<std::string>& allowed) {
  std::string out;
  for (const auto& p : parts)
    if (!p.is_sdp() && !listed(allowed, p.type))
      out.append(out.empty() ? "" : ", ").append(p.type.empty() ? "a part without a type" : p.type);
  return out;
}

bool carries(const std::vector<BodyPart>& parts, const std::vector<std::string>& allowed,
             std::string_view cid) {
  const auto plain = sip::unescape(cid).value_or(std::string(cid));  // RFC 2392 2
  return std::any_of(parts.begin(), parts.end(), [&](const BodyPart& p) {
    return p.id.size() == plain.size() + 2 && p.id.substr(1, plain.size()) == plain &&
           listed(allowed, p.type);
  });
}

}  // namespace causeway::call
