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
    {"causeway_group_calls", kGauge, "Calls in progress from and towards a peer group."},
    {"causeway_peer_calls", kGauge, "Calls in progress from and towards a peer."},
    {"causeway_peer_up", kGauge, "1 unless OPTIONS say that the peer is down."},
    {"causeway_peer_in_service", kGauge, "0 when an operator drained or blocked the peer."},
    {"causeway_messages_total", kCounter, "SIP messages that were taken."},
    {"causeway_messages_dropped_total", kCounter,
     "Messages and connections that were dropped or refused, by reason."},
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
    {"causeway_media_ports_exhausted_total", kCounter, "Calls refused for want of a media port."},
    {"causeway_call_records_lost_total", kCounter, "Call records that could not be written."},
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
  each("causeway_peer_calls", [](const auto& p) { return p.calls; });
  each("causeway_peer_up", [](const auto& p) { return p.up ? 1 : 0; });
  each("causeway_peer_in_service", [](const auto& p) { return p.in_service ? 1 : 0; });
}

void write_certificates(Writer& w, const MetricsSnapshot& s) {
  w.family("causeway_tls_certificate_expiry_seconds");
  for (const auto& [identity, until] : s.certificates) w.value(until, {{"identity", identity}});
  w.family("causeway_peer_certificate_expiry_seconds");
  for (const auto& p : s.peers)
    if (p.certificate_not_after != 0)
      w.value(p.certificate_not_after, {{"group", p.group}, {"peer", p.name}});
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
  write_peers(w, s);
  w.family("causeway_messages_total").value(s.messages);
  w.family("causeway_messages_dropped_total").by("reason", s.dropped);
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
  w.family("causeway_media_ports_exhausted_total").value(s.media_ports_exhausted);
  w.family("causeway_call_records_lost_total").value(s.records_lost);
  write_certificates(w, s);
  return w.take();
}

}  // namespace causeway::app
