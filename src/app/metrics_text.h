// The counters of the gateway in the text format of Prometheus (0.0.4). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peers/shared_load.h"
#include "telemetry/counters.h"

namespace causeway::app {

struct MetricFamily {
  std::string_view name;
  std::string_view type;  // "counter", "gauge"
  std::string_view help;
};
// All that there are, in the order in which they are written; docs/operating.md lists them.
[[nodiscard]] std::span<const MetricFamily> metric_families();

// Sums over the shards.
struct MetricsSnapshot {
  using Labelled = std::vector<std::pair<std::string, std::uint64_t>>;
  struct Group {
    std::string name;
    std::uint32_t calls = 0;
  };
  struct Peer {
    std::string group, name;
    bool up = false, in_service = false;
    std::uint32_t calls = 0;
    std::int64_t certificate_not_after = 0;  // s since 1970; 0: none was seen
  };
  std::string version;
  unsigned node = 0, shards = 0;
  int configuration = 0;
  double uptime = 0;  // s
  std::uint64_t calls = 0, emergency_calls = 0;
  std::uint64_t calls_started = 0, calls_answered = 0, calls_failed = 0;
  Labelled ended, refused, dropped, transfers;
  Labelled names_answered;  // by response code; empty: no name server
  std::uint64_t names_limited = 0, activated_names = 0;
  std::uint64_t messages = 0, options = 0, transactions = 0;
  std::uint64_t connections_in = 0, connections_out = 0;
  double admitted = 1.0;  // of the shard that lets in least
  std::uint64_t banned = 0;
  std::uint64_t datagrams_in = 0, datagrams_out = 0, datagrams_dropped = 0;
  std::uint64_t loop_stalls = 0;
  std::uint64_t media_legs = 0, media_packets = 0, media_lost = 0, media_failed = 0,
                media_ports_exhausted = 0, media_kernel_flows = 0, media_kernel_packets = 0;
  std::uint64_t transcoded_calls = 0;
  double transcoding_share = 0;  // of one core, of the shard that has most
  int opus_complexity = 5;       // of the shard that has least
  std::uint64_t records_lost = 0;
  struct Directory {
    std::size_t numbers = 0, accounts = 0, bytes = 0;
    std::int64_t last_change = 0;
    std::optional<double> age;  // s
    bool follows_store = false;
    std::optional<double> store_seen;  // s
    bool file_good = false;
  };
  std::optional<Directory> directory;  // when a store is followed
  std::vector<Group> groups;
  std::vector<Peer> peers;
  std::vector<peers::SharedLoad::Row> services, accounts;
  std::vector<peers::SharedLoad::TrunkRow> trunks;
  std::vector<telemetry::AnswerCounts> answers;
  std::vector<std::pair<std::string, std::int64_t>> certificates;  // identity, s since 1970
};

[[nodiscard]] std::string render_metrics(const MetricsSnapshot& s);

}  // namespace causeway::app
