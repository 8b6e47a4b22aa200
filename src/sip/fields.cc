#include "sip/fields.h"

#include <algorithm>
#include <charconv>

namespace causeway::sip {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && is_lws(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_lws(s.back())) s.remove_suffix(1);
  return s;
}

Error bad(HeaderId id, std::string_view want, std::string_view value) {
  std::string what(header_name(id));
  what.append(" is not ").append(want).append(": '").append(value.substr(0, 120)).append("'");
  return {ErrorCode::kMalformed, std::move(what)};
}

bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

bool is_quoted(std::string_view s) {
  if (s.size() < 2 || s.front() != '"' || s.back() != '"') return false;
  for (std::size_t i = 1; i + 1 < s.size(); ++i) {
    if (s[i] == '"') return false;
    if (s[i] != '\\') continue;
    ++i;
    if (i + 1 >= s.size()) return false;
  }
  return true;
}

bool is_decimal(std::string_view s, bool may_be_empty) {
  const auto dot = s.find('.');
  const std::string_view whole = s.substr(0, dot);
  const std::string_view rest =
      dot == std::string_view::npos ? std::string_view{} : s.substr(dot + 1);
  const auto digits = [](std::string_view d) {
    return std::all_of(d.begin(), d.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  return (may_be_empty ? s.empty() || !whole.empty() || !rest.empty() : !whole.empty()) &&
         digits(whole) && digits(rest);
}

// "head ; params" -> head, trimmed; `value` becomes the parameters.
std::string_view take_head(std::string_view& value) {
  value = trim(value);
  const std::size_t semi = value.find(';');
  const std::string_view head = trim(value.substr(0, semi));
  value = semi == std::string_view::npos ? std::string_view{} : value.substr(semi + 1);
  return head;
}

// A numeric parameter: false when it is there and no number.
bool number_param(std::string_view params, std::string_view name,
                  std::optional<std::uint32_t>& out) {
  const auto text = find_param(params, name);
  if (!text) return true;
  out = parse_u32(*text);
  return out.has_value();
}

void append_number(std::string& out, std::uint32_t n) {
  char buf[12];
  const auto r = std::to_chars(buf, buf + sizeof buf, n);
  out.append(buf, r.ptr);
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// --- Pieces ------------------------------------------------------------------------------------

std::string unquote(std::string_view text) {
  if (!is_quoted(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    out += text[i];
  }
  return out;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 8);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

std::optional<std::string> uri_header(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const std::size_t end = headers.find('&');
    const std::string_view one = headers.substr(0, end);
    headers.remove_prefix(end == std::string_view::npos ? headers.size() : end + 1);
    const std::size_t eq = one.find('=');
    if (eq == std::string_view::npos || !iequals(one.substr(0, eq), name)) continue;
    return unescape(one.substr(eq + 1));
  }
  return std::nullopt;
}

// --- Session timers ----------------------------------------------------------------------------

Result<SessionExpires> parse_session_expires(std::string_view value) {
  std::string_view params = value;
  const auto seconds = parse_u32(take_head(params));
  if (!seconds) return tl::unexpected(bad(HeaderId::kSessionExpires, "a number of seconds", value));
  SessionExpires x{*seconds, Refresher::kNone};
  if (const auto who = find_param(params, "refresher")) {
    if (iequals(*who, "uac"))
      x.refresher = Refresher::kUac;
    else if (iequals(*who, "uas"))
      x.refresher = Refresher::kUas;
    else
      return tl::unexpected(
          bad(HeaderId::kSessionExpires, "with a refresher of uac or uas", value));
  }
  return x;
}

void write(std::string& out, const SessionExpires& x) {
  append_number(out, x.seconds);
  if (x.refresher != Refresher::kNone)
    out.append(x.refresher == Refresher::kUac ? ";refresher=uac" : ";refresher=uas");
}

Result<std::uint32_t> parse_seconds(std::string_view value) {
  std::string_view params = value;
  if (const auto n = parse_u32(take_head(params))) return *n;
  return fail(ErrorCode::kMalformed,
              "not a number of seconds below 2^32: '" + std::string(value.substr(0, 120)) + "'");
}

// --- Reliable provisional responses --------------------------------------------------------------

Result<std::uint32_t> parse_rseq(std::string_view value) {
  const auto n = parse_u32(trim(value));
  if (!n || *n == 0 || *n > 0x7fffffffU)
    return tl::unexpected(bad(HeaderId::kRSeq, "between 1 and 2147483647", value));
  return *n;
}

Result<RAck> parse_rack(std::string_view value) {
  std::string_view rest = trim(value);
  const auto word = [&] {
    std::size_t n = 0;
    while (n < rest.size() && !is_lws(rest[n])) ++n;
    const std::string_view w = rest.substr(0, n);
    rest = trim(rest.substr(n));
    return w;
  };
  RAck x;
  const auto rseq = parse_rseq(word());
  const auto cseq = parse_u32(word());
  x.method = rest;
  if (!rseq || !cseq || !is_token(x.method))
    return tl::unexpected(bad(HeaderId::kRAck, "RSEQ CSEQ METHOD", value));
  x.rseq = *rseq;
  x.cseq = *cseq;
  return x;
}

void write(std::string& out, const RAck& x) {
  append_number(out, x.rseq);
  out += ' ';
  append_number(out, x.cseq);
  out.append(" ").append(x.method);
}

// --- Reason
// ----------------------------------------------------------------------------------------

Result<Reason> parse_reason(std::string_view value) {
  std::string_view params = value;
  Reason x;
  x.protocol = take_head(params);
  if (!is_token(x.protocol))
    return tl::unexpected(bad(HeaderId::kReason, "PROTOCOL;cause=N", value));
  if (!number_param(params, "cause", x.cause))
    return tl::unexpected(bad(HeaderId::kReason, "with a number as cause", value));
  x.text = find_param(params, "text").value_or(std::string_view{});
  if (!x.text.empty() && !is_quoted(x.text) && !is_token(x.text))
    return tl::unexpected(bad(HeaderId::kReason, "with a quoted text", value));
  return x;
}

void write(std::string& out, const Reason& x) {
  out.append(x.protocol);
  if (x.cause) {
    out.append(";cause=");
    append_number(out, *x.cause);
  }
  if (!x.text.empty()) out.append(";text=").append(x.text);
}

// --- Transfer
// ----------------------------------------------------------------------------------------

namespace {

Result<DialogName> parse_dialog_name(HeaderId id, std::string_view value, std::string_view to,
                                     std::string_view from) {
  std::string_view params = value;
  DialogName x;
  x.call_id = take_head(params);
  x.to_tag = find_param(params, to).value_or(std::string_view{});
  x.from_tag = find_param(params, from).value_or(std::string_view{});
  if (!is_call_id(x.call_id) || !is_token(x.to_tag) || !is_token(x.from_tag))
    return tl::unexpected(bad(id, "CALL-ID with both tags", value));
  return x;
}

}  // namespace

Result<DialogName> parse_replaces(std::string_view value) {
  auto x = parse_dialog_name(HeaderId::kReplaces, value, "to-tag", "from-tag");
  if (!x) return x;
  take_head(value);
  x->early_only = find_param(value, "early-only").has_value();
  return x;
}

Result<DialogName> parse_target_dialog(std::string_view value) {
  return parse_dialog_name(HeaderId::kTargetDialog, value, "remote-tag", "local-tag");
}

void write_replaces(std::string& out, const DialogName& x) {
  out.append(x.call_id).append(";to-tag=").append(x.to_tag);
  out.append(";from-tag=").append(x.from_tag);
  if (x.early_only) out.append(";early-only");
}

Result<ReferTo> parse_refer_to(std::string_view value) {
  ReferTo x;
  auto address = parse_name_addr(value);
  if (!address) return tl::unexpected(address.error());
  auto uri = parse_uri(address->uri);
  if (!uri) return tl::unexpected(uri.error());
  x.address = *address;
  x.uri = *uri;
  x.method = uri->param("method").value_or("INVITE");
  if (!is_token(x.method))
    return tl::unexpected(bad(HeaderId::kReferTo, "with a method that is a token", value));
  return x;
}

Result<ReferredBy> parse_referred_by(std::string_view value) {
  auto address = parse_name_addr(value);
  if (!address) return tl::unexpected(address.error());
  ReferredBy x{*address, address->param("cid").value_or(std::string_view{})};
  if (!x.cid.empty() && !is_quoted(x.cid))
    return tl::unexpected(bad(HeaderId::kReferredBy, "with a quoted cid", value));
  return x;
}

// --- Identity
// ----------------------------------------------------------------------------------------

Result<Identities> parse_identities(const Message& m, HeaderId id) {
  Identities x;
  for (const HeaderField& f : m.headers()) {
    if (f.id != id) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
      auto address = parse_name_addr(one);
      if (!address) return tl::unexpected(address.error());
      const auto uri = parse_uri(address->uri);
      if (!uri) return tl::unexpected(uri.error());
      auto& slot = uri->is_tel() ? x.tel : x.sip;
      if (!slot && (uri->is_tel() || uri->is_sip())) slot = *address;
    }
  }
  return x;
}

namespace {
struct PrivacyWord {
  std::string_view word;
  PrivacyBit bit;
};
constexpr PrivacyWord kPrivacyWords[] = {
    {"header", kPrivacyHeader},   {"session", kPrivacySession},   {"user", kPrivacyUser},
    {"none", kPrivacyNone},       {"critical", kPrivacyCritical}, {"id", kPrivacyId},
    {"history", kPrivacyHistory},
};
}  // namespace

Result<std::uint8_t> parse_privacy(std::string_view value) {
  std::uint8_t bits = 0;
  std::string_view rest = value;
  for (auto word = next_param(rest); !word.empty(); word = next_param(rest)) {
    if (!is_token(word))
      return tl::unexpected(bad(HeaderId::kPrivacy, "a list of words with ';'", value));
    std::uint8_t bit = kPrivacyOther;
    for (const auto& w : kPrivacyWords)
      if (iequals(w.word, word)) bit = w.bit;
    bits = static_cast<std::uint8_t>(bits | bit);
  }
  // RFC 3323 4.2: "none" stands alone.
  if (bits == 0 || ((bits & kPrivacyNone) != 0 && bits != kPrivacyNone))
    return tl::unexpected(bad(HeaderId::kPrivacy, "words, or 'none' alone", value));
  return bits;
}

void write_privacy(std::string& out, std::uint8_t bits) {
  bool first = true;
  for (const auto& w : kPrivacyWords) {
    if ((bits & w.bit) == 0) continue;
    out.append(first ? "" : ";").append(w.word);
    first = false;
  }
}

// --- Early media
// ----------------------------------------------------------------------------------

std::optional<EarlyMedia> early_media_of(const Message& m) {
  std::optional<EarlyMedia> found;
  for (const HeaderField& h : m.headers()) {
    if (h.id != HeaderId::kOther || !iequals(h.name, "P-Early-Media")) continue;
    if (!found) found.emplace();
    std::string_view list = h.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
      if (iequals(one, "supported")) found->supported = true;
      if (iequals(one, "gated")) found->gated = true;
      if (found->says_direction) continue;
      for (const bool backward : {true, false})
        for (const bool forward : {true, false})
          if (iequals(one, early_media_word(backward, forward)))
            found->says_direction = true, found->backward = backward, found->forward = forward;
    }
  }
  return found;
}

std::string_view early_media_word(bool backward, bool forward) {
  if (backward) return forward ? "sendrecv" : "sendonly";
  return forward ? "recvonly" : "inactive";
}

// --- Diversion and History-Info
// ----------------------------------------------------------------------

Result<Diversion> parse_diversion(std::string_view value) {
  auto address = parse_name_addr(value);
  if (!address) return tl::unexpected(address.error());
  Diversion x;
  x.address = *address;
  x.reason = address->param("reason").value_or(std::string_view{});
  x.privacy = address->param("privacy").value_or(std::string_view{});
  x.screen = address->param("screen").value_or(std::string_view{});
  if (!number_param(address->params, "counter", x.counter) ||
      !number_param(address->params, "limit", x.limit))
    return tl::unexpected(bad(HeaderId::kDiversion, "with numbers as counter and limit", value));
  return x;
}

Result<HistoryEntry> parse_history_entry(std::string_view value) {
  auto address = parse_name_addr(value);
  if (!address) return tl::unexpected(address.error());
  HistoryEntry x;
  x.address = *address;
  x.index = address->param("index").value_or(std::string_view{});
  // RFC 7044 5: 1*DIGIT *("." 1*DIGIT)
  bool digit = false;
  for (const char c : x.index) {
    if (c == '.' ? !digit : (c < '0' || c > '9'))
      return tl::unexpected(bad(HeaderId::kHistoryInfo, "with an index of numbers", value));
    digit = c != '.';
  }
  if (!digit) return tl::unexpected(bad(HeaderId::kHistoryInfo, "with an index", value));
  for (const std::string_view mark : {"rc", "mp", "np"})
    if (const auto target = address->param(mark)) {
      x.mark = mark[0];
      x.target = *target;
    }
  return x;
}

// --- Events
// --------------------------------------------------------------------------------------------

Result<Event> parse_event(std::string_view value) {
  std::string_view params = value;
  Event x;
  x.package = take_head(params);
  x.id = find_param(params, "id").value_or(std::string_view{});
  if (!is_token(x.package) || (!x.id.empty() && !is_token(x.id)))
    return tl::unexpected(bad(HeaderId::kEvent, "PACKAGE[;id=TOKEN]", value));
  return x;
}

void write(std::string& out, const Event& x) {
  out.append(x.package);
  if (!x.id.empty()) out.append(";id=").append(x.id);
}

Result<SubscriptionState> parse_subscription_state(std::string_view value) {
  std::string_view params = value;
  SubscriptionState x;
  x.state = take_head(params);
  x.reason = find_param(params, "reason").value_or(std::string_view{});
  if (!is_token(x.state) || (!x.reason.empty() && !is_token(x.reason)) ||
      !number_param(params, "expires", x.expires) ||
      !number_param(params, "retry-after", x.retry_after))
    return tl::unexpected(
        bad(HeaderId::kSubscriptionState, "STATE with reason, expires, retry-after", value));
  return x;
}

void write(std::string& out, const SubscriptionState& x) {
  out.append(x.state);
  if (!x.reason.empty()) out.append(";reason=").append(x.reason);
  if (x.expires) {
    out.append(";expires=");
    append_number(out, *x.expires);
  }
  if (x.retry_after) {
    out.append(";retry-after=");
    append_number(out, *x.retry_after);
  }
}

// --- The rest of RFC 3261 20
// ---------------------------------------------------------------------------

Result<RetryAfter> parse_retry_after(std::string_view value) {
  std::string_view v = trim(value);
  std::size_t n = 0;
  while (n < v.size() && v[n] >= '0' && v[n] <= '9') ++n;
  const auto seconds = parse_u32(v.substr(0, n));
  v = trim(v.substr(n));
  // Comments may hold comments (RFC 3261 25.1).
  if (v.starts_with('(')) {
    int depth = 0;
    std::size_t i = 0;
    for (; i < v.size(); ++i) {
      if (v[i] == '\\')
        ++i;
      else if (v[i] == '(')
        ++depth;
      else if (v[i] == ')' && --depth == 0)
        break;
    }
    if (i >= v.size())
      return tl::unexpected(bad(HeaderId::kRetryAfter, "with a comment that ends", value));
    v = trim(v.substr(i + 1));
  }
  RetryAfter x;
  if (!seconds || (!v.empty() && v.front() != ';') ||
      !number_param(v.empty() ? v : v.substr(1), "duration", x.duration))
    return tl::unexpected(bad(HeaderId::kRetryAfter, "a number of seconds", value));
  x.seconds = *seconds;
  return x;
}

void write(std::string& out, const RetryAfter& x) {
  append_number(out, x.seconds);
  if (!x.duration) return;
  out.append(";duration=");
  append_number(out, *x.duration);
}

Result<Warning> parse_warning(std::string_view value) {
  const std::string_view v = trim(value);
  const std::size_t space = v.find(' ');
  const std::size_t mark = v.find('"');
  if (space == 3 && mark != std::string_view::npos && mark > space) {
    const auto code = parse_u32(v.substr(0, space));
    Warning x;
    x.agent = trim(v.substr(space, mark - space));
    x.text = v.substr(mark);
    const bool agent_ok = !x.agent.empty() && std::none_of(x.agent.begin(), x.agent.end(), is_lws);
    if (code && *code >= 100 && agent_ok && is_quoted(x.text)) {
      x.code = static_cast<std::uint16_t>(*code);
      return x;
    }
  }
  return tl::unexpected(bad(HeaderId::kWarning, "CODE AGENT \"TEXT\"", value));
}

void write(std::string& out, const Warning& x) {
  append_number(out, x.code);
  out.append(" ").append(x.agent).append(" ").append(x.text);
}

Result<Timestamp> parse_timestamp(std::string_view value) {
  const std::string_view v = trim(value);
  std::size_t n = 0;
  while (n < v.size() && !is_lws(v[n])) ++n;
  const Timestamp x{v.substr(0, n), trim(v.substr(n))};
  if (!is_decimal(x.time, false) || !is_decimal(x.delay, true))
    return tl::unexpected(bad(HeaderId::kTimestamp, "TIME [DELAY] in seconds", value));
  return x;
}

bool MediaType::is(std::string_view t, std::string_view s) const {
  return iequals(type, t) && iequals(subtype, s);
}

Result<MediaType> parse_media_type(std::string_view value) {
  std::string_view params = value;
  const std::string_view head = take_head(params);
  const std::size_t slash = head.find('/');
  MediaType x;
  x.params = params;
  if (slash != std::string_view::npos) {
    x.type = trim(head.substr(0, slash));
    x.subtype = trim(head.substr(slash + 1));
  }
  if (!is_token(x.type) || !is_token(x.subtype))
    return tl::unexpected(bad(HeaderId::kContentType, "TYPE/SUBTYPE", value));
  return x;
}

Result<Disposition> parse_disposition(std::string_view value) {
  std::string_view params = value;
  Disposition x;
  x.type = take_head(params);
  if (!is_token(x.type))
    return tl::unexpected(bad(HeaderId::kContentDisposition, "a token with parameters", value));
  const auto handling = find_param(params, "handling");
  x.optional = handling && iequals(*handling, "optional");
  x.has_handling = handling.has_value();
  return x;
}

bool accepts(const Message& m, std::string_view type, std::string_view subtype) {
  if (!m.has(HeaderId::kAccept)) return true;
  bool said = false;  // what is no media range is no wish
  for (const HeaderField& f : m.headers()) {
    if (f.id != HeaderId::kAccept) continue;
    std::string_view list = f.value;
    for (auto one = next_value(list); !one.empty(); one = next_value(list)) {
      const auto range = parse_media_type(one);
      if (!range) continue;
      said = true;
      if ((range->type == "*" || iequals(range->type, type)) &&
          (range->subtype == "*" || iequals(range->subtype, subtype)))
        return true;
    }
  }
  return !said;
}

bool has_token(const Message& m, HeaderId id, std::string_view token) {
  bool found = false;
  const bool methods = id == HeaderId::kAllow;  // RFC 3261 7.1: methods are case-sensitive
  (void)each_token(m, id, [&](std::string_view one) {
    found = methods ? one == token : iequals(one, token);
    return !found;
  });
  return found;
}

}  // namespace causeway::sip
