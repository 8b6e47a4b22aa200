#include "sip/header_id.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace causeway::sip {
namespace {

struct Name {
  std::string_view name;
  char compact;  // 0: none
  bool list;
};

constexpr std::array<Name, kHeaderIdCount> kNames{{
    {"", 0, false},
    {"Accept", 0, true},
    {"Accept-Contact", 'a', true},
    {"Allow", 0, true},
    {"Allow-Events", 'u', true},
    {"Authorization", 0, false},
    {"Call-ID", 'i', false},
    {"Contact", 'm', true},
    {"Content-Disposition", 0, false},
    {"Content-Encoding", 'e', true},
    {"Content-Length", 'l', false},
    {"Content-Type", 'c', false},
    {"CSeq", 0, false},
    {"Date", 0, false},
    {"Diversion", 0, true},
    {"Event", 'o', false},
    {"Expires", 0, false},
    {"From", 'f', false},
    {"Geolocation", 0, true},
    {"Geolocation-Routing", 0, false},
    {"History-Info", 0, true},
    {"Identity", 'y', true},
    {"Identity-Info", 'n', false},
    {"Max-Forwards", 0, false},
    {"Min-Expires", 0, false},
    {"Min-SE", 0, false},
    {"P-Asserted-Identity", 0, true},
    {"P-Preferred-Identity", 0, true},
    {"Priority", 0, false},
    {"Privacy", 0, false},
    {"Proxy-Require", 0, true},
    {"RAck", 0, false},
    {"Reason", 0, true},
    {"Record-Route", 0, true},
    {"Refer-To", 'r', false},
    {"Referred-By", 'b', false},
    {"Reject-Contact", 'j', true},
    {"Remote-Party-ID", 0, true},
    {"Replaces", 0, false},
    {"Request-Disposition", 'd', true},
    {"Require", 0, true},
    {"Resource-Priority", 0, true},
    {"Retry-After", 0, false},
    {"Route", 0, true},
    {"RSeq", 0, false},
    {"Server", 0, false},
    {"Session-Expires", 'x', false},
    {"Session-ID", 0, false},
    {"Subject", 's', false},
    {"Subscription-State", 0, false},
    {"Supported", 'k', true},
    {"Target-Dialog", 0, false},
    {"Timestamp", 0, false},
    {"To", 't', false},
    {"Unsupported", 0, true},
    {"User-Agent", 0, false},
    {"User-to-User", 0, true},
    {"Via", 'v', true},
    {"Warning", 0, true},
}};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Of the length and four characters: they tell the names apart well enough.
constexpr unsigned hash_name(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(s[i] | 0x20); };
  unsigned h = static_cast<unsigned>(s.size());
  h = h * 37 + at(0);
  h = h * 37 + at(s.size() / 3);
  h = h * 37 + at(s.size() / 2);
  h = h * 37 + at(s.size() - 1);
  return (h ^ (h >> 8)) & 255;
}

// Is `name`, of two characters at least, that one of ours in any case? Several at once: where they
// differ, it is in bit 5 alone, and of a letter ('-' without it is a CR).
bool same_name(std::string_view ours, std::string_view name) {
  if (ours.size() != name.size()) return false;
  constexpr std::uint64_t kCase = 0x2020202020202020ULL, kLetters = kCase << 1;
  const auto differ = [](std::uint64_t a, std::uint64_t b) {
    const std::uint64_t x = a ^ b;
    return ((x & ~kCase) | ((x << 1) & ~a & kLetters)) != 0;
  };
  const auto differ_at = [&](std::size_t i, auto a) {
    auto b = a;
    std::memcpy(&a, ours.data() + i, sizeof a);
    std::memcpy(&b, name.data() + i, sizeof b);
    return differ(a, b);
  };
  const std::size_t size = ours.size();
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8)
      if (differ_at(i, std::uint64_t{})) return false;
    return !differ_at(size - 8, std::uint64_t{});
  }
  if (size >= 4) return !differ_at(0, std::uint32_t{}) && !differ_at(size - 4, std::uint32_t{});
  return !differ_at(0, std::uint16_t{}) && !differ_at(size - 2, std::uint16_t{});
}

// Open addressing over 256 slots, built by the compiler.
constexpr auto kTable = [] {
  std::array<std::uint8_t, 256> t{};
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    unsigned h = hash_name(kNames[i].name);
    while (t[h] != 0) h = (h + 1) & 255;
    t[h] = static_cast<std::uint8_t>(i);
  }
  return t;
}();

constexpr auto kCompact = [] {
  std::array<std::uint8_t, 128> t{};
  for (std::size_t i = 1; i < kNames.size(); ++i)
    if (kNames[i].compact != 0)
      t[static_cast<unsigned char>(kNames[i].compact)] = static_cast<std::uint8_t>(i);
  return t;
}();

}  // namespace

namespace detail {

// Most names that are compared are written alike: eight characters at once as they stand, and their
// letters one by one only in the word that differs.
bool iequals_tail(const char* a, const char* b, std::size_t size) noexcept {
  const auto alike = [&](std::size_t from, std::size_t to) {
    for (std::size_t k = from; k < to; ++k)
      if (lower(a[k]) != lower(b[k])) return false;
    return true;
  };
  if (size < 8) {
    if (size >= 4 && std::memcmp(a, b, 4) == 0 && std::memcmp(a + size - 4, b + size - 4, 4) == 0)
      return true;
    return alike(0, size);
  }
  // The last word begins where eight are left.
  for (std::size_t i = 0;; i = i + 16 <= size ? i + 8 : size - 8) {
    if (std::memcmp(a + i, b + i, 8) != 0 && !alike(i, i + 8)) return false;
    if (i + 8 == size) return true;
  }
}

}  // namespace detail

HeaderId header_id(std::string_view name) noexcept {
  if (name.empty()) return HeaderId::kOther;
  if (name.size() == 1) {
    const auto c = static_cast<unsigned char>(lower(name[0]));
    return c < 128 ? static_cast<HeaderId>(kCompact[c]) : HeaderId::kOther;
  }
  unsigned h = hash_name(name);
  while (kTable[h] != 0) {
    if (same_name(kNames[kTable[h]].name, name)) return static_cast<HeaderId>(kTable[h]);
    h = (h + 1) & 255;
  }
  return HeaderId::kOther;
}

std::string_view header_name(HeaderId id) noexcept {
  return kNames[static_cast<std::size_t>(id)].name;
}
bool is_list_header(HeaderId id) noexcept { return kNames[static_cast<std::size_t>(id)].list; }

}  // namespace causeway::sip
