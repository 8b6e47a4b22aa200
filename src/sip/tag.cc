#include "sip/tag.h"

#include <array>
#include <cstdint>

#include "sip/headers.h"

namespace causeway::sip {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr std::size_t kTagLength = 4 + 16;

// 255: not a digit as we write them.
constexpr auto kHexValue = [] {
  std::array<std::uint8_t, 256> t{};
  t.fill(255);
  for (int i = 0; i < 16; ++i)
    t[static_cast<unsigned char>(kHex[i])] = static_cast<std::uint8_t>(i);
  return t;
}();

// "NNBB" and the random part as numbers.
struct TagParts {
  std::uint32_t owner = 0;
  std::uint64_t random = 0;
};
std::optional<TagParts> parts_of(std::string_view tag) {
  if (tag.size() != kTagLength) return std::nullopt;
  TagParts parts;
  unsigned seen = 0;
  const auto digit = [&](std::size_t i) {
    const unsigned v = kHexValue[static_cast<unsigned char>(tag[i])];
    seen |= v;
    return v & 15;
  };
  for (std::size_t i = 0; i < 4; ++i) parts.owner = parts.owner << 4 | digit(i);
  for (std::size_t i = 4; i < kTagLength; ++i) parts.random = parts.random << 4 | digit(i);
  return seen > 15 ? std::nullopt : std::optional(parts);
}

void append(std::string& out, std::uint64_t v, int digits) {
  for (int i = digits - 1; i >= 0; --i) out += kHex[(v >> (4 * i)) & 15];
}

}  // namespace

std::string make_tag(Owner owner, Random& random) {
  std::string t;
  t.reserve(kTagLength);
  append(t, owner.node.value, 2);
  append(t, owner.bucket.value, 2);
  append(t, random.u64(), 16);
  return t;
}

std::string make_branch(Owner owner, Random& random) {
  std::string b(kMagicCookie);
  b.reserve(kMagicCookie.size() + kTagLength);
  append(b, owner.node.value, 2);
  append(b, owner.bucket.value, 2);
  append(b, random.u64(), 16);
  return b;
}

std::optional<Owner> owner_of_tag(std::string_view tag) {
  const auto parts = parts_of(tag);
  if (!parts) return std::nullopt;
  return Owner{NodeId{static_cast<std::uint8_t>(parts->owner >> 8)},
               Bucket{static_cast<std::uint8_t>(parts->owner & 0xff)}};
}

std::optional<std::uint64_t> random_of_tag(std::string_view tag) {
  const auto parts = parts_of(tag);
  return parts ? std::optional(parts->random) : std::nullopt;
}

std::optional<Owner> owner_of_branch(std::string_view branch) {
  if (!branch.starts_with(kMagicCookie)) return std::nullopt;
  return owner_of_tag(branch.substr(kMagicCookie.size()));
}

Bucket bucket_of_call_id(std::string_view call_id) {
  std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a, then folded
  for (const char c : call_id) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  h ^= h >> 32;
  h ^= h >> 16;
  return Bucket{static_cast<std::uint8_t>(h ^ (h >> 8))};
}

std::optional<Owner> owner_of(const Message& m, NodeId self) {
  if (!m.is_request()) {
    const Via* via = m.top_via();
    return via ? owner_of_branch(via->branch) : std::nullopt;
  }
  // A CANCEL has the tags of the request that it cancels (RFC 3261 9.1): none for an initial
  // INVITE, ours for a re-INVITE. The ACK of a failure carries our tag with the bucket that
  // answered.
  if (const auto o = owner_of_tag(m.to_tag())) return o;
  if (m.method() == Method::kInvite && m.has(HeaderId::kReplaces)) {
    const std::string_view r = m.value(HeaderId::kReplaces);
    const std::size_t semi = r.find(';');
    if (semi != std::string_view::npos)
      if (const auto tag = find_param(r.substr(semi + 1), "to-tag"))
        if (const auto o = owner_of_tag(*tag)) return o;
  }
  return Owner{self, bucket_of_call_id(m.call_id())};
}

}  // namespace causeway::sip
