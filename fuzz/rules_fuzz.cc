// Any bytes as a message on its way through rules of every kind: what comes out is a valid message
// of the same dialog and transaction, or what went in.
#include <algorithm>
#include <cstdlib>

#include "deployment/load.h"
#include "rules/engine.h"
#include "sip/headers.h"

using namespace causeway;

namespace {

constexpr const char* kConfig = R"(
[[region]]
name = "r"
[[realm]]
name = "m"
media_addresses = ["127.0.0.1"]
media_port_min = 20000
media_port_max = 29999
[[listener]]
name = "l"
realm = "m"
address = "127.0.0.1:5060"
transport = "udp"
[[profile]]
name = "ruled"
extends = "operator"
rules_in = ["all"]
rules_out = ["all"]
[[peer_group]]
name = "g"
region = "r"
realm = "m"
listener = "l"
profile = "ruled"
routes_to = ["h"]
[[peer_group.peer]]
name = "g1"
host = "192.0.2.1"
[[peer_group]]
name = "h"
region = "r"
realm = "m"
listener = "l"
profile = "operator"
[[peer_group.peer]]
name = "h1"
host = "192.0.2.2"
[[rule_set]]
name = "all"
[[rule_set.rule]]
name = "headers"
when = { headers = [{ name = "X-Never", present = false }, { name = "From", part = "uri" }] }
actions = [
  { capture = "who", from = "From", part = "user", pattern = '^(.*)$' },
  { capture = "subject", from = "Subject", pattern = '^.*$' },
  { set = "X-Who", value = "${who}" },
  { add = "X-Calling", value = "${calling}" },
  { remove = "User-Agent", matching = 'a' },
  { rename = "Subject", to = "P-Asserted-Identity" },
  { rename = "X-Private", to = "Privacy" },
  { set = "Diversion", value = "<sip:${who}@a.example>;reason=${subject}" },
  { rewrite = "History-Info", part = "host", pattern = '(.)$', value = "${1}x" },
  { rewrite = "Warning", pattern = '(\d+)', value = "${1}${1}" },
  { map_cause = 16, to = 31 },
  { map_cause = 200, to = 1, protocol = "SIP" },
]
[[rule_set.rule]]
name = "parties"
when = { message = "request" }
actions = [
  { rewrite = "request_uri", part = "user", pattern = '^(.)', value = "${1}${subject}" },
  { rewrite = "request_uri", part = "host", pattern = '^.', value = "${who}" },
  { set_parameter = "request_uri", parameter = "x", value = "${who}" },
  { rewrite = "From", part = "user", pattern = '^.', value = "${0}${0}" },
  { rewrite = "From", part = "display", pattern = '^.*', value = "${who}" },
  { rewrite = "To", part = "uri", pattern = 'e', value = "${subject}" },
  { clear_parameter = "To", parameter = "user" },
  { set_parameter = "From", of = "header", parameter = "y", value = "${subject}" },
]
[[rule_set.rule]]
name = "contact"
when = { direction = "out" }
actions = [
  { rewrite = "Contact", part = "user", pattern = '.$', value = "${who}" },
  { rewrite = "Contact", part = "display", pattern = '^.*$', value = "${subject}" },
]
[[rule_set.rule]]
name = "status"
when = { statuses = ["4xx", "5xx", "6xx"] }
actions = [{ map_status = 404, phrase = "Nobody" }]
[[rule_set.rule]]
name = "ringing"
when = { statuses = ["1xx"] }
actions = [{ map_status = 183 }]
[[rule_set.rule]]
name = "sdp"
when = { sdp = [{ media = "audio", codec = "PCMU", present = true }, { attribute = "nothing", present = false }] }
actions = [
  { remove_codecs = ["PCMU", "G729"] },
  { order_codecs = ["telephone-event", "PCMA"] },
  { remove_attribute = "label" },
  { remove_attribute = "fmtp", matching = "x", media = "session" },
  { set_ptime = 40 },
  { set_bandwidth = "AS:64" },
  { set_bandwidth = "CT:64", media = "session" },
  { remove_media = "video" },
]
)";

const std::shared_ptr<const rules::Chain>& chain(bool in) {
  static const auto deployment = [] {
    deployment::LoadOptions o;
    o.check_files = false;
    auto loaded = deployment::load_text(kConfig, "fuzz.toml", o);
    if (!loaded.deployment) std::abort();
    return loaded.deployment;
  }();
  const auto& p = deployment->profile(deployment->groups[0].profile);
  return in ? p.rules_in : p.rules_out;
}

void require(bool holds) {
  if (!holds) std::abort();
}

// What belongs to the dialog and the transaction, line by line.
std::string core(const sip::Message& m) {
  std::string out(m.method_text());
  for (const auto& f : m.headers()) {
    switch (f.id) {
      case sip::HeaderId::kVia:
      case sip::HeaderId::kCallId:
      case sip::HeaderId::kCSeq:
      case sip::HeaderId::kMaxForwards:
      case sip::HeaderId::kRoute:
      case sip::HeaderId::kRecordRoute:
      case sip::HeaderId::kContentType:
      case sip::HeaderId::kRequire: out.append(f.value).append("\n"); break;
      default: break;
    }
  }
  return out.append(m.from_tag()).append("\n").append(m.to_tag());
}

void through(bool in, const sip::Message& m, bool emergency) {
  rules::Facts facts;
  facts.direction = in ? rules::Direction::kIn : rules::Direction::kOut;
  facts.calling = m.value(sip::HeaderId::kFrom);
  facts.emergency = emergency;
  rules::Variables variables;
  const auto outcome = rules::apply(*chain(in), m, facts, variables);
  require(outcome.changes.size() <= rules::kMaxChanges + 1);
  require(variables.size() <= rules::kMaxVariables);
  for (const auto& v : variables) require(v.value.size() <= rules::kMaxVariable);
  for (const auto& c : outcome.changes) require(rules::to_string(c).size() < 4'096);
  if (!outcome.message) return;
  const auto after = sip::Message::parse(outcome.message->bytes());
  require(after.has_value() && (sip::validate(*after) || !sip::validate(m)));
  const auto ours = outcome.message->headers(), theirs = after->headers();
  require(std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                     [](const auto& a, const auto& b) {
                       return a.id == b.id && a.name == b.name && a.value == b.value;
                     }) &&
          outcome.message->body() == after->body());
  require(core(*after) == core(m));
  require(after->status() / 100 == m.status() / 100 || m.status() >= 400);
  if (emergency) require(after->request_uri() == m.request_uri());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto m = sip::Message::parse({reinterpret_cast<const char*>(data), size});
  if (!m) return 0;
  for (const bool in : {true, false})
    for (const bool emergency : {true, false}) through(in, *m, emergency);
  return 0;
}
