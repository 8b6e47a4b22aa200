#include "tone/cadence.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "tone/level.h"

namespace causeway::tone {
namespace {

constexpr std::uint64_t kRampMillis = 3;
constexpr std::uint32_t kHighest = 3'400;  // Hz: the telephone band
constexpr std::uint32_t kLongest = 60'000;

Error wrong(std::string_view text, std::string_view why) {
  return {ErrorCode::kConfiguration, "cadence \"" + std::string(text) + "\": " + std::string(why)};
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) {
  std::uint32_t v = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), v);
  if (r.ec != std::errc() || r.ptr != text.data() + text.size() || v > most) return std::nullopt;
  return v;
}

std::string_view take(std::string_view& text, char until) {
  const auto at = text.find(until);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return head;
}

}  // namespace

Millis Cadence::period() const {
  return std::accumulate(steps.begin(), steps.begin() + count, Millis(0),
                         [](Millis sum, const Step& s) { return sum + s.length; });
}

Result<Cadence> parse_cadence(std::string_view text) {
  const std::string_view whole = text;
  Cadence c;
  while (!text.empty()) {
    if (c.count == Cadence::kSteps) return tl::unexpected(wrong(whole, "more than 8 steps"));
    std::string_view length = take(text, ',');
    std::string_view tone = take(length, '/');
    const auto ms = number(length, kLongest);
    if (!ms || *ms < 10)
      return tl::unexpected(wrong(whole, "each step is FREQUENCIES/MILLISECONDS, 10 to 60000"));
    Cadence::Step& step = c.steps[c.count++];
    step.length = Millis(*ms);
    for (std::size_t i = 0; !tone.empty(); ++i) {
      const auto hertz = number(take(tone, '+'), kHighest);
      if (!hertz || i == 2 || (*hertz == 0 && (i == 1 || !tone.empty())))
        return tl::unexpected(wrong(whole, "one or two frequencies, at most 3400 Hz, or 0"));
      step.tone.hertz[i] = static_cast<std::uint16_t>(*hertz);
    }
  }
  if (c.count == 0) return tl::unexpected(wrong(whole, "is empty"));
  return c;
}

std::string to_string(const Cadence& c) {
  std::string out;
  for (std::size_t i = 0; i < c.count; ++i) {
    const auto& s = c.steps[i];
    if (i > 0) out += ',';
    out += std::to_string(s.tone.hertz[0]);
    if (s.tone.hertz[1] != 0) out += '+' + std::to_string(s.tone.hertz[1]);
    out += '/' + std::to_string(s.length.count());
  }
  return out;
}

TonePlayer::TonePlayer(std::uint32_t rate, const Cadence& cadence)
    : cadence_(cadence),
      rate_(rate),
      ramp_(static_cast<std::uint32_t>(kRampMillis * rate / 1'000)),
      amplitude_(static_cast<float>(amplitude_of(cadence.level))) {
  cadence_.count =
      static_cast<std::uint8_t>(std::min<std::size_t>(cadence_.count, Cadence::kSteps));
  restart();
}

void TonePlayer::restart() { enter(0); }

void TonePlayer::enter(std::size_t step) {
  step_ = step;
  at_ = 0;
  length_ = step < cadence_.count
                ? static_cast<std::uint64_t>(cadence_.steps[step].length.count()) * rate_ / 1'000
                : 0;
  if (length_ == 0) return;
  for (std::size_t i = 0; i < 2; ++i)
    oscillators_[i] = Oscillator(cadence_.steps[step].tone.hertz[i], rate_);
}

void TonePlayer::fill(std::span<std::int16_t> pcm) {
  if (cadence_.count == 0) {
    std::fill(pcm.begin(), pcm.end(), std::int16_t{0});
    return;
  }
  for (std::int16_t& out : pcm) {
    if (at_ >= length_) {
      // A cadence of one step is a steady tone: it goes on without an edge.
      if (cadence_.count == 1)
        at_ = ramp_;
      else
        enter((step_ + 1) % cadence_.count);
    }
    const Tone& tone = cadence_.steps[step_].tone;
    const std::uint64_t left = cadence_.count == 1 ? ramp_ : length_ > at_ ? length_ - 1 - at_ : 0;
    const std::uint64_t edge = std::min(at_++, left);
    float v = 0;
    for (std::size_t i = 0; i < 2; ++i)
      if (tone.hertz[i] != 0) v += oscillators_[i].next();
    if (edge < ramp_) v *= static_cast<float>(edge) / static_cast<float>(ramp_);
    out = to_pcm(v * amplitude_);
  }
}

}  // namespace causeway::tone
