#include "lab/load.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace causeway::lab {

using namespace std::chrono_literals;

namespace {

constexpr Micros kTick = 5ms;
constexpr Micros kTail = 15s;  // for the last calls to end
constexpr Micros kForgetEvery = 2s;

class LoadRun final : public Agent::Observer {
 public:
  LoadRun(const Sides& sides, const LoadSettings& settings)
      : sides_(sides),
        settings_(settings),
        caller_(*sides.agent(settings.caller)),
        other_(*sides.agent(settings.caller == Side::kOperator ? Side::kPhoneSystem
                                                               : Side::kOperator)) {
    called_.media = calling_.media = false;
    called_.ring_after = 10ms;
    called_.final_after = 20ms;
    calling_.actions = {{settings.hold, Step::kHangUp}};
    other_.set_default_behaviour(called_);
    for (Agent* a : {&caller_, &other_}) a->set_observer(this);
  }
  ~LoadRun() override {
    for (Agent* a : {&caller_, &other_}) a->set_observer(nullptr);
  }

  LoadReport run() {
    Loop& loop = sides_.loop;
    const Instant begin = loop.now();
    tick(begin);
    const auto span = Micros(
        static_cast<std::int64_t>(1e6 * static_cast<double>(settings_.calls) / settings_.rate));
    const auto done = [&] {
      return report_.placed + refused_ >= settings_.calls && ended_ >= report_.placed;
    };
    const bool all = loop.run_until(done, span + settings_.hold + kTail);
    stopped_ = true;
    loop.cancel(timer_);
    if (!all) report_.failures["not ended in time"] += report_.placed - ended_;
    report_.seconds = to_seconds(loop.now() - begin);
    report_.failed = refused_;
    for (const auto& [kind, n] : report_.failures)
      if (kind != "could not be placed") report_.failed += n;
    for (const Side s : {Side::kOperator, Side::kPhoneSystem})
      for (const auto& v : sides_.agent(s)->stray_violations())
        ++report_.breaches[v.requirement + " " + v.what];
    std::sort(report_.answer_ms.begin(), report_.answer_ms.end());
    return std::move(report_);
  }

 private:
  void tick(Instant begin) {
    if (stopped_) return;
    Loop& loop = sides_.loop;
    const double due = to_seconds(loop.now() - begin) * settings_.rate + 1;
    while (next_ < settings_.calls && static_cast<double>(next_) < due) place_one();
    if (loop.now() - forgotten_ > kForgetEvery) {
      forgotten_ = loop.now();
      for (const Side s : {Side::kOperator, Side::kPhoneSystem}) sides_.agent(s)->forget_ended();
    }
    if (next_ < settings_.calls || !stopped_)
      timer_ = loop.after(kTick, [this, begin] { tick(begin); });
  }

  void place_one() {
    const auto n = next_++;
    const std::string number = fmt::format("+3225558{:05}", n % 100'000);
    if (caller_.place("load", number, fmt::format("+4420794{:05}", n % 100'000), calling_) !=
        nullptr) {
      ++report_.placed;
      return;
    }
    ++refused_;
    ++report_.failures["could not be placed"];
  }

  void on_call_ended(Call& c) override {
    const auto& f = c.facts();
    for (const auto& v : f.violations) {
      ++report_.violations;
      if (report_.breaches.size() < 100) ++report_.breaches[v.requirement + " " + v.what];
    }
    if (!f.caller) return;
    ++ended_;
    if (f.answered && report_.answer_ms.size() < 1'000'000)
      report_.answer_ms.push_back(static_cast<double>((*f.answered - f.started).count()) / 1000);
    std::string kind;
    if (f.final_status != 200)
      kind = f.final_status == 0 ? "no final answer" : "answered " + std::to_string(f.final_status);
    if (kind.empty() && !f.troubles.empty()) kind = f.troubles.front();
    if (kind.empty() && !f.hung_up_by_us) kind = "ended by the other side";
    if (kind.empty()) {
      ++report_.good;
    } else if (report_.failures.size() < 100) {
      ++report_.failures[kind];
    }
  }

  const Sides& sides_;
  LoadSettings settings_;
  Agent& caller_;
  Agent& other_;
  Behaviour calling_, called_;
  LoadReport report_;
  std::uint64_t next_ = 0, ended_ = 0, refused_ = 0;
  Instant forgotten_;
  Loop::TimerId timer_ = 0;
  bool stopped_ = false;
};

}  // namespace

double LoadReport::percentile(double p) const {
  if (answer_ms.empty()) return 0;
  const auto i =
      static_cast<std::size_t>(p / 100 * static_cast<double>(answer_ms.size() - 1) + 0.5);
  return answer_ms[std::min(i, answer_ms.size() - 1)];
}

LoadReport run_load(const Sides& sides, const LoadSettings& settings) {
  return LoadRun(sides, settings).run();
}

std::string to_text(const LoadReport& r) {
  std::string out = fmt::format("{} calls placed in {:.1f} s, {} good, {} failed\n", r.placed,
                                r.seconds, r.good, r.failed);
  for (const auto& [kind, n] : r.failures) out += fmt::format("  failed: {} x {}\n", n, kind);
  for (const auto& [what, n] : r.breaches) out += fmt::format("  breach: {} x {}\n", n, what);
  return out + fmt::format(
                   "  INVITE to 200, ms: 50 % {:.1f}, 90 % {:.1f}, 99 % {:.1f}, longest {:.1f} "
                   "(the called side takes 20)\n",
                   r.percentile(50), r.percentile(90), r.percentile(99), r.percentile(100));
}

std::string to_json(const LoadReport& r) {
  nlohmann::ordered_json j{{"placed", r.placed},         {"good", r.good},
                           {"failed", r.failed},         {"seconds", r.seconds},
                           {"violations", r.violations}, {"failures", r.failures},
                           {"breaches", r.breaches}};
  j["answer_ms"] = {{"p50", r.percentile(50)},
                    {"p90", r.percentile(90)},
                    {"p99", r.percentile(99)},
                    {"max", r.percentile(100)}};
  return j.dump(2);
}

}  // namespace causeway::lab
