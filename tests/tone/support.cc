#include "support.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <numbers>

#include "tone/level.h"

namespace causeway::tone::test {

Pcm silence(double ms, std::uint32_t rate) {
  return Pcm(static_cast<std::size_t>(ms * rate / 1000));
}

Pcm sines(const std::vector<Sine>& s, double ms, std::uint32_t rate) {
  Pcm out = silence(ms, rate);
  for (std::size_t n = 0; n < out.size(); ++n) {
    double v = 0;
    for (std::size_t i = 0; i < s.size(); ++i)
      v += amplitude_of(s[i].dbm0) *
           std::sin(2 * std::numbers::pi * s[i].hertz * static_cast<double>(n) / rate +
                    static_cast<double>(i));
    out[n] = to_pcm(v);
  }
  return out;
}

void add_noise(Pcm& pcm, double dbm0, Random& random) {
  const double sigma = amplitude_of(dbm0) / std::numbers::sqrt2;
  for (auto& x : pcm) {
    double v = 0;  // a sum of twelve is normal enough
    for (int i = 0; i < 12; ++i) v += static_cast<double>(random.below(1'000'001)) / 1e6;
    x = to_pcm(x + (v - 6) * sigma);
  }
}

void append(Pcm& to, const Pcm& what) { to.insert(to.end(), what.begin(), what.end()); }

namespace {

// By search over the decoded values: slow, and by another way than the product goes.
double a_value(int code) {
  const int c = code ^ 0x55;
  const int exponent = c >> 4 & 7;
  const double m = c & 15;
  const double v = exponent == 0 ? m * 16 + 8 : (m * 16 + 264) * (1 << (exponent - 1));
  return (c & 0x80) != 0 ? v : -v;
}
double u_value(int code) {
  const int c = ~code & 0xff;
  const double v = ((c & 15) * 8 + 132) * (1 << (c >> 4 & 7)) - 132;
  return (c & 0x80) != 0 ? -v : v;
}

}  // namespace

void compand(Pcm& pcm, Law law) {
  if (law == Law::kNone) return;
  std::vector<std::int16_t> levels;
  for (int i = 0; i < 256; ++i) levels.push_back(to_pcm(law == Law::kA ? a_value(i) : u_value(i)));
  std::sort(levels.begin(), levels.end());
  for (auto& x : pcm) {
    auto up = std::lower_bound(levels.begin(), levels.end(), x);
    if (up == levels.end()) --up;
    if (up != levels.begin() && x - *(up - 1) < *up - x) --up;
    x = *up;
  }
}

double level(std::span<const std::int16_t> pcm) {
  double sum = 0;
  for (const auto x : pcm) sum += double{1} * x * x;
  if (pcm.empty() || sum == 0) return -100;
  return dbm0_of(2 * sum / static_cast<double>(pcm.size()));
}

namespace {

// sin(pi t) / (pi t) under a cosine bell of 17 each way, a thousand values for each step of t.
const std::vector<float>& kernel() {
  static const std::vector<float> k = [] {
    std::vector<float> v(17 * 1'000);
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double t = static_cast<double>(i) / 1'000;
      const double s = i == 0 ? 1 : std::sin(std::numbers::pi * t) / (std::numbers::pi * t);
      v[i] = static_cast<float>(s * (0.5 + 0.5 * std::cos(std::numbers::pi * t / 17)));
    }
    return v;
  }();
  return k;
}

}  // namespace

Pcm at_rate(const Pcm& pcm, std::uint32_t from, std::uint32_t to) {
  if (from == to) return pcm;
  const double cut = std::min(1.0, static_cast<double>(to) / from);
  Pcm out(static_cast<std::size_t>(static_cast<double>(pcm.size()) * to / from));
  const auto reach = static_cast<std::int64_t>(16 / cut);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double at = static_cast<double>(n) * from / to;
    const auto middle = static_cast<std::int64_t>(at);
    double sum = 0;
    for (std::int64_t i = std::max<std::int64_t>(0, middle - reach);
         i <= middle + reach && i < static_cast<std::int64_t>(pcm.size()); ++i) {
      const double t = std::abs(at - static_cast<double>(i)) * cut * 1'000;
      sum += pcm[static_cast<std::size_t>(i)] * double{kernel()[static_cast<std::size_t>(t)]};
    }
    out[n] = to_pcm(sum * cut);
  }
  return out;
}

Pcm speech(const std::string& voice, const std::string& text) {
  const std::string command = "espeak-ng --stdout -v " + voice + " '" + text + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) return {};
  std::vector<unsigned char> bytes;
  std::array<unsigned char, 4096> part{};
  while (const std::size_t n = fread(part.data(), 1, part.size(), pipe.get()))
    bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
  if (bytes.size() < 44) return {};
  Pcm pcm;
  for (std::size_t i = 44; i + 1 < bytes.size(); i += 2)
    pcm.push_back(static_cast<std::int16_t>(bytes[i] | bytes[i + 1] << 8));
  return at_rate(pcm, 22'050, 8'000);
}

const std::vector<std::string>& voices() {
  static const std::vector<std::string> v = {"en-gb", "en-us+f3", "de+m3",    "fr+f2",
                                             "es+m7", "it+f4",    "nl+m1",    "sv+f1",
                                             "pl+m2", "pt+f5",    "en+croak", "fi+m4"};
  return v;
}

const Pcm& reading(const std::string& voice, double seconds) {
  static std::map<std::pair<std::string, double>, Pcm> read;
  const auto [known, fresh] = read.try_emplace({voice, seconds});
  Pcm& out = known->second;
  if (!fresh) return out;
  // Numbers and vowels of every kind; what is read differs from pass to pass.
  SeededRandom random(voice.size() * 131 + static_cast<std::uint8_t>(voice[0]));
  const char* const words[] = {"seven",  "morning", "please",  "moonlight", "banana", "operator",
                               "really", "window",  "Holland", "Ottawa",    "museum", "nine",
                               "aloha",  "radio",   "ewe",     "you",       "who",    "area",
                               "oboe",   "idea",    "eleven",  "Wien",      "naive",  "yellow"};
  while (static_cast<double>(out.size()) < seconds * 8'000) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text += words[random.below(std::size(words))];
      text += random.below(6) == 0 ? ", " + std::to_string(random.below(100'000)) + ". " : " ";
    }
    const Pcm more = speech(voice, text);
    if (more.empty()) {
      out.clear();
      break;
    }
    append(out, more);
  }
  if (static_cast<double>(out.size()) > seconds * 8'000)
    out.resize(static_cast<std::size_t>(seconds * 8'000));
  return out;
}

}  // namespace causeway::tone::test
