#include "telemetry/trail.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace causeway::telemetry {
namespace {

constexpr std::array<std::string_view, 14> kNames = {
    "message_in", "message_out", "decision", "route_attempt", "media_start",
    "media_loss", "media_end",   "state",    "refusal",       "timer",
    "error",      "note",        "end",      "rule"};

// What an event weighs, with the room that its own members take.
std::size_t weight(const Event& e) {
  std::size_t n = sizeof(Event) + e.peer.size() + e.text.size() + e.message.size();
  for (const auto& f : e.fields) n += sizeof(Field) + f.name.size() + f.value.size();
  return n;
}

void cut(std::string& s, std::size_t most) {
  if (s.size() <= most) return;
  const std::string note = " [" + std::to_string(s.size() - most) + " bytes cut]";
  s.resize(most);
  s += note;
}

}  // namespace

std::size_t take_cut_note(std::string_view& message) {
  constexpr std::string_view kEnd = " bytes cut]";
  if (!message.ends_with(kEnd)) return 0;
  const auto at = message.rfind(" [");
  std::size_t bytes = 0;
  const char* end = message.data() + message.size() - kEnd.size();
  if (at == std::string_view::npos ||
      std::from_chars(message.data() + at + 2, end, bytes).ptr != end)
    return 0;
  message = message.substr(0, at);
  return bytes;
}

// Of a call that is answered and ends.
constexpr std::size_t kUsualEvents = 20;

std::string_view to_string(EventKind k) { return kNames[static_cast<std::size_t>(k)]; }

std::optional<EventKind> event_kind(std::string_view name) {
  const auto it = std::find(kNames.begin(), kNames.end(), name);
  if (it == kNames.end()) return std::nullopt;
  return static_cast<EventKind>(it - kNames.begin());
}

Trail::Trail(CallId id, std::size_t max_bytes)
    : id_(id), max_bytes_(std::max<std::size_t>(max_bytes, 4'096)) {
  head_.reserve(kUsualEvents);
}

void Trail::add(Event e) {
  if (!e.message.empty())
    if (auto masked = mask_if_needed(e.message)) e.message = std::move(*masked);
  constexpr std::size_t kMaxFields = 32;
  cut(e.text, kMaxTextBytes);
  cut(e.peer, 256);
  if (e.fields.size() > kMaxFields) e.fields.resize(kMaxFields);
  for (auto& f : e.fields) {
    cut(f.name, 64);
    cut(f.value, 512);
  }
  cut(e.message, max_bytes_ / 4);
  e.message.shrink_to_fit();

  // However much its fields hold, one event never takes more than a quarter.
  std::size_t size = weight(e);
  while (size > max_bytes_ / 2 && !e.fields.empty()) {
    e.fields.pop_back();
    size = weight(e);
  }
  if (!head_full_ && (head_.empty() || head_bytes_ + size <= max_bytes_ / 2)) {
    head_bytes_ += size;
    head_.push_back(std::move(e));
    return;
  }
  head_full_ = true;
  while (!tail_.empty() && head_bytes_ + tail_bytes_ + size > max_bytes_) {
    tail_bytes_ -= weight(tail_.front());
    tail_.pop_front();
    ++dropped_;
  }
  tail_bytes_ += size;
  tail_.push_back(std::move(e));
}

void Trail::message(bool in, WallTime at, std::uint32_t leg, std::string_view peer,
                    Transport transport, const Endpoint& local, const Endpoint& remote,
                    std::string_view raw) {
  Event e;
  e.kind = in ? EventKind::kMessageIn : EventKind::kMessageOut;
  e.at = at;
  e.leg = leg;
  e.peer = peer;
  e.transport = transport;
  e.local = local;
  e.remote = remote;
  e.message = raw;
  add(std::move(e));
}

void Trail::add(EventKind kind, WallTime at, std::uint32_t leg, std::string_view text,
                std::vector<Field> fields, std::string_view peer) {
  Event e;
  e.kind = kind;
  e.at = at;
  e.leg = leg;
  e.peer = peer;
  e.text = text;
  e.fields = std::move(fields);
  add(std::move(e));
}

void Trail::restore(std::vector<Event> events, std::size_t head) {
  head = std::min(head, events.size());
  const auto middle = events.begin() + static_cast<std::ptrdiff_t>(head);
  head_.assign(std::make_move_iterator(events.begin()), std::make_move_iterator(middle));
  tail_.assign(std::make_move_iterator(middle), std::make_move_iterator(events.end()));
  for (const auto& e : head_) head_bytes_ += weight(e);
  for (const auto& e : tail_) tail_bytes_ += weight(e);
  head_full_ = !tail_.empty();
}

std::vector<const Event*> Trail::events() const {
  std::vector<const Event*> out;
  out.reserve(head_.size() + tail_.size());
  for (const auto& e : head_) out.push_back(&e);
  for (const auto& e : tail_) out.push_back(&e);
  return out;
}

WallTime Trail::last() const {
  if (!tail_.empty()) return tail_.back().at;
  return head_.empty() ? WallTime{} : head_.back().at;
}

std::optional<WallTime> Trail::started() const {
  if (head_.empty()) return std::nullopt;
  return head_.front().at;
}

}  // namespace causeway::telemetry
