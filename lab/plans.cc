#include "lab/plans.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxCalls = 200;

// Tones lie on multiples of 20 Hz, each call and side another.
Sound tone(int index, bool caller) {
  return {Content::kTone, (caller ? 440.0 : 620.0) + 40.0 * (index % 4) + 400.0 * (index / 4 % 6)};
}

CallPlan call(std::string name, std::string what, Side caller, int index) {
  CallPlan p;
  p.name = std::move(name);
  p.what = std::move(what);
  p.caller = caller;
  p.calling.sound = tone(index, true);
  p.called.sound = tone(index, false);
  return p;
}

void ends(Behaviour& b, Millis at) { b.actions.push_back({at, Step::kHangUp}); }

void add_basic(std::vector<CallPlan>& out) {
  int i = static_cast<int>(out.size());
  auto p = call("op-answered", "operator calls: speech up, a tone down; the operator hangs up",
                Side::kOperator, i++);
  p.calling.sound.content = Content::kSpeech;
  ends(p.calling, 4'000ms);
  out.push_back(p);

  p = call("ps-answered", "Phone System calls: a tone down, speech up; Phone System hangs up",
           Side::kPhoneSystem, i++);
  p.called.sound.content = Content::kSpeech;
  ends(p.calling, 4'000ms);
  p.start = 200ms;
  out.push_back(p);

  p = call("op-busy", "operator calls, the user is busy (486)", Side::kOperator, i++);
  p.called.final_status = p.final_status = 486;
  p.start = 600ms;
  out.push_back(p);

  p = call("ps-busy", "Phone System calls, the subscriber is busy (486)", Side::kPhoneSystem, i++);
  p.called.final_status = p.final_status = 486;
  p.start = 800ms;
  out.push_back(p);

  for (const Side side : {Side::kOperator, Side::kPhoneSystem}) {
    const bool op = side == Side::kOperator;
    p = call(op ? "op-cancelled" : "ps-cancelled",
             op ? "operator calls and gives up while it rings"
                : "Phone System calls and gives up while it rings",
             side, i++);
    p.called.answers = false;
    p.calling.cancel_after = 1'200ms;
    p.final_status = 487;
    p.cancelled = true;
    p.start = op ? 1'000ms : 1'200ms;
    out.push_back(p);
  }
}

void add_hold(std::vector<CallPlan>& out) {
  int i = static_cast<int>(out.size());
  auto p = call("op-hold", "operator holds (sendonly) and resumes; Phone System hangs up",
                Side::kOperator, i++);
  p.calling.actions = {{1'500ms, Step::kHoldSendOnly}, {3'200ms, Step::kResume}};
  ends(p.called, 5'200ms);
  p.offers_seen_by_other = 1;
  p.start = 400ms;
  out.push_back(p);

  p = call("ps-hold", "Phone System holds (inactive) and resumes; operator hangs up",
           Side::kPhoneSystem, i++);
  p.calling.actions = {{1'500ms, Step::kHoldInactive}, {3'200ms, Step::kResume}};
  ends(p.called, 5'200ms);
  p.offers_seen_by_other = 1;
  p.start = 500ms;
  out.push_back(p);

  p = call("op-hold-old", "operator holds (0.0.0.0) and resumes without an offer", Side::kOperator,
           i++);
  p.calling.actions = {{1'500ms, Step::kHoldZeroAddress}, {3'200ms, Step::kResumeWithoutOffer}};
  ends(p.calling, 5'200ms);
  p.offers_seen_by_other = 1;
  p.start = 700ms;
  out.push_back(p);
}

void add_service(std::vector<CallPlan>& out) {
  int i = static_cast<int>(out.size());
  auto p = call("ps-refresh", "Phone System refreshes the session twice with the same SDP",
                Side::kPhoneSystem, i++);
  p.calling.actions = {{1'000ms, Step::kRefresh}, {2'000ms, Step::kRefresh}};
  ends(p.calling, 3'500ms);
  p.start = 900ms;
  out.push_back(p);

  p = call("op-forked", "three telephones ring, early media from one, the same one answers",
           Side::kOperator, i++);
  p.called.rings = 3;
  p.called.early_media = true;
  p.called.final_after = 2'000ms;
  ends(p.called, 2'500ms);
  p.start = 300ms;
  out.push_back(p);

  p = call("op-forked-other", "as before, but another telephone answers, with another key",
           Side::kOperator, i++);
  p.called.rings = 3;
  p.called.early_media = p.called.answer_on_other_fork = true;
  p.called.final_after = 2'000ms;
  ends(p.calling, 2'500ms);
  p.start = 1'100ms;
  out.push_back(p);
}

void add_transfer(std::vector<CallPlan>& out) {
  int i = static_cast<int>(out.size());
  for (const bool leaves : {false, true}) {
    auto p = call(leaves ? "op-transferred-left" : "op-transferred",
                  leaves ? "Phone System hands the operator's caller over and hangs up at once"
                         : "Phone System hands the operator's caller over and waits for the answer",
                  Side::kOperator, i++);
    p.called.transfer_to = leaves ? "+32255570902" : "+32255570901";
    p.called.actions = {{1'200ms, leaves ? Step::kTransferAndLeave : Step::kTransfer}};
    p.target = Behaviour{};
    p.target->sound = tone(i + 5, false);
    p.target->final_after = 1'200ms;
    ends(*p.target, 3'000ms);
    p.start = leaves ? 700ms : 300ms;
    out.push_back(p);
  }
  auto p = call("op-attended", "Phone System talks to a second subscriber and joins the two",
                Side::kOperator, i++);
  p.handover = Handover::kAttended;
  p.called.transfer_to = "+442079460911";
  p.called.actions = {
      {950ms, Step::kHoldInactive}, {1'250ms, Step::kConsult}, {2'400ms, Step::kAttendedTransfer}};
  p.target = Behaviour{};
  p.target->sound = tone(i + 5, false);
  ends(*p.target, 3'300ms);
  p.start = 500ms;
  out.push_back(p);

  p = call("op-replaced", "another user of Phone System takes the call over (Replaces)",
           Side::kOperator, i++);
  p.handover = Handover::kReplaced;
  p.called.transfer_to = "+32255570904";
  p.called.actions = {{1'200ms, Step::kReplace}};
  p.target = Behaviour{};
  p.target->sound = tone(i + 5, false);
  ends(*p.target, 2'000ms);
  p.start = 900ms;
  out.push_back(p);
}

// --- from a file
// -----------------------------------------------------------------------------------

using Json = nlohmann::json;

Result<Step> step_named(const std::string& name) {
  if (name == "hold-sendonly") return Step::kHoldSendOnly;
  if (name == "hold-inactive") return Step::kHoldInactive;
  if (name == "hold-zero") return Step::kHoldZeroAddress;
  if (name == "resume") return Step::kResume;
  if (name == "resume-without-offer") return Step::kResumeWithoutOffer;
  if (name == "refresh") return Step::kRefresh;
  if (name == "hang-up") return Step::kHangUp;
  return fail(ErrorCode::kConfiguration, "unknown step '" + name + "'");
}

Status read_behaviour(const Json& j, Behaviour& b) {
  b.final_status = j.value("status", b.final_status);
  b.rings = j.value("rings", b.rings);
  b.early_media = j.value("early_media", b.early_media);
  b.answer_on_other_fork = j.value("other_fork", b.answer_on_other_fork);
  b.answers = j.value("answers", b.answers);
  b.final_after = Millis(j.value("answer_after_ms", b.final_after.count()));
  b.cancel_after = Millis(j.value("cancel_after_ms", b.cancel_after.count()));
  if (j.contains("tone_hz")) b.sound = {Content::kTone, j["tone_hz"].get<double>()};
  if (j.value("speech", false)) b.sound.content = Content::kSpeech;
  if (j.value("silent", false)) b.sound.content = Content::kNothing;
  for (const auto& s : j.value("steps", Json::array())) {
    auto step = step_named(s.at("do").get<std::string>());
    if (!step) return tl::unexpected(step.error());
    b.actions.push_back({Millis(s.at("at_ms").get<long>()), *step});
  }
  return {};
}

Status read_call(const Json& j, CallPlan& p) {
  const std::string caller = j.value("caller", "operator");
  if (caller != "operator" && caller != "phone-system")
    return fail(ErrorCode::kConfiguration,
                "caller '" + caller + "' is neither operator nor phone-system");
  p.caller = caller == "operator" ? Side::kOperator : Side::kPhoneSystem;
  p.name = j.value("name", p.name);
  p.what = j.value("what", p.name);
  p.start = Millis(j.value("start_ms", 0L));
  p.limit = Millis(j.value("limit_ms", p.limit.count()));
  if (auto s = read_behaviour(j.value("calling", Json::object()), p.calling); !s) return s;
  if (auto s = read_behaviour(j.value("called", Json::object()), p.called); !s) return s;
  p.cancelled = p.calling.cancel_after > 0ms;
  p.final_status = j.value("expect_status", p.cancelled ? 487 : p.called.final_status);
  p.offers_seen_by_other = j.value("expect_holds", 0);
  return {};
}

}  // namespace

void add_local_media(ScenarioPlan& plan, bool first_inside) {
  auto& out = plan.calls;
  int i = static_cast<int>(out.size());
  const Place place = first_inside ? Place::kOutside : Place::kInside;
  auto p = call("ps-place", "a user calls from where none is expected", Side::kPhoneSystem, i++);
  p.calling.place = place;
  ends(p.calling, 1'500ms);
  p.start = 200ms;
  const std::string user = caller_of(p.caller, out.size());
  out.push_back(p);

  p = call("op-place", "the same user is called", Side::kOperator, i++);
  p.number = user;
  p.called.place = place;
  ends(p.calling, 1'500ms);
  p.start = 3'200ms;
  out.push_back(p);

  p = call("ps-moves", "a user goes from inside the enterprise's network to outside",
           Side::kPhoneSystem, i++);
  p.calling.place = Place::kInside;
  p.calling.actions = {{1'200ms, Step::kMove}};
  ends(p.calling, 3'400ms);
  p.start = 600ms;
  out.push_back(p);
}

void add_gateway_behind(ScenarioPlan& plan) {
  auto& out = plan.calls;
  auto p = call("ps-beside", "a user calls by the gateway behind the gateway, and refreshes",
                Side::kPhoneSystem, static_cast<int>(out.size()));
  p.calling.beside = true;
  p.calling.actions = {{600ms, Step::kRefresh}};
  ends(p.calling, 1'800ms);
  p.start = 1'100ms;
  out.push_back(p);
}

namespace {

MediaPlace at(std::string_view address, std::uint16_t first, std::uint16_t last) {
  return {IpAddress::literal(address).value_or(IpAddress{}), first, last};
}

// A phone on the Internet, relays and media processors in the service's own networks (MBP-11,
// TDM-14).
void add_media_places(std::vector<CallPlan>& out) {
  const std::pair<const char*, MediaPlace> places[] = {
      {"ps-direct", at("198.51.100.20", 50'000, 50'019)},
      {"op-direct", at("198.51.100.21", 50'000, 50'019)},
      {"ps-relay", at("52.114.10.20", 3'478, 3'481)},
      {"op-relay", at("52.122.10.20", 50'020, 59'999)}};
  for (const auto& [name, place] : places) {
    const bool op = name[0] == 'o';
    auto p = call(name, "media comes from " + place.address.to_string(),
                  op ? Side::kOperator : Side::kPhoneSystem, static_cast<int>(out.size()));
    (op ? p.called : p.calling).from = place;
    ends(p.calling, 3'200ms);  // an unanswered check ends it before
    p.start = Millis(300 + 200 * static_cast<long>(out.size() % 8));
    out.push_back(p);
  }
  auto p = call("op-escalated", "a call goes on through media processors", Side::kOperator,
                static_cast<int>(out.size()));
  p.called.escalations = {at("52.120.11.21", 49'152, 53'247), at("52.113.11.22", 3'478, 3'481)};
  p.called.actions = {{1'000ms, Step::kEscalate}, {3'800ms, Step::kEscalate}};
  ends(p.calling, 5'400ms);
  p.start = 300ms;
  out.push_back(p);
}

}  // namespace

void add_media_bypass(ScenarioPlan& plan) {
  auto& out = plan.calls;
  int i = static_cast<int>(out.size());
  auto p = call("ps-ice-final", "a phone offers DTLS, too, and then the path that it nominated",
                Side::kPhoneSystem, i++);
  p.calling.dtls_offered = true;
  p.calling.actions = {{1'200ms, Step::kIceFinal}};
  ends(p.calling, 3'200ms);
  p.start = 400ms;
  out.push_back(p);

  p = call("op-ice-final", "the same by the phone that was called", Side::kOperator, i++);
  p.called.actions = {{1'200ms, Step::kIceFinal}};
  ends(p.calling, 3'200ms);
  p.start = 600ms;
  out.push_back(p);

  p = call("ps-ice-restart", "a phone restarts ICE with new credentials", Side::kPhoneSystem, i++);
  p.calling.actions = {{1'200ms, Step::kIceRestart}};
  ends(p.called, 3'500ms);
  p.start = 800ms;
  out.push_back(p);

  p = call("op-ice-lite", "what answers is ICE-lite itself", Side::kOperator, i++);
  p.called.ice = IceKind::kLite;
  ends(p.called, 2'000ms);
  p.start = 1'000ms;
  out.push_back(p);

  p = call("ps-ice-lost", "a phone loses its path and hangs up", Side::kPhoneSystem, i++);
  p.calling.actions = {{1'200ms, Step::kIceLost}};
  p.start = 500ms;
  out.push_back(p);

  p = call("ps-early", "the core plays before it answers, and a phone checks from then on",
           Side::kPhoneSystem, i++);
  p.calling.mux_offered = false;
  p.called.early_media = true;
  p.called.final_after = 1'500ms;
  ends(p.calling, 1'500ms);
  p.start = 300ms;
  out.push_back(p);
  add_media_places(out);
}

std::string caller_of(Side caller, std::size_t index) {
  char digits[8];
  std::snprintf(digits, sizeof digits, "%04zu", 5'000 + index % 5'000);
  return (caller == Side::kOperator ? "+44207946" : "+32255570") + std::string(digits);
}

std::vector<std::string> built_in_plans() {
  return {"demo", "basic", "hold", "service", "transfer"};
}

Result<ScenarioPlan> parse_plan(std::string_view text) {
  // The library throws from its typed getters; none of that leaves this function.
  try {
    const Json j = Json::parse(text);
    ScenarioPlan plan;
    plan.name = j.value("name", "file");
    plan.wait_for_options = j.value("wait_for_options", false);
    for (const auto& c : j.at("calls")) {
      if (plan.calls.size() >= kMaxCalls) return fail(ErrorCode::kTooLarge, "more than 200 calls");
      const int i = static_cast<int>(plan.calls.size());
      CallPlan p = call("call-" + std::to_string(i + 1), "", Side::kOperator, i);
      if (auto s = read_call(c, p); !s) return tl::unexpected(s.error());
      plan.calls.push_back(std::move(p));
    }
    return plan;
  } catch (const Json::exception& e) {
    return fail(ErrorCode::kConfiguration, std::string("call plan: ") + e.what());
  }
}

Result<ScenarioPlan> find_plan(const std::string& name) {
  ScenarioPlan plan;
  plan.name = name;
  const auto known = built_in_plans();
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    if (name == "demo" || name == "basic") add_basic(plan.calls);
    if (name == "demo" || name == "hold") add_hold(plan.calls);
    if (name == "demo" || name == "service") add_service(plan.calls);
    if (name == "demo" || name == "transfer") add_transfer(plan.calls);
    plan.wait_for_options = name == "demo";
    return plan;
  }
  std::ifstream in(name);
  if (!in)
    return fail(ErrorCode::kNotFound, "no built-in scenario and no file of that name: " + name);
  std::stringstream text;
  text << in.rdbuf();
  return parse_plan(text.str());
}

}  // namespace causeway::lab
