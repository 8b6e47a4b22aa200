#include "media/transcoding.h"

#include <algorithm>
#include <cmath>

#include "codec/choice.h"

namespace causeway::media {
namespace {

constexpr double kFramesEachSecond = 50;  // costs are those of 20 ms

std::int64_t each_second(double us_of_20_ms) {
  return std::llround(us_of_20_ms * kFramesEachSecond * 1'000);
}

bool is_law(const sdp::Codec& c) {
  const auto kind = codec::known(c);
  return kind == codec::Kind::kPcmu || kind == codec::Kind::kPcma;
}

}  // namespace

Work& Work::operator+=(const Work& o) {
  for (std::size_t i = 0; i < ns.size(); ++i) ns[i] += o.ns[i];
  return *this;
}

Work& Work::operator-=(const Work& o) {
  for (std::size_t i = 0; i < ns.size(); ++i) ns[i] -= o.ns[i];
  return *this;
}

Work work_of(const Plan& p) {
  Work w;
  if (!p.decoding || !p.coding) return w;
  // Of what the peer may send the dearest: nobody says which it will be.
  for (const sdp::Codec& c : p.decoding->codecs)
    for (std::size_t i = 0; i < w.ns.size(); ++i)
      w.ns[i] = std::max(w.ns[i], each_second(codec::one_way_cost_us(
                                      c, p.coding->codec, p.coding->rate, kComplexities[i])));
  return w;
}

Work work_between(const sdp::Codec& a, const sdp::Codec& b) {
  Work w;
  if (is_law(a) && is_law(b)) return w;
  for (std::size_t i = 0; i < w.ns.size(); ++i)
    w.ns[i] = each_second(codec::transcoding_cost_us(a, b, kComplexities[i]));
  return w;
}

bool TranscodingBudget::set_cap(double share) {
  cap_ = std::llround(share * 1e9);
  return choose_step();
}

bool TranscodingBudget::change(const Work& before, const Work& now) {
  all_ -= before;
  all_ += now;
  return choose_step();
}

bool TranscodingBudget::choose_step() {
  const std::size_t was = step_;
  const std::int64_t high = cap_ * kHighPercent / 100, low = cap_ * kLowPercent / 100;
  while (step_ + 1 < kComplexities.size() && all_.ns[step_] > high) ++step_;
  while (step_ > 0 && all_.ns[step_ - 1] < low) --step_;
  return step_ != was;
}

}  // namespace causeway::media
