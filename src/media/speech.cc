// What is made here and sent: the other half of the packet path, on the clock of each peer's
// packets. Nothing here allocates but tune().
#include <algorithm>

#include "base/log.h"
#include "codec/codec.h"
#include "media/hearing.h"
#include "media/plane_impl.h"
#include "media/saying.h"
#include "media/streams.h"
#include "rtp/packet.h"

namespace causeway::media {
namespace {

constexpr Millis kStopAfter{200};  // without anything to say
constexpr Millis kFarBehind{200};

std::int64_t us(Instant t) { return t.time_since_epoch().count(); }

std::uint32_t clock_of(const Saying& s) {
  if (s.coding) return codec::traits_of(s.coding->codec).clock;
  return s.event_coding ? s.event_coding->clock : 8'000;
}

// All 256 octets of one law.
std::array<std::byte, 256> across(const char* from, const char* to) {
  std::array<std::byte, 256> octets;
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::byte>(i);
  std::vector<std::int16_t> pcm(codec::kMaxSamples);
  const auto decoder = codec::make_decoder({PayloadType{0}, from, 8'000, 1, ""}, 8'000);
  // 32 ms of 8 kHz: as many samples as there are octets.
  const auto encoder =
      codec::make_encoder({PayloadType{8}, to, 8'000, 1, ""}, 8'000, {.packet_ms = 32});
  if (!decoder || !encoder) return octets;
  (void)(*decoder)->decode(octets, pcm);
  (void)(*encoder)->encode(std::span(pcm).first(octets.size()), octets);
  return octets;
}

}  // namespace

Laws::Laws() : a_of_u_(across("PCMU", "PCMA")), u_of_a_(across("PCMA", "PCMU")) {}

// Makes what the plan for the way from `leg` to its partner needs, and takes away what it does not.
void MediaPlane::Impl::tune(Leg& leg, const Plan& p) {
  Leg& to = *leg.partner;
  // Where the one that would have heard the end of a digit goes, the digit ends.
  const bool finds = p.decoding && p.decoding->find_digits;
  if (leg.hearing && to.saying &&
      ((!p.decoding && !p.digits) || (leg.hearing->what().find_digits &&
                                      (!finds || p.decoding->rate != leg.hearing->what().rate))))
    to.saying->stop_digit(reactor.now());
  const auto failed = [&](const Error& why) {
    log::error("media: {}", why.what);
    PayloadTypes types = *leg.types;
    for (std::uint8_t& t : types.to_partner)
      if (t == kDecode || t == kDigit) t = kNoType;
    leg.types = shared(types);
    leg.hearing.reset();
  };
  leg.other_law = p.other_law;
  leg.to_a_law = p.to_a_law;
  leg.judge_time = to.agreed.send_ptime != 0 || to.agreed.send_maxptime != 0;
  if (p.decoding || p.digits) {
    auto made = Hearing::make(p.decoding.value_or(Decoding{}), std::move(leg.hearing));
    if (!made) return failed(made.error());
    leg.hearing = std::move(*made);
  } else {
    leg.hearing.reset();
  }
  const bool rings = to.saying && to.saying->player;
  if (p.coding || p.events || rings) {
    auto made = Saying::make(p.coding || !rings ? p.coding : coding_towards(to.agreed), p.events,
                             std::move(to.saying));
    if (!made) return failed(made.error());
    to.saying = std::move(*made);
    if (to.saying->encoder) to.saying->encoder->set_complexity(transcoding.complexity());
  } else {
    let_go(to);
  }
}

// Not before the end of a digit is out.
void MediaPlane::Impl::let_go(Leg& leg) {
  if (leg.saying && leg.saying->busy())
    leg.saying->leaving = true;
  else
    hush(leg);
}

void MediaPlane::Impl::hush(Leg& leg) {
  if (!leg.saying) return;
  reactor.timers().cancel(leg.saying->timer);
  leg.saying.reset();
}

void MediaPlane::Impl::wake(Leg& to, Instant now) {
  Saying& s = *to.saying;
  if (s.running) return;
  s.running = true;
  s.gap = true;
  s.idle = Micros(0);
  s.due = now;
  s.timer = reactor.timers().schedule(now, *this, to.id.value);
}

// A packet that the plan sends to the decoder, or to another form of digits.
void MediaPlane::Impl::hear(Leg& leg, std::uint8_t type, const rtp::Header& h,
                            std::span<const std::byte> packet, Instant now) {
  Leg& to = *leg.partner;
  const auto content = rtp::payload(packet, h);
  if (!content || !leg.hearing || (!to.saying && type != kDigit)) {
    ++leg.counted.dropped.malformed;
    return;
  }
  using Content = codec::JitterBuffer::Content;
  const std::uint32_t sequence = extend(h.sequence, leg.in.highest);
  leg.hearing->put(h, sequence, *content,
                   type == kDigit   ? Content::kOther
                   : type == kNoise ? Content::kSilence
                                    : Content::kAudio,
                   now);
  if (type == kDigit) {
    const std::uint32_t clock = leg.event_clock(h.payload_type);
    for (const auto& e : leg.hearing->events.receive({.sequence = h.sequence,
                                                      .timestamp = h.timestamp,
                                                      .marker = h.marker,
                                                      .payload = *content,
                                                      .clock = clock},
                                                     now))
      pass_event(leg, e, now);
    if (leg.hearing->events.active() && leg.event_timer == reactor::TimerId{})
      leg.event_timer =
          reactor.timers().schedule(now + Millis(120), *this, leg.id.value | kEventToken);
  }
  if (to.saying) {
    to.saying->player.reset();
    wake(to, now);
  }
}

// All ends of an event may be lost.
void MediaPlane::Impl::poll_events(Leg& leg, Instant now) {
  leg.event_timer = {};
  if (!leg.hearing || !leg.partner) return;
  if (const auto e = leg.hearing->events.poll(now)) pass_event(leg, *e, now);
  if (leg.hearing && leg.hearing->events.active())
    leg.event_timer =
        reactor.timers().schedule(now + Millis(20), *this, leg.id.value | kEventToken);
}

void MediaPlane::Impl::pass_event(Leg& leg, const rtp::EventReceiver::Happened& e, Instant now) {
  using What = rtp::EventReceiver::What;
  if (e.what == What::kBegin || e.what == What::kEnd)
    digit(*leg.partner, e.event, e.what == What::kEnd, e.duration, now);
}

// A digit of the partner, to the peer of `to` in its form.
void MediaPlane::Impl::digit(Leg& to, std::uint8_t event, bool ends, Micros duration, Instant now) {
  if (to.agreed.digits == DigitForm::kSignalled) {
    if (ends) observer.on_digit(to.id, event, duration);
    return;
  }
  if (!to.saying) return;
  if (ends)
    to.saying->end_digit(duration);
  else if (!to.saying->start_digit(event, now) && to.counted.lost_digits++ == 0)
    observer.on_digit_lost(to.id);
  wake(to, now);
}

// One packet time of what the peer of `to` hears.
void MediaPlane::Impl::speak(Leg& to, Instant now) {
  if (!to.saying) return;
  Saying& s = *to.saying;
  s.timer = {};
  // After packets of the partner that were passed on, and after a pause, by the time that went by.
  if (s.gap || to.out.has_input) {
    OutStream& o = to.out;
    s.timestamp = o.last_ts;
    if (o.started)
      s.timestamp += std::max<std::uint32_t>(
          static_cast<std::uint32_t>((us(now) - o.last_ts_us) * clock_of(s) / 1'000'000), 1);
  }
  const bool said = say(to, s, now);
  if (s.leaving && !s.busy()) return hush(to);
  const auto units = static_cast<std::uint32_t>(s.packet_time.count() * clock_of(s) / 1'000'000);
  s.timestamp += units;
  s.idle = said || s.busy() ? Micros(0) : s.idle + s.packet_time;
  if (s.idle >= kStopAfter) {
    s.running = false;
    return;
  }
  s.due += s.packet_time;
  if (now - s.due > kFarBehind) s.due = now;
  s.timer = reactor.timers().schedule(s.due, *this, to.id.value);
}

// False: there was nothing to say.
bool MediaPlane::Impl::say(Leg& to, Saying& s, Instant now) {
  Leg* from = to.partner;
  bool heard = false;
  if (s.encoder && from && from->hearing && from->hearing->what().rate == s.coding->rate) {
    Hearing& h = *from->hearing;
    if (s.have == 0) s.quiet = true;
    while (s.have < s.packet()) {
      const std::size_t n = h.pull(std::span(s.pcm).subspan(s.have).first(codec::kMaxSamples), now);
      if (n == 0) break;
      s.quiet = s.quiet && h.quiet();
      s.have += n;
      heard = true;
    }
    // What this peer asks for is about the stream to it.
    const auto mode = h.take_requested_mode();
    if (mode && from->saying && from->saying->encoder) from->saying->encoder->request_mode(*mode);
    for (const Hearing::Digit& d : h.take_digits()) digit(to, d.event, d.ends, d.duration, now);
  }
  if (s.have > 0 && s.have < s.packet()) {  // the end of what was said
    std::fill_n(s.pcm.begin() + static_cast<std::ptrdiff_t>(s.have), s.packet() - s.have,
                std::int16_t{0});
    s.have = s.packet();
  }
  const bool sounds = s.player || (s.tones && s.tones->busy());
  if (s.encoder && sounds) {
    if (s.have < s.packet()) {
      std::fill_n(s.pcm.begin(), s.packet(), std::int16_t{0});
      s.have = s.packet();
    }
    const auto frame = std::span(s.pcm).first(s.packet());
    if (s.player) s.player->fill(frame);
    if (s.tones) (void)s.tones->fill(frame);
  }
  const bool can = to.applied && to.has_target() && sdp::sends(to.agreed.direction);
  if (s.event_coding && s.events.busy()) {
    const std::uint32_t at = clock_of(s) == s.event_coding->clock
                                 ? s.timestamp
                                 : static_cast<std::uint32_t>(std::uint64_t{s.timestamp} *
                                                              s.event_coding->clock / clock_of(s));
    for (const rtp::EventPacket& e : s.events.next(now, at))
      if (can) send_made(to, s.event_coding->type, e.marker, e.timestamp, e.payload, now);
    s.gap = true;  // audio that follows starts a talkspurt
  }
  if (s.have < s.packet() || !s.encoder) return heard;
  const bool may_send = can && !(s.event_coding && s.events.sounding());
  if (!sounds && s.coding->noise_type != kNoType && say_silence(to, s, may_send, now)) return true;
  const auto frame = std::span<const std::int16_t>(s.pcm).first(s.packet());
  std::array<std::byte, codec::kMaxPayload> payload;
  const std::size_t bytes = may_send ? s.encoder->encode(frame, payload) : std::size_t{0};
  if (bytes != 0) {
    send_made(to, s.coding->codec.pt.value, s.gap, s.timestamp, std::span(payload).first(bytes),
              now);
    s.gap = false;
  }
  std::copy(s.pcm.begin() + static_cast<std::ptrdiff_t>(s.packet()),
            s.pcm.begin() + static_cast<std::ptrdiff_t>(s.have), s.pcm.begin());
  s.have -= s.packet();
  return true;
}

// A packet of ours in the stream to the peer: the next number, the time that the caller knows.
void MediaPlane::Impl::send_made(Leg& leg, std::uint8_t type, bool marker, std::uint32_t timestamp,
                                 std::span<const std::byte> content, Instant now) {
  OutStream& o = leg.out;
  if (o.started) ++o.highest;
  o.has_input = false;
  o.started = true;
  o.last_ts = timestamp;
  o.last_ts_us = us(now);
  if (leg.saying) o.clock = clock_of(*leg.saying);
  std::array<std::byte, rtp::kMinHeader + codec::kMaxPayload + rtp::Srtp::kMaxExpansion> buffer;
  rtp::write_header(std::span<std::byte, rtp::kMinHeader>(buffer.data(), rtp::kMinHeader),
                    {.ssrc = o.ssrc,
                     .timestamp = timestamp,
                     .sequence = static_cast<std::uint16_t>(o.highest),
                     .payload_type = type});
  std::copy(content.begin(), content.end(), buffer.begin() + rtp::kMinHeader);
  auto data = std::span(buffer).first(rtp::kMinHeader + content.size());
  if (marker) rtp::set_marker(data, true);
  if (leg.send) {
    const auto r = leg.send->protect_rtp(data);
    if (r.outcome != rtp::SrtpOutcome::kOk) return;
    data = std::span(buffer).first(r.size);
  }
  ++o.packets;
  o.octets += static_cast<std::uint32_t>(content.size());
  ++leg.counted.packets_out;
  leg.counted.bytes_out += data.size();
  leg.ports->rtp.socket->send(leg.rtp_target(), data);
}

// Packets of another length than the peer of the partner wants, three in a row, are converted.
void MediaPlane::Impl::judge_time(Leg& leg, std::uint32_t step, std::uint32_t clock, Instant now) {
  const std::uint32_t ms = clock == 0 ? 0 : step * 1000 / clock;
  if (ms < 5 || ms > 120 || ms == leg.arriving_ms) {
    leg.other_time_count = 0;
    return;
  }
  if (ms != leg.other_time_ms) {
    leg.other_time_ms = static_cast<std::uint8_t>(ms);
    leg.other_time_count = 1;
    return;
  }
  if (++leg.other_time_count < 3) return;
  leg.other_time_count = 0;
  leg.arriving_ms = static_cast<std::uint8_t>(ms);
  // Not here: the packet path makes nothing.
  (void)reactor.timers().schedule(now, *this, leg.id.value | kCompileToken);
}

}  // namespace causeway::media
