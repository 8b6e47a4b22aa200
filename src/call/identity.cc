#include "call/identity.h"

#include <algorithm>
#include <array>

#include "policy/decide.h"
#include "sip/fields.h"
#include "sip/headers.h"
#include "sip/telephone.h"

namespace causeway::call {

using deployment::DiversionForm;
using deployment::HeaderLine;
using deployment::IdentityForm;
using deployment::IdentityMismatch;
using sip::HeaderId;

namespace {

constexpr int kUnknownCause = 404;

struct Mapping {
  std::string_view reason;
  int cause;
  bool back = false;  // the word for this cause
};
// RFC 7544 3.2 and 3.3; what has no cause of its own is unknown.
constexpr auto kMappings = std::to_array<Mapping>({{"unconditional", 302, true},
                                                   {"user-busy", 486, true},
                                                   {"no-answer", 408, true},
                                                   {"unavailable", 503, true},
                                                   {"deflection", 480, true},
                                                   {"deflection", 487, true},
                                                   {"unknown", kUnknownCause, true}});

// RFC 3323 over all its headers; words that make no sense ask for everything.
std::uint8_t privacy_of(const sip::Message& m) {
  std::uint8_t bits = 0;
  for (const auto& f : m.headers()) {
    if (f.id != HeaderId::kPrivacy || f.value.empty()) continue;
    const auto some = sip::parse_privacy(f.value);
    bits |= some ? *some : sip::kPrivacyId | sip::kPrivacyHistory;
  }
  return bits & static_cast<std::uint8_t>(~sip::kPrivacyNone);
}

template <typename F>
void each_value(const sip::Message& m, HeaderId id, F&& f) {
  if (!m.has(id)) return;
  for (const auto& h : m.headers()) {
    if (h.id != id) continue;
    std::string_view list = h.value;
    for (auto one = sip::next_value(list); !one.empty(); one = sip::next_value(list)) f(one);
  }
}

// The URI without its headers and without a cause that was of this call. Only what stands behind
// the host is a parameter of it: a user part may have some of its own (RFC 3261 19.1.6).
std::string bare_uri(const sip::NameAddr& a) {
  std::string_view params = a.target.params;
  if (!a.target.param("cause"))
    return std::string(a.uri.substr(0, std::min(sip::headers_of_uri(a.uri), a.uri.size())));
  std::string out(a.uri.substr(0, static_cast<std::size_t>(params.data() - a.uri.data()) - 1));
  for (auto one = sip::next_param(params); !one.empty(); one = sip::next_param(params))
    if (!sip::iequals(one.substr(0, one.find('=')), "cause")) out.append(";").append(one);
  return out;
}

std::string number_of(const sip::Uri& uri) {
  const auto number = sip::telephone_number(uri);
  return number.is_private() ? std::string() : number.full();
}

DivertedBy hop_of(const sip::NameAddr& a) {
  DivertedBy d;
  d.number = number_of(a.target);
  d.uri = bare_uri(a);
  d.display = display_name(a.display);
  return d;
}

// Nothing else sends a call on (RFC 4458 2, RFC 7044 10.2).
std::optional<int> diverting(std::optional<std::uint32_t> cause) {
  if (!cause || *cause < 300 || *cause > 699) return std::nullopt;
  return static_cast<int>(*cause);
}

std::optional<int> cause_param(const sip::Uri& uri) {
  const auto text = uri.param("cause");
  return diverting(text ? sip::parse_u32(*text) : std::nullopt);
}

// A `privacy` of RFC 5806 or of Remote-Party-ID that says anything but "off".
bool asks_to_hide(std::string_view params) {
  for (auto one = sip::next_param(params); !one.empty(); one = sip::next_param(params)) {
    const std::size_t eq = one.find('=');
    std::string_view name = one.substr(0, eq);
    while (!name.empty() && sip::is_lws(name.back())) name.remove_suffix(1);
    if (!sip::iequals(name, "privacy") || eq == std::string_view::npos) continue;
    std::string_view value = one.substr(eq + 1);
    while (!value.empty() && sip::is_lws(value.front())) value.remove_prefix(1);
    if (const std::string word = sip::unquote(value); !word.empty() && !sip::iequals(word, "off"))
      return true;
  }
  return false;
}

std::vector<DivertedBy> of_diversion(const sip::Message& m) {
  std::vector<DivertedBy> newest_first;
  each_value(m, HeaderId::kDiversion, [&](std::string_view one) {
    const auto d = sip::parse_diversion(one);
    if (!d || newest_first.size() >= kMaxDiversions) return;
    auto hop = hop_of(d->address);
    hop.cause = cause_of_reason(sip::unquote(d->reason));
    hop.counter = std::clamp<std::uint32_t>(d->counter.value_or(1), 1, kMaxDiversions);
    hop.hidden = asks_to_hide(d->address.params);
    newest_first.push_back(std::move(hop));
  });
  std::reverse(newest_first.begin(), newest_first.end());
  return newest_first;
}

std::optional<int> sip_cause(const std::string& reason_value) {
  const auto reason = sip::parse_reason(reason_value);
  if (!reason || !sip::iequals(reason->protocol, "SIP")) return std::nullopt;
  return diverting(reason->cause);
}

// Headers of a URI with a wish for privacy (RFC 7044 10.1.2); one that cannot be read is one, too.
bool hides(std::string_view headers) {
  while (!headers.empty()) {
    const std::string_view one = headers.substr(0, headers.find('&'));
    headers.remove_prefix(std::min(one.size() + 1, headers.size()));
    const std::size_t eq = std::min(one.find('='), one.size());
    if (!sip::iequals(one.substr(0, eq), "Privacy")) continue;
    const auto value = sip::unescape(one.substr(std::min(eq + 1, one.size())));
    if (!value || !sip::iequals(*value, "none")) return true;
  }
  return false;
}
bool hides(const sip::HistoryEntry& e, const std::string& reason) {
  // One that was not escaped may have a Privacy behind it.
  return hides(e.address.target.headers) || hides(reason);
}

// One value of History-Info in either of its forms; false: it is neither.
template <typename F>
bool read_history(std::string_view one, F&& f) {
  if (const auto e = sip::parse_history_entry(one)) {
    const auto reason = sip::uri_header(e->address.target.headers, "Reason");
    f(*e, reason ? *reason : std::string());
    return true;
  }
  constexpr std::string_view kReason = "?Reason=";
  const std::size_t from = one.find(kReason), to = one.find('>');
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) return false;
  const std::string without = std::string(one.substr(0, from)) + std::string(one.substr(to));
  const auto text = one.substr(from + kReason.size(), to - from - kReason.size());
  const auto e = sip::parse_history_entry(without);
  if (e) f(*e, std::string(text));
  return e.has_value();
}

std::vector<DivertedBy> of_history(const sip::Message& m) {
  std::vector<DivertedBy> out;
  std::optional<DivertedBy> last;  // it sent the call on if the next entry, or itself, says why
  std::optional<int> its_reason;
  const auto settle = [&](std::optional<int> cause) {
    if (!last) return;
    if (!cause) cause = its_reason;
    if (cause) {
      last->cause = *cause;
      out.push_back(std::move(*last));
    }
    last.reset();
  };
  each_history_entry(m, [&](const sip::HistoryEntry& e, const std::string& reason) {
    settle(cause_param(e.address.target));
    last = hop_of(e.address);
    last->hidden = hides(e, reason);
    its_reason = sip_cause(reason);
  });
  settle(std::nullopt);
  if (out.size() > kMaxDiversions)
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(kMaxDiversions));
  return out;
}

}  // namespace

void each_history_entry(
    const sip::Message& m,
    const std::function<void(const sip::HistoryEntry&, const std::string& reason)>& f) {
  each_value(m, HeaderId::kHistoryInfo, [&](std::string_view one) { read_history(one, f); });
}

int cause_of_reason(std::string_view reason) {
  for (const auto& m : kMappings)
    if (sip::iequals(m.reason, reason)) return m.cause;
  return kUnknownCause;
}

std::string_view reason_of_cause(int cause) {
  for (const auto& m : kMappings)
    if (m.back && m.cause == cause) return m.reason;
  return "unknown";
}

std::vector<DivertedBy> diversions_of(const sip::Message& m) {
  auto out = of_diversion(m);
  if (out.empty()) out = of_history(m);
  if (!out.empty() && out.back().cause == kUnknownCause && m.target())
    if (const auto cause = cause_param(*m.target())) out.back().cause = *cause;
  return out;
}

int diversion_cause(const sip::Message& m) {
  if (const auto cause = m.target() ? cause_param(*m.target()) : std::nullopt) return *cause;
  if (!m.has(HeaderId::kDiversion) && !m.has(HeaderId::kHistoryInfo)) return 0;
  const auto hops = diversions_of(m);
  return hops.empty() ? 0 : hops.back().cause;
}

bool is_anonymous(const sip::Uri& uri) {
  // RFC 3323 4.1.1.3; the other two of networks that say why there is no number (3GPP TS 24.628).
  return uri.user.empty() || sip::iequals(uri.user, "anonymous") ||
         sip::iequals(uri.user, "unavailable") || sip::iequals(uri.host, "anonymous.invalid") ||
         sip::iequals(uri.host, "unknown.invalid");
}

namespace {

// RFC 3325's forerunner (draft-ietf-sip-privacy-04 5.1): of several parties only one calls.
bool of_caller(const sip::NameAddr& remote_party) {
  const auto party = remote_party.param("party");
  return !party || sip::iequals(sip::unquote(*party), "calling");
}

}  // namespace

bool hides_remote_party(const sip::Message& m) {
  bool hides = false;
  each_value(m, HeaderId::kRemotePartyId, [&](std::string_view one) {
    const auto a = sip::parse_name_addr(one);
    hides = hides || !a || (of_caller(*a) && asks_to_hide(a->params));
  });
  return hides;
}

namespace {

const std::string& name_of(const DivertedBy& d) { return d.number.empty() ? d.uri : d.number; }

class Writer {
 public:
  Writer(const sip::Message& m, const IdentityCrossing& w)
      : m_(m),
        w_(w),
        hidden_remote_(hides_remote_party(m)),
        privacy_(
            static_cast<std::uint8_t>(privacy_of(m) | (hidden_remote_ ? sip::kPrivacyId : 0))) {}

  std::vector<HeaderLine> all() {
    caller();
    diverted();
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kMaxSecrets = 4 * kMaxDiversions;  // with so many, all are

  struct Known {
    std::string number, display;
    bool asserted = false;  // by a header of the trust domain
  };

  void keep_back(HeaderId id) {
    if (m_.has(id)) out_.push_back({std::string(sip::header_name(id)), ""});
  }
  void write(HeaderId id, std::string value) {
    out_.push_back({std::string(sip::header_name(id)), std::move(value)});
  }
  // What came under that name, as copy_crossing_headers() would write it.
  void as_it_came(HeaderId id) {
    for (const auto& f : m_.headers())
      if (f.id == id) {
        std::string value = hide_addresses(f.value, w_.own_host);
        write(id, w_.forms ? with_numbers(value, w_.forms) : value);
      }
  }
  [[nodiscard]] std::string rewritten(const std::string& number) const {
    return w_.forms ? w_.forms.rewritten(number) : number;
  }
  [[nodiscard]] std::string party(std::string_view user) const {
    return party_uri(user, w_.own_host, 0, w_.receiver.user_phone);
  }

  void caller();
  void diverted();
  [[nodiscard]] bool find_secrets();
  [[nodiscard]] std::optional<Known> known() const;
  [[nodiscard]] std::optional<Known> first_of(HeaderId id) const;
  void write_caller(IdentityForm form, const std::string& number, const Known& who);
  [[nodiscard]] std::string history(const std::vector<DivertedBy>& hops) const;
  [[nodiscard]] std::string diversion(const std::vector<DivertedBy>& hops) const;
  [[nodiscard]] bool hidden(const DivertedBy& d) const {
    return d.hidden || secrets_.size() == kMaxSecrets ||
           std::find(secrets_.begin(), secrets_.end(), name_of(d)) != secrets_.end() ||
           (privacy_ & (sip::kPrivacyHistory | sip::kPrivacyHeader | sip::kPrivacySession)) != 0;
  }
  [[nodiscard]] std::string uri_of(const DivertedBy& d) const {
    if (hidden(d) && !w_.receiver_trusted) return "sip:anonymous@anonymous.invalid";
    if (!d.number.empty()) return party(rewritten(d.number));
    return hide_addresses(d.uri, w_.own_host);
  }

  const sip::Message& m_;
  const IdentityCrossing& w_;
  const bool hidden_remote_;  // Remote-Party-ID asks for it, which has no Privacy header
  const std::uint8_t privacy_;
  std::vector<std::string> secrets_;  // numbers or URIs that some value hides
  std::vector<HeaderLine> out_;
};

std::optional<Writer::Known> Writer::first_of(HeaderId id) const {
  std::optional<Known> found;
  each_value(m_, id, [&](std::string_view one) {
    const auto a = sip::parse_name_addr(one);
    if (!a || (found && !a->target.is_tel())) return;
    if (id == HeaderId::kRemotePartyId && !of_caller(*a)) return;
    if (auto number = number_of(a->target); !number.empty())
      found = Known{std::move(number),
                    a->display.empty() && found ? found->display : display_name(a->display), true};
  });
  return found;
}

// ZM-12: of what came, the first that names somebody.
std::optional<Writer::Known> Writer::known() const {
  for (const auto id :
       {HeaderId::kPAssertedIdentity, HeaderId::kRemotePartyId, HeaderId::kPPreferredIdentity})
    if (auto who = first_of(id)) return who;
  if (const auto* from = m_.from(); from && !is_anonymous(from->target))
    if (auto number = number_of(from->target); !number.empty())
      return Known{std::move(number), display_name(from->display), false};
  const auto hops = diversions_of(m_);
  if (hops.empty() || hops.back().number.empty()) return std::nullopt;
  return Known{hops.back().number, {}, false};
}

void Writer::write_caller(IdentityForm form, const std::string& number, const Known& who) {
  const std::string value =
      (who.display.empty() ? "" : who.display + " ") + "<" + party(number) + ">";
  switch (form) {
    case IdentityForm::kAsserted: return write(HeaderId::kPAssertedIdentity, value);
    case IdentityForm::kPreferred: return write(HeaderId::kPPreferredIdentity, value);
    case IdentityForm::kRemoteParty:
      return write(HeaderId::kRemotePartyId,
                   value + ";party=calling;screen=" + (who.asserted ? "yes" : "no") +
                       ";privacy=" + (privacy_ != 0 ? "full" : "off"));
    default: return;
  }
}

void Writer::caller() {
  constexpr std::pair<IdentityForm, HeaderId> kForms[] = {
      {IdentityForm::kAsserted, HeaderId::kPAssertedIdentity},
      {IdentityForm::kPreferred, HeaderId::kPPreferredIdentity},
      {IdentityForm::kRemoteParty, HeaderId::kRemotePartyId}};
  IdentityForm form = w_.receiver.identity;
  if (!w_.both_trusted) {
    // RFC 3325 7: outside of the trust domain nobody hears what was to be kept.
    if (privacy_ != 0)
      for (const auto& [f, id] : kForms) keep_back(id);
    return;
  }
  const auto mismatch = w_.receiver.identity_mismatch;
  if (form == IdentityForm::kAsReceived && mismatch == IdentityMismatch::kKeep) return;
  auto who = form == IdentityForm::kAsReceived ? first_of(HeaderId::kPAssertedIdentity) : known();
  // TDR-64: a hidden From says nothing about the identity beside it.
  const bool differs = who && w_.forms && !w_.caller.anonymous && privacy_ == 0 &&
                       rewritten(who->number) != w_.caller.user;
  const bool acts = differs && mismatch != IdentityMismatch::kKeep;
  if (form == IdentityForm::kAsReceived) {
    if (!acts) return;
    form = IdentityForm::kAsserted;
  }
  // Its wish for privacy must outlive it (RFC 3325 9.3).
  const bool by_header = form == IdentityForm::kAsserted || form == IdentityForm::kPreferred;
  const bool put = who && !(acts && mismatch == IdentityMismatch::kRemove);
  if (hidden_remote_ && by_header && put && !m_.has(HeaderId::kPrivacy))
    write(HeaderId::kPrivacy, "id");
  for (const auto& [f, id] : kForms)
    if (f != form || acts || !m_.has(id)) {
      keep_back(id);
    } else {
      as_it_came(id);
      who.reset();
    }
  if (!who || !put) return;
  write_caller(form, acts ? w_.caller.user : rewritten(who->number), acts ? Known{} : *who);
}

// "1", "1.1" and so on: each entry came of the one before (RFC 7044 10.3).
std::string Writer::history(const std::vector<DivertedBy>& hops) const {
  std::string out, index = "1", parent;
  int cause = 0;
  std::size_t unknown = 0;  // of all hops together
  const auto entry = [&](const std::string& uri, const std::string& headers) {
    out.append(out.empty() ? "<" : ", <").append(uri);
    if (cause != 0) out.append(";cause=").append(std::to_string(cause));
    out.append(headers).append(">;index=").append(index);
    if (!parent.empty()) out.append(";mp=").append(parent);
    parent = index;
    index += ".1";
  };
  for (const auto& hop : hops) {
    // RFC 7544 3.3: those that a counter stands for, without a name of theirs.
    for (std::uint32_t i = 1; i < hop.counter && unknown < kMaxDiversions; ++i, ++unknown) {
      entry("sip:unknown@unknown.invalid", "");
      cause = kUnknownCause;
    }
    // A Reason beside the cause of the next entry: readers of RFC 4244 look for it here.
    entry(uri_of(hop), "?Reason=SIP%3Bcause%3D" + std::to_string(hop.cause) +
                           (hidden(hop) && w_.receiver_trusted ? "&Privacy=history" : ""));
    cause = hop.cause;
  }
  entry(std::string(w_.request_uri), "");
  return out;
}

std::string Writer::diversion(const std::vector<DivertedBy>& hops) const {
  std::string out;
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const bool kept = hidden(*hop);
    out.append(out.empty() ? "" : ", ");
    if (!hop->display.empty() && !(kept && !w_.receiver_trusted))
      out.append(hop->display).append(" ");
    out.append("<").append(uri_of(*hop)).append(">;reason=").append(reason_of_cause(hop->cause));
    out.append(";privacy=").append(kept ? "full" : "off");
    out.append(";counter=").append(std::to_string(hop->counter));
  }
  return out;
}

// Does any value of either header, or the message, ask for what not everybody may see? Also one
// that we would not write: what crosses as it came crosses whole. What cannot be read may ask.
bool Writer::find_secrets() {
  bool secret =
      (privacy_ & (sip::kPrivacyHistory | sip::kPrivacyHeader | sip::kPrivacySession)) != 0;
  const auto hide = [&](const sip::NameAddr& a) {
    secret = true;
    if (secrets_.size() < kMaxSecrets) secrets_.push_back(name_of(hop_of(a)));
  };
  each_value(m_, HeaderId::kDiversion, [&](std::string_view one) {
    const auto d = sip::parse_diversion(one);
    if (!d)
      secret = true;
    else if (asks_to_hide(d->address.params))
      hide(d->address);
  });
  each_value(m_, HeaderId::kHistoryInfo, [&](std::string_view one) {
    const bool read = read_history(one, [&](const sip::HistoryEntry& e, const std::string& reason) {
      if (hides(e, reason)) hide(e.address);
    });
    secret = secret || !read;
  });
  return secret;
}

void Writer::diverted() {
  const bool has_diversion = m_.has(HeaderId::kDiversion);
  const bool has_history = m_.has(HeaderId::kHistoryInfo);
  if (!has_diversion && !has_history) return;
  const auto form = w_.receiver.diversion;
  const auto hops = diversions_of(m_);
  const bool secret = !w_.receiver_trusted && find_secrets();
  if (form == DiversionForm::kAsReceived && !secret) return;
  const bool as_received = form == DiversionForm::kAsReceived;
  const auto listed = [&](HeaderId id) {
    const auto& names = w_.receiver.pass_headers;
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& n) { return sip::iequals(n, sip::header_name(id)); });
  };
  const auto say = [&](HeaderId id, bool came, bool wanted) {
    if (as_received) wanted = came && listed(id);
    if (!wanted)
      keep_back(id);
    else if (came && !secret)
      as_it_came(id);
    else if (hops.empty())
      keep_back(id);  // nothing that may be told says that the call was sent on
    else
      write(id, id == HeaderId::kHistoryInfo ? history(hops) : diversion(hops));
  };
  const bool both = form == DiversionForm::kBoth;
  say(HeaderId::kHistoryInfo, has_history, both || form == DiversionForm::kHistoryInfo);
  say(HeaderId::kDiversion, has_diversion, both || form == DiversionForm::kDiversion);
}

}  // namespace

std::vector<HeaderLine> identity_headers(const sip::Message& invite, const IdentityCrossing& way) {
  return Writer(invite, way).all();
}

}  // namespace causeway::call
