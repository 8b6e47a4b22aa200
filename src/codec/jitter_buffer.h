// An adaptive jitter buffer for one stream that is decoded. Pure: time is given. Storage is made
// once; put() and get() never allocate. One thread.
//
// Whoever plays the stream asks get() for more whenever it has played what it had, and so moves
// through the media at the pace of its own clock. Packets come out in order, each at most once. The
// buffer begins with a delay of one packet. It grows when packets come too late to be played, up to
// `most`; it shrinks between words, or by a packet every few seconds when more is held than the
// last seconds needed. That also follows a sender whose clock is faster or slower than ours.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/raw_buffer.h"
#include "base/time.h"

namespace causeway::codec {

struct JitterSettings {
  std::uint32_t clock = 8000;    // of the timestamps
  std::uint16_t packet_ms = 20;  // until packets tell
  Millis least{0};               // held beyond what the measured jitter asks for
  Millis most{200};              // no packet that is played waited longer
};

struct JitterCounts {
  std::uint32_t taken = 0;      // put in
  std::uint32_t played = 0;     // came out
  std::uint32_t lost = 0;       // times that kLost was said
  std::uint32_t late = 0;       // came after their time
  std::uint32_t duplicate = 0;  // came again
  std::uint32_t dropped = 0;    // waited too long behind others
  std::uint32_t skipped = 0;    // given up to shorten the delay
  std::uint32_t restarts = 0;   // a sender that began anew with lower numbers
};

class JitterBuffer {
 public:
  explicit JitterBuffer(const JitterSettings& settings);

  enum class Content : std::uint8_t {
    kAudio,
    kSilence,  // comfort noise, SID: comes out in its turn; nothing is missing after it
    kOther,    // takes a sequence number but is not played here (telephone-event)
  };
  enum class Put : std::uint8_t { kTaken, kDuplicate, kLate, kRefused };
  // `sequence`: extended (RFC 3550 A.1), growing. `tag` comes out with the payload.
  Put put(std::uint32_t sequence, std::uint32_t timestamp, std::span<const std::byte> payload,
          Instant now, Content content = Content::kAudio, std::uint8_t tag = 0);

  enum class Kind : std::uint8_t {
    kPacket,   // decode and play it
    kSkip,     // decode it, play nothing of it, ask again at once: the delay gets shorter
    kLost,     // conceal `duration`; `next` holds the payload after the gap when that is the next
    kLate,     // conceal `duration`; nothing has come yet
    kNothing,  // silence for `duration`: not begun, or the sender sends none
  };
  struct Got {
    Kind kind = Kind::kNothing;
    std::span<const std::byte> payload;  // until the next put()
    std::span<const std::byte> next;
    std::uint32_t timestamp = 0;
    std::uint32_t duration = 0;  // units of the clock; of a packet: what is expected of it
    std::uint8_t tag = 0;
    Content content = Content::kAudio;
  };
  // `quiet`: what was played last can hardly be heard, so a packet more or less is not missed.
  [[nodiscard]] Got get(Instant now, bool quiet = false);

  // Another source: forgets everything but its counts.
  void reset();

  [[nodiscard]] const JitterCounts& counts() const { return counts_; }
  // How long what was played last had waited.
  [[nodiscard]] Micros delay() const { return delay_; }

 private:
  struct Slot {
    bool full = false;
    bool restart = false;  // the timestamps before it have nothing to do with its own
    Content content = Content::kAudio;
    std::uint8_t tag = 0;
    std::uint16_t size = 0;
    std::uint32_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::int64_t media = 0;  // its place in the stream, units of the clock
    Instant arrival{};
  };
  static constexpr std::size_t kTransits = 256;

  [[nodiscard]] Slot& slot(std::uint32_t sequence) { return slots_[sequence & mask_]; }
  [[nodiscard]] std::span<std::byte> storage(const Slot& s);
  [[nodiscard]] Micros span_of(std::int64_t units) const;
  [[nodiscard]] std::int64_t units_of(Micros span) const;
  [[nodiscard]] Slot* first();
  [[nodiscard]] Put late(std::uint32_t sequence, Micros transit, Instant now);
  void place(Slot& s, std::uint32_t sequence, std::uint32_t timestamp, Instant now);
  void make_room(std::uint32_t sequence);
  void learn(Micros transit);
  void pass_to(std::uint32_t sequence, bool delivered);
  [[nodiscard]] bool drop_stale(Slot& s, Instant now);
  [[nodiscard]] bool must_wait(Slot& s, Instant now);
  [[nodiscard]] std::optional<Got> fill_gap(Slot& s, Instant now);
  [[nodiscard]] std::optional<Got> adjust(Slot& s, Instant now, bool quiet);
  [[nodiscard]] Micros wanted_offset();
  [[nodiscard]] Got nothing_there();
  [[nodiscard]] Got pause(Kind kind, std::int64_t units) const;
  [[nodiscard]] Got deliver(Slot& s, Instant now, Kind kind);

  JitterSettings settings_;
  std::uint32_t mask_;
  std::vector<Slot> slots_;
  RawBuffer<std::byte> bytes_;

  bool any_ = false;             // something came
  bool started_ = false;         // something was played
  bool silent_ = false;          // between words, as far as we know
  std::uint32_t next_ = 0;       // the sequence number to be played next
  std::uint32_t newest_ = 0;     // the highest that came
  std::uint64_t delivered_ = 0;  // of the 64 before next_: bit 0 is next_ - 1
  std::int64_t newest_media_ = 0;
  std::uint32_t newest_timestamp_ = 0;
  Micros newest_transit_{0};
  std::int64_t playhead_ = 0;  // media that is to be played next
  std::int64_t step_;          // media of a packet
  std::int64_t idle_ = 0;      // media made up since the buffer ran empty
  int late_in_a_row_ = 0;
  bool grow_ = false;
  Instant last_late_{};
  Instant too_long_since_{};  // the delay has been longer than it need be
  bool too_long_ = false;
  Micros delay_{0};

  // Arrival minus media of the last packets: their spread is the jitter.
  std::array<Micros, kTransits> transits_{};
  std::size_t transit_count_ = 0;
  std::size_t transit_at_ = 0;
  std::size_t unread_transits_ = 0;  // since wanted_ was computed
  Micros wanted_{0};

  JitterCounts counts_;
};

}  // namespace causeway::codec
