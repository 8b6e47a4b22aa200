// Named telephone events (RFC 4733), both directions, as values: no clock, no socket. Pure, any
// thread; nothing allocates; no view outlives its call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace causeway::rtp {

inline constexpr std::size_t kEventBytes = 4;
inline constexpr std::uint8_t kFlashEvent = 16;

// 0-9, *, #, A-D for events 0-15; nullopt for others (they are relayed by number).
[[nodiscard]] std::optional<char> digit_of(std::uint8_t event);
[[nodiscard]] std::optional<std::uint8_t> event_of(char digit);  // a-d as A-D

// The payload of one event (RFC 4733 2.3).
struct EventPayload {
  std::uint8_t event = 0;
  std::uint8_t volume = 0;  // -dBm0, 0 to 63
  std::uint16_t duration = 0;
  bool end = false;
  friend bool operator==(const EventPayload&, const EventPayload&) = default;
};
// nullopt: not exactly one event. Several in one payload (RFC 4733 2.3.5 forbids it for DTMF) have
// no order in time that could be relayed.
[[nodiscard]] std::optional<EventPayload> parse_event(std::span<const std::byte> payload);
void write_event(std::span<std::byte, kEventBytes> out, const EventPayload& e);

// Makes one begin and one end of each event from its packets, whichever of them arrive.
//
// Feed every packet of the telephone-event payload type, and poll() from the leg's timer while
// active(). An event that is known only by its end packets gives begin and end at once. What
// arrives after the next event began is not reported any more: digits out of order are worse than
// digits missing. Call reset() when the SSRC changes.
class EventReceiver {
 public:
  struct Packet {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    bool marker = false;
    std::span<const std::byte> payload;
    std::uint32_t clock = 8'000;  // Hz of its payload type
  };
  enum class What : std::uint8_t { kBegin, kStill, kEnd, kRefused };
  struct Happened {
    What what = What::kRefused;
    std::uint8_t event = 0;
    std::uint8_t volume = 0;
    Micros duration{0};  // so far; of kEnd: in all, over every segment
    friend bool operator==(const Happened&, const Happened&) = default;
  };
  // At most the end of one event, and begin and end of the next, in this order.
  class List {
   public:
    [[nodiscard]] const Happened* begin() const { return items_.data(); }
    [[nodiscard]] const Happened* end() const { return items_.data() + count_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] const Happened& operator[](std::size_t i) const { return items_[i]; }

   private:
    friend class EventReceiver;
    void add(const Happened& h) { items_[count_++] = h; }
    std::array<Happened, 3> items_{};
    std::size_t count_ = 0;
  };

  // No packet for longer than `silence` ends an event (all three end packets were lost).
  explicit EventReceiver(Micros silence = Millis(100)) : silence_(silence) {}

  // Duplicates and late packets give an empty list.
  [[nodiscard]] List receive(const Packet& p, Instant now);
  // An end when the event has fallen silent.
  [[nodiscard]] std::optional<Happened> poll(Instant now);
  [[nodiscard]] bool active() const { return state_ == State::kOn; }
  [[nodiscard]] std::uint8_t event() const { return event_; }  // the latest
  // Forgets the source. An event in progress is ended.
  std::optional<Happened> reset();

 private:
  enum class State : std::uint8_t { kNone, kOn, kEnded, kFellSilent };
  [[nodiscard]] bool newer(const Packet& p, Instant now) const;
  [[nodiscard]] bool continues(const Packet& p, const EventPayload& e, Instant now) const;
  [[nodiscard]] bool repeats_end(const Packet& p, const EventPayload& e) const;
  [[nodiscard]] bool repeats_segment(const Packet& p, const EventPayload& e) const;
  [[nodiscard]] Happened happened(What what) const;
  void note(const Packet& p, const EventPayload& e, Instant now);

  Micros silence_;
  Instant last_arrival_{};
  std::uint64_t before_segment_ = 0;  // clock units in earlier segments
  std::uint32_t segment_ = 0;         // timestamp of the current one
  std::uint32_t clock_ = 8'000;
  std::uint16_t duration_ = 0;  // longest seen of the segment
  std::uint16_t sequence_ = 0;
  std::uint8_t event_ = 0;
  std::uint8_t volume_ = 0;
  State state_ = State::kNone;
};

// A packet that is due. It takes the leg's next sequence number; its timestamp is that of the
// event's begin.
struct EventPacket {
  std::array<std::byte, kEventBytes> payload{};
  std::uint32_t timestamp = 0;
  bool marker = false;
};

// Sends events one after the other on the packet clock of a leg. A value: copied with the leg, it
// goes on where it was.
class EventSender {
 public:
  struct Options {
    std::uint32_t clock = 8'000;  // Hz of the payload type
    Micros packet_time = Millis(20);
    Micros tone = Millis(100);       // of play() without a duration
    Micros gap = Millis(70);         // before a played digit
    Micros least_tone = Millis(40);  // Q.24; shorter ones are lengthened
    Micros least_gap = Millis(40);   // before a relayed digit: as fast as it may come in
    Micros longest = Seconds(120);   // an event that nobody stops
  };
  static constexpr std::size_t kQueue = 32;
  static constexpr std::uint8_t kVolume = 10;

  EventSender() : EventSender(Options{}) {}
  explicit EventSender(const Options& o);

  // An event whose length is not known yet. An earlier one that is still open ends now. False: the
  // queue is full, nothing was taken.
  bool start(std::uint8_t event, Instant now, std::uint8_t volume = kVolume);
  // Ends the open event, now or after the duration that the far side reported.
  void stop(Instant now);
  void stop_at(Micros duration);
  bool play(std::uint8_t event, Micros duration, std::uint8_t volume = kVolume);
  bool play(std::uint8_t event) { return play(event, options_.tone); }
  // Drops what waits; an event in progress gets its end packets.
  void clear();

  class Packets {
   public:
    [[nodiscard]] const EventPacket* begin() const { return items_.data(); }
    [[nodiscard]] const EventPacket* end() const { return items_.data() + count_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] const EventPacket& operator[](std::size_t i) const { return items_[i]; }

   private:
    friend class EventSender;
    void add(const EventPacket& p) { items_[count_++] = p; }
    std::array<EventPacket, 8> items_{};
    std::size_t count_ = 0;
  };
  // Call at least once in each packet time while busy(); more often does no harm. `timestamp` is
  // what an audio packet sent now would have, in units of the event clock.
  [[nodiscard]] Packets next(Instant now, std::uint32_t timestamp);

  // While a tone is on, no audio goes out (RFC 4733 2.5.1.2 lets events replace it).
  [[nodiscard]] bool sounding() const { return phase_ == Phase::kOn; }
  // Something is sounding, waits, or has end packets left.
  [[nodiscard]] bool busy() const { return phase_ != Phase::kIdle || count_ > 0; }
  [[nodiscard]] std::size_t waiting() const { return count_; }

 private:
  struct Entry {
    Instant asked{};
    Micros duration{0};
    std::uint8_t event = 0;
    std::uint8_t volume = 0;
    bool open = false;
    bool relayed = false;
  };
  enum class Phase : std::uint8_t { kIdle, kOn, kEnding };

  bool push(const Entry& e);
  [[nodiscard]] Entry* open_entry();
  [[nodiscard]] std::uint64_t units(Micros d) const;
  void begin(Instant now, std::uint32_t timestamp);
  void send_on(Instant now, Packets& out);
  void send_end(Packets& out);
  [[nodiscard]] EventPacket packet(std::uint32_t ts, std::uint64_t duration, bool end) const;

  Options options_;
  std::array<Entry, kQueue> queue_{};
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  Entry current_{};
  Instant began_{};
  Instant free_at_{};  // end of the last tone
  std::int64_t last_tick_ = -1;
  std::uint64_t segment_units_ = 0;  // where the segment began within the event
  std::uint32_t timestamp_ = 0;      // of the segment
  std::uint8_t ends_left_ = 0;
  std::uint8_t segment_ends_left_ = 0;
  bool played_before_ = false;
  Phase phase_ = Phase::kIdle;
};

}  // namespace causeway::rtp
