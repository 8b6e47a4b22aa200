// Fax machines and modems by the tones that they begin with, so that the call can become plain
// G.711. One per direction of a leg; nothing allocates after construction; the audio is left alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tone/decimator.h"

namespace causeway::tone {

enum class FaxTone : std::uint8_t {
  kCng,            // 1100 Hz, half a second: a calling fax (T.30 4.2)
  kCed,            // 2100 Hz: a called fax, or a modem that leaves echo cancellers on (V.25 ANS)
  kCedReversed,    // with phase reversals each 450 ms: echo cancellers off
  kAnsAm,          // with 15 Hz amplitude modulation: V.8, so V.34 and later
  kAnsAmReversed,  // both
  kV21Preamble,    // HDLC flags at 300 bit/s on channel 2: a fax that did not send CED
};
[[nodiscard]] std::string_view to_string(FaxTone t);

// Says each tone once, 0.4 s after it began (CNG: when it ended; V.21: after seven flags).
// Reversals of a tone that was said already are said again, as the kind with reversals.
class FaxDetector {
 public:
  explicit FaxDetector(std::uint32_t rate) : decimator_(rate) {}  // of detector_rate()
  // The last of what was recognised within this audio.
  [[nodiscard]] std::optional<FaxTone> process(std::span<const std::int16_t> pcm);

 private:
  static constexpr std::size_t kWindow = 160;  // 20 ms
  static constexpr std::size_t kHop = 80;
  static constexpr std::size_t kBit = 27;  // samples of one at 300 bit/s
  struct Bin {
    double re = 0;
    double im = 0;
    double amplitude_squared = 0;
    double off = 0;  // Hz beside the nominal frequency
    bool pure = false;
  };
  // An answering tone in progress.
  struct Answer {
    int hops = 0;
    int bad = 0;  // in a row
    int reversals = 0;
    int modulated = 0;  // pieces of 200 ms that were, and that were not
    int plain = 0;
    double off = 0;  // mean
    double re = 0;   // of the last good hop
    double im = 0;
    double amplitude = 0;
    double sum = 0;  // of amplitudes, and of them turned by 15 Hz
    double cosine = 0;
    double sine = 0;
    std::optional<FaxTone> said;
  };
  struct Flags {
    std::array<std::array<std::int32_t, 4>, kBit> past{};  // products; in-phase, quadrature of each
    std::array<std::int32_t, kBit> squares{};
    std::array<std::int64_t, 4> sum{};
    std::int64_t energy = 0;
    std::size_t at = 0;
    std::size_t phase = 0;
    int run = 0;    // samples since the bit changed
    int pure = 0;   // of them
    int zeros = 0;  // length of the run before
    int count = 0;  // flags in a row
    bool one = false;
    bool said = false;
  };

  [[nodiscard]] std::optional<FaxTone> hop();
  [[nodiscard]] Bin look(double hertz, double energy, const Bin& before) const;
  [[nodiscard]] std::optional<FaxTone> answer(const Bin& b);
  void resume(const Bin& b);
  void envelope(double amplitude);
  [[nodiscard]] std::optional<FaxTone> calling(const Bin& b);
  [[nodiscard]] std::optional<FaxTone> flags(std::span<const float> samples);
  void bit_run_ended(bool was_one, int run, int pure);

  Decimator decimator_;
  std::array<float, kWindow> window_{};
  std::size_t filled_ = kWindow - kHop;
  Bin last_answer_;
  Bin last_calling_;
  Answer answer_;
  Flags flags_;
  int calling_on_ = 0;   // hops
  int calling_off_ = 0;  // since
};

}  // namespace causeway::tone
