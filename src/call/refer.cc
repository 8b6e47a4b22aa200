#include "call/refer.h"

#include <algorithm>

#include "call/crossing.h"
#include "sip/fields.h"
#include "sip/headers.h"

namespace causeway::call {

using sip::HeaderId;

namespace {

constexpr std::size_t kMostHeaders = 16;  // of one Refer-To

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& n) { return sip::iequals(n, name); });
}

// The headers behind the '?' of Refer-To (RFC 3261 19.1.5): of those only what this service may
// say through us goes on.
bool read_headers(std::string_view text, const deployment::Profile& profile, Refer& out,
                  ReferRefusal& refusal) {
  const auto refuse = [&](std::string why) {
    refusal = {400, std::move(why)};
    return false;
  };
  for (std::size_t n = 0; !text.empty(); ++n) {
    if (n == kMostHeaders) return refuse("Refer-To has more headers in it than are read");
    const std::string_view one = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const auto equals = one.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = sip::unescape(one.substr(0, equals));
    const auto value = sip::unescape(one.substr(equals + 1));
    if (!name || !value) return refuse("Refer-To has a broken escape among its headers");
    if (has_control(*name) || has_control(*value))
      return refuse("Refer-To has line ends or other control characters among its headers");
    const HeaderId id = sip::header_id(*name);
    if (id == HeaderId::kReplaces) {
      if (out.replaces) return refuse("Refer-To has two Replaces");
      out.replaces = named_dialog(*value);
      if (!out.replaces) return refuse("the Replaces in Refer-To names no dialog");
    } else if (id == HeaderId::kRequire) {
      if (!sip::iequals(*value, "replaces")) {
        refusal = {403, "Refer-To asks for a request that requires an extension"};
        return false;
      }
    } else if (!never_crosses(id) && listed(profile.pass_headers, *name) &&
               std::all_of(name->begin(), name->end(), sip::is_token_char)) {
      out.headers.push_back(
          {std::string(id == HeaderId::kOther ? *name : sip::header_name(id)), *value});
    } else {
      out.left_out.push_back(name->substr(0, 64));
    }
  }
  return true;
}

bool read_target(const sip::ReferTo& to, std::string_view value, bool secure, Refer& out,
                 ReferRefusal& refusal) {
  if (!to.uri.is_sip() && !to.uri.is_tel()) {
    refusal = {416, "Refer-To is no SIP or tel URI"};
    return false;
  }
  if (to.uri.is_sips() && !secure) {
    refusal = {416, "Refer-To asks for TLS, which these peers are not reached by"};
    return false;
  }
  if (!sip::iequals(to.method, "INVITE")) {
    refusal = {403, "Refer-To asks for a " + std::string(to.method.substr(0, 32)) +
                        " where only calls are made"};
    return false;
  }
  if (has_control(value)) {
    refusal = {400, "Refer-To has control characters"};
    return false;
  }
  out.target = std::string(to.address.uri.substr(0, sip::headers_of_uri(to.address.uri)));
  // A Request-URI has no method (RFC 3261 19.1.1); whoever writes none finds every byte again.
  if (to.uri.is_sip() && to.uri.param("method")) out.target = sip::as_request_uri(out.target);
  return true;
}

}  // namespace

std::optional<NamedDialog> named_dialog(std::string_view value) {
  const auto x = sip::parse_replaces(value);
  if (!x) return std::nullopt;
  return NamedDialog{std::string(x->call_id), std::string(x->to_tag), std::string(x->from_tag),
                     x->early_only};
}

std::string to_header(const NamedDialog& d) {
  std::string out;
  sip::write_replaces(out, {d.call_id, d.to_tag, d.from_tag, d.early_only});
  return out;
}

std::string transfer_id_of(std::string_view value, std::string_view name) {
  if (name.empty() || value.empty()) return {};
  const auto address = sip::parse_name_addr(value);
  if (!address) return {};
  auto found = address->target.param(name);
  if (!found || found->empty()) found = address->param(name);
  return std::string(found.value_or(std::string_view{}).substr(0, 128));
}

bool read_refer(const sip::Message& m, const deployment::Profile& profile, bool secure, Refer& out,
                ReferRefusal& refusal) {
  const auto refuse = [&](int status, std::string why) {
    refusal = {status, std::move(why)};
    return false;
  };
  std::string_view list = m.value(HeaderId::kReferTo);
  // A comma within the angle brackets of a URI separates nothing; unbracketed ones are one address.
  const std::string_view value = sip::next_value(list);
  if (m.count(HeaderId::kReferTo) != 1 || value.empty() || !sip::next_value(list).empty())
    return refuse(
        400, m.has(HeaderId::kReferTo) ? "REFER with several Refer-To" : "REFER without Refer-To");
  const auto to = sip::parse_refer_to(value);
  if (!to) return refuse(400, "Refer-To cannot be understood: " + to.error().what);
  if (!read_target(*to, value, secure, out, refusal)) return false;
  if (!read_headers(to->uri.headers, profile, out, refusal)) return false;
  if (out.replaces && profile.replaces == deployment::ReplacesWith::kOff)
    return refuse(403, "the Replaces in Refer-To is not for these peers (profile.replaces)");

  if (m.count(HeaderId::kReferredBy) > 1) return refuse(400, "REFER with several Referred-By");
  out.referred_by = std::string(m.value(HeaderId::kReferredBy));
  if (!out.referred_by.empty()) {
    const auto by = sip::parse_referred_by(out.referred_by);
    if (!by || has_control(out.referred_by)) return refuse(400, "Referred-By cannot be understood");
    out.by = std::string(by->address.uri);
  } else if (m.from()) {
    out.by = std::string(m.from()->uri);
  }
  out.id = transfer_id_of(out.referred_by, profile.transfer_id);
  if (out.id.empty()) out.id = transfer_id_of(value, profile.transfer_id);
  const auto* sub = m.find("Refer-Sub");
  out.tells = !sub || !sip::iequals(sub->value.substr(0, sub->value.find(';')), "false");
  return true;
}

void ReferSubscription::say(int status, std::string_view reason) {
  if (final_ || over_ || status == last_) return;
  last_ = status;
  final_ = status >= 200;
  waiting_ = "SIP/2.0 " + std::to_string(status) + " " + std::string(reason) + "\r\n";
}

std::optional<ReferSubscription::Said> ReferSubscription::next(Instant now) {
  if (under_way_ || over_ || waiting_.empty()) return std::nullopt;
  under_way_ = true;
  Said s;
  s.fragment = std::move(waiting_);
  waiting_.clear();
  if (final_) {
    over_ = true;
    s.state = "terminated;reason=noresource";
  } else {
    const auto left = std::chrono::duration_cast<Seconds>(until_ - now).count();
    s.state = "active;expires=" + std::to_string(std::max<std::int64_t>(left, 1));
  }
  return s;
}

void ReferSubscription::gone() {
  over_ = true;
  under_way_ = false;
  waiting_.clear();
}

}  // namespace causeway::call
