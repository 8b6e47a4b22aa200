#include "provisioning/http.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace causeway::provisioning {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, ec] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (ec != std::errc{} || end != text.data() + i + 3 || value == 0) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return is_utf8(out) ? std::optional(out) : std::nullopt;
}

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t n) {
  if (at + n > text.size()) return std::nullopt;
  int out = 0;
  for (std::size_t i = at; i < at + n; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

std::optional<std::int64_t> seconds_of(std::optional<int> year, int month, std::optional<int> day,
                                       std::string_view clock) {
  const auto h = digits(clock, 0, 2), m = digits(clock, 3, 2), s = digits(clock, 6, 2);
  if (!year || !day || !h || !m || !s || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * 86'400LL + *h * 3'600LL +
         *m * 60 + *s;
}

// "W/" does not match where bytes must be the same; quotes may be left out, as 2023-10-01 shows
// them.
bool names(std::string_view list, std::string_view etag, bool weak) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) {
      if (!weak) continue;
      one.remove_prefix(2);
    }
    if (one.size() >= 2 && one.front() == '"' && one.back() == '"')
      one = one.substr(1, one.size() - 2);
    if (one == etag) return true;
  }
  return false;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int more = c < 0x80                ? 0
                     : c >= 0xc2 && c < 0xe0 ? 1
                     : (c & 0xf0) == 0xe0    ? 2
                     : c >= 0xf0 && c < 0xf5 ? 3
                                             : -1;
    if (more < 0 || i + static_cast<std::size_t>(more) >= text.size()) return false;
    std::uint32_t code = more == 0 ? c : c & (0x3fu >> more);
    for (int k = 1; k <= more; ++k) {
      const auto d = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if ((d & 0xc0) != 0x80) return false;
      code = code << 6 | (d & 0x3fu);
    }
    if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (more == 3 && (code < 0x10000 || code > 0x10ffff)))
      return false;
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

std::optional<Target> parse_target(std::string_view target) {
  Target out;
  if (!target.starts_with('/')) return std::nullopt;
  const std::size_t mark = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(1, mark - 1);
  for (;;) {
    const std::size_t slash = path.find('/');
    auto part = decoded(path.substr(0, slash));
    if (!part) return std::nullopt;
    out.path.push_back(std::move(*part));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  std::string_view query = target.substr(std::min(mark + 1, target.size()));
  while (!query.empty()) {
    const std::size_t amp = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, amp);
    query.remove_prefix(std::min(amp + 1, query.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    auto name = decoded(one.substr(0, equals));
    auto value = decoded(one.substr(std::min(equals + 1, one.size())));
    if (!name || !value) return std::nullopt;
    out.query.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::int64_t> parse_date(std::string_view t) {
  if (t.size() == 29 && t[3] == ',' && t.ends_with(" GMT")) {
    for (std::size_t m = 0; m < kMonths.size(); ++m)
      if (t.substr(8, 3) == kMonths[m])
        return seconds_of(digits(t, 12, 4), static_cast<int>(m) + 1, digits(t, 5, 2),
                          t.substr(17, 8));
    return std::nullopt;
  }
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != 't'))
    return std::nullopt;
  const auto at =
      seconds_of(digits(t, 0, 4), digits(t, 5, 2).value_or(0), digits(t, 8, 2), t.substr(11, 8));
  if (!at) return std::nullopt;
  t.remove_prefix(19);
  if (t.starts_with('.')) {
    std::size_t n = 1;
    while (n < t.size() && t[n] >= '0' && t[n] <= '9') ++n;
    if (n == 1) return std::nullopt;
    t.remove_prefix(n);
  }
  if (t == "Z" || t == "z") return at;
  const auto h = digits(t, 1, 2), m = digits(t, 4, 2);
  if (t.size() != 6 || (t[0] != '+' && t[0] != '-') || t[3] != ':' || !h || !m) return std::nullopt;
  const std::int64_t offset = *h * 3'600LL + *m * 60;
  return t[0] == '+' ? *at - offset : *at + offset;
}

std::string http_date(std::int64_t seconds) {
  const auto days = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  const std::chrono::year_month_day d(days);
  const std::int64_t rest = seconds - days.time_since_epoch().count() * 86'400LL;
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[std::chrono::weekday(days).c_encoding()], static_cast<unsigned>(d.day()),
                     kMonths[static_cast<unsigned>(d.month()) - 1], static_cast<int>(d.year()),
                     rest / 3'600, rest / 60 % 60, rest % 60);
}

std::optional<int> failed_condition(const Request& r, const std::optional<Existing>& existing) {
  const bool get = r.method == "GET";
  const std::int64_t modified = existing ? existing->modified.micros / 1'000'000 : 0;
  if (const std::string* h = r.header("if-match")) {
    if (!existing || (*h != "*" && !names(*h, existing->etag, false))) return 412;
  } else if (const std::string* u = r.header("if-unmodified-since")) {
    if (!existing || modified > parse_date(*u).value_or(0)) return 412;
  }
  if (const std::string* h = r.header("if-none-match")) {
    if (existing && (*h == "*" || names(*h, existing->etag, true))) return get ? 304 : 412;
  } else if (const std::string* m = r.header("if-modified-since")) {
    if (existing && modified <= parse_date(*m).value_or(0)) return get ? 304 : 412;
  }
  return std::nullopt;
}

std::string broken_condition(const Request& r) {
  for (const char* name : {"if-modified-since", "if-unmodified-since"})
    if (const std::string* v = r.header(name); v != nullptr && !parse_date(*v))
      return fmt::format(
          "{} is no date: write it as 'Sun, 06 Nov 1994 08:49:37 GMT' or '1994-11-06T08:49:37Z'",
          name);
  return {};
}

}  // namespace causeway::provisioning
