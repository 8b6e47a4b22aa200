// The early dialogs of one INVITE of ours (RFC 3261 12.1, 13.2.2.1): a proxy forks it, and each
// phone that rings is a dialog of its own, with its own target, offer/answer and sequence numbers.
// One of them is the current one and stands in the leg's state; the others wait here. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/boxed.h"
#include "call/state.h"
#include "sip/reliable.h"

namespace causeway::call {

class EarlyDialogs {
 public:
  static constexpr std::size_t kMax = 16;  // nobody has so many phones

  enum class Found : std::uint8_t { kCurrent, kKnown, kNew, kNoRoom };
  // Makes the dialog of that To-tag the current one; a new one begins as the INVITE left, without
  // anything that its siblings answered.
  Found select(LegState& s, std::string_view tag);
  // The same for a dialog that exists; false: it does not, or is current.
  bool select_known(LegState& s, std::string_view tag);
  // The 2xx of that To-tag came: that dialog alone is left. A tag that never rang begins as the
  // INVITE left.
  void promote(LegState& s, std::string_view tag);
  // The current one is gone: another that rings takes its place. False: there is none.
  bool drop_current(LegState& s);
  // 199 (RFC 6228): it will not answer. The current one is kept.
  void forget(std::string_view tag);
  [[nodiscard]] std::size_t waiting() const { return others_.size(); }

  sip::ReliableReceiver received;  // of the current one

 private:
  struct Early {
    std::string remote_tag, remote_target;
    std::vector<std::string> routes;
    std::uint32_t local_cseq = 0, remote_cseq = 0, allow = 0;
    NextHop next_hop;
    sdp::OfferAnswer offer_answer;
    std::optional<sdp::MediaWish> heard, told;
    sdp::Direction own = sdp::Direction::kSendRecv;
    std::vector<std::string> attributes;
    sip::ReliableReceiver received;
  };
  [[nodiscard]] Early copy_of(const LegState& s) const;
  void exchange(LegState& s, Early& with);

  Boxed<Early> begun_;  // as the INVITE left
  std::vector<Early> others_;
};

}  // namespace causeway::call
