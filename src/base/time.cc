#include "base/time.h"

#include <cstdint>

namespace causeway {
namespace {

// Days since 1970-01-01 to a date of the Gregorian calendar. Call records format five times a call:
// gmtime_r() with snprintf() would cost more than a message.
struct Date {
  int year;
  unsigned month, day;
};
Date date_of(std::int64_t days) {
  days += 719'468;  // to 0000-03-01, so that leap days come last
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto doe = static_cast<unsigned>(days - era * 146'097);
  const unsigned yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int>(yoe + era * 400) + (month <= 2 ? 1 : 0), month,
          doy - (153 * mp + 2) / 5 + 1};
}

void digits(char*& out, std::uint64_t v, int n) {
  for (int i = n - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + v % 10);
    v /= 10;
  }
  out += n;
}

struct Split {
  std::int64_t days;
  std::uint64_t seconds, micros;  // of the day, of the second
};
Split split(WallTime t) {
  constexpr std::int64_t kDay = 86'400'000'000;
  std::int64_t days = t.micros / kDay, rest = t.micros % kDay;
  if (rest < 0) {
    rest += kDay;
    --days;
  }
  return {days, static_cast<std::uint64_t>(rest / 1'000'000),
          static_cast<std::uint64_t>(rest % 1'000'000)};
}

void time_of_day(char*& out, std::uint64_t seconds) {
  digits(out, seconds / 3'600, 2);
  *out++ = ':';
  digits(out, seconds / 60 % 60, 2);
  *out++ = ':';
  digits(out, seconds % 60, 2);
  *out++ = '.';
}

}  // namespace

void append_rfc3339(std::string& to, WallTime t) {
  const Split s = split(t);
  const Date d = date_of(s.days);
  char buf[32];
  char* out = buf;
  digits(out, static_cast<std::uint64_t>(d.year), 4);
  *out++ = '-';
  digits(out, d.month, 2);
  *out++ = '-';
  digits(out, d.day, 2);
  *out++ = 'T';
  time_of_day(out, s.seconds);
  digits(out, s.micros, 6);
  *out++ = 'Z';
  to.append(buf, out);
}

std::string format_rfc3339(WallTime t) {
  std::string out;
  append_rfc3339(out, t);
  return out;
}

std::string format_time_of_day(WallTime t) {
  const Split s = split(t);
  char buf[16];
  char* out = buf;
  time_of_day(out, s.seconds);
  digits(out, s.micros / 1'000, 3);
  return {buf, out};
}

}  // namespace causeway
