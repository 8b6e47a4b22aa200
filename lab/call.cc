#include "lab/call.h"

#include <algorithm>

#include "lab/agent.h"

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kMaxFindings = 64;  // of each kind, per call
constexpr int kMaxRings = 8;

std::string usual_words(int status) {
  switch (status) {
    case 180: return "Ringing";
    case 183: return "Session Progress";
    case 200: return "OK";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 480: return "Temporarily Unavailable";
    case 481: return "Call/Transaction Does Not Exist";
    case 486: return "Busy Here";
    case 487: return "Request Terminated";
    case 488: return "Not Acceptable Here";
    case 491: return "Request Pending";
    case 503: return "Service Unavailable";
    case 603: return "Decline";
    default: return "Refused";
  }
}

// Q.850 as each side writes it: Microsoft says 34 for busy (NICC ND1017), an operator 17.
std::string reason_header(int status, Side side) {
  int cause = 31;
  if (status == 486) cause = side == Side::kPhoneSystem ? 34 : 17;
  if (status == 404) cause = 1;
  if (status == 480) cause = 18;
  if (status == 603) cause = 21;
  if (status == 503) cause = 41;
  return "Q.850;cause=" + std::to_string(cause) + ";text=\"5f1c2a40-0000-4000-8000-0000000000" +
         std::to_string(10 + cause % 80) + "\"";
}

// So that whoever reads the gateway's trail finds the rule that was broken.
std::string reason_of_refusal(std::string why) {
  std::replace_if(
      why.begin(), why.end(),
      [](char c) { return c == '"' || c == '\\' || c == '\r' || c == '\n'; }, '\'');
  return "Q.850;cause=21;text=\"" + why + "\"";
}
}  // namespace

Call::Call(Agent& agent, std::uint64_t serial, bool caller, std::string label, std::string number,
           std::string from, Behaviour behaviour, std::size_t site)
    : agent_(agent), serial_(serial), behaviour_(std::move(behaviour)), site_(site) {
  facts_.label = std::move(label);
  facts_.number = std::move(number);
  facts_.from = std::move(from);
  facts_.side = agent.side();
  facts_.caller = caller;
  facts_.started = agent.loop().now();
  local_tag_ = agent.token(8);
  contact_token_ = agent.token(16);
  sdp_id_ = agent.random().u64() >> 33;
  const auto& local = agent.settings().local;
  inside_ = behaviour_.place == Place::kInside ||
            (behaviour_.place == Place::kUsual && !caller && local && local->first_inside);
}

Call::~Call() {
  for (auto& t : timers_) agent_.loop().cancel(t);
}

void Call::violation(const Violations& found) {
  for (const auto& v : found) {
    if (facts_.violations.size() >= kMaxFindings) return;
    if (std::find(facts_.violations.begin(), facts_.violations.end(), v) != facts_.violations.end())
      continue;
    facts_.violations.push_back(v);
    agent_.ladder().note(facts_.side, facts_.label, "! " + v.requirement + " " + v.what);
  }
}

void Call::trouble(const std::string& what) {
  if (facts_.troubles.size() >= kMaxFindings) return;
  facts_.troubles.push_back(what);
  agent_.ladder().note(facts_.side, facts_.label, "! " + what);
}

void Call::later(Millis delay, std::function<void()> what) {
  timers_.push_back(agent_.loop().after(delay, std::move(what)));
}

// --- calling -----------------------------------------------------------------------------------

void Call::place(const Flow& flow, const std::string& replaces) {
  state_ = State::kCalling;
  flow_ = flow;
  call_id_ = agent_.token(12) + "@lab";
  if (!open_media()) return end();
  SipMessage m;
  m.method = "INVITE";
  const auto& s = agent_.settings();
  std::string host = s.gateway_name.empty() ? s.gateway.to_string() : s.gateway_name;
  if (behaviour_.beside && s.local) host = s.local->beside;
  m.uri = "sip:" + facts_.number + "@" + host +
          (s.gateway_name.empty() ? "" : ":" + std::to_string(s.gateway.port)) + ";user=phone";
  if (s.port.transport == Transport::kTls) m.uri += ";transport=tls";
  local_uri_ = "<sip:" + facts_.from + "@" + agent_.sent_by(site_) + ";user=phone>";
  remote_uri_ = "<sip:" + facts_.number + "@" + host + ";user=phone>";
  m.add("Max-Forwards", "70");
  m.add("From", local_uri_ + ";tag=" + local_tag_);
  m.add("To", remote_uri_);
  m.add("Call-ID", call_id_);
  m.add("CSeq", std::to_string(cseq_) + " INVITE");
  m.add("Contact", agent_.contact_for(*this));
  if (!replaces.empty()) m.add("Replaces", replaces);
  m.body = offer(Way::kSendRecv, false);
  m.add("Content-Type", "application/sdp");
  agent_.dress_request(m, this);
  invite_ = m;
  branch_ = agent_.send_request(m, flow_, this);
  later(behaviour_.give_up_after, [this] {
    if (state_ != State::kCalling) return;
    trouble("no final answer within " + std::to_string(behaviour_.give_up_after.count()) + " ms");
    send_cancel();
    later(1'000ms, [this] {
      if (state_ == State::kCalling) end();
    });
  });
  if (behaviour_.cancel_after > 0ms) later(behaviour_.cancel_after, [this] { send_cancel(); });
}

void Call::send_cancel() {
  if (state_ != State::kCalling || cancel_sent_) return;
  cancel_wanted_ = true;
  if (!provisional_seen_) return;  // not before a provisional (RFC 3261 9.1)
  cancel_sent_ = true;
  facts_.cancelled = true;
  SipMessage m;
  m.method = "CANCEL";
  m.uri = invite_.uri;
  m.add("Max-Forwards", "70");
  for (const char* h : {"From", "To", "Call-ID"}) m.add(h, invite_.get(h));
  m.add("CSeq", std::to_string(invite_.cseq_number()) + " CANCEL");
  agent_.send_request(m, flow_, this, branch_);
}

void Call::on_response(const SipMessage& request, const SipMessage& m) {
  violation(agent_.check_response(m, request.method));
  if (request.method == "INVITE") {
    if (request.cseq_number() == invite_.cseq_number() && facts_.caller) {
      on_invite_response(m);
    } else {
      on_reinvite_response(m);
    }
  } else if (request.method == "REFER") {
    on_refer_response(m);
  } else if (request.method == "BYE" && m.status >= 200) {
    if (m.status >= 300) trouble("BYE answered with " + std::to_string(m.status));
    end();
  } else if (request.method == "CANCEL" && m.status >= 300) {
    trouble("CANCEL answered with " + std::to_string(m.status));
  }
}

void Call::on_timeout(const SipMessage& request) {
  if (state_ == State::kEnded) return;
  trouble("no answer to " + request.method);
  if (request.method == "INVITE" && state_ == State::kTalking) {
    stepping_.reset();
    return;
  }
  if (request.method != "CANCEL") end();
}

void Call::learn_dialog(const SipMessage& m) {
  const std::string contact = m.get("Contact");
  if (!contact.empty()) remote_target_ = parse_name_addr(contact).uri;
  remote_tag_ = tag_of(m.get(facts_.caller ? "To" : "From"));
  routes_ = m.all("Record-Route");
  if (facts_.caller) std::reverse(routes_.begin(), routes_.end());
  std::erase_if(routes_, [&](const std::string& r) { return agent_.is_own_route(r); });
}

void Call::on_invite_response(const SipMessage& m) {
  const Instant now = agent_.loop().now();
  if (m.status < 200) provisional_seen_ = true;
  if (m.status == 100) {
    if (cancel_wanted_) send_cancel();
    return;
  }
  if (m.status < 200) {
    if (state_ != State::kCalling) return;
    ++facts_.provisionals;
    if (!facts_.ringing) facts_.ringing = now;
    if (!m.body.empty()) {
      if (const auto sdp = read_sdp(m, true)) {
        if (!facts_.early_sdp) facts_.early_sdp = now;
        take_answer(*sdp);
        phase(Known::kYes, Known::kYes);
      }
    }
    if (cancel_wanted_) send_cancel();
    return;
  }
  if (m.status < 300) return on_answer(m);
  if (state_ != State::kCalling) return;
  facts_.final_status = m.status;
  facts_.failure_reason = m.get("Reason");
  end();
}

void Call::on_answer(const SipMessage& m) {
  if (state_ == State::kEnded) return;
  if (state_ == State::kTalking || state_ == State::kEnding) {  // repeated: the ACK was lost
    send_ack(invite_.cseq_number(), {});
    return;
  }
  facts_.final_status = m.status;
  facts_.answered = agent_.loop().now();
  learn_dialog(m);
  check_way_back(m);
  const auto early = theirs_;
  const auto sdp = read_sdp(m, true);
  send_ack(invite_.cseq_number(), {});
  if (cancel_sent_) {  // the answer crossed the CANCEL
    state_ = State::kTalking;
    return hang_up();
  }
  if (!sdp) {
    trouble("200 without SDP");
    state_ = State::kTalking;
    return hang_up();
  }
  if (early && ice_) {
    const auto changed = check_ice_continuity(*early, *sdp, false);
    if (!changed.empty()) violation({{"TDR-76", "between 183 and 200 " + changed.front().what}});
  }
  check_place(*sdp, "LMO-01");
  facts_.place_answered = agent_.settings().local.has_value();
  take_answer(*sdp);
  begin_talking();
}

void Call::begin_talking() {
  if (ice_) ice_->may_nominate(true);
  state_ = State::kTalking;
  facts_.confirmed = agent_.loop().now();
  phase_by(way_);
  schedule_actions();
}

void Call::send_ack(unsigned cseq, const std::string& sdp) {
  SipMessage m = in_dialog("ACK");
  m.set("CSeq", std::to_string(cseq) + " ACK");
  if (!sdp.empty()) {
    m.add("Content-Type", "application/sdp");
    m.body = sdp;
  }
  send_in_dialog(std::move(m));
}

// --- within the dialog ---------------------------------------------------------------------------

SipMessage Call::in_dialog(const std::string& method) {
  SipMessage m;
  m.method = method;
  m.uri = remote_target_;
  m.add("Max-Forwards", "70");
  for (const auto& r : routes_) m.add("Route", r);
  m.add("From", local_uri_ + ";tag=" + local_tag_);
  m.add("To", remote_uri_ + ";tag=" + remote_tag_);
  m.add("Call-ID", call_id_);
  m.add("CSeq", std::to_string(cseq_) + " " + method);
  m.add("Contact", agent_.contact_for(*this));
  agent_.dress_request(m, this);
  return m;
}

void Call::send_in_dialog(SipMessage m) {
  // The route set leads, else the remote target (RFC 3261 12.2.1.1).
  const std::string next = routes_.empty() ? remote_target_ : parse_name_addr(routes_.front()).uri;
  const auto to = agent_.resolve(next);
  if (!to) {
    violation({{"TDR-52", "nothing resolves where requests of the dialog should go: " + next}});
  } else if (auto f = agent_.flow_to(site_, *to); f) {
    flow_ = *f;
  } else {
    trouble(f.error().what);
  }
  if (flow_.opened_by_them) return trouble("no connection of our own for " + m.method);
  agent_.send_request(std::move(m), flow_, this);
}

void Call::hang_up(const std::string& reason) {
  if (state_ != State::kTalking) return;
  state_ = State::kEnding;
  facts_.hung_up_by_us = true;
  phase(Known::kUnknown, Known::kUnknown);
  ++cseq_;
  SipMessage bye = in_dialog("BYE");
  if (!reason.empty()) bye.add("Reason", reason);
  send_in_dialog(std::move(bye));
  later(3'000ms, [this] {
    if (state_ == State::kEnding) end();
  });
}

// --- called
// ----------------------------------------------------------------------------------------

void Call::on_invite(const SipMessage& m, const Flow& flow, const std::string& transaction) {
  state_ = State::kCalled;
  invite_ = m;
  flow_ = flow;
  invite_transaction_ = transaction;
  call_id_ = m.get("Call-ID");
  learn_dialog(m);
  check_way_back(m);
  const auto from = parse_name_addr(m.get("From"));
  const auto to = parse_name_addr(m.get("To"));
  if (const auto c = parse_sip_uri(parse_name_addr(m.get("Contact")).uri))
    facts_.contact_host = c->host;
  remote_uri_ = "<" + from.uri + ">";
  local_uri_ = "<" + to.uri + ">";
  for (const auto& v : m.all("P-Asserted-Identity"))
    facts_.asserted_identity += (facts_.asserted_identity.empty() ? "" : ", ") + v;
  if (behaviour_.gone) return end();  // and nothing is ever answered
  agent_.respond(transaction, agent_.response_to(m, 100, "Trying", {}), facts_.label);
  std::optional<SdpText> sdp;
  if (!m.body.empty()) sdp = read_sdp(m, false);
  if (const auto refused = agent_.refusal(facts_.violations)) {
    behaviour_.final_status = refused->status;
    refused_because_ = refused->why;
    return give_final();
  }
  if (!sdp) {
    behaviour_.final_status = 488;
    trouble("INVITE without SDP that can be read");
    return give_final();
  }
  if (!open_media()) {
    behaviour_.final_status = 503;
    return give_final();
  }
  check_place(*sdp, "LMO-04");
  facts_.place_first = agent_.settings().local.has_value();
  take_offer(*sdp);
  tags_.push_back(local_tag_);
  for (int i = 1; i < std::min(behaviour_.rings, kMaxRings); ++i) tags_.push_back(agent_.token(8));
  for (int i = 0; i < std::min(behaviour_.rings, kMaxRings); ++i)
    later(behaviour_.ring_after * (i + 1), [this, i] { ring(i); });
  if (behaviour_.early_media)
    later(behaviour_.ring_after * (behaviour_.rings + 1), [this] {
      if (state_ != State::kCalled) return;
      local_tag_ = tags_.size() > 1 ? tags_[1] : tags_[0];
      SipMessage r = agent_.response_to(invite_, 183, "Session Progress", local_tag_);
      r.add("Contact", agent_.contact_for(*this));
      r.add("Content-Type", "application/sdp");
      r.body = answer(*theirs_);
      agent_.dress_response(r, this);
      ++facts_.provisionals;
      facts_.early_sdp = agent_.loop().now();
      agent_.respond(invite_transaction_, r, facts_.label);
      phase(Known::kYes, Known::kUnknown);
    });
  if (behaviour_.answers) later(behaviour_.final_after, [this] { give_final(); });
}

void Call::ring(int index) {
  if (state_ != State::kCalled) return;
  SipMessage r =
      agent_.response_to(invite_, 180, "Ringing", tags_[static_cast<std::size_t>(index)]);
  r.add("Contact", agent_.contact_for(*this));
  agent_.dress_response(r, this);
  if (!facts_.ringing) facts_.ringing = agent_.loop().now();
  ++facts_.provisionals;
  agent_.respond(invite_transaction_, r, facts_.label);
}

void Call::give_final() {
  if (state_ != State::kCalled) return;
  const int status = behaviour_.final_status;
  facts_.final_status = status;
  if (status < 300 && behaviour_.answer_on_other_fork && facts_.early_sdp) other_fork();
  const std::string words = behaviour_.reason.empty() ? usual_words(status) : behaviour_.reason;
  SipMessage r = agent_.response_to(invite_, status, words, local_tag_);
  if (status >= 300) {
    r.add("Reason", refused_because_.empty() ? reason_header(status, facts_.side)
                                             : reason_of_refusal(refused_because_));
    agent_.dress_response(r, this);
    agent_.respond(invite_transaction_, r, facts_.label);
    return end();
  }
  r.add("Contact", agent_.contact_for(*this));
  r.add("Content-Type", "application/sdp");
  r.body = answer(*theirs_);
  agent_.dress_response(r, this);
  facts_.answered = agent_.loop().now();
  pending_ = invite_transaction_;
  state_ = State::kTalking;
  agent_.respond(invite_transaction_, r, facts_.label);
  later(6'000ms, [this] {
    if (state_ == State::kTalking && !facts_.confirmed) {
      trouble("no ACK to our 200");
      hang_up();
    }
  });
}

void Call::on_ack(const SipMessage& m) {
  violation(agent_.check_request(m, flow_, this));
  if (pending_.empty()) return;
  agent_.stop_repeating(pending_);
  pending_.clear();
  if (awaiting_answer_in_ack_) {
    awaiting_answer_in_ack_ = false;
    if (const auto sdp = read_sdp(m, true)) take_answer(*sdp);
  }
  if (!facts_.confirmed) return begin_talking();
  if (state_ == State::kTalking) phase_by(way_);
}

void Call::on_request(const SipMessage& m, const std::string& transaction) {
  violation(agent_.check_request(m, flow_, this));
  if (m.method == "CANCEL") return take_cancel(m, transaction);
  if (m.method == "BYE") return take_bye(m, transaction);
  if (m.method == "INVITE") return on_reinvite(m, transaction);
  if (m.method == "NOTIFY" && facts_.refer_status != 0) return on_notify(m, transaction);
  SipMessage r = agent_.response_to(m, 405, "Method Not Allowed", {});
  agent_.dress_response(r, this);
  agent_.respond(transaction, r, facts_.label);
}

void Call::take_cancel(const SipMessage& m, const std::string& transaction) {
  SipMessage ok = agent_.response_to(m, 200, "OK", local_tag_);
  agent_.dress_response(ok, this);
  agent_.respond(transaction, ok, facts_.label);
  if (state_ != State::kCalled) return;
  facts_.cancelled = true;
  facts_.final_status = 487;
  SipMessage r = agent_.response_to(invite_, 487, "Request Terminated", local_tag_);
  agent_.dress_response(r, this);
  agent_.respond(invite_transaction_, r, facts_.label);
  end();
}

void Call::take_bye(const SipMessage& m, const std::string& transaction) {
  SipMessage r = agent_.response_to(m, 200, "OK", {});
  agent_.dress_response(r, this);
  agent_.respond(transaction, r, facts_.label);
  if (state_ == State::kEnded) return;
  if (!facts_.hung_up_by_us) facts_.hung_up_by_them = true;
  end();
}

void Call::on_reinvite(const SipMessage& m, const std::string& transaction) {
  const auto refuse = [&](int status, const std::string& why = {}) {
    SipMessage r = agent_.response_to(m, status, usual_words(status), {});
    if (!why.empty()) r.add("Reason", reason_of_refusal(why));
    agent_.dress_response(r, this);
    agent_.respond(transaction, r, facts_.label);
  };
  if (state_ != State::kTalking) return refuse(481);
  if (stepping_ || !pending_.empty()) return refuse(491);
  if (const auto c = m.get("Contact"); !c.empty()) remote_target_ = parse_name_addr(c).uri;
  const auto before = theirs_;
  std::optional<SdpText> sdp;
  if (!m.body.empty()) {
    const std::size_t known = facts_.violations.size();
    sdp = read_sdp(m, false);
    if (!sdp) return refuse(488);
    const Violations fresh(facts_.violations.begin() + static_cast<long>(known),
                           facts_.violations.end());
    if (const auto refused = agent_.refusal(fresh)) return refuse(refused->status, refused->why);
    const bool same = before && before->origin_version == sdp->origin_version;
    if (before) violation(check_continuity(*before, *sdp, false, agent_.is_service()));
    if (before && ice_) violation(check_ice_continuity(*before, *sdp, false));
    if (same && before->way != sdp->way)
      violation({{"RFC3264-8", "the SDP changed and its version in o= did not"}});
    if (same) ++facts_.refreshes_taken;
    if (sdp->way != Way::kSendRecv || sdp->address.is_unspecified()) ++facts_.holds_taken;
    take_offer(*sdp);
  } else if (agent_.is_service()) {
    return refuse(488);  // TDR-54; check_request has recorded it
  }
  SipMessage r = agent_.response_to(m, 200, "OK", {});
  r.add("Contact", agent_.contact_for(*this));
  r.add("Content-Type", "application/sdp");
  r.body = sdp ? answer(*sdp) : offer(Way::kSendRecv, way_ != Way::kSendRecv);
  awaiting_answer_in_ack_ = !sdp;
  agent_.dress_response(r, this);
  phase(Known::kUnknown, Known::kUnknown);
  pending_ = transaction;
  agent_.respond(transaction, r, facts_.label);
}

void Call::end() {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  facts_.ended = agent_.loop().now();
  phase(Known::kUnknown, Known::kUnknown);
  if (media_) media_->stop();
  if (ice_) {
    ice_->stop();
    facts_.ice = ice_->facts();
  }
  for (auto& t : timers_) agent_.loop().cancel(t);
  timers_.clear();
  agent_.call_ended(*this);
}

}  // namespace causeway::lab
