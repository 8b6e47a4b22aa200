// One media leg, inside the room. On the plane's thread.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "ice/agent.h"
#include "media/fax_ear.h"
#include "media/forks.h"
#include "media/handshake.h"
#include "media/hearing.h"
#include "media/image.h"
#include "media/leg_snapshot.h"
#include "media/media_plane.h"
#include "media/offload.h"
#include "media/plan.h"
#include "media/port_pool.h"
#include "media/saying.h"
#include "rtp/quality.h"
#include "rtp/srtp.h"

namespace causeway::media {

// Ports of another realm, named in an SDP that is not agreed yet. What comes there is dropped.
struct Elsewhere {
  PortPool* pool = nullptr;
  std::unique_ptr<PortPair> ports;
  LocalEnds ends;
};

// A packet of silence (silence.cc).
struct Filler {
  std::uint8_t type = kNoType;  // none: it takes no silence that we make
  std::byte octet{};
  std::uint8_t octets = 0;
  std::uint8_t turns = 1;  // between two packets
};

// By payload type as it comes from a peer. Most legs of a gateway have the same: it is shared.
struct PayloadTypes {
  std::array<std::uint8_t, 128> to_partner{};  // as Plan::types
  std::array<std::uint16_t, 128> clock_100{};  // clock in units of 100 Hz; 0: an event
  friend bool operator==(const PayloadTypes&, const PayloadTypes&) = default;
};

struct Leg {
  // Borrowed
  PortPool* pool = nullptr;
  Leg* partner = nullptr;

  // Owned
  MediaLegId id;
  std::unique_ptr<PortPair> ports;
  LocalEnds ends;
  std::unique_ptr<Elsewhere> elsewhere;  // where it is about to go
  bool mux_offered = false;
  bool tapped = false;  // a capture listens
  std::vector<sdp::Crypto> local_crypto;
  std::vector<std::vector<std::uint8_t>> retired_keys;
  LegMedia agreed;
  Boxed<rtp::Srtp> send, receive;
  std::string fork;              // whose `agreed` is; empty: the one that answered, or the caller
  std::unique_ptr<Forks> forks;  // the others, until one has answered
  ForkGate fork_gate = ForkGate::kLatest;
  bool fork_gone = false;   // `fork` will not answer
  bool fork_muted = false;  // ... is not to be heard once another one takes its place
  std::unique_ptr<Handshake> handshake;
  bool keyless = false;               // SRTP is agreed and the handshake has not given its keys yet
  std::unique_ptr<ice::Agent> agent;  // answers checks from the day that our SDP may name it
  std::unique_ptr<ImageRelay> image;  // a fax by T.38
  std::string cname;

  // Compiled
  std::shared_ptr<const PayloadTypes> types;
  std::uint8_t other_law = kNoType;
  bool to_a_law = false;
  bool judge_time = false;       // the partner's peer minds how long packets are
  bool filling = false;          // it is in `fills`
  std::optional<Filler> filler;  // of `agreed`, once it was asked for

  // What is decoded of this peer, and what is made for it
  std::unique_ptr<Hearing> hearing;
  std::unique_ptr<Saying> saying;
  std::unique_ptr<FaxEar> fax;             // listens to this peer
  std::vector<sdp::Codec> fax_codecs;      // ... in these
  std::optional<tone::FaxTone> fax_heard;  // and is about to tell
  std::shared_ptr<const tone::Sound> hold_music;
  Instant hold_music_since{};
  std::unique_ptr<Offload> offload;  // the kernel may pass on what this peer sends
  Work work;  // for the way to the partner; before there is one, what room is kept for
  reactor::TimerId event_timer{};
  std::uint8_t arriving_ms = 0;  // length of its packets, once it differed from what is wanted
  std::uint8_t other_time_ms = 0, other_time_count = 0;

  // State
  bool applied = false;
  Endpoint remote_rtp, remote_rtcp;             // never 0.0.0.0 with a port
  std::optional<Endpoint> source, rtcp_source;  // latched; with ICE what the checks chose
  std::uint32_t source_ssrc = 0;
  bool may_relatch = false;
  Instant latched_at{};
  OutStream out;
  InStream in;
  rtp::QualityMonitor quality;
  bool one_way = false;  // told, and nothing came since
  LegCounts counted;     // the rest is made in stats()
  bool seen = false;     // a packet came (since the last loss)
  bool lost = false;
  bool unchecked = false;  // on_unchecked() was told, and no check came since
  Instant expected_since{};
  Instant last_rtcp_in{};
  Instant last_rtcp_out{};
  bool first_report_waits = false;  // until there is something to tell
  std::uint32_t sent_sr = 0;        // middle NTP bits of the last SR to the peer
  Instant sent_sr_at{};
  bool sent_sr_is_ours = false;        // made here, not passed on
  std::uint32_t reported_packets = 0;  // out.packets at the last report of ours

  [[nodiscard]] std::uint32_t event_clock(std::uint8_t type) const {
    for (const sdp::Codec& c : agreed.receive_codecs)
      if (c.pt.value == type) return c.clock;
    return 8'000;
  }
  // Connectivity checks decide where packets come from and go to. Who did not check is sent nothing
  // (RFC 8445 12.1.2).
  [[nodiscard]] bool by_checks() const { return agent && agreed.ice; }
  [[nodiscard]] bool has_target() const {
    if (keyless) return false;
    if (by_checks()) return source.has_value();
    return source || remote_rtp.port != 0;
  }
  // Port 0: nowhere yet.
  [[nodiscard]] const Endpoint& rtp_target() const {
    static constexpr Endpoint kNowhere{};
    if (source) return *source;
    return by_checks() ? kNowhere : remote_rtp;
  }
  [[nodiscard]] Endpoint rtcp_target() const {
    if (agreed.rtcp_mux) return rtp_target();
    if (rtcp_source) return *rtcp_source;
    return by_checks() ? Endpoint{} : remote_rtcp;
  }
  // The allow list, or the checks in its place.
  [[nodiscard]] bool admits(const Endpoint& from, ice::Component component) const {
    return by_checks() ? agent->admits(from, component) : allows(from.address);
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
