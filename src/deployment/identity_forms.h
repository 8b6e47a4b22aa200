// How a profile wants callers and diversions named (RFC 3325, 3323, 5806, 7044). The conversions
// are in call/identity.h.
#pragma once

#include <cstdint>

namespace causeway::deployment {

// The header that tells these peers who calls. It is written between trusted groups alone.
enum class IdentityForm : std::uint8_t {
  kAsReceived,   // those that the lists let through, as they came
  kAsserted,     // P-Asserted-Identity, made of what came in its place where there was none
  kPreferred,    // P-Preferred-Identity
  kRemoteParty,  // Remote-Party-ID, for peers older than RFC 3325
  kNone,
};
// What becomes of that header when it names another number than the From that we write (TDR-65).
enum class IdentityMismatch : std::uint8_t { kKeep, kRemove, kFrom };
// How a diverted call is told of. Where the other side speaks the other language, it is converted
// (RFC 7544).
enum class DiversionForm : std::uint8_t { kAsReceived, kHistoryInfo, kDiversion, kBoth, kNone };
// The host in the From of a caller without a name.
enum class AnonymousHost : std::uint8_t { kInvalid, kOwn };
// What an 18x is called towards a caller.
enum class Ringing : std::uint8_t {
  kAsReceived,
  kBySdp,  // 183 with SDP, 180 without (ZM-13)
};

}  // namespace causeway::deployment
