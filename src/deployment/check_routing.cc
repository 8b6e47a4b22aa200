// What must hold between [routing], the services of groups and their trunks.
#include <algorithm>

#include <fmt/format.h>

#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

void check_verification(Reader& r, const Draft& d) {
  for (const auto& v : d.routing.verification_drafts) {
    const auto say = [&](std::string_view key, std::string found, std::string remedy) {
      r.mistake(v.place.line_of(key), v.place.field_of(key), std::move(found), std::move(remedy));
    };
    const auto name = rules_of(v.service).name;
    if (v.group && v.group->value < d.groups.size() &&
        d.groups[v.group->value].service != v.service)
      say("group", "\"" + d.groups[v.group->value].name + "\"",
          fmt::format("this group has no service = \"{}\": name one that has", name));
    if (v.loop_back && std::none_of(d.groups.begin(), d.groups.end(),
                                    [&](const GroupDraft& g) { return g.service == v.service; }))
      say("loop_back", "true", fmt::format("no peer group has service = \"{}\"", name));
  }
}

void check_group(Reader& r, const Draft& d, const GroupDraft& g) {
  const auto say = [&](std::string_view key, std::string found, std::string remedy) {
    r.mistake(g.place.line_of(key), g.place.field_of(key), std::move(found), std::move(remedy));
  };
  const auto* profile =
      g.profile.value < d.profiles.size() ? &d.profiles[g.profile.value] : nullptr;
  if (g.service && g.trunk != Trunk::kNone)
    say("trunk", "\"" + std::string(to_string(g.trunk)) + "\"",
        "a group is a service or a trunk of your network: remove one of the two keys");
  if (profile != nullptr && g.numbers.country.empty() &&
      (profile->number_format == NumberFormat::kNational ||
       profile->number_format == NumberFormat::kInternational))
    say("numbers", "nothing",
        fmt::format("profile \"{}\" writes national or international numbers: say how they look, "
                    "numbers = {{ country = \"44\", national_prefix = \"0\", "
                    "international_prefix = \"00\" }}",
                    profile->name));
  if (profile != nullptr && profile->number_format == NumberFormat::kInternational &&
      !g.numbers.country.empty() && g.numbers.international_prefix.empty())
    say("numbers", "no international_prefix",
        fmt::format("profile \"{}\" writes it before every number", profile->name));
  if (g.trunk == Trunk::kNone) return;
  for (const auto to : g.routes_to)
    if (to.value < d.groups.size() && !d.groups[to.value].service)
      say("routes_to", "\"" + d.groups[to.value].name + "\"",
          "calls of a trunk are routed by number: give this group a service = \"...\"");
  if (g.routes_to.empty())
    say("routes_to", "nothing",
        "name the groups of the services that this trunk's calls may go to");
}

}  // namespace

void check_routing(Reader& r, const Draft& d) {
  check_verification(r, d);
  for (const auto& g : d.groups) check_group(r, d, g);
}

}  // namespace causeway::deployment
