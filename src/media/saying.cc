#include "media/saying.h"

#include <algorithm>

namespace causeway::media {

Result<std::unique_ptr<Saying>> Saying::make(const std::optional<Coding>& coding,
                                             const std::optional<EventCoding>& events,
                                             std::unique_ptr<Saying> before) {
  auto s = before ? std::move(before) : std::make_unique<Saying>();
  s->leaving = false;
  if (coding != s->coding || (coding && !s->encoder)) {
    std::unique_ptr<codec::Encoder> encoder;
    if (coding) {
      auto made =
          codec::make_encoder(coding->codec, coding->rate,
                              {.packet_ms = coding->packet_ms, .most_bits = coding->bit_rate});
      if (!made) return tl::unexpected(made.error());
      encoder = std::move(*made);
    }
    s->encoder = std::move(encoder);
    if (!coding || !s->coding || coding->rate != s->coding->rate) s->have = 0;
    s->coding = coding;
    s->packet_time = Millis(coding ? coding->packet_ms : 20);
    s->tones.reset();
    s->player.reset();  // of another rate, perhaps
    s->noise.reset();
    s->spoken = s->noise_told = false;
    // A packet, and behind it the longest that may come in one piece.
    if (coding) {
      RawBuffer<std::int16_t> pcm(s->packet() + codec::kMaxSamples);
      s->have = std::min(s->have, pcm.size());
      std::copy_n(s->pcm.begin(), s->have, pcm.begin());
      s->pcm = std::move(pcm);
    }
  }
  if (events != s->event_coding) {
    if (events) s->events = rtp::EventSender({.clock = events->clock});
    s->event_coding = events;
  }
  if (coding && !events && !s->tones) s->tones.emplace(coding->rate);
  if (events) s->tones.reset();
  return s;
}

std::size_t Saying::packet() const {
  return coding ? std::size_t{coding->rate} * coding->packet_ms / 1000 : 0;
}

bool Saying::start_digit(std::uint8_t event, Instant now) {
  return event_coding ? events.start(event, now) : tones && tones->start(event);
}

void Saying::end_digit(Micros length) {
  if (event_coding)
    events.stop_at(length);
  else if (tones)
    tones->stop(length);
}

void Saying::stop_digit(Instant now) {
  if (event_coding)
    events.stop(now);
  else if (tones)
    tones->stop();
}

bool Saying::play_digit(std::uint8_t event, Micros duration) {
  return event_coding ? events.play(event, duration) : tones && tones->play(event, duration);
}

bool Saying::sounding() const {
  return player.has_value() || (event_coding ? events.sounding() : tones && tones->busy());
}

bool Saying::busy() const { return event_coding ? events.busy() : tones && tones->busy(); }

}  // namespace causeway::media
