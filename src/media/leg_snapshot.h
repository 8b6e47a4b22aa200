// What was agreed for a media leg, and the leg itself as a value: plain, comparable, serialisable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/net.h"
#include "sdp/plain.h"

namespace causeway::media {

// The outcome of offer/answer on one leg. Directions and "send" are as seen from us.
struct LegMedia {
  sdp::RemoteMedia remote;                    // where the peer wants its packets
  bool rtcp_mux = false;                      // both sides said so
  std::optional<sdp::Crypto> send_key;        // ours; both keys or none
  std::optional<sdp::Crypto> receive_key;     // the peer's
  std::vector<sdp::Codec> send_codecs;        // payload types of the peer's SDP
  std::vector<sdp::Codec> receive_codecs;     // payload types of our SDP
  sdp::Direction direction = sdp::Direction::kSendRecv;
  std::vector<Prefix> allowed_sources;        // beside the address in SDP
  friend bool operator==(const LegMedia&, const LegMedia&) = default;
};

// Indices of one SRTP stream (RFC 3711 3.3): no key material.
struct SrtpStreamState {
  std::uint32_t ssrc = 0;
  std::uint64_t index = 0;                    // highest packet index (ROC << 16 | SEQ) seen or sent
  std::array<std::uint64_t, 2> window{};      // bit i: index - i was used
  bool started = false;
  std::uint32_t rtcp_index = 0;               // next to send, or highest received
  std::uint64_t rtcp_window = 0;
  bool rtcp_started = false;
  friend bool operator==(const SrtpStreamState&, const SrtpStreamState&) = default;
};

// What we send to the peer: one SSRC, numbers without a break whatever the input does.
struct OutStream {
  std::uint32_t ssrc = 0;
  std::uint32_t input_ssrc = 0;               // source that the two offsets belong to
  bool has_input = false;
  bool started = false;
  std::uint16_t seq_offset = 0;               // ours = theirs + offset
  std::uint32_t ts_offset = 0;
  std::uint32_t highest = 0;                  // extended sequence number sent last
  std::uint32_t floor = 0;                    // extended numbers below belong to earlier inputs
  std::uint32_t last_ts = 0;
  std::int64_t last_sent_us = 0;              // Instant, µs
  std::uint32_t clock = 8000;
  std::uint32_t packets = 0, octets = 0;      // for sender reports; wrap
  friend bool operator==(const OutStream&, const OutStream&) = default;
};

// What we receive from the peer (RFC 3550 A.1, A.3, A.8).
struct InStream {
  std::uint32_t ssrc = 0;
  bool started = false;
  std::uint32_t base = 0;                     // extended sequence number of the first packet
  std::uint32_t highest = 0;                  // extended
  std::uint32_t received = 0;
  std::uint32_t expected_prior = 0, received_prior = 0;
  std::uint64_t lost_before = 0;              // of earlier sources
  std::uint32_t transit = 0;
  std::uint32_t jitter_q4 = 0;                // RTP clock units times 16
  std::uint32_t max_jitter_q4 = 0;
  std::uint32_t clock = 8000;
  std::uint32_t last_sr_ntp = 0;              // middle 32 bits of the last SR
  std::int64_t last_sr_us = 0;
  friend bool operator==(const InStream&, const InStream&) = default;
};

struct LegSnapshot {
  Endpoint rtp;                               // bound; RTCP is the next port
  bool rtcp_mux_offered = false;
  std::vector<sdp::Crypto> local_crypto;
  bool applied = false;
  LegMedia agreed;
  std::optional<Endpoint> source, rtcp_source;   // latched
  std::uint32_t source_ssrc = 0;
  bool may_relatch = false;
  OutStream out;
  InStream in;
  SrtpStreamState srtp_out;
  std::vector<SrtpStreamState> srtp_in;       // at most four
  std::uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0, rtcp_in = 0, rtcp_out = 0;
  std::array<std::uint64_t, 7> dropped{};     // in the order of DropCounts
  friend bool operator==(const LegSnapshot&, const LegSnapshot&) = default;
};

}  // namespace causeway::media
