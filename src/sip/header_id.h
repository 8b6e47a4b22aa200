// The headers that the gateway reads. A message finds them by slot; every other header is kHOther
// and is carried as it came. Long and compact names, any case (RFC 3261 7.3.1, 7.3.3).
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::sip {

enum class HeaderId : std::uint8_t {
  kOther,
  kAccept,
  kAcceptContact,
  kAllow,
  kAllowEvents,
  kAuthorization,
  kCallId,
  kContact,
  kContentDisposition,
  kContentEncoding,
  kContentLength,
  kContentType,
  kCSeq,
  kDate,
  kDiversion,
  kEvent,
  kExpires,
  kFrom,
  kGeolocation,
  kGeolocationRouting,
  kHistoryInfo,
  kIdentity,
  kIdentityInfo,
  kMaxForwards,
  kMinExpires,
  kMinSe,
  kPAssertedIdentity,
  kPPreferredIdentity,
  kPriority,
  kPrivacy,
  kProxyRequire,
  kRAck,
  kReason,
  kRecordRoute,
  kReferTo,
  kReferredBy,
  kRejectContact,
  kRemotePartyId,
  kReplaces,
  kRequestDisposition,
  kRequire,
  kResourcePriority,
  kRetryAfter,
  kRoute,
  kRSeq,
  kServer,
  kSessionExpires,
  kSessionId,
  kSubject,
  kSubscriptionState,
  kSupported,
  kTargetDialog,
  kTimestamp,
  kTo,
  kUnsupported,
  kUserAgent,
  kUserToUser,
  kVia,
  kWarning,
  kCount
};
inline constexpr std::size_t kHeaderIdCount = static_cast<std::size_t>(HeaderId::kCount);

[[nodiscard]] HeaderId header_id(std::string_view name) noexcept;
// The long form, as we write it.
[[nodiscard]] std::string_view header_name(HeaderId id) noexcept;
// May its value be a comma-separated list (RFC 3261 7.3.1)?
[[nodiscard]] bool is_list_header(HeaderId id) noexcept;

namespace detail {
[[nodiscard]] bool iequals_tail(const char* a, const char* b, std::size_t size) noexcept;
}

// ASCII letters alike in either case. What differs in length or in its first letter, as most does
// that is compared, costs no call.
[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (a.empty()) return true;
  constexpr unsigned kCase = 0x20;
  if ((static_cast<unsigned char>(a.front()) | kCase) !=
      (static_cast<unsigned char>(b.front()) | kCase))
    return false;
  return detail::iequals_tail(a.data(), b.data(), a.size());  // NOLINT(bugprone-*)
}

}  // namespace causeway::sip
