// SDP as text, the lab's own: the one audio stream of a call as it was written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"

namespace causeway::lab {

enum class Way : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
[[nodiscard]] std::string_view to_string(Way w);
[[nodiscard]] constexpr bool way_sends(Way w) { return w == Way::kSendRecv || w == Way::kSendOnly; }
[[nodiscard]] constexpr bool way_receives(Way w) {
  return w == Way::kSendRecv || w == Way::kRecvOnly;
}
// The answer to an offer by one who would send and receive (RFC 3264 6.1).
[[nodiscard]] Way answer_to(Way offered);

struct CryptoLine {
  int tag = 0;
  std::string suite;
  std::string key;       // 30 bytes, raw
  std::string lifetime;  // "2^31", empty when absent
  bool mki = false;
  friend bool operator==(const CryptoLine&, const CryptoLine&) = default;
};

// Of a=candidate, UDP alone.
struct SdpCandidate {
  int component = 0;
  std::string type;  // "host"
  std::uint32_t priority = 0;
  Endpoint address;
  friend bool operator==(const SdpCandidate&, const SdpCandidate&) = default;
};

struct SdpRtpmap {
  int pt = 0;
  std::string encoding;  // "PCMA/8000"
};

struct SdpText {
  std::string origin_id, origin_version, origin_address;
  IpAddress address;  // of the audio stream
  std::uint16_t port = 0;
  std::uint16_t rtcp_port = 0;  // a=rtcp, else port + 1
  std::string protocol;         // "RTP/AVP"
  std::vector<int> formats;
  std::vector<SdpRtpmap> rtpmaps;
  Way way = Way::kSendRecv;
  int ptime = 0;
  bool rtcp_mux = false;
  std::vector<CryptoLine> crypto;
  bool ice_lite = false;
  std::string ice_ufrag, ice_pwd;  // of the stream, else of the session
  std::vector<SdpCandidate> candidates;
  std::vector<std::string> media_kinds;  // "audio", "video": each m= line
  std::vector<std::string> attributes;   // every a= line without "a="

  [[nodiscard]] bool has_ice() const { return !ice_ufrag.empty() && !candidates.empty(); }
  [[nodiscard]] int telephone_event() const;  // payload type, -1 when absent
};

[[nodiscard]] Result<SdpText> parse_sdp(std::string_view text);

struct SdpToWrite {
  std::uint64_t id = 0, version = 0;
  IpAddress address;
  std::uint16_t port = 0;
  bool secure = false;
  std::vector<int> formats;  // 8, 0, 101 ...
  Way way = Way::kSendRecv;
  bool zero_address = false;  // the old form of hold: c=IN IP4 0.0.0.0
  std::vector<CryptoLine> crypto;
  std::string protocol;                    // empty: RTP/SAVP or RTP/AVP
  std::string session_lines, media_lines;  // further "a=..." lines, each with its end
};
[[nodiscard]] std::string write_sdp(const SdpToWrite& s);

[[nodiscard]] std::string to_base64(std::string_view raw);
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace causeway::lab
