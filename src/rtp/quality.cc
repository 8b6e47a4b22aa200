#include "rtp/quality.h"

#include <algorithm>
#include <bit>

namespace causeway::rtp {
namespace {

constexpr std::uint16_t kMaxAhead = 3'000;          // RFC 3550 A.1, MAX_DROPOUT
constexpr std::int64_t kNoSuchTransit = 2'000'000;  // µs: the timestamps began anew
constexpr std::uint8_t kWindow = 64;                // packets, for the least transit time

}  // namespace

// --- bursts ---

void BurstModel::lost(std::uint32_t packets) {
  if (packets == 0) return;
  const std::uint32_t before = lost_;
  c33_ += packets - 1;
  if (run_ >= kGmin) {
    if (before == 1)
      ++c14_;
    else
      ++c13_;
    lost_ = packets;
    c11_ += run_;
  } else {
    lost_ += packets;
    if (run_ == 0) {
      ++c33_;
    } else {
      ++c23_;
      c22_ += run_ - 1;
    }
  }
  run_ = 0;
}

BurstModel::Result BurstModel::result() const {
  // What has not been followed by a loss yet belongs to the gap in which the stream stands.
  const double c11 = c11_ + (run_ >= kGmin ? run_ : 0.0);
  const double c13 = c13_;
  const double c14 = c14_ + (run_ >= kGmin && lost_ == 1 ? 1.0 : 0.0);
  const double c22 = c22_;
  const double c23 = c23_;
  const double c33 = c33_;
  const double c31 = c13;
  const double c32 = c23;
  const double total = c11 + c14 + c13 + c22 + c23 + c31 + c32 + c33;
  Result r;
  if (c11 + c14 > 0) r.gap_density = c14 / (c11 + c14);
  if (c31 + c32 + c33 <= 0) {
    r.gap_packets = c11 + c14;
    return r;
  }
  const double p32 = c32 / (c31 + c32 + c33);
  const double p23 = c22 + c23 < 1 ? 1 : 1 - c22 / (c22 + c23);
  r.burst_density = p23 + p32 > 0 ? p23 / (p23 + p32) : 0;
  const double bursts = std::max(1.0, c13);
  r.gap_packets = (c11 + c14 + c13) / bursts;
  r.burst_packets = std::max(0.0, total / bursts - r.gap_packets);
  return r;
}

double LossCounts::percent() const {
  return expected == 0 ? 0 : 100.0 * (lost + discarded) / expected;
}

double LossCounts::burst_ratio() const {
  if (runs == 0 || expected == 0) return 1;
  const double gone = lost + discarded;
  return std::max(1.0, gone / runs * (1 - gone / expected));
}

// --- the stream ---

void QualityMonitor::set_codec(const CodecImpairment& codec, std::uint32_t clock,
                               Micros packet_time) {
  ie_ = static_cast<float>(codec.ie);
  bpl_ = static_cast<float>(codec.bpl);
  if (clock != clock_) timed_ = false;
  clock_ = std::max<std::uint32_t>(clock, 1);
  packet_time_ =
      static_cast<std::uint16_t>(std::clamp<std::int64_t>(packet_time / Millis(1), 1, 1'000));
}

void QualityMonitor::set_round_trip(Micros rtt) {
  round_trip_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(rtt.count(), 0, 10'000'000));
}

void QualityMonitor::new_source() {
  settle(known_);
  known_ = 0;
  timed_ = false;
}

QualityMonitor QualityMonitor::carried() const {
  QualityMonitor settled = *this;
  settled.new_source();
  QualityMonitor out;
  out.counts() = settled.counts();
  return out;
}

bool QualityMonitor::sane() const {
  constexpr std::uint32_t kMost = 1U << 30;  // packets: more than half a year of them
  const auto possible = [](const LossCounts& c) {
    return c.expected < kMost && c.lost <= c.expected && c.discarded <= c.expected - c.lost &&
           c.runs <= c.lost + c.discarded;
  };
  const auto on_scale = [](float r) { return r >= 0 && r <= 100; };
  return possible(interval_) && possible(total_) && intervals_ < kMost && on_scale(r_min_) &&
         on_scale(r_last_) && r_sum_ >= 0 && r_sum_ <= 100.0F * static_cast<float>(intervals_) + 1;
}

void QualityMonitor::settle_one(bool came, bool late) {
  ++interval_.expected;
  if (came && !late) {
    bursts_.received();
    run_open_ = false;
    return;
  }
  bursts_.lost();
  ++(came ? interval_.discarded : interval_.lost);
  if (!run_open_) ++interval_.runs;
  run_open_ = true;
}

// Judges the oldest of the packets that are held open, as many as that.
void QualityMonitor::settle(std::uint32_t packets) {
  for (; packets > 0 && known_ > 0; --packets) {
    --known_;
    settle_one((came_ >> known_ & 1) != 0, (late_ >> known_ & 1) != 0);
  }
}

void QualityMonitor::lose(std::uint32_t packets) {
  if (packets == 0) return;
  settle_one(false, false);
  bursts_.lost(packets - 1);
  interval_.expected += packets - 1;
  interval_.lost += packets - 1;
}

Micros QualityMonitor::buffer() const {
  // Four times the mean deviation, as adaptive buffers do.
  return std::clamp<Micros>(Micros(jitter_ / 4), kLeastBuffer, kMostBuffer);
}

bool QualityMonitor::too_late(std::uint32_t timestamp, Instant arrival) {
  const auto ticks = static_cast<std::int32_t>(timestamp - last_timestamp_);
  const std::int64_t sent = std::int64_t{ticks} * 1'000'000 / clock_;
  const std::int64_t change = (arrival - last_arrival_).count() - sent;
  const bool anew = !timed_ || change > kNoSuchTransit || change < -kNoSuchTransit;
  last_timestamp_ = timestamp;
  last_arrival_ = arrival;
  timed_ = true;
  if (anew) {
    transit_ = least_ = least_before_ = 0;
    window_ = 0;
    return false;
  }
  const auto d = static_cast<std::uint32_t>(change < 0 ? -change : change);
  const bool late = transit_ + change - std::min(least_, least_before_) > buffer().count();
  jitter_ += d - ((jitter_ + 8) >> 4);
  jitter_max_ = std::max(jitter_max_, jitter_);
  transit_ = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(transit_ + change, -1'000'000'000, 1'000'000'000));
  // The least over a window and the one before: a path that became longer for good, or clocks that
  // drift apart, are followed as a buffer would.
  least_ = window_ == 0 ? transit_ : std::min(least_, transit_);
  if (++window_ == kWindow) {
    window_ = 0;
    least_before_ = least_;
  }
  return late;
}

void QualityMonitor::packet(std::uint16_t sequence, std::uint32_t timestamp, Instant arrival,
                            bool timed) {
  if (interval_begin_ == Instant{}) interval_begin_ = arrival;
  any_ = true;
  if (known_ == 0) {
    highest_ = static_cast<std::uint16_t>(sequence - 1);
    came_ = late_ = 0;
  }
  const auto ahead = static_cast<std::uint16_t>(sequence - highest_);
  const auto behind = static_cast<std::uint16_t>(highest_ - sequence);
  if (known_ > 0 && behind < 64) {
    const std::uint64_t bit = std::uint64_t{1} << behind;
    if (behind >= known_ || (came_ & bit) != 0) return;  // from before the beginning; a duplicate
    came_ |= bit;
    if (timed && too_late(timestamp, arrival)) late_ |= bit;
    return;
  }
  if (ahead > kMaxAhead) {
    // Once it may be a stray packet; twice in a row the source began anew.
    const bool again = sequence == strange_;
    strange_ = static_cast<std::uint16_t>(sequence + 1);
    if (!again) return;
    new_source();
    packet(sequence, timestamp, arrival, timed);
    return;
  }
  const std::uint32_t room = 64u - known_;
  if (ahead > room) settle(ahead - room);
  if (ahead > 64) {
    lose(ahead - 64u);
    came_ = late_ = 0;
  } else if (ahead == 64) {
    came_ = late_ = 0;
  } else {
    came_ <<= ahead;
    late_ <<= ahead;
  }
  known_ = static_cast<std::uint8_t>(std::min<std::uint32_t>(64, known_ + std::uint32_t{ahead}));
  highest_ = sequence;
  came_ |= 1;
  if (timed && too_late(timestamp, arrival)) late_ |= 1;
}

void QualityMonitor::run(std::uint32_t packets, const Timing& t) {
  for (; packets > 0; --packets)
    packet(static_cast<std::uint16_t>(highest_ + 1), t.last_timestamp, t.last_arrival, false);
  transit_ = t.transit;
  least_ = t.least;
  least_before_ = t.least_before;
  jitter_ = t.jitter;
  jitter_max_ = t.jitter_max;
  window_ = t.window;
  last_timestamp_ = t.last_timestamp;
  last_arrival_ = t.last_arrival;
}

QualityReport QualityMonitor::report(const LossCounts& loss) const {
  QualityReport q;
  q.loss = loss;
  q.jitter = Micros(jitter_ / 16);
  q.buffer = buffer();
  q.one_way = Micros(round_trip_ / 2) + q.buffer + Millis(packet_time_);
  q.r = std::max(0.0, r_factor({ie_, bpl_}, loss.percent(), loss.burst_ratio(),
                               static_cast<double>(q.one_way.count()) / 1'000));
  q.mos = mos_of(q.r);
  return q;
}

namespace {

void add(LossCounts& to, const LossCounts& what) {
  to.expected += what.expected;
  to.lost += what.lost;
  to.discarded += what.discarded;
  to.runs += what.runs;
}

}  // namespace

std::optional<QualityReport> QualityMonitor::poll(Instant now) {
  if (interval_begin_ == Instant{} || now - interval_begin_ < kInterval) return std::nullopt;
  interval_begin_ = now;
  const LossCounts over = interval_;
  add(total_, over);
  interval_ = {};
  if (over.expected == 0) return std::nullopt;
  const QualityReport q = report(over);
  ++intervals_;
  r_sum_ += static_cast<float>(q.r);
  r_min_ = std::min(r_min_, static_cast<float>(q.r));
  r_last_ = static_cast<float>(q.r);
  return q;
}

std::optional<QualityMonitor::Summary> QualityMonitor::summary() const {
  if (!any_) return std::nullopt;
  QualityMonitor end = *this;  // as if the stream ended here
  end.settle(end.known_);
  Summary s;
  s.bursts = end.bursts_.result();
  s.r_min = end.r_min_;
  s.r_last = end.r_last_;
  double sum = end.r_sum_;
  std::uint32_t n = end.intervals_;
  // A second of packets is an interval of its own; less only when there is nothing else.
  if (end.interval_.expected * packet_time_ >= 1'000 || n == 0) {
    s.r_last = end.report(end.interval_).r;
    s.r_min = std::min(s.r_min, s.r_last);
    sum += s.r_last;
    ++n;
  }
  s.r_average = sum / n;
  s.loss = end.total_;
  add(s.loss, end.interval_);
  s.jitter = Micros(jitter_ / 16);
  s.jitter_max = Micros(jitter_max_ / 16);
  s.buffer = buffer();
  s.packet_time = Millis(packet_time_);
  return s;
}

}  // namespace causeway::rtp
