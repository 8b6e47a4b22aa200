// The keys of [[profile]], and profiles that extend others.
#include <fmt/format.h>
#include <algorithm>

#include <charconv>

#include "base/host_name.h"
#include "deployment/drafts.h"
#include "sip/headers.h"

namespace causeway::deployment {
namespace {

// Written by the gateway itself on each leg, so that no list may name them.
constexpr std::string_view kOwnHeaders[] = {"Via",
                                            "From",
                                            "To",
                                            "Contact",
                                            "Call-ID",
                                            "CSeq",
                                            "Max-Forwards",
                                            "Route",
                                            "Record-Route",
                                            "Content-Length",
                                            "Content-Type",
                                            "Allow",
                                            "Supported",
                                            "Require",
                                            "Proxy-Require",
                                            "Authorization",
                                            "Proxy-Authorization",
                                            "Session-Expires",
                                            "Min-SE",
                                            "RAck",
                                            "Refer-To",
                                            "Replaces",
                                            "RSeq",
                                            "P-Early-Media",
                                            "v",
                                            "f",
                                            "t",
                                            "m",
                                            "i",
                                            "l",
                                            "c",
                                            "k",
                                            "x"};

template <auto Member, typename T>
void header_names(Reader& r, const At& at, T& out) {
  std::vector<std::string> names;
  r.read(at, names);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const TomlNode& n = at.node->items[i];
    if (n.kind != TomlNode::Kind::kString) continue;
    if (is_own_header(n.text))
      r.mistake(at.item(i),
                "this header is written by the gateway on each side and never crosses; remove it");
    else if (n.text.empty() || n.text.find_first_of(" \t:,;\"") != std::string::npos)
      r.mistake(at.item(i), "write the name of a header, without colon and value");
  }
  out.*Member = std::move(names);
}

void added_headers(Reader& r, const At& at, ProfileDraft& p) {
  r.read(at, p.add_headers);
  for (const auto& h : p.add_headers)
    if (is_own_header(h.name))
      r.mistake(at.line, at.field, "\"" + h.name + "\"",
                "this header is written by the gateway itself; remove it");
}

template <auto Member, typename T>
void host(Reader& r, const At& at, T& out) {
  if (!r.is_text(at)) return;
  const std::string& text = at.node->text;
  // TDR-29: longer names are refused by the far side, long before the 253 of DNS.
  if (text.size() > 63)
    return r.mistake(at, "the name is longer than 63 characters; use a shorter one");
  if (!text.empty() && !is_host_name(text))
    return r.mistake(at, "write a fully qualified host name; leave the key out to use our address");
  out.*Member = text;
}

void media_failure_reasons(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_array(at, 16)) return;
  r.read(at, p.media_failure_reasons);
  for (std::size_t i = 0; i < at.node->items.size(); ++i)
    if (const auto& n = at.node->items[i]; n.kind == TomlNode::Kind::kString && n.text.size() < 4)
      r.mistake(at.item(i), "write at least four letters: shorter words stand in any text");
}

bool is_wav(std::string_view text) {
  return text.size() > 4 && equal_ignoring_case(text.substr(text.size() - 4), ".wav");
}

void hold_music(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_text(at)) return;
  if (!at.node->text.empty() && !is_wav(at.node->text))
    return r.mistake(at, "write the path of a WAV file, such as \"hold.wav\"; \"\" for none");
  p.hold_music_file = at.node->text;
}

// A country or a name of the table, a cadence in words (resolve_cadences()), or a sound.
void ringback(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_text(at)) return;
  p.ringback.reset();
  p.ringback_ref.reset();
  p.ringback_file.clear();
  if (at.node->text.empty()) return;
  if (is_wav(at.node->text)) {
    p.ringback_file = at.node->text;
    return;
  }
  p.ringback_ref = Ref{at.node->text, at.line, at.field};
}

void user_agent(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_text(at)) return;
  p.user_agent = at.node->text;
  for (std::size_t i = p.user_agent.find("{version}"); i != std::string::npos;
       i = p.user_agent.find("{version}"))
    p.user_agent.replace(i, 9, software_version());
}

void q850(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_table(at)) return;
  p.q850_by_status.clear();
  for (const auto& m : at.node->members) {
    const At value{&m.value, m.line > 0 ? m.line : at.line, Reader::join(at.field, m.key)};
    int status = 0;
    const auto [end, ec] = std::from_chars(m.key.data(), m.key.data() + m.key.size(), status);
    if (ec != std::errc{} || end != m.key.data() + m.key.size() || status < 300 || status > 699) {
      r.mistake(value.line, value.field, "\"" + m.key + "\"",
                "the key is a SIP status from 300 to 699: 486 = 17");
      continue;
    }
    int cause = 0;
    r.integer(value, cause, 1, 127);
    if (cause != 0) p.q850_by_status[status] = cause;
  }
}

// What Allow says must be so (RFC 3261 20.5).
void allow(Reader& r, const At& at, ProfileDraft& p) {
  constexpr std::string_view kAnswered[] = {"INVITE",  "ACK",    "CANCEL", "BYE",
                                            "OPTIONS", "NOTIFY", "UPDATE", "INFO"};
  r.read(at, p.allow);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const TomlNode& n = at.node->items[i];
    if (n.kind != TomlNode::Kind::kString) continue;
    if (n.text == "PRACK")
      r.mistake(at.item(i), "PRACK is listed by reliable_provisionals; remove it here");
    else if (n.text == "REFER")
      r.mistake(at.item(i), "REFER is listed by transfer = \"terminate\"; remove it here");
    else if (std::find(std::begin(kAnswered), std::end(kAnswered), n.text) == std::end(kAnswered))
      r.mistake(at.item(i), "the gateway does not answer this method within a call; remove it");
  }
}

void supported(Reader& r, const At& at, ProfileDraft& p) {
  r.read(at, p.supported);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i)
    if (equal_ignoring_case(at.node->items[i].text, "100rel"))
      r.mistake(at.item(i), "100rel is listed by reliable_provisionals; remove it here");
    else if (equal_ignoring_case(at.node->items[i].text, "timer"))
      r.mistake(at.item(i), "timer is listed by session_timer; remove it here");
    else if (equal_ignoring_case(at.node->items[i].text, "replaces"))
      r.mistake(at.item(i), "replaces is listed by the key replaces; remove it here");
    else if (equal_ignoring_case(at.node->items[i].text, "norefersub"))
      r.mistake(at.item(i), "norefersub is listed by transfer; remove it here");
}

void transfer_id(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_text(at)) return;
  const std::string& t = at.node->text;
  if (t.size() > 32 || !std::all_of(t.begin(), t.end(), sip::is_token_char))
    return r.mistake(at, "write the name of a URI parameter, without ';' and value: \"x-id\"");
  p.transfer_id = t;
}

void number_parameters(Reader& r, const At& at, ProfileDraft& p) {
  r.read(at, p.number_parameters);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const TomlNode& n = at.node->items[i];
    if (n.kind != TomlNode::Kind::kString) continue;
    if (n.text.empty() || !std::all_of(n.text.begin(), n.text.end(), [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '-';
        }))
      r.mistake(at.item(i), "write the name of a parameter, without ';' and value: \"rn\"");
  }
}

constexpr std::pair<std::string_view, NumberFormat> kNumberFormats[] = {
    {"as_is", NumberFormat::kAsIs},
    {"e164_plus", NumberFormat::kE164Plus},
    {"e164_no_plus", NumberFormat::kE164NoPlus},
    {"national", NumberFormat::kNational},
    {"international", NumberFormat::kInternational}};
constexpr std::pair<std::string_view, TenantIn> kTenantIn[] = {
    {"nowhere", TenantIn::kNowhere},
    {"header", TenantIn::kHeader},
    {"trunk_group", TenantIn::kTrunkGroup}};
constexpr std::pair<std::string_view, Transfers> kTransfers[] = {
    {"refuse", Transfers::kRefuse}, {"terminate", Transfers::kTerminate}};
constexpr std::pair<std::string_view, ReplacesWith> kReplacesWith[] = {
    {"off", ReplacesWith::kOff},
    {"accepted", ReplacesWith::kAccepted},
    {"both", ReplacesWith::kBoth}};
constexpr std::pair<std::string_view, Redirects> kRedirects[] = {
    {"refuse", Redirects::kRefuse}, {"follow", Redirects::kFollow}, {"pass", Redirects::kPass}};
constexpr std::pair<std::string_view, SessionTimer> kSessionTimers[] = {
    {"off", SessionTimer::kOff},
    {"accept", SessionTimer::kAccept},
    {"request", SessionTimer::kRequest}};
// RFC 4028 5: at least 90 s.
template <auto Member>
void session_time(Reader& r, const At& at, ProfileDraft& p) {
  Seconds s{90};
  const std::size_t before = r.mistake_count();
  r.read(at, s);
  if (r.mistake_count() != before) return;
  if (s < Seconds(90) || s > Seconds(86'400))
    return r.mistake(at, "write a time from \"90s\" to \"86400s\"");
  p.*Member = s;
}
constexpr std::pair<std::string_view, EarlyMedia> kEarlyMedia[] = {
    {"pass", EarlyMedia::kPass},
    {"first_only", EarlyMedia::kFirstOnly},
    {"ringing", EarlyMedia::kRinging}};
constexpr std::pair<std::string_view, EarlyMediaGate> kEarlyMediaGates[] = {
    {"last", EarlyMediaGate::kLast},
    {"first", EarlyMediaGate::kFirst},
    {"active", EarlyMediaGate::kActive}};
constexpr std::pair<std::string_view, EarlyMediaHeader> kEarlyMediaHeaders[] = {
    {"off", EarlyMediaHeader::kOff}, {"supported", EarlyMediaHeader::kSupported}};
constexpr std::pair<std::string_view, ForwardedAs> kForwardedAs[] = {
    {"as_received", ForwardedAs::kReceived},
    {"ringing", ForwardedAs::kRinging},
    {"drop", ForwardedAs::kNothing}};
constexpr std::pair<std::string_view, Reliability> kReliabilities[] = {
    {"off", Reliability::kOff},
    {"supported", Reliability::kSupported},
    {"required", Reliability::kRequired}};
constexpr std::pair<std::string_view, EmergencyUri> kEmergencyUris[] = {
    {"as_is", EmergencyUri::kAsIs}, {"dial_string", EmergencyUri::kDialString}};
constexpr std::pair<std::string_view, FromSource> kFromSources[] = {
    {"from", FromSource::kFrom}, {"asserted_identity", FromSource::kAssertedIdentity}};
constexpr std::pair<std::string_view, IdentityForm> kIdentityForms[] = {
    {"as_received", IdentityForm::kAsReceived},
    {"asserted", IdentityForm::kAsserted},
    {"preferred", IdentityForm::kPreferred},
    {"remote_party_id", IdentityForm::kRemoteParty},
    {"none", IdentityForm::kNone}};
constexpr std::pair<std::string_view, IdentityMismatch> kMismatches[] = {
    {"keep", IdentityMismatch::kKeep},
    {"remove", IdentityMismatch::kRemove},
    {"from", IdentityMismatch::kFrom}};
constexpr std::pair<std::string_view, DiversionForm> kDiversionForms[] = {
    {"as_received", DiversionForm::kAsReceived},
    {"history_info", DiversionForm::kHistoryInfo},
    {"diversion", DiversionForm::kDiversion},
    {"both", DiversionForm::kBoth},
    {"none", DiversionForm::kNone}};
constexpr std::pair<std::string_view, AnonymousHost> kAnonymousHosts[] = {
    {"invalid", AnonymousHost::kInvalid}, {"own_host", AnonymousHost::kOwn}};
constexpr std::pair<std::string_view, Ringing> kRingings[] = {{"as_received", Ringing::kAsReceived},
                                                              {"by_sdp", Ringing::kBySdp}};
constexpr std::pair<std::string_view, sdp::Security> kSecurities[] = {
    {"rtp", sdp::Security::kRtp}, {"sdes", sdp::Security::kSdes}, {"dtls", sdp::Security::kDtls}};
constexpr std::pair<std::string_view, bool> kIceForms[] = {{"never", false}, {"lite", true}};
constexpr std::pair<std::string_view, sdp::HoldForm> kHoldForms[] = {
    {"rfc3264", sdp::HoldForm::kRfc3264}, {"inactive_only", sdp::HoldForm::kInactiveOnly}};
constexpr std::pair<std::string_view, sdp::Transcoding> kTranscodings[] = {
    {"never", sdp::Transcoding::kNever},
    {"none_common", sdp::Transcoding::kNoneCommon},
    {"always_offered", sdp::Transcoding::kAlwaysOffered}};
constexpr std::pair<std::string_view, sdp::DigitsAs> kDigitForms[] = {
    {"auto", sdp::DigitsAs::kAuto},      {"rfc4733", sdp::DigitsAs::kEvents},
    {"inband", sdp::DigitsAs::kInBand},  {"info_dtmf_relay", sdp::DigitsAs::kInfoRelay},
    {"info_dtmf", sdp::DigitsAs::kInfo}, {"notify", sdp::DigitsAs::kNotify}};
constexpr std::pair<std::string_view, sdp::ImageAs> kImageForms[] = {
    {"decline", sdp::ImageAs::kDecline}, {"pass", sdp::ImageAs::kPass}};
constexpr std::pair<std::string_view, sdp::FaxAs> kFaxForms[] = {
    {"auto", sdp::FaxAs::kWhereDecoded},
    {"passthrough", sdp::FaxAs::kPassthrough},
    {"ignore", sdp::FaxAs::kIgnore}};
constexpr std::pair<std::string_view, sdp::CryptoSuite> kSuites[] = {
    {"AES_CM_128_HMAC_SHA1_80", sdp::CryptoSuite::kAesCm128HmacSha1_80},
    {"AES_CM_128_HMAC_SHA1_32", sdp::CryptoSuite::kAesCm128HmacSha1_32},
    {"AES_256_CM_HMAC_SHA1_80", sdp::CryptoSuite::kAesCm256HmacSha1_80},
    {"AES_256_CM_HMAC_SHA1_32", sdp::CryptoSuite::kAesCm256HmacSha1_32},
    {"AEAD_AES_128_GCM", sdp::CryptoSuite::kAeadAes128Gcm},
    {"AEAD_AES_256_GCM", sdp::CryptoSuite::kAeadAes256Gcm}};

constexpr std::pair<std::string_view, sip::Quirk> kQuirks[] = {
    {"bare_line_feed", sip::kBareLineFeed},
    {"underscore_in_host", sip::kUnderscoreInHost},
    {"free_display_name", sip::kFreeDisplayName},
    {"broken_escape", sip::kBrokenEscape},
    {"unlabelled_body_part", sip::kUnlabelledBodyPart}};

void tolerate(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_array(at, std::size(kQuirks))) return;
  p.tolerate = 0;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    sip::Quirk quirk{};
    r.word<sip::Quirk>(at.item(i), quirk, kQuirks);
    p.tolerate |= quirk;
  }
}

void suites(Reader& r, const At& at, sdp::Dialect& d) {
  if (!r.is_array(at, 8)) return;
  if (at.node->items.empty()) return r.mistake(at, "name at least one suite");
  d.suites.clear();
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const std::size_t before = r.mistake_count();
    sdp::CryptoSuite suite{};
    r.word<sdp::CryptoSuite>(at.item(i), suite, kSuites);
    if (r.mistake_count() != before) continue;
    if (std::find(d.suites.begin(), d.suites.end(), suite) != d.suites.end())
      r.mistake(at.item(i), "name each suite once");
    else
      d.suites.push_back(suite);
  }
}

// RFC 4568 9.2: "2^" 1*(DIGIT) or 1*(DIGIT). SRTP allows no more than 2^48 packets.
void key_lifetime(Reader& r, const At& at, sdp::Dialect& d) {
  if (!r.is_text(at)) return;
  const std::string& t = at.node->text;
  const std::string digits = t.starts_with("2^") ? t.substr(2) : t;
  const bool good =
      t.empty() || (!digits.empty() && digits.size() <= 15 &&
                    digits.find_first_not_of("0123456789") == std::string::npos &&
                    (!t.starts_with("2^") || (digits.size() <= 2 && std::stoi(digits) <= 48)));
  if (!good) return r.mistake(at, "write \"2^31\", a number of packets, or \"\" for none");
  d.key_lifetime = t;
}

constexpr Key<sdp::Dialect> kDialectKeys[] = {
    {"security", [](Reader& r, const At& at,
                    sdp::Dialect& d) { r.word<sdp::Security>(at, d.security, kSecurities); }},
    {"suites", suites},
    {"key_lifetime", key_lifetime},
    {"hold", [](Reader& r, const At& at,
                sdp::Dialect& d) { r.word<sdp::HoldForm>(at, d.hold, kHoldForms); }},
    {"rtcp_mux", member<&sdp::Dialect::rtcp_mux>},
    {"ice",
     [](Reader& r, const At& at, sdp::Dialect& d) { r.word<bool>(at, d.ice_lite, kIceForms); }},
    {"codecs", member<&sdp::Dialect::codecs>},
    {"attributes", member<&sdp::Dialect::attributes>},
    {"ptime", number<&sdp::Dialect::ptime, 0, 200>},
    {"session_name", member<&sdp::Dialect::session_name>},
    {"transcoding",
     [](Reader& r, const At& at, sdp::Dialect& d) {
       r.word<sdp::Transcoding>(at, d.transcoding, kTranscodings);
     }},
    {"digits", [](Reader& r, const At& at,
                  sdp::Dialect& d) { r.word<sdp::DigitsAs>(at, d.digits, kDigitForms); }},
    {"image", [](Reader& r, const At& at,
                 sdp::Dialect& d) { r.word<sdp::ImageAs>(at, d.image, kImageForms); }},
    {"fax",
     [](Reader& r, const At& at, sdp::Dialect& d) { r.word<sdp::FaxAs>(at, d.fax, kFaxForms); }},
    {"bandwidth", number<&sdp::Dialect::bandwidth, 0, 100'000>},
    {"rtcp_off", member<&sdp::Dialect::rtcp_off>},
};

// The name of a header of the peer's own; "": none.
template <auto Member>
void local_media_header(Reader& r, const At& at, LocalMedia& out) {
  if (!r.is_text(at)) return;
  const std::string& text = at.node->text;
  if (is_own_header(text) || text.size() > 64 ||
      text.find_first_of(" \t:,;\"") != std::string::npos)
    return r.mistake(at, "write the name of a header that these peers send, without colon");
  out.*Member = text;
}

constexpr Key<LocalMedia> kLocalMediaKeys[] = {
    {"location", local_media_header<&LocalMedia::location>},
    {"path", local_media_header<&LocalMedia::path>},
    {"site", local_media_header<&LocalMedia::site>},
};

template <auto Member>
void rule_sets(Reader& r, const At& at, ProfileDraft& p) {
  if (r.is_array(at, rules::kMaxSetsOfProfile)) r.read(at, p.*Member);
}

constexpr Key<ProfileDraft> kProfileKeys[] = {
    {"name", member<&ProfileDraft::name>, true},
    {"extends", member<&ProfileDraft::extends>},
    {"contact_host", host<&ProfileDraft::contact_host, ProfileDraft>},
    {"contact_host_required", member<&ProfileDraft::contact_host_required>},
    {"public_certificate", member<&ProfileDraft::public_certificate>},
    {"udp_only", member<&ProfileDraft::udp_only>},
    {"retired_hosts", member<&ProfileDraft::retired_hosts>},
    {"via_host", host<&ProfileDraft::via_host, ProfileDraft>},
    {"contact_user", member<&ProfileDraft::contact_user>},
    {"session_timer",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<SessionTimer>(at, p.session_timer, kSessionTimers);
     }},
    {"transfer", [](Reader& r, const At& at,
                    ProfileDraft& p) { r.word<Transfers>(at, p.transfer, kTransfers); }},
    {"replaces", [](Reader& r, const At& at,
                    ProfileDraft& p) { r.word<ReplacesWith>(at, p.replaces, kReplacesWith); }},
    {"transfer_id", transfer_id},
    {"redirects", [](Reader& r, const At& at,
                     ProfileDraft& p) { r.word<Redirects>(at, p.redirects, kRedirects); }},
    {"session_expires", session_time<&ProfileDraft::session_expires>},
    {"min_se", session_time<&ProfileDraft::min_se>},
    {"customer_in_contact", member<&ProfileDraft::customer_in_contact>},
    {"tenant_in", [](Reader& r, const At& at,
                     ProfileDraft& p) { r.word<TenantIn>(at, p.tenant_in, kTenantIn); }},
    {"number_format",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<NumberFormat>(at, p.number_format, kNumberFormats);
     }},
    {"number_parameters", number_parameters},
    {"emergency_uri",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<EmergencyUri>(at, p.emergency_uri, kEmergencyUris);
     }},
    {"user_phone", member<&ProfileDraft::user_phone>},
    {"from_source", [](Reader& r, const At& at,
                       ProfileDraft& p) { r.word<FromSource>(at, p.from_source, kFromSources); }},
    {"identity", [](Reader& r, const At& at,
                    ProfileDraft& p) { r.word<IdentityForm>(at, p.identity, kIdentityForms); }},
    {"identity_mismatch",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<IdentityMismatch>(at, p.identity_mismatch, kMismatches);
     }},
    {"diversion", [](Reader& r, const At& at,
                     ProfileDraft& p) { r.word<DiversionForm>(at, p.diversion, kDiversionForms); }},
    {"anonymous", [](Reader& r, const At& at,
                     ProfileDraft& p) { r.word<AnonymousHost>(at, p.anonymous, kAnonymousHosts); }},
    {"cause_parameter", member<&ProfileDraft::cause_parameter>},
    {"add_headers", added_headers},
    {"user_agent", user_agent},
    {"allow", allow},
    {"supported", supported},
    {"reliable_provisionals",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<Reliability>(at, p.reliable_provisionals, kReliabilities);
     }},
    {"pass_headers", header_names<&ProfileDraft::pass_headers, ProfileDraft>},
    {"trusted_headers", header_names<&ProfileDraft::trusted_headers, ProfileDraft>},
    {"pass_bodies", member<&ProfileDraft::pass_bodies>},
    {"offer_required", member<&ProfileDraft::offer_required>},
    {"q850_by_status", q850},
    {"reason_on_failure", member<&ProfileDraft::reason_on_failure>},
    {"media_failure_reasons", media_failure_reasons},
    {"liveness_check", member<&ProfileDraft::liveness_check>},
    {"fill_silence", member<&ProfileDraft::fill_silence>},
    {"early_media", [](Reader& r, const At& at,
                       ProfileDraft& p) { r.word<EarlyMedia>(at, p.early_media, kEarlyMedia); }},
    {"early_media_gate",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<EarlyMediaGate>(at, p.early_media_gate, kEarlyMediaGates);
     }},
    {"early_media_header",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<EarlyMediaHeader>(at, p.early_media_header, kEarlyMediaHeaders);
     }},
    {"forwarded_and_queued",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.word<ForwardedAs>(at, p.forwarded, kForwardedAs);
     }},
    {"ringing",
     [](Reader& r, const At& at, ProfileDraft& p) { r.word<Ringing>(at, p.ringing, kRingings); }},
    {"ringback", ringback},
    {"hold_music", hold_music},
    {"symmetric_response", member<&ProfileDraft::symmetric_response>},
    {"tolerate", tolerate},
    {"rules_in", rule_sets<&ProfileDraft::rules_in_refs>},
    {"rules_out", rule_sets<&ProfileDraft::rules_out_refs>},
    {"max_message_bytes", number<&ProfileDraft::max_message_bytes, 1'500, 65'535>},
    {"local_media",
     [](Reader& r, const At& at, ProfileDraft& p) {
       r.table<LocalMedia>(at, kLocalMediaKeys, p.local_media);
     }},
    {"sdp", [](Reader& r, const At& at,
               ProfileDraft& p) { r.table<sdp::Dialect>(at, kDialectKeys, p.sdp); }},
};

const std::string* text_of(const TomlNode& table, std::string_view key) {
  const auto* m = table.find(key);
  return m != nullptr && m->value.kind == TomlNode::Kind::kString ? &m->value.text : nullptr;
}

void read_one(Reader& r, const At& at, const ProfileDraft& base, Draft& draft) {
  ProfileDraft p;
  static_cast<Profile&>(p) = base;
  p.rules_in_refs = base.rules_in_refs;
  p.rules_out_refs = base.rules_out_refs;
  p.ringback_ref = base.ringback_ref;
  if (p.ringback_ref) p.ringback_ref->line = 0;
  p.name.clear();
  p.place = {at.node, at.line, at.field};
  std::erase(p.supported, "100rel");
  std::erase(p.supported, "timer");
  std::erase(p.supported, "replaces");
  std::erase(p.supported, "norefersub");
  std::erase(p.allow, "PRACK");
  std::erase(p.allow, "REFER");
  r.table<ProfileDraft>(at, kProfileKeys, p);
  if (p.reliable_provisionals != Reliability::kOff) {
    p.supported.emplace_back("100rel");
    p.allow.emplace_back("PRACK");
  }
  if (p.session_timer != SessionTimer::kOff) p.supported.emplace_back("timer");
  if (p.replaces != ReplacesWith::kOff) p.supported.emplace_back("replaces");
  if (p.transfer == Transfers::kTerminate) {
    p.supported.emplace_back("norefersub");
    p.allow.emplace_back("REFER");
  }
  if (p.session_expires < p.min_se && p.session_timer == SessionTimer::kRequest)
    r.mistake(
        at.line, Reader::join(at.field, "session_expires"),
        std::to_string(p.session_expires.count()) + " s",
        "it must not be shorter than min_se, which is " + std::to_string(p.min_se.count()) + " s");
  const auto digits = p.sdp.digits;
  const bool info = digits == sdp::DigitsAs::kInfo || digits == sdp::DigitsAs::kInfoRelay;
  if (info && std::find(p.allow.begin(), p.allow.end(), "INFO") == p.allow.end())
    p.allow.emplace_back("INFO");
  p.allow_text = fmt::format("{}", fmt::join(p.allow, ", "));
  p.supported_text = fmt::format("{}", fmt::join(p.supported, ", "));
  const auto same =
      std::find_if(draft.profiles.begin(), draft.profiles.end(),
                   [&](const ProfileDraft& o) { return !p.name.empty() && o.name == p.name; });
  if (same != draft.profiles.end())
    return r.mistake(
        p.place.line_of("name"), p.place.field_of("name"), "\"" + p.name + "\"",
        "a profile of this name exists already; choose another name and extend it if you like");
  draft.profiles.push_back(std::move(p));
}

}  // namespace

void read_profiles(Reader& r, const At& root, Draft& draft) {
  const auto* section = root.node->find("profile");
  if (section == nullptr) return;
  const At at{&section->value, section->line, "profile"};
  if (!r.is_array(at, 256)) return;
  std::vector<At> waiting;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) waiting.push_back(at.item(i));

  // Each round reads those whose base is known; a round without progress leaves cycles and
  // strangers.
  for (bool progress = true; progress;) {
    progress = false;
    for (auto it = waiting.begin(); it != waiting.end();) {
      const std::string* base_name = text_of(*it->node, "extends");
      const auto base = std::find_if(
          draft.profiles.begin(), draft.profiles.end(),
          [&](const ProfileDraft& p) { return base_name != nullptr && p.name == *base_name; });
      if (base_name != nullptr && base == draft.profiles.end()) {
        ++it;
        continue;
      }
      const ProfileDraft copy = base_name != nullptr ? *base : ProfileDraft{};
      read_one(r, *it, copy, draft);
      it = waiting.erase(it);
      progress = true;
    }
  }
  for (const auto& item : waiting) {
    const std::string& base = *text_of(*item.node, "extends");
    const bool cycle = std::any_of(waiting.begin(), waiting.end(), [&](const At& o) {
      const std::string* n = text_of(*o.node, "name");
      return n != nullptr && *n == base;
    });
    std::vector<std::string_view> names;
    for (const auto& p : draft.profiles) names.push_back(p.name);
    const std::string_view near = nearest(base, names);
    r.mistake(item.node->find("extends")->line, item.field + ".extends", "\"" + base + "\"",
              cycle ? "these profiles extend each other in a circle; let one of them stand alone"
              : near.empty()
                  ? "name a built-in profile or one of this file"
                  : "no profile has this name; did you mean \"" + std::string(near) + "\"?");
    read_one(r, item, ProfileDraft{}, draft);
  }
}

bool is_own_header(std::string_view name) {
  return std::any_of(std::begin(kOwnHeaders), std::end(kOwnHeaders),
                     [&](std::string_view h) { return equal_ignoring_case(h, name); });
}

void list_profile_keys(std::vector<std::string>& out) {
  list_keys<ProfileDraft>("profile", kProfileKeys, out);
  std::erase(out, "profile.sdp");
  std::erase(out, "profile.local_media");
  std::replace(out.begin(), out.end(), std::string("profile.q850_by_status"),
               std::string("profile.q850_by_status.*"));
  list_keys<sdp::Dialect>("profile.sdp", kDialectKeys, out);
  list_keys<LocalMedia>("profile.local_media", kLocalMediaKeys, out);
}

}  // namespace causeway::deployment
