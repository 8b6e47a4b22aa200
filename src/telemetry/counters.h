// Counts of one shard by a label from a bounded set: plain integers, written by the shard alone. A
// reader on another thread is given a copy by the shard; sums are made of copies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::telemetry {

// Labels are string literals: they are kept by view. Beyond kMaxLabels everything counts as
// "other".
class LabelledCounter {
 public:
  static constexpr std::size_t kMaxLabels = 64;

  void add(std::string_view label, std::uint64_t n = 1) {
    for (std::size_t i = 0; i < used_; ++i)
      if (labels_[i] == label) {
        counts_[i] += n;
        return;
      }
    if (used_ == kMaxLabels) {
      other_ += n;
      return;
    }
    labels_[used_] = label;
    counts_[used_++] = n;
  }
  void merge(const LabelledCounter& o) {
    for (std::size_t i = 0; i < o.used_; ++i) add(o.labels_[i], o.counts_[i]);
    other_ += o.other_;
  }
  [[nodiscard]] std::uint64_t get(std::string_view label) const {
    for (std::size_t i = 0; i < used_; ++i)
      if (labels_[i] == label) return counts_[i];
    return 0;
  }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = other_;
    for (std::size_t i = 0; i < used_; ++i) sum += counts_[i];
    return sum;
  }
  // In the order of first use; "other" last, when there is any.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> all() const {
    std::vector<std::pair<std::string, std::uint64_t>> out;
    out.reserve(used_ + 1);
    for (std::size_t i = 0; i < used_; ++i) out.emplace_back(labels_[i], counts_[i]);
    if (other_ != 0) out.emplace_back("other", other_);
    return out;
  }

 private:
  std::array<std::string_view, kMaxLabels> labels_{};
  std::array<std::uint64_t, kMaxLabels> counts_{};
  std::size_t used_ = 0;
  std::uint64_t other_ = 0;
};

// Final answers of one region, by direction, method and class.
struct AnswerCounts {
  enum Of : std::uint8_t { kInvite, kOptions, kOtherMethod, kMethods };
  static constexpr std::size_t kClasses = 5;  // 2xx to 6xx
  std::string region;
  std::array<std::array<std::array<std::uint64_t, kClasses>, kMethods>, 2> count{};  // [sent]
  void merge(const AnswerCounts& o) {
    for (std::size_t way = 0; way < 2; ++way)
      for (std::size_t m = 0; m < kMethods; ++m)
        for (std::size_t c = 0; c < kClasses; ++c) count[way][m][c] += o.count[way][m][c];
  }
};

// What a shard counts. "Refused" is answered, "dropped" is not.
struct ShardCounters {
  LabelledCounter refused;    // calls, by reason: error_info().label or one of the call's own
  LabelledCounter ended;      // calls, by termination
  LabelledCounter dropped;    // messages, by reason: unknown_source, malformed, mailbox_full ...
  LabelledCounter transfers;  // by outcome: accepted, completed, failed, refused, replaced ...
  std::uint64_t calls_started = 0;
  std::uint64_t calls_answered = 0;
  std::uint64_t calls_failed = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t options_answered = 0;
  std::uint64_t media_packets = 0, media_lost = 0;  // received by calls that have ended
  std::uint64_t media_failed = 0;  // legs whose path broke, by the peer's checks or its words
  std::uint32_t calls_now = 0;
  std::uint32_t emergency_now = 0;
  std::vector<AnswerCounts> answers;  // in the order of first use; beyond kMaxRegions: not counted
  static constexpr std::size_t kMaxRegions = 64;

  void answer(std::string_view region, bool sent, AnswerCounts::Of method, int status) {
    if (status < 200 || status > 699) return;
    if (AnswerCounts* a = answers_of(region))
      ++a->count[sent ? 1 : 0][method][static_cast<std::size_t>(status / 100 - 2)];
  }
  AnswerCounts* answers_of(std::string_view region) {
    for (auto& a : answers)
      if (a.region == region) return &a;
    if (answers.size() >= kMaxRegions) return nullptr;
    answers.emplace_back().region = region;
    return &answers.back();
  }

  void merge(const ShardCounters& o) {
    refused.merge(o.refused);
    ended.merge(o.ended);
    dropped.merge(o.dropped);
    transfers.merge(o.transfers);
    calls_started += o.calls_started;
    calls_answered += o.calls_answered;
    calls_failed += o.calls_failed;
    messages_in += o.messages_in;
    options_answered += o.options_answered;
    media_packets += o.media_packets;
    media_lost += o.media_lost;
    media_failed += o.media_failed;
    calls_now += o.calls_now;
    emergency_now += o.emergency_now;
    for (const auto& theirs : o.answers)
      if (AnswerCounts* ours = answers_of(theirs.region)) ours->merge(theirs);
  }
};

}  // namespace causeway::telemetry
