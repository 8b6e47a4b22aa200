#include "sdp/crypto_line.h"

#include <algorithm>
#include <array>
#include <span>

#include "sdp/text.h"

namespace causeway::sdp {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kSixBits = [] {
  std::array<std::int8_t, 256> t{};
  t.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    t[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return t;
}();

// 30 bytes are exactly 40 characters: no padding can occur.
bool decode_key(std::string_view in, std::vector<std::uint8_t>& out) {
  if (in.size() != kKeySaltBytes * 4 / 3) return false;
  std::array<std::uint8_t, kKeySaltBytes> key;
  const char* p = in.data();
  int wrong = 0;  // negative once a character is none of the alphabet
  for (std::size_t o = 0; o < key.size(); o += 3, p += 4) {
    const int a = kSixBits[static_cast<unsigned char>(p[0])];
    const int b = kSixBits[static_cast<unsigned char>(p[1])];
    const int c = kSixBits[static_cast<unsigned char>(p[2])];
    const int d = kSixBits[static_cast<unsigned char>(p[3])];
    wrong |= a | b | c | d;
    key[o] = static_cast<std::uint8_t>((a & 63) << 2 | (b & 63) >> 4);
    key[o + 1] = static_cast<std::uint8_t>((b & 15) << 4 | (c & 63) >> 2);
    key[o + 2] = static_cast<std::uint8_t>((c & 3) << 6 | (d & 63));
  }
  if (wrong < 0) return false;
  out.assign(key.begin(), key.end());
  return true;
}

std::string encode_key(const std::vector<std::uint8_t>& key) {
  std::string out;
  out.reserve(40);
  for (std::size_t i = 0; i + 2 < key.size(); i += 3) {
    const std::uint32_t bits =
        std::uint32_t{key[i]} << 16 | std::uint32_t{key[i + 1]} << 8 | key[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out += kAlphabet[(bits >> shift) & 63];
  }
  return out;
}

bool is_lifetime(std::string_view s) {
  if (s.substr(0, 2) == "2^") s.remove_prefix(2);
  std::uint64_t n = 0;
  return text::number(s, n);
}

// What follows the key: "|lifetime", "|MKI:length", both, or nothing. False: not to be taken.
bool read_key_options(std::string_view options, Crypto& c) {
  while (!options.empty()) {
    options.remove_prefix(1);  // the bar
    const auto field = options.substr(0, options.find('|'));
    options.remove_prefix(field.size());
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) {
      if (!c.lifetime.empty() || c.mki_length != 0 || !is_lifetime(field)) return false;
      c.lifetime = std::string(field);
      continue;
    }
    if (c.mki_length != 0 || !text::number(field.substr(0, colon), c.mki) ||
        !text::number(field.substr(colon + 1), c.mki_length) || c.mki_length == 0 ||
        c.mki_length > kMaxMkiBytes)
      return false;
    if (c.mki_length < 4 && (c.mki >> (8 * c.mki_length)) != 0) return false;
  }
  return true;
}

}  // namespace

std::string_view suite_name(CryptoSuite s) {
  switch (s) {
    case CryptoSuite::kAesCm128HmacSha1_80: return "AES_CM_128_HMAC_SHA1_80";
    case CryptoSuite::kAesCm128HmacSha1_32: return "AES_CM_128_HMAC_SHA1_32";
  }
  return "";
}

Result<std::optional<Crypto>> read_crypto(std::string_view value) {
  const auto bad = [&](const char* what) {
    // The key itself never goes into an error text.
    return fail(ErrorCode::kMalformed, std::string("a=crypto: ") + what);
  };
  Crypto c;
  const auto tag = text::next_word(value);
  const auto long_word = [&value] {  // next_word() for those that a search is worth
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    const auto word = value.substr(0, value.find(' '));
    value.remove_prefix(word.size());
    return word;
  };
  const auto suite = long_word();
  auto key = long_word();
  if (tag.size() > 9 || !text::number(tag, c.tag))
    return bad("the tag is not a number of at most 9 digits");
  if (suite.empty() || key.empty()) return bad("expected TAG SUITE inline:KEY");
  if (suite == suite_name(CryptoSuite::kAesCm128HmacSha1_80))
    c.suite = CryptoSuite::kAesCm128HmacSha1_80;
  else if (suite == suite_name(CryptoSuite::kAesCm128HmacSha1_32))
    c.suite = CryptoSuite::kAesCm128HmacSha1_32;
  else
    return std::optional<Crypto>{};
  if (key.find(';') != std::string_view::npos) return std::optional<Crypto>{};
  if (key.size() < 7 || !text::same_word(key.substr(0, 7), "inline:"))
    return bad("expected inline: before the key");
  key.remove_prefix(7);
  const auto bar = std::min(key.find('|'), key.size());
  if (!decode_key(key.substr(0, bar), c.key_salt)) return bad("the key is not 30 bytes in base64");
  if (!read_key_options(key.substr(bar), c)) return std::optional<Crypto>{};
  for (auto p = text::next_word(value); !p.empty(); p = text::next_word(value)) {
    // WSH is a hint, "-..." may be ignored; everything else would change the transform.
    if (p.front() != '-' && !text::same_word(p.substr(0, 4), "WSH="))
      return std::optional<Crypto>{};
  }
  return std::optional<Crypto>{std::move(c)};
}

std::string write_crypto(const Crypto& c) {
  std::string out = std::to_string(c.tag);
  out += ' ';
  out += suite_name(c.suite);
  out += " inline:";
  out += encode_key(c.key_salt);
  if (!c.lifetime.empty()) out += "|" + c.lifetime;
  if (c.mki_length != 0) out += "|" + std::to_string(c.mki) + ":" + std::to_string(c.mki_length);
  return out;
}

std::vector<Crypto> make_crypto(Random& random, const Dialect& dialect) {
  std::vector<Crypto> out;
  std::uint32_t tag = 1;
  for (const CryptoSuite s : dialect.suites) {
    Crypto c;
    c.tag = tag++;
    c.suite = s;
    c.key_salt.resize(kKeySaltBytes);
    random.fill(std::as_writable_bytes(std::span(c.key_salt)));
    c.lifetime = dialect.key_lifetime;
    out.push_back(std::move(c));
  }
  return out;
}

Result<Crypto> choose_crypto(const std::vector<Crypto>& offered, const Dialect& dialect) {
  for (const CryptoSuite s : dialect.suites)
    for (const Crypto& c : offered)
      if (c.suite == s) return c;
  return fail(ErrorCode::kNotAcceptable,
              "no a=crypto line with a suite that this peer group allows");
}

Result<Crypto> answer_crypto(const std::vector<Crypto>& ours, const Crypto& chosen) {
  for (const Crypto& c : ours) {
    if (c.suite != chosen.suite) continue;
    Crypto out = c;
    out.tag = chosen.tag;
    return out;
  }
  return fail(ErrorCode::kInternal, "no key of ours for " + std::string(suite_name(chosen.suite)));
}

Result<Crypto> accepted_crypto(const std::vector<Crypto>& ours,
                               const std::vector<Crypto>& answered) {
  for (const Crypto& a : answered)
    for (const Crypto& o : ours)
      if (o.tag == a.tag && o.suite == a.suite) return o;
  return fail(ErrorCode::kNotAcceptable, "the answer takes none of the offered a=crypto lines");
}

}  // namespace causeway::sdp
