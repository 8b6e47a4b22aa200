// What the values of single headers mean, read strictly by their grammar and written the same way.
// Every parse_...() takes one value (next_value() splits lists), gives views into it and allocates
// nothing unless it fails; kMalformed names the header and the value. Every write() appends what
// parse_...() reads back as the same. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sip/headers.h"
#include "sip/message.h"

namespace causeway::sip {

// --- Pieces ------------------------------------------------------------------------------------

// "a\"b" with its quotes -> a"b. Text that is not quoted comes back as it is.
[[nodiscard]] std::string unquote(std::string_view text);
// a"b -> "a\"b", control characters left out.
[[nodiscard]] std::string quote(std::string_view text);
// %HH resolved (RFC 3261 19.1.2); nullopt for a broken escape.
[[nodiscard]] std::optional<std::string> unescape(std::string_view text);
// Value of header `name` among the headers of a URI ("Replaces=...&Require=..."), unescaped.
[[nodiscard]] std::optional<std::string> uri_header(std::string_view headers,
                                                    std::string_view name);

// --- Session timers (RFC 4028) -----------------------------------------------------------------

enum class Refresher : std::uint8_t { kNone, kUac, kUas };
struct SessionExpires {
  std::uint32_t seconds = 0;
  Refresher refresher = Refresher::kNone;
  friend bool operator==(const SessionExpires&, const SessionExpires&) = default;
};
[[nodiscard]] Result<SessionExpires> parse_session_expires(std::string_view value);
void write(std::string& out, const SessionExpires& x);
// Min-SE, Expires, Min-Expires: delta-seconds; parameters of Min-SE are passed over.
[[nodiscard]] Result<std::uint32_t> parse_seconds(std::string_view value);

// --- Reliable provisional responses (RFC 3262) -------------------------------------------------

[[nodiscard]] Result<std::uint32_t> parse_rseq(std::string_view value);  // 1 to 2^31-1
struct RAck {
  std::uint32_t rseq = 0, cseq = 0;
  std::string_view method;
  friend bool operator==(const RAck&, const RAck&) = default;
};
[[nodiscard]] Result<RAck> parse_rack(std::string_view value);
void write(std::string& out, const RAck& x);

// --- Reason (RFC 3326) -------------------------------------------------------------------------

struct Reason {
  std::string_view protocol;           // "Q.850", "SIP"
  std::optional<std::uint32_t> cause;  // absent when not given
  std::string_view text;               // quoted, as written
  friend bool operator==(const Reason&, const Reason&) = default;
};
[[nodiscard]] Result<Reason> parse_reason(std::string_view value);
void write(std::string& out, const Reason& x);

// --- Transfer (RFC 3515, 3891, 3892) and dialogs named from outside (RFC 4538) ------------------

// Replaces (both tags required) and Target-Dialog, which calls them local-tag and remote-tag.
struct DialogName {
  std::string_view call_id, to_tag, from_tag;  // Target-Dialog: remote-tag, local-tag
  bool early_only = false;
  friend bool operator==(const DialogName&, const DialogName&) = default;
};
[[nodiscard]] Result<DialogName> parse_replaces(std::string_view value);
[[nodiscard]] Result<DialogName> parse_target_dialog(std::string_view value);
void write_replaces(std::string& out, const DialogName& x);

struct ReferTo {
  NameAddr address;
  Uri uri;
  std::string_view method;  // of the request to be sent; INVITE unless given
};
[[nodiscard]] Result<ReferTo> parse_refer_to(std::string_view value);

struct ReferredBy {
  NameAddr address;
  std::string_view cid;  // quoted, as written; empty when absent
};
[[nodiscard]] Result<ReferredBy> parse_referred_by(std::string_view value);

// --- Identity and its privacy (RFC 3323, 3325) --------------------------------------------------

// P-Asserted-Identity, P-Preferred-Identity: at most one SIP and one tel identity over all values;
// further ones are passed over, as RFC 3325 9.1 asks.
struct Identities {
  std::optional<NameAddr> sip, tel;
};
[[nodiscard]] Result<Identities> parse_identities(const Message& m, HeaderId id);

enum PrivacyBit : std::uint8_t {
  kPrivacyHeader = 1,
  kPrivacySession = 2,
  kPrivacyUser = 4,
  kPrivacyNone = 8,
  kPrivacyCritical = 16,
  kPrivacyId = 32,
  kPrivacyHistory = 64,
  kPrivacyOther = 128,  // a word that we do not know
};
[[nodiscard]] Result<std::uint8_t> parse_privacy(std::string_view value);
void write_privacy(std::string& out, std::uint8_t bits);

// --- Early media (RFC 5009) ----------------------------------------------------------------------

// P-Early-Media over all its values. Directions are of the first media line, seen from the called
// side, as its sender is; what is no word of RFC 5009 is passed over (section 8).
struct EarlyMedia {
  bool supported = false, gated = false;
  bool says_direction = false;             // else it authorises nothing and takes nothing back
  bool backward = false, forward = false;  // towards the caller, from the caller
  friend bool operator==(const EarlyMedia&, const EarlyMedia&) = default;
};
// nullopt: the message has none.
[[nodiscard]] std::optional<EarlyMedia> early_media_of(const Message& m);
// The word for a direction: "sendrecv", "sendonly", "recvonly", "inactive".
[[nodiscard]] std::string_view early_media_word(bool backward, bool forward);

// --- Diversion (RFC 5806) and History-Info (RFC 7044) -------------------------------------------

struct Diversion {
  NameAddr address;
  std::string_view reason;  // "unconditional", "user-busy"; may be quoted
  std::optional<std::uint32_t> counter, limit;
  std::string_view privacy, screen;
};
[[nodiscard]] Result<Diversion> parse_diversion(std::string_view value);

struct HistoryEntry {
  NameAddr address;
  std::string_view index;   // "1.2.1"
  std::string_view target;  // value of rc, mp or np; empty when absent
  char mark = 0;            // 'r', 'm', 'n' of those; 0: none
};
[[nodiscard]] Result<HistoryEntry> parse_history_entry(std::string_view value);

// --- Events (RFC 6665) --------------------------------------------------------------------------

struct Event {
  std::string_view package, id;
  friend bool operator==(const Event&, const Event&) = default;
};
[[nodiscard]] Result<Event> parse_event(std::string_view value);
void write(std::string& out, const Event& x);

struct SubscriptionState {
  std::string_view state, reason;  // "active", "pending", "terminated" or another token
  std::optional<std::uint32_t> expires, retry_after;
  friend bool operator==(const SubscriptionState&, const SubscriptionState&) = default;
};
[[nodiscard]] Result<SubscriptionState> parse_subscription_state(std::string_view value);
void write(std::string& out, const SubscriptionState& x);

// --- The rest of RFC 3261 20 ---------------------------------------------------------------------

struct RetryAfter {
  std::uint32_t seconds = 0;
  std::optional<std::uint32_t> duration;
  friend bool operator==(const RetryAfter&, const RetryAfter&) = default;
};
[[nodiscard]] Result<RetryAfter> parse_retry_after(std::string_view value);  // comments passed over
void write(std::string& out, const RetryAfter& x);

struct Warning {
  std::uint16_t code = 0;        // 100 to 999
  std::string_view agent, text;  // text: quoted, as written
  friend bool operator==(const Warning&, const Warning&) = default;
};
[[nodiscard]] Result<Warning> parse_warning(std::string_view value);
void write(std::string& out, const Warning& x);

struct Timestamp {
  std::string_view time, delay;  // decimal numbers as written; delay may be empty
};
[[nodiscard]] Result<Timestamp> parse_timestamp(std::string_view value);

struct MediaType {
  std::string_view type, subtype, params;
  [[nodiscard]] bool is(std::string_view t, std::string_view s) const;
};
[[nodiscard]] Result<MediaType> parse_media_type(std::string_view value);

struct Disposition {
  std::string_view type;  // "session", "render", "by-reference" ...
  bool optional = false;  // handling=optional
  bool has_handling = false;
};
[[nodiscard]] Result<Disposition> parse_disposition(std::string_view value);

// Is `type/subtype` among the values of Accept, or is there no Accept (RFC 3261 20.1)?
[[nodiscard]] bool accepts(const Message& m, std::string_view type, std::string_view subtype);

// Supported, Require, Proxy-Require, Unsupported, Allow, Allow-Events, In-Reply-To ...: every token
// of every header of that kind. `f(token)` returns false to stop. False: a value is no token.
template <typename F>
bool each_token(const Message& m, HeaderId id, F&& f) {
  if (!m.has(id)) return true;
  for (const HeaderField& h : m.headers()) {
    if (h.id != id) continue;
    std::string_view list = h.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
      for (const char c : one)
        if (!is_token_char(c)) return false;
      if (!f(one)) return true;
    }
  }
  return true;
}
// Option tags and methods compare without and with regard to case; tokens of Allow are methods.
[[nodiscard]] bool has_token(const Message& m, HeaderId id, std::string_view token);

}  // namespace causeway::sip
