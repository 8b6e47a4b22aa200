#include "lab/operator.h"

namespace causeway::lab {

std::string Operator::sent_by(std::size_t site) const {
  const auto& s = settings().port.sites[site];
  if (settings().port.transport != Transport::kTls || s.name.empty()) return s.address.to_string();
  return s.name + ":" + std::to_string(s.address.port);  // what its certificate says
}

std::string Operator::contact_for(const Call& call) const {
  std::string uri = "<sip:" + (call.facts().caller ? call.facts().from : call.facts().number) +
                    "@" + sent_by(call.site());
  if (settings().port.transport != Transport::kUdp)
    uri += ";transport=" + std::string(to_string(settings().port.transport));
  return uri + ">";
}

void Operator::dress_request(SipMessage& m, const Call* call) const {
  m.add("User-Agent", "Lab Operator Core");
  if (m.method == "INVITE" || m.method == "OPTIONS") {
    m.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY");
    m.add("Supported", "timer, replaces");
  }
  if (m.method != "INVITE" || call == nullptr || !tag_of(m.get("To")).empty()) return;
  // Identity, and what must not leave the operator's network.
  m.add("P-Asserted-Identity",
        "<sip:" + call->facts().from + "@" + sent_by(call->site()) + ";user=phone>");
  m.add("P-Charging-Vector", "icid-value=lab-" + std::to_string(call->serial()));
  m.add("X-Operator-Internal", "switch-7");
}

void Operator::dress_response(SipMessage& m, const Call*) const {
  m.add("Server", "Lab Operator Core");
  if (m.status == 200)
    m.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY");
}

Violations Operator::check_request(const SipMessage& m, const Flow& flow, const Call*) const {
  Violations v = check_operator_message(m, view_);
  if (flow.remote.address != view_.gateway_address)
    v.push_back(
        {"GW-REALM", m.method + " from " + flow.remote.to_string() + ", not from the gateway"});
  return v;
}

Violations Operator::check_response(const SipMessage& m, const std::string&) const {
  return check_operator_message(m, view_);
}

Violations Operator::check_sdp(const SdpText& s, const SdpText* ours) const {
  return check_operator_sdp(s, view_, ours);
}

}  // namespace causeway::lab
