#include "lab/scenario.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lab/handover.h"

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr Micros kSettle = 300ms;  // after a change, before what is heard counts
constexpr Micros kBeforeChange = 100ms;
constexpr Micros kShortest = 400ms;
constexpr double kMaxLoss = 0.01;
constexpr double kMaxJitterMs = 40;
constexpr double kMaxFirstPacketMs = 700;

Phase phase_at(const CallFacts& f, Instant t) {
  Phase p;
  for (const auto& x : f.phases)
    if (x.at <= t) p = x;
  return p;
}

double millis(Instant from, Instant to) { return static_cast<double>((to - from).count()) / 1000; }

void add_quality(StreamQuality& sum, const StreamQuality& q) {
  sum.packets += q.packets;
  sum.expected += q.expected;
  sum.lost += q.lost;
  sum.duplicates += q.duplicates;
  sum.ssrc_changes += q.ssrc_changes;
  sum.jitter_ms = std::max(sum.jitter_ms, q.jitter_ms);
}

void judge_media_counters(const Call& to, const std::string& who, CallVerdict& v) {
  const auto& c = to.media()->counters();
  if (c.wrong_source > 0)
    v.reasons.push_back(
        fmt::format("{}: {} packets from another address than the SDP says", who, c.wrong_source));
  if (c.refused_by_srtp > 0)
    v.reasons.push_back(
        fmt::format("{}: {} packets fail SRTP authentication", who, c.refused_by_srtp));
  if (c.malformed > 0)
    v.reasons.push_back(fmt::format("{}: {} malformed RTP packets", who, c.malformed));
  if (c.wrong_payload > 0)
    v.reasons.push_back(fmt::format("{}: {} packets with a payload type that was not agreed", who,
                                    c.wrong_payload));
  const auto& f = to.facts();
  if (f.confirmed && f.ended && *f.ended - *f.confirmed > Micros(3s) && c.rtcp_received == 0)
    v.reasons.push_back(who + ": no RTCP (TDM-12)");
}

void judge_direction(const CallPlan& plan, const Call& from, const Call& to, CallVerdict& v) {
  DirectionVerdict d;
  d.from = from.facts().side;
  d.to = to.facts().side;
  d.score = 1;
  const std::string who = fmt::format("{} to {}", to_string(d.from), to_string(d.to));
  const auto& frames = to.media()->frames();
  bool sound = false;
  for (const auto& s : stretches(from.facts(), from.behaviour().sound, to.facts())) {
    const Heard h = judge_stretch(frames, s);
    d.heard.push_back(h.what);
    if (!h.good) {
      d.good = false;
      v.reasons.push_back(who + ": " + h.what);
    }
    if (s.sound.content == Content::kNothing) continue;
    sound = true;
    d.score = std::min(d.score, h.score);
    std::vector<Frame> inside;
    std::copy_if(frames.begin(), frames.end(), std::back_inserter(inside),
                 [&](const Frame& f) { return f.at >= s.from && f.at < s.until; });
    add_quality(d.quality, quality_of(inside));
  }
  if (!sound) v.reasons.push_back(who + ": nothing long enough to be judged");
  const auto& q = d.quality;
  if (q.loss() > kMaxLoss)
    v.reasons.push_back(fmt::format("{}: {:.1f} % lost", who, 100 * q.loss()));
  if (q.duplicates > 0) v.reasons.push_back(fmt::format("{}: {} duplicates", who, q.duplicates));
  if (q.jitter_ms > kMaxJitterMs)
    v.reasons.push_back(fmt::format("{}: jitter {:.1f} ms", who, q.jitter_ms));
  if (q.ssrc_changes > 0 && !plan.called.answer_on_other_fork)
    v.reasons.push_back(fmt::format("{}: the SSRC changed {} times", who, q.ssrc_changes));
  const auto& f = to.facts();
  const auto since = f.caller && f.early_sdp ? f.early_sdp : f.answered;
  if (const auto first = to.media()->first_packet(); first && since) {
    d.first_packet_ms = std::max(0.0, millis(*since, *first));
    if (d.first_packet_ms > kMaxFirstPacketMs)
      v.reasons.push_back(fmt::format("{}: first packet after {:.0f} ms", who, d.first_packet_ms));
  }
  judge_media_counters(to, who, v);
  v.directions.push_back(std::move(d));
}

void judge_signalling(const CallPlan& plan, const CallFacts& a, const Call* called,
                      CallVerdict& v) {
  if (a.final_status != plan.final_status)
    v.reasons.push_back(
        fmt::format("final answer {} in place of {}", a.final_status, plan.final_status));
  if (!a.ended) v.reasons.push_back("the caller's side never ended");
  if (called == nullptr) {
    v.reasons.push_back("the call never arrived at the other side");
    return;
  }
  const auto& b = called->facts();
  if (!b.ended) v.reasons.push_back("the called side never ended");
  if (plan.cancelled != a.cancelled)
    v.reasons.push_back(plan.cancelled ? "CANCEL was not sent: no provisional came" : "cancelled");
  if (plan.cancelled && !b.cancelled)
    v.reasons.push_back("the CANCEL did not reach the called side");
  if (plan.called.rings > 0 && plan.final_status == 200 && !a.ringing)
    v.reasons.push_back("no 18x reached the caller");
  if (plan.called.early_media && !a.early_sdp)
    v.reasons.push_back("no early SDP reached the caller");
  if (a.holds_taken + b.holds_taken < plan.offers_seen_by_other)
    v.reasons.push_back("the hold did not reach the other side");
  if (plan.final_status != 200) return;
  // The transferor goes, and its caller talks on.
  if (!plan.target && a.hung_up_by_us == b.hung_up_by_us)
    v.reasons.push_back("the BYE did not cross");
}

void judge_identity(const CallPlan& plan, const CallFacts& b, bool strict, CallVerdict& v) {
  if (b.number.empty() || (strict ? b.number != v.number : !same_subscriber(b.number, v.number)))
    v.reasons.push_back(fmt::format("dialled {}, arrived as {}", v.number, b.number));
  if (plan.caller == Side::kPhoneSystem && b.asserted_identity.empty())
    v.reasons.push_back("P-Asserted-Identity did not reach the trusted operator (TDR-63)");
}

std::string number_of(const CallPlan& plan, std::size_t index) {
  return fmt::format("{}{:04}", plan.caller == Side::kOperator ? "+32255570" : "+44207946",
                     index + 1);
}

struct Running {
  const CallPlan* plan = nullptr;
  std::string number;
  Call* calling = nullptr;
  bool placed = false;
};

const Call* called_of(const Sides& sides, const Running& r) {
  const Side other = r.plan->caller == Side::kOperator ? Side::kPhoneSystem : Side::kOperator;
  for (const auto& c : sides.agent(other)->calls())
    if (!c->facts().caller && c->facts().label == r.plan->name) return c.get();
  return nullptr;
}

bool has_ended(const Sides& sides, const Running& r) {
  if (!r.placed) return false;
  if (r.calling == nullptr) return true;
  const Call* other = called_of(sides, r);
  if (r.plan->target) {
    const Call* target = handed_of(sides, *r.plan).target;
    if (target != nullptr && !target->ended()) return false;  // null: comes while the caller waits
  }
  return r.calling->ended() && (other == nullptr || other->ended());
}

void judge_options(const Sides& sides, ScenarioVerdict& v) {
  const auto& o = sides.phone_system->options();
  const auto healthy = [&] {
    int n = 0;
    for (const auto& [name, x] : o) n += x.received > x.refused && x.answered > 0 ? 1 : 0;
    return n == 3;
  };
  if (sides.loop.run_until(healthy, 6s)) return;
  for (const char* name : {"sip", "sip2", "sip3"}) {
    const auto it = o.find(std::string(name) + ".pstnhub.example");
    if (it == o.end()) {
      v.reasons.push_back(fmt::format("{}: no OPTIONS came from the gateway (TDR-34)", name));
    } else if (it->second.received <= it->second.refused) {
      v.reasons.push_back(fmt::format("{}: every OPTIONS was refused", name));
    } else if (it->second.answered == 0) {
      v.reasons.push_back(
          fmt::format("{}: the gateway did not answer our OPTIONS with 200 (TDR-37)", name));
    }
  }
}

}  // namespace

std::vector<Stretch> stretches(const CallFacts& from, const Sound& sound, const CallFacts& to) {
  std::set<Instant> edges;
  for (const auto& p : from.phases) edges.insert(p.at);
  for (const auto& p : to.phases) edges.insert(p.at);
  std::vector<Stretch> out;
  for (auto it = edges.begin(); it != edges.end() && std::next(it) != edges.end(); ++it) {
    const Instant begin = *it + kSettle, end = *std::next(it) - kBeforeChange;
    if (end - begin < kShortest) continue;
    const Known sends = phase_at(from, *it).sends, receives = phase_at(to, *it).receives;
    if (sends == Known::kYes && receives == Known::kYes) {
      out.push_back({begin, end, sound});
    } else if (sends == Known::kNo || receives == Known::kNo) {
      out.push_back({begin, end, {Content::kNothing, 0}});
    }
  }
  return out;
}

CallVerdict judge_call(const CallPlan& plan, const Call* calling, const Call* called,
                       const Handed& handed, bool strict_numbers) {
  CallVerdict v;
  v.name = plan.name;
  v.what = plan.what;
  if (calling == nullptr) {
    v.reasons.push_back("the call could not be placed");
    return v;
  }
  const auto& a = calling->facts();
  v.number = a.number;
  v.final_status = a.final_status;
  if (a.ringing) v.ringing_ms = millis(a.started, *a.ringing);
  if (a.answered) v.answer_ms = millis(a.started, *a.answered);
  judge_signalling(plan, a, called, v);
  if (called != nullptr) judge_identity(plan, called->facts(), strict_numbers, v);
  if (plan.final_status == 200 && called != nullptr && calling->media() != nullptr &&
      called->media() != nullptr) {
    judge_direction(plan, *calling, *called, v);
    judge_direction(plan, *called, *calling, v);
  }
  if (plan.target && called != nullptr) judge_handover(plan, *calling, *called, handed, v);
  for (const Call* c : {calling, called}) {
    if (c == nullptr) continue;
    for (const auto& x : c->facts().violations) {
      v.violations.push_back(x);
      v.reasons.push_back(
          fmt::format("{} seen by {}: {}", x.requirement, to_string(c->facts().side), x.what));
    }
    for (const auto& t : c->facts().troubles)
      v.reasons.push_back(fmt::format("{}: {}", to_string(c->facts().side), t));
  }
  v.good = v.reasons.empty();
  return v;
}

ScenarioVerdict run_scenario(const Sides& sides, const ScenarioPlan& plan) {
  ScenarioVerdict verdict;
  verdict.name = plan.name;
  Loop& loop = sides.loop;
  (void)speech();  // rendered before the clock runs
  const Instant begin = loop.now();
  sides.ladder.heading();
  std::vector<Running> running(plan.calls.size());
  Millis longest{0};
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    const CallPlan& p = plan.calls[i];
    Running& r = running[i];
    r.plan = &p;
    r.number = p.number.empty() ? number_of(p, i) : p.number;
    longest = std::max(longest, p.start + p.limit);
    const Side other = p.caller == Side::kOperator ? Side::kPhoneSystem : Side::kOperator;
    sides.agent(other)->expect(r.number, p.name, p.called);
    if (p.target)
      sides.agent(p.handover == Handover::kAttended ? p.caller : other)
          ->expect(p.called.transfer_to, p.name + kTargetSuffix, *p.target);
    const std::string from = caller_of(p.caller, i);
    loop.after(p.start, [&sides, &r, from] {
      r.placed = true;
      r.calling = sides.agent(r.plan->caller)->place(r.plan->name, r.number, from, r.plan->calling);
    });
  }
  const auto all_ended = [&] {
    return std::all_of(running.begin(), running.end(),
                       [&](const Running& r) { return has_ended(sides, r); });
  };
  (void)loop.run_until(all_ended, longest);
  (void)loop.run_until([] { return false; }, 150ms);  // the last responses
  if (plan.wait_for_options) judge_options(sides, verdict);
  for (const auto& r : running) {
    verdict.calls.push_back(judge_call(*r.plan, r.calling, called_of(sides, r),
                                       handed_of(sides, *r.plan), plan.strict_numbers));
  }
  for (const Side side : {Side::kOperator, Side::kPhoneSystem})
    for (const auto& s : sides.agent(side)->stray_violations())
      verdict.reasons.push_back(
          fmt::format("{} seen by {}: {}", s.requirement, to_string(side), s.what));
  verdict.seconds = to_seconds(loop.now() - begin);
  verdict.good =
      verdict.reasons.empty() && std::all_of(verdict.calls.begin(), verdict.calls.end(),
                                             [](const CallVerdict& c) { return c.good; });
  return verdict;
}

std::string to_text(const ScenarioVerdict& v, bool colour) {
  const auto mark = [&](bool good) {
    if (!colour) return std::string(good ? "good" : "BAD ");
    return std::string(good ? "\x1b[32mgood\x1b[0m" : "\x1b[31mBAD \x1b[0m");
  };
  std::string out = "\n";
  for (const auto& c : v.calls) {
    out += fmt::format("{}  {:<16} {}\n", mark(c.good), c.name, c.what);
    std::string line = fmt::format("      {}", c.final_status);
    if (c.ringing_ms) line += fmt::format(", rings after {:.0f} ms", *c.ringing_ms);
    if (c.answer_ms) line += fmt::format(", answered after {:.0f} ms", *c.answer_ms);
    out += line + "\n";
    for (const auto& d : c.directions) {
      out += fmt::format(
          "      {} to {}: {} packets, {} lost, jitter {:.1f} ms, first after {:.0f} ms\n",
          to_string(d.from), to_string(d.to), d.quality.packets, d.quality.lost,
          d.quality.jitter_ms, d.first_packet_ms);
      for (const auto& h : d.heard) out += "        heard " + h + "\n";
    }
    for (const auto& r : c.reasons) out += "      - " + r + "\n";
  }
  for (const auto& r : v.reasons) out += fmt::format("{}  {}\n", mark(false), r);
  const auto good =
      std::count_if(v.calls.begin(), v.calls.end(), [](const CallVerdict& c) { return c.good; });
  return out +
         fmt::format(
             "\n{}: {} of {} calls good, {:.1f} s{}\n", v.name, good, v.calls.size(), v.seconds,
             speech_is_real() ? "" : " (espeak-ng is missing: speech replaced by changing tones)");
}

std::string to_json(const ScenarioVerdict& v) {
  using Json = nlohmann::ordered_json;
  Json j{{"scenario", v.name},
         {"good", v.good},
         {"seconds", v.seconds},
         {"reasons", v.reasons},
         {"calls", Json::array()}};
  for (const auto& c : v.calls) {
    Json x{{"name", c.name},
           {"what", c.what},
           {"number", c.number},
           {"good", c.good},
           {"reasons", c.reasons},
           {"final_status", c.final_status},
           {"ringing_ms", nullptr},
           {"answer_ms", nullptr},
           {"directions", Json::array()},
           {"violations", Json::array()}};
    if (c.ringing_ms) x["ringing_ms"] = *c.ringing_ms;
    if (c.answer_ms) x["answer_ms"] = *c.answer_ms;
    for (const auto& d : c.directions)
      x["directions"].push_back({{"from", to_string(d.from)},
                                 {"to", to_string(d.to)},
                                 {"good", d.good},
                                 {"heard", d.heard},
                                 {"score", d.score},
                                 {"packets", d.quality.packets},
                                 {"lost", d.quality.lost},
                                 {"duplicates", d.quality.duplicates},
                                 {"ssrc_changes", d.quality.ssrc_changes},
                                 {"jitter_ms", d.quality.jitter_ms},
                                 {"first_packet_ms", d.first_packet_ms}});
    for (const auto& w : c.violations)
      x["violations"].push_back({{"requirement", w.requirement}, {"what", w.what}});
    j["calls"].push_back(std::move(x));
  }
  return j.dump(2);
}

}  // namespace causeway::lab
