/* Whether an RTP packet is the one that is due on a flow. Plain C for the kernel (relay.bpf.c), and
 * for tests that stand in for it. */
#pragma once

#include "flow.h"

#ifdef __cplusplus
namespace causeway::kernel {
#endif

enum {
  kRtpHeader = 12,
  kLeastBufferUs = 40000, /* as in rtp/quality.h, like the rest */
  kMostBufferUs = 200000,
  kTransitWindow = 64,
  kLeapUs = 2000000,
  kFarthestUs = 1000000000
};

static inline __attribute__((always_inline)) u32 distance_of(s32 d) {
  return (u32)(d < 0 ? -d : d);
}

/* The two estimates that the gateway makes of every packet (media/streams.cc, rtp/quality.cc). 0,
 * and nothing changed: a leap, too late to be played, or many at once. */
static inline __attribute__((always_inline)) int take_time(struct Flow* f, u32 timestamp,
                                                           u64 now_us) {
  const u32 transit = (u32)(now_us * f->clock / 1000000) - timestamp;
  const u32 report_step = distance_of((s32)(transit - f->report_transit));
  const long long change = (long long)(now_us - f->last_us) - f->step_us;
  if (report_step >= 2 * f->clock || change > kLeapUs || change < -kLeapUs) return 0;
  const s32 at = f->transit + (s32)change;
  const s32 least = f->least < f->least_before ? f->least : f->least_before;
  u32 buffer = f->jitter / 4; /* four times the mean deviation */
  if (buffer < kLeastBufferUs) buffer = kLeastBufferUs;
  if (buffer > kMostBufferUs) buffer = kMostBufferUs;
  if (at - least > (s32)buffer || least - at > kMostBufferUs || at > kFarthestUs ||
      at < -kFarthestUs)
    return 0;

  f->jitter += distance_of((s32)change) - ((f->jitter + 8) >> 4);
  if (f->jitter > f->jitter_max) f->jitter_max = f->jitter;
  f->transit = at;
  if (f->window == 0 || at < f->least) f->least = at;
  if (++f->window == kTransitWindow) {
    f->window = 0;
    f->least_before = f->least;
  }
  f->report_transit = transit;
  f->report_jitter += report_step - ((f->report_jitter + 8) >> 4);
  if (f->report_jitter > f->report_jitter_max) f->report_jitter_max = f->report_jitter;
  f->last_us = now_us;
  return 1;
}

/* All in host order; `type` with the marker bit; `size` of the datagram. Counts it when it is due.
 */
static inline __attribute__((always_inline)) int take_due(struct Flow* f, u32 ssrc, u8 type,
                                                          u16 sequence, u32 timestamp, u32 size,
                                                          u64 now_us) {
  if (ssrc != f->in_ssrc || type != f->in_type || sequence != f->next_sequence ||
      timestamp != f->next_timestamp)
    return 0;
  if (!take_time(f, timestamp, now_us)) return 0;
  f->next_sequence = (u16)(sequence + 1);
  f->next_timestamp = timestamp + f->step;
  f->bytes += size;
  f->octets += size - kRtpHeader;
  *(volatile u64*)&f->packets = f->packets + 1;
  return 1;
}

#ifdef __cplusplus
} /* namespace causeway::kernel */
#endif
