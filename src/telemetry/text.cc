#include "telemetry/text.h"

#include <array>

namespace causeway::telemetry {
namespace {
unsigned char byte(std::string_view s, std::size_t i) { return static_cast<unsigned char>(s[i]); }

// Stands in a JSON string as it is.
constexpr auto kPlain = [] {
  std::array<bool, 256> t{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) t[c] = c != '"' && c != '\\';
  return t;
}();
}  // namespace

std::size_t utf8_sequence(std::string_view s) {
  if (s.empty()) return 0;
  const unsigned char c = byte(s, 0);
  if (c < 0x80) return 1;
  const std::size_t n = c >= 0xc2 && c <= 0xdf   ? 2
                        : (c & 0xf0) == 0xe0     ? 3
                        : c >= 0xf0 && c <= 0xf4 ? 4
                                                 : 0;
  if (n == 0 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(s, i) & 0xc0) != 0x80) return 0;
  const unsigned char d = byte(s, 1);
  // Overlong forms, surrogates, and beyond U+10FFFF (RFC 3629 4).
  if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
      (c == 0xf4 && d > 0x8f))
    return 0;
  return n;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const std::size_t n = utf8_sequence(s);
    if (n == 0) return false;
    s.remove_prefix(n);
  }
  return true;
}

void append_json_string(std::string& out, std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!s.empty()) {
    // Nearly everything is plain ASCII.
    std::size_t plain = 0;
    while (plain < s.size() && kPlain[byte(s, plain)]) ++plain;
    out.append(s.substr(0, plain));
    s.remove_prefix(plain);
    if (s.empty()) break;
    const std::size_t n = utf8_sequence(s);
    const char c = s.front();
    if (n == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte(s, 0) < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[byte(s, 0) >> 4];
      out += kHex[byte(s, 0) & 15];
    } else {
      out.append(s.substr(0, n));
    }
    s.remove_prefix(n == 0 ? 1 : n);
  }
  out += '"';
}

std::string printable(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    const std::size_t n = utf8_sequence(s);
    const bool control = n == 1 && (byte(s, 0) < 0x20 || byte(s, 0) == 0x7f);
    const bool c1 = n == 2 && byte(s, 0) == 0xc2 && byte(s, 1) < 0xa0;
    if (n == 0 || control || c1)
      out += '?';
    else
      out.append(s.substr(0, n));
    s.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::size_t columns(std::string_view s) {
  std::size_t n = 0;
  for (const char c : s) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return n;
}

std::string fitted(std::string_view s, std::size_t width) {
  if (columns(s) <= width) return std::string(s);
  if (width == 0) return {};
  std::size_t seen = 0, i = 0;
  for (; i < s.size(); ++i)
    if ((byte(s, i) & 0xc0) != 0x80 && ++seen == width) break;
  return std::string(s.substr(0, i)) + "…";
}

}  // namespace causeway::telemetry
