#include "app/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>

#include "app/restart_keys.h"
#include "base/log.h"
#include "call/explain.h"
#include "call/state.h"
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

void say_directory(const Responder& out, const DirectoryStatus& d) {
  if (!d.follows) return;
  using Source = DirectoryStatus::Source;
  const auto seconds = [](const std::optional<double>& s) {
    return s ? ago(static_cast<std::int64_t>(*s * 1000)) : std::string("never");
  };
  out.text(fmt::format(
      "directory: {} numbers of {} accounts, change {}, from {}, as of {}; store reached {}",
      d.numbers, d.accounts, d.last_change,
      d.source == Source::kStore  ? "the store"
      : d.source == Source::kFile ? "the local file"
                                  : "nowhere",
      seconds(d.age), seconds(d.store_seen)));
  if (!d.trouble.empty())
    out.text("ALARM: the store is away, calls go on by what was known: " + d.trouble);
  if (!d.file_trouble.empty()) out.text("ALARM: the directory's local file: " + d.file_trouble);
}

// Who is near the limit of calls that the configuration sets (TDR-42).
void warn_of_limits(const Responder& out, const deployment::Deployment& d,
                    const std::vector<call::PeerReport>& peers) {
  const auto look = [&](std::string_view kind, const std::string& name, std::uint32_t calls,
                        std::uint32_t most) {
    if (most != 0 && std::uint64_t{calls} * 10 >= std::uint64_t{most} * 9)
      out.text(fmt::format("ALARM: {} '{}' has {} of at most {} calls", kind, name, calls, most));
  };
  std::string group;
  for (const auto& p : peers) {
    if (const auto g = d.find_group(p.group); g && p.group != group)
      look("group", p.group, p.group_calls, d.group(*g).max_calls);
    group = p.group;
    if (const auto i = d.find_peer(p.peer)) look("peer", p.peer, p.calls, d.peer(*i).max_calls);
  }
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
  else if (r.command == "explain")
    explain(r, out);
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
  else if (r.command == "bans")
    bans(out);
  else if (r.command == "unban")
    unban(r, out);
  else if (r.command == "dns")
    dns(r, out);
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

// --- bans ---------------------------------------------------------------------------------------

void Commands::bans(const Responder& out) {
  const auto parts = gateway_.ask<std::vector<call::GatewayShard::BanReport>>(
      [](call::GatewayShard& s) { return s.bans(); });
  std::map<std::string, call::GatewayShard::BanReport> all;
  for (const auto& p : parts)
    for (const auto& b : p) all[b.source] = b;
  if (all.empty()) out.text("no source is banned");
  if (!all.empty()) out.head({"SOURCE", "FOR ANOTHER", "REASON"});
  for (const auto& [source, b] : all) out.row({source, fmt::format("{} s", b.left_s), b.reason});
  out.done();
}

void Commands::unban(const Request& r, const Responder& out) {
  const auto address = IpAddress::parse(r.arg("address"));
  if (!address) return out.fail("'" + r.arg("address") + "' is not an address");
  const auto parts =
      gateway_.ask<bool>([a = *address](call::GatewayShard& s) { return s.unban(a); });
  if (std::none_of(parts.begin(), parts.end(), [](bool b) { return b; }))
    return out.fail(address->to_string() + " is not banned");
  out.text(address->to_string() + " is heard again");
  out.done();
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
    std::size_t bans = 0;
    double admitted = 1.0;
  };
  const auto parts = gateway_.ask<Part>([](call::GatewayShard& s) {
    Part p{s.counters(), s.peer_reports(), s.connections(), s.media_stats(), s.transactions(),
           {},           s.bans().size(),  s.admitted()};
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
  std::vector<std::pair<std::string, std::int64_t>> tls(peers.size());  // of whichever has one
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
      if (tls[i].first.empty()) tls[i] = {p.peers[i].tls, p.peers[i].certificate_not_after};
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
  double admitted = 1.0;
  std::size_t banned = 0;
  for (const auto& p : parts) {
    admitted = std::min(admitted, p.admitted);
    banned = std::max(banned, p.bans);
  }
  if (admitted < 1.0)
    out.text(fmt::format("OVERLOAD: {:.0f} % of new calls are let in", admitted * 100));
  if (banned != 0) out.text(fmt::format("{} sources are banned (causeway bans)", banned));
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
  say_directory(out, directory_.status());
  for (const auto& [name, until] : gateway_.certificates()) {
    const auto days = (until.micros - wall_now().micros) / 86'400'000'000LL;
    out.text(fmt::format("certificate '{}': {} days left{}", name, days,
                         days < Gateway::kExpiryWarning.count() ? "  WARNING: renew it" : ""));
  }
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (tls[i].first.empty()) continue;
    const auto days = (tls[i].second - wall_now().micros / 1'000'000) / 86'400;
    out.text(fmt::format(
        "peer '{}': {}, its certificate has {} days left{}", peers[i].peer, tls[i].first, days,
        days < Gateway::kExpiryWarning.count() ? "  WARNING: it must renew it" : ""));
  }
  warn_of_limits(out, d, peers);
  if (!gateway_.certificate_trouble().empty())
    out.text("ALARM: changed certificate files are not used: " + gateway_.certificate_trouble());
  if (!reload_trouble_.empty())
    out.text("ALARM: the last reload changed nothing: " + reload_trouble_);
  if (nameserver_ != nullptr && !nameserver_->trouble().empty())
    out.text("ALARM: the name server does not answer: " + nameserver_->trouble());
  out.text("");
  out.head({"GROUP", "PEER", "ADDRESS", "STATE", "OPTIONS OUT", "OPTIONS IN", "LAST", "CALLS",
            "OF GROUP", ""});
  for (const auto& p : peers)
    out.row({p.group, p.peer, p.address + "/" + std::string(to_string(p.transport)), p.state,
             ago(p.options_out_ms), ago(p.options_in_ms),
             p.last_status ? std::to_string(p.last_status) : "-", std::to_string(p.calls),
             std::to_string(p.group_calls), p.why});
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
      if (hit(c.from, c.to) &&
          (at(c.ingress) || at(c.egress) || at(c.ingress_peer) || at(c.egress_peer)) &&
          c.began.micros >= from)
        out.row({call_name(c.id.value), format_time_of_day(c.began), c.from, c.to,
                 c.ingress_peer.empty() ? c.ingress : c.ingress_peer,
                 c.egress_peer.empty() ? c.egress : c.egress_peer, "", "", c.state,
                 c.emergency ? "EMERGENCY" : ""});
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

std::vector<telemetry::Trail> Commands::trails(const Wanted& wanted) {
  using Part = std::pair<std::vector<telemetry::Trail>, std::size_t>;
  std::vector<telemetry::Trail> all;
  trails_left_out_ = 0;
  for (auto& part : gateway_.ask<Part>([wanted](call::GatewayShard& s) {
         Part p;
         const auto take = [&](const telemetry::Trail& t) {
           if (!wanted.trail(t)) return true;
           if (p.first.size() < kMaxTrails)
             p.first.push_back(t);
           else
             ++p.second;
           return true;
         };
         // The trails of calls that talk are packed: a shard unpacks what was asked for, no more.
         s.trails().each(take, [&](CallId id) {
           const call::CallState* c = wanted.id ? nullptr : s.find_call(id);
           if (!(wanted.id ? wanted.id(id) : c && wanted.call(*c))) return false;
           if (p.first.size() < kMaxTrails) return true;
           ++p.second;
           return false;
         });
         s.refused().each(take);
         return p;
       })) {
    all.insert(all.end(), std::make_move_iterator(part.first.begin()),
               std::make_move_iterator(part.first.end()));
    trails_left_out_ += part.second;
  }
  return all;
}

namespace {
// Our id as `calls` shows it (or its beginning), or with all 16 digits as in call records.
std::function<bool(CallId)> named(const std::string& name) {
  return [name](CallId call) {
    const std::string id = call_name(call.value);
    return !name.empty() && (id.starts_with(name) || name == fmt::format("{:016x}", call.value));
  };
}

// The SIP Call-ID of either leg: looks into every message that is kept of calls that ended.
bool has_call_id(const telemetry::Trail& t, const std::string& name) {
  for (const auto* e : t.events())
    if (e->message.find("Call-ID: " + name + "\r\n") != std::string::npos) return true;
  return false;
}
bool has_call_id(const call::CallState& c, const std::string& name) {
  return std::any_of(c.legs.begin(), c.legs.end(),
                     [&](const auto& l) { return l.dialog.call_id == name; });
}
}  // namespace

std::vector<telemetry::Trail> Commands::trails_of(const std::string& call) {
  const auto is_it = named(call);
  auto found = trails({[&](const auto& t) { return is_it(t.id()); }, is_it, {}});
  if (!found.empty() || call.size() < 6) return found;
  return trails({[&](const telemetry::Trail& t) { return has_call_id(t, call); },
                 {},
                 [&](const call::CallState& c) { return has_call_id(c, call); }});
}

void Commands::watch(const Request& r, const Responder& out) {
  std::string digits = r.arg("number");
  std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
  if (digits.size() < 3)
    return out.fail("'" + r.arg("number") + "' has fewer than three digits: too many calls");
  const std::string given = r.arg("for");
  const Seconds length{
      given.empty() ? 600 : std::clamp(std::strtol(given.c_str(), nullptr, 10), 1L, 86'400L)};
  for (const bool ok : gateway_.ask<bool>([digits, length](call::GatewayShard& s) {
         return s.watch_number(digits, s.now() + length);
       }))
    if (!ok) return out.fail("too many numbers are watched; wait for the end of one");
  out.text(fmt::format("the trails of calls from or to {} that begin within {} s are kept", digits,
                       length.count()));
  out.done();
}

void Commands::trace(const Request& r, const Responder& out) {
  if (!r.arg("number").empty()) return watch(r, out);
  const auto found = trails_of(r.arg("name"));
  if (found.empty())
    return out.fail("no trail of call '" + r.arg("name") +
                    "': `causeway calls` lists calls; good ones are kept one in " +
                    std::to_string(gateway_.deployment().limits.keep_one_in));
  if (found.size() > 1)
    return out.fail("'" + r.arg("name") + "' names " + std::to_string(found.size()) +
                    " calls: write more of the id");
  // Whoever looks at a call that is up wants to see its end, too.
  const CallId id = found[0].id();
  const auto marked =
      gateway_.ask<bool>([id](call::GatewayShard& s) { return s.trails().trace(id); });
  if (r.arg("json").empty()) {
    out.text(telemetry::render_ladder(found[0], 110));
    if (std::find(marked.begin(), marked.end(), true) != marked.end())
      out.text("The call is up: its trail will be kept.");
  } else
    out.text(telemetry::export_json(found[0]));
  out.done();
}

// On a shard, as a call would be decided there.
void Commands::explain(const Request& r, const Responder& out) {
  struct Answer {
    Result<call::Explanation> explained;
    std::vector<call::PeerReport> peers;
  };
  const auto answers = gateway_.ask<std::shared_ptr<Answer>>([&](call::GatewayShard& s) {
    return std::make_shared<Answer>(
        Answer{s.explain(r.arg("from"), r.arg("message")), s.peer_reports()});
  });
  if (answers.empty()) return out.fail("no shard answered");
  const auto& [e, peers] = *answers.front();
  if (!e) return out.fail(e.error().what);
  const bool json = !r.arg("json").empty();
  out.text(json ? call::to_json(*e) : call::to_text(*e));
  for (const auto& p : peers)
    if (!json && (!p.up || p.state == "draining" || p.state == "blocked") &&
        std::any_of(e->ways.begin(), e->ways.end(),
                    [&](const auto& w) { return w.peer == p.peer; }))
      out.text(p.peer + " is " + p.state + " now" + (p.why.empty() ? "" : ": " + p.why));
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
  if (!entry) {
    // Without a record nothing would take it back, and a restart would not know of it.
    const int before = history_.current();
    const auto text = history_.text(before);
    const auto back = text ? put_in_force(*text, history_.file_of(before))
                           : Result<std::vector<std::string>>(tl::unexpected(text.error()));
    if (back)
      return out.fail("the configuration in force stays: the new one cannot be recorded: " +
                      entry.error().what);
    return out.fail("in force, but not recorded (" + entry.error().what +
                    "), and the one before could not be put back: " + back.error().what);
  }
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
