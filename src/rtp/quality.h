// What a listener at this end of a received stream would hear of the network: loss and its bursts,
// jitter, what a jitter buffer would have come too late for, and the opinion that the E-model makes
// of it. Fed by the packets alone, so it works whether or not the peer sends RTCP. Pure values of a
// leg, for its thread; constant work for each packet; nothing allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "base/time.h"
#include "rtp/e_model.h"

namespace causeway::rtp {

// Gaps and bursts of RFC 3611 4.7.2: a burst begins and ends with a loss and has fewer than Gmin
// packets in a row between any two. The counters of its appendix A.2.
class BurstModel {
 public:
  static constexpr std::uint32_t kGmin = 16;

  void received(std::uint32_t packets = 1) { run_ += packets; }
  void lost(std::uint32_t packets = 1);  // in a row

  struct Result {
    double burst_density = 0;  // share of packets lost within bursts
    double gap_density = 0;
    double burst_packets = 0;  // mean length
    double gap_packets = 0;
  };
  [[nodiscard]] Result result() const;
  friend bool operator==(const BurstModel&, const BurstModel&) = default;

 private:
  friend class QualityMonitor;
  std::uint32_t c11_ = 0;  // gap to gap
  std::uint32_t c13_ = 0;  // gap to burst
  std::uint32_t c14_ = 0;  // a loss that stands alone in a gap
  std::uint32_t c22_ = 0;
  std::uint32_t c23_ = 0;
  std::uint32_t c33_ = 0;
  std::uint32_t run_ = 0;   // packets since the last loss
  std::uint32_t lost_ = 0;  // losses within the present burst
};

// Loss counts of an interval or a call. Discarded ones came, but too late to be played.
struct LossCounts {
  std::uint32_t expected = 0;
  std::uint32_t lost = 0;
  std::uint32_t discarded = 0;
  std::uint32_t runs = 0;  // of packets in a row that could not be played
  [[nodiscard]] double percent() const;
  // Mean length of those runs beside what independent losses would give (G.107 3.5); 1 or more.
  [[nodiscard]] double burst_ratio() const;
  friend bool operator==(const LossCounts&, const LossCounts&) = default;
};

struct QualityReport {
  LossCounts loss;
  double r = 0;
  double mos = 0;     // MOS-CQ
  Micros jitter{0};   // RFC 3550 A.8
  Micros buffer{0};   // delay of the virtual jitter buffer
  Micros one_way{0};  // half the round trip, the buffer and a packet
};

class QualityMonitor {
 public:
  static constexpr Micros kInterval = Seconds(10);
  static constexpr Micros kLeastBuffer = Millis(40);
  static constexpr Micros kMostBuffer = Millis(200);

  // Once when the stream's payload type is known, and again when it changes. Counts go on.
  void set_codec(const CodecImpairment& codec, std::uint32_t clock, Micros packet_time);
  // Each packet of the source that is in use. `timed` is false for telephone events, whose
  // timestamps stand still.
  void packet(std::uint16_t sequence, std::uint32_t timestamp, Instant arrival, bool timed = true);
  // A new source: what it sends is not compared with what the old one sent. Counts go on.
  void new_source();
  void set_round_trip(Micros rtt);  // from RTCP, when there is any

  // Call about once a second. A report when an interval in which packets were due is over; nothing
  // for one without a packet, such as on hold.
  [[nodiscard]] std::optional<QualityReport> poll(Instant now);

  // Where the estimates of time stand, for one that goes on with them in another place
  // (kernel/flow.h); only while `timed`. µs.
  struct Timing {
    std::int32_t transit = 0, least = 0, least_before = 0;
    std::uint32_t jitter = 0, jitter_max = 0;  // times 16
    std::uint8_t window = 0;
    std::uint32_t last_timestamp = 0;
    Instant last_arrival{};
  };
  [[nodiscard]] Timing timing() const {
    return {transit_,    least_,  least_before_,   jitter_,
            jitter_max_, window_, last_timestamp_, last_arrival_};
  }
  [[nodiscard]] bool timed() const { return timed_; }
  // So many packets followed the newest without a gap, none too late; time is as `t` says.
  void run(std::uint32_t packets, const Timing& t);

  struct Summary {
    LossCounts loss;
    BurstModel::Result bursts;
    double r_min = 0;  // over intervals, the running one included
    double r_average = 0;
    double r_last = 0;
    [[nodiscard]] double mos_min() const { return mos_of(r_min); }
    [[nodiscard]] double mos_average() const { return mos_of(r_average); }
    [[nodiscard]] double mos_last() const { return mos_of(r_last); }
    Micros jitter{0};
    Micros jitter_max{0};
    Micros buffer{0};
    Micros packet_time{0};
  };
  // Of the whole call; nullopt before the first packet.
  [[nodiscard]] std::optional<Summary> summary() const;

  // A monitor that goes on with these counts in another place, where the source begins anew and
  // set_codec() is said again.
  [[nodiscard]] QualityMonitor carried() const;
  // All that carried() takes along, in order.
  [[nodiscard]] auto counts() {
    return std::tie(bursts_.c11_, bursts_.c13_, bursts_.c14_, bursts_.c22_, bursts_.c23_,
                    bursts_.c33_, bursts_.run_, bursts_.lost_, interval_.expected, interval_.lost,
                    interval_.discarded, interval_.runs, total_.expected, total_.lost,
                    total_.discarded, total_.runs, jitter_, jitter_max_, round_trip_, intervals_,
                    r_sum_, r_min_, r_last_, any_, run_open_);
  }
  // False of counts that no stream could have made.
  [[nodiscard]] bool sane() const;
  friend bool operator==(const QualityMonitor&, const QualityMonitor&) = default;

 private:
  void settle(std::uint32_t packets);
  void settle_one(bool came, bool late);
  void lose(std::uint32_t packets);
  [[nodiscard]] bool too_late(std::uint32_t timestamp, Instant arrival);
  [[nodiscard]] Micros buffer() const;
  [[nodiscard]] QualityReport report(const LossCounts& loss) const;

  // Packets are judged when they are 64 behind the newest, so that reordering is not loss. Bit n
  // stands for the packet n behind.
  std::uint64_t came_ = 0;
  std::uint64_t late_ = 0;
  Instant last_arrival_{};
  Instant interval_begin_{};
  BurstModel bursts_;
  LossCounts interval_;
  LossCounts total_;
  std::int32_t transit_ = 0;  // µs, beside the first packet
  std::int32_t least_ = 0;    // least of them in this window and in the one before
  std::int32_t least_before_ = 0;
  std::uint32_t jitter_ = 0;  // µs, times 16
  std::uint32_t jitter_max_ = 0;
  std::uint32_t round_trip_ = 0;  // µs
  std::uint32_t last_timestamp_ = 0;
  std::uint32_t clock_ = 8'000;
  std::uint32_t intervals_ = 0;
  float r_sum_ = 0;
  float r_min_ = 100;
  float r_last_ = 0;
  float ie_ = 0;
  float bpl_ = 25.1F;
  std::uint16_t packet_time_ = 20;  // ms
  std::uint16_t highest_ = 0;
  std::uint16_t strange_ = 0;  // the sequence number that would follow one that made no sense
  std::uint8_t window_ = 0;
  std::uint8_t known_ = 0;  // how many bits of came_ mean anything
  bool any_ = false;
  bool timed_ = false;
  bool run_open_ = false;
};
static_assert(sizeof(QualityMonitor) <= 200);

}  // namespace causeway::rtp
