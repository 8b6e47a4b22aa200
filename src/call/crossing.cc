#include "call/crossing.h"

#include <algorithm>

#include "call/identity.h"
#include "policy/decide.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/telephone.h"

namespace causeway::call {

using sip::HeaderId;

bool never_crosses(HeaderId id) {
  switch (id) {
    case HeaderId::kVia:
    case HeaderId::kFrom:
    case HeaderId::kTo:
    case HeaderId::kCallId:
    case HeaderId::kCSeq:
    case HeaderId::kContact:
    case HeaderId::kMaxForwards:
    case HeaderId::kRoute:
    case HeaderId::kRecordRoute:
    case HeaderId::kContentLength:
    case HeaderId::kContentType:
    case HeaderId::kContentDisposition:
    case HeaderId::kContentEncoding:
    case HeaderId::kAllow:
    case HeaderId::kSupported:
    case HeaderId::kRequire:
    case HeaderId::kProxyRequire:
    case HeaderId::kUnsupported:
    case HeaderId::kUserAgent:
    case HeaderId::kServer:
    case HeaderId::kSessionExpires:
    case HeaderId::kMinSe:
    case HeaderId::kRSeq:
    case HeaderId::kRAck:
    case HeaderId::kReplaces:
    case HeaderId::kAuthorization:
    case HeaderId::kReason:
    case HeaderId::kWarning:
    case HeaderId::kAccept:
    case HeaderId::kReferTo:
    case HeaderId::kRetryAfter: return true;
    default: return false;
  }
}

std::string hide_addresses(std::string_view value, std::string_view own_host) {
  std::string out;
  out.reserve(value.size());
  while (!value.empty()) {
    std::size_t at = std::string_view::npos;
    for (std::size_t i = 0; i + 4 <= value.size(); ++i) {
      if (i > 0 && sip::is_token_char(value[i - 1])) continue;  // the end of another word
      const bool sip = sip::iequals(value.substr(i, 4), "sip:");
      const bool sips = i + 5 <= value.size() && sip::iequals(value.substr(i, 5), "sips:");
      if (sip || sips) {
        at = i + (sips ? 5 : 4);
        break;
      }
    }
    if (at == std::string_view::npos) return out.append(value);
    // What "sips" promises ends here: the other side is another network (TDR-25).
    const bool secure = value[at - 2] == 's' || value[at - 2] == 'S';
    out.append(value.substr(0, secure ? at - 2 : at)).append(secure ? ":" : "");
    value.remove_prefix(at);
    // [user[:password]@]host[:port], up to what ends a URI or begins its parameters
    const std::size_t end = std::min(value.find_first_of(">;?, \t\""), value.size());
    const std::size_t sign = value.find('@');
    std::size_t stop = end;
    std::size_t host = 0;
    if (sign != std::string_view::npos &&
        value.substr(0, sign).find_first_of("> \t\"") == std::string_view::npos) {
      host = sign + 1;
      stop = std::min(value.find_first_of(">;?, \t\"", host), value.size());
    }
    const std::string_view hostport = value.substr(host, stop - host);
    std::string_view name = hostport;
    if (name.starts_with('['))
      name = name.substr(
          0, name.find(']') == std::string_view::npos ? name.size() : name.find(']') + 1);
    else
      name = name.substr(0, name.find(':'));
    out.append(value.substr(0, host));
    if (IpAddress::literal(name))
      out.append(own_host);
    else
      out.append(hostport);
    value.remove_prefix(stop);
  }
  return out;
}

std::string NumberForms::rewritten(std::string_view number) const {
  std::string n = policy::to_e164(number, *from);
  // What is no E.164 number, for all that we know, stays as it came.
  return n.starts_with('+') ? policy::format_number(*deployment, n, format, *to) : n;
}

NumberForms number_forms(const deployment::Deployment& d, deployment::GroupIndex from,
                         deployment::GroupIndex to) {
  const auto& out = d.group(to);
  return {&d, &d.group(from).numbers, &out.numbers, d.profile(out.profile).number_format};
}

std::string with_numbers(std::string_view value, const NumberForms& forms) {
  std::string out;
  out.reserve(value.size() + 8);
  for (std::size_t i = 0; i < value.size();) {
    std::size_t scheme = 0;
    if (i == 0 || !sip::is_token_char(value[i - 1]))
      for (const std::string_view s : {"sip:", "sips:", "tel:"})
        if (sip::iequals(value.substr(i, s.size()), s)) scheme = s.size();
    if (scheme == 0) {
      out += value[i++];
      continue;
    }
    const bool tel = sip::iequals(value.substr(i, 3), "tel");
    out.append(value.substr(i, scheme));
    i += scheme;
    const std::size_t end = std::min(value.find_first_not_of("+0123456789", i), value.size());
    const std::string_view digits = value.substr(i, end - i);
    // Digits that end otherwise are a host, or have separators in them.
    const char behind = end < value.size() ? value[end] : '>';
    const bool user = tel ? behind == '>' || behind == ';' || behind == ',' || behind == ' '
                          : behind == '@' || behind == ';';
    // A number with a context is what it is by that, not by the plan (RFC 3966 5.1.4).
    const std::string_view rest =
        value.substr(end, std::min(value.find_first_of(">,", end), value.size()) - end);
    const bool local = rest.find("phone-context") != std::string_view::npos;
    out.append(!digits.empty() && user && !local ? forms.rewritten(digits) : std::string(digits));
    i = end;
  }
  return out;
}

namespace {

bool tells_identity(HeaderId id) {
  return id == HeaderId::kPAssertedIdentity || id == HeaderId::kPPreferredIdentity ||
         id == HeaderId::kRemotePartyId || id == HeaderId::kDiversion ||
         id == HeaderId::kHistoryInfo || id == HeaderId::kReferredBy;
}

// The Content-ID in "<cid:ID>"; empty: it refers to no part.
std::string_view cid_of(std::string_view value) {
  constexpr std::string_view kCid = "<cid:";
  const std::size_t at = value.find('<');
  if (at == std::string_view::npos || !sip::iequals(value.substr(at, kCid.size()), kCid)) return {};
  const std::size_t end = value.find('>', at);
  if (end == std::string_view::npos) return {};
  return value.substr(at + kCid.size(), end - at - kCid.size());
}

bool refers_to_body(std::string_view value) {
  for (std::size_t at = value.find('<'); at != std::string_view::npos; at = value.find('<', at + 1))
    if (!cid_of(value.substr(at)).empty()) return true;
  return false;
}

// The values of a header but those that refer to a part that does not cross (RFC 6442 4.2: the
// receiver would have to refuse the request).
std::string without_strangers(std::string_view list,
                              const std::function<bool(std::string_view)>& carried) {
  std::string out;
  for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list)) {
    const std::string_view cid = cid_of(one);
    if (!cid.empty() && !(carried && carried(cid))) continue;
    out.append(out.empty() ? "" : ", ").append(one);
  }
  return out;
}

}  // namespace

bool lets_pass(const deployment::Profile& receiver, std::string_view name, bool both_trusted) {
  const auto lists = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& n) { return sip::iequals(n, name); });
  };
  return lists(receiver.pass_headers) || (both_trusted && lists(receiver.trusted_headers));
}

void copy_crossing_headers(sip::Builder& out, const sip::Message& in,
                           const deployment::Profile& receiver, bool both_trusted,
                           std::string_view own_host,
                           const std::function<bool(std::string_view)>& carried,
                           const NumberForms& forms, std::span<const deployment::HeaderLine> ours) {
  for (const auto& f : in.headers()) {
    if (never_crosses(f.id)) continue;
    // A compact name is listed under its long one.
    if (!lets_pass(receiver, f.id == HeaderId::kOther ? f.name : sip::header_name(f.id),
                   both_trusted))
      continue;
    if (std::any_of(ours.begin(), ours.end(),
                    [&](const auto& h) { return sip::iequals(h.name, f.name); }))
      continue;
    std::string hidden = hide_addresses(f.value, own_host);
    if (forms && tells_identity(f.id)) hidden = with_numbers(hidden, forms);
    if (refers_to_body(hidden)) {
      hidden = without_strangers(hidden, carried);
      if (hidden.empty()) continue;
    }
    if (hidden == f.value)
      out.copy(f);
    else
      out.header(f.name, hidden);
  }
}

namespace {

struct Asserted {
  sip::Uri uri;
  std::string_view display;
};

// Of up to two identities (RFC 3325 9.1) the telephone number, else the first with a user (TDR-63).
// A header that cannot be read asserts nothing.
Asserted asserted_identity(const sip::Message& m) {
  const auto ids = sip::parse_identities(m, HeaderId::kPAssertedIdentity);
  if (!ids) return {};
  const auto of = [](const std::optional<sip::NameAddr>& a) {
    return a ? Asserted{a->target, a->display} : Asserted{};
  };
  const Asserted sip = of(ids->sip);
  Asserted tel = of(ids->tel);
  if (tel.uri.user.empty()) return sip;
  if (tel.display.empty()) tel.display = sip.display;
  return tel;
}

// RFC 3323 4.2: over all its headers anything but "none". Words that make no sense are a wish for
// privacy all the same: a name shown by mistake cannot be taken back.
bool asks_for_privacy(const sip::Message& m) {
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kPrivacy || f.value.empty()) continue;
    const auto bits = sip::parse_privacy(f.value);
    if (!bits || *bits != sip::kPrivacyNone) return true;
  }
  return false;
}

}  // namespace

std::string display_name(std::string_view as_it_came) {
  const bool good = as_it_came.empty() || as_it_came.front() == '"' ||
                    std::all_of(as_it_came.begin(), as_it_came.end(), [](char c) {
                      return sip::is_token_char(c) || c == ' ' || c == '\t';
                    });
  return good ? std::string(as_it_came) : sip::quote(as_it_came);
}

Caller caller_of(const sip::Message& invite, const deployment::Deployment& d,
                 const deployment::Profile& receiver, bool source_trusted, const NumberForms& forms,
                 bool receiver_trusted) {
  Caller c;
  sip::Uri uri;
  std::string_view display;
  if (const auto* from = invite.from()) {
    display = from->display;
    uri = from->target;
  }
  const bool wants_privacy = asks_for_privacy(invite) || hides_remote_party(invite);
  if (receiver.from_source == deployment::FromSource::kAssertedIdentity && source_trusted &&
      !wants_privacy) {
    if (const Asserted id = asserted_identity(invite); !id.uri.user.empty()) {
      uri = id.uri;
      if (!id.display.empty()) display = id.display;
    }
  }
  if (is_anonymous(uri) || (wants_privacy && !receiver_trusted)) {
    c.user = "anonymous";
    c.display = "\"Anonymous\"";
    c.anonymous = true;
    return c;
  }
  const auto number = sip::telephone_number(uri);
  if (number.dialled.empty() || number.is_private())
    c.user = number.dialled.empty() ? std::string(uri.user) : number.dialled;
  else if (forms)
    c.user = policy::format_number(d, policy::to_e164(number.full(), *forms.from),
                                   receiver.number_format, *forms.to);
  else
    c.user = policy::format_number(d, number.full(), receiver.number_format);
  c.display = display_name(display);
  return c;
}

std::string asserted_number(const sip::Message& invite) {
  const auto number = sip::telephone_number(asserted_identity(invite).uri);
  return number.is_private() ? std::string() : number.full();
}

std::string billing_number(const sip::Message& invite, bool source_trusted) {
  sip::Uri uri = source_trusted ? asserted_identity(invite).uri : sip::Uri{};
  if (uri.user.empty() && invite.from()) uri = invite.from()->target;
  if (uri.user.empty()) return "anonymous";
  std::string digits = sip::telephone_number(uri).full();
  return digits.empty() ? std::string(uri.user) : digits;
}

std::string party_uri(std::string_view user, std::string_view host, std::uint16_t port, bool phone,
                      std::string_view parameters) {
  std::string u = "sip:";
  u.reserve(64 + parameters.size());
  const bool number =
      !user.empty() && user.find_first_not_of("+0123456789*#") == std::string_view::npos;
  if (!number) parameters = {};
  if (!user.empty()) u.append(sip::escape_user(user)).append(parameters).append("@");
  u.append(host);
  if (port != 0) u.append(":").append(std::to_string(port));
  if (number && (phone || !parameters.empty())) u.append(";user=phone");
  return u;
}

std::string called_number(const deployment::Deployment& d, const sip::Uri& uri) {
  const auto number = sip::telephone_number(uri);
  return policy::emergency_service(d, number.dialled, {}) ? number.dialled : number.full();
}

std::string reason_value(int q850, std::string_view text) {
  std::string v = "Q.850;cause=" + std::to_string(q850);
  if (!text.empty()) {
    v += ";text=\"";
    for (const char c : text.substr(0, 160))
      v += (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') ? '\'' : c;
    v += "\"";
  }
  return v;
}

namespace {
// Visits every value of every Reason header that can be read, until `f` returns true.
template <typename F>
void each_reason(const sip::Message& m, F&& f) {
  for (const auto& h : m.headers()) {
    if (h.id != HeaderId::kReason) continue;
    std::string_view list = h.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list))
      if (const auto reason = sip::parse_reason(one); reason && f(*reason, one)) return;
  }
}
}  // namespace

std::string_view sip_reason_of(const sip::Message& m) {
  constexpr std::size_t kMax = 200;
  std::string_view found;
  each_reason(m, [&](const sip::Reason& r, std::string_view text) {
    if (text.size() <= kMax && sip::iequals(r.protocol, "SIP")) found = text;
    return !found.empty();
  });
  return found;
}

std::string_view reason_among(const sip::Message& m, const std::vector<std::string>& words) {
  std::string_view found;
  if (words.empty()) return found;
  each_reason(m, [&](const sip::Reason& r, std::string_view) {
    for (const std::string& w : words)
      for (std::size_t i = 0; i + w.size() <= r.text.size(); ++i)
        if (sip::iequals(r.text.substr(i, w.size()), w)) found = r.text;
    return !found.empty();
  });
  return found;
}

std::string session_half(std::string_view value) {
  constexpr std::size_t kDigits = 32;
  const std::string_view half = value.substr(0, value.find_first_of("; \t"));
  if (half.size() != kDigits ||
      half.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos ||
      half.find_first_not_of('0') == std::string_view::npos)
    return {};
  return std::string(half);
}

int q850_of(const sip::Message& m) {
  int found = 0;
  each_reason(m, [&](const sip::Reason& r, std::string_view) {
    if (sip::iequals(r.protocol, "Q.850") && r.cause && *r.cause <= 127)
      found = static_cast<int>(*r.cause);
    return found != 0;
  });
  return found;
}

}  // namespace causeway::call
