// `causeway capture`: what trails hold, SIP as it passes, and the RTP of one live call.
#include <fmt/format.h>

#include <algorithm>

#include "app/commands.h"
#include "call/state.h"
#include "deployment/load.h"
#include "telemetry/pcapng.h"

namespace causeway::app {
namespace {

bool mentions(const telemetry::Trail& t, const std::vector<std::string>& peers) {
  for (const auto* e : t.events())
    if (std::find(peers.begin(), peers.end(), e->peer) != peers.end()) return true;
  return false;
}

// A peer, or a group and its peers; none when there is neither of that name. What comes from a
// group is not always told apart by peer: the trail then has the name of the group.
std::vector<std::string> peers_named(const deployment::Deployment& d, const std::string& name) {
  if (d.find_peer(name)) return {name};
  std::vector<std::string> out;
  if (const auto group = d.find_group(name))
    for (const auto p : d.group(*group).peers) out.push_back(d.peer(p).name);
  if (!out.empty() || d.find_group(name)) out.push_back(name);
  return out;
}

void send_file(std::span<const std::byte> bytes, const Responder& out) {
  for (std::size_t at = 0; at < bytes.size(); at += 32'768)
    out.bytes(bytes.subspan(at, std::min<std::size_t>(32'768, bytes.size() - at)));
  out.done();
}

std::string call_name(std::uint64_t id) { return fmt::format("{:013x}", id); }

}  // namespace

std::string Commands::realm_of(const Endpoint& local) const {
  const auto& d = gateway_.deployment();
  for (const auto& l : d.listeners)
    if (l.address == local) return d.realm(l.realm).name;
  return "unknown";
}

void Commands::capture(const Request& r, const Responder& out) {
  const std::string name = r.arg("name");
  const auto& d = gateway_.deployment();
  if (const std::string seconds = r.arg("for"); !seconds.empty())
    return capture_wire(name, seconds, out);
  std::vector<telemetry::Trail> found;
  if (const auto peers = peers_named(d, name); !peers.empty())
    found = trails({[&](const telemetry::Trail& t) { return mentions(t, peers); },
                    {},
                    [&](const call::CallState& c) {
                      return std::any_of(c.legs.begin(), c.legs.end(), [&](const auto& l) {
                        const auto has = [&](const std::string& one) {
                          return std::find(peers.begin(), peers.end(), one) != peers.end();
                        };
                        return has(l.peer) || has(l.group);
                      });
                    }});
  else
    found = trails_of(name);
  if (found.empty())
    return out.fail("'" + name + "' is neither a call with a trail nor a peer with calls");
  const std::string seconds = r.arg("rtp");
  if (seconds.empty()) return write_capture(found, {}, out);
  capture_media(name, seconds, std::move(found), out);
}

void Commands::capture_media(const std::string& name, const std::string& seconds,
                             std::vector<telemetry::Trail> found, const Responder& out) {
  const auto& d = gateway_.deployment();
  if (!d.operation.capture_media)
    return out.fail(
        "media may not be captured: the configuration does not say capture_media = true");
  if (!captures_.empty()) return out.fail("another capture of RTP is under way; wait for its end");
  // Of a peer, and of a SIP Call-ID, there may be calls that have ended, too.
  std::vector<CallId> live;
  for (const auto& part : gateway_.ask<std::vector<call::CallReport>>(
           [](call::GatewayShard& s) { return s.call_reports(); }))
    for (const auto& c : part)
      if (std::any_of(found.begin(), found.end(), [&](const auto& t) { return t.id() == c.id; }))
        live.push_back(c.id);
  if (live.size() != 1)
    return out.fail("RTP can be captured of one live call at a time: '" + name + "' names " +
                    (live.empty() ? "none" : std::to_string(live.size()) + " of them; say which"));
  const CallId id = live[0];
  bool started = false;
  for (const bool one : gateway_.ask<bool>([id](call::GatewayShard& s) { return s.start_tap(id); }))
    started = started || one;
  if (!started) return out.fail("call " + call_name(id.value) + " has just ended");
  std::erase_if(found, [&](const auto& t) { return t.id() != id; });
  const long length = std::clamp(std::strtol(seconds.c_str(), nullptr, 10), 1L, 300L);
  captures_.push_back(
      {id, std::chrono::steady_clock::now() + std::chrono::seconds(length), std::move(found), out});
}

bool Commands::is_live(CallId id) {
  const auto answers = gateway_.ask<bool>([id](call::GatewayShard& s) { return s.has_call(id); });
  return std::find(answers.begin(), answers.end(), true) != answers.end();
}

void Commands::finish_captures() {
  finish_wire();
  for (auto it = captures_.begin(); it != captures_.end();) {
    // A client that has gone, or a call that has ended, leaves nothing to wait for.
    if (it->until > std::chrono::steady_clock::now() && it->out.alive() && is_live(it->call)) {
      ++it;
      continue;
    }
    std::vector<call::TappedPacket> rtp;
    for (auto& part : gateway_.ask<std::vector<call::TappedPacket>>(
             [](call::GatewayShard& s) { return s.take_tapped(); }))
      rtp.insert(rtp.end(), std::make_move_iterator(part.begin()),
                 std::make_move_iterator(part.end()));
    const CallId id = it->call;
    // A good call that ended meanwhile may have no trail any more: what it had at first is shown.
    auto found = trails({[id](const telemetry::Trail& t) { return t.id() == id; },
                         [id](CallId other) { return other == id; },
                         {}});
    write_capture(found.empty() ? it->found : found, rtp, it->out);
    it = captures_.erase(it);
  }
}

void Commands::write_capture(const std::vector<telemetry::Trail>& found,
                             const std::vector<call::TappedPacket>& rtp, const Responder& out) {
  telemetry::PcapngWriter w("causeway " + std::string(deployment::software_version()));
  for (const auto& t : found) w.trail(t, [&](const Endpoint& local) { return realm_of(local); });
  for (const auto& p : rtp) w.packet("media", p.at, p.from, p.to, p.rtp);
  if (trails_left_out_ != 0)
    out.text(std::to_string(trails_left_out_) +
             " trails were left out: capture a call, or shorter with --for");
  send_file(w.take(), out);
}

// --- SIP as it passes ----------------------------------------------------------------------------

void Commands::capture_wire(const std::string& name, const std::string& seconds,
                            const Responder& out) {
  const auto& d = gateway_.deployment();
  if (!d.find_peer(name) && !d.find_group(name))
    return out.fail("'" + name + "' is neither a peer nor a peer group");
  if (live_) return out.fail("another capture --for is under way; wait for its end");
  const long length = std::clamp(std::strtol(seconds.c_str(), nullptr, 10), 1L, 3'600L);
  LiveCapture live{std::chrono::steady_clock::now() + std::chrono::seconds(length), {}, out};
  live.sinks = gateway_.ask<std::shared_ptr<WireCapture>>([name](call::GatewayShard& s) {
    auto sink = std::make_shared<WireCapture>(name);
    s.set_wire_sink(sink);
    return sink;
  });
  live_ = std::move(live);
}

void Commands::finish_wire() {
  if (!live_ || (live_->until > std::chrono::steady_clock::now() && live_->out.alive())) return;
  // Each shard lets go of its sink in its own time; from then on nobody writes into it.
  std::vector<WireCapture::Message> all;
  std::size_t left_out = 0;
  for (auto& part : gateway_.ask<WireCapture::Part>([sinks = live_->sinks](call::GatewayShard& s) {
         return WireCapture::take_from(s, sinks);
       })) {
    all.insert(all.end(), std::make_move_iterator(part.messages.begin()),
               std::make_move_iterator(part.messages.end()));
    left_out += part.left_out;
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.at.micros < b.at.micros; });
  telemetry::PcapngWriter w("causeway " + std::string(deployment::software_version()));
  for (const auto& m : all)
    w.message(realm_of(m.local), m.at, m.outgoing, m.local, m.remote, m.bytes,
              fmt::format("{} {} over {}", m.outgoing ? "to" : "from", m.remote.to_string(),
                          to_via_token(m.transport)));
  if (left_out != 0)
    live_->out.text(std::to_string(left_out) + " messages were left out: the capture was full");
  live_->out.text(std::to_string(all.size()) + " messages");
  send_file(w.take(), live_->out);
  live_.reset();
}

}  // namespace causeway::app
