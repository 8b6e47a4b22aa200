// What a peer hears that neither its partner nor a codec made: ringing, music on hold, silence that
// is described (RFC 3389); and who is heard as a fax. Nothing here allocates but can_play().
#include <algorithm>
#include <cstdlib>

#include "media/plane_impl.h"
#include "media/streams.h"
#include "rtp/packet.h"

namespace causeway::media {
namespace {

constexpr Seconds kMusicAfter{1};  // of silence of the partner
// ... that has sent music of its own, which may pause
constexpr Seconds kOwnMusicPause{10};
constexpr Seconds kDescribeAgain{1};       // silence that goes on
constexpr std::int16_t kBackground = 400;  // about -38 dBov at its peaks: what is between words
constexpr std::byte kUnknownSilence{75};   // -75 dBov, of which nothing was heard

}  // namespace

bool MediaPlane::Impl::can_play(Leg& leg) {
  if (!leg.applied) return false;
  if (!leg.saying || !leg.saying->coding) {
    const auto coding = coding_towards(leg.agreed);
    if (!coding) return false;
    const auto events = leg.saying ? leg.saying->event_coding : std::nullopt;
    auto made = Saying::make(coding, events, std::move(leg.saying));
    if (!made) return false;
    leg.saying = std::move(*made);
    leg.saying->encoder->set_complexity(transcoding.complexity());
  }
  return true;
}

bool MediaPlane::Impl::ring(Leg& leg, const tone::Cadence& cadence) {
  if (leg.out.has_input || !can_play(leg)) return false;
  leg.saying->player.emplace(leg.saying->coding->rate, cadence);
  wake(leg, reactor.now());
  return true;
}

bool MediaPlane::Impl::play(Leg& leg, const tone::Sound& sound) {
  if (!can_play(leg)) return false;
  auto clip = sound.at(leg.saying->coding->rate);
  if (!clip) return false;
  leg.saying->player.emplace(std::move(clip));
  wake(leg, reactor.now());
  return true;
}

// Looked at once a second: music begins where the partner falls silent, and again after it spoke.
void MediaPlane::Impl::keep_playing(Leg& leg, Instant now) {
  if (!sdp::sends(leg.agreed.direction) || (leg.saying && leg.saying->player)) return;
  const Leg* from = leg.partner;
  // What came within the first second may be the end of what was said before the hold.
  const bool own = from && from->counted.last_in > leg.hold_music_since + kMusicAfter;
  const bool heard = from && sdp::receives(from->agreed.direction) &&
                     from->counted.last_in != Instant{} &&
                     now - from->counted.last_in < (own ? kOwnMusicPause : kMusicAfter);
  if (!heard) (void)play(leg, *leg.hold_music);
}

// The frame that is ready is silence that the other side meant: described once and then now and
// then, not encoded. False: it is to be encoded.
bool MediaPlane::Impl::say_silence(Leg& to, Saying& s, bool can, Instant now) {
  const auto frame = std::span<const std::int16_t>(s.pcm).first(s.packet());
  const bool low = std::all_of(frame.begin(), frame.end(),
                               [](std::int16_t x) { return std::abs(x) < kBackground; });
  const bool any = std::any_of(frame.begin(), frame.end(), [](std::int16_t x) { return x != 0; });
  if (low && any) s.noise.add(frame);
  s.spoken = s.spoken || !s.quiet;
  if (!s.quiet || !s.spoken) {  // before the first word it is the jitter buffer that is silent
    s.noise_told = false;
    return false;
  }
  s.noise_age += s.packet_time;
  if (can && (!s.noise_told || s.noise_age >= kDescribeAgain)) {
    std::array<std::byte, tone::kMaxNoisePayload> description;
    std::size_t n = s.noise.encode(description);
    if (n == 0) {
      description[0] = kUnknownSilence;
      n = 1;
    }
    send_made(to, s.coding->noise_type, false, s.timestamp, std::span(description).first(n), now);
    s.noise_told = true;
    s.noise_age = Micros(0);
  }
  s.gap = true;  // what is said next begins a talkspurt
  std::copy(s.pcm.begin() + static_cast<std::ptrdiff_t>(s.packet()),
            s.pcm.begin() + static_cast<std::ptrdiff_t>(s.have), s.pcm.begin());
  s.have -= s.packet();
  return true;
}

// The observer hears of it from a timer: it will change the path that this packet is on.
void MediaPlane::Impl::listen_for_fax(Leg& leg, const rtp::Header& h,
                                      std::span<const std::byte> packet, Instant now) {
  const auto content = rtp::payload(packet, h);
  if (!content) return;
  const auto tone = leg.fax->hear(h.payload_type, *content);
  if (!tone) return;
  if (!leg.fax_heard) (void)reactor.timers().schedule(now, *this, leg.id.value | kFaxToken);
  leg.fax_heard = tone;
}

}  // namespace causeway::media
