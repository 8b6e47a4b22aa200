#include "tone/dtmf_generator.h"

#include <algorithm>

#include "tone/level.h"

namespace causeway::tone {
namespace {

constexpr double kRows[] = {697, 770, 852, 941};
constexpr double kColumns[] = {1209, 1336, 1477, 1633};
struct Place {
  std::uint8_t row;
  std::uint8_t column;
};
constexpr Place kPlaces[16] = {{3, 1}, {0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0},
                               {2, 1}, {2, 2}, {3, 0}, {3, 2}, {0, 3}, {1, 3}, {2, 3}, {3, 3}};

constexpr Micros kRamp = Millis(3);  // an abrupt edge is a click over the whole band

}  // namespace

DtmfGenerator::DtmfGenerator(std::uint32_t rate, const Options& o)
    : options_(o),
      rate_(rate),
      ramp_(static_cast<std::uint32_t>(samples(kRamp))),
      amplitude_(static_cast<float>(amplitude_of(o.level))) {
  since_end_ = samples(std::max(o.gap, o.least));
}

std::uint64_t DtmfGenerator::samples(Micros d) const {
  return static_cast<std::uint64_t>(d.count()) * rate_ / 1'000'000;
}

bool DtmfGenerator::push(const Entry& e) {
  if (e.event > 15 || count_ == kQueue) return false;
  queue_[(head_ + count_++) % kQueue] = e;
  return true;
}

bool DtmfGenerator::play(std::uint8_t event, std::optional<Micros> duration) {
  const Micros d = std::clamp(duration.value_or(options_.tone), options_.least, options_.longest);
  return push({samples(d), samples(options_.gap), event, false});
}

// Relayed digits are set as close as they may be, not to fall behind a sender that is fast.
bool DtmfGenerator::start(std::uint8_t event) {
  stop();
  return push({samples(options_.longest), samples(options_.least), event, true});
}

void DtmfGenerator::stop(std::optional<Micros> duration) {
  Entry* open = nullptr;
  if (count_ > 0)
    open = &queue_[(head_ + count_ - 1) % kQueue];
  else if (phase_ == Phase::kTone)
    open = &current_;
  if (open == nullptr || !open->open) return;
  open->open = false;
  const bool sounds = open == &current_;
  open->length = std::max({sounds ? at_ + ramp_ : 0, samples(options_.least),
                           samples(std::min(duration.value_or(Micros(0)), options_.longest))});
}

void DtmfGenerator::clear() {
  count_ = 0;
  if (phase_ == Phase::kTone) current_.length = std::min(current_.length, at_ + ramp_);
}

void DtmfGenerator::begin() {
  current_ = queue_[head_];
  head_ = (head_ + 1) % kQueue;
  --count_;
  low_ = Oscillator(kRows[kPlaces[current_.event].row], rate_);
  high_ = Oscillator(kColumns[kPlaces[current_.event].column], rate_);
  at_ = 0;
  phase_ = Phase::kTone;
}

std::int16_t DtmfGenerator::sample() {
  const std::uint64_t edge = std::min(at_, current_.length - 1 - at_);
  float v = (low_.next() + high_.next()) * amplitude_;
  if (edge < ramp_) v *= static_cast<float>(edge) / static_cast<float>(ramp_);
  if (++at_ >= current_.length) {
    phase_ = Phase::kIdle;
    since_end_ = 0;
  }
  return to_pcm(v);
}

bool DtmfGenerator::fill(std::span<std::int16_t> pcm) {
  bool written = false;
  for (std::int16_t& out : pcm) {
    if (phase_ == Phase::kIdle && count_ > 0 && since_end_ >= queue_[head_].gap) begin();
    if (phase_ == Phase::kTone) {
      out = sample();
      written = true;
      continue;
    }
    ++since_end_;
    if (count_ == 0) continue;
    out = 0;
    written = true;
  }
  return written;
}

}  // namespace causeway::tone
