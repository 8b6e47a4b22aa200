#include "base/result.h"

namespace causeway {

ErrorInfo error_info(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kMalformed: return {400, 400, "malformed"};
    case ErrorCode::kTooLarge: return {513, 413, "too_large"};
    case ErrorCode::kUnsupported: return {501, 501, "unsupported"};
    case ErrorCode::kVersion: return {505, 505, "version"};
    case ErrorCode::kUriScheme: return {416, 422, "uri_scheme"};
    case ErrorCode::kUriTooLong: return {414, 414, "uri_too_long"};
    case ErrorCode::kBodyTooLarge: return {413, 413, "body_too_large"};
    case ErrorCode::kIncomplete: return {484, 422, "incomplete"};
    case ErrorCode::kNotFound: return {404, 404, "not_found"};
    case ErrorCode::kForbidden: return {403, 403, "forbidden"};
    case ErrorCode::kNotAcceptable: return {488, 406, "not_acceptable"};
    case ErrorCode::kConflict: return {491, 409, "conflict"};
    case ErrorCode::kLoop: return {483, 508, "loop"};
    case ErrorCode::kUnavailable: return {503, 503, "unavailable"};
    case ErrorCode::kTimeout: return {408, 504, "timeout"};
    case ErrorCode::kTls: return {503, 502, "tls"};
    case ErrorCode::kIo: return {503, 500, "io"};
    case ErrorCode::kConfiguration: return {500, 422, "configuration"};
    case ErrorCode::kInternal: return {500, 500, "internal"};
  }
  return {500, 500, "internal"};
}

}  // namespace causeway
