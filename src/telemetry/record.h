// Call records: one for every call, refused ones too. A shard fills a CallRecord and posts it; a
// thread of the writer's own puts it on disk. docs/call-records.md documents every field, and a
// test holds it to that.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace causeway::telemetry {

// What arrived from one side.
struct MediaSide {
  std::string codec;  // "PCMA"; empty: no media
  bool srtp = false;
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  std::uint32_t jitter_us = 0;  // RFC 3550 6.4.1, at the end of the call
  // E-model of what came (ITU-T G.107), in hundredths: mean and worst of ten seconds; 0: nothing
  // did
  std::uint32_t mos_100 = 0, mos_min_100 = 0;
  bool one_way = false;  // for 5 s nothing came while the other side was heard
  friend bool operator==(const MediaSide&, const MediaSide&) = default;
};

enum class Released : std::uint8_t { kUnknown, kCaller, kCallee, kGateway };
[[nodiscard]] std::string_view to_string(Released r);

struct CallRecord {
  std::uint64_t call = 0;  // CallId
  std::uint32_t node = 0;
  std::string region;
  WallTime started, ringing, answered, ended;  // 0: did not happen
  std::string from, to;                        // numbers as they were asked for
  std::string service, account, tenant;        // whose call it is; empty: not known
  std::string ingress_group, ingress_peer, egress_group, egress_peer;
  std::string ingress_call_id, egress_call_id;  // SIP Call-ID of both legs
  std::string termination;  // class: "answered", "busy", "no_answer", "refused" ...
  std::string reason;       // for a person, and the metric label of a refusal
  int sip_status = 0;       // final status towards the caller; 0: none
  int q850_cause = 0;       // 0: none
  Released released_by = Released::kUnknown;
  bool emergency = false;
  std::string emergency_service;
  // Of a call that was transferred: how often; who, to what and into which SIP Call-ID at last;
  // what all calls of one transfer have in common
  std::uint32_t transfers = 0;
  std::string transferred_by, transferred_to, transfer_call_id, transfer_id;
  MediaSide from_caller, from_callee;
  [[nodiscard]] std::int64_t setup_ms() const;  // INVITE to answer; to the end when there was none
  [[nodiscard]] std::int64_t duration_ms() const;  // answer to end; 0 when there was none
  friend bool operator==(const CallRecord&, const CallRecord&) = default;
};

inline constexpr int kRecordVersion = 1;
[[nodiscard]] std::string to_json_line(const CallRecord& r);  // with "\n"
[[nodiscard]] std::string to_csv_line(const CallRecord& r);   // with "\n"; RFC 4180
[[nodiscard]] std::string csv_header();                       // with "\n"
// Names of all fields, in order; the same in JSON and CSV.
[[nodiscard]] std::vector<std::string> record_fields();

// Appends to DIRECTORY/calls-YYYY-MM-DD.jsonl and .csv (UTC, by the end of the call), one write(2)
// with O_APPEND per batch of whole lines, so that a reader and a second process never see part of a
// line.
class RecordWriter {
 public:
  struct Options {
    std::string directory;
    std::size_t queue = 65'536;  // records waiting; beyond it new ones are dropped and counted
    bool csv = true;
  };
  [[nodiscard]] static Result<std::unique_ptr<RecordWriter>> open(Options options);
  ~RecordWriter();  // stop()
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Any thread; never waits for the disk. False when the queue is full.
  bool post(CallRecord record);
  // Writes what is queued, fsyncs and ends the thread. Idempotent.
  void stop();
  // Waits until everything posted before has been written.
  void flush();

  struct Statistics {
    std::uint64_t written = 0, dropped = 0, errors = 0;
  };
  [[nodiscard]] Statistics statistics() const;

 private:
  explicit RecordWriter(Options options);
  void run();
  void write_batch(std::span<const CallRecord> batch);
  struct File {
    std::string day;
    int fd = -1;
  };
  [[nodiscard]] bool append(File& file, const std::string& day, std::string_view suffix,
                            std::string_view header, std::string_view lines);

  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<CallRecord> queue_;  // guarded by mutex_
  Statistics statistics_;         // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  bool flushing_ = false;         // guarded by mutex_
  bool writing_ = false;          // guarded by mutex_
  File json_, csv_;               // of the writer's thread
  std::thread thread_;
};

}  // namespace causeway::telemetry
