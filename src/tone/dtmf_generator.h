// DTMF as PCM (ITU-T Q.23): one digit after the other, with soft edges. A value, owned by a leg;
// nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "tone/oscillator.h"

namespace causeway::tone {

class DtmfGenerator {
 public:
  struct Options {
    double level = -7;  // dBm0 of each of the two frequencies
    Micros tone = Millis(100);
    Micros gap = Millis(70);
    Micros least = Millis(40);      // of a tone or a gap (Q.24)
    Micros longest = Seconds(120);  // of a tone that nobody stops
  };
  static constexpr std::size_t kQueue = 32;

  explicit DtmfGenerator(std::uint32_t rate) : DtmfGenerator(rate, Options{}) {}
  DtmfGenerator(std::uint32_t rate, const Options& o);

  // Events 0-15 of RFC 4733. False: no such digit, or the queue is full.
  bool play(std::uint8_t event, std::optional<Micros> duration = std::nullopt);
  // Until stop(), which ends the latest that is open; the least duration is kept.
  bool start(std::uint8_t event);
  void stop(std::optional<Micros> duration = std::nullopt);  // of the whole tone, when known
  void clear();                                              // drops what waits, fades what sounds

  // Writes over the audio while a digit sounds and in the gap before the next; leaves the rest as
  // it is. True when something was written.
  bool fill(std::span<std::int16_t> pcm);
  [[nodiscard]] bool busy() const { return phase_ != Phase::kIdle || count_ > 0; }

 private:
  struct Entry {
    std::uint64_t length = 0;  // samples
    std::uint64_t gap = 0;     // before it
    std::uint8_t event = 0;
    bool open = false;
  };
  enum class Phase : std::uint8_t { kIdle, kTone };

  bool push(const Entry& e);
  [[nodiscard]] std::uint64_t samples(Micros d) const;
  void begin();
  [[nodiscard]] std::int16_t sample();

  Options options_;
  std::array<Entry, kQueue> queue_{};
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  Entry current_;
  Oscillator low_;
  Oscillator high_;
  std::uint64_t at_ = 0;         // samples of the current tone that have gone out
  std::uint64_t since_end_ = 0;  // samples since the last tone
  std::uint32_t rate_;
  std::uint32_t ramp_;
  float amplitude_;
  Phase phase_ = Phase::kIdle;
};

}  // namespace causeway::tone
