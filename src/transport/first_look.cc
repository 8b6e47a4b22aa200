#include "transport/first_look.h"

#include <array>

#include "sip/header_id.h"
#include "sip/headers.h"

namespace causeway::transport {
namespace {

using sip::HeaderId;

constexpr std::size_t kMaxLines = 96;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && sip::is_lws(s.front())) s.remove_prefix(1);
  while (!s.empty() && sip::is_lws(s.back())) s.remove_suffix(1);
  return s;
}

// Not in a quoted display name: what stands behind the address, or anywhere when there are no
// brackets.
bool has_tag(std::string_view to) {
  const std::size_t close = to.rfind('>');
  std::string_view params = close == std::string_view::npos ? to : to.substr(close);
  for (std::size_t at = params.find(';'); at != std::string_view::npos;
       at = params.find(';', at + 1))
    if (sip::iequals(trimmed(params.substr(at + 1)).substr(0, 3), "tag")) return true;
  return false;
}

}  // namespace

std::optional<FirstLook> first_look(std::string_view bytes) {
  FirstLook out;
  const std::size_t eol = bytes.find("\r\n");
  if (eol == std::string_view::npos) return std::nullopt;
  const std::string_view start = bytes.substr(0, eol);
  const std::size_t a = start.find(' '), b = start.rfind(' ');
  if (a == std::string_view::npos || a == b || start.substr(b + 1) != "SIP/2.0")
    return std::nullopt;
  out.method = start.substr(0, a);
  out.uri = start.substr(a + 1, b - a - 1);
  std::size_t at = eol + 2;
  for (std::size_t n = 0; n < kMaxLines; ++n) {
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = bytes.substr(at, end - at);
    at = end + 2;
    if (line.empty()) {
      const bool whole = out.via_count != 0 && !out.from.empty() && !out.to.empty() &&
                         !out.call_id.empty() && !out.cseq.empty();
      return whole ? std::optional(out) : std::nullopt;
    }
    if (line[0] == ' ' || line[0] == '\t') return std::nullopt;  // folded: the parser's business
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view value = trimmed(line.substr(colon + 1));
    switch (sip::header_id(trimmed(line.substr(0, colon)))) {
      case HeaderId::kVia:
        if (out.via_count == FirstLook::kMaxVias) return std::nullopt;
        out.vias[out.via_count++] = value;
        break;
      case HeaderId::kFrom: out.from = value; break;
      case HeaderId::kTo:
        out.to = value;
        out.to_tag = has_tag(value);
        break;
      case HeaderId::kCallId: out.call_id = value; break;
      case HeaderId::kCSeq: out.cseq = value; break;
      case HeaderId::kUserAgent: out.user_agent = value; break;
      case HeaderId::kResourcePriority:
        out.priority = out.priority || sip::iequals(value.substr(0, 6), "esnet.");
        break;
      default: break;
    }
  }
  return std::nullopt;
}

std::string shed_response(const FirstLook& look, const Endpoint& from, unsigned retry_after,
                          std::string_view lines) {
  std::string r;
  r.reserve(768);
  r += "SIP/2.0 503 Service Unavailable\r\n";
  for (std::size_t i = 0; i < look.via_count; ++i) {
    std::string_view rest = look.vias[i];
    r += "Via: ";
    if (i == 0) {  // RFC 3261 18.2.1, RFC 3581 4
      const std::string_view top = sip::next_value(rest);
      std::string_view params = top;
      r.append(sip::next_param(params));
      for (auto one = sip::next_param(params); !one.empty(); one = sip::next_param(params)) {
        if (sip::find_param(one, "received")) continue;
        r.append(";").append(one);
        if (sip::iequals(one, "rport")) r.append("=").append(std::to_string(from.port));
      }
      r.append(";received=").append(from.address.to_string());
      if (!rest.empty()) r.append(",").append(rest);
    } else {
      r.append(rest);
    }
    r += "\r\n";
  }
  std::uint64_t h = 0xcbf29ce484222325ULL;  // the same request gets the same tag (8.2.7)
  for (const std::string_view s : {look.call_id, look.from, look.vias[0]})
    for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  r.append("From: ").append(look.from).append("\r\nTo: ").append(look.to).append(kShedTag);
  // Of one length always: refusals of one size to one peer leave in one piece (OutgoingBatch).
  std::array<char, 16> tag;
  for (char& c : tag) {
    c = "0123456789abcdef"[h & 15];
    h >>= 4;
  }
  r.append(tag.data(), tag.size()).append("\r\nCall-ID: ").append(look.call_id);
  r.append("\r\nCSeq: ").append(look.cseq).append("\r\nRetry-After: ");
  r.append(std::to_string(retry_after)).append("\r\n").append(lines);
  r.append("Content-Length: 0\r\n\r\n");
  return r;
}

}  // namespace causeway::transport
