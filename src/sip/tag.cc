#include "sip/tag.h"

#include "sip/headers.h"

namespace causeway::sip {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr std::size_t kTagLength = 4 + 16;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
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
  if (tag.size() != kTagLength) return std::nullopt;
  int v[4];
  for (std::size_t i = 0; i < kTagLength; ++i) {
    const int h = hex_value(tag[i]);
    if (h < 0) return std::nullopt;
    if (i < 4) v[i] = h;
  }
  return Owner{NodeId{static_cast<std::uint8_t>(v[0] * 16 + v[1])},
               Bucket{static_cast<std::uint8_t>(v[2] * 16 + v[3])}};
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
    const auto via = parse_via(m.value(HeaderId::kVia));
    return via ? owner_of_branch(via->branch) : std::nullopt;
  }
  // A CANCEL has the tags of the request that it cancels (RFC 3261 9.1): none for an initial
  // INVITE, ours for a re-INVITE. The ACK of a failure carries our tag with the bucket that
  // answered.
  if (const auto to = parse_name_addr(m.value(HeaderId::kTo)); to) {
    if (const auto o = owner_of_tag(to->tag())) return o;
  }
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
