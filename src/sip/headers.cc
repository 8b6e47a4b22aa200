#include "sip/headers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sip/header_id.h"

namespace causeway::sip {
namespace {

// Class bits: one table, one load for each character.
constexpr std::uint8_t kUserChar = 1, kHostChar = 2, kMustEscape = 4;
constexpr auto kClass = [] {
  std::array<std::uint8_t, 256> t{};
  const auto mark = [&t](char c, std::uint8_t bits) { t[static_cast<unsigned char>(c)] |= bits; };
  for (char c = '0'; c <= '9'; ++c) mark(c, kUserChar | kHostChar);
  for (char c = 'a'; c <= 'z'; ++c) {
    mark(c, kUserChar | kHostChar);
    mark(static_cast<char>(c - 32), kUserChar | kHostChar);
  }
  // RFC 3261 19.1.1: user part; '#' on top, since services send it raw.
  for (const char c : std::string_view("-_.!~*'()&=+$,;?/%#")) mark(c, kUserChar);
  for (const char c : std::string_view(".-_")) mark(c, kHostChar);
  for (char c = 0; c <= ' '; ++c) mark(c, kMustEscape);
  for (const char c : std::string_view("\x7f<>\"")) mark(c, kMustEscape);
  return t;
}();

bool all_of_class(std::string_view s, std::uint8_t bits) {
  for (const char c : s)
    if ((kClass[static_cast<unsigned char>(c)] & bits) == 0) return false;
  return true;
}
bool any_of_class(std::string_view s, std::uint8_t bits) {
  std::uint8_t seen = 0;
  for (const char c : s) seen |= kClass[static_cast<unsigned char>(c)];
  return (seen & bits) != 0;
}

std::string_view trim(std::string_view s) {
  const char* a = s.data();
  const char* b = a + s.size();
  while (a != b && is_lws(*a)) ++a;
  while (a != b && is_lws(b[-1])) --b;
  return {a, static_cast<std::size_t>(b - a)};
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool has_broken_escape(std::string_view s) {
  for (std::size_t i = s.find('%'); i != std::string_view::npos; i = s.find('%', i + 1))
    if (i + 2 >= s.size() || !is_hex(s[i + 1]) || !is_hex(s[i + 2])) return true;
  return false;
}

// *(token LWS) or one quoted string (RFC 3261 25.1). That the quotes are closed was seen before.
bool is_display_name(std::string_view s) {
  if (s.empty()) return true;
  if (s.front() == '"') return s.size() > 1 && s.find_last_of('"') == s.size() - 1;
  return std::all_of(s.begin(), s.end(), [](char c) { return is_token_char(c) || is_lws(c); });
}

bool good_host(std::string_view h) {
  if (h.empty()) return false;
  if (h.front() == '[') return h.back() == ']' && IpAddress::parse(h).has_value();
  return all_of_class(h, kHostChar);
}

// host [":" port]; fills both.
bool parse_hostport(std::string_view text, std::string_view& host, std::uint16_t& port) {
  std::size_t colon = std::string_view::npos;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    if (close + 1 < text.size()) {
      if (text[close + 1] != ':') return false;
      colon = close + 1;
    }
  } else {
    colon = text.find(':');
  }
  host = trim(text.substr(0, colon));
  if (!good_host(host)) return false;
  if (colon == std::string_view::npos) return true;
  const auto p = parse_u32(trim(text.substr(colon + 1)));
  if (!p || *p > 65535) return false;
  port = static_cast<std::uint16_t>(*p);
  return true;
}

Error bad(std::string_view what, std::string_view text) {
  return {ErrorCode::kMalformed,
          std::string(what) + ": '" + std::string(text.substr(0, 120)) + "'"};
}

}  // namespace

// RFC 3261 25.1: word [ "@" word ]
bool is_call_id(std::string_view s) {
  const auto word = [](std::string_view w) {
    for (const char c : w)
      if (!is_token_char(c) &&
          std::string_view("()<>:\\\"/[]?{}").find(c) == std::string_view::npos)
        return false;
    return !w.empty();
  };
  const std::size_t at = s.find('@');
  return word(s.substr(0, at)) && (at == std::string_view::npos || word(s.substr(at + 1)));
}

std::optional<std::uint32_t> parse_u32(std::string_view text) {
  std::uint32_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return n;
}

bool Uri::is_service() const {
  constexpr std::string_view kService = "urn:service:";
  return text.size() > kService.size() && iequals(text.substr(0, kService.size()), kService);
}
std::optional<std::string_view> Uri::param(std::string_view name) const {
  return find_param(params, name);
}

std::size_t headers_of_uri(std::string_view uri) {
  if (!iequals(uri.substr(0, 3), "sip")) return std::string_view::npos;
  const std::size_t at = uri.find('@');
  return uri.find('?', at == std::string_view::npos ? 0 : at);
}

std::string as_request_uri(std::string_view uri) {
  std::string out(uri.substr(0, std::min(headers_of_uri(uri), uri.size())));
  if (!iequals(uri.substr(0, 3), "sip")) return out;
  constexpr std::string_view kMethod = ";method=";
  // A ';' before the '@' is of the user part.
  const std::size_t user = out.find('@');
  std::size_t at = out.find(';', user == std::string::npos ? 0 : user);
  while (at != std::string::npos) {
    const std::size_t next = out.find(';', at + 1);
    const bool method = iequals(std::string_view(out).substr(at, kMethod.size()), kMethod);
    if (method) out.erase(at, std::min(next, out.size()) - at);
    at = method ? out.find(';', at) : next;
  }
  return out;
}

Result<Uri> parse_uri(std::string_view text) {
  Uri u;
  u.text = text;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return tl::unexpected(bad("URI without a scheme", text));
  u.scheme = text.substr(0, colon);
  if (iequals(u.scheme, "sip"))
    u.kind = Uri::Scheme::kSip;
  else if (iequals(u.scheme, "sips"))
    u.kind = Uri::Scheme::kSips;
  else if (iequals(u.scheme, "tel"))
    u.kind = Uri::Scheme::kTel;
  else if (!std::all_of(u.scheme.begin(), u.scheme.end(), is_token_char))
    return tl::unexpected(bad("URI scheme is not a token", text));
  if (any_of_class(text, kMustEscape))
    return tl::unexpected(bad("URI with a character that must be escaped", text));
  std::string_view rest = text.substr(colon + 1);
  if (u.is_tel()) {
    const std::size_t semi = rest.find(';');
    u.user = rest.substr(0, semi);
    if (semi != std::string_view::npos) u.params = rest.substr(semi + 1);
    if (u.user.empty()) return tl::unexpected(bad("tel URI without a number", text));
    return u;
  }
  if (!u.is_sip()) return u;
  // The user part may hold ';' and '?', so the '@' is looked for first (RFC 4475 3.1.1.9 semiuri).
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    std::string_view info = rest.substr(0, at);
    if (const std::size_t pw = info.find(':'); pw != std::string_view::npos) {
      u.password = info.substr(pw + 1);
      info = info.substr(0, pw);
    }
    if (info.empty()) return tl::unexpected(bad("URI with '@' and an empty user part", text));
    if (!all_of_class(info, kUserChar))
      return tl::unexpected(bad("URI user part with a character that must be escaped", text));
    u.user = info;
    if (has_broken_escape(info)) u.quirks |= kBrokenEscape;
    rest = rest.substr(at + 1);
  }
  if (const std::size_t q = rest.find('?'); q != std::string_view::npos) {
    u.headers = rest.substr(q + 1);
    rest = rest.substr(0, q);
  }
  if (const std::size_t semi = rest.find(';'); semi != std::string_view::npos) {
    u.params = rest.substr(semi + 1);
    rest = rest.substr(0, semi);
  }
  if (!parse_hostport(rest, u.host, u.port))
    return tl::unexpected(bad("URI host or port is wrong", text));
  if (u.host.find('_') != std::string_view::npos) u.quirks |= kUnderscoreInHost;
  return u;
}

std::string_view next_param(std::string_view& params) {
  while (!params.empty()) {
    // Up to the first ';', as long as no quote comes before it.
    std::size_t end = std::min(params.find(';'), params.size());
    const std::size_t quote = params.substr(0, end).find('"');
    bool quoted = false;
    if (quote != std::string_view::npos) end = quote;
    for (; quote != std::string_view::npos && end < params.size(); ++end) {
      const char c = params[end];
      if (quoted && c == '\\') {
        ++end;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ';' && !quoted) {
        break;
      }
    }
    end = std::min(end, params.size());
    const std::string_view one = trim(params.substr(0, end));
    params.remove_prefix(std::min(params.size(), end + 1));
    if (!one.empty()) return one;
  }
  return {};
}

std::optional<std::string_view> find_param(std::string_view params, std::string_view name) {
  for (;;) {
    const std::string_view one = next_param(params);
    if (one.empty()) return std::nullopt;
    const std::size_t eq = one.find('=');
    if (iequals(trim(one.substr(0, eq)), name))
      return eq == std::string_view::npos ? std::string_view{} : trim(one.substr(eq + 1));
  }
}

std::optional<std::string_view> NameAddr::param(std::string_view name) const {
  return find_param(params, name);
}

Result<NameAddr> parse_name_addr(std::string_view value) {
  NameAddr a;
  const std::string_view v = trim(value);
  // Find '<' outside a quoted display name.
  std::size_t i = std::min(v.find('<'), v.size());
  const std::size_t quote = v.substr(0, i).find('"');
  bool quoted = false;
  if (quote != std::string_view::npos) i = quote;
  for (; quote != std::string_view::npos && i < v.size(); ++i) {
    if (quoted && v[i] == '\\') {
      ++i;
    } else if (v[i] == '"') {
      quoted = !quoted;
    } else if (v[i] == '<' && !quoted) {
      break;
    }
  }
  if (quoted) return tl::unexpected(bad("display name without a closing quote", value));
  if (i < v.size()) {
    a.display = trim(v.substr(0, i));
    // A comma would begin another value (RFC 4475 3.1.2.15).
    if (a.display.find(',') != std::string_view::npos && a.display.front() != '"')
      return tl::unexpected(bad("display name with a comma outside quotes", value));
    if (!is_display_name(a.display)) a.quirks |= kFreeDisplayName;
    const std::size_t close = v.find('>', i);
    if (close == std::string_view::npos)
      return tl::unexpected(bad("address without a closing '>'", value));
    a.uri = v.substr(i + 1, close - i - 1);
    std::string_view rest = trim(v.substr(close + 1));
    if (!rest.empty()) {
      if (rest.front() != ';') return tl::unexpected(bad("text after the address", value));
      a.params = rest.substr(1);
    }
  } else {
    // addr-spec: every ';' starts a header parameter (RFC 3261 20).
    const std::size_t semi = v.find(';');
    a.uri = trim(v.substr(0, semi));
    if (semi != std::string_view::npos) a.params = v.substr(semi + 1);
    // RFC 3261 20: what holds a question mark stands between < and >.
    if (a.uri.find('?') != std::string_view::npos)
      return tl::unexpected(bad("address with '?' outside < and >", value));
  }
  if (a.uri != "*") {
    auto u = parse_uri(a.uri);
    if (!u) return tl::unexpected(u.error());
    a.target = *u;
    a.quirks |= u->quirks;
  }
  return a;
}

Result<Via> parse_via(std::string_view value) {
  std::string_view list = value;
  const std::string_view v = next_value(list);
  Via out;
  // SIP / 2.0 / TRANSPORT LWS sent-by; white space may stand around the slashes.
  std::size_t slash1 = v.find('/');
  if (slash1 == std::string_view::npos) return tl::unexpected(bad("Via without a protocol", value));
  const std::size_t slash2 = v.find('/', slash1 + 1);
  if (slash2 == std::string_view::npos || !iequals(trim(v.substr(0, slash1)), "SIP") ||
      trim(v.substr(slash1 + 1, slash2 - slash1 - 1)) != "2.0")
    return tl::unexpected(bad("Via protocol is not SIP/2.0", value));
  std::string_view rest = v.substr(slash2 + 1);
  while (!rest.empty() && is_lws(rest.front())) rest.remove_prefix(1);
  std::size_t n = 0;
  while (n < rest.size() && is_token_char(rest[n])) ++n;
  out.transport = rest.substr(0, n);
  if (n == 0 || n >= rest.size() || !is_lws(rest[n]))
    return tl::unexpected(bad("Via without a transport or a sent-by", value));
  rest = trim(rest.substr(n));
  const std::size_t semi = rest.find(';');
  if (!parse_hostport(trim(rest.substr(0, semi)), out.host, out.port))
    return tl::unexpected(bad("Via sent-by is not HOST[:PORT]", value));
  if (semi != std::string_view::npos) out.params = rest.substr(semi + 1);
  std::string_view params = out.params;
  for (auto one = next_param(params); !one.empty(); one = next_param(params)) {
    const std::size_t eq = std::min(one.find('='), one.size());
    const std::string_view name = trim(one.substr(0, eq));
    if (iequals(name, "rport"))
      out.rport = true;
    else if (out.branch.empty() && iequals(name, "branch"))
      out.branch = trim(one.substr(std::min(eq + 1, one.size())));
  }
  return out;
}

std::string_view next_value(std::string_view& list) {
  while (!list.empty()) {
    bool quoted = false;
    int angle = 0;
    // Most lists have one element.
    std::size_t i = list.find(',') == std::string_view::npos ? list.size() : 0;
    for (; i < list.size(); ++i) {
      const char c = list[i];
      if (quoted) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '<') {
        ++angle;
      } else if (c == '>') {
        angle = angle > 0 ? angle - 1 : 0;
      } else if (c == ',' && angle == 0) {
        break;
      }
    }
    i = std::min(i, list.size());
    const std::string_view v = trim(list.substr(0, i));
    list.remove_prefix(std::min(list.size(), i + 1));
    if (!v.empty()) return v;
  }
  return {};
}

}  // namespace causeway::sip
