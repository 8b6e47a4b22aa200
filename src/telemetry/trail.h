// The story of one call as structured events under one id: messages, decisions, media, state, the
// end. Written and read on the shard of the call; management threads see copies. What a Trail holds
// is masked before it is stored: keys, DTMF digits and locations never get in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/net.h"
#include "base/result.h"
#include "base/time.h"

namespace causeway::telemetry {

enum class EventKind : std::uint8_t {
  kMessageIn,
  kMessageOut,
  kDecision,      // what policy decided, and why
  kRouteAttempt,  // one peer is tried
  kMediaStart,    // text: the path in words ("relay", "RTP to SRTP")
  kMediaLoss,
  kMediaEnd,
  kState,  // of a leg or of the call
  kRefusal,
  kTimer,  // one fired
  kError,  // our own fault, or the operating system's
  kNote,
  kEnd,   // the termination
  kRule,  // a rule of a profile changed a message, or must not have
};
[[nodiscard]] std::string_view to_string(EventKind k);  // "message_in"
[[nodiscard]] std::optional<EventKind> event_kind(std::string_view name);

struct Field {
  std::string name, value;
  friend bool operator==(const Field&, const Field&) = default;
};

struct Event {
  EventKind kind = EventKind::kNote;
  WallTime at;
  std::uint32_t leg = 0;  // 0: the call as a whole
  std::string peer;       // name of the peer, or its address when it has none
  std::string text;       // for a person
  std::vector<Field> fields;
  // Of messages alone
  Transport transport = Transport::kUdp;
  Endpoint local, remote;
  std::string message;  // raw SIP, masked
  friend bool operator==(const Event&, const Event&) = default;
};

// A SIP message with secrets replaced by same-looking text: keys in a=crypto and a=key-mgmt, DTMF
// digits in INFO bodies, everything in a PIDF-LO body. Returns nullopt when there is nothing to
// mask, which costs one scan of the message and no allocation.
[[nodiscard]] std::optional<std::string> mask_if_needed(std::string_view sip_message);
[[nodiscard]] std::string mask(std::string_view sip_message);

// A message that was longer than a trail keeps ends with a note of ours. Takes the note off; how
// many bytes it says are missing, 0: there was none.
[[nodiscard]] std::size_t take_cut_note(std::string_view& message);

// Bounded: when full, the beginning is kept (half of the bytes) and of the rest the latest.
class Trail {
 public:
  static constexpr std::size_t kDefaultBytes = 16'384;
  static constexpr std::size_t kMaxTextBytes = 2'048;  // of one text, name or value

  explicit Trail(CallId id, std::size_t max_bytes = kDefaultBytes);

  // Message events are masked here, whoever wrote them.
  void add(Event event);
  void message(bool in, WallTime at, std::uint32_t leg, std::string_view peer, Transport transport,
               const Endpoint& local, const Endpoint& remote, std::string_view raw);
  void add(EventKind kind, WallTime at, std::uint32_t leg, std::string_view text,
           std::vector<Field> fields = {}, std::string_view peer = {});

  [[nodiscard]] CallId id() const { return id_; }
  [[nodiscard]] std::size_t bytes() const { return head_bytes_ + tail_bytes_; }
  [[nodiscard]] std::size_t max_bytes() const { return max_bytes_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::size_t dropped_after() const { return head_.size(); }  // events before the gap
  // In order of time; the gap, if any, lies behind the first dropped_after() of them.
  [[nodiscard]] std::vector<const Event*> events() const;
  [[nodiscard]] bool empty() const { return head_.empty() && packed_.empty(); }
  [[nodiscard]] std::optional<WallTime> started() const;
  [[nodiscard]] WallTime last() const;  // when something was added last; zero: nothing was

  // Of a call that has nothing to say for now: the events in a quarter of the room. Until unpack(),
  // only id(), bytes(), empty() and packed() may be asked.
  void pack();
  void unpack();
  [[nodiscard]] bool packed() const { return !packed_.empty(); }
  friend bool operator==(const Trail&, const Trail&) = default;

 private:
  friend Result<Trail> import_json(std::string_view text);
  void restore(std::vector<Event> events, std::size_t head);  // as exported, nothing dropped again

  CallId id_;
  std::size_t max_bytes_;
  std::vector<Event> head_;
  std::list<Event> tail_;  // most calls have none
  std::size_t head_bytes_ = 0, tail_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool head_full_ = false;
  std::string packed_;            // LZ4; empty: not packed
  std::uint32_t plain_size_ = 0;  // of what packed_ holds
};

// JSON lines, version 1: a line for the trail, then one for each event. Bytes that are not UTF-8
// are kept.
inline constexpr int kTrailVersion = 1;
[[nodiscard]] std::string export_json(const Trail& trail);
[[nodiscard]] Result<Trail> import_json(std::string_view text);

// The trails of one shard: of live calls, pinned until they end, and of ended ones that are worth
// keeping.
class TrailStore {
 public:
  struct Limits {
    std::size_t bytes_per_call = Trail::kDefaultBytes;
    std::uint32_t keep_one_in = 100;  // of good calls; 0: none
    std::size_t kept = 2'000;         // the oldest goes first
    std::size_t live = 100'000;       // beyond it, calls go on without a trail
  };
  enum class Outcome : std::uint8_t { kGood, kPoor, kFailed };

  explicit TrailStore(Limits limits) : limits_(limits) {}

  // Null when the store is full of live calls, or the id is in use. The pointer is good until
  // finish(). Whoever is given a trail finds it unpacked.
  [[nodiscard]] Trail* start(CallId id);
  [[nodiscard]] Trail* live(CallId id);
  // Marks a live call to be kept whatever becomes of it; false when there is none of this id.
  bool trace(CallId id);
  void finish(CallId id, Outcome outcome);
  // What is heard of a call when it is over. False: it was said last, or the trail is not kept.
  bool add_late(CallId id, EventKind kind, WallTime at, std::uint32_t leg, std::string_view text,
                std::string_view peer);
  void set_limits(Limits limits);  // of calls that start from now on

  // Packs live trails to which nothing was added since `before`, until it has looked at `most` of
  // them or has packed kRestBytes. How many more there are to look at now.
  static constexpr std::size_t kRestBytes = 256 * 1024;
  std::size_t rest(WallTime before, std::size_t most);

  [[nodiscard]] bool contains(CallId id) const;  // live or kept
  [[nodiscard]] const Trail* find(CallId id);    // live or kept
  // Live ones, then kept ones from the newest; visit(const Trail&) returns false to stop. A live
  // one may have to be unpacked: worth(CallId) says first whether it is worth that.
  template <typename F, typename W>
  void each(F visit, W worth) const {
    for (const auto& [id, slot] : live_)
      if (worth(id) && !(slot.trail.packed() ? visit(unpacked(slot.trail)) : visit(slot.trail)))
        return;
    for (auto it = kept_.rbegin(); it != kept_.rend(); ++it)
      if (!visit(*it)) return;
  }
  template <typename F>
  void each(F visit) const {
    each(std::move(visit), [](CallId) { return true; });
  }
  [[nodiscard]] std::size_t live_count() const { return live_.size(); }
  [[nodiscard]] std::size_t kept_count() const { return kept_.size(); }
  [[nodiscard]] std::uint64_t without_trail() const { return without_trail_; }
  // The same answer for the same call on every node and in every run.
  [[nodiscard]] static bool sampled(CallId id, std::uint32_t one_in);

 private:
  struct Slot {
    Trail trail;
    bool traced = false;
  };
  struct Awake {
    CallId id;
    WallTime since;  // not to be looked at before something is that old
  };
  [[nodiscard]] static Trail unpacked(Trail copy) {
    copy.unpack();
    return copy;
  }
  Limits limits_;
  std::unordered_map<CallId, Slot> live_;
  std::deque<Awake> awake_;  // live and not packed; those that ended go when they are looked at
  std::list<Trail> kept_;
  std::unordered_map<CallId, std::list<Trail>::iterator> kept_by_id_;
  std::uint64_t without_trail_ = 0;
};

}  // namespace causeway::telemetry
