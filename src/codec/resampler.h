// Mono PCM from one sample rate to another. One thread; process() never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace causeway::codec {

// A polyphase filter of windowed sincs in 16-bit arithmetic: flat to 0.9 of the narrower band, 60
// dB down outside of it. It delays by 4 ms at 8000 Hz, by less at higher rates
// (docs/adr/0021-own-resampler.md).
class Resampler {
 public:
  // Rates in Hz, 8000 to 48000. Equal ones pass samples through as they are.
  Resampler(std::uint32_t from, std::uint32_t to);

  // Returns samples written: in.size() * to / from when that is whole, else one more or less. All
  // of `in` is used up; `out` must have room for in.size() * to / from + 1.
  std::size_t process(std::span<const std::int16_t> in, std::span<std::int16_t> out);
  // Forgets what it heard.
  void reset();
  [[nodiscard]] std::uint32_t from() const { return from_; }
  [[nodiscard]] std::uint32_t to() const { return to_; }

 private:
  std::size_t piece(std::span<const std::int16_t> in, std::span<std::int16_t> out);

  std::uint32_t from_;
  std::uint32_t to_;
  std::uint32_t up_ = 1;  // to : from as up : down, reduced
  std::uint32_t down_ = 1;
  std::size_t taps_ = 0;     // of a phase
  std::uint32_t phase_ = 0;  // of the next output, below up_
  std::size_t ahead_ = 0;  // samples of the next input that the next output does not need any more
  std::vector<std::int16_t> filter_;  // up_ phases of taps_, in the order of the samples
  std::vector<std::int16_t> heard_;   // taps_ - 1 of the past, then a piece of the input
};

}  // namespace causeway::codec
