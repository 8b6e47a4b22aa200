// Result<T>: a value or one typed Error. The written error policy is in CONTRIBUTING.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace causeway {

// Every way in which an operation of ours is refused. One code maps to exactly one SIP status, one
// HTTP status and one metric label (error_info()).
enum class ErrorCode : std::uint8_t {
  kMalformed,      // the peer sent what no grammar allows
  kTooLarge,       // a bound was exceeded
  kUnsupported,    // understood, not done
  kVersion,        // another version of the protocol
  kUriScheme,      // addressed in a way we do not route
  kUriTooLong,     // a Request-URI over its bound
  kBodyTooLarge,   // a body over its bound
  kIncomplete,     // an address that needs more to be one
  kNotFound,       // names nothing that exists
  kForbidden,      // known, not allowed
  kNotAcceptable,  // media or capabilities do not meet
  kConflict,       // clashes with the state of the thing
  kLoop,           // Max-Forwards spent, or our own message came back
  kUnavailable,    // no capacity, no port, no peer: may work elsewhere or later
  kTimeout,        // no answer in time
  kTls,            // certificate or handshake
  kIo,             // the operating system said no
  kConfiguration,  // the operator's file is wrong
  kInternal,       // our own fault
};

struct ErrorInfo {
  int sip_status;
  int http_status;
  std::string_view label;  // metric label, snake_case
};
[[nodiscard]] ErrorInfo error_info(ErrorCode code) noexcept;

// `what` is for a person: it names the field, the value found and the remedy.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string what;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string what) {
  return tl::unexpected<Error>(Error{code, std::move(what)});
}

}  // namespace causeway
