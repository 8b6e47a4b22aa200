// A 2xx that a peer sends after it had refused the same INVITE: mostly the call is over then, and
// its trail is still to say so. Which tags of ours those calls had; the latest. On the shard's
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "telemetry/trail.h"

namespace causeway::call {

inline constexpr std::string_view kLateAnswer = "answered after it had refused the same INVITE";

// Of what the transaction layer absorbs: a success is never awaited there but after a failure.
[[nodiscard]] inline bool is_late_answer(std::string_view absorbed) {
  return absorbed.starts_with("SIP/2.0 2");
}

class LateAnswers {
 public:
  static constexpr std::size_t kMost = 1'024;

  struct Attempt {
    std::uint64_t tag = 0;  // the random part of ours; 0: none
    CallId call;
    LegId leg;
    std::string peer;
  };
  // The INVITE under that tag of ours was refused, and its call is gone.
  void refused(std::string_view local_tag, CallId call, LegId leg, std::string peer);
  // A 2xx to an INVITE under a tag of ours that no call has. False: nor was it one of those; the
  // trail may be gone all the same.
  bool answered(std::string_view local_tag, telemetry::TrailStore& trails, WallTime at);
  // The same over UDP, where the transaction still stands and says whose it was.
  static bool answered(CallId call, LegId leg, telemetry::TrailStore& trails, WallTime at,
                       std::string_view peer = {});

 private:
  std::array<Attempt, kMost> attempts_;
  std::size_t next_ = 0;
};

}  // namespace causeway::call
