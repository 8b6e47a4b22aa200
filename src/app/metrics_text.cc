#include "app/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>

namespace causeway::app {
namespace {

constexpr std::string_view kGauge = "gauge", kCounter = "counter";

constexpr auto kFamilies = std::to_array<MetricFamily>({
    {"causeway_info", kGauge, "Always 1; version and node are in the labels."},
    {"causeway_uptime_seconds", kGauge, "Since the process started."},
    {"causeway_shards", kGauge, "Threads that carry calls and answered this scrape."},
    {"causeway_configuration", kGauge, "Number of the configuration in force."},
    {"causeway_calls", kGauge, "Calls in progress."},
    {"causeway_emergency_calls", kGauge, "Emergency calls in progress."},
    {"causeway_calls_started_total", kCounter, "Calls that began, refused ones too."},
    {"causeway_calls_answered_total", kCounter, "Calls that were answered."},
    {"causeway_calls_failed_total", kCounter,
     "Calls that ended as a failure, as causeway calls --failed has it."},
    {"causeway_calls_ended_total", kCounter, "Calls that ended, by termination."},
    {"causeway_calls_refused_total", kCounter, "Calls that were refused, by reason."},
    {"causeway_transfers_total", kCounter,
     "Transfers and redirections within calls, by what became of them."},
    {"causeway_group_calls", kGauge, "Calls in progress from and towards a peer group."},
    {"causeway_group_seizures_total", kCounter,
     "Calls from and towards a peer group that ended, however."},
    {"causeway_group_effective_total", kCounter,
     "Those for which the network did its part: answered, busy, unanswered, rejected."},
    {"causeway_group_effectiveness_ratio", kGauge,
     "Network effectiveness ratio of a peer group: effective of all seizures."},
    {"causeway_group_short_calls_total", kCounter,
     "Calls of a peer group that were answered for less than 10 s."},
    {"causeway_group_lost_calls_total", kCounter,
     "Answered calls of a peer group that neither party ended."},
    {"causeway_group_poor_calls_total", kCounter,
     "Answered calls of a peer group with a MOS below 3.1, or heard one way alone."},
    {"causeway_peer_calls", kGauge, "Calls in progress from and towards a peer."},
    {"causeway_peer_up", kGauge, "1 unless OPTIONS say that the peer is down."},
    {"causeway_peer_in_service", kGauge, "0 when an operator drained or blocked the peer."},
    {"causeway_service_calls", kGauge, "Calls in progress of a service."},
    {"causeway_service_calls_started_total", kCounter,
     "Calls of a service that were within its limit."},
    {"causeway_service_calls_refused_total", kCounter, "Calls beyond the limit of their service."},
    {"causeway_account_calls", kGauge, "Calls in progress of an account."},
    {"causeway_account_calls_started_total", kCounter,
     "Calls of an account that were within its limit."},
    {"causeway_account_calls_refused_total", kCounter, "Calls beyond the limit of their account."},
    {"causeway_messages_total", kCounter, "SIP messages that were taken."},
    {"causeway_messages_dropped_total", kCounter,
     "Messages and connections that were dropped or refused, by reason."},
    {"causeway_sip_answers_total", kCounter,
     "Final SIP answers, by region of the peer, direction, method and class."},
    {"causeway_options_answered_total", kCounter, "OPTIONS of peers that were answered."},
    {"causeway_transactions", kGauge, "Transactions that are kept."},
    {"causeway_connections", kGauge, "TCP and TLS connections, by direction."},
    {"causeway_admitted_ratio", kGauge,
     "Share of new calls that is let in; less than 1 is overload."},
    {"causeway_banned_sources", kGauge, "Sources that are not heard."},
    {"causeway_datagrams_total", kCounter, "Datagrams of SIP and media, by direction."},
    {"causeway_datagrams_dropped_total", kCounter,
     "Datagrams that could not be sent: a full queue, or nobody there."},
    {"causeway_loop_stalls_total", kCounter, "Turns of a shard that took longer than 50 ms."},
    {"causeway_media_legs", kGauge, "Sides of calls with open media ports."},
    {"causeway_media_packets_total", kCounter, "RTP packets that calls received, when they ended."},
    {"causeway_media_lost_total", kCounter, "RTP packets that calls missed, when they ended."},
    {"causeway_media_failed_total", kCounter,
     "Legs whose media path broke, as the peer's connectivity checks or its BYE say."},
    {"causeway_media_ports_exhausted_total", kCounter, "Calls refused for want of a media port."},
    {"causeway_media_kernel_flows", kGauge,
     "Directions of calls that the kernel may pass on (operation.kernel_relay)."},
    {"causeway_media_kernel_packets_total", kCounter,
     "RTP packets that it passed on, as far as they are counted: once a second."},
    {"causeway_transcoded_calls", kGauge, "Calls for which audio is decoded and encoded."},
    {"causeway_transcoding_share", kGauge,
     "Share of one core that decoding and encoding takes on the shard that has most of it."},
    {"causeway_opus_complexity", kGauge,
     "Complexity of Opus encoders on the shard that has most to transcode; 5 without load."},
    {"causeway_call_records_lost_total", kCounter, "Call records that could not be written."},
    {"causeway_activated_names", kGauge,
     "Names of enterprises that their service routes to, as calls have shown."},
    {"causeway_dns_answers_total", kCounter, "Answers of the name server, by response code."},
    {"causeway_dns_limited_total", kCounter,
     "Questions to the name server beyond the rate of their source."},
    {"causeway_directory_numbers", kGauge, "Telephone numbers that calls find."},
    {"causeway_directory_accounts", kGauge, "Accounts that calls find."},
    {"causeway_directory_bytes", kGauge, "Memory of the index of numbers."},
    {"causeway_directory_last_change", kGauge,
     "Number of the store's latest change that calls know of."},
    {"causeway_directory_age_seconds", kGauge,
     "Since the store said what calls go by; grows while it is away."},
    {"causeway_directory_follows_store", kGauge,
     "0 while the store is not reached and calls go by what was known."},
    {"causeway_directory_store_reached_seconds", kGauge,
     "Since this process reached the store; absent when it never did."},
    {"causeway_directory_file_good", kGauge,
     "0 when the local file was damaged at the start or cannot be written."},
    {"causeway_tls_certificate_expiry_seconds", kGauge,
     "When a certificate of ours expires, in seconds since 1970."},
    {"causeway_peer_certificate_expiry_seconds", kGauge,
     "When the certificate that a connected peer shows expires, in seconds since 1970."},
});

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Writer {
 public:
  Writer& family(std::string_view name) {
    const auto f = std::find_if(kFamilies.begin(), kFamilies.end(),
                                [&](const MetricFamily& m) { return m.name == name; });
    assert(f != kFamilies.end());
    name_ = f->name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, f->help, name,
                   f->type);
    return *this;
  }
  template <typename T>
  Writer& value(T v, Labels labels = {}) {
    out_ += name_;
    char before = '{';
    for (const auto& [key, text] : labels) {
      out_ += before;
      before = ',';
      out_.append(key).append("=\"");
      for (const char c : text) {
        if (c == '\\' || c == '"') out_ += '\\';
        if (c == '\n')
          out_ += "\\n";
        else
          out_ += c;
      }
      out_ += '"';
    }
    if (before == ',') out_ += '}';
    fmt::format_to(std::back_inserter(out_), " {}\n", v);
    return *this;
  }
  Writer& by(std::string_view label, const MetricsSnapshot::Labelled& all) {
    for (const auto& [text, n] : all) value(n, {{label, text}});
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string_view name_;
};

void write_peers(Writer& w, const MetricsSnapshot& s) {
  const auto each = [&](std::string_view name, auto value_of) {
    w.family(name);
    for (const auto& p : s.peers) w.value(value_of(p), {{"group", p.group}, {"peer", p.name}});
  };
  w.family("causeway_group_calls");
  for (const auto& g : s.groups) w.value(g.calls, {{"group", g.name}});
  const auto trunks = [&](std::string_view name, auto value_of) {
    w.family(name);
    for (const auto& t : s.trunks) w.value(value_of(t), {{"group", t.name}});
  };
  trunks("causeway_group_seizures_total", [](const auto& t) { return t.seizures; });
  trunks("causeway_group_effective_total", [](const auto& t) { return t.effective; });
  trunks("causeway_group_effectiveness_ratio", [](const auto& t) { return t.effectiveness(); });
  trunks("causeway_group_short_calls_total", [](const auto& t) { return t.brief; });
  trunks("causeway_group_lost_calls_total", [](const auto& t) { return t.lost; });
  trunks("causeway_group_poor_calls_total", [](const auto& t) { return t.poor; });
  each("causeway_peer_calls", [](const auto& p) { return p.calls; });
  each("causeway_peer_up", [](const auto& p) { return p.up ? 1 : 0; });
  each("causeway_peer_in_service", [](const auto& p) { return p.in_service ? 1 : 0; });
}

void write_customers(Writer& w, const MetricsSnapshot& s) {
  const auto three = [&](std::string_view label, const auto& rows, std::string_view now,
                         std::string_view begun, std::string_view refused) {
    w.family(now);
    for (const auto& r : rows) w.value(r.calls, {{label, r.name}});
    w.family(begun);
    for (const auto& r : rows) w.value(r.begun, {{label, r.name}});
    w.family(refused);
    for (const auto& r : rows) w.value(r.refused, {{label, r.name}});
  };
  three("service", s.services, "causeway_service_calls", "causeway_service_calls_started_total",
        "causeway_service_calls_refused_total");
  three("account", s.accounts, "causeway_account_calls", "causeway_account_calls_started_total",
        "causeway_account_calls_refused_total");
}

// Those that there were: a region has up to thirty series.
void write_answers(Writer& w, const MetricsSnapshot& s) {
  constexpr std::string_view kWays[] = {"received", "sent"};
  constexpr std::string_view kMethods[] = {"INVITE", "OPTIONS", "other"};
  constexpr std::string_view kClasses[] = {"2xx", "3xx", "4xx", "5xx", "6xx"};
  w.family("causeway_sip_answers_total");
  for (const auto& region : s.answers)
    for (std::size_t way = 0; way < std::size(kWays); ++way)
      for (std::size_t m = 0; m < std::size(kMethods); ++m)
        for (std::size_t c = 0; c < std::size(kClasses); ++c)
          if (const auto n = region.count[way][m][c]; n != 0)
            w.value(n, {{"region", region.region},
                        {"direction", kWays[way]},
                        {"method", kMethods[m]},
                        {"class", kClasses[c]}});
}

void write_certificates(Writer& w, const MetricsSnapshot& s) {
  w.family("causeway_tls_certificate_expiry_seconds");
  for (const auto& [identity, until] : s.certificates) w.value(until, {{"identity", identity}});
  w.family("causeway_peer_certificate_expiry_seconds");
  for (const auto& p : s.peers)
    if (p.certificate_not_after != 0)
      w.value(p.certificate_not_after, {{"group", p.group}, {"peer", p.name}});
}

// Families without a sample when no store is followed.
void write_directory(Writer& w, const MetricsSnapshot& s) {
  const auto& d = s.directory;
  const auto one = [&](std::string_view name, auto value_of) {
    w.family(name);
    if (d)
      if (const std::optional v = value_of(*d)) w.value(*v);
  };
  using D = MetricsSnapshot::Directory;
  one("causeway_directory_numbers", [](const D& x) { return std::optional(x.numbers); });
  one("causeway_directory_accounts", [](const D& x) { return std::optional(x.accounts); });
  one("causeway_directory_bytes", [](const D& x) { return std::optional(x.bytes); });
  one("causeway_directory_last_change", [](const D& x) { return std::optional(x.last_change); });
  one("causeway_directory_age_seconds", [](const D& x) { return x.age; });
  one("causeway_directory_follows_store",
      [](const D& x) { return std::optional(x.follows_store ? 1 : 0); });
  one("causeway_directory_store_reached_seconds", [](const D& x) { return x.store_seen; });
  one("causeway_directory_file_good",
      [](const D& x) { return std::optional(x.file_good ? 1 : 0); });
}

}  // namespace

std::span<const MetricFamily> metric_families() { return kFamilies; }

std::string render_metrics(const MetricsSnapshot& s) {
  Writer w;
  w.family("causeway_info").value(1, {{"version", s.version}, {"node", std::to_string(s.node)}});
  w.family("causeway_uptime_seconds").value(s.uptime);
  w.family("causeway_shards").value(s.shards);
  w.family("causeway_configuration").value(s.configuration);
  w.family("causeway_calls").value(s.calls);
  w.family("causeway_emergency_calls").value(s.emergency_calls);
  w.family("causeway_calls_started_total").value(s.calls_started);
  w.family("causeway_calls_answered_total").value(s.calls_answered);
  w.family("causeway_calls_failed_total").value(s.calls_failed);
  w.family("causeway_calls_ended_total").by("termination", s.ended);
  w.family("causeway_calls_refused_total").by("reason", s.refused);
  w.family("causeway_transfers_total").by("outcome", s.transfers);
  write_peers(w, s);
  write_customers(w, s);
  w.family("causeway_messages_total").value(s.messages);
  w.family("causeway_messages_dropped_total").by("reason", s.dropped);
  write_answers(w, s);
  w.family("causeway_options_answered_total").value(s.options);
  w.family("causeway_transactions").value(s.transactions);
  w.family("causeway_connections")
      .value(s.connections_in, {{"direction", "in"}})
      .value(s.connections_out, {{"direction", "out"}});
  w.family("causeway_admitted_ratio").value(s.admitted);
  w.family("causeway_banned_sources").value(s.banned);
  w.family("causeway_datagrams_total")
      .value(s.datagrams_in, {{"direction", "in"}})
      .value(s.datagrams_out, {{"direction", "out"}});
  w.family("causeway_datagrams_dropped_total").value(s.datagrams_dropped);
  w.family("causeway_loop_stalls_total").value(s.loop_stalls);
  w.family("causeway_media_legs").value(s.media_legs);
  w.family("causeway_media_packets_total").value(s.media_packets);
  w.family("causeway_media_lost_total").value(s.media_lost);
  w.family("causeway_media_failed_total").value(s.media_failed);
  w.family("causeway_media_ports_exhausted_total").value(s.media_ports_exhausted);
  w.family("causeway_media_kernel_flows").value(s.media_kernel_flows);
  w.family("causeway_media_kernel_packets_total").value(s.media_kernel_packets);
  w.family("causeway_transcoded_calls").value(s.transcoded_calls);
  w.family("causeway_transcoding_share").value(s.transcoding_share);
  w.family("causeway_opus_complexity").value(s.opus_complexity);
  w.family("causeway_call_records_lost_total").value(s.records_lost);
  w.family("causeway_activated_names").value(s.activated_names);
  w.family("causeway_dns_answers_total").by("rcode", s.names_answered);
  w.family("causeway_dns_limited_total").value(s.names_limited);
  write_directory(w, s);
  write_certificates(w, s);
  return w.take();
}

}  // namespace causeway::app
