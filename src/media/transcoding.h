// What decoding and encoding takes of a shard's thread, and how much it may take: each direction of
// a pair of legs costs what was measured for its codecs (codec/choice.h), the sum is kept, and with
// its load the complexity of Opus encoders goes down before anybody is refused. Pure values; on the
// plane's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "media/plan.h"

namespace causeway::media {

// Of Opus, from what is usual to the least.
inline constexpr std::array<int, 4> kComplexities{5, 3, 1, 0};

// Nanoseconds of one core each second, at each of kComplexities.
struct Work {
  std::array<std::int64_t, kComplexities.size()> ns{};
  Work& operator+=(const Work& o);
  Work& operator-=(const Work& o);
  [[nodiscard]] bool any() const { return ns[0] != 0; }
  [[nodiscard]] double share(std::size_t step = 0) const {
    return static_cast<double>(ns[step]) / 1e9;
  }
  friend bool operator==(const Work&, const Work&) = default;
};

// Of what `p` decodes and encodes.
[[nodiscard]] Work work_of(const Plan& p);
// Of both directions between two codecs. The two laws of G.711 cost nothing: a table.
[[nodiscard]] Work work_between(const sdp::Codec& a, const sdp::Codec& b);

class TranscodingBudget {
 public:
  // The share of one core that all of it may take. True: complexity() is another than it was.
  bool set_cap(double share);
  [[nodiscard]] double cap() const { return static_cast<double>(cap_) / 1e9; }
  // Is there room for this much more, at the least complexity?
  [[nodiscard]] bool fits(const Work& more) const {
    return !more.any() || all_.ns.back() + more.ns.back() <= cap_;
  }
  // `before` goes and `now` comes. True: as above.
  bool change(const Work& before, const Work& now);

  [[nodiscard]] int complexity() const { return kComplexities[step_]; }
  [[nodiscard]] double used() const { return all_.share(step_); }  // at complexity()

 private:
  // Down when more than this part of the cap is used, up when less would be.
  static constexpr std::int64_t kHighPercent = 80, kLowPercent = 60;
  bool choose_step();

  Work all_;
  std::int64_t cap_ = 1'000'000'000;
  std::size_t step_ = 0;
};

}  // namespace causeway::media
