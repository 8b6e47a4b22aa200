// What an SDP says about ICE (RFC 8839), read for peers whose dialect has it, and our end of it
// written. Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "sdp/compose.h"
#include "sdp/description.h"
#include "sdp/plain.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxCandidates = 32;  // further ones are not kept

// Of one m= line (RemoteOffer::audio_index), what stands at session level counting where the
// section says nothing: moving attributes between the levels changes nothing (MBP-07). nullopt: no
// ICE there, or ufrag and password that RFC 8839 does not allow. Candidates that are no literal
// UDP address are left out; one that cannot be read is, too, since the others may do.
[[nodiscard]] std::optional<IceParameters> read_ice(const SessionDescription& d,
                                                    std::size_t media_index);

// The address in c= and m= is one of the candidates, or the peer is lite and gave none beside it.
// If not, something between has rewritten the SDP, and ICE does not say the truth (RFC 8839 3.2.5).
[[nodiscard]] bool default_is_candidate(const IceParameters& ice, const Endpoint& rtp);

// "a=..." lines of `local.ice` at media level: ufrag, password, and a host candidate for RTP and,
// unless both share one port, for RTCP. Empty without local.ice. a=ice-lite is a session's.
[[nodiscard]] std::string ice_lines(const LocalMedia& local, bool mux);

}  // namespace causeway::sdp
