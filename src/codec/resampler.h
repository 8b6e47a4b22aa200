// Mono PCM from one sample rate to another. One thread; process() never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace causeway::codec {

class Resampler {
 public:
  // Rates in Hz, 8000 to 48000. Equal ones pass samples through as they are.
  Resampler(std::uint32_t from, std::uint32_t to);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Returns samples written: in.size() * to / from when that is whole, else one more or less. All
  // of `in` is used up; `out` must have room for in.size() * to / from + 1.
  std::size_t process(std::span<const std::int16_t> in, std::span<std::int16_t> out);
  // Forgets what it heard.
  void reset();
  [[nodiscard]] std::uint32_t from() const { return from_; }
  [[nodiscard]] std::uint32_t to() const { return to_; }

 private:
  struct State;
  std::uint32_t from_;
  std::uint32_t to_;
  std::unique_ptr<State> state_;  // none when the rates are equal
};

}  // namespace causeway::codec
