// One media leg, inside the room. On the plane's thread.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "media/hearing.h"
#include "media/leg_snapshot.h"
#include "media/media_plane.h"
#include "media/plan.h"
#include "media/port_pool.h"
#include "media/saying.h"
#include "rtp/quality.h"
#include "rtp/srtp.h"

namespace causeway::media {

struct Leg {
  // Borrowed
  PortPool* pool = nullptr;
  Leg* partner = nullptr;

  // Owned
  MediaLegId id;
  std::unique_ptr<PortPair> ports;
  LocalEnds ends;
  bool mux_offered = false;
  bool tapped = false;  // a capture listens
  std::vector<sdp::Crypto> local_crypto;
  std::vector<std::vector<std::uint8_t>> retired_keys;
  LegMedia agreed;
  Boxed<rtp::Srtp> send, receive;
  std::string cname;

  // Compiled: by payload type as it comes from the peer
  std::array<std::uint8_t, 128> to_partner{};  // as Plan::types
  std::array<std::uint16_t, 128> clock_100{};  // clock in units of 100 Hz; 0: an event

  std::uint8_t other_law = kNoType;
  bool to_a_law = false;
  bool judge_time = false;  // the partner's peer minds how long packets are

  // What is decoded of this peer, and what is made for it
  std::unique_ptr<Hearing> hearing;
  std::unique_ptr<Saying> saying;
  reactor::TimerId event_timer{};
  std::uint8_t arriving_ms = 0;  // length of its packets, once it differed from what is wanted
  std::uint8_t other_time_ms = 0, other_time_count = 0;

  // State
  bool applied = false;
  Endpoint remote_rtp, remote_rtcp;
  std::optional<Endpoint> source, rtcp_source;
  std::uint32_t source_ssrc = 0;
  bool may_relatch = false;
  Instant latched_at{};
  OutStream out;
  InStream in;
  rtp::QualityMonitor quality;
  bool one_way = false;  // told, and nothing came since
  LegStats counted;      // counters only; the rest is made in stats()
  bool seen = false;     // a packet came (since the last loss)
  bool lost = false;
  Instant expected_since{};
  Instant last_rtcp_in{};
  Instant last_rtcp_out{};
  std::uint32_t sent_sr = 0;  // middle NTP bits of the last SR to the peer
  Instant sent_sr_at{};
  bool sent_sr_is_ours = false;        // made here, not passed on
  std::uint32_t reported_packets = 0;  // out.packets at the last report of ours

  [[nodiscard]] std::uint32_t event_clock(std::uint8_t type) const {
    for (const sdp::Codec& c : agreed.receive_codecs)
      if (c.pt.value == type) return c.clock;
    return 8'000;
  }
  [[nodiscard]] bool has_target() const {
    return source || (remote_rtp.port != 0 && !remote_rtp.address.is_unspecified());
  }
  [[nodiscard]] const Endpoint& rtp_target() const { return source ? *source : remote_rtp; }
  [[nodiscard]] const Endpoint& rtcp_target() const {
    if (agreed.rtcp_mux) return rtp_target();
    return rtcp_source ? *rtcp_source : remote_rtcp;
  }
  [[nodiscard]] Instant last_sign_of_life() const {
    return std::max({counted.last_in, last_rtcp_in, expected_since});
  }
  [[nodiscard]] bool allows(const IpAddress& a) const {
    if (a == agreed.remote.rtp.address || a == remote_rtp.address) return true;
    for (const Prefix& p : agreed.allowed_sources)
      if (p.contains(a)) return true;
    return false;
  }
};

}  // namespace causeway::media
