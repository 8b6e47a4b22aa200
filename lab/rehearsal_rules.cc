#include "lab/rehearsal_rules.h"

#include <array>
#include <utility>

namespace causeway::lab {
namespace {

constexpr auto kServices = std::to_array<std::string_view>(
    {"teams-direct-routing", "teams-media-bypass", "teams-operator-connect", "teams-phone-mobile",
     "zoom-provider-exchange"});

constexpr std::string_view kProfile =
    "let the group's profile extend the built-in one of the service";
constexpr std::string_view kContactHost =
    "set profile.contact_host to the name that was paired with the service, in the certificate too";

// Microsoft's signalling over TLS, media as RTP/SAVP.
constexpr auto kTeams = std::to_array<RehearsedRule>({
    {"TDR-01", Seen::kPeers, "sip, sip2 and sip3 are peers, by name",
     "write each as a [[peer_group.peer]] of the group, with priority 0, 1 and 2"},
    {"TDR-11", Seen::kTls, "the gateway shows its certificate and chain as TLS client",
     "give the listener of the group a tls_identity whose certificate and chain are complete "
     "(causeway tls-check names what is missing)"},
    {"TDR-12", Seen::kTls, "the certificate leads to a root that the service trusts",
     "use a certificate of a public authority; --trust FILE adds a root to this rehearsal"},
    {"TDR-14", Seen::kOptions, "the certificate covers the name in Contact", kContactHost},
    {"TDR-32", Seen::kOptions, "OPTIONS and INVITE have a Contact", kProfile},
    {"TDR-33", Seen::kOptions, "a name stands in Contact, no address", kContactHost},
    {"TDR-34", Seen::kOptions, "every name of the service is sent OPTIONS, once a minute at least",
     "write each name as a [[peer_group.peer]], and options_interval = \"60s\""},
    {"TDR-37", Seen::kOptionsAnswer, "OPTIONS of the service are answered with 200",
     "recognise.sources must hold the service's networks, and the listener's port must be open"},
    {"TDR-38", Seen::kOptions, "OPTIONS have no Record-Route of another name", kProfile},
    {"TDR-60", Seen::kOptions, "Contact names the trunk that was paired", kContactHost},
    {"TDR-20", Seen::kAnswer, "no request on a connection that the service opened", kProfile},
    {"TDR-25", Seen::kOptions, "no sips: anywhere", "take sips: out of add_headers and rules"},
    {"TDR-26", Seen::kOptions, "no empty user part", "take it out of add_headers and rules"},
    {"TDR-44", Seen::kOptions, "only methods that the service allows", kProfile},
    {"TDR-53", Seen::kOptions, "a name stands in Via",
     "set profile.via_host to the name that was paired with the service"},
    {"TDR-56", Seen::kOptions, "X-MS-SBC in requests and responses",
     "keep the X-MS-SBC line in profile.add_headers"},
    {"TDR-57", Seen::kOptions, "messages are well-formed", "take the last change of a rule back"},
    {"TDR-45", Seen::kInvite, "the Request-URI has +E.164 and the service's name",
     "profile.number_format = \"e164_plus\", and a [peer_group.numbers] plan for the core"},
    {"TDR-46", Seen::kInvite, "user=phone in the Request-URI", "profile.user_phone = true"},
    {"TDR-47", Seen::kInvite, "+E.164 or anonymous in From",
     "profile.number_format = \"e164_plus\", and a [peer_group.numbers] plan for the core"},
    {"TDR-49", Seen::kInvite, "one Contact, with transport=tls", kProfile},
    {"TDR-51", Seen::kInvite, "no Record-Route of another name", kProfile},
    {"TDR-52", Seen::kAnswer, "the way of requests within a dialog can be resolved", kContactHost},
    {"TDR-54", Seen::kInvite, "SDP in every INVITE", "profile.offer_required = true"},
    {"TDR-55", Seen::kInvite, "no Replaces towards the service", kProfile},
    {"TDR-88", Seen::kInvite, "no Require: 100rel", "profile.reliable_provisionals = \"off\""},
    {"TDR-69", Seen::kInDialog, "requests within a dialog follow Record-Route and copy Contact",
     "this is the gateway's own: report it"},
    {"TDM-01", Seen::kOffer, "media is RTP/SAVP", "profile.sdp.security = \"sdes\""},
    {"TDM-02", Seen::kOffer, "AES_CM_128_HMAC_SHA1_80 is offered first",
     "profile.sdp.suites = [\"AES_CM_128_HMAC_SHA1_80\"]"},
    {"TDM-03", Seen::kSdpAnswer, "the answer takes _80 with the tag of the offer",
     "profile.sdp.suites = [\"AES_CM_128_HMAC_SHA1_80\"]"},
    {"TDM-05", Seen::kOffer, "no GCM suite", "profile.sdp.suites = [\"AES_CM_128_HMAC_SHA1_80\"]"},
    {"TDM-07", Seen::kHold, "the key stays over a re-INVITE",
     "this is the gateway's own: report it"},
    {"TDM-12", Seen::kAudio, "RTCP for as long as the call lasts", kProfile},
    {"TDM-16", Seen::kOffer, "the address of media is one of the Internet",
     "behind NAT, realm.public_addresses must say what the Internet sees"},
    {"TDM-17", Seen::kOffer, "one m= line, audio",
     "profile.sdp.attributes = [], sdp.image left out"},
    {"TDM-18", Seen::kOffer, "ptime 20", "profile.sdp.ptime = 20"},
    {"TDM-25", Seen::kOffer, "ICE on trunks with media bypass alone",
     "profile.sdp.ice = \"never\""},
    {"TDR-93", Seen::kHold, "hold is a=inactive", "profile.sdp.hold = \"inactive_only\""},
    {"TDR-94", Seen::kHold, "never c=0.0.0.0", "profile.sdp.hold = \"inactive_only\""},
    {"TDR-95", Seen::kHold, "a resume without an offer becomes sendrecv", kProfile},
    {"TDR-96", Seen::kHold, "the gateway's media address and port stay", kProfile},
    {"TDR-87", Seen::kRefresh, "a refresh changes nothing", kProfile},
    {"TDR-85", Seen::kFailure, "a failure has Reason: Q.850", "profile.reason_on_failure = true"},
    {"TDR-84", Seen::kCoreFailure, "busy reaches the core as cause 17",
     "q850_by_status = { 486 = 17 } in the profile of the core"},
    {"TDR-63", Seen::kCore, "asserted identities reach a trusted core, and no other",
     "peer_group.trusted says whom you trust"},
    {"GW-PRIVATE", Seen::kInvite, "private headers stay on their side",
     "take them out of pass_headers and trusted_headers"},
    {"GW-TOPOLOGY", Seen::kInvite, "addresses of one side do not reach the other",
     "set contact_host and via_host; take the header that leaks out of pass_headers"},
    {"TDR-98", Seen::kAnswer, "REFER and NOTIFY in Allow", "profile.transfer = \"terminate\""},
    {"TDR-99", Seen::kAttended,
     "REFER, blind and attended, is answered 202, and NOTIFY tells what becomes of it",
     "profile.transfer = \"terminate\""},
    {"TDR-100", Seen::kTransfer, "the INVITE of a transfer comes to the service",
     "profile.transfer = \"terminate\""},
    {"TDR-101", Seen::kTransfer, "with Refer-To byte for byte, and Referred-By", kProfile},
    {"TDR-104", Seen::kTransfer, "in the name of the same customer", kProfile},
    {"TDR-110", Seen::kRecords, "the call records of a transfer have its id (x-ti)",
     "profile.transfer_id = \"x-ti\""},
    {"TDR-105", Seen::kReplaced, "INVITE with Replaces takes the place of the call that it names",
     "profile.replaces = \"accepted\""},
    {"TDR-107", Seen::kTransfer, "the caller stays when the transferor goes, early or late",
     kProfile},
    {"AUDIO", Seen::kAudio, "both sides hear each other",
     "media_sources of both groups must hold where their RTP comes from"},
});

constexpr std::string_view kBypassProfile =
    "let the group's profile extend \"teams-media-bypass\", and leave sdp.ice and sdp.rtcp_mux as "
    "they are there";

// ICE, where media goes between the phones of the service and the gateway.
constexpr auto kBypass = std::to_array<RehearsedRule>({
    {"MBP-01", Seen::kOffer, "SDP has ice-lite and one public host candidate for each component",
     "profile.sdp.ice = \"lite\"; behind NAT, realm.public_addresses must say what the Internet "
     "sees"},
    {"MBP-02", Seen::kChecked, "checks from everywhere are answered, and none are sent",
     "the realm's media ports must be open to every address, and its public address lead to them"},
    {"MBP-03", Seen::kNominated,
     "media takes the nominated path, chosen before or after the answer", kBypassProfile},
    {"MBP-04", Seen::kChecked, "unknown attributes and broken packets change nothing",
     kBypassProfile},
    {"MBP-05", Seen::kFinalOffer, "the final offer is answered with the same credentials",
     kBypassProfile},
    {"MBP-06", Seen::kLitePeer, "media with a peer that is ICE-lite itself", kBypassProfile},
    {"MBP-07", Seen::kIceRestart, "new credentials of the service restart ICE", kBypassProfile},
    {"MBP-08", Seen::kEarlyPath, "early media takes the best path that was checked",
     kBypassProfile},
    {"MBP-09", Seen::kDtlsOffer, "an offer of DTLS beside SDES is answered with SDES",
     kBypassProfile},
    {"MBP-10", Seen::kIceHold, "RTCP by its own candidate or by rtcp-mux, through hold",
     kBypassProfile},
    {"MBP-11", Seen::kElsewhere,
     "media with phones (ports 50000-50019) and relays (3478-3481, 50000-59999)",
     "the realm's media ports must be open to every address and port"},
    {"MBP-12", Seen::kEscalated,
     "media with processors (52.112.0.0/14 and 52.120.0.0/14, ports 3478-3481 and 49152-53247)",
     "the realm's media ports must be open to both networks on this trunk, too; media_sources, "
     "where it is given, must hold both"},
    {"MBP-14", Seen::kIceLost, "a call that ends because of its path is an alarm",
     "profile.media_failure_reasons = [\"IceConnectivityChecksFailed\"]"},
    {"TDR-76", Seen::kEarlyAnswer, "ICE is the same in 183 and 200", kBypassProfile},
});

constexpr std::string_view kPlaces =
    "peer_group.internal_media_realm, and profile.local_media with the service's headers: location "
    "= \"X-MS-UserLocation\", path = \"X-MS-MediaPath\"";
constexpr auto kLocal = std::to_array<RehearsedRule>({
    {"LMO-01", Seen::kPlaceAnswer, "media is at the address of the side where the user is",
     kPlaces},
    {"LMO-02", Seen::kPlaceAnswer, "a path that begins with the gateway brings media here",
     kPlaces},
    {"LMO-03", Seen::kMoved, "a user who moves is given the other address", kPlaces},
    {"LMO-04", Seen::kPlaceOffer, "a user who is called is offered the likely address",
     "peer_group.first_media_address: where most users are"},
});

constexpr auto kTwoTrunks = std::to_array<RehearsedRule>({
    {"MBP-13", Seen::kPeers,
     "trunks with media bypass and without have names and ports of their own",
     "another profile.contact_host, and a listener with another port, for one of the two groups"},
});

constexpr auto kBehind = std::to_array<RehearsedRule>({
    {"LMO-05", Seen::kBeside, "Record-Route brings back what follows in a dialog",
     "this is the gateway's own: report it"},
});

constexpr auto kCore = std::to_array<RehearsedRule>({
    {"GW-MEDIA", Seen::kCore, "media towards the core is RTP, or SRTP with a suite of its profile",
     "sdp.security and sdp.suites of the core's profile, and the realm of its group"},
    {"GW-TLS", Seen::kCore, "TLS with the core: each takes the other's certificate",
     "the tls_identity of the core's listener: a certificate that covers contact_host, of an "
     "authority among its trusted_roots, of this machine or of --trust"},
});

// Zoom Phone Provider Exchange: what is public of it.
constexpr auto kZoom = std::to_array<RehearsedRule>({
    {"ZM-01", Seen::kOffer, "TLS with a publicly trusted certificate, media as RTP/SAVP",
     "profile.sdp.security = \"sdes\"; --trust FILE adds a root to this rehearsal"},
    {"ZM-03", Seen::kInvite, "SDP in every INVITE, telephone-event in every SDP",
     "profile.offer_required = true, profile.sdp.digits = \"rfc4733\""},
    {"ZM-04", Seen::kOffer, "Opus, G.722 and G.711 alone, ptime 20",
     "profile.sdp.codecs = [\"opus\", \"G722\", \"PCMU\", \"PCMA\", \"telephone-event\"], ptime = "
     "20"},
    {"ZM-06", Seen::kSdpAnswer, "one crypto line in an answer, with the tag of the offer's",
     "profile.sdp.suites must hold AES_CM_128_HMAC_SHA1_80"},
    {"ZM-08", Seen::kInvite, "no 100rel and no PRACK", "profile.reliable_provisionals = \"off\""},
    {"ZM-09", Seen::kRefresh, "a refresh changes nothing", kProfile},
    {"ZM-10", Seen::kAnswer, "Content-Disposition with handling=required is taken", kProfile},
    {"ZM-11", Seen::kInvite, "+E.164 in Request-URI, From and P-Asserted-Identity",
     "profile.number_format = \"e164_plus\", and a [peer_group.numbers] plan for the core"},
    {"ZM-12", Seen::kInvite, "identity in P-Asserted-Identity, no Remote-Party-ID",
     "take Remote-Party-ID out of pass_headers"},
    {"ZM-13", Seen::kAnswer, "180 without SDP, 183 with it", kProfile},
    {"ZM-15", Seen::kOptionsAnswer, "OPTIONS in both directions, answered with 200",
     "recognise.sources must hold the service's networks; options_interval must not be 0"},
    {"ZM-16", Seen::kOptions, "the name that was given to the service stands in Contact",
     kContactHost},
    {"ZM-21", Seen::kAttended,
     "REFER ends at the gateway: 202, NOTIFY, and a call to the service; Replaces is heard",
     "profile.transfer = \"terminate\""},
    {"ZM-22", Seen::kHold, "hold in every form, with the same key, address and port", kProfile},
    {"GW-PRIVATE", Seen::kInvite, "private headers stay on their side",
     "take them out of pass_headers and trusted_headers"},
    {"GW-TOPOLOGY", Seen::kInvite, "addresses of one side do not reach the other",
     "set contact_host and via_host; take the header that leaks out of pass_headers"},
    {"TDR-84", Seen::kCoreFailure, "busy reaches the core as cause 17",
     "q850_by_status = { 486 = 17 } in the profile of the core"},
    {"AUDIO", Seen::kAudio, "both sides hear each other",
     "media_sources of both groups must hold where their RTP comes from"},
});

}  // namespace

std::span<const std::string_view> rehearsed_services() { return kServices; }

std::span<const RehearsedRule> rules_of_service(std::string_view service) {
  if (service == "zoom-provider-exchange") return kZoom;
  for (const auto s : kServices)
    if (s == service) return kTeams;
  return {};
}

std::span<const RehearsedRule> rules_of_local_media() { return kLocal; }

std::span<const RehearsedRule> rules_of_two_trunks() { return kTwoTrunks; }

std::span<const RehearsedRule> rules_of_gateway_behind() { return kBehind; }

std::span<const RehearsedRule> rules_of_core(bool tls) {
  return std::span(kCore).first(tls ? 2 : 1);
}

std::span<const RehearsedRule> rules_of_media_bypass() { return kBypass; }

std::string_view rule_of_service(std::string_view service, std::string_view id) {
  if (service != "zoom-provider-exchange") return id;
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"TDM-07", "ZM-22"},  {"TDR-93", "ZM-22"},  {"TDR-95", "ZM-22"},  {"TDR-96", "ZM-22"},
      {"TDR-87", "ZM-09"},  {"TDR-34", "ZM-15"},  {"TDR-37", "ZM-15"},  {"TDR-11", "ZM-01"},
      {"TDR-12", "ZM-01"},  {"TDR-99", "ZM-21"},  {"TDR-100", "ZM-21"}, {"TDR-101", "ZM-21"},
      {"TDR-104", "ZM-21"}, {"TDR-105", "ZM-21"}, {"TDR-107", "ZM-21"}};
  for (const auto& [general, here] : kNames)
    if (general == id) return here;
  return id;
}

}  // namespace causeway::lab
