// The dialects that come with Causeway, read by the same code as an operator's own. A product's
// name may stand here and in configuration files, nowhere else.
#include "deployment/drafts.h"

namespace causeway::deployment {

std::string_view builtin_profiles_text() {
  return R"toml(
# A carrier's core or session border controller: plain RTP, hold as RFC 3264 has it.
[[profile]]
name = "operator"
contact_user = true
number_format = "as_is"
number_parameters = ["ext", "isub", "phone-context", "rn", "rn-context", "npdi", "cic", "cic-context"]
trusted_headers = ["P-Asserted-Identity", "P-Preferred-Identity", "Identity", "P-Charging-Vector"]
pass_headers = ["Privacy", "Diversion", "History-Info", "Referred-By", "User-to-User", "Session-ID",
  "Resource-Priority", "Geolocation", "Geolocation-Routing", "Priority", "Subject", "Alert-Info"]
pass_bodies = ["application/pidf+xml"]
tenant_in = "header"                 # OC-01
session_timer = "accept"             # S28
transfer = "terminate"               # TDR-109, S8
replaces = "both"
redirects = "follow"                 # TDR-89
q850_by_status = { 486 = 17 }  # TDR-84: the other side says 34 for busy, which a core reads as congestion

[profile.sdp]
security = "rtp"
hold = "rfc3264"

# An IMS core (3GPP TS 24.229): numbers in E.164, reliable ringing, causes in the Request-URI.
[[profile]]
name = "ims-core"
extends = "operator"
number_format = "e164_plus"          # OC-07
user_phone = true                    # OC-07
diversion = "history_info"           # TDR-59
cause_parameter = true               # TDR-67
trusted_headers = ["P-Asserted-Identity", "Identity", "P-Charging-Vector", "P-Charging-Function-Addresses",
  "P-Access-Network-Info", "P-Visited-Network-ID", "P-Asserted-Service"]
reliable_provisionals = "supported"  # TDR-88, GW-10
early_media_header = "supported"     # RFC 5009
supported = ["199"]                  # RFC 6228
reason_on_failure = true             # TDR-85

[profile.sdp]
ptime = 20                           # GW-10
digits = "rfc4733"                   # TDM-10

# A SIP trunk as RFC 3261 and SIPconnect 2.0 have it. Where it is protected: security = "sdes".
[[profile]]
name = "sip-trunk"
extends = "operator"
number_format = "e164_plus"          # OC-07
user_phone = true                    # OC-07
identity = "asserted"                # ZM-12
diversion = "both"                   # TDR-59
trusted_headers = ["P-Asserted-Identity", "Identity"]
reliable_provisionals = "supported"  # TDR-88, GW-10
reason_on_failure = true             # TDR-85

[profile.sdp]
suites = ["AES_CM_128_HMAC_SHA1_80"] # GW-07
codecs = ["PCMA", "PCMU", "G722", "G729", "opus", "telephone-event", "CN"]  # TDM-09
ptime = 20                           # GW-10
digits = "rfc4733"                   # TDM-10

# A core of the years before: digits as tones, no early media, G.711 of 20 or 30 ms, UDP alone.
[[profile]]
name = "legacy-core"
extends = "operator"
udp_only = true                      # GW-07
allow = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]
identity = "remote_party_id"         # TDR-63
diversion = "diversion"              # TDR-59
anonymous = "own_host"               # TDR-62
trusted_headers = []
pass_headers = ["Privacy", "Priority", "Resource-Priority"]
pass_bodies = []                     # EM-06
tenant_in = "nowhere"
session_timer = "off"
transfer = "refuse"                  # TDR-109: it has no NOTIFY
replaces = "off"
early_media = "ringing"              # TDR-74
offer_required = true
tolerate = ["bare_line_feed", "underscore_in_host"]

[profile.sdp]
codecs = ["PCMA", "PCMU"]            # TDM-09
ptime = 20                           # TDM-18
digits = "inband"                    # TDM-10

# Microsoft Teams Direct Routing, without media bypass.
[[profile]]
name = "teams-direct-routing"
contact_host_required = true         # TDR-33, TDR-52: an address in Contact is answered 403
contact_user = true                  # TDR-49
number_format = "e164_plus"          # TDR-45
user_phone = true                    # TDR-46
from_source = "asserted_identity"    # TDR-48
add_headers = ["X-MS-SBC: Causeway/Gateway/{version}"]  # TDR-56
allow = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "NOTIFY"]  # TDR-98: NOTIFY always
transfer = "terminate"               # TDR-98 to TDR-100, TDR-108: REFER in Allow
replaces = "accepted"                # TDR-55, TDR-105: it sends Replaces, and refuses ours
transfer_id = "x-ti"                 # TDR-110
trusted_headers = ["P-Asserted-Identity"]
pass_headers = ["Privacy", "History-Info", "User-to-User", "Session-ID", "Resource-Priority", "Priority",
  "Subject"]
diversion = "history_info"           # TDR-59, TDR-66
retired_hosts = ["sip-all.pstnhub.microsoft.com"]  # TDR-03
public_certificate = true            # TDR-12
offer_required = true                # TDR-54
reason_on_failure = true             # TDR-85
session_timer = "accept"             # TDR-86
fill_silence = true                  # TDM-20
tolerate = ["free_display_name", "unlabelled_body_part"]  # names of its users come without quotes

[profile.sdp]
security = "sdes"                    # TDM-01
suites = ["AES_CM_128_HMAC_SHA1_80"] # TDM-02, TDM-05
key_lifetime = "2^31"
hold = "inactive_only"               # TDR-93
rtcp_mux = true                      # TDM-13
codecs = ["PCMU", "PCMA", "G722", "telephone-event", "CN"]  # TDM-08, TDM-10, TDM-11
attributes = []                      # TDM-17
ptime = 20                           # TDM-18
digits = "rfc4733"                   # TDM-10: tones in the audio are not heard there

# Operator Connect and Teams Phone Mobile: the same signalling on a trunk of the operator's own.
[[profile]]
name = "teams-operator-connect"
extends = "teams-direct-routing"

[[profile]]
name = "teams-phone-mobile"
extends = "teams-direct-routing"

# Zoom Phone Provider Exchange.
[[profile]]
name = "zoom-provider-exchange"
contact_host_required = true         # ZM-16: it calls us by name
contact_user = true
number_format = "e164_plus"          # ZM-11
user_phone = true
from_source = "asserted_identity"    # ZM-11
allow = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "NOTIFY", "UPDATE"]  # ZM-08: no PRACK
transfer = "terminate"               # ZM-21
replaces = "both"                    # ZM-09
trusted_headers = ["P-Asserted-Identity"]
pass_headers = ["Privacy", "Diversion", "History-Info", "Session-ID", "Priority", "Subject"]
identity = "asserted"                # ZM-12
diversion = "diversion"              # ZM-12
ringing = "by_sdp"                   # ZM-13
public_certificate = true            # ZM-01
offer_required = true                # ZM-03
reason_on_failure = true
session_timer = "accept"             # ZM-09

[profile.sdp]
security = "sdes"                    # ZM-01
suites = ["AEAD_AES_256_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]  # ZM-06
hold = "rfc3264"                     # ZM-22
codecs = ["opus", "G722", "PCMU", "PCMA", "telephone-event"]  # ZM-04
ptime = 20                           # ZM-04
digits = "rfc4733"                   # ZM-03

# The same with media bypass: a trunk of its own, with another host name and TLS port (MBP-13).
[[profile]]
name = "teams-media-bypass"
extends = "teams-direct-routing"
media_failure_reasons = ["IceConnectivityChecksFailed"]  # MBP-14

[profile.sdp]
ice = "lite"                         # MBP-01

[profile.local_media]                # LMO-01
location = "X-MS-UserLocation"
path = "X-MS-MediaPath"
site = "X-MS-UserSite"
)toml";
}

}  // namespace causeway::deployment
