#include "lab/zoom_phone.h"

#include <algorithm>
#include <array>

namespace causeway::lab {
namespace {

constexpr const char* kAllow =
    "INVITE, ACK, CANCEL, BYE, REGISTER, REFER, INFO, SUBSCRIBE, NOTIFY, UPDATE, OPTIONS, MESSAGE, "
    "PUBLISH";  // ZM-08

class Findings {
 public:
  void expect(bool ok, std::string_view id, const std::string& what) {
    if (!ok) list.push_back({std::string(id), what});
  }
  Violations list;
};

bool among(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const auto& n) { return same_text(n, name); });
}

void check_contact(const SipMessage& m, const ServiceView& v, Findings& f) {
  const auto uri = parse_sip_uri(parse_name_addr(m.get("Contact")).uri);
  f.expect(uri && among(v.gateway_names, uri->host), "ZM-16",
           "Contact is not the name that was given to the service: " + m.get("Contact"));
}

void check_private(const SipMessage& m, const ServiceView& v, Findings& f) {
  for (const auto& h : m.headers) {
    const bool leaks = same_text(h.name, "P-Charging-Vector") ||
                       same_text(h.name, "P-Access-Network-Info") ||
                       same_text(h.name, "X-Operator-Internal") ||
                       same_text(std::string_view(h.name).substr(0, 5), "X-MS-");
    f.expect(!leaks, "GW-PRIVATE", h.name + " crossed");
    f.expect(v.operator_address.empty() || h.value.find(v.operator_address) == std::string::npos,
             "GW-TOPOLOGY", "the operator's address in " + h.name);
  }
}

void check_new_call(const SipMessage& m, Findings& f) {
  const auto called = parse_sip_uri(m.uri);
  f.expect(called && is_e164(called->user), "ZM-11",
           "the number in the Request-URI is not +E.164: " + m.uri);
  const auto from = parse_sip_uri(parse_name_addr(m.get("From")).uri);
  f.expect(from && (is_e164(from->user) || same_text(from->user, "anonymous")), "ZM-11",
           "From is not +E.164: " + m.get("From"));
  for (const auto& a : m.all("P-Asserted-Identity")) {
    const std::string uri = parse_name_addr(a).uri;
    const auto asserted = parse_sip_uri(uri);
    f.expect(uri.starts_with("tel:+") || (asserted && is_e164(asserted->user)), "ZM-11",
             "P-Asserted-Identity is not +E.164: " + a);
  }
  const auto identities = m.all("P-Asserted-Identity").size() + m.all("From").size();
  f.expect(identities >= 1 && !m.has("Remote-Party-ID"), "ZM-12", "Remote-Party-ID crossed");
}

}  // namespace

ZoomPhone::ZoomPhone(Loop& loop, MediaPump& pump, Random& random, Ladder& ladder,
                     AgentSettings settings, ServiceView view)
    : Agent(Side::kPhoneSystem, loop, pump, random, ladder, std::move(settings)),
      view_(std::move(view)) {}

ZoomPhone::~ZoomPhone() {
  for (auto& [site, t] : timers_) loop().cancel(t);
}

std::string ZoomPhone::sent_by(std::size_t site) const {
  const auto& s = settings().port.sites[site];
  return s.name + ":" + std::to_string(s.address.port);
}

std::string ZoomPhone::contact_for(const Call& call) const {
  return "<sip:" + (call.facts().caller ? call.facts().from : call.facts().number) + "@" +
         sent_by(call.site()) + ";transport=tls>";
}

std::vector<std::string> ZoomPhone::suites() const {
  return {"AEAD_AES_256_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80",
          "AES_CM_128_HMAC_SHA1_32"};  // ZM-06
}

void ZoomPhone::dress_request(SipMessage& m, const Call* call) const {
  m.add("Allow", kAllow);
  if (call == nullptr || m.method != "INVITE") return;
  m.add("Supported", "timer,replaces");
  if (!m.body.empty()) m.add("Content-Disposition", "session;handling=required");  // ZM-10
  if (!tag_of(m.get("To")).empty()) return;
  m.add("Session-Expires", "1800");  // ZM-09
  m.add("Min-SE", "90");
  m.add("Accept", "application/sdp, application/media_control+xml");
  m.add("P-Asserted-Identity",
        "<sip:" + call->facts().from + "@" + settings().port.sites[call->site()].name + ">");
  m.add("Privacy", "none");
  m.add("X-Trace-ID", call->contact_token());  // ZM-07
}

void ZoomPhone::dress_response(SipMessage& m, const Call*) const { m.add("Allow", kAllow); }

Violations ZoomPhone::check_request(const SipMessage& m, const Flow& flow, const Call*) const {
  Findings f;
  const auto names = peer_names(flow);
  f.expect(
      names.empty() || std::any_of(view_.gateway_names.begin(), view_.gateway_names.end(),
                                   [&](const auto& n) { return certificate_covers(names, n); }),
      "ZM-01", "the certificate does not cover the gateway's name");
  static constexpr std::array<std::string_view, 13> kMethods{
      "INVITE",    "ACK",    "CANCEL", "BYE",     "REGISTER", "REFER",  "INFO",
      "SUBSCRIBE", "NOTIFY", "UPDATE", "OPTIONS", "MESSAGE",  "PUBLISH"};
  f.expect(std::find(kMethods.begin(), kMethods.end(), m.method) != kMethods.end(), "ZM-08",
           m.method + " is not in our Allow");
  f.expect(!among(m.all("Require"), "100rel"), "ZM-08", "Require: 100rel");
  if (m.method == "INVITE" || m.method == "OPTIONS") check_contact(m, view_, f);
  if (m.method == "INVITE") {
    f.expect(!m.body.empty(), "ZM-03", "INVITE without SDP");
    if (tag_of(m.get("To")).empty()) check_new_call(m, f);
  }
  check_private(m, view_, f);
  return f.list;
}

Violations ZoomPhone::check_response(const SipMessage& m, const std::string& method) const {
  Findings f;
  check_private(m, view_, f);
  if (method != "INVITE" || m.status <= 100) return f.list;
  f.expect(!among(m.all("Require"), "100rel"), "ZM-08", "Require: 100rel");
  f.expect(m.status != 180 || m.body.empty(), "ZM-13", "180 with SDP");
  f.expect(m.status != 183 || !m.body.empty(), "ZM-13", "183 without SDP");
  if (m.status < 300) check_contact(m, view_, f);
  return f.list;
}

Violations ZoomPhone::check_sdp(const SdpText& s, const SdpText* ours) const {
  Findings f;
  f.expect(s.protocol == "RTP/SAVP", "ZM-01", "media profile " + s.protocol);
  f.expect(!s.ptime || s.ptime == 20, "ZM-04", "ptime " + std::to_string(s.ptime));
  f.expect(s.telephone_event() >= 0, "ZM-03", "no telephone-event");
  static constexpr std::array<std::string_view, 7> kCodecs{
      "opus", "G722", "PCMU", "PCMA", "G729", "telephone-event", "CN"};
  for (const auto& r : s.rtpmaps) {
    const auto name = std::string_view(r.encoding).substr(0, r.encoding.find('/'));
    f.expect(
        std::any_of(kCodecs.begin(), kCodecs.end(), [&](auto c) { return same_text(c, name); }),
        "ZM-04", "codec " + r.encoding);
  }
  f.expect(view_.operator_address.empty() || s.origin_address != view_.operator_address,
           "GW-TOPOLOGY", "the operator's address in o=");
  if (s.protocol != "RTP/SAVP") return f.list;
  const auto known = suites();
  if (ours == nullptr) {
    f.expect(std::any_of(s.crypto.begin(), s.crypto.end(),
                         [&](const auto& c) { return among(known, c.suite); }),
             "ZM-06", "no crypto suite of ours in the offer");
    return f.list;
  }
  f.expect(s.crypto.size() == 1, "ZM-06",
           std::to_string(s.crypto.size()) + " crypto lines in an answer");
  if (s.crypto.size() != 1) return f.list;
  const auto& chosen = s.crypto.front();
  f.expect(
      std::any_of(ours->crypto.begin(), ours->crypto.end(),
                  [&](const auto& c) { return c.tag == chosen.tag && c.suite == chosen.suite; }),
      "ZM-06", "the answer has tag " + std::to_string(chosen.tag) + " for " + chosen.suite);
  f.expect(std::none_of(ours->crypto.begin(), ours->crypto.end(),
                        [&](const auto& c) { return c.key == chosen.key; }),
           "ZM-06", "the answer repeats our own key");
  return f.list;
}

std::optional<LabRefusal> ZoomPhone::refusal(const Violations& all) const {
  for (const auto& v : all) {
    const std::string why = v.requirement + ": " + v.what;
    if (v.requirement == "ZM-16") return LabRefusal{403, why};
    if (v.requirement == "ZM-11") return LabRefusal{404, why};
    if (v.requirement == "ZM-01" || v.requirement == "ZM-03" || v.requirement == "ZM-06")
      return LabRefusal{488, why};
  }
  return std::nullopt;
}

void ZoomPhone::on_options(const SipMessage& m, const Flow& flow) {
  const bool first = !trunks_.contains(flow.site);
  trunks_[flow.site] = parse_name_addr(m.get("Contact")).uri;
  if (first)
    timers_[flow.site] =
        loop().after(Millis(100), [this, site = flow.site] { send_next_options(site); });
}

void ZoomPhone::send_next_options(std::size_t site) {
  const std::string& uri = trunks_[site];
  if (const auto to = resolve(uri)) send_options(site, uri, *to);
  timers_[site] =
      loop().after(settings().options_interval, [this, site] { send_next_options(site); });
}

}  // namespace causeway::lab
