#include "codec/jitter_buffer.h"

#include <algorithm>
#include <bit>

#include "codec/codec.h"

namespace causeway::codec {

namespace {

// A packet that is this far from where the one before it says is on another time line.
constexpr Micros kJump = Seconds(1);
// Concealment has faded by then; what comes afterwards begins anew.
constexpr Micros kIdle = Millis(120);
// Two late packets within this time are no accident.
constexpr Micros kLateTwice = Seconds(2);
// How long the delay must have been too long before speech is cut for it.
constexpr Micros kPatience = Seconds(5);
constexpr Micros kSlack = Millis(5);
// Of so many packets, one may be late.
constexpr std::size_t kOneIn = 64;
// Sorting them for each packet would cost more than all else does.
constexpr std::size_t kTransitsAtOnce = 16;
// Numbers that were passed long ago: the sender began anew and nobody told us.
constexpr int kLateIsRestart = 20;

std::uint32_t slots_for(Millis most) {
  const auto packets =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(most.count(), 0, 2000)) / 10;
  return std::bit_ceil(packets + 8);
}

}  // namespace

JitterBuffer::JitterBuffer(const JitterSettings& settings)
    : settings_(settings),
      mask_(slots_for(settings.most) - 1),
      slots_(mask_ + 1),
      bytes_((mask_ + 1) * kMaxPayload),
      step_(std::int64_t{settings.clock} * settings.packet_ms / 1000) {}

void JitterBuffer::reset() {
  std::ranges::fill(slots_, Slot{});
  any_ = started_ = silent_ = grow_ = too_long_ = false;
  next_ = newest_ = newest_timestamp_ = 0;
  delivered_ = 0;
  newest_media_ = playhead_ = idle_ = 0;
  late_in_a_row_ = 0;
  transit_count_ = transit_at_ = 0;
  unread_transits_ = 0;
}

std::span<std::byte> JitterBuffer::storage(const Slot& s) {
  const auto index = static_cast<std::size_t>(s.sequence & mask_);
  return std::span(bytes_).subspan(index * kMaxPayload, kMaxPayload);
}

Micros JitterBuffer::span_of(std::int64_t units) const {
  return Micros(units * 1'000'000 / settings_.clock);
}
std::int64_t JitterBuffer::units_of(Micros span) const {
  return span.count() * settings_.clock / 1'000'000;
}

JitterBuffer::Put JitterBuffer::put(std::uint32_t sequence, std::uint32_t timestamp,
                                    std::span<const std::byte> payload, Instant now,
                                    Content content, std::uint8_t tag) {
  if (payload.size() > kMaxPayload || (payload.empty() && content != Content::kOther)) {
    return Put::kRefused;
  }
  if (!any_) {
    next_ = newest_ = sequence;
  } else if (static_cast<std::int32_t>(sequence - next_) < 0) {
    const bool before_start = !started_ && newest_ - sequence <= mask_;
    if (before_start) {
      next_ = sequence;
    } else {
      const auto media = newest_media_ + static_cast<std::int32_t>(timestamp - newest_timestamp_);
      const Put said = late(sequence, now.time_since_epoch() - span_of(media), now);
      if (said != Put::kTaken) return said;
      next_ = newest_ = sequence;
    }
  }
  if (any_ && sequence - next_ > mask_) make_room(sequence);
  Slot& s = slot(sequence);
  if (s.full) {
    ++counts_.duplicate;
    return Put::kDuplicate;
  }
  late_in_a_row_ = 0;
  s.full = true;
  s.content = content;
  s.tag = tag;
  s.size = static_cast<std::uint16_t>(payload.size());
  s.sequence = sequence;
  s.timestamp = timestamp;
  s.arrival = now;
  place(s, sequence, timestamp, now);
  std::ranges::copy(payload, storage(s).begin());
  ++counts_.taken;
  return Put::kTaken;
}

// Its number was passed already. kTaken: the buffer was emptied to begin anew with it.
JitterBuffer::Put JitterBuffer::late(std::uint32_t sequence, Micros transit, Instant now) {
  const std::uint32_t behind = next_ - sequence - 1;
  if (behind < 64 && (delivered_ >> behind & 1) != 0) {
    ++counts_.duplicate;
    return Put::kDuplicate;
  }
  if (++late_in_a_row_ >= kLateIsRestart) {
    reset();
    ++counts_.restarts;
    return Put::kTaken;
  }
  ++counts_.late;
  if (last_late_ != Instant{} && now - last_late_ < kLateTwice) grow_ = true;
  last_late_ = now;
  if (std::chrono::abs(transit - newest_transit_) < kJump) learn(transit);
  unread_transits_ = kTransitsAtOnce;
  return Put::kLate;
}

// More came than there is room for: the oldest go.
void JitterBuffer::make_room(std::uint32_t sequence) {
  const std::uint32_t keep_from = sequence - mask_;
  for (Slot& s : slots_) {
    if (s.full && static_cast<std::int32_t>(s.sequence - keep_from) < 0) {
      s.full = false;
      ++counts_.dropped;
    }
  }
  pass_to(keep_from, false);
}

// Where in the stream the packet belongs.
void JitterBuffer::place(Slot& s, std::uint32_t sequence, std::uint32_t timestamp, Instant now) {
  s.restart = false;
  std::int64_t media = newest_media_ + static_cast<std::int32_t>(timestamp - newest_timestamp_);
  Micros transit = now.time_since_epoch() - span_of(media);
  const bool newer = !any_ || static_cast<std::int32_t>(sequence - newest_) > 0;
  if (!any_ || (newer && std::chrono::abs(transit - newest_transit_) > kJump)) {
    s.restart = true;
    media = std::max(newest_media_, playhead_) + step_;
    transit = now.time_since_epoch() - span_of(media);
    transit_count_ = transit_at_ = 0;
    unread_transits_ = kTransitsAtOnce;
  }
  s.media = media;
  // One at least is known from the beginning of a time line on.
  if (s.restart ||
      (s.content != Content::kOther && std::chrono::abs(transit - newest_transit_) <= kJump)) {
    learn(transit);
  }
  if (!newer) return;
  if (any_ && !s.restart && sequence == newest_ + 1 && s.content == Content::kAudio) {
    const std::int64_t step = media - newest_media_;
    const std::int64_t ms = step * 1000 / settings_.clock;
    if (ms >= 5 && ms <= 120 && slot(newest_).content == Content::kAudio) step_ = step;
  }
  any_ = true;
  newest_ = sequence;
  newest_media_ = media;
  newest_timestamp_ = timestamp;
  newest_transit_ = transit;
}

void JitterBuffer::learn(Micros transit) {
  transits_[transit_at_] = transit;
  transit_at_ = (transit_at_ + 1) % kTransits;
  transit_count_ = std::min(transit_count_ + 1, kTransits);
  ++unread_transits_;
}

// Arrival minus media at which almost all of the last packets would be in time.
Micros JitterBuffer::wanted_offset() {
  if (unread_transits_ < kTransitsAtOnce) return wanted_;
  unread_transits_ = 0;
  std::array<Micros, kTransits> sorted = transits_;
  const auto begin = sorted.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(transit_count_);
  const auto nth = end - 1 - static_cast<std::ptrdiff_t>(transit_count_ / kOneIn);
  std::nth_element(begin, nth, end);
  const Micros fastest = *std::min_element(begin, end);
  wanted_ = std::min<Micros>(*nth + settings_.least, fastest + settings_.most);
  return wanted_;
}

JitterBuffer::Slot* JitterBuffer::first() {
  if (!any_) return nullptr;
  for (std::uint32_t n = next_; static_cast<std::int32_t>(newest_ - n) >= 0; ++n) {
    if (n - next_ > mask_) break;
    Slot& s = slot(n);
    if (s.full && s.sequence == n) return &s;
  }
  return nullptr;
}

// Everything below `sequence` is over; the last of them was delivered, or nothing was.
void JitterBuffer::pass_to(std::uint32_t sequence, bool delivered) {
  const std::uint32_t by = sequence - next_;
  delivered_ = by >= 64 ? 0 : delivered_ << by;
  if (delivered) delivered_ |= 1;
  next_ = sequence;
}

JitterBuffer::Got JitterBuffer::pause(Kind kind, std::int64_t units) const {
  Got g;
  g.kind = kind;
  g.duration = static_cast<std::uint32_t>(units);
  return g;
}

JitterBuffer::Got JitterBuffer::nothing_there() {
  if (!started_) return pause(Kind::kNothing, step_);
  playhead_ += step_;
  idle_ += step_;
  if (span_of(idle_) > kIdle) silent_ = true;
  return pause(silent_ ? Kind::kNothing : Kind::kLate, step_);
}

// What waited too long behind others is not played any more.
bool JitterBuffer::drop_stale(Slot& s, Instant now) {
  if (s.sequence == newest_) return false;
  const Instant oldest = std::min(s.arrival, slot(newest_).arrival);
  if (now - oldest <= settings_.most && span_of(newest_media_ - s.media) <= settings_.most) {
    return false;
  }
  s.full = false;
  ++counts_.dropped;
  pass_to(s.sequence + 1, false);
  return true;
}

// The beginning of a stream, of a time line or of a word: the one moment at which a delay costs
// nothing.
bool JitterBuffer::must_wait(Slot& s, Instant now) {
  const Micros waited = now - s.arrival;
  const Micros half = span_of(step_) / 2;
  if (waited >= settings_.most) return false;
  if (!started_ || s.restart) {
    return waited + half < settings_.least + span_of(step_);
  }
  if (!silent_) return false;
  return now.time_since_epoch() - span_of(s.media) + half < wanted_offset();
}

std::optional<JitterBuffer::Got> JitterBuffer::fill_gap(Slot& s, Instant now) {
  const std::int64_t gap = s.media - playhead_;
  if (gap <= step_ / 4 || now - s.arrival >= settings_.most) return std::nullopt;
  const std::int64_t now_filled = std::min(gap, step_);
  // Between words there is nothing to conceal; when to go on is must_wait()'s business.
  if (silent_) return std::nullopt;
  if (s.sequence == next_) {
    // No number is missing: the sender was silent (RFC 3551 4.1).
    silent_ = true;
    playhead_ += now_filled;
    return pause(Kind::kNothing, now_filled);
  }
  playhead_ += now_filled;
  const std::int64_t rest = gap - now_filled;
  const auto still_missing = static_cast<std::uint32_t>(
      std::min<std::int64_t>((rest + step_ - 1) / step_, s.sequence - next_ - 1));
  pass_to(s.sequence - still_missing, false);
  ++counts_.lost;
  Got g = pause(Kind::kLost, now_filled);
  if (rest <= step_ / 4) g.next = storage(s).first(s.size);
  return g;
}

// The delay beside what the last seconds needed.
std::optional<JitterBuffer::Got> JitterBuffer::adjust(Slot& s, Instant now, bool quiet) {
  const Micros wanted = wanted_offset();
  const Micros offset = now.time_since_epoch() - span_of(s.media);
  const Micros step = span_of(step_);
  const bool too_short = offset + step / 2 <= wanted && now - s.arrival < settings_.most;
  if (too_short && (quiet || grow_)) {
    grow_ = false;
    return pause(quiet ? Kind::kNothing : Kind::kLate, step_);
  }
  grow_ = false;
  const bool too_long = offset - wanted > step + kSlack;
  if (!too_long) {
    too_long_ = false;
    return std::nullopt;
  }
  if (!too_long_) {
    too_long_ = true;
    too_long_since_ = now;
  }
  const Slot& after = slot(s.sequence + 1);
  const bool another = after.full && after.sequence == s.sequence + 1 &&
                       after.content == Content::kAudio && !after.restart;
  if (!another || s.content != Content::kAudio) return std::nullopt;
  if (!quiet && now - too_long_since_ < kPatience) return std::nullopt;
  too_long_ = false;
  ++counts_.skipped;
  return deliver(s, now, Kind::kSkip);
}

JitterBuffer::Got JitterBuffer::deliver(Slot& s, Instant now, Kind kind) {
  Got g;
  g.kind = kind;
  g.payload = storage(s).first(s.size);
  g.timestamp = s.timestamp;
  g.duration = static_cast<std::uint32_t>(step_);
  g.tag = s.tag;
  g.content = s.content;
  s.full = false;
  pass_to(s.sequence + 1, true);
  playhead_ = s.media + step_;
  started_ = true;
  silent_ = s.content == Content::kSilence;
  idle_ = 0;
  delay_ = now - s.arrival;
  if (kind == Kind::kPacket) ++counts_.played;
  return g;
}

JitterBuffer::Got JitterBuffer::get(Instant now, bool quiet) {
  for (;;) {
    Slot* s = first();
    if (s == nullptr) return nothing_there();
    if (s->content == Content::kOther) {
      s->full = false;
      pass_to(s->sequence + 1, true);
      silent_ = true;
      continue;
    }
    if (drop_stale(*s, now)) continue;
    if (must_wait(*s, now)) {
      if (started_) playhead_ += step_;
      return pause(Kind::kNothing, step_);
    }
    if (started_ && !s->restart) {
      if (const auto gap = fill_gap(*s, now)) return *gap;
      if (!silent_) {
        if (const auto other = adjust(*s, now, quiet)) return *other;
      }
    }
    return deliver(*s, now, Kind::kPacket);
  }
}

}  // namespace causeway::codec
