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
#include "deployment/deployment.h"
#include "sip/reliable.h"

namespace causeway::call {

class EarlyDialogs {
 public:
  static constexpr std::size_t kMax = 16;  // nobody has so many phones

  enum class Found : std::uint8_t { kCurrent, kKnown, kNew, kNoRoom, kGone };
  // Makes the dialog of that To-tag the current one; a new one begins as the INVITE left, without
  // anything that its siblings answered.
  Found select(LegState& s, std::string_view tag);
  // The same for a dialog that exists; false: it does not, has ended, or is current.
  bool select_known(LegState& s, std::string_view tag);
  // The 2xx of that To-tag came: that dialog alone is left. A tag that never rang begins as the
  // INVITE left.
  void promote(LegState& s, std::string_view tag);
  // The current one is gone: another that rings takes its place. False: there is none.
  bool drop_current(LegState& s);
  // 199 (RFC 6228): it will not answer, but may do so all the same, and is kept for that. Another
  // one takes the place of the current one; without one the leg is as the INVITE left.
  enum class Ended : std::uint8_t { kUnknown, kCurrent, kOther };
  Ended end(LegState& s, std::string_view tag);
  [[nodiscard]] bool has_ended(std::string_view tag) const;
  [[nodiscard]] std::size_t waiting() const;

  // Of the early media of a dialog
  struct Media {
    std::uint32_t first = 0, last = 0;  // when, among all, it sent an SDP; 0: not yet
    // What its P-Early-Media lets pass (RFC 5009); both as long as it says nothing
    bool backward = true, forward = true;
  };
  // The current one sent an SDP.
  void spoke();
  // False: there is no such dialog, or it said so before.
  bool authorise(const LegState& s, std::string_view tag, bool backward, bool forward);
  // Of those that sent an SDP and may be heard the one that is; where none may, of all that sent
  // one. `talks`: packets come from it. Empty: nobody sent an SDP.
  [[nodiscard]] std::string preferred(const LegState& s, deployment::EarlyMediaGate gate,
                                      std::string_view talks) const;

  sip::ReliableReceiver received;  // of the current one
  Media media;                     // ... too
  KeptText answer;                 // ... its answer to our INVITE, once it was acknowledged

 private:
  struct Early {
    std::string remote_tag, remote_target;
    std::vector<std::string> routes;
    std::uint32_t local_cseq = 0, remote_cseq = 0, allow = 0;
    NextHop next_hop;
    sdp::OfferAnswer offer_answer;
    Kept<sdp::MediaWish> heard, told;
    sdp::Direction own = sdp::Direction::kSendRecv;
    std::vector<std::string> attributes;
    sip::ReliableReceiver received;
    Media media;
    KeptText answer;
    bool ended = false;
  };
  using List = std::vector<Early>;
  [[nodiscard]] Early copy_of(const LegState& s) const;
  void exchange(LegState& s, Early& with);
  [[nodiscard]] List::iterator find(std::string_view tag);
  [[nodiscard]] List::iterator heir();

  Boxed<Early> begun_;  // as the INVITE left
  List others_;
  std::uint32_t count_ = 0;
};

}  // namespace causeway::call
