// What Call does by itself while it lasts: its steps, and what becomes of their re-INVITEs.
#include "lab/agent.h"
#include "lab/call.h"

namespace causeway::lab {

using namespace std::chrono_literals;

void Call::schedule_actions() {
  for (const auto& a : behaviour_.actions)
    later(a.at, [this, step = a.step] { take_step(step, 0); });
}

void Call::take_step(Step step, int tries) {
  if (state_ != State::kTalking) return;
  // One re-INVITE at a time (RFC 3261 14.1).
  if (stepping_ || !pending_.empty()) {
    if (tries < 40) later(50ms, [this, step, tries] { take_step(step, tries + 1); });
    return;
  }
  if (step == Step::kHangUp) return hang_up();
  if (step == Step::kIceLost)
    return hang_up("Q.850;cause=47;text=\"IceConnectivityChecksFailed, as rehearsed\"");
  if (step == Step::kConsult) return consult();
  if (step == Step::kReplace) return replace();
  if (step == Step::kTransfer || step == Step::kTransferAndLeave || step == Step::kAttendedTransfer)
    return refer(step);
  agent_.ladder().note(facts_.side, facts_.label,
                       std::string("(") + std::string(to_string(step)) + ")");
  ++cseq_;
  SipMessage m = in_dialog("INVITE");
  stepping_ = step;
  step_cseq_ = cseq_;
  ++facts_.offers_made;
  if (step != Step::kRefresh) phase(Known::kUnknown, Known::kUnknown);
  switch (step) {
    case Step::kHoldSendOnly: m.body = offer(Way::kSendOnly, true); break;
    case Step::kHoldInactive: m.body = offer(Way::kInactive, true); break;
    case Step::kHoldZeroAddress: m.body = offer(Way::kSendRecv, true, true); break;
    case Step::kResume: m.body = offer(Way::kSendRecv, true); break;
    case Step::kRefresh: m.body = last_sdp_; break;
    case Step::kIceFinal:
      ice_final_ = true;
      m.body = offer(Way::kSendRecv, true);
      ice_final_ = false;
      break;
    case Step::kEscalate: {
      if (!media_ || facts_.escalated >= behaviour_.escalations.size()) return;
      const auto before = std::move(media_);
      if (ice_) ice_->stop();
      before->stop();
      ++facts_.escalated;
      if (!open_media()) return;
      media_->continue_from(*before);
      m.body = offer(Way::kSendRecv, true);
      break;
    }
    case Step::kMove:
      inside_ = !inside_;
      m = in_dialog("INVITE");  // which says where we are
      if (ice_) ice_->restart();
      if (media_) media_->tolerate(agent_.loop().now() + 1s);
      m.body = offer(Way::kSendRecv, true);
      break;
    case Step::kIceRestart:
      if (ice_) ice_->restart();
      m.body = offer(Way::kSendRecv, true);
      break;
    default: break;
  }
  if (!m.body.empty()) m.add("Content-Type", "application/sdp");
  send_in_dialog(std::move(m));
}

void Call::on_reinvite_response(const SipMessage& m) {
  if (m.status < 200) return;
  if (!stepping_) {
    if (m.status < 300) send_ack(m.cseq_number(), {});  // repeated
    return;
  }
  const Step step = *stepping_;
  stepping_.reset();
  if (m.status == 491) {
    later(Millis(200 + agent_.random().below(300)), [this, step] { take_step(step, 0); });
    return;
  }
  if (m.status >= 300) {
    trouble(std::string(to_string(step)) + " refused with " + std::to_string(m.status));
    return;
  }
  if (const auto c = m.get("Contact"); !c.empty()) remote_target_ = parse_name_addr(c).uri;
  auto before = theirs_;
  const auto sdp = read_sdp(m, step != Step::kResumeWithoutOffer);
  if (!sdp) {
    send_ack(m.cseq_number(), {});
    return trouble(std::string(to_string(step)) + " answered without SDP");
  }
  if (step == Step::kMove) {
    check_place(*sdp, "LMO-03");
    const auto& local = agent_.settings().local;
    facts_.moved = local && before && before->address == (inside_ ? local->outside : local->inside);
    if (before) before->address = sdp->address, before->port = sdp->port;  // all else stays
  }
  if (before)
    violation(check_continuity(*before, *sdp, step == Step::kRefresh, agent_.is_service()));
  if (before && ice_)
    violation(check_ice_continuity(
        *before, *sdp,
        step == Step::kIceRestart || step == Step::kMove || step == Step::kEscalate));
  if (step == Step::kIceFinal) facts_.ice_final_answered = true;
  if (step == Step::kIceRestart) facts_.ice_restarted = true;
  if (step == Step::kResumeWithoutOffer) {
    if (sdp->way != Way::kSendRecv)
      violation(
          {{"TDR-95", "resume without an offer brought a=" + std::string(to_string(sdp->way))}});
    take_offer(*sdp);
    send_ack(m.cseq_number(), answer(*sdp));
  } else {
    send_ack(m.cseq_number(), {});
    take_answer(*sdp);
    const Way expected = answer_to(ours_ ? ours_->way : Way::kSendRecv);
    if (step != Step::kHoldZeroAddress && sdp->way != expected)
      violation({{"TDR-93", std::string(to_string(step)) +
                                " answered with a=" + std::string(to_string(sdp->way)) +
                                " in place of " + std::string(to_string(expected))}});
  }
  if (step == Step::kHoldZeroAddress) return phase(Known::kUnknown, Known::kNo);
  phase_by(way_);
}

}  // namespace causeway::lab
