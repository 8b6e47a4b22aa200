#include "lab/sip_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/net.h"

namespace causeway::lab {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string lowered(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view long_name(std::string_view name) {
  if (name.size() != 1) return name;
  switch (lower(name[0])) {
    case 'v': return "Via";
    case 'f': return "From";
    case 't': return "To";
    case 'i': return "Call-ID";
    case 'm': return "Contact";
    case 'l': return "Content-Length";
    case 'c': return "Content-Type";
    case 'k': return "Supported";
    case 's': return "Subject";
    case 'e': return "Content-Encoding";
    case 'x': return "Session-Expires";
    case 'r': return "Refer-To";
    default: return name;
  }
}

bool is_list(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kLists{
      "Via",     "Route",  "Record-Route",        "Contact",      "Allow",    "Supported",
      "Require", "Accept", "P-Asserted-Identity", "History-Info", "Diversion"};
  return std::any_of(kLists.begin(), kLists.end(),
                     [&](std::string_view l) { return same_text(l, name); });
}

template <typename T>
bool read_number(std::string_view text, T& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc{} && end == text.data() + text.size() && !text.empty();
}

Status parse_start_line(std::string_view line, SipMessage& m) {
  const auto bad = [&] { return fail(ErrorCode::kMalformed, "start line: " + std::string(line)); };
  if (line.starts_with("SIP/2.0 ")) {
    m.request = false;
    if (line.size() < 11 || !read_number(line.substr(8, 3), m.status)) return bad();
    if (m.status < 100 || m.status > 699) return bad();
    m.reason = line.size() > 12 ? std::string(line.substr(12)) : "";
    return {};
  }
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) return bad();
  if (line.substr(last + 1) != "SIP/2.0") return bad();
  m.request = true;
  m.method = line.substr(0, first);
  m.uri = line.substr(first + 1, last - first - 1);
  return {};
}

// The length the message says its body has, if it says so.
std::optional<std::size_t> content_length(std::string_view head) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const auto end = std::min(head.find("\r\n", at + 2), head.size());
    const auto line = head.substr(at + 2, end - at - 2);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::size_t n = 0;
      if (same_text(long_name(trimmed(line.substr(0, colon))), "Content-Length") &&
          read_number(std::string_view(trimmed(line.substr(colon + 1))), n))
        return n;
    }
    at = end == head.size() ? std::string_view::npos : end;
  }
  return std::nullopt;
}

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string trimmed(std::string_view t) {
  while (!t.empty() && std::isspace(static_cast<unsigned char>(t.front()))) t.remove_prefix(1);
  while (!t.empty() && std::isspace(static_cast<unsigned char>(t.back()))) t.remove_suffix(1);
  return std::string(t);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  bool quoted = false;
  int depth = 0;
  std::string item;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && c == '<') ++depth;
    if (!quoted && c == '>') --depth;
    if (c == ',' && !quoted && depth == 0) {
      out.push_back(trimmed(item));
      item.clear();
    } else {
      item += c;
    }
  }
  if (!trimmed(item).empty()) out.push_back(trimmed(item));
  return out;
}

const SipHeader* SipMessage::find(std::string_view name) const {
  for (const auto& h : headers)
    if (same_text(h.name, name)) return &h;
  return nullptr;
}

std::string SipMessage::get(std::string_view name) const {
  const auto* h = find(name);
  if (h == nullptr) return {};
  if (!is_list(name)) return h->value;
  const auto items = split_list(h->value);
  return items.empty() ? std::string{} : items.front();
}

std::vector<std::string> SipMessage::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& h : headers) {
    if (!same_text(h.name, name)) continue;
    if (!is_list(name)) {
      out.push_back(h.value);
      continue;
    }
    for (auto& item : split_list(h.value)) out.push_back(std::move(item));
  }
  return out;
}

void SipMessage::add(std::string_view name, std::string_view value) {
  headers.push_back({std::string(name), std::string(value)});
}

void SipMessage::set(std::string_view name, std::string_view value) {
  for (auto& h : headers) {
    if (!same_text(h.name, name)) continue;
    h.value = value;
    return;
  }
  add(name, value);
}

std::string SipMessage::cseq_method() const {
  const std::string v = get("CSeq");
  const auto space = v.find(' ');
  return space == std::string::npos ? std::string{} : trimmed(std::string_view(v).substr(space));
}

unsigned SipMessage::cseq_number() const {
  const std::string v = get("CSeq");
  unsigned n = 0;
  std::from_chars(v.data(), v.data() + v.size(), n);
  return n;
}

std::string SipMessage::to_text(bool capitals) const {
  std::string out = request ? method + " " + uri + " SIP/2.0\r\n"
                            : "SIP/2.0 " + std::to_string(status) + " " + reason + "\r\n";
  for (const auto& h : headers) {
    std::string name = h.name;
    if (capitals)
      std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      });
    out += name + ": " + h.value + "\r\n";
  }
  out += (capitals ? "CONTENT-LENGTH: " : "Content-Length: ") + std::to_string(body.size());
  return out + "\r\n\r\n" + body;
}

Result<SipMessage> parse_sip(std::string_view text) {
  SipMessage m;
  const auto head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return fail(ErrorCode::kMalformed, "no end of headers");
  const auto head = text.substr(0, head_end + 2);
  auto at = head.find("\r\n");
  if (auto s = parse_start_line(head.substr(0, at), m); !s) return tl::unexpected(s.error());
  at += 2;
  while (at < head.size()) {
    const auto end = head.find("\r\n", at);
    const auto line = head.substr(at, end - at);
    at = end + 2;
    if ((line.front() == ' ' || line.front() == '\t') && !m.headers.empty()) {  // folded
      m.headers.back().value += " " + trimmed(line);
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return fail(ErrorCode::kMalformed, "header line: " + std::string(line));
    m.add(long_name(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
  }
  m.body = text.substr(head_end + 4);
  if (const auto n = content_length(head)) {
    if (*n > m.body.size()) return fail(ErrorCode::kMalformed, "body shorter than Content-Length");
    m.body.resize(*n);
  }
  for (const std::string_view needed : {"Via", "From", "To", "Call-ID", "CSeq"})
    if (!m.has(needed)) return fail(ErrorCode::kMalformed, "no " + std::string(needed));
  return m;
}

std::optional<std::size_t> frame_length(std::string_view stream) {
  const auto head_end = stream.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  const std::size_t body = content_length(stream.substr(0, head_end + 2)).value_or(0);
  const std::size_t total = head_end + 4 + body;
  if (total > stream.size()) return std::nullopt;
  return total;
}

Result<SipUri> parse_sip_uri(std::string_view text) {
  SipUri u;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ErrorCode::kMalformed, "URI: " + std::string(text));
  u.scheme = lowered(text.substr(0, colon));
  auto rest = text.substr(colon + 1);
  if (u.scheme == "tel") {
    const auto semi = rest.find(';');
    u.user = rest.substr(0, semi);
    if (semi != std::string_view::npos) u.params = rest.substr(semi + 1);
    return u;
  }
  if (const auto question = rest.find('?'); question != std::string_view::npos)
    rest = rest.substr(0, question);
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    u.has_at = true;
    u.user = rest.substr(0, at);
    rest = rest.substr(at + 1);
  }
  const auto semi = rest.find(';');
  auto host = rest.substr(0, semi);
  if (semi != std::string_view::npos) u.params = rest.substr(semi + 1);
  const auto bracket = host.find(']');
  const auto port = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port != std::string_view::npos) {
    if (!read_number(host.substr(port + 1), u.port))
      return fail(ErrorCode::kMalformed, "port in URI: " + std::string(text));
    host = host.substr(0, port);
  }
  if (host.empty()) return fail(ErrorCode::kMalformed, "no host in URI: " + std::string(text));
  u.host = lowered(host);
  return u;
}

NameAddr parse_name_addr(std::string_view text) {
  NameAddr n;
  bool quoted = false;
  std::size_t open = std::string_view::npos;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '<' && !quoted) {
      open = i;
      break;
    }
  }
  if (open == std::string_view::npos) {  // addr-spec: what follows ';' belongs to the header
    const auto semi = text.find(';');
    n.uri = trimmed(text.substr(0, semi));
    if (semi != std::string_view::npos) n.params = trimmed(text.substr(semi + 1));
    return n;
  }
  const auto close = text.find('>', open);
  n.display = trimmed(text.substr(0, open));
  n.uri =
      trimmed(text.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
  if (close == std::string_view::npos) return n;
  const auto semi = text.find(';', close);
  if (semi != std::string_view::npos) n.params = trimmed(text.substr(semi + 1));
  return n;
}

std::optional<std::string> parameter(std::string_view params, std::string_view name) {
  while (!params.empty()) {
    const auto semi = params.find(';');
    const auto item = params.substr(0, semi);
    const auto equals = item.find('=');
    if (same_text(trimmed(item.substr(0, equals)), name))
      return equals == std::string_view::npos ? std::string{} : trimmed(item.substr(equals + 1));
    if (semi == std::string_view::npos) break;
    params.remove_prefix(semi + 1);
  }
  return std::nullopt;
}

std::string tag_of(std::string_view v) {
  return parameter(parse_name_addr(v).params, "tag").value_or(std::string{});
}

bool is_address(std::string_view host) { return IpAddress::parse(host).has_value(); }

bool is_e164(std::string_view user) {
  return user.size() > 1 && user.front() == '+' &&
         std::all_of(user.begin() + 1, user.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace causeway::lab
