#include "codec/fmtp.h"

#include <algorithm>
#include <charconv>

namespace causeway::codec::fmtp {

namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::optional<std::string_view> find(std::string_view line, std::string_view name) {
  while (!line.empty()) {
    const std::size_t end = line.find(';');
    const std::string_view part = trimmed(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    const std::size_t equals = part.find('=');
    if (!same(trimmed(part.substr(0, equals)), name)) continue;
    return equals == std::string_view::npos ? std::string_view() : trimmed(part.substr(equals + 1));
  }
  return std::nullopt;
}

std::optional<std::uint32_t> number(std::string_view line, std::string_view name) {
  const auto value = find(line, name);
  if (!value) return std::nullopt;
  std::uint32_t n = 0;
  const auto [rest, error] = std::from_chars(value->data(), value->data() + value->size(), n);
  if (error != std::errc() || rest != value->data() + value->size()) return std::nullopt;
  return n;
}

bool is_set(std::string_view line, std::string_view name) { return number(line, name) == 1U; }

}  // namespace causeway::codec::fmtp
