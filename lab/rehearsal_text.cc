// What a rehearsal found, for a person and for a pipeline.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "lab/rehearse.h"

namespace causeway::lab {
namespace {

constexpr std::string_view word(RuleVerdict::State s) {
  switch (s) {
    case RuleVerdict::State::kPassed: return "passed";
    case RuleVerdict::State::kFailed: return "FAILED";
    case RuleVerdict::State::kUntried: break;
  }
  return "untried";
}

std::array<std::size_t, 3> counted(const Rehearsal& r) {
  std::array<std::size_t, 3> n{};
  for (const auto& v : r.rules) ++n.at(static_cast<std::size_t>(v.state));
  return n;
}

}  // namespace

std::string to_text(const Rehearsal& r, bool colour) {
  std::string out = fmt::format("{}: peer_group '{}', with '{}' as the core\n\n", r.service,
                                r.service_group, r.core_group);
  for (const auto& v : r.rules) {
    const bool failed = v.state == RuleVerdict::State::kFailed;
    const char* paint = failed                                   ? "\x1b[31m"
                        : v.state == RuleVerdict::State::kPassed ? "\x1b[32m"
                                                                 : "\x1b[33m";
    out += fmt::format("{}{:<8}{} {:<12} {}\n", colour ? paint : "", word(v.state),
                       colour ? "\x1b[0m" : "", v.id, v.rule);
    for (const auto& s : v.seen) out += fmt::format("{:21} seen    {}\n", "", s);
    if (failed) out += fmt::format("{:21} remedy  {}\n", "", v.remedy);
  }
  if (!r.troubles.empty()) out += "\nCalls that went otherwise wrong:\n";
  for (const auto& t : r.troubles) out += "  " + t + "\n";
  const auto n = counted(r);
  return out + fmt::format(
                   "\n{} passed, {} failed, {} not tried. Messages, log and the copy of the "
                   "configuration: {}\n",
                   n[0], n[1], n[2], r.directory);
}

std::string to_json(const Rehearsal& r) {
  using Json = nlohmann::ordered_json;
  const auto n = counted(r);
  Json j{{"service", r.service},  {"group", r.service_group}, {"core", r.core_group},
         {"good", r.good()},      {"passed", n[0]},           {"failed", n[1]},
         {"untried", n[2]},       {"directory", r.directory}, {"rules", Json::array()},
         {"troubles", r.troubles}};
  for (const auto& v : r.rules) {
    std::string state(word(v.state));
    std::transform(state.begin(), state.end(), state.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    j["rules"].push_back(
        {{"id", v.id}, {"state", state}, {"rule", v.rule}, {"seen", v.seen}, {"remedy", v.remedy}});
  }
  return j.dump(2);
}

}  // namespace causeway::lab
