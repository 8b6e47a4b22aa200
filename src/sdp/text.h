// Small helpers over text that the files of this room share. Any thread; views live as long as
// their argument.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace causeway::sdp::text {

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a == b) return true;  // nearly always: written as everybody writes it
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// Cuts the next word off the front; empty at the end. Runs of blanks count as one. Words are short:
// a loop is cheaper than a search.
[[nodiscard]] inline std::string_view next_word(std::string_view& rest) {
  const char* p = rest.data();
  const char* const end = p + rest.size();
  while (p != end && *p == ' ') ++p;
  const char* const word = p;
  while (p != end && *p != ' ') ++p;
  rest = {p, static_cast<std::size_t>(end - p)};
  return {word, static_cast<std::size_t>(p - word)};
}

[[nodiscard]] inline std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// The whole of `s` as a decimal number; false when it is anything else or too large.
template <typename T>
[[nodiscard]] bool number(std::string_view s, T& out) {
  static_assert(std::is_unsigned_v<T>);
  constexpr std::size_t kSmall = 9;  // digits that cannot overflow
  if (s.empty()) return false;
  if (s.size() > kSmall) {
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), out);
    return ec == std::errc{} && end == s.data() + s.size();
  }
  std::uint32_t n = 0;
  for (const char c : s) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return false;
    n = n * 10 + digit;
  }
  if (n > std::numeric_limits<T>::max()) return false;
  out = static_cast<T>(n);
  return true;
}

// What is put into an error: enough to find the place, never a page of the peer's text.
[[nodiscard]] inline std::string excerpt(std::string_view s) {
  std::string out = "'";
  for (const char c : s.substr(0, 48)) out += c >= ' ' && c < 0x7f ? c : '?';
  return out + (s.size() > 48 ? "...'" : "'");
}

}  // namespace causeway::sdp::text
