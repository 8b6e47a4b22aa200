// Randomness, replaceable by the simulated world. Tags, branches and SRTP keys come from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace causeway {

class Random {
 public:
  virtual ~Random() = default;
  // Unpredictable bytes (the kernel's generator in production; a seeded one in the simulated
  // world).
  virtual void fill(std::span<std::byte> out) = 0;
  [[nodiscard]] virtual std::uint64_t u64() = 0;
  // Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return u64() % bound; }
};

// getrandom(2), read 4 KiB at a time. One per shard; not thread safe.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
  [[nodiscard]] std::uint64_t u64() override;

 private:
  std::byte pool_[4096];
  std::size_t used_ = sizeof pool_;
};

// xoshiro256**: repeatable, for the simulated world only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(std::span<std::byte> out) override;
  [[nodiscard]] std::uint64_t u64() override;

 private:
  std::uint64_t s_[4];
};

}  // namespace causeway
