// A call that was recorded, once more under another configuration: what would go differently, and
// why. Pure: trail, configuration and directory in, words out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "call/explain.h"
#include "telemetry/trail.h"

namespace causeway::call {

struct Difference {
  std::string what;           // "refusal", "peer", "Request-URI", "header Diversion", "answer" ...
  std::string recorded, now;  // either may be empty: there is none
  std::string why;
};

struct Replayed {
  CallId id;
  std::string from;     // the peer or group that it came from
  std::string called;   // Request-URI as it came
  std::string trouble;  // why it cannot be replayed; empty: it was
  std::vector<Difference> differences;
  std::vector<std::string> unsaid;   // messages within the call that cannot be compared, and why
  std::vector<std::string> reasons;  // of the decision as it is now
};

// What was recorded of the call is compared with what `d` would do. Which of several peers was up,
// what the numbers were then, and what loads were, a trail does not say: the directory is that of
// now, and every peer counts as up.
[[nodiscard]] Replayed replay(const telemetry::Trail& trail, const deployment::Deployment& d,
                              const directory::Directory* directory);

// Trails as `causeway trace --json` writes them, one after the other. An error names the trail by
// its place in the text, from 1. At most kMaxReplays.
inline constexpr std::size_t kMaxReplays = 100'000;
[[nodiscard]] Result<std::vector<telemetry::Trail>> read_trails(std::string_view text);

struct ReplayCounts {
  std::size_t same = 0, different = 0, unknown = 0;
};
[[nodiscard]] ReplayCounts count(const std::vector<Replayed>& calls);
[[nodiscard]] std::string to_text(const std::vector<Replayed>& calls);
[[nodiscard]] std::string to_json(const std::vector<Replayed>& calls);

}  // namespace causeway::call
