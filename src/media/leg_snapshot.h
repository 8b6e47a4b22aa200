// What was agreed for a media leg, and the leg itself as a value: plain, comparable, serialisable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/net.h"
#include "ice/agent.h"
#include "rtp/quality.h"
#include "rtp/srtp_state.h"
#include "sdp/plain.h"

namespace causeway::media {

// How digits travel on a leg: as telephone events (RFC 4733), as tones in the audio, or in messages
// of the signalling (INFO, NOTIFY).
enum class DigitForm : std::uint8_t { kEvents, kInBand, kSignalled };

// Keys are to come from a handshake with the peer, over the RTP port (RFC 5763). As long as this
// stays the same the association does, and with it its keys (RFC 8842 5.5).
struct DtlsAgreed {
  bool client = false;                   // we begin
  sdp::Fingerprint ours;                 // that our SDP said
  std::vector<sdp::Fingerprint> peers;   // one of them has to be the peer's
  std::string tls_id;                    // of the peer
  std::string fork;                      // tag of the dialog whose association it is
  std::vector<sdp::CryptoSuite> suites;  // in our order
  friend bool operator==(const DtlsAgreed&, const DtlsAgreed&) = default;
};

// Both sides said that they do ICE, we as a lite agent: packets come from where the peer's checks
// came from, and go to where they chose (RFC 8445).
struct IceAgreed {
  ice::Credentials peer;
  bool lite = false;  // so is the peer: nobody checks, and the default addresses are the path
  friend bool operator==(const IceAgreed&, const IceAgreed&) = default;
};

// A fax by T.38 (m=image): UDPTL between that address and a port of ours.
struct ImageAgreed {
  Endpoint remote;
  bool alone = false;  // there is no audio meanwhile
  friend bool operator==(const ImageAgreed&, const ImageAgreed&) = default;
};
struct ImageSnapshot {
  Endpoint bound;
  std::optional<ImageAgreed> agreed;
  friend bool operator==(const ImageSnapshot&, const ImageSnapshot&) = default;
};

// The outcome of offer/answer on one leg. Directions and "send" are as seen from us.
struct LegMedia {
  sdp::RemoteMedia remote;                 // where the peer wants its packets
  bool rtcp_mux = false;                   // both sides said so
  std::optional<sdp::Crypto> send_key;     // ours; both keys or none
  std::optional<sdp::Crypto> receive_key;  // the peer's
  // With it the two keys are what the handshake came to; without them it is still to be made.
  Boxed<DtlsAgreed> dtls;
  Boxed<IceAgreed> ice;
  std::vector<sdp::Codec> send_codecs;     // payload types of the peer's SDP
  std::vector<sdp::Codec> receive_codecs;  // payload types of our SDP
  sdp::Direction direction = sdp::Direction::kSendRecv;
  std::vector<Prefix> allowed_sources;  // beside the address in SDP
  std::uint16_t send_ptime = 0;         // ms of a packet that the peer wants; 0: it did not say
  std::uint16_t send_maxptime = 0;      // ms, 0: it did not say
  DigitForm digits = DigitForm::kEvents;
  sdp::FaxAs fax = sdp::FaxAs::kIgnore;  // whether the peer's G.711 is listened to
  bool plain = false;         // a fax or a modem speaks: G.711 as it comes, and nothing done to it
  bool voip_metrics = false;  // the peer asked for RTCP XR (RFC 3611 4.7)
  bool no_rtcp = false;       // it wants no reports
  friend bool operator==(const LegMedia&, const LegMedia&) = default;
};

// RTP packets that were not passed on, by reason.
struct DropCounts {
  std::uint64_t source = 0;          // from an address that is not allowed, or not the latched one
  std::uint64_t authentication = 0;  // SRTP tag wrong
  std::uint64_t replay = 0;
  std::uint64_t malformed = 0;
  std::uint64_t not_joined = 0;  // no other leg, or it has no destination yet
  std::uint64_t direction = 0;   // held
  std::uint64_t codec = 0;       // a payload type that the other leg has no number for
  std::uint64_t fork = 0;        // of a fork that is not the current one, known by its key or place
  std::uint64_t untried = 0;     // perhaps of a fork, but too many were tried in that second
  friend bool operator==(const DropCounts&, const DropCounts&) = default;
};

// What we send to the peer: one SSRC, numbers without a break whatever the input does.
struct OutStream {
  std::uint32_t ssrc = 0;
  std::uint32_t input_ssrc = 0;  // source that the two offsets belong to
  bool has_input = false;
  bool started = false;
  std::uint16_t seq_offset = 0;  // ours = theirs + offset
  std::uint32_t ts_offset = 0;
  std::uint32_t highest = 0;  // extended sequence number sent last
  std::uint32_t floor = 0;    // extended numbers below belong to earlier inputs
  std::uint32_t last_ts = 0;
  std::int64_t last_ts_us = 0;  // when last_ts was first sent; in a snapshot: µs before it
  std::uint32_t clock = 8000;
  std::uint32_t packets = 0, octets = 0;  // for sender reports; wrap
  friend bool operator==(const OutStream&, const OutStream&) = default;
};

// What we receive from the peer (RFC 3550 A.1, A.3, A.8).
struct InStream {
  std::uint32_t ssrc = 0;
  bool started = false;
  std::uint32_t base = 0;     // extended sequence number of the first packet
  std::uint32_t highest = 0;  // extended
  std::uint32_t received = 0;
  std::uint32_t expected_prior = 0, received_prior = 0;
  std::uint64_t lost_before = 0;  // of earlier sources
  std::uint32_t transit = 0;
  bool has_transit = false;
  std::uint32_t jitter_q4 = 0;  // RTP clock units times 16
  std::uint32_t max_jitter_q4 = 0;
  std::uint32_t clock = 8000;
  std::uint32_t last_sr_ntp = 0;  // middle 32 bits of the last SR
  std::int64_t last_sr_us = 0;    // when it came; in a snapshot: µs before it
  friend bool operator==(const InStream&, const InStream&) = default;
};

// Times are given in µs before the snapshot was taken, so that another process can carry on.
struct LegSnapshot {
  Endpoint rtp;  // bound; RTCP is the next port
  bool rtcp_mux_offered = false;
  std::vector<sdp::Crypto> local_crypto;
  std::vector<std::vector<std::uint8_t>>
      retired_keys;  // of ours, never to be used again; at most 16
  bool applied = false;
  LegMedia agreed;
  Endpoint remote_rtp, remote_rtcp;             // last that was no 0.0.0.0
  std::optional<Endpoint> source, rtcp_source;  // latched
  std::uint32_t source_ssrc = 0;
  bool may_relatch = false;
  OutStream out;
  InStream in;
  std::string cname;
  std::vector<rtp::SrtpStreamState> srtp_out, srtp_in;  // at most four each
  std::uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0, rtcp_in = 0,
                rtcp_out = 0;
  std::optional<std::int64_t> first_in_us, last_in_us, last_rtcp_in_us;
  std::optional<std::int64_t> expected_us;  // since when something should come
  bool lost = false;                        // on_media_lost() was called
  DropCounts dropped;
  rtp::QualityMonitor quality;                // carried()
  bool one_way = false, one_way_now = false;  // at some time, and told but not over
  std::optional<ice::Agent::State> ice;       // its instants are Instant{age}
  std::optional<ImageSnapshot> image;
  friend bool operator==(const LegSnapshot&, const LegSnapshot&) = default;
};

}  // namespace causeway::media
