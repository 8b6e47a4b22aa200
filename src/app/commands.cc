#include "app/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "app/restart_keys.h"
#include "base/log.h"
#include "deployment/load.h"
#include "telemetry/ladder.h"
#include "telemetry/pcapng.h"

namespace causeway::app {
namespace {

WallTime wall_now() {
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  return {ts.tv_sec * 1'000'000LL + ts.tv_nsec / 1'000};
}

std::string call_name(std::uint64_t id) { return fmt::format("{:013x}", id); }

std::string ago(std::int64_t ms) {
  if (ms < 0) return "never";
  if (ms < 10'000) return fmt::format("{:.1f} s ago", static_cast<double>(ms) / 1000);
  return fmt::format("{} s ago", ms / 1000);
}

bool mentions(const telemetry::Trail& t, const std::vector<std::string>& peers) {
  for (const auto* e : t.events())
    if (std::find(peers.begin(), peers.end(), e->peer) != peers.end()) return true;
  return false;
}

// A peer, or every peer of a group; none when there is neither of that name.
std::vector<std::string> peers_named(const deployment::Deployment& d, const std::string& name) {
  if (d.find_peer(name)) return {name};
  std::vector<std::string> out;
  if (const auto group = d.find_group(name))
    for (const auto p : d.group(*group).peers) out.push_back(d.peer(p).name);
  return out;
}

}  // namespace

void Commands::on_command(const Request& request, Responder responder) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxQueue) {
      responder.fail("too many commands at once");
      return;
    }
    queue_.emplace_back(request, std::move(responder));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void Commands::run_queued(const Stopping& stopping) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (queue_.empty()) return;
    auto [request, responder] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    run(request, responder, stopping);
  }
}

void Commands::run(const Request& r, const Responder& out, const Stopping& stopping) {
  using Kind = peers::PeerTable::Kind;
  if (r.command == "status")
    status(out, stopping);
  else if (stopping.begun() && (r.command == "apply" || r.command == "confirm"))
    out.fail("the gateway is stopping: its configuration is not changed any more");
  else if (r.command == "calls")
    calls(r, out);
  else if (r.command == "trace")
    trace(r, out);
  else if (r.command == "capture")
    capture(r, out);
  else if (r.command == "peer")
    service(r, out, Kind::kPeer);
  else if (r.command == "group")
    service(r, out, Kind::kGroup);
  else if (r.command == "region")
    service(r, out, Kind::kRegion);
  else if (r.command == "apply")
    apply(r, out);
  else if (r.command == "history")
    history(out);
  else if (r.command == "diff") {
    int n = 0;
    const std::string text = r.arg("number");
    std::from_chars(text.data(), text.data() + text.size(), n);
    auto d = history_.diff(n);
    if (!d) return out.fail(d.error().what);
    out.text(d->empty() ? "no difference" : *d);
    out.done();
  } else if (r.command == "confirm") {
    if (auto ok = history_.confirm(); !ok) return out.fail(ok.error().what);
    revert_failure_.clear();
    revert_not_before_ = {};
    out.text("confirmed: configuration " + std::to_string(history_.current()) + " stays in force");
    out.done();
  } else {
    out.fail("unknown command '" + r.command + "'");
  }
}

// --- status ------------------------------------------------------------------------------------

void Commands::status(const Responder& out, const Stopping& stopping) {
  struct Part {
    telemetry::ShardCounters counters;
    std::vector<call::PeerReport> peers;
    transport::SipTransport::ConnectionCounts connections;
    media::PlaneStats media;
    std::size_t transactions = 0;
    std::vector<std::string> drops;
  };
  const auto parts = gateway_.ask<Part>([](call::GatewayShard& s) {
    Part p{s.counters(), s.peer_reports(), s.connections(), s.media_stats(), s.transactions(), {}};
    const auto& d = s.recent_drops();
    p.drops.assign(d.size() > 5 ? d.end() - 5 : d.begin(), d.end());
    return p;
  });
  if (parts.empty()) return out.fail("no shard answered");
  telemetry::ShardCounters sum;
  std::size_t transactions = 0, incoming = 0, outgoing = 0;
  std::uint64_t exhausted = 0, legs = 0;
  std::vector<std::string> drops;
  auto peers = parts[0].peers;
  for (const auto& p : parts) {
    sum.merge(p.counters);
    transactions += p.transactions;
    incoming += p.connections.incoming;
    outgoing += p.connections.outgoing;
    exhausted += p.media.ports_exhausted;
    legs += p.media.legs;
    drops.insert(drops.end(), p.drops.begin(), p.drops.end());
    for (std::size_t i = 0; i < peers.size() && i < p.peers.size();
         ++i) {                                                 // whoever probed last knows best
      const auto latest = [](std::int64_t a, std::int64_t b) {  // -1: never
        return a < 0 ? b : b < 0 ? a : std::min(a, b);
      };
      const auto in = latest(peers[i].options_in_ms, p.peers[i].options_in_ms);
      if (p.peers[i].options_out_ms >= 0 &&
          latest(peers[i].options_out_ms, p.peers[i].options_out_ms) == p.peers[i].options_out_ms)
        peers[i] = p.peers[i];
      peers[i].options_in_ms = in;
    }
  }
  const auto& d = gateway_.deployment();
  out.text(fmt::format("causeway {}, node {}, {} shards, configuration {}{}",
                       deployment::software_version(), d.operation.node.value, parts.size(),
                       history_.current(), history_.pending() ? " (waits to be confirmed)" : ""));
  if (!revert_failure_.empty())
    out.text("ALARM: an unconfirmed configuration could not be taken back: " + revert_failure_);
  out.text(
      fmt::format("calls: {} now, {} begun, {} answered, {} failed; {} media legs, {} "
                  "transactions, connections {} in, {} out; {} OPTIONS answered",
                  sum.calls_now, sum.calls_started, sum.calls_answered, sum.calls_failed, legs,
                  transactions, incoming, outgoing, sum.options_answered));
  if (stopping.begun())
    out.text(fmt::format("STOPPING: {}, {} calls left; {} in {} s at the latest",
                         stopping.stage() == Stopping::Stage::kDraining ? "draining" : "ending",
                         sum.calls_now,
                         stopping.stage() == Stopping::Stage::kDraining
                             ? "they get BYE (with another SIGTERM at once)"
                             : "the process ends",
                         stopping.left(std::chrono::steady_clock::now()).count()));
  if (const auto records = gateway_.records().statistics(); records.dropped + records.errors != 0)
    out.text(
        fmt::format("ALARM: {} call records were lost: {} found the queue full, {} could not "
                    "be written",
                    records.dropped + records.errors, records.dropped, records.errors));
  if (exhausted) out.text(fmt::format("ALARM: media ports were exhausted {} times", exhausted));
  for (const auto& [name, until] : gateway_.certificates()) {
    const auto days = (until.micros - wall_now().micros) / 86'400'000'000LL;
    out.text(fmt::format("certificate '{}': {} days left{}", name, days,
                         days < Gateway::kExpiryWarning.count() ? "  WARNING: renew it" : ""));
  }
  if (!gateway_.certificate_trouble().empty())
    out.text("ALARM: changed certificate files are not used: " + gateway_.certificate_trouble());
  if (!reload_trouble_.empty())
    out.text("ALARM: the last reload changed nothing: " + reload_trouble_);
  out.text("");
  out.head({"GROUP", "PEER", "ADDRESS", "STATE", "OPTIONS OUT", "OPTIONS IN", "LAST",
            "CALLS OF GROUP", ""});
  for (const auto& p : peers)
    out.row({p.group, p.peer, p.address + "/" + std::string(to_string(p.transport)), p.state,
             ago(p.options_out_ms), ago(p.options_in_ms),
             p.last_status ? std::to_string(p.last_status) : "-", std::to_string(p.calls), p.why});
  if (!sum.refused.all().empty()) {
    out.text("");
    out.head({"CALLS REFUSED BY REASON", "COUNT"});
    for (const auto& [label, n] : sum.refused.all()) out.row({label, std::to_string(n)});
  }
  if (!sum.dropped.all().empty()) {
    out.text("");
    out.head({"MESSAGES DROPPED OR REFUSED", "COUNT"});
    for (const auto& [label, n] : sum.dropped.all()) out.row({label, std::to_string(n)});
    out.text("");
    out.text("latest:");
    std::sort(drops.begin(), drops.end());
    for (std::size_t i = drops.size() > 5 ? drops.size() - 5 : 0; i < drops.size(); ++i)
      out.text("  " + drops[i]);
  }
  out.done();
}

// --- calls, trace, capture ---------------------------------------------------------------------

void Commands::calls(const Request& r, const Responder& out) {
  const std::string number = r.arg("number"), peer = r.arg("peer"), since = r.arg("since");
  const bool failed = !r.arg("failed").empty();
  const std::int64_t from =
      since.empty() ? 0 : wall_now().micros - std::strtoll(since.c_str(), nullptr, 10) * 1'000'000;
  struct Part {
    std::vector<telemetry::CallRecord> ended;
    std::vector<call::CallReport> live;
  };
  std::vector<telemetry::CallRecord> ended;
  std::vector<call::CallReport> live;
  for (auto& p : gateway_.ask<Part>([](call::GatewayShard& s) {
         return Part{{s.recent().begin(), s.recent().end()}, s.call_reports()};
       })) {
    ended.insert(ended.end(), p.ended.begin(), p.ended.end());
    live.insert(live.end(), p.live.begin(), p.live.end());
  }
  std::sort(ended.begin(), ended.end(),
            [](const auto& a, const auto& b) { return a.started.micros > b.started.micros; });
  const auto hit = [&](const std::string& a, const std::string& b) {
    return number.empty() || a.find(number) != std::string::npos ||
           b.find(number) != std::string::npos;
  };
  const auto at = [&](const std::string& p) { return peer.empty() || p == peer; };
  out.head({"CALL", "BEGAN", "FROM", "TO", "IN", "OUT", "SET-UP", "LENGTH", "OUTCOME", "REASON"});
  if (!failed)
    for (const auto& c : live)
      if (hit(c.from, c.to) && (at(c.ingress) || at(c.egress)) && c.began.micros >= from)
        out.row({call_name(c.id.value), format_time_of_day(c.began), c.from, c.to, c.ingress,
                 c.egress, "", "", c.state, c.emergency ? "EMERGENCY" : ""});
  std::size_t shown = 0;
  for (const auto& c : ended) {
    if (shown == 200) break;
    if (!hit(c.from, c.to) ||
        !(at(c.ingress_peer) || at(c.egress_peer) || at(c.ingress_group) || at(c.egress_group)) ||
        c.started.micros < from || (failed && !call::is_failure(c.termination)))
      continue;
    ++shown;
    out.row({call_name(c.call), format_time_of_day(c.started), c.from, c.to,
             c.ingress_peer.empty() ? c.ingress_group : c.ingress_peer,
             c.egress_peer.empty() ? c.egress_group : c.egress_peer,
             fmt::format("{} ms", c.setup_ms()),
             fmt::format("{:.1f} s", static_cast<double>(c.duration_ms()) / 1000),
             c.termination + (c.sip_status ? " " + std::to_string(c.sip_status) : ""), c.reason});
  }
  out.done();
}

std::vector<telemetry::Trail> Commands::trails(
    const std::function<bool(const telemetry::Trail&)>& wanted) {
  std::vector<telemetry::Trail> all;
  for (auto& part : gateway_.ask<std::vector<telemetry::Trail>>([wanted](call::GatewayShard& s) {
         std::vector<telemetry::Trail> out;
         s.trails().each([&](const telemetry::Trail& t) {
           if (wanted(t)) out.push_back(t);
           return out.size() < 500;
         });
         return out;
       }))
    all.insert(all.end(), std::make_move_iterator(part.begin()),
               std::make_move_iterator(part.end()));
  return all;
}

namespace {
// Our id as `calls` shows it (or its beginning), or with all 16 digits as in call records.
std::function<bool(const telemetry::Trail&)> of_id(const std::string& name) {
  return [name](const telemetry::Trail& t) {
    const std::string id = call_name(t.id().value);
    return !name.empty() && (id.starts_with(name) || name == fmt::format("{:016x}", t.id().value));
  };
}

// The SIP Call-ID of either leg: looks into every message that is kept.
std::function<bool(const telemetry::Trail&)> of_call_id(const std::string& name) {
  return [name](const telemetry::Trail& t) {
    if (name.size() < 6) return false;
    for (const auto* e : t.events())
      if (e->message.find("Call-ID: " + name + "\r\n") != std::string::npos) return true;
    return false;
  };
}
}  // namespace

// Only a name that is no id costs the shards a look into every message.
std::vector<telemetry::Trail> Commands::trails_of(const std::string& call) {
  auto found = trails(of_id(call));
  return found.empty() ? trails(of_call_id(call)) : found;
}

void Commands::trace(const Request& r, const Responder& out) {
  const auto found = trails_of(r.arg("name"));
  if (found.empty())
    return out.fail("no trail of call '" + r.arg("name") +
                    "': `causeway calls` lists calls; good ones are kept one in " +
                    std::to_string(gateway_.deployment().limits.keep_one_in));
  if (found.size() > 1)
    return out.fail("'" + r.arg("name") + "' names " + std::to_string(found.size()) +
                    " calls: write more of the id");
  if (r.arg("json").empty())
    out.text(telemetry::render_ladder(found[0], 110));
  else
    out.text(telemetry::export_json(found[0]));
  out.done();
}

std::string Commands::realm_of(const Endpoint& local) const {
  const auto& d = gateway_.deployment();
  for (const auto& l : d.listeners)
    if (l.address == local) return d.realm(l.realm).name;
  return "unknown";
}

void Commands::capture(const Request& r, const Responder& out) {
  const std::string name = r.arg("name");
  const auto& d = gateway_.deployment();
  std::vector<telemetry::Trail> found;
  if (const auto peers = peers_named(d, name); !peers.empty())
    found = trails([peers](const telemetry::Trail& t) { return mentions(t, peers); });
  else
    found = trails_of(name);
  if (found.empty())
    return out.fail("'" + name + "' is neither a call with a trail nor a peer with calls");
  const std::string seconds = r.arg("rtp");
  if (seconds.empty()) return write_capture(found, {}, out);
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

void Commands::finish_captures() {
  for (auto it = captures_.begin(); it != captures_.end();) {
    if (it->until > std::chrono::steady_clock::now()) {
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
    auto found = trails([id](const telemetry::Trail& t) { return t.id() == id; });
    write_capture(found.empty() ? it->found : found, rtp, it->out);
    it = captures_.erase(it);
  }
}

void Commands::write_capture(const std::vector<telemetry::Trail>& found,
                             const std::vector<call::TappedPacket>& rtp, const Responder& out) {
  telemetry::PcapngWriter w("causeway " + std::string(deployment::software_version()));
  for (const auto& t : found) w.trail(t, [&](const Endpoint& local) { return realm_of(local); });
  for (const auto& p : rtp) w.packet("media", p.at, p.from, p.to, p.rtp);
  const auto bytes = w.take();
  for (std::size_t at = 0; at < bytes.size(); at += 32'768)
    out.bytes(std::span(bytes).subspan(at, std::min<std::size_t>(32'768, bytes.size() - at)));
  out.done();
}

// --- In and out of service ---------------------------------------------------------------------

void Commands::service(const Request& r, const Responder& out, peers::PeerTable::Kind kind) {
  const std::string action = r.arg("action"), name = r.arg("name");
  const bool drain = action == "drain", block = action == "block";
  if (!drain && !block && action != "resume")
    return out.fail("'" + action + "' is not drain, block or resume");
  const auto admin = block   ? peers::Admin::kBlock
                     : drain ? peers::Admin::kDrain
                             : peers::Admin::kActive;
  if (auto ok = gateway_.set_admin(kind, name, admin); !ok) return out.fail(ok.error().what);
  const auto state = block   ? ServiceState::kBlocked
                     : drain ? ServiceState::kDraining
                             : ServiceState::kInService;
  if (auto ok = states_.set(static_cast<PeerStates::Kind>(kind), name, state); !ok)
    return out.fail("in force, but would not survive a restart: " + ok.error().what);
  log::info("{} '{}' is now {}", r.command, name, to_string(state));
  out.text(r.command + " '" + name + "' is now " + std::string(to_string(state)));
  out.done();
}

// --- Configuration -----------------------------------------------------------------------------

namespace {
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}
}  // namespace

Result<std::vector<std::string>> Commands::put_in_force(const std::string& text,
                                                        const std::string& file) {
  deployment::LoadOptions options;
  options.now = wall_now();
  const auto slash = file.rfind('/');
  options.base_directory = slash == std::string::npos ? "." : file.substr(0, slash);
  const auto loaded = deployment::load_text(text, file, options);
  if (!loaded.deployment)
    return fail(ErrorCode::kConfiguration,
                "the configuration in force stays:\n" + loaded.to_string());
  if (auto ok = gateway_.apply(loaded.deployment); !ok) return tl::unexpected(ok.error());
  return changed_restart_keys(gateway_.started_with(), *loaded.deployment);
}

void Commands::apply(const Request& r, const Responder& out) {
  if (history_.pending())
    return out.fail("configuration " + std::to_string(history_.pending()->number) +
                    " still waits to be confirmed: `causeway confirm` first");
  const auto later = put_in_force(r.arg("text"), r.arg("file"));
  if (!later) return out.fail(later.error().what);
  const long confirm = std::strtol(r.arg("confirm").c_str(), nullptr, 10);
  const auto entry = history_.record(r.arg("text"), r.arg("file"),
                                     r.arg("who").empty() ? "operator" : r.arg("who"), "apply",
                                     wall_now(), Seconds(confirm));
  if (!entry) return out.fail("in force, but not recorded: " + entry.error().what);
  reload_trouble_.clear();
  log::info("configuration {} is in force, from {}", entry->number, r.arg("file"));
  out.text("configuration " + std::to_string(entry->number) + " is in force");
  if (!later->empty()) {
    log::warning("changed, and in force only after a restart: {}", joined(*later));
    out.text("changed, and in force only after a restart: " + joined(*later));
  }
  if (confirm > 0)
    out.text("it is taken back in " + std::to_string(confirm) +
             " s unless you say: causeway confirm");
  out.done();
}

void Commands::reload(const std::string& file) {
  if (history_.pending()) {
    log::error("reload: configuration {} waits to be confirmed; it stays in force",
               history_.pending()->number);
    return;
  }
  deployment::LoadOptions options;
  options.now = wall_now();
  const auto loaded = deployment::load_file(file, options);
  if (!loaded.deployment) {
    log::error("reload: the configuration in force stays:\n{}", loaded.to_string());
    reload_trouble_ = loaded.to_string();
    return;
  }
  if (auto ok = gateway_.apply(loaded.deployment); !ok) {
    log::error("reload: the configuration in force stays: {}", ok.error().what);
    reload_trouble_ = ok.error().what;
    return;
  }
  if (const auto later = changed_restart_keys(gateway_.started_with(), *loaded.deployment);
      !later.empty())
    log::warning("reload: changed, and in force only after a restart: {}", joined(later));
  reload_trouble_.clear();
  if (auto entry = history_.record_reload(loaded.deployment->source, file, wall_now()); !entry)
    log::error("reload: not recorded: {}", entry.error().what);
  else
    log::info("reloaded {}: configuration {} is in force", file, entry->number);
}

// First into force, then into the history: what it says has happened.
void Commands::revert_if_due() {
  const auto now = std::chrono::steady_clock::now();
  if (!history_.due(wall_now()) || now < revert_not_before_) return;
  revert_not_before_ = now + kRevertAgain;
  const auto failed = [&](const std::string& why) {
    revert_failure_ = why;
    log::error("taking back an unconfirmed configuration: {}; tried again in {} s", why,
               kRevertAgain.count());
  };
  const int to = history_.pending()->previous;
  const auto text = history_.text(to);
  if (!text) return failed(text.error().what);
  if (auto ok = put_in_force(*text, history_.file_of(to)); !ok) return failed(ok.error().what);
  if (auto entry = history_.record_return(wall_now()); !entry)
    return failed("configuration " + std::to_string(to) +
                  " is in force again, but not recorded: " + entry.error().what);
  revert_failure_.clear();
  revert_not_before_ = {};
  log::warning("nobody confirmed: configuration {} is in force again, as {}", to,
               history_.current());
}

void Commands::history(const Responder& out) {
  out.head({"NUMBER", "WHEN", "WHO", "WHY", "FILE", ""});
  for (const auto& e : history_.entries())
    out.row({std::to_string(e.number), format_rfc3339(e.when), e.who, e.why, e.file,
             e.number == history_.current()
                 ? (history_.pending() ? "in force, to be confirmed" : "in force")
                 : ""});
  out.done();
}

}  // namespace causeway::app
