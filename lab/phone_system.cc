#include "lab/phone_system.h"

namespace causeway::lab {
namespace {
constexpr const char* kAgentText = "Microsoft.PSTNHub.SIPProxy v.2026.11.1.0 i.EUWE.1";
constexpr const char* kAllow = "INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY";
}  // namespace

PhoneSystem::PhoneSystem(Loop& loop, MediaPump& pump, Random& random, Ladder& ladder,
                         AgentSettings settings, ServiceView view)
    : Agent(Side::kPhoneSystem, loop, pump, random, ladder, std::move(settings)),
      view_(std::move(view)) {}

PhoneSystem::~PhoneSystem() {
  for (auto& [site, t] : timers_) loop().cancel(t);
}

std::string PhoneSystem::sent_by(std::size_t site) const {
  const auto& s = settings().port.sites[site];
  return s.name + ":" + std::to_string(s.address.port);
}

std::string PhoneSystem::record_route(std::size_t site) const {
  return "<sip:" + sent_by(site) + ";transport=tls;lr>";
}

// As in public traces: another host and port than where requests go (TDR-69).
std::string PhoneSystem::contact_for(const Call& call) const {
  const auto& t = call.contact_token();
  return "<sip:api-du-a-euwe." + view_.domain + ":443;x-i=" + t.substr(0, 8) + "-" +
         t.substr(8, 4) + "-4000-8000-" + t.substr(12, 12) + ";x-c=" + t + "/d/8/" +
         t.substr(0, 16) + ">";
}

void PhoneSystem::dress_request(SipMessage& m, const Call* call) const {
  m.add("User-Agent", kAgentText);
  if (m.method == "INVITE" || m.method == "OPTIONS") m.add("Allow", kAllow);
  if (call == nullptr || m.method != "INVITE") return;
  m.add("Record-Route", record_route(call->site()));
  if (const auto& local = settings().local) {
    m.add("X-MS-UserLocation", call->inside() ? "internal" : "external");
    const bool beside = call->behaviour().beside;
    m.add("X-MS-MediaPath", beside ? local->path + ", " + local->beside : local->path);
    m.add("X-MS-UserSite", "rehearsal");
  }
  if (!tag_of(m.get("To")).empty()) return;
  m.add("Supported", "timer");
  m.add("Session-Expires", "3600");
  m.add("Min-SE", "300");
  m.add("P-Asserted-Identity", "<tel:" + call->facts().from + ">,<sip:user@customer.example>");
  m.add("Privacy", "id");
  m.add("MS-Conversation-ID", call->contact_token());
}

void PhoneSystem::dress_response(SipMessage& m, const Call* call) const {
  m.add("Server", kAgentText);
  m.add("Allow", kAllow);
  if (call != nullptr && m.cseq_method() == "INVITE")
    m.add("Record-Route", record_route(call->site()));
}

Violations PhoneSystem::check_request(const SipMessage& m, const Flow& flow,
                                      const Call* call) const {
  ServiceView view = view_;
  view.certificate_names = peer_names(flow);
  Violations v = check_service_request(m, view);
  const bool within = !tag_of(m.get("To")).empty() && m.method != "CANCEL" && m.method != "OPTIONS";
  const bool failure_ack = m.method == "ACK" && call != nullptr && call->ended();
  if (call == nullptr || !within || failure_ack) return v;
  const std::string target = parse_name_addr(contact_for(*call)).uri;
  if (m.uri != target)
    v.push_back({"TDR-69", m.method + " to " + m.uri + " in place of our Contact " + target});
  const auto routes = m.all("Route");
  const std::string expected = parse_name_addr(record_route(call->site())).uri;
  if (routes.empty() || parse_name_addr(routes.front()).uri != expected)
    v.push_back({"TDR-69", m.method + " without our Record-Route as its Route"});
  return v;
}

Violations PhoneSystem::check_response(const SipMessage& m, const std::string& method) const {
  return check_service_response(m, view_, method);
}

Violations PhoneSystem::check_sdp(const SdpText& s, const SdpText* ours) const {
  return check_service_sdp(s, view_, ours);
}

void PhoneSystem::on_options(const SipMessage& m, const Flow& flow) {
  const bool first = !trunks_.contains(flow.site);
  trunks_[flow.site] = parse_name_addr(m.get("Contact")).uri;
  if (first)
    timers_[flow.site] =
        loop().after(Millis(100), [this, site = flow.site] { send_next_options(site); });
}

void PhoneSystem::send_next_options(std::size_t site) {
  const std::string& uri = trunks_[site];
  if (const auto to = resolve(uri)) send_options(site, uri, *to);
  timers_[site] =
      loop().after(settings().options_interval, [this, site] { send_next_options(site); });
}

}  // namespace causeway::lab
