#include "rtp/telephone_event.h"

#include <algorithm>

#include "rtp/bytes.h"

namespace causeway::rtp {
namespace {

constexpr std::uint32_t kSegment = 0xffff;  // longest duration of a segment, clock units
constexpr int kEnds = 3;                    // RFC 4733 2.5.1.4
// A source that began anew under its old SSRC: after this long without events a sequence number
// that went back is believed, unless the timestamp too went back by less than kPast.
constexpr Micros kForget = Seconds(1);
constexpr std::uint32_t kPast = 120;  // seconds of clock

constexpr char kDigits[] = "0123456789*#ABCD";

Micros to_micros(std::uint64_t units, std::uint32_t clock) {
  return Micros(static_cast<std::int64_t>(units * 1'000'000 / clock));
}

}  // namespace

std::optional<char> digit_of(std::uint8_t event) {
  if (event >= 16) return std::nullopt;
  return kDigits[event];
}

std::optional<std::uint8_t> event_of(char digit) {
  if (digit >= 'a' && digit <= 'd') digit = static_cast<char>(digit - 'a' + 'A');
  for (std::uint8_t i = 0; i < 16; ++i)
    if (kDigits[i] == digit) return i;
  return std::nullopt;
}

std::optional<EventPayload> parse_event(std::span<const std::byte> payload) {
  if (payload.size() != kEventBytes) return std::nullopt;
  const unsigned flags = get8(&payload[1]);
  return EventPayload{get8(&payload[0]), static_cast<std::uint8_t>(flags & 0x3f),
                      get16(&payload[2]), (flags & 0x80) != 0};
}

void write_event(std::span<std::byte, kEventBytes> out, const EventPayload& e) {
  put8(&out[0], e.event);
  put8(&out[1], (e.end ? 0x80u : 0u) | std::min<unsigned>(e.volume, 63));
  put16(&out[2], e.duration);
}

// --- receiving ---

bool EventReceiver::newer(const Packet& p, Instant now) const {
  if (state_ == State::kNone) return true;
  if (static_cast<std::int16_t>(p.sequence - sequence_) > 0) return true;
  return now - last_arrival_ > kForget && segment_ - p.timestamp > kPast * clock_;
}

// The next segment of a long event (RFC 4733 2.5.1.3), or the next packet of a sender that gives
// every packet a timestamp of its own.
bool EventReceiver::continues(const Packet& p, const EventPayload& e, Instant now) const {
  if ((state_ != State::kOn && state_ != State::kFellSilent) || e.event != event_ || p.marker)
    return false;
  const std::uint32_t forward = p.timestamp - segment_;
  if (forward == duration_ && duration_ > 0) return true;
  if (forward % kSegment == 0 && forward / kSegment <= 4) return true;  // whole segments were lost
  // Nothing is missing between the two packets, so there was no end.
  return state_ == State::kOn && static_cast<std::uint16_t>(p.sequence - sequence_) == 1 &&
         forward <= kSegment && now - last_arrival_ < silence_;
}

// The second and third end packet of a sender whose timestamps run on.
bool EventReceiver::repeats_end(const Packet& p, const EventPayload& e) const {
  return state_ == State::kEnded && e.event == event_ && e.end && !p.marker &&
         static_cast<std::uint16_t>(p.sequence - sequence_) == 1 && e.duration >= duration_;
}

// The last packet of a segment is sent three times too (RFC 4733 2.5.1.4).
bool EventReceiver::repeats_segment(const Packet& p, const EventPayload& e) const {
  return e.event == event_ && !p.marker && !e.end && segment_ - p.timestamp <= before_segment_;
}

EventReceiver::Happened EventReceiver::happened(What what) const {
  return {what, event_, volume_, to_micros(before_segment_ + duration_, clock_)};
}

void EventReceiver::note(const Packet& p, const EventPayload& e, Instant now) {
  sequence_ = p.sequence;
  last_arrival_ = now;
  duration_ = std::max(duration_, e.duration);
  volume_ = e.volume;
}

EventReceiver::List EventReceiver::receive(const Packet& p, Instant now) {
  List out;
  const auto e = parse_event(p.payload);
  if (!e || p.clock == 0) {
    out.add({});
    return out;
  }
  const bool same = state_ != State::kNone && p.timestamp == segment_ && e->event == event_;
  if (same && state_ != State::kOn) {
    if (newer(p, now)) note(p, *e, now);  // its end has been told
    return out;
  }
  if (!same) {
    if (!newer(p, now)) return out;
    if (repeats_end(p, *e) || repeats_segment(p, *e)) {
      sequence_ = p.sequence;
      last_arrival_ = now;
      return out;
    }
    if (continues(p, *e, now)) {
      before_segment_ += p.timestamp - segment_;
      segment_ = p.timestamp;
      duration_ = 0;
      note(p, *e, now);
      if (state_ == State::kFellSilent) return out;  // told already, however long it goes on
    } else {
      if (state_ == State::kOn) out.add(happened(What::kEnd));
      state_ = State::kOn;
      event_ = e->event;
      segment_ = p.timestamp;
      before_segment_ = 0;
      duration_ = 0;
      clock_ = p.clock;
      note(p, *e, now);
      out.add(happened(What::kBegin));
      if (!e->end) return out;
    }
  } else if (newer(p, now)) {
    note(p, *e, now);
  } else if (!e->end) {
    return out;  // late or a duplicate
  } else {
    // An end packet that an update overtook: the sender is broken or the network slow; it ended.
    duration_ = std::max(duration_, e->duration);
  }
  if (e->end) {
    state_ = State::kEnded;
    out.add(happened(What::kEnd));
  } else {
    out.add(happened(What::kStill));
  }
  return out;
}

std::optional<EventReceiver::Happened> EventReceiver::poll(Instant now) {
  if (state_ != State::kOn || now - last_arrival_ <= silence_) return std::nullopt;
  state_ = State::kFellSilent;
  return happened(What::kEnd);
}

std::optional<EventReceiver::Happened> EventReceiver::reset() {
  const bool on = state_ == State::kOn;
  state_ = State::kNone;
  if (!on) return std::nullopt;
  return happened(What::kEnd);
}

// --- sending ---

EventSender::EventSender(const Options& o) : options_(o) {
  options_.clock = std::max<std::uint32_t>(options_.clock, 1'000);
  options_.packet_time = std::max<Micros>(options_.packet_time, Millis(5));
}

bool EventSender::push(const Entry& e) {
  if (count_ == kQueue) return false;
  queue_[(head_ + count_++) % kQueue] = e;
  return true;
}

EventSender::Entry* EventSender::open_entry() {
  if (count_ > 0) {
    Entry& newest = queue_[(head_ + count_ - 1) % kQueue];
    return newest.open ? &newest : nullptr;
  }
  return phase_ == Phase::kOn && current_.open ? &current_ : nullptr;
}

bool EventSender::start(std::uint8_t event, Instant now, std::uint8_t volume) {
  stop(now);
  return push({now, options_.longest, event, volume, true, true});
}

void EventSender::stop(Instant now) {
  if (const Entry* e = open_entry()) stop_at(now - e->asked);
}

void EventSender::stop_at(Micros duration) {
  Entry* e = open_entry();
  if (e == nullptr) return;
  e->open = false;
  e->duration = std::clamp(duration, options_.least_tone, options_.longest);
}

bool EventSender::play(std::uint8_t event, Micros duration, std::uint8_t volume) {
  duration = std::clamp(duration, options_.least_tone, options_.longest);
  return push({Instant{}, duration, event, volume, false, false});
}

void EventSender::clear() {
  count_ = 0;
  if (phase_ == Phase::kOn) {
    current_.open = false;
    current_.duration = options_.least_tone;
  }
}

std::uint64_t EventSender::units(Micros d) const {
  return static_cast<std::uint64_t>(d.count()) * options_.clock / 1'000'000;
}

EventPacket EventSender::packet(std::uint32_t ts, std::uint64_t duration, bool end) const {
  EventPacket p;
  write_event(p.payload,
              {current_.event, current_.volume,
               static_cast<std::uint16_t>(std::min<std::uint64_t>(duration, kSegment)), end});
  p.timestamp = ts;
  return p;
}

void EventSender::begin(Instant now, std::uint32_t timestamp) {
  current_ = queue_[head_];
  head_ = (head_ + 1) % kQueue;
  --count_;
  began_ = now;
  timestamp_ = timestamp;
  last_tick_ = -1;
  segment_units_ = 0;
  segment_ends_left_ = 0;
  phase_ = Phase::kOn;
}

void EventSender::send_end(Packets& out) {
  out.add(packet(timestamp_, units(current_.duration) - segment_units_, true));
  if (--ends_left_ == 0) phase_ = Phase::kIdle;
}

// A packet stands for the packet time that begins with it, as one of audio does.
void EventSender::send_on(Instant now, Packets& out) {
  const auto ptime = options_.packet_time;
  const std::int64_t tick = (now - began_ + ptime / 2) / ptime;
  if (tick <= last_tick_) return;
  const bool first = last_tick_ < 0;
  // The tone may have been stopped at less than has been sent; a duration never shrinks.
  current_.duration = std::max(current_.duration, ptime * (last_tick_ + 1));
  last_tick_ = tick;
  const std::uint64_t sounded = units(ptime * (tick + 1));
  const std::uint64_t whole = units(current_.duration);
  const bool ends = sounded >= whole;
  std::uint64_t in_segment = std::min(sounded, whole) - segment_units_;
  if (in_segment > kSegment) {  // RFC 4733 2.5.1.3: contiguous segments, no end but the last
    const std::uint64_t skip = (in_segment - 1) / kSegment * kSegment;
    segment_units_ += skip;
    timestamp_ += static_cast<std::uint32_t>(skip);
    in_segment -= skip;
    segment_ends_left_ = kEnds;
  }
  if (segment_ends_left_ > 0) {
    --segment_ends_left_;
    out.add(packet(timestamp_ - kSegment, kSegment, false));
  }
  EventPacket p = packet(timestamp_, in_segment, ends);
  p.marker = first;
  out.add(p);
  if (!ends) return;
  phase_ = Phase::kEnding;
  current_.open = false;
  ends_left_ = kEnds - 1;
  free_at_ = began_ + current_.duration;
}

EventSender::Packets EventSender::next(Instant now, std::uint32_t timestamp) {
  Packets out;
  const Micros slack = options_.packet_time / 4;
  if (phase_ == Phase::kEnding) {
    const Micros ptime = options_.packet_time;
    const std::int64_t tick = (now - began_ + ptime / 2) / ptime;
    if (tick > last_tick_) {
      last_tick_ = tick;
      send_end(out);
    }
  }
  if (phase_ != Phase::kOn && count_ > 0) {
    const Micros gap = queue_[head_].relayed ? options_.least_gap : options_.gap;
    if (!played_before_ || now + slack >= free_at_ + gap) {
      while (phase_ == Phase::kEnding) send_end(out);  // none of them is left out
      begin(now, timestamp);
      played_before_ = true;
    }
  }
  if (phase_ == Phase::kOn) send_on(now, out);
  return out;
}

}  // namespace causeway::rtp
