// How Call hands its other side over.
#include <cstdlib>

#include "lab/agent.h"
#include "lab/call.h"

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

// As a header's value in a URI (RFC 3261 19.1.2).
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ';') {
      out += "%3B";
    } else if (c == '=') {
      out += "%3D";
    } else if (c == '@') {
      out += "%40";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

// The dialog as its other end names it (RFC 3891 3).
std::string Call::as_replaces(const std::string& tag_of_theirs) const {
  return call_id_ + ";to-tag=" + tag_of_theirs + ";from-tag=" + local_tag_;
}

void Call::consult() {
  Behaviour b;
  b.sound = behaviour_.sound;
  b.actions = {{6'000ms, Step::kHangUp}};  // where nothing becomes of it
  b.give_up_after = 3'000ms;
  if (const Call* c = agent_.place(facts_.label + " (consultation)", behaviour_.transfer_to,
                                   facts_.number, std::move(b), site_))
    consultation_ = c->serial();
}

// First a dialog that is nowhere, then this one (TDR-105).
void Call::replace() {
  Behaviour none;
  none.give_up_after = 3'000ms;
  agent_.place(facts_.label + " (no dialog)", facts_.from, behaviour_.transfer_to, std::move(none),
               site_, as_replaces("0000nowhere"));
  agent_.place(facts_.label + " (target)", facts_.from, behaviour_.transfer_to,
               agent_.expected(behaviour_.transfer_to), site_, as_replaces(remote_tag_));
  phase(Known::kUnknown, Known::kUnknown);
}

// As Phone System writes it: parameters of its own, which come back byte for byte (TDR-101 to 103).
void Call::refer(Step step) {
  leaves_at_once_ = step == Step::kTransferAndLeave;
  ++cseq_;
  SipMessage m = in_dialog("REFER");
  const Call* second = agent_.call_by_serial(consultation_);
  if (step == Step::kAttendedTransfer && (second == nullptr || !second->talking()))
    return trouble("the consultation was not answered: nothing to transfer to");
  facts_.refer_to = "sip:" + behaviour_.transfer_to + "@" + agent_.sent_by(site_) +
                    ";x-m=8%3aorgid%3a" + contact_token_ + ";x-t=" + contact_token_.substr(0, 8) +
                    ";transport=tls;user=phone";
  if (step == Step::kAttendedTransfer)
    facts_.refer_to += "?Replaces=" + escaped(second->as_replaces(second->remote_tag_));
  facts_.referred_by = "<sip:transferor@" + agent_.sent_by(site_) + ";x-ti=" + contact_token_ +
                       ";x-tt=aHR0cHM6Ly9leGFtcGxlL2NiP3Q9MQ%3d%3d>";
  m.add("Refer-To", "<" + facts_.refer_to + ">");
  m.add("Referred-By", facts_.referred_by);
  agent_.ladder().note(facts_.side, facts_.label,
                       std::string("(") + std::string(to_string(step)) + ")");
  phase(Known::kUnknown, Known::kUnknown);
  send_in_dialog(std::move(m));
}

void Call::on_refer_response(const SipMessage& m) {
  if (m.status < 200) return;
  facts_.refer_status = m.status;
  if (m.status >= 300)
    return violation({{"TDR-99", "REFER was answered " + std::to_string(m.status)}});
  if (leaves_at_once_) hang_up();
}

void Call::on_notify(const SipMessage& m, const std::string& transaction) {
  SipMessage r = agent_.response_to(m, 200, "OK", {});
  agent_.dress_response(r, this);
  agent_.respond(transaction, r, facts_.label);
  int status = 0;
  constexpr std::string_view kLine = "SIP/2.0 ";
  if (m.body.starts_with(kLine)) status = std::atoi(m.body.c_str() + kLine.size());
  if (status == 0 || m.get("Content-Type").find("message/sipfrag") == std::string::npos)
    return violation({{"TDR-99", "NOTIFY without message/sipfrag: " + m.body}});
  if (facts_.transfer_told.size() < 32) facts_.transfer_told.push_back(status);
  if (status >= 200) facts_.transfer_ended = agent_.loop().now();
  if (status >= 200 && !leaves_at_once_) later(100ms, [this] { hang_up(); });
}

}  // namespace causeway::lab
