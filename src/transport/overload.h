// How much of the new work is let in while there is more than can be done: additive increase,
// multiplicative decrease towards a delay that nobody notices. What counts is the shortest delay of
// a while, as in CoDel (RFC 8289): one stall of the machine makes everybody wait once and is over,
// a queue that stands is never empty. Of each queue by itself: one where nobody waits says nothing
// of the others. A pure machine; no clock.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/time.h"

namespace causeway::transport {

struct OverloadState {
  static constexpr std::size_t kQueues = 64;  // listeners; further ones share
  OverloadState() { least.fill(Micros::max()); }
  double admitted = 1.0;              // share of new calls that is let in
  double credit = 0.0;                // of single calls
  std::array<Micros, kQueues> least;  // the shortest delay of each queue since the latest step
  std::size_t queues = 0;             // ... of so many that were seen
  unsigned waiting = 0;  // steps in a row in which everything in one of them waited too long
  Micros longest{0};     // ... so long, at the latest step
  Instant stepped{};
};

struct OverloadSample {
  Micros loop_delay{0};  // the latest turn of the loop
  Micros queue_age{0};   // how long the message at hand lay in the kernel's queue
  Instant now{};
  std::size_t queue = 0;  // index of the listener
};

inline constexpr Millis kOverloadStep{50};
inline constexpr unsigned kOverloadSteps = 3;  // in a row: then it is no stall
inline constexpr double kOverloadCut = 0.9, kOverloadRaise = 0.02, kOverloadLeast = 0.02;

// The share that is let in from now on. `target` 0: all of it.
inline double step(OverloadState& s, const OverloadSample& sample, Micros target) {
  if (target.count() == 0) return s.admitted = 1.0;
  // After a pause nothing is known but that it was quiet.
  const bool quiet = sample.now - s.stepped > 10 * kOverloadStep;
  if (quiet) {
    s.waiting = 0;
    s.least.fill(Micros::max());
  }
  const std::size_t queue = sample.queue % OverloadState::kQueues;
  s.queues = std::max(s.queues, queue + 1);
  s.least[queue] = std::min(s.least[queue], std::max(sample.loop_delay, sample.queue_age));
  if (sample.now - s.stepped < kOverloadStep) return s.admitted;
  s.stepped = sample.now;
  Micros longest{0};
  for (std::size_t i = 0; i < s.queues; ++i)
    if (const Micros least = std::exchange(s.least[i], Micros::max()); least != Micros::max())
      longest = std::max(longest, least);
  if (longest <= target) {
    s.waiting = 0;
    s.admitted = quiet ? 1.0 : std::min(1.0, s.admitted + kOverloadRaise);
  } else if (++s.waiting >= kOverloadSteps && longest >= s.longest) {
    // A delay that falls is being worked off: to cut further would leave nothing to do afterwards.
    s.admitted = std::max(kOverloadLeast, s.admitted * kOverloadCut);
  }
  s.longest = longest;
  return s.admitted;
}

// Is the next new call one of those? Evenly spread.
inline bool admit(OverloadState& s) {
  if (s.admitted >= 1.0) return true;
  s.credit += s.admitted;
  if (s.credit < 1.0) return false;
  s.credit -= 1.0;
  return true;
}

}  // namespace causeway::transport
