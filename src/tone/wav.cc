#include "tone/wav.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numbers>
#include <optional>

#include "tone/level.h"

namespace causeway::tone {
namespace {

constexpr unsigned kPcm = 1;
constexpr unsigned kALaw = 6;
constexpr unsigned kMuLaw = 7;
constexpr unsigned kExtensible = 0xfffe;

struct Format {
  unsigned tag = 0;
  unsigned channels = 0;
  std::uint32_t rate = 0;
  unsigned bits = 0;
};

std::uint32_t little(std::span<const std::byte> p, std::size_t at, std::size_t bytes) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < bytes; ++i) v |= std::to_integer<std::uint32_t>(p[at + i]) << (8 * i);
  return v;
}

bool is(std::span<const std::byte> p, std::size_t at, const char* four) {
  return std::memcmp(p.data() + at, four, 4) == 0;
}

std::int16_t from_a_law(unsigned c) {
  c ^= 0x55;
  int v = static_cast<int>(c & 15) * 16 + 8;
  const unsigned exponent = c >> 4 & 7;
  if (exponent > 0) v = (v + 256) << (exponent - 1);
  return static_cast<std::int16_t>((c & 0x80) != 0 ? v : -v);
}

std::int16_t from_mu_law(unsigned c) {
  c = ~c & 0xff;
  const int v = ((static_cast<int>(c & 15) * 8 + 132) << (c >> 4 & 7)) - 132;
  return static_cast<std::int16_t>((c & 0x80) != 0 ? -v : v);
}

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(ErrorCode::kConfiguration, "sound file: " + why);
}

Result<Format> read_format(std::span<const std::byte> chunk) {
  if (chunk.size() < 16) return refuse("the fmt chunk is cut short");
  Format f{little(chunk, 0, 2), little(chunk, 2, 2), little(chunk, 4, 4), little(chunk, 14, 2)};
  // The first two bytes of the sub-format's GUID are the tag that it stands for.
  if (f.tag == kExtensible && chunk.size() >= 26) f.tag = little(chunk, 24, 2);
  if (f.channels != 1 && f.channels != 2)
    return refuse(std::to_string(f.channels) + " channels; one or two can be played");
  if (f.rate < 8'000 || f.rate > 48'000)
    return refuse("sampled at " + std::to_string(f.rate) + " Hz; 8000 to 48000 can be played");
  const bool known = (f.tag == kPcm && (f.bits == 8 || f.bits == 16)) ||
                     ((f.tag == kALaw || f.tag == kMuLaw) && f.bits == 8);
  if (!known)
    return refuse("format " + std::to_string(f.tag) + " with " + std::to_string(f.bits) +
                  " bits; PCM of 8 or 16 bits and G.711 can be played");
  return f;
}

int sample_of(std::span<const std::byte> data, std::size_t at, const Format& f) {
  if (f.bits == 16) return static_cast<std::int16_t>(little(data, at, 2));
  const unsigned v = std::to_integer<unsigned>(data[at]);
  if (f.tag == kALaw) return from_a_law(v);
  if (f.tag == kMuLaw) return from_mu_law(v);
  return (static_cast<int>(v) - 128) * 256;  // 8 bits are unsigned
}

}  // namespace

Result<WavFile> WavFile::parse(std::span<const std::byte> file) {
  if (file.size() > kMaxWavBytes)
    return refuse("larger than " + std::to_string(kMaxWavBytes >> 20) + " MiB");
  if (file.size() < 12 || !is(file, 0, "RIFF") || !is(file, 8, "WAVE"))
    return refuse("is no RIFF WAVE file");
  std::optional<Format> format;
  for (std::size_t at = 12; file.size() - at >= 8;) {
    // Lengths beyond the end of the file are common: programs that wrote to a pipe.
    const std::size_t length = std::min<std::size_t>(little(file, at + 4, 4), file.size() - at - 8);
    const auto chunk = file.subspan(at + 8, length);
    if (is(file, at, "fmt ")) {
      auto f = read_format(chunk);
      if (!f) return tl::unexpected(f.error());
      format = *f;
    } else if (is(file, at, "data")) {
      if (!format) return refuse("its data comes before its format");
      const std::size_t frame = format->channels * format->bits / 8;
      const std::size_t frames = chunk.size() / frame;
      if (frames == 0) return refuse("holds no sound");
      if (frames / format->rate >= kMaxWavSeconds)
        return refuse("longer than " + std::to_string(kMaxWavSeconds) + " s");
      WavFile out{format->rate, std::vector<std::int16_t>(frames)};
      for (std::size_t i = 0; i < frames; ++i) {
        int v = sample_of(chunk, i * frame, *format);
        if (format->channels == 2) v = (v + sample_of(chunk, i * frame + frame / 2, *format)) / 2;
        out.samples[i] = static_cast<std::int16_t>(v);
      }
      return out;
    }
    at += 8 + length;
    if (length % 2 != 0 && at < file.size()) ++at;  // chunks are padded to even lengths
  }
  return refuse("has no data chunk");
}

Result<WavFile> WavFile::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return refuse(path + " cannot be opened");
  const std::streamoff size = in.tellg();
  if (size < 0 || static_cast<std::uint64_t>(size) > kMaxWavBytes)
    return refuse(path + " is larger than " + std::to_string(kMaxWavBytes >> 20) + " MiB");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  if (in.gcount() != size) return refuse(path + " cannot be read");
  auto parsed = parse(bytes);
  if (!parsed) parsed.error().what += " (" + path + ")";
  return parsed;
}

// Once for each rate, off the packet path: a windowed sinc computed where it is needed.
std::shared_ptr<const Clip> make_clip(const WavFile& file, std::uint32_t rate) {
  auto clip = std::make_shared<Clip>();
  clip->rate = rate;
  clip->samples = file.samples;
  if (clip->samples.empty()) clip->samples.resize(1);
  if (file.rate == rate || file.rate == 0) return clip;
  constexpr int kReach = 16;          // zero crossings each way
  constexpr std::size_t kFine = 512;  // table entries for each
  static const std::vector<float> table = [] {
    std::vector<float> t(kReach * kFine + 1);
    for (std::size_t i = 0; i < t.size(); ++i) {
      const double x = static_cast<double>(i) / kFine;
      const double sinc = i == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
      t[i] = static_cast<float>(sinc * (0.5 + 0.5 * std::cos(std::numbers::pi * x / kReach)));
    }
    return t;
  }();
  const double cut = std::min(1.0, static_cast<double>(rate) / file.rate);
  const auto n =
      static_cast<std::size_t>(static_cast<double>(clip->samples.size()) * rate / file.rate);
  std::vector<std::int16_t> out(std::max<std::size_t>(n, 1));
  const auto reach = static_cast<std::int64_t>(kReach / cut);
  const auto last = static_cast<std::int64_t>(clip->samples.size()) - 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double at = static_cast<double>(i) * file.rate / rate;
    const auto middle = static_cast<std::int64_t>(at);
    double sum = 0;
    for (auto j = std::max<std::int64_t>(0, middle - reach); j <= std::min(last, middle + reach);
         ++j) {
      const auto k = static_cast<std::size_t>(std::abs(at - static_cast<double>(j)) * cut * kFine);
      if (k < table.size()) sum += clip->samples[static_cast<std::size_t>(j)] * double{table[k]};
    }
    out[i] = to_pcm(sum * cut);
  }
  clip->samples = std::move(out);
  return clip;
}

void ClipPlayer::fill(std::span<std::int16_t> pcm) {
  const auto& from = clip_->samples;
  while (!pcm.empty()) {
    const std::size_t n = std::min(pcm.size(), from.size() - at_);
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at_), n, pcm.begin());
    pcm = pcm.subspan(n);
    at_ += n;
    if (at_ < from.size()) continue;
    at_ = 0;
    ++rounds_;
  }
}

std::shared_ptr<const Clip> Sound::at(std::uint32_t rate) const {
  for (const auto& c : clips)
    if (c->rate == rate) return c;
  return nullptr;
}

Result<std::shared_ptr<const Sound>> load_sound(const std::string& path) {
  const auto file = WavFile::load(path);
  if (!file) return tl::unexpected(file.error());
  auto sound = std::make_shared<Sound>();
  for (const std::uint32_t rate : {8'000U, 16'000U, 24'000U, 48'000U})
    sound->clips.push_back(make_clip(*file, rate));
  return sound;
}

}  // namespace causeway::tone
