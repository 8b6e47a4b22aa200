#include "lab/handover.h"

#include <fmt/core.h>

#include <algorithm>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr Micros kSettle = 300ms;  // after the change, before what is heard counts
constexpr Micros kBeforeChange = 100ms;
constexpr Micros kShortest = 400ms;

const Call* find(const Agent& agent, const std::string& label, bool caller) {
  for (const auto& c : agent.calls())
    if (c->facts().caller == caller && c->facts().label == label) return c.get();
  return nullptr;
}

void broke(CallVerdict& v, const std::string& id, const std::string& what) {
  v.violations.push_back({id, what});
  v.reasons.push_back(fmt::format("{} seen by phone-system: {}", id, what));
}

// Each hears the other from `begin` on, until one hangs up.
void judge_sound(const Call& calling, const Call& target, Instant begin, CallVerdict& v) {
  if (calling.media() == nullptr || target.media() == nullptr) return;
  Instant end = *target.facts().ended;
  if (calling.facts().ended) end = std::min(end, *calling.facts().ended);
  const Instant from = begin + kSettle, until = end - kBeforeChange;
  if (until - from < kShortest)
    return v.reasons.push_back("after the transfer there was nothing long enough to be judged");
  for (const bool down : {true, false}) {
    const Call& hearer = down ? calling : target;
    const Call& speaker = down ? target : calling;
    const Heard h =
        judge_stretch(hearer.media()->frames(), {from, until, speaker.behaviour().sound});
    DirectionVerdict d;
    d.from = speaker.facts().side;
    d.to = hearer.facts().side;
    d.heard.push_back(h.what + " (after the transfer)");
    d.score = h.score;
    d.good = h.good;
    v.directions.push_back(d);
    if (!h.good)
      v.reasons.push_back(std::string(down ? "target to operator: " : "operator to target: ") +
                          h.what);
  }
}

// The answer to our REFER, and what NOTIFY told of it.
void judge_refer(const CallPlan& plan, const CallFacts& f, CallVerdict& v) {
  if (f.refer_status != 202)
    broke(v, "TDR-99", fmt::format("REFER was answered {}", f.refer_status));
  const bool told =
      std::find(f.transfer_told.begin(), f.transfer_told.end(), 200) != f.transfer_told.end();
  const bool waits =
      std::any_of(plan.called.actions.begin(), plan.called.actions.end(), [](const Action& a) {
        return a.step == Step::kTransfer || a.step == Step::kAttendedTransfer;
      });
  if (waits && !told) broke(v, "TDR-99", "no NOTIFY told of the 200 of the target");
}

// The INVITE that came of our REFER, and what its caller heard of whom.
void judge_blind(const Call& calling, const Call& called, const Call* target, CallVerdict& v) {
  const auto& f = called.facts();
  if (target == nullptr)
    return broke(v, "TDR-100", "no INVITE came for the target of the transfer");
  const auto& t = target->facts();
  if (target->invite().uri != f.refer_to)
    broke(v, "TDR-101",
          "Request-URI " + target->invite().uri + " in place of Refer-To " + f.refer_to);
  if (target->invite().get("Referred-By") != f.referred_by)
    broke(v, "TDR-101", "Referred-By is another: " + target->invite().get("Referred-By"));
  if (t.contact_host != f.contact_host)
    broke(v, "TDR-104",
          "Contact is of " + t.contact_host + ", of the call it was " + f.contact_host);
  if (!t.confirmed || !t.ended) return broke(v, "TDR-107", "the call with the target did not last");
  if (calling.facts().ended && *calling.facts().ended < *t.confirmed)
    return broke(v, "TDR-107", "the caller was hung up on before the target answered");
  judge_sound(calling, *target, *t.confirmed, v);
}

// The two who are left are one call, and both dialogs of the transferor have ended.
void judge_attended(const Call& calling, const Call& called, const Handed& h, CallVerdict& v) {
  const auto& f = called.facts();
  if (h.target == nullptr || h.consultation == nullptr || !h.target->facts().ended)
    return v.reasons.push_back("the consultation never reached the other side, or never ended");
  if (!f.transfer_ended) return;  // told by its rule
  const auto& c = h.consultation->facts();
  if (!c.hung_up_by_them)
    broke(v, "TDR-99", "the dialog that Replaces named was not ended after the transfer");
  if (calling.facts().ended && *calling.facts().ended <= *f.transfer_ended)
    return broke(v, "TDR-107", "the caller was hung up on by the transfer");
  if (*h.target->facts().ended <= *f.transfer_ended)
    return broke(v, "TDR-107", "the target was hung up on by the transfer");
  judge_sound(calling, *h.target, *f.transfer_ended, v);
}

void judge_replaced(const Call& calling, const Call& called, const Handed& h, CallVerdict& v) {
  if (h.nowhere != nullptr && h.nowhere->facts().final_status != 481)
    broke(v, "TDR-105",
          fmt::format("an INVITE whose Replaces names no dialog was answered {}",
                      h.nowhere->facts().final_status));
  if (h.target == nullptr || h.target->facts().final_status != 200)
    return broke(v, "TDR-105",
                 fmt::format("an INVITE with Replaces was answered {}",
                             h.target == nullptr ? 0 : h.target->facts().final_status));
  const auto& t = h.target->facts();
  if (!called.facts().hung_up_by_them)
    broke(v, "TDR-105", "the dialog that Replaces named was not ended");
  if (!t.confirmed || !t.ended || (calling.facts().ended && *calling.facts().ended < *t.confirmed))
    return broke(v, "TDR-105", "the caller did not stay");
  judge_sound(calling, *h.target, *t.confirmed, v);
}

}  // namespace

Handed handed_of(const Sides& sides, const CallPlan& plan) {
  Handed h;
  if (!plan.target) return h;
  const Agent& service = *sides.phone_system;
  const std::string label = plan.name + kTargetSuffix;
  const bool attended = plan.handover == Handover::kAttended;
  h.target =
      find(attended ? *sides.operator_site : service, label, plan.handover == Handover::kReplaced);
  h.consultation = find(service, plan.name + " (consultation)", true);
  h.nowhere = find(service, plan.name + " (no dialog)", true);
  return h;
}

void judge_handover(const CallPlan& plan, const Call& calling, const Call& called,
                    const Handed& handed, CallVerdict& v) {
  for (const Call* c : {handed.target, handed.consultation, handed.nowhere}) {
    if (c == nullptr) continue;
    const auto& f = c->facts();
    for (const auto& x : f.violations) {
      v.violations.push_back(x);
      v.reasons.push_back(
          fmt::format("{} seen by {}: {}", x.requirement, to_string(f.side), x.what));
    }
    for (const auto& t : f.troubles) v.reasons.push_back(f.label + ": " + t);
  }
  if (plan.handover != Handover::kReplaced) judge_refer(plan, called.facts(), v);
  switch (plan.handover) {
    case Handover::kBlind: return judge_blind(calling, called, handed.target, v);
    case Handover::kAttended: return judge_attended(calling, called, handed, v);
    case Handover::kReplaced: return judge_replaced(calling, called, handed, v);
  }
}

}  // namespace causeway::lab
