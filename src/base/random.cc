#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cstdlib>
#include <cstring>

namespace causeway {

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    if (used_ == sizeof pool_) {
      std::size_t have = 0;
      while (have < sizeof pool_) {
        const auto n = getrandom(pool_ + have, sizeof pool_ - have, 0);
        if (n <= 0) continue;  // EINTR; the pool of the kernel is ready long before we run
        have += static_cast<std::size_t>(n);
      }
      used_ = 0;
    }
    const std::size_t n = std::min(out.size(), sizeof pool_ - used_);
    std::memcpy(out.data(), pool_ + used_, n);
    std::memset(pool_ + used_, 0, n);  // a key must not stay behind
    used_ += n;
    out = out.subspan(n);
  }
}

std::uint64_t SystemRandom::u64() {
  std::uint64_t v = 0;
  fill(std::as_writable_bytes(std::span(&v, 1)));
  return v;
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (auto& s : s_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    s = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::u64() {
  const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
  const std::uint64_t t = s_[1] << 17;
  s_[2] ^= s_[0];
  s_[3] ^= s_[1];
  s_[1] ^= s_[2];
  s_[0] ^= s_[3];
  s_[2] ^= t;
  s_[3] = std::rotl(s_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t v = u64();
    const std::size_t n = std::min(out.size(), sizeof v);
    std::memcpy(out.data(), &v, n);
    out = out.subspan(n);
  }
}

}  // namespace causeway
