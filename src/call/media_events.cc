// What the media of a shard tells its calls, and the copy of one call's media for a capture.
#include "base/log.h"
#include "call/call.h"
#include "call/gateway_shard.h"

namespace causeway::call {

void GatewayShard::on_media_started(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_media_started(who->leg);
}
void GatewayShard::on_media_lost(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_media_lost(who->leg);
}
void GatewayShard::on_one_way(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_one_way(who->leg);
}
void GatewayShard::on_keys(media::MediaLegId id, bool good, std::string_view how) {
  if (const auto* who = media_legs_.find(id)) who->call->on_keys(who->leg, good, how);
}
void GatewayShard::on_unchecked(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_unchecked(who->leg);
}
void GatewayShard::on_digit(media::MediaLegId id, std::uint8_t event, Micros duration) {
  if (const auto* who = media_legs_.find(id)) who->call->on_digit(who->leg, event, duration);
}
void GatewayShard::on_digit_lost(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_digit_lost(who->leg);
}
void GatewayShard::on_fax(media::MediaLegId id, tone::FaxTone tone) {
  if (const auto* who = media_legs_.find(id)) who->call->on_fax(who->leg, tone);
}
void GatewayShard::on_fork_heard(media::MediaLegId id, std::string_view tag) {
  if (const auto* who = media_legs_.find(id)) who->call->on_fork_heard(who->leg, tag);
}
void GatewayShard::on_media_quiet(media::MediaLegId id) {
  if (const auto* who = media_legs_.find(id)) who->call->on_media_quiet();
}
void GatewayShard::on_tapped(media::MediaLegId, const Endpoint& from, const Endpoint& to,
                             std::span<const std::byte> rtp) {
  if (tapped_.size() < kMaxTapped)
    tapped_.push_back({reactor_.wall(), from, to, {rtp.begin(), rtp.end()}});
}

bool GatewayShard::start_tap(CallId id) {
  const auto* found = calls_.find(id);
  if (tapped_call_ || !found || !layer_.transport().deployment().operation.capture_media)
    return false;
  tapped_call_ = id;
  (*found)->tap_media(true);
  return true;
}

std::vector<TappedPacket> GatewayShard::take_tapped() {
  if (tapped_call_)
    if (const auto* found = calls_.find(*tapped_call_)) (*found)->tap_media(false);
  tapped_call_.reset();
  return std::exchange(tapped_, {});
}

// At most one a second in the log, every one of them in the counter.
void GatewayShard::on_media_failed(const std::string& peer, const std::string& what) {
  ++counters_.media_failed;
  const Instant now = reactor_.now();
  if (last_media_failed_ != Instant{} && now - last_media_failed_ < Seconds(1)) return;
  last_media_failed_ = now;
  on_media_alarm("media of peer " + peer + ": " + what);
}

void GatewayShard::on_media_alarm(std::string_view text) { log::error("alarm: {}", text); }

}  // namespace causeway::call
