#include "rules/allowed.h"

#include <algorithm>

#include "sip/fields.h"
#include "sip/headers.h"

namespace causeway::rules {

using sip::HeaderId;

namespace {

struct Fixed {
  std::string_view name, remedy;
};
// Of the transaction, the dialog, the transport or a machine of the gateway.
constexpr std::string_view kByTransport =
    "it belongs to the transaction and the transport, and is written by the gateway itself";
constexpr std::string_view kByDialog =
    "it belongs to the dialog, and is written by the gateway itself";
constexpr std::string_view kOfBody =
    "it says what the body is; rules change session descriptions by actions of their own";
constexpr std::string_view kReliable = "use reliable_provisionals of the profile";
constexpr std::string_view kTimers = "use session_timer, session_expires and min_se of the profile";
constexpr std::string_view kTags =
    "use reliable_provisionals, session_timer and supported of the profile";
constexpr std::string_view kProof = "it is proof for one hop and is neither made nor passed on";
constexpr Fixed kFixed[] = {
    {"Via", kByTransport},
    {"Max-Forwards", kByTransport},
    {"Content-Length", kByTransport},
    {"Call-ID", kByDialog},
    {"CSeq", kByDialog},
    {"Record-Route", kByDialog},
    {"Route", kByDialog},
    {"Path", kByDialog},
    {"Service-Route", kByDialog},
    {"Replaces", kByDialog},
    {"Join", kByDialog},
    {"Target-Dialog", kByDialog},
    {"Refer-To", kByDialog},
    {"Refer-Sub", kByDialog},
    {"Event", kByDialog},
    {"Subscription-State", kByDialog},
    {"Content-Type", kOfBody},
    {"Content-Encoding", kOfBody},
    {"Content-Disposition", kOfBody},
    {"MIME-Version", kOfBody},
    {"RSeq", kReliable},
    {"RAck", kReliable},
    {"Session-Expires", kTimers},
    {"Min-SE", kTimers},
    {"Require", kTags},
    {"Proxy-Require", kTags},
    {"Unsupported", kTags},
    {"Authorization", kProof},
    {"Proxy-Authorization", kProof},
    {"WWW-Authenticate", kProof},
    {"Proxy-Authenticate", kProof},
    {"Authentication-Info", kProof},
    {"Identity", kProof},
};

constexpr std::string_view kFixedAttributes[] = {
    "crypto",   "key-mgmt",  "fingerprint",       "setup",
    "tls-id",   "ice-ufrag", "ice-pwd",           "ice-options",
    "ice-lite", "candidate", "end-of-candidates", "remote-candidates",
    "rtpmap",   "rtcp",      "rtcp-mux",          "mid",
    "sendrecv", "sendonly",  "recvonly",          "inactive"};

// Parameters that say where a request goes, or how.
constexpr std::string_view kRouting[] = {"maddr", "transport", "lr", "ttl", "method", "gr", "ob"};

template <std::size_t N>
bool among(std::string_view word, const std::string_view (&words)[N]) {
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view w) { return sip::iequals(w, word); });
}

std::string_view fixed(std::string_view name) {
  const HeaderId id = sip::header_id(name);
  const std::string_view full = id == HeaderId::kOther ? name : sip::header_name(id);
  for (const auto& f : kFixed)
    if (sip::iequals(f.name, full)) return f.remedy;
  return {};
}

bool writes(Verb v) {
  switch (v) {
    case Verb::kSet:
    case Verb::kAdd:
    case Verb::kRemove:
    case Verb::kRename:
    case Verb::kRewrite:
    case Verb::kSetParameter:
    case Verb::kClearParameter: return true;
    case Verb::kCapture:
    case Verb::kOrderCodecs:
    case Verb::kRemoveCodecs:
    case Verb::kRemoveAttribute:
    case Verb::kRemoveMedia:
    case Verb::kSetPtime:
    case Verb::kSetBandwidth:
    case Verb::kMapStatus:
    case Verb::kMapCause: return false;
  }
  return false;
}

bool by_parts(Verb v) {
  return v == Verb::kRewrite || v == Verb::kSetParameter || v == Verb::kClearParameter;
}

std::string forbidden_party(const Action& a) {
  if (!by_parts(a.verb) || (a.verb == Verb::kRewrite && a.target.part == Part::kWhole))
    return "its tag is the dialog's: rewrite a part of it, such as part = \"user\"";
  if (a.of_header && sip::iequals(a.name, "tag")) return "the tag is the dialog's";
  return {};
}

std::string forbidden_contact(const Action& a) {
  if (!by_parts(a.verb) ||
      (a.verb == Verb::kRewrite && a.target.part != Part::kUser && a.target.part != Part::kDisplay))
    return "its address is where requests of the dialog go: rewrite part = \"user\" or "
           "\"display\"; use contact_host of the profile for the host";
  if (a.verb != Verb::kRewrite && (among(a.name, kRouting) || sip::iequals(a.name, "expires")))
    return "this parameter says where requests of the dialog go";
  return {};
}

std::string forbidden_request_uri(const Action& a) {
  if (!by_parts(a.verb)) return "a Request-URI is rewritten: use rewrite, or set_parameter";
  if (a.target.part == Part::kDisplay) return "a Request-URI has no display name";
  if (a.verb != Verb::kRewrite && among(a.name, kRouting))
    return "this parameter says where the request goes: use the peer's host and transport";
  return {};
}

bool numbers_only(std::string_view value) { return sip::parse_u32(value).has_value(); }

// Of one value of a list.
bool good_value(HeaderId id, std::string_view one) {
  switch (id) {
    case HeaderId::kFrom:
    case HeaderId::kTo:
    case HeaderId::kContact:
    case HeaderId::kPAssertedIdentity:
    case HeaderId::kPPreferredIdentity:
    case HeaderId::kRemotePartyId:
    case HeaderId::kGeolocation: return sip::parse_name_addr(one).has_value();
    case HeaderId::kReferredBy: return sip::parse_referred_by(one).has_value();
    case HeaderId::kDiversion: return sip::parse_diversion(one).has_value();
    case HeaderId::kHistoryInfo: return sip::parse_history_entry(one).has_value();
    case HeaderId::kReason: return sip::parse_reason(one).has_value();
    case HeaderId::kWarning: return sip::parse_warning(one).has_value();
    case HeaderId::kAllow:
    case HeaderId::kAllowEvents:
    case HeaderId::kSupported: return std::all_of(one.begin(), one.end(), sip::is_token_char);
    default: return true;
  }
}

bool good_whole(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::kExpires:
    case HeaderId::kMinExpires: return numbers_only(value);
    case HeaderId::kPrivacy: return sip::parse_privacy(value).has_value();
    case HeaderId::kRetryAfter: return sip::parse_retry_after(value).has_value();
    case HeaderId::kPriority: return std::all_of(value.begin(), value.end(), sip::is_token_char);
    default: return true;
  }
}

}  // namespace

Target target_of(std::string_view name) {
  Target t;
  t.request_uri = name == "request_uri";
  t.name = std::string(name);
  if (!t.request_uri) t.id = sip::header_id(name);
  return t;
}

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), sip::is_token_char);
}

std::string forbidden(const Action& a) {
  if (a.verb == Verb::kRemoveAttribute && among(a.name, kFixedAttributes))
    return "keys, addresses, directions and payload numbers are the gateway's: use [profile.sdp]";
  if (!writes(a.verb)) return {};
  if (a.target.request_uri) return forbidden_request_uri(a);
  if (a.target.id == HeaderId::kFrom || a.target.id == HeaderId::kTo) return forbidden_party(a);
  if (a.target.id == HeaderId::kContact) return forbidden_contact(a);
  if (const auto why = fixed(a.target.name); !why.empty()) return std::string(why);
  if (a.verb == Verb::kRename) {
    const HeaderId to = sip::header_id(a.name);
    if (to == HeaderId::kFrom || to == HeaderId::kTo || to == HeaderId::kContact)
      return "there is one in every message already";
    if (const auto why = fixed(a.name); !why.empty()) return std::string(why);
  }
  return {};
}

std::string forbidden_status(const StatusRange& from, int to) {
  // RFC 3261 21: these say something in a header that nobody would write.
  constexpr int kWithHeader[] = {401, 407, 420, 421, 422, 423, 469, 489, 494};
  const bool provisional = to > 100 && to < 200;
  if (!provisional && (to < 400 || to > 699))
    return "write a status from 101 to 199 or from 400 to 699";
  if (std::find(std::begin(kWithHeader), std::end(kWithHeader), to) != std::end(kWithHeader))
    return "this status has to come with a header of its own; write another, such as 403";
  if (provisional ? from.low <= 100 || from.high > 199 : from.low < 400 || from.high > 699)
    return provisional ? "a provisional answer is made of a provisional one: statuses of the rule "
                         "must be from 101 to 199"
                       : "a failure is made of a failure: statuses of the rule must be from 400 "
                         "to 699";
  return {};
}

bool is_kept_for_help(const Target& t) {
  if (t.request_uri) return true;
  switch (t.id) {
    case HeaderId::kTo:
    case HeaderId::kGeolocation:
    case HeaderId::kGeolocationRouting:
    case HeaderId::kPriority:
    case HeaderId::kResourcePriority: return true;
    default:  // RFC 7852: who calls, and from what
      return sip::iequals(t.name, "Call-Info") || sip::iequals(t.name, "Geolocation-Error");
  }
}

bool is_kept_for_help(const Action& a) {
  if (a.verb == Verb::kRemoveMedia) return true;
  if (!writes(a.verb)) return false;
  return is_kept_for_help(a.target) ||
         (a.verb == Verb::kRename && is_kept_for_help(target_of(a.name)));
}

Status check_value(const Target& t, std::string_view value, std::size_t before) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kMalformed, std::string(why));
  };
  if (value.empty()) return bad("it would be empty");
  if (value.size() > before + kMaxValue)
    return bad(before == 0 ? "it would be longer than 2048 bytes"
                           : "it would grow by more than 2048 bytes");
  if (std::any_of(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
      }))
    return bad("it would have a line break or a control character");
  if (t.request_uri) {
    if (value.find_first_of(" \t<>\"") != std::string_view::npos || !sip::parse_uri(value))
      return bad("it would be no URI");
    return {};
  }
  if (!good_whole(t.id, value)) return bad("it would be no value of this header");
  std::string_view list = value;
  if (list.find(',') == std::string_view::npos || !sip::is_list_header(t.id))
    return good_value(t.id, value) ? Status{} : bad("it would be no value of this header");
  for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list))
    if (!good_value(t.id, one)) return bad("it would be no value of this header");
  return {};
}

}  // namespace causeway::rules
