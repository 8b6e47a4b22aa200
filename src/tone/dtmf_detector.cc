#include "tone/dtmf_detector.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tone/level.h"

namespace causeway::tone {
namespace {

constexpr std::array<double, 8> kHertz = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
// Row by column, as RFC 4733 numbers them.
constexpr std::uint8_t kEvents[4][4] = {
    {1, 2, 3, 12}, {4, 5, 6, 13}, {7, 8, 9, 14}, {10, 0, 11, 15}};

constexpr double kWeakest = -39.0;      // dBm0 of either tone; -36 must be heard
constexpr double kPure = 0.80;          // of the energy is in the two tones (7 dB over the rest)
constexpr double kOff = 0.025;          // between the 1.5 % to accept and the 3.5 % to reject
constexpr double kHigherBy = 5.5;       // dB, twist: 4 must be accepted
constexpr double kLowerBy = 9.5;        // 8 must be accepted
constexpr double kOverOthers = 4.0;     // in power, over the other tones of the group
constexpr int kBlankAfter = 3;          // hits in a row: 30 ms of tone were looked at
constexpr int kBeginAfter = 4;          // and 35
constexpr std::uint64_t kEndAfter = 6;  // hops without one: a break of 10 ms does not end a digit

// Four floats that the compiler keeps in one register.
using Four [[gnu::vector_size(16)]] = float;

// The first half of a Hann window with the eight cosines and the eight sines, counted from the
// middle: the second half mirrors it, so samples are added and subtracted in pairs first.
template <std::size_t N>
struct Table {
  struct Row {
    std::array<Four, 2> cosine;
    std::array<Four, 2> sine;
  };
  std::array<Row, N / 2> wave;
  std::array<float, N> square;  // of the window
  Table() {
    for (std::size_t n = 0; n < N; ++n) {
      const double s = std::sin(std::numbers::pi * (static_cast<double>(n) + 0.5) / N);
      square[n] = static_cast<float>(s * s * s * s);
      if (n >= N / 2) continue;
      for (std::size_t f = 0; f < 8; ++f) {
        const double t = static_cast<double>(n) - (N - 1) / 2.0;
        const double angle = 2 * std::numbers::pi * kHertz[f] * t / kDetectorRate;
        wave[n].cosine[f / 4][f % 4] = static_cast<float>(s * s * std::cos(angle));
        wave[n].sine[f / 4][f % 4] = static_cast<float>(-s * s * std::sin(angle));
      }
    }
  }
};
const Table<160> kTable;

// Power response of the Hann window `off` Hz beside a tone.
double response(double off, std::size_t window) {
  const double x = off * static_cast<double>(window) / kDetectorRate;
  if (std::abs(x) < 1e-3) return 1;
  const double sinc = std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
  const double r = sinc / (1 - x * x);
  return r * r;
}

}  // namespace

DtmfDetector::DtmfDetector(std::uint32_t rate, Audio audio) : decimator_(rate), rate_(rate) {
  if (audio == Audio::kBlank)
    delay_.resize(static_cast<std::size_t>(kLookBack.count()) * rate / 1'000'000);
}

DtmfDetector::Bins DtmfDetector::transform(float& energy) const {
  std::array<float, 4> sum{};
  const float* const x = window_.data();
  for (std::size_t n = 0; n < kWindow; n += 4)
    for (std::size_t j = 0; j < 4; ++j) sum[j] += x[n + j] * x[n + j] * kTable.square[n + j];
  energy = sum[0] + sum[1] + sum[2] + sum[3];
  Bins b;
  // Of a single sine with amplitude A the energy is 3/16 N A^2.
  const double weakest = amplitude_of(kWeakest);
  if (energy * 16 / (3 * kWindow) < weakest * weakest) return b;
  std::array<Four, 2> re{};
  std::array<Four, 2> im{};
  for (std::size_t n = 0; n < kWindow / 2; ++n) {
    const float even = x[n] + x[kWindow - 1 - n];
    const float odd = x[n] - x[kWindow - 1 - n];
    const auto& row = kTable.wave[n];
    re[0] += row.cosine[0] * even;
    re[1] += row.cosine[1] * even;
    im[0] += row.sine[0] * odd;
    im[1] += row.sine[1] * odd;
  }
  for (std::size_t f = 0; f < kTones; ++f) {
    b.re[f] = re[f / 4][f % 4];
    b.im[f] = im[f / 4][f % 4];
  }
  b.valid = true;
  return b;
}

DtmfDetector::Hit DtmfDetector::look() {
  float energy = 0;
  const Bins before = last_;
  last_ = transform(energy);
  const Bins& now = last_;
  if (!now.valid || !before.valid) return {};
  std::array<double, 8> power{};
  for (std::size_t f = 0; f < 8; ++f)
    power[f] = double{now.re[f]} * now.re[f] + double{now.im[f]} * now.im[f];
  const std::size_t row =
      static_cast<std::size_t>(std::max_element(power.begin(), power.begin() + 4) - power.begin());
  const std::size_t column =
      static_cast<std::size_t>(std::max_element(power.begin() + 4, power.end()) - power.begin());
  for (std::size_t f = 0; f < 8; ++f) {
    const std::size_t best = f < 4 ? row : column;
    if (f != best && power[f] * kOverOthers > power[best]) return {};
  }
  // How far each is from its nominal frequency: what its phase advanced by in a hop beside what it
  // ought to have.
  std::array<double, 2> square{};  // of the amplitude
  for (const std::size_t g : {0u, 1u}) {
    const std::size_t f = g == 0 ? row : column;
    const double re = double{now.re[f]} * before.re[f] + double{now.im[f]} * before.im[f];
    const double im = double{now.im[f]} * before.re[f] - double{now.re[f]} * before.im[f];
    const double ought = 2 * std::numbers::pi * kHertz[f] * kHop / kDetectorRate;
    const double turn = std::remainder(std::atan2(im, re) - ought, 2 * std::numbers::pi);
    const double off = turn * kDetectorRate / (2 * std::numbers::pi * kHop);
    if (std::abs(off) > kOff * kHertz[f]) return {};
    // A tone's |Z| is A N / 4 with this window.
    square[g] = power[f] * 16 / (double{kWindow} * kWindow) / response(off, kWindow);
  }
  if (square[0] + square[1] < kPure * energy * 16 / (3 * kWindow)) return {};
  const double low = dbm0_of(square[0]);
  const double high = dbm0_of(square[1]);
  if (low < kWeakest || high < kWeakest || high - low > kHigherBy || low - high > kLowerBy)
    return {};
  return {kEvents[row][column - 4], std::max(low, high)};
}

void DtmfDetector::blank() {
  std::fill(delay_.begin(), delay_.end(), std::int16_t{0});
  // Until the next hop says whether the digit goes on.
  blank_left_ = (kHop + kHop / 2) * (rate_ / kDetectorRate);
}

DtmfEvent DtmfDetector::end_event() const {
  // From its third quarter on a window is a hit, and as long as a quarter has passed it.
  const auto hops = static_cast<std::int64_t>(last_hit_ - first_hit_);
  return {false, static_cast<std::uint8_t>(digit_), Micros(hops * 5'000 + 10'000), level_};
}

void DtmfDetector::hop(Events& out) {
  ++hops_;
  const Hit h = look();
  if (h.digit < 0) {
    if (digit_ < 0 || hops_ - last_hit_ > 1) candidate_ = -1;
    if (digit_ >= 0 && hops_ - last_hit_ >= kEndAfter) {
      out.add(end_event());
      digit_ = -1;
    }
    return;
  }
  if (h.digit == digit_) {
    last_hit_ = hops_;
    level_ = std::max(level_, h.level);
    candidate_ = -1;
    blank();
    return;
  }
  if (h.digit != candidate_) {
    candidate_ = h.digit;
    hits_ = 0;
  }
  ++hits_;
  if (hits_ >= kBlankAfter) blank();
  if (hits_ < kBeginAfter) return;
  if (digit_ >= 0) out.add(end_event());
  digit_ = h.digit;
  candidate_ = -1;
  first_hit_ = hops_ - static_cast<std::uint64_t>(kBeginAfter - 1);
  last_hit_ = hops_;
  level_ = h.level;
  out.add({true, static_cast<std::uint8_t>(digit_), Micros(0), level_});
}

// The audio goes into the delay line, and what went in that long ago comes out in its place.
void DtmfDetector::delay(std::span<std::int16_t> pcm) {
  if (delay_.empty()) return;
  const std::size_t blank = std::min(blank_left_, pcm.size());
  std::fill_n(pcm.begin(), blank, std::int16_t{0});
  blank_left_ -= blank;
  while (!pcm.empty()) {
    const std::size_t n = std::min(pcm.size(), delay_.size() - delay_at_);
    std::swap_ranges(pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(n),
                     delay_.begin() + static_cast<std::ptrdiff_t>(delay_at_));
    delay_at_ = delay_at_ + n == delay_.size() ? 0 : delay_at_ + n;
    pcm = pcm.subspan(n);
  }
}

DtmfDetector::Events DtmfDetector::process(std::span<std::int16_t> pcm) {
  Events out;
  while (!pcm.empty()) {
    const auto part = pcm.first(std::min(pcm.size(), decimator_.wants(kWindow - filled_)));
    filled_ += decimator_.run(part, std::span(window_).subspan(filled_));
    delay(part);
    pcm = pcm.subspan(part.size());
    if (filled_ < kWindow) continue;
    hop(out);
    std::copy(window_.begin() + kHop, window_.end(), window_.begin());
    filled_ = kWindow - kHop;
  }
  return out;
}

std::optional<DtmfEvent> DtmfDetector::finish() {
  candidate_ = -1;
  last_ = {};
  if (digit_ < 0) return std::nullopt;
  const DtmfEvent e = end_event();
  digit_ = -1;
  return e;
}

}  // namespace causeway::tone
