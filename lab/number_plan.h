// What a lab peer does with a call: a list of steps. The last three digits of a dialled number
// choose one, so that a person can try each from a telephone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/time.h"
#include "lab/audio.h"

namespace causeway::lab {

enum class Side : std::uint8_t { kOperator, kPhoneSystem };
[[nodiscard]] std::string_view to_string(Side s);

enum class Step : std::uint8_t {
  kHoldSendOnly,
  kHoldInactive,
  kHoldZeroAddress,
  kResume,
  kResumeWithoutOffer,
  kRefresh,
  kTransfer,          // REFER to transfer_to, and BYE when NOTIFY has told of its answer
  kTransferAndLeave,  // REFER, and BYE right after its 202
  kIceFinal,          // re-INVITE with a=remote-candidates once a path is nominated
  kIceRestart,        // re-INVITE with other ICE credentials
  kEscalate,          // re-INVITE from the next of `escalations`, with other ICE credentials
  kMove,              // re-INVITE from inside the enterprise's network, or from outside again
  kIceLost,           // BYE, because checks are said to have failed
  kConsult,           // a second call, to transfer_to
  kAttendedTransfer,  // REFER with Replaces of that one, and BYE when NOTIFY has told of success
  kReplace,           // INVITE with Replaces of this call, from transfer_to
  kHangUp
};
[[nodiscard]] std::string_view to_string(Step s);

struct Action {
  Millis at{0};  // after the answer
  Step step = Step::kHangUp;
};

// How the service's end of a call speaks ICE, where the trunk has media bypass.
enum class IceKind : std::uint8_t {
  kFull,
  kLite,  // as another gateway, which the service rings at the same time
};

// Where a user of the service is, on a trunk with Local Media Optimization.
enum class Place : std::uint8_t {
  kUsual,  // outside; one who is called: where the configuration expects users
  kInside,
  kOutside,
};

// Where media of the service comes from, other than that of most of its calls. Ports: from an even
// one on.
struct MediaPlace {
  IpAddress address;
  std::uint16_t first = 0, last = 0;
};

struct Behaviour {
  // As the one who is called
  int final_status = 200;
  std::string reason;  // of a failure; empty: the usual words
  int rings = 1;       // 180s, each with its own To-tag
  Millis ring_after{30}, final_after{400};
  bool early_media = false;           // 183 with SDP, and sound, before the answer
  bool answer_on_other_fork = false;  // the 200 has another tag and key than the 183
  bool answers = true;                // false: rings until the caller gives up
  bool gone = false;                  // not even a 100
  // As the caller
  Millis cancel_after{0};       // 0: never
  Millis give_up_after{8'000};  // no final answer: a failure of the call
  // As either
  std::vector<Action> actions;
  std::string transfer_to;  // a number of the service's own; kConsult: of the other side
  Sound sound;
  IceKind ice = IceKind::kFull;
  bool dtls_offered = false;  // beside SDES, with the protocol of DTLS
  Place place = Place::kUsual;
  std::optional<MediaPlace> from;       // with ICE
  std::vector<MediaPlace> escalations;  // ... one for each kEscalate
  bool beside = false;                  // calls the gateway behind the gateway (LMO-05)
  bool mux_offered = true;              // with ICE: RTP and RTCP on one port
  bool media = true;                    // false: signalling alone, for load
};

struct NumberRule {
  std::string_view suffix, meaning;
};
[[nodiscard]] const std::vector<NumberRule>& number_rules();
// Whether two numbers end with the same eight digits, however their countries are written.
[[nodiscard]] bool same_subscriber(std::string_view a, std::string_view b);
[[nodiscard]] Behaviour behaviour_for(std::string_view number, Side side);

}  // namespace causeway::lab
