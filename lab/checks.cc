#include "lab/checks.h"

#include <algorithm>
#include <array>

#include "lab/ice_agent.h"

namespace causeway::lab {
namespace {

constexpr std::string_view kSuite80 = "AES_CM_128_HMAC_SHA1_80";

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

bool covered(const std::vector<std::string>& names, std::string_view host) {
  for (const auto& n : names) {
    if (same_text(n, host)) return true;
    const auto dot = host.find('.');
    if (n.starts_with("*.") && dot != std::string_view::npos &&
        same_text(std::string_view(n).substr(1), host.substr(dot)))
      return true;
  }
  return false;
}

void check_contact(const SipMessage& m, const ServiceView& v, Findings& f) {
  const auto values = m.all("Contact");
  if (values.empty()) return f.expect(false, "TDR-32", "no Contact");
  const auto uri = parse_sip_uri(parse_name_addr(values.front()).uri);
  if (!uri) return f.expect(false, "TDR-49", "Contact: " + values.front());
  if (is_address(uri->host))
    return f.expect(false, "TDR-33", "an address in Contact: " + values.front());
  const bool beside = !v.beside.empty() && same_text(uri->host, v.beside);
  f.expect(beside || among(v.gateway_names, uri->host), "TDR-60",
           "Contact names another trunk: " + uri->host);
  f.expect(beside || v.certificate_names.empty() || covered(v.certificate_names, uri->host),
           "TDR-14", "the certificate does not cover " + uri->host);
  f.expect(same_text(parameter(uri->params, "transport").value_or(""), "tls"), "TDR-49",
           "Contact without transport=tls: " + values.front());
  f.expect(values.size() == 1, "TDR-49", "several values in Contact");
}

void check_uris(const SipMessage& m, Findings& f) {
  auto look = [&](std::string_view where, const std::string& text) {
    f.expect(text.find("sips:") == std::string::npos, "TDR-25", "sips: in " + std::string(where));
    f.expect(text.find("sip:@") == std::string::npos, "TDR-26",
             "empty user part in " + std::string(where));
  };
  if (m.request) look("the Request-URI", m.uri);
  for (const auto& h : m.headers) look(h.name, h.value);
}

void check_private(const SipMessage& m, const ServiceView& v, Findings& f) {
  for (const auto& h : m.headers) {
    const std::string_view n = h.name;
    const bool leaks = same_text(n, "P-Charging-Vector") || same_text(n, "P-Access-Network-Info") ||
                       same_text(n, "X-Operator-Internal");
    f.expect(!leaks, "GW-PRIVATE", "the operator's header " + h.name + " crossed");
    f.expect(v.operator_address.empty() || h.value.find(v.operator_address) == std::string::npos,
             "GW-TOPOLOGY", "the operator's address in " + h.name);
  }
}

void check_invite_to_service(const SipMessage& m, const ServiceView& v, Findings& f) {
  const bool within = !tag_of(m.get("To")).empty();
  const auto from = parse_sip_uri(parse_name_addr(m.get("From")).uri);
  f.expect(!m.body.empty(), "TDR-54", "INVITE without SDP");
  f.expect(!m.has("Replaces"), "TDR-55", "Replaces towards the service");
  const auto require = m.all("Require");
  f.expect(!among(require, "100rel"), "TDR-88", "Require: 100rel");
  if (within) return;
  const auto uri = parse_sip_uri(m.uri);
  if (!uri) return f.expect(false, "TDR-45", "Request-URI: " + m.uri);
  f.expect(is_e164(uri->user), "TDR-45", "the number in the Request-URI is not +E.164: " + m.uri);
  f.expect(among(v.own_names, uri->host), "TDR-45",
           "the host in the Request-URI is not ours: " + m.uri);
  f.expect(parameter(uri->params, "user") == "phone", "TDR-46", "no user=phone: " + m.uri);
  if (!from) return f.expect(false, "TDR-47", "From: " + m.get("From"));
  f.expect(is_e164(from->user) || same_text(from->user, "anonymous"), "TDR-47",
           "From is not +E.164: " + m.get("From"));
}

}  // namespace

Violations check_service_request(const SipMessage& m, const ServiceView& v) {
  Findings f;
  static constexpr std::array<std::string_view, 6> kAllowed{"INVITE", "ACK", "OPTIONS",
                                                            "CANCEL", "BYE", "NOTIFY"};
  f.expect(std::find(kAllowed.begin(), kAllowed.end(), m.method) != kAllowed.end(), "TDR-44",
           m.method + " is not in our Allow");
  if (m.method == "INVITE" || m.method == "OPTIONS") check_contact(m, v, f);
  if (m.method == "INVITE") check_invite_to_service(m, v, f);
  if (m.method != "ACK" && m.method != "CANCEL")
    f.expect(m.has("X-MS-SBC"), "TDR-56", "no X-MS-SBC in " + m.method);
  const std::string via = m.get("Via");
  const auto space = via.find(' ');
  const std::string sent_by = space == std::string::npos ? "" : via.substr(space + 1);
  const auto sent =
      parse_sip_uri("sip:" + trimmed(std::string_view(sent_by).substr(0, sent_by.find(';'))));
  f.expect(sent && among(v.gateway_names, sent->host), "TDR-53",
           "Via sent-by is not the FQDN: " + via);
  for (const auto& r : m.all("Record-Route")) {
    const auto u = parse_sip_uri(parse_name_addr(r).uri);
    f.expect(u && among(v.gateway_names, u->host), m.method == "OPTIONS" ? "TDR-38" : "TDR-51",
             "Record-Route: " + r);
  }
  check_uris(m, f);
  check_private(m, v, f);
  return f.list;
}

Violations check_service_response(const SipMessage& m, const ServiceView& v,
                                  const std::string& method) {
  Findings f;
  f.expect(m.has("X-MS-SBC") || m.status == 100, "TDR-56",
           "no X-MS-SBC in " + std::to_string(m.status) + " to " + method);
  if (method == "INVITE" && m.status > 100 && m.status < 300) check_contact(m, v, f);
  if (method == "INVITE" && m.status >= 200 && m.status < 300) {
    const auto allow = m.all("Allow");
    f.expect(among(allow, "REFER") && among(allow, "NOTIFY"), "TDR-98",
             "no REFER and NOTIFY in Allow: it will not be asked to transfer");
  }
  if (method == "INVITE" && m.status >= 400 && m.status != 401 && m.status != 407 &&
      m.status != 487)
    f.expect(m.get("Reason").find("Q.850") != std::string::npos, "TDR-85",
             std::to_string(m.status) + " without Reason: Q.850");
  check_uris(m, f);
  check_private(m, v, f);
  return f.list;
}

Violations check_service_sdp(const SdpText& s, const ServiceView& v, const SdpText* ours) {
  Findings f;
  const bool as_offered = v.bypass && ours != nullptr && s.protocol == ours->protocol;  // MBP-09
  f.expect(s.protocol == "RTP/SAVP" || as_offered, "TDM-01", "media profile " + s.protocol);
  const auto ice = check_ice_sdp(s, v);
  f.list.insert(f.list.end(), ice.begin(), ice.end());
  f.expect(s.way == Way::kSendRecv || s.way == Way::kInactive, "TDR-93",
           "a=" + std::string(to_string(s.way)) + " towards the service");
  f.expect(!s.address.is_unspecified(), "TDR-94", "c=0.0.0.0 towards the service");
  f.expect(!v.on_internet || s.address.is_unspecified() || s.address == v.inside ||
               on_the_internet(s.address),
           "TDM-16", s.address.to_string() + " in the SDP is no address of the Internet");
  f.expect(s.media_kinds.size() == 1, "TDM-17", "more than one m= line");
  f.expect(!s.ptime || s.ptime == 20, "TDM-18", "ptime " + std::to_string(s.ptime));
  f.expect(v.operator_address.empty() || s.origin_address != v.operator_address, "GW-TOPOLOGY",
           "the operator's address in o=");
  for (const auto& c : s.crypto)
    f.expect(c.suite.find("GCM") == std::string::npos, "TDM-05", "GCM offered");
  if (s.protocol != "RTP/SAVP" && !as_offered) return f.list;
  if (ours == nullptr) {
    f.expect(!s.crypto.empty() && s.crypto.front().suite == kSuite80, "TDM-02",
             "AES_CM_128_HMAC_SHA1_80 is not the first crypto line");
    return f.list;
  }
  f.expect(s.crypto.size() == 1, "TDM-03",
           std::to_string(s.crypto.size()) + " crypto lines in an answer");
  if (s.crypto.size() != 1) return f.list;
  const auto& chosen = s.crypto.front();
  f.expect(chosen.suite == kSuite80, "TDM-03", "the answer chose " + chosen.suite);
  const bool same_tag = std::any_of(ours->crypto.begin(), ours->crypto.end(), [&](const auto& c) {
    return c.tag == chosen.tag && c.suite == chosen.suite;
  });
  f.expect(same_tag, "TDM-03",
           "the answer has tag " + std::to_string(chosen.tag) + " for " + chosen.suite);
  const bool own_key = std::none_of(ours->crypto.begin(), ours->crypto.end(),
                                    [&](const auto& c) { return c.key == chosen.key; });
  f.expect(own_key, "TDM-03", "the answer repeats our own key");
  return f.list;
}

std::optional<LabRefusal> service_refusal(const Violations& all) {
  for (const auto& v : all) {
    const std::string why = v.requirement + ": " + v.what;
    if (v.requirement == "TDR-33" || v.requirement == "TDR-60" || v.requirement == "TDR-32" ||
        v.requirement == "TDR-14")
      return LabRefusal{403, why};
    if (v.requirement == "MBP-01" && v.what == kNoCandidates)
      return LabRefusal{488, "531027 " + why};
    if (v.requirement == "TDR-54" || v.requirement == "TDM-01" || v.requirement == "TDR-94")
      return LabRefusal{488, why};
  }
  return std::nullopt;
}

Violations check_operator_message(const SipMessage& m, const OperatorView& v) {
  Findings f;
  for (const auto& h : m.headers) {
    // The enterprise's name is for the operator, where its profile asks for it (OC-01).
    f.expect(!same_text(std::string_view(h.name).substr(0, 5), "X-MS-") ||
                 same_text(h.name, "X-MS-TenantID"),
             "GW-PRIVATE", h.name + " crossed");
    const bool own = same_text(h.name, "Via") || same_text(h.name, "Contact") ||
                     same_text(h.name, "Record-Route") || same_text(h.name, "Route") ||
                     same_text(h.name, "Call-ID");
    f.expect(!own || h.value.find(v.service_domain) == std::string::npos, "GW-TOPOLOGY",
             "the service's name in " + h.name);
  }
  if (!v.trusted)
    f.expect(!m.has("P-Asserted-Identity"), "TDR-63",
             "P-Asserted-Identity towards an untrusted side");
  if (!m.request && m.status == 486) {
    f.expect(m.get("Reason").find("cause=34") == std::string::npos, "TDR-84", "486 with cause 34");
  }
  if (m.request || (m.status > 100 && m.status < 300)) {
    if (const auto c = m.get("Contact"); !c.empty()) {
      const auto u = parse_sip_uri(parse_name_addr(c).uri);
      f.expect(u && (u->host == v.gateway_address.to_uri_host() ||
                     (!v.gateway_name.empty() && same_text(u->host, v.gateway_name))),
               "GW-TOPOLOGY", "Contact is not the gateway: " + c);
    }
  }
  if (m.request && m.method == "INVITE" && tag_of(m.get("To")).empty() && !m.body.empty() &&
      v.suites.empty())
    f.expect(m.body.find("a=crypto") == std::string::npos, "GW-MEDIA",
             "a=crypto towards the operator");
  return f.list;
}

Violations check_operator_sdp(const SdpText& s, const OperatorView& v, const SdpText* ours) {
  Findings f;
  f.expect(s.protocol == (v.suites.empty() ? "RTP/AVP" : "RTP/SAVP"), "GW-MEDIA",
           "media profile " + s.protocol + " towards the operator");
  if (v.suites.empty()) {
    f.expect(s.crypto.empty(), "GW-MEDIA", "a=crypto towards the operator");
  } else {
    f.expect(std::any_of(s.crypto.begin(), s.crypto.end(),
                         [&](const auto& c) { return among(v.suites, c.suite); }),
             "GW-MEDIA", "no crypto line with a suite of the operator's");
    f.expect(ours == nullptr || s.crypto.size() == 1, "GW-MEDIA",
             std::to_string(s.crypto.size()) + " crypto lines in an answer");
    for (const auto& c : s.crypto)
      f.expect(
          ours == nullptr || std::any_of(ours->crypto.begin(), ours->crypto.end(),
                                         [&](const auto& o) {
                                           return o.tag == c.tag && o.suite == c.suite &&
                                                  o.key != c.key;
                                         }),
          "GW-MEDIA",
          "the answer has tag " + std::to_string(c.tag) + " for " + c.suite + ", or our own key");
  }
  f.expect(s.address == v.gateway_media || s.address.is_unspecified(), "GW-MEDIA",
           "RTP address is not the gateway's: " + s.address.to_string());
  f.expect(s.media_kinds.size() == 1, "GW-MEDIA", "more than one m= line");
  return f.list;
}

Violations check_continuity(const SdpText& before, const SdpText& now, bool same_wish,
                            bool service) {
  Findings f;
  f.expect(before.address == now.address && before.port == now.port,
           service ? "TDR-96" : "GW-MEDIA",
           "the gateway moved its media from port " + std::to_string(before.port) + " to " +
               std::to_string(now.port));
  f.expect(before.origin_id == now.origin_id, "RFC3264-8", "the session id in o= changed");
  if (!before.crypto.empty() && !now.crypto.empty()) {
    const bool kept = std::any_of(now.crypto.begin(), now.crypto.end(), [&](const auto& c) {
      return c.key == before.crypto.front().key;
    });
    f.expect(kept, "TDM-07", "the gateway changed its key in a re-INVITE");
  }
  if (same_wish)
    f.expect(before.origin_version == now.origin_version, "TDR-87",
             "o= version went from " + before.origin_version + " to " + now.origin_version +
                 " on a refresh");
  return f.list;
}

}  // namespace causeway::lab
