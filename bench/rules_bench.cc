#include "bench.h"

#include "rules/engine.h"
#include "support/teams_invite.h"

using namespace causeway;
using namespace causeway::rules;

namespace {

Regex expression(const char* text) { return *Regex::compile(text); }

Action writing(Verb verb, const char* header, const char* value) {
  Action a;
  a.verb = verb;
  a.target.id = sip::header_id(header);
  a.target.name = header;
  a.value = *TextTemplate::parse(value);
  return a;
}

// Ten rules of the kinds that an operator writes, all of which hold.
std::shared_ptr<const RuleSet> ten_rules() {
  auto set = std::make_shared<RuleSet>();
  set->name = "bench";
  for (int i = 0; i < 10; ++i) {
    Rule rule;
    rule.name = "r" + std::to_string(i);
    rule.when.kind = Kind::kRequest;
    rule.when.methods = method_bit(sip::Method::kInvite);
    const std::string header = "X-Bench-" + std::to_string(i);
    if (i < 4) {
      rule.when.headers.push_back({{false, sip::HeaderId::kOther, header, Part::kWhole}, {}});
      rule.when.headers[0].test.kind = TextTest::Kind::kAbsent;
      rule.actions.push_back(writing(Verb::kAdd, header.c_str(), "${calling};a=${account}"));
    } else if (i < 7) {
      Action a = writing(Verb::kRewrite, "From", "${1}${2}");
      a.target.part = Part::kUser;
      a.pattern = expression("^(\\+?)(\\d+)");
      rule.actions.push_back(a);
      rule.when.calling = expression("^\\+49");
    } else if (i < 9) {
      rule.actions.push_back(writing(Verb::kSet, "Subject", i == 7 ? "a" : "b"));
    } else {
      Action a;
      a.verb = Verb::kRemoveCodecs;
      a.media = "audio";
      a.codecs = {"G729"};
      rule.when.sdp.push_back({"audio", "G729", "", {}});
      rule.actions.push_back(a);
    }
    set->rules.push_back(std::move(rule));
  }
  return set;
}

Facts facts() {
  Facts f;
  f.direction = Direction::kOut;
  f.account = "Contoso";
  f.calling = "+4930111";
  f.called = "+4989123";
  return f;
}

// What a message costs that no rule could hold for: the look at its start line.
void RulesPassedOver(benchmark::State& state) {
  const Chain chain(Direction::kOut, {ten_rules()});
  const std::string text = "SIP/2.0 200 OK\r\n" + causeway::testing::teams_invite();
  for (auto _ : state) {
    const auto line = start_line(text);
    benchmark::DoNotOptimize(chain.concerns(line.method, line.status));
  }
}
CAUSEWAY_BENCHMARK(RulesPassedOver);

// What they cost one that all of them change, with both times that it is parsed.
void RulesTenChangeInvite(benchmark::State& state) {
  const Chain chain(Direction::kOut, {ten_rules()});
  const std::string text = causeway::testing::teams_invite();
  for (auto _ : state) {
    Variables variables;
    const auto m = sip::Message::parse(text);
    auto outcome = apply(chain, *m, facts(), variables);
    benchmark::DoNotOptimize(outcome);
  }
}
CAUSEWAY_BENCHMARK(RulesTenChangeInvite);

// ... one that ten rules look at, and none changes.
void RulesTenLookAtInvite(benchmark::State& state) {
  auto set = std::make_shared<RuleSet>(*ten_rules());
  for (auto& rule : set->rules)
    rule.when.headers.push_back({{false, sip::HeaderId::kOther, "X-Missing", Part::kWhole}, {}});
  const Chain chain(Direction::kOut, {set});
  const std::string text = causeway::testing::teams_invite();
  for (auto _ : state) {
    Variables variables;
    const auto m = sip::Message::parse(text);
    auto outcome = apply(chain, *m, facts(), variables);
    benchmark::DoNotOptimize(outcome);
  }
}
CAUSEWAY_BENCHMARK(RulesTenLookAtInvite);

}  // namespace
