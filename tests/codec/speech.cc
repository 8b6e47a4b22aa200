#include "codec/speech.h"

#include <fmt/core.h>
#include <speex/speex_resampler.h>

#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

namespace causeway::codec::testing {

namespace {

namespace fs = std::filesystem;

struct Source {
  const char* name;
  const char* command;  // {} is the file
};
constexpr Source kSources[] = {
    {"espeak-en-gb",
     "espeak-ng -v en-gb -w {} 'The birch canoe slid on the smooth planks. Glue the sheet to the "
     "dark blue background. Four hours of steady work faced us.'"},
    {"espeak-en-us-f3",
     "espeak-ng -v en-us+f3 -p 70 -w {} 'These days a chicken leg is a rare dish. Rice is often "
     "served in round bowls. The juice of lemons makes fine punch.'"},
    {"espeak-de",
     "espeak-ng -v de -s 150 -w {} 'Zwischen den zwei Zweigen sitzen zwei zwitschernde Schwalben. "
     "Der Fuchs springt schnell über den faulen Hund.'"},
    {"flite-slt",
     "flite -voice slt -o {} -t 'The box was thrown beside the parked truck. The hogs were fed "
     "chopped corn and garbage. A large size in stockings is hard to sell.'"},
    {"flite-rms",
     "flite -voice rms -o {} -t 'The boy was there when the sun rose. A rod is used to catch pink "
     "salmon. The source of the huge river is the clear spring.'"},
};

std::uint32_t number(const std::string& s, std::size_t at, std::size_t bytes) {
  std::uint32_t n = 0;
  for (std::size_t i = bytes; i-- > 0;) n = n << 8 | static_cast<unsigned char>(s[at + i]);
  return n;
}

// RIFF with 16-bit mono PCM, as both programs write it. Their lengths may be lies (a pipe).
bool read_wav(const fs::path& file, Pcm& pcm, std::uint32_t& rate) {
  std::ifstream in(file, std::ios::binary);
  const std::string s{std::istreambuf_iterator<char>(in), {}};
  if (s.size() < 44 || s.compare(0, 4, "RIFF") != 0 || s.compare(8, 4, "WAVE") != 0) return false;
  for (std::size_t at = 12; at + 8 <= s.size();) {
    const std::size_t size = number(s, at + 4, 4);
    if (s.compare(at, 4, "fmt ") == 0) rate = number(s, at + 12, 4);
    if (s.compare(at, 4, "data") == 0) {
      const std::size_t end = std::min(s.size(), at + 8 + size);
      for (std::size_t i = at + 8; i + 2 <= end; i += 2) {
        pcm.push_back(static_cast<std::int16_t>(static_cast<std::uint16_t>(number(s, i, 2))));
      }
      return rate != 0 && !pcm.empty();
    }
    at += 8 + size + size % 2;
  }
  return false;
}

bool render(const Source& source, Pcm& pcm, std::uint32_t& rate) {
  const fs::path folder = CAUSEWAY_SPEECH;
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path file = folder / fmt::format("{}.wav", source.name);
  if (!fs::exists(file, error)) {
    // Tests run beside each other: what is there is whole.
    const fs::path part = folder / fmt::format("{}.{}.wav", source.name, std::rand());
    const std::string command =
        fmt::format(fmt::runtime(source.command), part.string()) + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) return false;
    fs::rename(part, file, error);
  }
  return read_wav(file, pcm, rate);
}

using Spectrum = std::vector<std::complex<double>>;

void transform(Spectrum& a) {
  const std::size_t n = a.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(a[i], a[j]);
  }
  for (std::size_t len = 2; len <= n; len <<= 1) {
    const auto root = std::polar(1.0, -2 * std::numbers::pi / static_cast<double>(len));
    for (std::size_t i = 0; i < n; i += len) {
      std::complex<double> w = 1;
      for (std::size_t k = 0; k < len / 2; ++k, w *= root) {
        const auto u = a[i + k];
        const auto v = a[i + k + len / 2] * w;
        a[i + k] = u + v;
        a[i + k + len / 2] = u - v;
      }
    }
  }
}

// The delay of `got` at which it fits best, in whole samples.
std::size_t whole_delay(const Pcm& want, const Pcm& got, std::size_t most) {
  const std::size_t n =
      std::min({want.size(), got.size() - std::min(got.size(), most), std::size_t{24'000}});
  std::size_t best = 0;
  double best_sum = -1e300;
  for (std::size_t delay = 0; delay <= most; ++delay) {
    double sum = 0;
    for (std::size_t i = 0; i < n; i += 5) sum += static_cast<double>(want[i]) * got[i + delay];
    if (sum > best_sum) {
      best_sum = sum;
      best = delay;
    }
  }
  return best;
}

// `s` read `delay` samples later, at most `n` of it; a windowed sinc between the samples.
Pcm delayed(const Pcm& s, double delay, std::size_t n) {
  constexpr int kHalf = 24;
  const auto whole = static_cast<std::ptrdiff_t>(std::floor(delay));
  const double part = delay - static_cast<double>(whole);
  std::array<double, 2 * kHalf> taps{};
  for (int k = 0; k < 2 * kHalf; ++k) {
    const double x = k - kHalf + 1 - part;
    const double sinc =
        std::abs(x) < 1e-9 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
    taps[static_cast<std::size_t>(k)] =
        sinc * (0.5 + 0.5 * std::cos(std::numbers::pi * x / (kHalf + 1)));
  }
  Pcm out;
  for (std::size_t i = 0; i < n; ++i) {
    const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(i) + whole - kHalf + 1;
    if (from + 2 * kHalf > static_cast<std::ptrdiff_t>(s.size())) break;
    double sum = 0;
    for (int k = 0; k < 2 * kHalf; ++k) {
      if (from + k >= 0)
        sum += taps[static_cast<std::size_t>(k)] * s[static_cast<std::size_t>(from + k)];
    }
    out.push_back(static_cast<std::int16_t>(std::lrint(std::clamp(sum, -32768.0, 32767.0))));
  }
  return out;
}

double error_of(const Pcm& want, const Pcm& got) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(want.size(), got.size()); ++i) {
    const double d = static_cast<double>(want[i]) - got[i];
    sum += d * d;
  }
  return sum;
}

// `got` moved to where it fits `want` best. A filter's delay is rarely a whole number of samples,
// and half of one is much of a period at 3 kHz.
Pcm aligned(const Pcm& want, const Pcm& got, std::uint32_t rate) {
  double best = static_cast<double>(whole_delay(want, got, rate * 6 / 100));
  for (const double step : {0.25, 0.0625, 0.015625}) {
    const double centre = best;
    double least = 1e300;
    for (int k = -4; k <= 4; ++k) {
      const double error = error_of(want, delayed(got, centre + k * step, rate));
      if (error >= least) continue;
      least = error;
      best = centre + k * step;
    }
  }
  return delayed(got, best, want.size());
}

std::vector<double> levels(std::span<const std::int16_t> frame, std::size_t size) {
  Spectrum a(size);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const double w = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) /
                                          static_cast<double>(frame.size()));
    a[i] = w * frame[i];
  }
  transform(a);
  std::vector<double> out(size / 2);
  // Below this nobody hears anything, and coders write anything.
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = 10 * std::log10(std::norm(a[i]) + 1e5);
  return out;
}

}  // namespace

Pcm resampled(const Pcm& in, std::uint32_t from, std::uint32_t to) {
  if (from == to) return in;
  auto* r = speex_resampler_init(1, from, to, 10, nullptr);
  speex_resampler_skip_zeros(r);
  Pcm padded = in;
  padded.resize(in.size() + from / 10);
  Pcm out(padded.size() * to / from + 1);
  auto taken = static_cast<spx_uint32_t>(padded.size());
  auto made = static_cast<spx_uint32_t>(out.size());
  speex_resampler_process_int(r, 0, padded.data(), &taken, out.data(), &made);
  speex_resampler_destroy(r);
  out.resize(std::min<std::size_t>(made, in.size() * to / from));
  return out;
}

const std::vector<Voice>& speech(std::uint32_t rate) {
  static std::map<std::uint32_t, std::vector<Voice>> all;
  auto [it, fresh] = all.try_emplace(rate);
  if (!fresh) return it->second;
  for (const Source& source : kSources) {
    Pcm pcm;
    std::uint32_t from = 0;
    if (!render(source, pcm, from)) continue;
    pcm.resize(std::min<std::size_t>(pcm.size(), from * 3));  // seconds
    it->second.push_back({source.name, resampled(pcm, from, rate)});
  }
  return it->second;
}

Measure measure(const Pcm& want, const Pcm& delayed_got, std::uint32_t rate, double top_hz) {
  const Pcm got = aligned(want, delayed_got, rate);
  const std::size_t frame = rate / 50;
  const std::size_t size = std::bit_ceil(frame);
  const double hz = static_cast<double>(rate) / static_cast<double>(size);
  const auto low = static_cast<std::size_t>(200 / hz);
  const auto high = static_cast<std::size_t>(top_hz / hz);
  double snr = 0;
  double distance = 0;
  int frames = 0;
  for (std::size_t at = 0; at + frame <= want.size() && at + frame <= got.size(); at += frame) {
    const auto a = std::span(want).subspan(at, frame);
    const auto b = std::span(got).subspan(at, frame);
    if (rms(a) < 300) continue;
    double noise = 1;
    double signal = 1;
    for (std::size_t i = 0; i < frame; ++i) {
      const double d = static_cast<double>(a[i]) - b[i];
      noise += d * d;
      signal += static_cast<double>(a[i]) * a[i];
    }
    snr += std::clamp(10 * std::log10(signal / noise), -10.0, 35.0);
    const auto p = levels(a, size);
    const auto q = levels(b, size);
    double sum = 0;
    for (std::size_t i = low; i < high; ++i) sum += (p[i] - q[i]) * (p[i] - q[i]);
    distance += std::sqrt(sum / static_cast<double>(high - low));
    ++frames;
  }
  if (frames == 0) return {-10, 100};
  return {snr / frames, distance / frames};
}

}  // namespace causeway::codec::testing
