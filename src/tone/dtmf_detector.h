// DTMF in PCM (ITU-T Q.23, Q.24; ETSI ES 201 235-3): which digit, and the audio without it.
//
// The audio is delayed by a constant look-back, as long as it takes to be sure of a digit, so that
// nothing of one is left in what comes out: not its first milliseconds either. One per direction of
// a leg, used by the leg's thread; nothing allocates after construction.
//
// Accepted: every frequency within 1.5 % (past 3.5 % none is), 0 to -36 dBm0 for each of the two,
// the higher up to 4 dB over or 8 dB under the lower, 40 ms on and 40 ms off, through G.711.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "tone/decimator.h"

namespace causeway::tone {

struct DtmfEvent {
  bool begin = false;
  std::uint8_t event = 0;  // as in RFC 4733: 0-9, 10 *, 11 #, 12-15 A-D
  Micros duration{0};      // of an end; within 10 ms
  double level = 0;        // dBm0 of the stronger frequency
};

class DtmfDetector {
 public:
  enum class Audio : std::uint8_t {
    kBlank,  // delayed, digits silenced
    kKeep,   // left as it is, without delay
  };
  static constexpr Micros kLookBack = Millis(36);

  // 8,000, 16,000, 32,000 or 48,000 Hz (detector_rate() of decimator.h).
  explicit DtmfDetector(std::uint32_t rate, Audio audio = Audio::kBlank);

  class Events {
   public:
    [[nodiscard]] const DtmfEvent* begin() const { return items_.data(); }
    [[nodiscard]] const DtmfEvent* end() const { return items_.data() + count_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] const DtmfEvent& operator[](std::size_t i) const { return items_[i]; }

   private:
    friend class DtmfDetector;
    void add(const DtmfEvent& e) {
      if (count_ < items_.size()) items_[count_++] = e;
    }
    std::array<DtmfEvent, 16> items_{};  // of at least 200 ms; a packet has 60 at most
    std::size_t count_ = 0;
  };
  // In place. At most 200 ms at once.
  [[nodiscard]] Events process(std::span<std::int16_t> pcm);
  // The stream is over or interrupted: an end, if a digit is on.
  std::optional<DtmfEvent> finish();
  [[nodiscard]] bool active() const { return digit_ >= 0; }

 private:
  static constexpr std::size_t kWindow = 160;  // 20 ms
  static constexpr std::size_t kHop = 40;      // 5 ms
  static constexpr std::size_t kTones = 8;
  struct Bins {
    std::array<float, kTones> re{};
    std::array<float, kTones> im{};
    bool valid = false;
  };
  struct Hit {
    int digit = -1;
    double level = 0;
  };

  void hop(Events& out);
  [[nodiscard]] Hit look();
  [[nodiscard]] Bins transform(float& energy) const;
  void blank();
  void delay(std::span<std::int16_t> pcm);
  [[nodiscard]] DtmfEvent end_event() const;

  std::vector<std::int16_t> delay_;  // the look-back, a ring
  std::size_t delay_at_ = 0;
  std::array<float, kWindow> window_{};
  std::size_t filled_ = kWindow - kHop;
  Bins last_;
  Decimator decimator_;
  std::uint32_t rate_;
  std::uint64_t hops_ = 0;
  std::uint64_t first_hit_ = 0;  // hop numbers
  std::uint64_t last_hit_ = 0;
  double level_ = 0;
  int candidate_ = -1;
  int hits_ = 0;                // of the candidate, in a row
  int digit_ = -1;              // reported as begun
  std::size_t blank_left_ = 0;  // samples of the input to be silenced from now on
};

}  // namespace causeway::tone
