#include "app/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "deployment/load.h"

namespace causeway::app {
namespace {

// A collector is not to be flooded by a deployment of many thousand accounts.
constexpr std::size_t kAccountsListed = 1000;

struct Part {
  telemetry::ShardCounters counters;
  std::vector<call::PeerReport> peers;
  transport::SipTransport::ConnectionCounts connections;
  media::PlaneStats media;
  media::TranscodingStats transcoding;
  std::size_t transactions = 0, bans = 0;
  double admitted = 1.0;
};

Part part_of(call::GatewayShard& s) {
  return {s.counters(),    s.peer_reports(), s.connections(), s.media_stats(),
          s.transcoding(), s.transactions(), s.bans().size(), s.admitted()};
}

// Up by the shard that probes it; the others were told.
void add_peers(MetricsSnapshot& out, const std::vector<Part>& parts) {
  std::map<std::string, std::uint32_t> groups;
  for (const auto& p : parts[0].peers) {
    const bool active = p.state != "draining" && p.state != "blocked";
    out.peers.push_back({p.group, p.peer, p.up, active, p.calls, p.certificate_not_after});
    groups[p.group] = p.group_calls;
  }
  for (const auto& part : parts)
    for (std::size_t i = 0; i < std::min(out.peers.size(), part.peers.size()); ++i)
      out.peers[i].certificate_not_after =
          std::max(out.peers[i].certificate_not_after, part.peers[i].certificate_not_after);
  for (const auto& [name, calls] : groups) out.groups.push_back({name, calls});
}

}  // namespace

void Metrics::on_scrape(Scrape scrape) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= MetricsServer::kMaxClients) return scrape.fail("too many at once\n");
    queue_.push_back(std::move(scrape));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

void Metrics::run_queued() {
  std::vector<Scrape> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(queue_);
  }
  if (waiting.empty()) return;
  const MetricsSnapshot s = snapshot();
  const std::string text = s.shards == 0 ? std::string() : render_metrics(s);
  for (const Scrape& w : waiting)
    if (text.empty())
      w.fail("no shard answered\n");
    else
      w.answer(text);
}

MetricsSnapshot Metrics::snapshot() {
  MetricsSnapshot out;
  const auto parts = gateway_.ask<Part>(part_of);
  if (parts.empty()) return out;
  telemetry::ShardCounters sum;
  for (const auto& p : parts) {
    sum.merge(p.counters);
    out.transactions += p.transactions;
    out.connections_in += p.connections.incoming;
    out.connections_out += p.connections.outgoing;
    out.admitted = std::min(out.admitted, p.admitted);
    out.banned = std::max<std::uint64_t>(out.banned, p.bans);
    out.media_legs += p.media.legs;
    out.media_ports_exhausted += p.media.ports_exhausted;
    out.media_kernel_flows += p.media.kernel_flows;
    out.media_kernel_packets += p.media.kernel_packets;
    out.transcoded_calls += p.transcoding.pairs;
    out.transcoding_share = std::max(out.transcoding_share, p.transcoding.used);
    out.opus_complexity = std::min(out.opus_complexity, p.transcoding.complexity);
  }
  add_peers(out, parts);
  out.services = gateway_.load().services();
  out.trunks = gateway_.load().trunks();
  out.answers = sum.answers;
  out.accounts = gateway_.load().accounts(kAccountsListed);
  out.version = deployment::software_version();
  out.node = gateway_.deployment().operation.node.value;
  out.shards = static_cast<unsigned>(parts.size());
  out.configuration = history_.current();
  out.uptime = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  out.calls = sum.calls_now;
  out.emergency_calls = sum.emergency_now;
  out.calls_started = sum.calls_started;
  out.calls_answered = sum.calls_answered;
  out.calls_failed = sum.calls_failed;
  out.ended = sum.ended.all();
  out.refused = sum.refused.all();
  out.transfers = sum.transfers.all();
  out.dropped = sum.dropped.all();
  out.messages = sum.messages_in;
  out.options = sum.options_answered;
  out.media_packets = sum.media_packets;
  out.media_lost = sum.media_lost;
  out.media_failed = sum.media_failed;
  for (const auto& r : gateway_.reactor_stats()) {
    out.datagrams_in += r.datagrams_in;
    out.datagrams_out += r.datagrams_out;
    out.datagrams_dropped += r.datagrams_dropped;
    out.loop_stalls += r.stalls;
  }
  if (const auto d = directory_.status(); d.follows)
    out.directory = MetricsSnapshot::Directory{
        d.numbers,    d.accounts,
        d.bytes,      d.last_change,
        d.age,        d.source == DirectoryStatus::Source::kStore && d.trouble.empty(),
        d.store_seen, d.file_trouble.empty()};
  const auto records = gateway_.records().statistics();
  out.records_lost = records.dropped + records.errors;
  out.activated_names = gateway_.activations().size();
  if (nameserver_ != nullptr && nameserver_->server() != nullptr) {
    const auto names = nameserver_->server()->counts();
    constexpr const char* kRcodes[] = {"noerror",  "formerr", "servfail",
                                       "nxdomain", "notimp",  "refused"};
    for (std::size_t i = 0; i < names.answers.size(); ++i)
      out.names_answered.emplace_back(kRcodes[i], names.answers[i]);
    out.names_limited = names.limited;
  }
  for (const auto& [identity, until] : gateway_.certificates())
    out.certificates.emplace_back(identity, until.micros / 1'000'000);
  return out;
}

}  // namespace causeway::app
