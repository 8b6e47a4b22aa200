// What was turned away before it was a call: its trail and its record. Its own small store, and so
// many a second, so that a flood pushes no call's trail out. On the shard's thread.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "reactor/reactor.h"
#include "telemetry/record.h"
#include "telemetry/trail.h"
#include "transport/flow.h"

namespace causeway::call {

class Refusals {
 public:
  static constexpr std::uint32_t kPerSecond = 10;
  static constexpr std::size_t kKept = 300;     // trails
  static constexpr std::size_t kRepeated = 32;  // the latest; one that comes again is no other

  explicit Refusals(reactor::Reactor& reactor)
      : reactor_(reactor), trails_({4'096, 0, kKept, 16}) {}

  // A trail of one sentence; false: there were too many in this second.
  bool note(CallId id, std::string_view text, const Endpoint& from);
  // An INVITE that was answered with `status`. The record, unless there were too many in this
  // second, or it is a repetition of a late one.
  [[nodiscard]] std::optional<telemetry::CallRecord> invite(CallId id,
                                                            const deployment::Deployment& d,
                                                            const sip::Message& m,
                                                            const transport::Flow& flow, int status,
                                                            std::string_view why);

  [[nodiscard]] telemetry::TrailStore& trails() { return trails_; }

 private:
  [[nodiscard]] bool allowed();

  reactor::Reactor& reactor_;  // borrowed
  telemetry::TrailStore trails_;
  std::deque<std::string> latest_;  // Call-ID and CSeq
  Instant second_{};
  std::uint32_t in_second_ = 0;
};

}  // namespace causeway::call
