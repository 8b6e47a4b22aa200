/* What the kernel and the gateway share of one direction of a call (relay.bpf.c, relay.h). Plain C
 * for both sides.
 *
 * The gateway writes everything while `armed` is 0. While it is 1 the kernel counts, and the
 * gateway reads only: all packets of a run follow each other without a gap and at the same distance
 * in time, so that their number says all the rest.
 */
#pragma once

#ifdef __cplusplus
#include <cstdint>
namespace causeway::kernel {
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s32 = std::int32_t;
#else
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
#endif

/* Where packets come from and arrive: IPv4, network order throughout. */
struct FlowKey {
  u32 peer_address;
  u32 here_address;
  u16 peer_port;
  u16 here_port;
};

struct Flow {
  u32 armed;

  /* The packet that is due; host order. */
  u32 in_ssrc;
  u16 next_sequence;
  u8 in_type;
  u8 out_type;
  u32 next_timestamp;
  u32 step;    /* units of the clock between two packets */
  u32 step_us; /* the same in microseconds */
  u32 clock;   /* Hz */

  /* What it becomes. */
  u32 out_ssrc;
  u32 timestamp_offset;
  u16 sequence_offset;
  u8 tos;
  u8 unused;
  u32 comes_by;     /* the interface; 0: any */
  u32 interface;    /* that it leaves by; 0: it is for a socket of this machine */
  u32 from_address; /* network order, as the next three */
  u32 to_address;
  u16 from_port;
  u16 to_port;

  /* Jitter for reports (RFC 3550 A.8), clock units times 16. */
  u32 report_transit;
  u32 report_jitter;
  u32 report_jitter_max;

  /* What a listener's buffer would have seen (rtp/quality.h), microseconds; jitter times 16. */
  s32 transit;
  s32 least;
  s32 least_before;
  u32 jitter;
  u32 jitter_max;
  u32 window;
  u64 last_us; /* when the latest came, CLOCK_MONOTONIC */

  /* Of this run. */
  u64 packets;
  u64 bytes;  /* of datagrams */
  u64 octets; /* of them behind the RTP header */
};

/* One for the whole program. */
struct Watch {
  u64 alive_until_ns; /* CLOCK_MONOTONIC: a gateway that is gone relays nothing after this */
};

#ifdef __cplusplus
} /* namespace causeway::kernel */
#endif
