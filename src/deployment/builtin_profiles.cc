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
q850_by_status = { 486 = 17 }  # TDR-84: the other side says 34 for busy, which a core reads as congestion

[profile.sdp]
security = "rtp"
hold = "rfc3264"

# Microsoft Teams Direct Routing, without media bypass.
[[profile]]
name = "teams-direct-routing"
contact_host_required = true         # TDR-33, TDR-52: an address in Contact is answered 403
contact_user = true                  # TDR-49
number_format = "e164_plus"          # TDR-45
user_phone = true                    # TDR-46
from_source = "asserted_identity"    # TDR-48
add_headers = ["X-MS-SBC: Causeway/Gateway/{version}"]  # TDR-56
allow = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "NOTIFY"]  # TDR-98: NOTIFY always, REFER only where done
trusted_headers = ["P-Asserted-Identity"]
pass_headers = ["Privacy", "History-Info", "User-to-User", "Session-ID", "Resource-Priority", "Priority",
  "Subject"]
offer_required = true                # TDR-54
reason_on_failure = true             # TDR-85
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
)toml";
}

}  // namespace causeway::deployment
