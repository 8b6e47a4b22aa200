// The keys of [[profile]], and profiles that extend others.
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
                                            "RSeq",
                                            "v",
                                            "f",
                                            "t",
                                            "m",
                                            "i",
                                            "l",
                                            "c",
                                            "k",
                                            "x"};

bool is_own(std::string_view name) {
  return std::any_of(std::begin(kOwnHeaders), std::end(kOwnHeaders),
                     [&](std::string_view h) { return equal_ignoring_case(h, name); });
}

template <auto Member, typename T>
void header_names(Reader& r, const At& at, T& out) {
  std::vector<std::string> names;
  r.read(at, names);
  if (at.node->kind != TomlNode::Kind::kArray) return;
  for (std::size_t i = 0; i < at.node->items.size(); ++i) {
    const TomlNode& n = at.node->items[i];
    if (n.kind != TomlNode::Kind::kString) continue;
    if (is_own(n.text))
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
    if (is_own(h.name))
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

// A country of the table, or a cadence in words.
void ringback(Reader& r, const At& at, ProfileDraft& p) {
  if (!r.is_text(at)) return;
  p.ringback.reset();
  if (at.node->text.empty()) return;
  if (const auto* known = tone::cadence_of(at.node->text, tone::Signal::kRingback)) {
    p.ringback = *known;
    return;
  }
  auto cadence = tone::parse_cadence(at.node->text);
  if (!cadence)
    return r.mistake(at,
                     "neither a country such as \"GB\" nor a cadence such as "
                     "\"400+450/400,0/200,400+450/400,0/2000\": " +
                         cadence.error().what);
  p.ringback = *cadence;
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
    {"e164_no_plus", NumberFormat::kE164NoPlus}};
constexpr std::pair<std::string_view, Reliability> kReliabilities[] = {
    {"off", Reliability::kOff},
    {"supported", Reliability::kSupported},
    {"required", Reliability::kRequired}};
constexpr std::pair<std::string_view, EmergencyUri> kEmergencyUris[] = {
    {"as_is", EmergencyUri::kAsIs}, {"dial_string", EmergencyUri::kDialString}};
constexpr std::pair<std::string_view, FromSource> kFromSources[] = {
    {"from", FromSource::kFrom}, {"asserted_identity", FromSource::kAssertedIdentity}};
constexpr std::pair<std::string_view, sdp::Security> kSecurities[] = {
    {"rtp", sdp::Security::kRtp}, {"sdes", sdp::Security::kSdes}};
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
};

constexpr Key<ProfileDraft> kProfileKeys[] = {
    {"name", member<&ProfileDraft::name>, true},
    {"extends", member<&ProfileDraft::extends>},
    {"contact_host", host<&ProfileDraft::contact_host, ProfileDraft>},
    {"contact_host_required", member<&ProfileDraft::contact_host_required>},
    {"via_host", host<&ProfileDraft::via_host, ProfileDraft>},
    {"contact_user", member<&ProfileDraft::contact_user>},
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
    {"liveness_check", member<&ProfileDraft::liveness_check>},
    {"fill_silence", member<&ProfileDraft::fill_silence>},
    {"ringback", ringback},
    {"symmetric_response", member<&ProfileDraft::symmetric_response>},
    {"tolerate", tolerate},
    {"max_message_bytes", number<&ProfileDraft::max_message_bytes, 1'500, 65'535>},
    {"sdp", [](Reader& r, const At& at,
               ProfileDraft& p) { r.table<sdp::Dialect>(at, kDialectKeys, p.sdp); }},
};

const std::string* text_of(const TomlNode& table, std::string_view key) {
  const auto* m = table.find(key);
  return m != nullptr && m->value.kind == TomlNode::Kind::kString ? &m->value.text : nullptr;
}

void read_one(Reader& r, const At& at, const Profile& base, Draft& draft) {
  ProfileDraft p;
  static_cast<Profile&>(p) = base;
  p.name.clear();
  p.place = {at.node, at.line, at.field};
  std::erase(p.supported, "100rel");
  std::erase(p.allow, "PRACK");
  r.table<ProfileDraft>(at, kProfileKeys, p);
  if (p.reliable_provisionals != Reliability::kOff) {
    p.supported.emplace_back("100rel");
    p.allow.emplace_back("PRACK");
  }
  const auto digits = p.sdp.digits;
  const bool info = digits == sdp::DigitsAs::kInfo || digits == sdp::DigitsAs::kInfoRelay;
  if (info && std::find(p.allow.begin(), p.allow.end(), "INFO") == p.allow.end())
    p.allow.emplace_back("INFO");
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
      const Profile copy = base_name != nullptr ? Profile(*base) : Profile{};
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
    read_one(r, item, Profile{}, draft);
  }
}

void list_profile_keys(std::vector<std::string>& out) {
  list_keys<ProfileDraft>("profile", kProfileKeys, out);
  std::erase(out, "profile.sdp");
  std::replace(out.begin(), out.end(), std::string("profile.q850_by_status"),
               std::string("profile.q850_by_status.*"));
  list_keys<sdp::Dialect>("profile.sdp", kDialectKeys, out);
}

}  // namespace causeway::deployment
