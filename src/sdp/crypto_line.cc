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

struct SuiteInfo {
  std::string_view name;
  std::size_t key_salt;
};
constexpr std::array<SuiteInfo, 6> kSuites{{{"AES_CM_128_HMAC_SHA1_80", 30},
                                            {"AES_CM_128_HMAC_SHA1_32", 30},
                                            {"AES_256_CM_HMAC_SHA1_80", 46},
                                            {"AES_256_CM_HMAC_SHA1_32", 46},
                                            {"AEAD_AES_128_GCM", 28},
                                            {"AEAD_AES_256_GCM", 44}}};

// Base64 of exactly that many bytes, with its padding or, as some write it, without.
bool decode_key(std::string_view in, std::size_t bytes, std::vector<std::uint8_t>& out) {
  const std::size_t characters = (bytes * 4 + 2) / 3;
  if (in.size() != characters) {
    if (in.size() != (bytes + 2) / 3 * 4) return false;
    for (std::size_t i = characters; i < in.size(); ++i)
      if (in[i] != '=') return false;
  }
  std::array<std::uint8_t, 48> key;
  const char* p = in.data();
  int wrong = 0;  // negative once a character is none of the alphabet
  const auto six = [&](std::size_t i) {
    const int v = kSixBits[static_cast<unsigned char>(p[i])];
    wrong |= v;
    return static_cast<unsigned>(v);
  };
  std::size_t o = 0;
  for (; o + 3 <= bytes; o += 3, p += 4) {
    const unsigned w = six(0) << 18 | six(1) << 12 | six(2) << 6 | six(3);
    key[o] = static_cast<std::uint8_t>(w >> 16);
    key[o + 1] = static_cast<std::uint8_t>(w >> 8);
    key[o + 2] = static_cast<std::uint8_t>(w);
  }
  if (o < bytes) {  // one or two bytes are left, in two or three characters
    const unsigned w = six(0) << 18 | six(1) << 12 | (o + 1 < bytes ? six(2) << 6 : 0);
    key[o] = static_cast<std::uint8_t>(w >> 16);
    key[o + 1] = static_cast<std::uint8_t>(w >> 8);
  }
  out.assign(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(bytes));
  return wrong >= 0;
}

std::string encode_key(const std::vector<std::uint8_t>& key) {
  std::string out;
  out.reserve((key.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < key.size(); i += 3) {
    const auto at = [&](std::size_t k) { return std::uint32_t{k < key.size() ? key[k] : 0U}; };
    const std::uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > key.size() ? '=' : kAlphabet[(bits >> (18 - 6 * k)) & 63];
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

std::string_view suite_name(CryptoSuite s) { return kSuites[static_cast<std::size_t>(s)].name; }

std::optional<CryptoSuite> suite_of(std::string_view name) {
  for (std::size_t i = 0; i < kSuites.size(); ++i)
    if (name.size() == kSuites[i].name.size() && name.back() == kSuites[i].name.back() &&
        name == kSuites[i].name)
      return static_cast<CryptoSuite>(i);
  return std::nullopt;
}

std::size_t key_salt_bytes(CryptoSuite s) { return kSuites[static_cast<std::size_t>(s)].key_salt; }

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
  const auto known = suite_of(suite);
  if (!known) return std::optional<Crypto>{};
  c.suite = *known;
  if (key.find(';') != std::string_view::npos) return std::optional<Crypto>{};
  if (key.size() < 7 || !text::same_word(key.substr(0, 7), "inline:"))
    return bad("expected inline: before the key");
  key.remove_prefix(7);
  const auto bar = std::min(key.find('|'), key.size());
  if (!decode_key(key.substr(0, bar), key_salt_bytes(c.suite), c.key_salt))
    return fail(ErrorCode::kMalformed, "a=crypto: the key of " + std::string(suite) + " is not " +
                                           std::to_string(key_salt_bytes(c.suite)) +
                                           " bytes in base64");
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
    c.key_salt.resize(key_salt_bytes(s));
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
