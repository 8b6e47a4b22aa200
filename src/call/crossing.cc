#include "call/crossing.h"

#include <algorithm>

#include "policy/decide.h"
#include "sip/headers.h"

namespace causeway::call {

using sip::HeaderId;

bool never_crosses(HeaderId id) {
  switch (id) {
    case HeaderId::kVia: case HeaderId::kFrom: case HeaderId::kTo: case HeaderId::kCallId: case HeaderId::kCSeq:
    case HeaderId::kContact: case HeaderId::kMaxForwards: case HeaderId::kRoute: case HeaderId::kRecordRoute:
    case HeaderId::kContentLength: case HeaderId::kContentType: case HeaderId::kContentDisposition:
    case HeaderId::kContentEncoding: case HeaderId::kAllow: case HeaderId::kSupported: case HeaderId::kRequire:
    case HeaderId::kProxyRequire: case HeaderId::kUnsupported: case HeaderId::kUserAgent: case HeaderId::kServer:
    case HeaderId::kSessionExpires: case HeaderId::kMinSe: case HeaderId::kRSeq: case HeaderId::kRAck:
    case HeaderId::kReplaces: case HeaderId::kAuthorization: case HeaderId::kReason: case HeaderId::kWarning:
    case HeaderId::kAccept: case HeaderId::kReferTo: case HeaderId::kReferredBy: case HeaderId::kRetryAfter: return true;
    default: return false;
  }
}

namespace {

// Each identity with our host in place of the other side's; tel: URIs and anything odd as they are.
void copy_identity(sip::Builder& out, const sip::HeaderField& f, std::string_view own_host) {
  std::string_view list = f.value;
  while (!list.empty()) {
    const std::string_view one = sip::next_value(list);
    const auto id = sip::parse_name_addr(one);
    const auto uri = id ? sip::parse_uri(id->uri) : Result<sip::Uri>(fail(ErrorCode::kMalformed, ""));
    out.add(f.name).add(": ");
    if (!uri || !uri->is_sip() || uri->user.empty()) {
      out.add(one);
    } else {
      if (!id->display.empty()) out.add(id->display).add(" ");
      out.add("<sip:").add(uri->user).add("@").add(own_host);
      if (uri->param("user")) out.add(";user=").add(*uri->param("user"));
      out.add(">");
    }
    out.end_line();
  }
}

}  // namespace

void copy_crossing_headers(sip::Builder& out, const sip::Message& in, const deployment::Profile& receiver, bool both_trusted, std::string_view own_host) {
  const auto lists = [](const std::vector<std::string>& names, const sip::HeaderField& f) {
    // A compact name is listed under its long one.
    const std::string_view name = f.id == HeaderId::kOther ? f.name : sip::header_name(f.id);
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return sip::iequals(n, name); });
  };
  for (const auto& f : in.headers()) {
    if (never_crosses(f.id)) continue;
    if (lists(receiver.pass_headers, f) || (both_trusted && lists(receiver.trusted_headers, f))) {
      if (f.id == HeaderId::kPAssertedIdentity || f.id == HeaderId::kPPreferredIdentity) copy_identity(out, f, own_host);
      else out.copy(f);
    }
  }
}

Caller caller_of(const sip::Message& invite, const deployment::Deployment& d, const deployment::Profile& receiver, bool source_trusted) {
  Caller c;
  const auto from = sip::parse_name_addr(invite.value(HeaderId::kFrom));
  std::string_view user;
  std::string_view display;
  if (from) {
    display = from->display;
    if (const auto uri = sip::parse_uri(from->uri)) user = uri->user;
  }
  const std::string_view privacy = invite.value(HeaderId::kPrivacy);
  const bool wants_privacy = !privacy.empty() && !sip::iequals(privacy, "none");
  const bool anonymous_from = user.empty() || sip::iequals(user, "anonymous");
  if (receiver.from_source == deployment::FromSource::kAssertedIdentity && source_trusted && !wants_privacy) {
    for (const auto& f : invite.headers()) {
      if (f.id != HeaderId::kPAssertedIdentity) continue;
      std::string_view list = f.value;
      while (!list.empty()) {
        const auto id = sip::parse_name_addr(sip::next_value(list));
        if (!id) continue;
        const auto uri = sip::parse_uri(id->uri);
        if (!uri || uri->user.empty()) continue;
        user = uri->user;
        if (!id->display.empty()) display = id->display;
        if (uri->is_tel()) break;  // the number of the two identities (TDR-63)
      }
    }
  }
  if (user.empty() || sip::iequals(user, "anonymous") || (wants_privacy && anonymous_from)) {
    c.user = "anonymous";
    c.display = "\"Anonymous\"";
    c.anonymous = true;
    return c;
  }
  const std::string digits = sip::number_digits(user);
  c.user = digits.empty() ? std::string(user) : policy::format_number(d, digits, receiver.number_format);
  c.display = std::string(display);
  return c;
}

std::string party_uri(std::string_view user, std::string_view host, std::uint16_t port, bool phone) {
  std::string u = "sip:";
  u.reserve(64);
  if (!user.empty()) u.append(user).append("@");
  u.append(host);
  if (port != 0) u.append(":").append(std::to_string(port));
  const bool number = !user.empty() && user.find_first_not_of("+0123456789*#") == std::string_view::npos;
  if (phone && number) u.append(";user=phone");
  return u;
}

std::string reason_value(int q850, std::string_view text) {
  std::string v = "Q.850;cause=" + std::to_string(q850);
  if (!text.empty()) {
    v += ";text=\"";
    for (const char c : text.substr(0, 160)) v += (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') ? '\'' : c;
    v += "\"";
  }
  return v;
}

int q850_of(const sip::Message& m) {
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kReason) continue;
    std::string_view list = f.value;
    while (!list.empty()) {
      const std::string_view one = sip::next_value(list);
      const std::size_t semi = one.find(';');
      if (semi == std::string_view::npos || !sip::iequals(one.substr(0, semi), "Q.850")) continue;
      if (const auto cause = sip::find_param(one.substr(semi + 1), "cause"))
        if (const auto n = sip::parse_u32(*cause); n && *n <= 127) return static_cast<int>(*n);
    }
  }
  return 0;
}

}  // namespace causeway::call
