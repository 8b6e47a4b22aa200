// The one plain description of media that legs exchange. A leg reads its peer's SDP dialect into
// these values and writes them back in another; call/ and media/ know nothing else about SDP.
// All are values, comparable and serialisable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/ids.h"
#include "base/net.h"

namespace causeway::sdp {

// As seen by the side that said it (RFC 3264 5.1).
enum class Direction : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
[[nodiscard]] constexpr bool sends(Direction d) {
  return d == Direction::kSendRecv || d == Direction::kSendOnly;
}
[[nodiscard]] constexpr bool receives(Direction d) {
  return d == Direction::kSendRecv || d == Direction::kRecvOnly;
}
[[nodiscard]] constexpr Direction make_direction(bool send, bool receive) {
  return send ? (receive ? Direction::kSendRecv : Direction::kSendOnly)
              : (receive ? Direction::kRecvOnly : Direction::kInactive);
}
// The same stream seen from the other end.
[[nodiscard]] constexpr Direction reversed(Direction d) {
  return make_direction(receives(d), sends(d));
}

struct Codec {
  PayloadType pt;
  std::string name;            // encoding name as written, compared without case
  std::uint32_t clock = 8000;  // RTP clock rate, Hz
  std::uint8_t channels = 1;
  std::string fmtp;  // without "a=fmtp:PT "; empty when absent
  friend bool operator==(const Codec&, const Codec&) = default;
};
[[nodiscard]] bool same_codec(const Codec& a, const Codec& b);  // name, clock and channels
[[nodiscard]] bool is_telephone_event(const Codec& c);
[[nodiscard]] bool is_comfort_noise(const Codec& c);

// A fax by T.38 over UDPTL (ITU-T T.38 D.2.3), which audio gives way to or goes on beside.
struct Image {
  std::vector<std::string> attributes;  // "T38FaxVersion:0", as written
  bool alone = false;                   // there is no audio
  friend bool operator==(const Image&, const Image&) = default;
};

// What one side wants of the audio of a call, free of addresses, ports and keys.
struct MediaWish {
  std::vector<Codec> codecs;  // in order of preference
  Direction direction = Direction::kSendRecv;
  std::uint16_t ptime = 0;  // ms, 0 when not said
  std::uint16_t maxptime = 0;
  std::optional<Image> image;  // alone: then there are no codecs
  [[nodiscard]] bool image_alone() const { return image && image->alone; }
  friend bool operator==(const MediaWish&, const MediaWish&) = default;
};

// RFC 4568, 6188, 7714. Written down as numbers: new ones go to the end.
enum class CryptoSuite : std::uint8_t {
  kAesCm128HmacSha1_80,
  kAesCm128HmacSha1_32,
  kAesCm256HmacSha1_80,
  kAesCm256HmacSha1_32,
  kAeadAes128Gcm,
  kAeadAes256Gcm,
};

// One a=crypto line (RFC 4568).
struct Crypto {
  std::uint32_t tag = 1;
  CryptoSuite suite = CryptoSuite::kAesCm128HmacSha1_80;
  std::vector<std::uint8_t> key_salt;  // key_salt_bytes(suite)
  std::string lifetime;                // as written ("2^31"), empty when absent
  std::uint32_t mki = 0;
  std::uint8_t mki_length = 0;  // 0: none
  friend bool operator==(const Crypto&, const Crypto&) = default;
};

// RFC 8445 5.1.1. Written down as numbers, new ones go to the end.
enum class CandidateType : std::uint8_t { kHost, kServerReflexive, kPeerReflexive, kRelayed };

// One a=candidate line over UDP (RFC 8839 5.1).
struct IceCandidate {
  std::string foundation;
  Endpoint address;
  std::uint32_t priority = 0;
  std::uint8_t component = 1;  // 1 RTP (and RTCP with mux), 2 RTCP
  CandidateType type = CandidateType::kHost;
  friend bool operator==(const IceCandidate&, const IceCandidate&) = default;
};
// Of a=remote-candidates: our address in the pair that the peer's checks have chosen.
struct IceRemoteCandidate {
  Endpoint address;
  std::uint8_t component = 1;
  friend bool operator==(const IceRemoteCandidate&, const IceRemoteCandidate&) = default;
};
// What one side says about ICE for one stream (sdp/ice.h reads and writes it). Of our side the
// candidates follow from the ports.
struct IceParameters {
  std::string ufrag;
  std::string pwd;
  std::vector<IceCandidate> candidates;
  std::vector<IceRemoteCandidate> remote_candidates;
  std::vector<std::string> options;
  bool lite = false;
  friend bool operator==(const IceParameters&, const IceParameters&) = default;
};

// RFC 4145 4, for DTLS as RFC 5763 5 has it: who begins the handshake.
enum class DtlsSetup : std::uint8_t { kActpass, kActive, kPassive };
// The digest of a certificate (RFC 8122 5): "sha-256" and the like, in small letters.
struct Fingerprint {
  std::string hash;
  std::vector<std::uint8_t> octets;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};
// What one side says about DTLS for one stream (sdp/dtls.h reads and writes it).
struct DtlsParameters {
  std::vector<Fingerprint> fingerprints;
  std::optional<DtlsSetup> setup;  // none: it did not say
  std::string tls_id;              // RFC 8842 4, empty when absent
  friend bool operator==(const DtlsParameters&, const DtlsParameters&) = default;
};

// b= lines: what a side takes (RFC 4566 5.8, RFC 3890, RFC 3556).
struct Bandwidth {
  std::optional<std::uint32_t> as_kbps;  // with the headers of IP, UDP and RTP
  std::optional<std::uint32_t> tias;     // bit/s without them
  std::optional<std::uint32_t> rs, rr;   // bit/s of RTCP, for those who send and who receive
  friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};

// Where and how the other side wants to receive: what an SDP says beside the wish.
struct RemoteMedia {
  Endpoint rtp;   // 0.0.0.0 is kept as it came
  Endpoint rtcp;  // a=rtcp or rtp + 1
  bool rtcp_mux = false;
  bool secure = false;         // RTP/SAVP or SAVPF
  std::vector<Crypto> crypto;  // suites that we know, in the peer's order
  Boxed<IceParameters> ice;    // only where the dialect has it
  bool ice_mismatch = false;   // ICE was there, and something between has changed the address
  // Of an m= line over UDP/TLS/RTP/SAVP(F) with a fingerprint that we can compare.
  Boxed<DtlsParameters> dtls;
  Bandwidth bandwidth;
  std::optional<Endpoint> image;  // where it takes UDPTL
  friend bool operator==(const RemoteMedia&, const RemoteMedia&) = default;
};

// SRTP's keys: none, in the SDP (RFC 4568), or from a handshake on the media path (RFC 5763).
enum class Security : std::uint8_t { kRtp, kSdes, kDtls };
[[nodiscard]] constexpr bool is_srtp(Security s) { return s != Security::kRtp; }
enum class HoldForm : std::uint8_t {
  kRfc3264,
  kInactiveOnly
};  // what this peer understands (TDR-93)

// When audio is decoded and coded anew because two sides have no codec in common.
enum class Transcoding : std::uint8_t {
  kNever,
  kNoneCommon,     // codecs of ours are offered where no common one is left
  kAlwaysOffered,  // ... and behind the common ones
};

// How digits reach this peer and come from it.
enum class DigitsAs : std::uint8_t {
  kAuto,       // telephone events when both sides of the leg have them, else tones in the audio
  kEvents,     // the same, and events are offered and taken whatever the other side has
  kInBand,     // tones in the audio
  kInfoRelay,  // INFO with application/dtmf-relay
  kInfo,       // INFO with application/dtmf
  kNotify,     // NOTIFY of the event package telephone-event
};

// Whether fax machines and modems are listened for in the G.711 of a peer.
enum class FaxAs : std::uint8_t {
  kWhereDecoded,  // where its audio is decoded anyway
  kPassthrough,   // always
  kIgnore,        // never
};

// What becomes of m=image lines (T.38).
enum class ImageAs : std::uint8_t {
  kDecline,  // port 0; a fax goes in G.711
  kPass,     // to another side that passes them, too
};

// How a peer wants its SDP; a part of the profile of a peer group.
struct Dialect {
  Security security = Security::kRtp;
  std::vector<CryptoSuite> suites{
      CryptoSuite::kAesCm128HmacSha1_80};  // offered, in this order; answers choose from it
  std::string key_lifetime;                // "2^31" is added to the inline key; empty: none
  HoldForm hold = HoldForm::kRfc3264;
  bool rtcp_mux = false;  // offer a=rtcp-mux, accept it when offered
  bool ice_lite = false;  // offer ICE as a lite agent, answer it when offered
  std::vector<std::string>
      codecs;  // names allowed towards this peer, in our order of preference; empty: any
  std::vector<std::string>
      attributes;           // further a= lines that may cross to this peer, by attribute name
  std::uint16_t ptime = 0;  // written when not 0
  std::string session_name = "-";
  Transcoding transcoding = Transcoding::kNoneCommon;
  DigitsAs digits = DigitsAs::kAuto;
  FaxAs fax = FaxAs::kWhereDecoded;
  ImageAs image = ImageAs::kDecline;
  std::uint32_t bandwidth = 0;  // b=AS of ours, kbit/s; 0: not written
  bool rtcp_off = false;        // b=RS:0 with b=RR:0 of the peer ends our reports
  friend bool operator==(const Dialect&, const Dialect&) = default;
};

}  // namespace causeway::sdp
