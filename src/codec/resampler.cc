#include "codec/resampler.h"

#include <speex/speex_resampler.h>

#include <algorithm>
#include <new>

namespace causeway::codec {

namespace {
// 3 of 10: 48 taps at a rate kept. Its pass band ends where a telephone's does; more is not heard.
constexpr int kQuality = SPEEX_RESAMPLER_QUALITY_VOIP;
}  // namespace

struct Resampler::State {
  SpeexResamplerState* speex = nullptr;

  State(std::uint32_t from, std::uint32_t to) {
    int error = 0;
    speex = speex_resampler_init(1, from, to, kQuality, &error);
    if (speex == nullptr) throw std::bad_alloc();  // rates are ours: nothing else can fail
  }
  ~State() { speex_resampler_destroy(speex); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Resampler::Resampler(std::uint32_t from, std::uint32_t to) : from_(from), to_(to) {
  if (from != to) state_ = std::make_unique<State>(from, to);
}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

std::size_t Resampler::process(std::span<const std::int16_t> in, std::span<std::int16_t> out) {
  if (!state_) {
    const std::size_t n = std::min(in.size(), out.size());
    std::copy_n(in.begin(), n, out.begin());
    return n;
  }
  auto taken = static_cast<spx_uint32_t>(in.size());
  auto made = static_cast<spx_uint32_t>(out.size());
  speex_resampler_process_int(state_->speex, 0, in.data(), &taken, out.data(), &made);
  return made;
}

void Resampler::reset() {
  if (state_) speex_resampler_reset_mem(state_->speex);
}

}  // namespace causeway::codec
