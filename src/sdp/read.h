// From a peer's SDP to plain media. Pure values, any thread; nothing here points into the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sdp/description.h"
#include "sdp/plain.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxCodecs = 64;  // further formats of an m= line are ignored
inline constexpr std::size_t kMaxExtraAttributes = 64;

// What a received SDP says about the audio of the call; offers and answers read alike.
struct RemoteOffer {
  MediaWish wish;
  RemoteMedia media;
  bool declined = false;                   // the audio line has port 0
  std::size_t audio_index = 0;             // which m= line was chosen
  std::optional<std::size_t> image_index;  // and which for wish.image
  std::vector<std::string> media_lines;  // every m= value, so that an answer can decline the others
  std::string proto;                     // of the chosen line: "RTP/SAVP"; answers repeat it
  std::string origin_user;               // o=
  std::uint64_t session_id = 0;
  std::uint64_t version = 0;
  // a= lines that we do not use ourselves ("NAME" or "NAME:VALUE"), session level first. They cross
  // to another peer only when its Dialect::attributes lists them. What describes a transport
  // (candidates, fingerprints, x-candidate ...) is never kept.
  std::vector<std::string> attributes;
  friend bool operator==(const RemoteOffer&, const RemoteOffer&) = default;
};

// Chooses the first live audio line over RTP/AVP, AVPF, SAVP or SAVPF (the latter two with UDP/TLS/
// before them, too), preferring `prefer` when
// both kinds are there. c=0.0.0.0 and c=:: (hold of RFC 2543) count as the peer not receiving.
// kNotAcceptable: no audio line that we can use. kMalformed names the line.
[[nodiscard]] Result<RemoteOffer> read_audio(const SessionDescription& d,
                                             std::optional<Security> prefer = std::nullopt);

// parse() and read_audio() in one.
[[nodiscard]] Result<RemoteOffer> read_audio(std::string_view text,
                                             std::optional<Security> prefer = std::nullopt);

}  // namespace causeway::sdp
