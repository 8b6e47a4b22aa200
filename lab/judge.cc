#include "lab/judge.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <unordered_set>

namespace causeway::lab {
namespace {

constexpr std::size_t kBlock = 400;  // 50 ms: 20 Hz between neighbouring tones
constexpr double kToneEnough = 0.85;
constexpr double kSpeechEnough = 0.80;
constexpr double kSilentRms = 60;                // about -55 dBFS; idle A-law noise stays below
constexpr std::size_t kCompareSamples = 12'000;  // 1.5 s of speech tell enough
constexpr int kCoarse = 4;

double energy(std::span<const std::int16_t> s) {
  double e = 0;
  for (const auto v : s) e += static_cast<double>(v) * v;
  return e;
}

std::vector<double> thinned(std::span<const std::int16_t> s, int by) {
  std::vector<double> out;
  for (std::size_t i = 0; i + static_cast<std::size_t>(by) <= s.size();
       i += static_cast<std::size_t>(by)) {
    double sum = 0;
    for (int k = 0; k < by; ++k) sum += s[i + static_cast<std::size_t>(k)];
    out.push_back(sum / by);
  }
  return out;
}

// Normalised correlation of x with the looped y from `offset` on.
template <typename X, typename Y>
double correlation(const X& x, const Y& y, std::size_t offset) {
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double a = x[i], b = y[(offset + i) % y.size()];
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy);
}

}  // namespace

double rms(std::span<const std::int16_t> pcm) {
  return pcm.empty() ? 0 : std::sqrt(energy(pcm) / static_cast<double>(pcm.size()));
}

double tone_share(std::span<const std::int16_t> pcm, double hertz) {
  const double w = 2 * std::numbers::pi * hertz / kSampleRate;
  const double coefficient = 2 * std::cos(w);
  double at_tone = 0, total = 0;
  for (std::size_t b = 0; b + kBlock <= pcm.size(); b += kBlock) {
    double s1 = 0, s2 = 0;
    const auto block = pcm.subspan(b, kBlock);
    for (const auto v : block) {
      const double s = v + coefficient * s1 - s2;
      s2 = s1;
      s1 = s;
    }
    const double power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    at_tone += 2 * power / static_cast<double>(kBlock);
    total += energy(block);
  }
  return total == 0 ? 0 : std::min(1.0, at_tone / total);
}

double speech_likeness(std::span<const std::int16_t> pcm, std::span<const std::int16_t> reference) {
  if (pcm.size() < kSampleRate / 2 || reference.size() < pcm.size() / 4) return 0;
  // The loudest part of it: a pause correlates with every pause.
  std::size_t best_start = 0;
  const std::size_t length = std::min(pcm.size(), kCompareSamples);
  double loudest = -1;
  for (std::size_t at = 0; at + length <= pcm.size(); at += 800) {
    const double e = energy(pcm.subspan(at, length));
    if (e > loudest) loudest = e, best_start = at;
  }
  const auto part = pcm.subspan(best_start, length);
  if (rms(part) < kSilentRms) return 0;
  const auto x = thinned(part, kCoarse);
  const auto y = thinned(reference, kCoarse);
  double best = 0;
  std::vector<std::pair<double, std::size_t>> found;
  for (std::size_t offset = 0; offset < y.size(); ++offset)
    found.emplace_back(correlation(x, y, offset), offset);
  std::partial_sort(found.begin(),
                    found.begin() + std::min<long>(8, static_cast<long>(found.size())), found.end(),
                    std::greater<>{});
  found.resize(std::min<std::size_t>(8, found.size()));
  for (const auto& [coarse, offset] : found) {
    for (int shift = -2 * kCoarse; shift <= 2 * kCoarse; ++shift) {
      const long at =
          static_cast<long>(offset) * kCoarse + shift + static_cast<long>(reference.size());
      best = std::max(
          best, correlation(part, reference, static_cast<std::size_t>(at) % reference.size()));
    }
  }
  return best;
}

StreamQuality quality_of(std::span<const Frame> frames) {
  StreamQuality q;
  std::unordered_set<std::uint64_t> seen;
  struct Range {
    std::int64_t lowest = 0, highest = 0;
  };
  std::unordered_map<std::uint32_t, Range> ranges;
  const Frame* before = nullptr;
  double jitter = 0;
  for (const auto& f : frames) {
    const bool known = ranges.contains(f.ssrc);
    auto& r = ranges[f.ssrc];
    std::int64_t extended = f.sequence;
    if (known)
      extended =
          r.highest + static_cast<std::int16_t>(f.sequence - static_cast<std::uint16_t>(r.highest));
    if (!known) r = {extended, extended};
    r.lowest = std::min(r.lowest, extended);
    r.highest = std::max(r.highest, extended);
    if (!seen.insert((std::uint64_t{f.ssrc} << 32) ^
                     static_cast<std::uint64_t>(extended & 0xffffffff))
             .second) {
      ++q.duplicates;
      continue;
    }
    ++q.packets;
    if (before != nullptr && before->ssrc != f.ssrc) ++q.ssrc_changes;
    if (before != nullptr && before->ssrc == f.ssrc) {
      const double arrived = static_cast<double>((f.at - before->at).count()) / 1000;
      const double sent =
          static_cast<std::int32_t>(f.timestamp - before->timestamp) / (kSampleRate / 1000.0);
      jitter += (std::abs(arrived - sent) - jitter) / 16;
      q.jitter_ms = std::max(q.jitter_ms, jitter);
    }
    before = &f;
  }
  for (const auto& [ssrc, r] : ranges)
    q.expected += static_cast<std::size_t>(r.highest - r.lowest + 1);
  q.lost = q.expected - std::min(q.expected, q.packets);
  return q;
}

std::vector<std::int16_t> assemble(std::span<const Frame> frames) {
  std::vector<std::int16_t> out;
  std::size_t base = 0;  // of the current SSRC in `out`
  const Frame* first = nullptr;
  for (const auto& f : frames) {
    if (first == nullptr || first->ssrc != f.ssrc) {
      first = &f;
      base = out.size();
    }
    const auto offset = static_cast<std::int32_t>(f.timestamp - first->timestamp);
    if (offset < 0 || offset > static_cast<std::int32_t>(kMaxFrames * kFrameSamples)) continue;
    const std::size_t at = base + static_cast<std::size_t>(offset);
    if (out.size() < at + kFrameSamples) out.resize(at + kFrameSamples);
    std::copy(f.pcm.begin(), f.pcm.end(), out.begin() + static_cast<long>(at));
  }
  return out;
}

Heard judge_stretch(std::span<const Frame> frames, const Stretch& stretch) {
  std::vector<Frame> inside;
  for (const auto& f : frames)
    if (f.at >= stretch.from && f.at < stretch.until) inside.push_back(f);
  const auto pcm = assemble(inside);
  const double seconds = to_seconds(stretch.until - stretch.from);
  const double heard_seconds = static_cast<double>(inside.size()) * kFrameSamples / kSampleRate;
  Heard h;
  if (stretch.sound.content == Content::kNothing) {
    h.score = rms(pcm);
    h.good = h.score < kSilentRms;
    h.what = h.good ? fmt::format("silence for {:.1f} s", seconds)
                    : fmt::format("sound of {:.0f} rms for {:.1f} s where there should be silence",
                                  h.score, heard_seconds);
    return h;
  }
  if (heard_seconds < 0.5 * seconds) {
    h.what = fmt::format("{:.1f} s of audio within {:.1f} s", heard_seconds, seconds);
    return h;
  }
  if (stretch.sound.content == Content::kTone) {
    h.score = rms(pcm) < kSilentRms ? 0 : tone_share(pcm, stretch.sound.hertz);
    h.good = h.score >= kToneEnough;
    h.what = fmt::format("{:.1f} % of the energy at {:.0f} Hz", 100 * h.score, stretch.sound.hertz);
    return h;
  }
  h.score = speech_likeness(pcm, *speech());
  h.good = h.score >= kSpeechEnough;
  h.what = fmt::format("speech with likeness {:.3f}", h.score);
  return h;
}

}  // namespace causeway::lab
