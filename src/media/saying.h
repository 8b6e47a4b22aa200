// What is made here for a peer to hear: encoder, events, tones. Belongs to the leg that sends, so
// that a change of the path behind it, or of who is behind it, breaks neither its stream nor a
// digit in progress. Nothing allocates but make().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/raw_buffer.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/codec.h"
#include "media/plan.h"
#include "media/player.h"
#include "reactor/reactor.h"
#include "rtp/telephone_event.h"
#include "tone/comfort_noise.h"
#include "tone/dtmf_generator.h"

namespace causeway::media {

class Saying {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Saying>> make(
      const std::optional<Coding>& coding, const std::optional<EventCoding>& events,
      std::unique_ptr<Saying> before);

  // A digit of unknown length, until stop_digit(); or one of this length.
  [[nodiscard]] bool start_digit(std::uint8_t event, Instant now);  // false: too many wait
  // Nothing is under way: nothing happens.
  void end_digit(Micros length);  // as long as the far side's was
  void stop_digit(Instant now);   // nobody will say how long it was
  [[nodiscard]] bool play_digit(std::uint8_t event, Micros duration);  // false: too many wait
  // While a digit or a tone of ours is heard, what the partner sends is not passed on.
  [[nodiscard]] bool sounding() const;
  [[nodiscard]] bool busy() const;  // with digits

  std::optional<Coding> coding;
  std::optional<EventCoding> event_coding;
  std::unique_ptr<codec::Encoder> encoder;
  rtp::EventSender events;
  std::optional<tone::DtmfGenerator> tones;  // digits in the audio, where they are not events
  std::optional<Player> player;              // heard until the partner says something
  // What silence is like that the peer is told of (RFC 3389)
  tone::ComfortNoiseEncoder noise;
  bool quiet = false;   // all that is in `pcm` is silence that the other side meant
  bool spoken = false;  // ... and something was before it
  bool noise_told = false;
  Micros noise_age{0};  // since

  // PCM that waits for a whole packet
  RawBuffer<std::int16_t> pcm;
  std::size_t have = 0;
  [[nodiscard]] std::size_t packet() const;  // samples

  // The clock of what is sent
  reactor::TimerId timer{};
  Instant due{};
  Micros packet_time{Millis(20)};
  bool running = false;
  bool leaving = false;  // wanted for nothing but the end of a digit
  bool gap = true;       // what is sent next is the first after a pause
  std::uint32_t timestamp = 0;
  Micros idle{0};
};

}  // namespace causeway::media
