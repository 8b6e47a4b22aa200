// What becomes of each packet of one direction, from what was agreed on the two legs: the cheapest
// path that gives the receiving peer what it asked for. A pure function and its value; any thread.
//
// In order of cost: pass on with another header; the other law of G.711 in place; decode, process
// and encode (ITU-T G.711, RFC 3551). Digits have a path of their own (RFC 4733).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "media/leg_snapshot.h"

namespace causeway::media {

// Instead of a payload type of the partner
inline constexpr std::uint8_t kNoType = 0xff;  // not passed on
inline constexpr std::uint8_t kDecode = 0xfe;  // to PCM
inline constexpr std::uint8_t kDigit = 0xfd;   // a telephone-event that is sent on as another thing
inline constexpr std::uint8_t kOtherLaw = 0xfc;  // G.711, octet by octet
inline constexpr std::uint8_t kNoise = 0xfb;     // comfort noise that is played, not passed on

// How we send to a peer what is made here.
struct Coding {
  sdp::Codec codec;           // number of the peer's
  std::uint32_t rate = 8000;  // of the PCM, Hz
  std::uint16_t packet_ms = 20;
  int bit_rate = 0;                   // the most that the peer takes, bit/s; 0: what suits
  std::uint8_t noise_type = kNoType;  // silence is described to it (RFC 3389)
  friend bool operator==(const Coding&, const Coding&) = default;
};

// What of a peer's packets becomes PCM.
struct Decoding {
  std::vector<sdp::Codec> codecs;  // our numbers
  std::uint32_t rate = 8000;       // Hz
  bool find_digits = false;        // tones are taken out of the audio and reported
  friend bool operator==(const Decoding&, const Decoding&) = default;
};

// Telephone events towards a peer.
struct EventCoding {
  std::uint8_t type = kNoType;
  std::uint32_t clock = 8000;
  friend bool operator==(const EventCoding&, const EventCoding&) = default;
};

struct Plan {
  std::array<std::uint8_t, 128> types{};  // by number as it comes: the partner's, or one from above
  std::uint8_t other_law = kNoType;       // the number that goes with kOtherLaw
  bool to_a_law = false;
  std::optional<Decoding> decoding;
  std::optional<Coding> coding;       // with decoding, and where digits become tones
  std::optional<EventCoding> events;  // where what comes becomes events of ours
  bool digits = false;                // some conversion of digits is on this direction
  friend bool operator==(const Plan&, const Plan&) = default;
};

// `arriving_ms`: the length of the packets that come from the peer of `from`, measured; 0 when not
// known. Other packet times than the peer of `to` asks for are converted (TDM-18).
[[nodiscard]] Plan plan(const LegMedia& from, const LegMedia& to, std::uint16_t arriving_ms);

// How something that is made here, a tone or an announcement, goes to a peer. nullopt: it takes no
// codec that we can encode.
[[nodiscard]] std::optional<Coding> coding_towards(const LegMedia& to);
[[nodiscard]] std::optional<EventCoding> events_towards(const LegMedia& to);

// For a person: "PCMU -> G722, decoded at 8 kHz, packets of 20 ms, tones to events".
[[nodiscard]] std::string in_words(const Plan& p, const LegMedia& from, const LegMedia& to);

}  // namespace causeway::media
