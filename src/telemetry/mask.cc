// What must not be stored, and where it stands in a SIP message. All of it lives in bodies, so a
// message without one costs a search for the blank line.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/host_name.h"
#include "telemetry/trail.h"

namespace causeway::telemetry {
namespace {

constexpr char kMask = '*';

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_word(std::string_view s, std::string_view word) {  // `word` in lower case
  if (s.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (lower(s[i]) != word[i]) return false;
  return true;
}

std::size_t find_word(std::string_view s, std::string_view word, std::size_t from = 0) {
  for (std::size_t i = from; i + word.size() <= s.size(); ++i)
    if (lower(s[i]) == word.front() && starts_with_word(s.substr(i), word)) return i;
  return std::string_view::npos;
}

// Where the body starts; the size when there is none, 0 when the headers never end.
std::size_t body_of(std::string_view m) {
  for (std::size_t nl = m.find('\n'); nl != std::string_view::npos; nl = m.find('\n', nl + 1)) {
    if (nl + 1 < m.size() && m[nl + 1] == '\n') return nl + 2;
    if (m.substr(nl + 1, 2) == "\r\n") return nl + 3;
  }
  return 0;
}

struct Secrets {
  bool keys = false, digits = false, location = false;
  bool event = false;  // a digit as the payload of a telephone event (RFC 4733 2.3)
  [[nodiscard]] bool any() const { return keys || digits || location || event; }
};

constexpr std::string_view kEventType = "audio/telephone-event";

// The two letters that each word of look() begins with: hardly any place in a description has both.
constexpr std::string_view kWords[] = {
    "inline:", "key-mgmt:", "k=", "dtmf", "nortelnetworks.digits", "pidf", "geopriv", kEventType};
constexpr auto kFirst = [] {
  std::array<bool, 256> t{};
  for (const std::string_view w : kWords) {
    t[static_cast<unsigned char>(w[0])] = true;
    t[static_cast<unsigned char>(w[0] - 32)] = true;
  }
  return t;
}();
constexpr auto kSecond = [] {
  std::array<bool, 256> t{};
  for (const std::string_view w : kWords) {
    t[static_cast<unsigned char>(w[1])] = true;
    if (w[1] >= 'a') t[static_cast<unsigned char>(w[1] - 32)] = true;
  }
  return t;
}();

Secrets look(std::string_view text) {
  Secrets s;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (!kFirst[static_cast<unsigned char>(text[i])] ||
        !kSecond[static_cast<unsigned char>(text[i + 1])])
      continue;
    const std::string_view rest = text.substr(i);
    switch (lower(text[i])) {
      case 'i': s.keys = s.keys || starts_with_word(rest, "inline:"); break;
      case 'k':
        s.keys = s.keys || starts_with_word(rest, "key-mgmt:") ||
                 (i > 0 && text[i - 1] == '\n' && starts_with_word(rest, "k="));
        break;
      case 'd': s.digits = s.digits || starts_with_word(rest, "dtmf"); break;
      case 'n': s.digits = s.digits || starts_with_word(rest, "nortelnetworks.digits"); break;
      case 'p': s.location = s.location || starts_with_word(rest, "pidf"); break;
      case 'a': s.event = s.event || starts_with_word(rest, kEventType); break;
      case 'g': s.location = s.location || starts_with_word(rest, "geopriv"); break;
      default: break;
    }
  }
  return s;
}

// Of a description that stands alone, found by its colons and line ends: look() would read each of
// its bytes, and most messages that have a body have this one. nullopt: it has parts, after all.
std::optional<Secrets> look_at_sdp(std::string_view sdp) {
  Secrets s;
  for (std::size_t nl = sdp.find('\n'); nl != std::string_view::npos; nl = sdp.find('\n', nl + 1)) {
    const std::string_view line = sdp.substr(nl + 1, 2);
    if (line == "--") return std::nullopt;
    s.keys = s.keys || line == "k=" || line == "K=";
  }
  for (std::size_t i = sdp.find(':'); !s.keys && i != std::string_view::npos;
       i = sdp.find(':', i + 1))
    s.keys = (i >= 6 && starts_with_word(sdp.substr(i - 6), "inline:")) ||
             (i >= 8 && starts_with_word(sdp.substr(i - 8), "key-mgmt:"));
  return s;
}

void blot(std::string& m, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i)
    if (m[i] != '\r' && m[i] != '\n') m[i] = kMask;
}

std::size_t line_end(std::string_view m, std::size_t at) {
  return std::min(m.find_first_of("\r\n", at), m.size());
}

void mask_keys(std::string& m) {
  for (std::size_t i = find_word(m, "inline:"); i != std::string::npos;
       i = find_word(m, "inline:", i)) {
    i += 7;
    const std::size_t end = std::min(m.find_first_of("|; \t\r\n", i), m.size());
    blot(m, i, end);
    i = end;
  }
  for (std::size_t i = find_word(m, "key-mgmt:"); i != std::string::npos;
       i = find_word(m, "key-mgmt:", i)) {
    i += 9;
    blot(m, i, line_end(m, i));
  }
  for (std::size_t i = m.find("\nk="); i != std::string::npos; i = m.find("\nk=", i + 3))
    blot(m, i + 3, line_end(m, i + 3));
}

// Bodies "Signal=5", "d=5" and a bare "5".
void mask_digits(std::string& m, std::size_t body) {
  for (std::size_t at = body; at < m.size();) {
    const std::size_t end = line_end(m, at);
    const std::string_view line = std::string_view(m).substr(at, end - at);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      if (!line.starts_with("--") && line.find(':') == std::string_view::npos) blot(m, at, end);
    } else {
      std::string_view key = line.substr(0, equals);
      while (!key.empty() && (key.back() == ' ' || key.back() == '\t')) key.remove_suffix(1);
      while (!key.empty() && (key.front() == ' ' || key.front() == '\t')) key.remove_prefix(1);
      for (const std::string_view secret : {"signal", "d", "digit", "digits"})
        if (equal_ignoring_case(key, secret)) blot(m, at + equals + 1, end);
    }
    at = end + 1;
  }
}

std::string boundary_of(std::string_view headers) {
  const std::size_t at = find_word(headers, "boundary=");
  if (at == std::string_view::npos) return {};
  std::string_view value = headers.substr(at + 9);
  const bool quoted = value.starts_with('"');
  if (quoted) value.remove_prefix(1);
  const std::size_t end = value.find_first_of(quoted ? "\"\r\n" : "; \t\r\n");
  return "--" + std::string(value.substr(0, end));
}

// The parts that hold a location, each from behind its own headers; a body that is not multipart as
// a whole.
void mask_location(std::string& m, std::size_t body) {
  const std::string boundary = boundary_of(std::string_view(m).substr(0, body));
  if (boundary.size() <= 2) return blot(m, body, m.size());
  std::size_t part = body;
  while (part < m.size()) {
    std::size_t end = m.find("\n" + boundary, part);
    end = end == std::string::npos ? m.size() : end + 1;
    const std::string_view text = std::string_view(m).substr(part, end - part);
    if (find_word(text, "pidf") != std::string_view::npos ||
        find_word(text, "geopriv") != std::string_view::npos) {
      const std::size_t content = body_of(text);
      // Without a blank line the headers cannot be told from the content.
      const bool preamble = part == body && !text.starts_with(boundary);
      std::size_t from = part + (preamble ? 0 : content);
      if (content == 0) from = std::min(line_end(m, part), end);
      blot(m, from, end);
    }
    part = end;
  }
}

Secrets secrets_of(std::string_view m, std::size_t body) {
  const std::string_view content = m.substr(body);
  if (body > 0 && content.starts_with("v=0"))
    if (const auto alone = look_at_sdp(content)) return *alone;
  Secrets s = look(content);
  // Plain SDP needs no look at the headers; any other body is what its Content-Type says.
  if (body > 0 && !content.starts_with("v=0")) {
    const Secrets headers = look(m.substr(0, body));
    s.digits = s.digits || headers.digits;
    s.location = s.location || headers.location;
    s.event = s.event || headers.event;
  }
  return s;
}

}  // namespace

std::optional<std::string> mask_if_needed(std::string_view m) {
  const std::size_t body = body_of(m);
  if (body == m.size()) return std::nullopt;
  const Secrets secrets = secrets_of(m, body);
  if (!secrets.any()) return std::nullopt;
  std::string out(m);
  if (secrets.keys) mask_keys(out);
  if (secrets.digits) mask_digits(out, body);
  // Four octets, of which a line feed is one: digit 10 is '*'.
  if (secrets.event) std::fill(out.begin() + static_cast<std::ptrdiff_t>(body), out.end(), kMask);
  if (secrets.location) mask_location(out, body);
  return out;
}

std::string mask(std::string_view m) {
  auto masked = mask_if_needed(m);
  return masked ? std::move(*masked) : std::string(m);
}

}  // namespace causeway::telemetry
