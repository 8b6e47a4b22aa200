#include "lab/audio.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numbers>
#include <string>

namespace causeway::lab {
namespace {

constexpr double kToneAmplitude = 8000;
constexpr const char* kSpeak =
    "espeak-ng --stdout -v en -s 150 'Good morning. This call crosses the gateway, and every word "
    "of it "
    "should arrive on the other side as it was spoken.' 2>/dev/null";

std::string output_of(const char* command) {
  std::string out;
  std::FILE* p = popen(command, "re");
  if (p == nullptr) return out;
  char buf[65536];
  std::size_t n = 0;
  while ((n = std::fread(buf, 1, sizeof buf, p)) > 0 && out.size() < 4'000'000) out.append(buf, n);
  pclose(p);
  return out;
}

std::uint32_t le32(const std::string& s, std::size_t at) {
  std::uint32_t v = 0;
  std::memcpy(&v, s.data() + at, 4);
  return v;
}

// 16-bit mono WAV as espeak-ng writes it to a pipe (its length fields are not to be trusted).
std::vector<std::int16_t> samples_of_wav(const std::string& wav) {
  if (wav.size() < 44 || !wav.starts_with("RIFF")) return {};
  const int rate = static_cast<int>(le32(wav, 24));
  std::vector<std::int16_t> in((wav.size() - 44) / 2);
  std::memcpy(in.data(), wav.data() + 44, in.size() * 2);
  if (rate < 8000 || rate > 48000) return {};
  return resample_to_8k(in, rate);
}

void normalise(std::vector<std::int16_t>& s) {
  int peak = 1;
  for (const auto v : s) peak = std::max(peak, std::abs(static_cast<int>(v)));
  for (auto& v : s) v = static_cast<std::int16_t>(v * 16000 / peak);
}

std::vector<std::int16_t> stand_in() {
  std::vector<std::int16_t> out;
  std::uint32_t seed = 1;
  for (int i = 0; i < 60; ++i) {
    seed = seed * 1664525U + 1013904223U;
    const double hertz = 300 + (seed >> 16) % 2400;
    for (int k = 0; k < 640; ++k)
      out.push_back(static_cast<std::int16_t>(
          kToneAmplitude * std::sin(2 * std::numbers::pi * hertz * k / kSampleRate)));
  }
  return out;
}

struct Rendered {
  std::shared_ptr<const std::vector<std::int16_t>> samples;
  bool real = false;
};

const Rendered& rendered() {
  static const Rendered r = [] {
    auto s = samples_of_wav(output_of(kSpeak));
    const bool real = s.size() > 2 * kSampleRate;
    if (real) {
      normalise(s);
    } else {
      s = stand_in();
    }
    return Rendered{std::make_shared<const std::vector<std::int16_t>>(std::move(s)), real};
  }();
  return r;
}

}  // namespace

std::vector<std::int16_t> resample_to_8k(std::span<const std::int16_t> in, int rate) {
  constexpr double kCutoff = 3600;
  constexpr int kHalfTaps = 48;
  std::vector<std::int16_t> out;
  const double step = static_cast<double>(rate) / kSampleRate;
  for (double at = 0; at < static_cast<double>(in.size()); at += step) {
    double sum = 0;
    const auto centre = static_cast<long>(at);
    for (long i = centre - kHalfTaps + 1; i <= centre + kHalfTaps; ++i) {
      if (i < 0 || i >= static_cast<long>(in.size())) continue;
      const double t = static_cast<double>(i) - at;
      const double x = 2 * kCutoff / rate * t;
      const double sinc =
          std::abs(x) < 1e-9 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
      const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * t / kHalfTaps);
      sum += in[static_cast<std::size_t>(i)] * sinc * window * 2 * kCutoff / rate;
    }
    out.push_back(static_cast<std::int16_t>(std::clamp(sum, -32768.0, 32767.0)));
  }
  return out;
}

std::shared_ptr<const std::vector<std::int16_t>> speech() { return rendered().samples; }
bool speech_is_real() { return rendered().real; }

SoundSource::SoundSource(Sound sound) : sound_(sound) {
  if (sound.content == Content::kSpeech) samples_ = speech();
}

void SoundSource::fill(std::span<std::int16_t> out) {
  for (auto& s : out) {
    switch (sound_.content) {
      case Content::kNothing: s = 0; break;
      case Content::kTone: {
        const double t = static_cast<double>(position_) / kSampleRate;
        s = static_cast<std::int16_t>(kToneAmplitude *
                                      std::sin(2 * std::numbers::pi * sound_.hertz * t));
        break;
      }
      case Content::kSpeech: s = (*samples_)[position_ % samples_->size()]; break;
    }
    ++position_;
  }
}

}  // namespace causeway::lab
