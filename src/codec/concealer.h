// In place of lost speech: the last period of the voice again and again, fading (in the manner of
// ITU-T G.711 Appendix I, without its delay), at any sample rate. One thread; allocates when made
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace causeway::codec {

// A guess gets quieter the longer it goes on.
class LossFade {
 public:
  explicit LossFade(std::uint32_t rate);
  void heard() { missing_ = 0; }
  void apply(std::span<std::int16_t> guess);

 private:
  std::size_t hold_;  // samples at full level
  std::size_t fade_;  // samples from there to silence
  std::size_t missing_ = 0;
};

class Concealer {
 public:
  explicit Concealer(std::uint32_t rate);

  // A packet that came, in order. Its beginning is blended with the guess that it follows.
  void heard(std::span<std::int16_t> pcm);
  // In place of one that did not.
  void fill(std::span<std::int16_t> out);
  void reset();

 private:
  void remember(std::span<const std::int16_t> pcm);
  void find_period();
  [[nodiscard]] std::size_t coarse_lag() const;
  [[nodiscard]] float next_sample();
  [[nodiscard]] float gain() const;

  std::size_t rate_;
  std::size_t thin_;                   // one sample in so many for the coarse search (8 kHz or so)
  std::size_t longest_;                // longest period, samples
  std::size_t span_;                   // samples that are compared
  std::size_t fade_;                   // samples until it is silent
  std::vector<std::int16_t> history_;  // span_ + longest_ and what a blend needs, newest last
  std::vector<float> cycle_;
  std::size_t period_ = 0;
  std::size_t at_ = 0;       // in the cycle
  std::size_t missing_ = 0;  // samples made up since the last packet
};

}  // namespace causeway::codec
