// [[cadence]]: ringing tones by name, beside those of countries that come with Causeway.
#include <algorithm>

#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

// A whole number of dBm0, which may be below zero.
void level(Reader& r, const At& at, CadenceDraft& c) {
  int dbm0 = 0;
  r.integer(at, dbm0, -40, 0);
  c.level = dbm0;
}

void tones(Reader& r, const At& at, CadenceDraft& c) {
  if (!r.is_text(at)) return;
  auto parsed = tone::parse_cadence(at.node->text);
  if (!parsed)
    return r.mistake(at,
                     "write frequencies over milliseconds, such as "
                     "\"400+450/400,0/200,400+450/400,0/2000\": " +
                         parsed.error().what);
  const auto sounds = [](const tone::Cadence::Step& s) { return s.tone.hertz[0] != 0; };
  if (std::none_of(parsed->steps.begin(), parsed->steps.begin() + parsed->count, sounds))
    return r.mistake(at, "a cadence of silence alone is no tone; give one step a frequency");
  c.cadence = *parsed;
}

constexpr Key<CadenceDraft> kKeys[] = {
    {"name", member<&CadenceDraft::name>, true},
    {"tones", tones, true},
    {"level", level},
};

}  // namespace

void read_cadences(Reader& r, const At& root, Draft& draft) {
  const auto* section = root.node->find("cadence");
  if (section == nullptr) return;
  r.tables({&section->value, section->line, "cadence"}, [&](const At& item) {
    CadenceDraft c;
    c.place = {item.node, item.line, item.field};
    r.table<CadenceDraft>(item, kKeys, c);
    const std::string found = "\"" + c.name + "\"";
    const auto wrong = [&](const char* remedy) {
      r.mistake(c.place.line_of("name"), c.place.field_of("name"), found, remedy);
    };
    if (c.name.size() > 64 || c.name.find_first_of("/,+") != std::string::npos)
      return wrong("write a word of at most 64 characters without '/', ',' and '+'");
    if (std::any_of(draft.cadences.begin(), draft.cadences.end(),
                    [&](const CadenceDraft& o) { return o.name == c.name; }))
      return wrong("a cadence of this name exists already; choose another name");
    if (c.cadence && c.level) c.cadence->level = *c.level;
    draft.cadences.push_back(std::move(c));
  });
}

void list_cadence_keys(std::vector<std::string>& out) {
  list_keys<CadenceDraft>("cadence", kKeys, out);
}

// Those of the file first: one may be called "GB".
const tone::Cadence* cadence_called(const Draft& draft, const std::string& name) {
  for (const CadenceDraft& c : draft.cadences)
    if (c.name == name)
      return c.cadence ? &*c.cadence : &tone::recommended_cadence(tone::Signal::kRingback);
  return tone::cadence_of(name, tone::Signal::kRingback);
}

// What profiles name, now that all are known.
void resolve_cadences(Reader& r, Draft& draft) {
  for (ProfileDraft& p : draft.profiles) {
    if (!p.ringback_ref) continue;
    const Ref& ref = *p.ringback_ref;
    if (const auto* known = cadence_called(draft, ref.name)) {
      p.ringback = *known;
      continue;
    }
    if (auto written = tone::parse_cadence(ref.name)) {
      p.ringback = *written;
      continue;
    }
    if (ref.line == 0) continue;  // of the profile that it extends, which has the mistake
    std::vector<std::string_view> names(tone::countries().begin(), tone::countries().end());
    for (const CadenceDraft& c : draft.cadences) names.push_back(c.name);
    const std::string_view near = nearest(ref.name, names);
    r.mistake(
        ref.line, ref.field, "\"" + ref.name + "\"",
        "neither a country such as \"GB\" nor a [[cadence]] of this file nor a WAV file nor a "
        "cadence such as \"400+450/400,0/200,400+450/400,0/2000\"" +
            (near.empty() ? std::string(": ") + tone::parse_cadence(ref.name).error().what
                          : "; did you mean \"" + std::string(near) + "\"?"));
  }
}

}  // namespace causeway::deployment
