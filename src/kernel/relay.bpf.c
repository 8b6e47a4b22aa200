/* Relays RTP between two peers within the kernel, at the entrance of an interface (tc, clsact, direct action).
 *
 * Only what needs no thought: the packet that is due next on a flow that the gateway has armed: same source, payload type and distance
 * in time, no marker, and early enough for a listener's buffer. Everything else goes up to the gateway's socket as if this were not
 * here, and the gateway disarms the flow until it has dealt with it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "due.h"
#include "flow.h"


struct Rtp {
  u8 first;
  u8 type;
  u16 sequence;
  u32 timestamp;
  u32 ssrc;
};

enum { kTtl = 64, kHeaders = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) + sizeof(struct Rtp) };

/* What is not due is left to the filters behind this one, and then to the gateway (TC_ACT_UNSPEC). Sizes of the first two are set when it is loaded. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __type(key, struct FlowKey);
  __type(value, u32);
} keys SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct Flow);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct Watch);
} watch SEC(".maps");

static __always_inline u16 folded(long long sum) {
  u32 s = (u32)sum;
  s = (s & 0xffff) + (s >> 16);
  s = (s & 0xffff) + (s >> 16);
  return (u16)~s;
}

SEC("tc")
int relay(struct __sk_buff* skb) {
  void* begin = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  struct ethhdr* eth = begin;
  struct iphdr* ip = (void*)(eth + 1);
  struct udphdr* udp = (void*)(ip + 1);
  struct Rtp* rtp = (void*)(udp + 1);
  if ((void*)(rtp + 1) > end) {
    /* Some drivers leave only a part of the headers where they can be read at once. */
    if (skb->len < kHeaders || bpf_skb_pull_data(skb, kHeaders)) return TC_ACT_UNSPEC;
    begin = (void*)(long)skb->data;
    end = (void*)(long)skb->data_end;
    eth = begin;
    ip = (void*)(eth + 1);
    udp = (void*)(ip + 1);
    rtp = (void*)(udp + 1);
    if ((void*)(rtp + 1) > end) return TC_ACT_UNSPEC;
  }
  /* Of another station, of another VLAN than the interface's own, or several in one. */
  if (skb->pkt_type != PACKET_HOST || skb->vlan_present || skb->gso_size) return TC_ACT_UNSPEC;
  /* Options, fragments, extensions, padding and contributing sources are the gateway's. */
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(0x3fff)) != 0 ||
      rtp->first != 0x80)
    return TC_ACT_UNSPEC;

  struct FlowKey key = {.peer_address = ip->saddr, .here_address = ip->daddr, .peer_port = udp->source, .here_port = udp->dest};
  const u32* slot = bpf_map_lookup_elem(&keys, &key);
  if (!slot) return TC_ACT_UNSPEC;
  struct Flow* f = bpf_map_lookup_elem(&flows, slot);
  /* Atomic for the order: what the gateway wrote before it armed is read after. */
  if (!f || !__sync_fetch_and_add(&f->armed, 0)) return TC_ACT_UNSPEC;
  if (f->comes_by && f->comes_by != skb->ifindex) return TC_ACT_UNSPEC;
  const u32 zero = 0;
  const struct Watch* w = bpf_map_lookup_elem(&watch, &zero);
  const u64 now_ns = bpf_ktime_get_ns();
  if (!w || now_ns > *(volatile u64*)&w->alive_until_ns) return TC_ACT_UNSPEC;

  const u16 sequence = bpf_ntohs(rtp->sequence);
  const u32 timestamp = bpf_ntohl(rtp->timestamp);
  const u32 size = bpf_ntohs(udp->len) - sizeof(*udp);
  if (bpf_ntohs(udp->len) + sizeof(*ip) != bpf_ntohs(ip->tot_len) || size <= sizeof(*rtp) ||
      !take_due(f, bpf_ntohl(rtp->ssrc), rtp->type, sequence, timestamp, size, now_ns / 1000))
    return TC_ACT_UNSPEC;

  /* A checksum of nought stays: there was none (RFC 768). */
  u32 before[4], after[4];
  __builtin_memcpy(before, udp, 4);
  __builtin_memcpy(before + 1, rtp, sizeof(*rtp));
  struct Rtp out = {.first = 0x80, .type = f->out_type, .sequence = bpf_htons(sequence + f->sequence_offset),
                    .timestamp = bpf_htonl(timestamp + f->timestamp_offset), .ssrc = bpf_htonl(f->out_ssrc)};
  const u16 ports[2] = {f->from_port, f->to_port};
  __builtin_memcpy(after, ports, 4);
  __builtin_memcpy(after + 1, &out, sizeof(out));
  u32 addresses[2] = {ip->saddr, ip->daddr}, new_addresses[2] = {f->from_address, f->to_address};
  const u32 check = sizeof(*eth) + sizeof(*ip) + __builtin_offsetof(struct udphdr, check);
  bpf_l4_csum_replace(skb, check, 0, bpf_csum_diff(before, sizeof(before), after, sizeof(after), 0), BPF_F_MARK_MANGLED_0);
  bpf_l4_csum_replace(skb, check, 0, bpf_csum_diff(addresses, sizeof(addresses), new_addresses, sizeof(new_addresses), 0),
                      BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);

  begin = (void*)(long)skb->data;
  end = (void*)(long)skb->data_end;
  ip = begin + sizeof(*eth);
  udp = (void*)(ip + 1);
  rtp = (void*)(udp + 1);
  if ((void*)(rtp + 1) > end) return TC_ACT_SHOT; /* cannot be: it was looked at above */
  ip->saddr = f->from_address;
  ip->daddr = f->to_address;
  ip->tos = f->tos;
  ip->ttl = kTtl;
  ip->check = 0;
  ip->check = folded(bpf_csum_diff(0, 0, (void*)ip, sizeof(*ip), 0));
  udp->source = f->from_port;
  udp->dest = f->to_port;
  *rtp = out;
  return f->interface ? (int)bpf_redirect_neigh(f->interface, 0, 0, 0) : TC_ACT_OK;
}

char terms[] SEC("license") = "Apache-2.0";
