#include "tone/fax_detector.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tone/level.h"

namespace causeway::tone {
namespace {

constexpr double kAnswer = 2'100;  // Hz, within 15 (V.25)
constexpr double kAnswerOff = 25;
constexpr double kCalling = 1'100;  // within 38 (T.30)
constexpr double kCallingOff = 45;
constexpr double kWeakest = -46;  // dBm0
constexpr double kPure = 0.8;
constexpr int kAnswerHops = 40;  // 0.4 s until it is believed
constexpr int kAnswerGap = 5;    // hops that a reversal may spoil
constexpr int kPiece = 20;       // hops: three periods of 15 Hz
constexpr int kCallingLeast = 39;
constexpr int kCallingMost = 60;
constexpr int kCallingAfter = 10;
constexpr int kFlags = 7;

struct Tables {
  std::array<std::array<float, 160>, 4> wave;        // window times cosine and sine of each tone
  std::array<float, 160> square;                     // of the window
  std::array<std::array<std::int32_t, 4>, 160> fsk;  // 1650 and 1850 Hz both repeat after 160
  Tables() {
    for (std::size_t n = 0; n < 160; ++n) {
      const double t = static_cast<double>(n);
      const double s = std::sin(std::numbers::pi * (t + 0.5) / 160);
      square[n] = static_cast<float>(s * s * s * s);
      const auto turn = [t](double hertz) {
        return 2 * std::numbers::pi * hertz * t / kDetectorRate;
      };
      wave[0][n] = static_cast<float>(s * s * std::cos(turn(kAnswer)));
      wave[1][n] = static_cast<float>(-s * s * std::sin(turn(kAnswer)));
      wave[2][n] = static_cast<float>(s * s * std::cos(turn(kCalling)));
      wave[3][n] = static_cast<float>(-s * s * std::sin(turn(kCalling)));
      fsk[n] = {static_cast<std::int32_t>(std::lrint(1'024 * std::cos(turn(1'650)))),
                static_cast<std::int32_t>(std::lrint(1'024 * std::sin(turn(1'650)))),
                static_cast<std::int32_t>(std::lrint(1'024 * std::cos(turn(1'850)))),
                static_cast<std::int32_t>(std::lrint(1'024 * std::sin(turn(1'850))))};
    }
  }
};
const Tables kTables;

// Power response of the Hann window.
double response(double off) {
  const double x = off * 160 / kDetectorRate;
  if (std::abs(x) < 1e-3) return 1;
  const double r = std::sin(std::numbers::pi * x) / (std::numbers::pi * x) / (1 - x * x);
  return r * r;
}

float dot(const std::array<float, 160>& a, const std::array<float, 160>& b) {
  std::array<float, 8> sum{};
  for (std::size_t n = 0; n < 160; n += 8)
    for (std::size_t j = 0; j < 8; ++j) sum[j] += a[n + j] * b[n + j];
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

}  // namespace

std::string_view to_string(FaxTone t) {
  switch (t) {
    case FaxTone::kCng: return "cng";
    case FaxTone::kCed: return "ced";
    case FaxTone::kCedReversed: return "ced-reversed";
    case FaxTone::kAnsAm: return "ansam";
    case FaxTone::kAnsAmReversed: return "ansam-reversed";
    case FaxTone::kV21Preamble: return "v21-preamble";
  }
  return "";
}

FaxDetector::Bin FaxDetector::look(double hertz, double energy, const Bin& before) const {
  const std::size_t row = hertz == kAnswer ? 0 : 2;
  Bin b;
  b.re = dot(window_, kTables.wave[row]);
  b.im = dot(window_, kTables.wave[row + 1]);
  // The phase that a hop adds, less what the nominal frequency adds: a whole number of turns here.
  const double re = b.re * before.re + b.im * before.im;
  const double im = b.im * before.re - b.re * before.im;
  b.off = std::atan2(im, re) * kDetectorRate / (2 * std::numbers::pi * kHop);
  b.amplitude_squared = (b.re * b.re + b.im * b.im) * 16 / (double{kWindow} * kWindow) /
                        std::max(0.1, response(b.off));
  const double most = hertz == kAnswer ? kAnswerOff : kCallingOff;
  b.pure = before.re != 0 && std::abs(b.off) <= most &&
           b.amplitude_squared > kPure * energy * 16 / (3 * kWindow);
  return b;
}

// 15 Hz in the amplitude, over pieces of three periods.
void FaxDetector::envelope(double amplitude) {
  Answer& a = answer_;
  const double turn = 2 * std::numbers::pi * 15 * 0.01 * (a.hops % kPiece);
  a.sum += amplitude;
  a.cosine += amplitude * std::cos(turn);
  a.sine += amplitude * std::sin(turn);
  if (++a.hops % kPiece != 0) return;
  const double depth = 2 * std::hypot(a.cosine, a.sine) / a.sum;
  if (depth > 0.12 && depth < 0.28)
    ++a.modulated;
  else
    ++a.plain;
  a.sum = a.cosine = a.sine = 0;
}

// The tone is back after hops that were not pure: has its phase turned by half meanwhile?
void FaxDetector::resume(const Bin& b) {
  Answer& a = answer_;
  const double re = b.re * a.re + b.im * a.im;
  const double im = b.im * a.re - b.re * a.im;
  const double drift = 2 * std::numbers::pi * a.off * 0.01 * (a.bad + 1);
  const double turn = std::remainder(std::atan2(im, re) - drift, 2 * std::numbers::pi);
  if (std::abs(turn) > 2 * std::numbers::pi / 3) ++a.reversals;
  a.bad = 0;
}

std::optional<FaxTone> FaxDetector::answer(const Bin& b) {
  Answer& a = answer_;
  if (!b.pure) {
    if (a.hops == 0) return std::nullopt;
    if (++a.bad > kAnswerGap) {
      a = {};
      return std::nullopt;
    }
    envelope(a.amplitude);  // as it was
    return std::nullopt;
  }
  if (a.bad > 0 && a.hops > 0) resume(b);
  a.off += (b.off - a.off) / std::min(a.hops + 1, 32);
  a.re = b.re;
  a.im = b.im;
  a.amplitude = std::sqrt(b.amplitude_squared);
  envelope(a.amplitude);
  if (a.hops < kAnswerHops) return std::nullopt;
  const bool modulated = a.modulated > a.plain;
  if (!modulated && a.modulated == a.plain && a.hops < kAnswerHops + kPiece) return std::nullopt;
  const bool reversed = a.reversals > 0;
  const FaxTone now = modulated ? (reversed ? FaxTone::kAnsAmReversed : FaxTone::kAnsAm)
                                : (reversed ? FaxTone::kCedReversed : FaxTone::kCed);
  const bool again = a.said && (!reversed || *a.said == FaxTone::kCedReversed ||
                                *a.said == FaxTone::kAnsAmReversed);
  if (again) return std::nullopt;
  a.said = now;
  return now;
}

std::optional<FaxTone> FaxDetector::calling(const Bin& b) {
  if (b.pure) {
    calling_on_ += 1 + calling_off_;
    calling_off_ = 0;
    return std::nullopt;
  }
  if (calling_on_ == 0) return std::nullopt;
  ++calling_off_;
  const bool short_break = calling_off_ <= 2;
  if (short_break) return std::nullopt;
  const bool fits = calling_on_ >= kCallingLeast && calling_on_ <= kCallingMost;
  if (fits && calling_off_ < kCallingAfter) return std::nullopt;
  calling_on_ = calling_off_ = 0;
  if (fits) return FaxTone::kCng;
  return std::nullopt;
}

// A flag is six ones between zeros; a shared zero and two of them are both allowed.
void FaxDetector::bit_run_ended(bool was_one, int run, int pure) {
  Flags& f = flags_;
  const bool clean = pure * 10 >= run * 6;
  if (!was_one) {
    f.zeros = run;
    if (run < 15 || run > 75 || !clean) f.count = 0;
    return;
  }
  if (run >= 130 && run <= 190 && clean)
    ++f.count;
  else
    f.count = 0;
}

std::optional<FaxTone> FaxDetector::flags(std::span<const float> samples) {
  Flags& f = flags_;
  for (const float sample : samples) {
    const auto x = static_cast<std::int32_t>(sample);
    f.energy += std::int64_t{x} * x - f.squares[f.at];
    f.squares[f.at] = x * x;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int32_t product = x * kTables.fsk[f.phase][i];
      f.sum[i] += product - std::int64_t{f.past[f.at][i]};
      f.past[f.at][i] = product;
    }
    f.at = f.at + 1 == kBit ? 0 : f.at + 1;
    f.phase = f.phase + 1 == 160 ? 0 : f.phase + 1;
    const std::int64_t mark = f.sum[0] * f.sum[0] + f.sum[1] * f.sum[1];
    const std::int64_t space = f.sum[2] * f.sum[2] + f.sum[3] * f.sum[3];
    // Half of the energy is in the tone; 1,024 is the amplitude of the table.
    const bool pure =
        std::max(mark, space) > f.energy * static_cast<std::int64_t>(kBit) * (1'024 * 1'024 / 4);
    if ((mark > space) != f.one) {
      bit_run_ended(f.one, f.run, f.pure);
      f.one = !f.one;
      f.run = f.pure = 0;
    }
    ++f.run;
    f.pure += pure ? 1 : 0;
  }
  if (f.run > 400) f.count = 0;
  if (f.count == 0) f.said = false;
  if (f.count < kFlags || f.said) return std::nullopt;
  f.said = true;
  return FaxTone::kV21Preamble;
}

std::optional<FaxTone> FaxDetector::hop() {
  std::array<float, kWindow> power;
  for (std::size_t n = 0; n < kWindow; ++n) power[n] = window_[n] * window_[n];
  const double energy = dot(power, kTables.square);
  const double weakest = amplitude_of(kWeakest);
  const bool heard = energy * 16 / (3 * kWindow) >= weakest * weakest;
  if (!heard) {
    last_answer_ = {};
    last_calling_ = {};
    flags_.count = 0;
    flags_.said = false;
  } else {
    last_answer_ = look(kAnswer, energy, last_answer_);
    last_calling_ = look(kCalling, energy, last_calling_);
  }
  std::optional<FaxTone> found = calling(last_calling_);
  if (const auto t = answer(last_answer_)) found = t;
  if (!heard) return found;
  if (const auto t = flags(std::span(window_).last(kHop))) found = t;
  return found;
}

std::optional<FaxTone> FaxDetector::process(std::span<const std::int16_t> pcm) {
  std::optional<FaxTone> found;
  while (!pcm.empty()) {
    const std::size_t n = std::min(pcm.size(), decimator_.wants(kWindow - filled_));
    filled_ += decimator_.run(pcm.first(n), std::span(window_).subspan(filled_));
    pcm = pcm.subspan(n);
    if (filled_ < kWindow) continue;
    if (const auto t = hop()) found = t;
    std::copy(window_.begin() + kHop, window_.end(), window_.begin());
    filled_ = kWindow - kHop;
  }
  return found;
}

}  // namespace causeway::tone
