// A keyed hash of 128 bits for tables whose keys the network chooses: without the key nobody can
// make two texts collide, so two texts with one hash are the same text (SipHash-1-3, Aumasson and
// Bernstein, with two words of output). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace causeway {

struct HashKey {
  std::uint64_t a = 0, b = 0;
};

struct Hash128 {
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
struct LowBits {
  std::size_t operator()(const Hash128& h) const { return static_cast<std::size_t>(h.low); }
};

// Of a sequence of texts and numbers; their boundaries count.
class KeyedHasher {
 public:
  explicit KeyedHasher(const HashKey& key)
      : v0_(key.a ^ 0x736f6d6570736575ULL),
        v1_(key.b ^ 0x646f72616e646f6dULL ^ 0xee),
        v2_(key.a ^ 0x6c7967656e657261ULL),
        v3_(key.b ^ 0x7465646279746573ULL) {}

  KeyedHasher& add(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
    return *this;
  }
  KeyedHasher& add(std::string_view text) {
    const char* p = text.data();
    std::size_t left = text.size();
    for (; left >= 8; p += 8, left -= 8) {
      std::uint64_t w = 0;
      std::memcpy(&w, p, 8);
      add(w);
    }
    // The rest, and the length: "ab" "c" is not "a" "bc".
    std::uint64_t w = 0;
    if (left != 0) std::memcpy(&w, p, left);  // an empty view may have no address
    add(w);
    return add(text.size());
  }
  [[nodiscard]] Hash128 finish() {
    Hash128 out;
    v2_ ^= 0xee;
    for (int i = 0; i < 3; ++i) round();
    out.low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    for (int i = 0; i < 3; ++i) round();
    out.high = v0_ ^ v1_ ^ v2_ ^ v3_;
    return out;
  }

 private:
  static constexpr std::uint64_t rotl(std::uint64_t x, int n) { return x << n | x >> (64 - n); }
  void round() {
    v0_ += v1_, v1_ = rotl(v1_, 13) ^ v0_, v0_ = rotl(v0_, 32);
    v2_ += v3_, v3_ = rotl(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = rotl(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = rotl(v1_, 17) ^ v2_, v2_ = rotl(v2_, 32);
  }
  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace causeway
