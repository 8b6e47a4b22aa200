#include "sip/digits.h"

#include <algorithm>
#include <charconv>

#include "sip/header_id.h"
#include "sip/headers.h"

namespace causeway::sip {
namespace {

constexpr std::string_view kSymbols = "0123456789*#ABCD";
constexpr std::uint8_t kFlash = 16;
constexpr std::uint16_t kUsualMs = 160;
constexpr std::uint16_t kLongestMs = 8'000;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r'))
    s.remove_suffix(1);
  return s;
}

std::optional<std::uint16_t> number(std::string_view s) {
  std::uint16_t n = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return n;
}

// "5", "*", "#", "a"; "10" to "16" by number; "!" or "flash".
std::optional<std::uint8_t> symbol(std::string_view s) {
  if (s.size() == 1) {
    const char c = s[0] >= 'a' && s[0] <= 'd' ? static_cast<char>(s[0] - 'a' + 'A') : s[0];
    if (c == '!') return kFlash;
    const auto at = kSymbols.find(c);
    if (at != std::string_view::npos) return static_cast<std::uint8_t>(at);
    return std::nullopt;
  }
  if (iequals(s, "flash")) return kFlash;
  const auto n = number(s);
  if (n && *n <= kFlash) return static_cast<std::uint8_t>(*n);
  return std::nullopt;
}

std::string spoken(std::uint8_t event) {
  return event < kSymbols.size() ? std::string(1, kSymbols[event]) : std::string("!");
}

tl::unexpected<Error> no_signal(std::string_view value) {
  return fail(ErrorCode::kMalformed,
              "'" + std::string(value.substr(0, 20)) + "' is none of 0-9, *, #, A-D, flash");
}

Result<SignalledDigit> read_relay(std::string_view body) {
  SignalledDigit d;
  bool any = false;
  while (!body.empty()) {
    const auto end = std::min(body.find('\n'), body.size());
    const std::string_view line = trimmed(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    const auto eq = line.find_first_of("=:");
    if (eq == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, eq)), value = trimmed(line.substr(eq + 1));
    if (iequals(name, "Signal")) {
      const auto event = symbol(value);
      if (!event) return no_signal(value);
      if (any) return fail(ErrorCode::kMalformed, "more than one Signal");
      any = true;
      d.event = *event;
    } else if (iequals(name, "Duration")) {
      const auto ms = number(value);
      if (!ms)
        return fail(ErrorCode::kMalformed,
                    "Duration '" + std::string(value.substr(0, 20)) + "' is no number of ms");
      d.milliseconds = std::min(*ms, kLongestMs);
    }
  }
  if (!any) return fail(ErrorCode::kMalformed, "no Signal= line");
  return d;
}

Result<SignalledDigit> read_event(std::string_view body) {
  if (body.size() != 4) return fail(ErrorCode::kMalformed, "a telephone event has four octets");
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(body[i]); };
  if (octet(0) > kFlash)
    return fail(ErrorCode::kMalformed, "event " + std::to_string(octet(0)) + " is no digit");
  const auto ms = static_cast<std::uint16_t>(octet(2) << 8 | octet(3));
  return SignalledDigit{octet(0), std::min(ms, kLongestMs), (octet(1) & 0x80) != 0};
}

}  // namespace

bool is_digit_type(std::string_view type) {
  return iequals(type, kDtmfRelay) || iequals(type, kDtmf) || iequals(type, kTelephoneEvent);
}

Result<SignalledDigit> read_digit(std::string_view type, std::string_view body) {
  if (iequals(type, kDtmfRelay)) return read_relay(body);
  if (iequals(type, kTelephoneEvent)) return read_event(body);
  if (!iequals(type, kDtmf))
    return fail(ErrorCode::kUnsupported,
                "'" + std::string(type.substr(0, 60)) + "' is no type of digits");
  std::string_view text = body;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const auto event = symbol(trimmed(text));
  if (!event) return no_signal(trimmed(text));
  return SignalledDigit{*event, 0, true};
}

std::string write_digit(std::string_view type, const SignalledDigit& d) {
  const std::uint16_t ms = d.milliseconds != 0 ? d.milliseconds : kUsualMs;
  if (iequals(type, kDtmf)) return spoken(d.event);
  if (iequals(type, kTelephoneEvent)) {
    std::string out(4, '\0');
    out[0] = static_cast<char>(d.event);
    out[1] = static_cast<char>(d.over ? 0x8a : 0x0a);
    out[2] = static_cast<char>(ms >> 8);
    out[3] = static_cast<char>(ms & 0xff);
    return out;
  }
  return "Signal=" + spoken(d.event) + "\r\nDuration=" + std::to_string(ms) + "\r\n";
}

}  // namespace causeway::sip
