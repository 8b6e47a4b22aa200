// Comfort noise (RFC 3389; the analysis of ITU-T G.711 Appendix II): background noise as a level
// and a short spectrum. Values owned by a leg; nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace causeway::tone {

inline constexpr std::size_t kNoiseOrder = 10;
inline constexpr std::size_t kMaxNoisePayload = 1 + kNoiseOrder;

// Feed it what is taken for silence; it averages over about 100 ms.
class ComfortNoiseEncoder {
 public:
  void add(std::span<const std::int16_t> pcm);
  // A level in -dBov and reflection coefficients. Bytes written; 0 before anything was added.
  // `order` 0 to 10; `out` has 1 + order bytes.
  std::size_t encode(std::span<std::byte> out, std::size_t order = kNoiseOrder) const;
  [[nodiscard]] int level() const;  // 0 to 127, -dBov
  void reset() { *this = {}; }

 private:
  std::array<double, kNoiseOrder + 1> correlation_{};  // for each sample
  bool any_ = false;
};

class ComfortNoiseGenerator {
 public:
  explicit ComfortNoiseGenerator(std::uint32_t seed = 1) : seed_(seed | 1u) {}
  // False for an empty payload, or a level whose reserved bit is set. Coefficients past the tenth
  // are ignored; a payload of the level alone is white noise.
  bool update(std::span<const std::byte> payload);
  // Generates noise; moves towards a new description over 20 ms, without a step.
  void fill(std::span<std::int16_t> pcm);

 private:
  std::array<float, kNoiseOrder> target_{};
  std::array<float, kNoiseOrder> reflection_{};
  std::array<float, kNoiseOrder + 1> state_{};
  float target_gain_ = 0;
  float gain_ = 0;
  float limit_ = 0;
  std::uint32_t seed_;
  bool begun_ = false;
};

}  // namespace causeway::tone
