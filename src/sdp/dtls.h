// What an SDP says about DTLS-SRTP (RFC 5763, 8122, 8842), and our end of it written. Pure, any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sdp/plain.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxFingerprints = 8;  // further ones are not kept

// The value after "a=fingerprint:". nullopt: not well formed, or of a hash that we do not compute.
[[nodiscard]] std::optional<Fingerprint> read_fingerprint(std::string_view value);
// The value after "a=setup:"; nullopt for holdconn and for what is no word of RFC 4145.
[[nodiscard]] std::optional<DtlsSetup> read_setup(std::string_view value);

// "a=fingerprint:..." and "a=setup:...", each with its end of line.
[[nodiscard]] std::string dtls_lines(const DtlsParameters& ours, DtlsSetup setup);

// The part that we play in an answer to `offered`, kActive or kPassive: what the offer leaves us,
// and what we play already when it leaves both (RFC 8842 5.5), at first the active one (RFC 5763
// 5). kNotAcceptable: no certificate to expect, or RTCP on a port of its own, which would need a
// handshake of its own.
[[nodiscard]] Result<DtlsSetup> answer_setup(const RemoteMedia& offered,
                                             const std::optional<DtlsParameters>& ours);
// The part that an answer to our offer, which was kActpass, leaves us.
[[nodiscard]] Result<DtlsSetup> setup_left_by(const RemoteMedia& answered);

}  // namespace causeway::sdp
