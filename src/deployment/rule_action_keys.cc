// The keys of one action of a rule. What an action needs and what it may have is a table; what it
// may not do is asked of rules/allowed.h.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "deployment/drafts.h"
#include "deployment/rule_drafts.h"
#include "rules/allowed.h"

namespace causeway::deployment {
namespace {

using rules::Verb;

struct ActionDraft : rules::Action {
  std::optional<Verb> chosen;
  std::string to_text, value_text;
};

constexpr std::pair<std::string_view, rules::Part> kParts[] = {{"whole", rules::Part::kWhole},
                                                               {"display", rules::Part::kDisplay},
                                                               {"uri", rules::Part::kUri},
                                                               {"user", rules::Part::kUser},
                                                               {"host", rules::Part::kHost}};
constexpr std::pair<std::string_view, bool> kOwners[] = {{"uri", false}, {"header", true}};

template <Verb V>
void target(Reader& r, const At& at, ActionDraft& a) {
  const rules::Part part = a.target.part;
  if (!read_target(r, at, a.target)) return;
  a.target.part = part;
  a.chosen = V;
}
template <Verb V>
void word(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  if (at.node->text.empty() || at.node->text.size() > 64)
    return r.mistake(at, "write 1 to 64 characters");
  a.name = at.node->text;
  a.chosen = V;
}
template <Verb V>
void codecs(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_array(at, 32)) return;
  r.read(at, a.codecs);
  if (at.node->items.empty()) return r.mistake(at, "name at least one codec: [\"PCMA\"]");
  a.chosen = V;
}
template <Verb V, int Low, int High, auto Member>
void count(Reader& r, const At& at, ActionDraft& a) {
  r.integer(at, a.*Member, Low, High);
  a.chosen = V;
}

void capture(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  if (!rules::is_variable_name(at.node->text))
    return r.mistake(at,
                     "write a name of small letters, digits and '_' that is not one of group, "
                     "peer, account, tenant, calling, called, call_id and status");
  a.name = at.node->text;
  a.chosen = Verb::kCapture;
}

void media(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  a.media = at.node->text;
  if (!rules::is_header_name(a.media))
    r.mistake(at, "write a kind of media, such as \"audio\", or \"session\"");
}
void remove_media(Reader& r, const At& at, ActionDraft& a) {
  media(r, at, a);
  a.chosen = Verb::kRemoveMedia;
}

// RFC 8866 5.8
void bandwidth(Reader& r, const At& at, ActionDraft& a) {
  word<Verb::kSetBandwidth>(r, at, a);
  const std::size_t colon = a.name.find(':');
  if (a.name.empty()) return;
  if (colon == std::string::npos || !rules::is_header_name(a.name.substr(0, colon)) ||
      colon + 1 == a.name.size() || a.name.size() - colon > 9 ||
      a.name.find_first_not_of("0123456789", colon + 1) != std::string::npos)
    r.mistake(at, "write TYPE:KBITS, such as \"AS:64\"");
}

// A header, or a cause.
void to(Reader& r, const At& at, ActionDraft& a) {
  if (at.node->kind == TomlNode::Kind::kInteger) return r.integer(at, a.to, 1, 127);
  if (!r.is_text(at)) return;
  if (!rules::is_header_name(at.node->text))
    return r.mistake(at, "write the name of a header, or a cause from 1 to 127");
  a.to_text = at.node->text;
}

void from(Reader& r, const At& at, ActionDraft& a) {
  const rules::Part part = a.target.part;
  if (read_target(r, at, a.target)) a.target.part = part;
}

void value(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  auto t = rules::TextTemplate::parse(at.node->text);
  if (!t) return r.mistake(at, t.error().what);
  a.value_text = at.node->text;
  a.value = std::move(*t);
}

void parameter(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  if (!rules::is_header_name(at.node->text))
    return r.mistake(at, "write the name of a parameter, without ';' and value");
  a.name = at.node->text;
}

void text_name(Reader& r, const At& at, ActionDraft& a) {
  if (!r.is_text(at)) return;
  if (at.node->text.empty() || at.node->text.size() > 64)
    return r.mistake(at, "write 1 to 64 characters");
  a.name = at.node->text;
}

constexpr Key<ActionDraft> kActionKeys[] = {
    {"set", target<Verb::kSet>},
    {"add", target<Verb::kAdd>},
    {"remove", target<Verb::kRemove>},
    {"rename", target<Verb::kRename>},
    {"rewrite", target<Verb::kRewrite>},
    {"set_parameter", target<Verb::kSetParameter>},
    {"clear_parameter", target<Verb::kClearParameter>},
    {"capture", capture},
    {"order_codecs", codecs<Verb::kOrderCodecs>},
    {"remove_codecs", codecs<Verb::kRemoveCodecs>},
    {"remove_attribute", word<Verb::kRemoveAttribute>},
    {"remove_media", remove_media},
    {"set_ptime", count<Verb::kSetPtime, 10, 200, &ActionDraft::to>},
    {"set_bandwidth", bandwidth},
    {"map_status", count<Verb::kMapStatus, 100, 699, &ActionDraft::to>},
    {"map_cause", count<Verb::kMapCause, 1, 699, &ActionDraft::from>},
    {"value", value},
    {"part", [](Reader& r, const At& at, ActionDraft& a) { read_part(r, at, a.target.part); }},
    {"pattern", [](Reader& r, const At& at, ActionDraft& a) { read_pattern(r, at, a.pattern); }},
    {"matching", [](Reader& r, const At& at, ActionDraft& a) { read_pattern(r, at, a.pattern); }},
    {"to", to},
    {"from", from},
    {"parameter", parameter},
    {"of", [](Reader& r, const At& at, ActionDraft& a) { r.word<bool>(at, a.of_header, kOwners); }},
    {"media", media},
    {"phrase", text_name},
    {"protocol", text_name},
};

struct Needs {
  Verb verb;
  std::string_view key;
  std::vector<std::string_view> required, optional;
};

const std::vector<Needs>& needs() {
  static const std::vector<Needs> all = {
      {Verb::kSet, "set", {"value"}, {}},
      {Verb::kAdd, "add", {"value"}, {}},
      {Verb::kRemove, "remove", {}, {"matching"}},
      {Verb::kRename, "rename", {"to"}, {}},
      {Verb::kRewrite, "rewrite", {"pattern", "value"}, {"part"}},
      {Verb::kSetParameter, "set_parameter", {"parameter", "value"}, {"of"}},
      {Verb::kClearParameter, "clear_parameter", {"parameter"}, {"of"}},
      {Verb::kCapture, "capture", {"from", "pattern"}, {"part", "value"}},
      {Verb::kOrderCodecs, "order_codecs", {}, {"media"}},
      {Verb::kRemoveCodecs, "remove_codecs", {}, {"media"}},
      {Verb::kRemoveAttribute, "remove_attribute", {}, {"media", "matching"}},
      {Verb::kRemoveMedia, "remove_media", {}, {}},
      {Verb::kSetPtime, "set_ptime", {}, {"media"}},
      {Verb::kSetBandwidth, "set_bandwidth", {}, {"media"}},
      {Verb::kMapStatus, "map_status", {}, {"phrase"}},
      {Verb::kMapCause, "map_cause", {"to"}, {"protocol"}},
  };
  return all;
}

template <typename Words>
bool among(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The verb of a table that has exactly one; null: it was said.
const Needs* verb_of(Reader& r, const At& at) {
  const Needs* found = nullptr;
  for (const auto& m : at.node->members)
    for (const auto& n : needs()) {
      if (n.key != m.key) continue;
      if (found) {
        r.mistake(at.line, at.field, fmt::format("\"{}\" and \"{}\"", found->key, n.key),
                  "an action does one thing: write two of them");
        return nullptr;
      }
      found = &n;
    }
  if (!found) {
    std::string list;
    for (const auto& n : needs()) list += (list.empty() ? "" : ", ") + std::string(n.key);
    r.mistake(at.line, at.field, "no action", "write one of " + list);
  }
  return found;
}

bool has_what_it_needs(Reader& r, const At& at, const Needs& n) {
  const std::size_t before = r.mistake_count();
  for (const auto key : n.required)
    if (at.node->find(key) == nullptr)
      r.mistake(at.line, Reader::join(at.field, key), "nothing",
                fmt::format("\"{}\" needs it: add {} = ...", n.key, key));
  for (const auto& m : at.node->members)
    if (m.key != n.key && !among(n.required, m.key) && !among(n.optional, m.key))
      r.mistake(m.line > 0 ? m.line : at.line, Reader::join(at.field, m.key),
                "a key beside \"" + std::string(n.key) + "\"",
                "this action has no use for it; remove it");
  return r.mistake_count() == before;
}

// The value speaks of groups that the expression has.
void check_captures(Reader& r, const At& at, ActionDraft& a) {
  if (a.verb == Verb::kCapture && at.node->find("value") == nullptr) {
    auto t = rules::TextTemplate::parse(a.pattern.captures() > 0 ? "${1}" : "${0}");
    if (t) a.value = std::move(*t);
  }
  const int highest = a.value.highest_capture();
  const bool has = a.verb == Verb::kCapture || a.verb == Verb::kRewrite;
  if (highest < 0 || (has && highest <= a.pattern.captures())) return;
  r.mistake(at.line, Reader::join(at.field, "value"), "\"" + a.value_text + "\"",
            has ? fmt::format("the pattern has {} groups in parentheses; ${{{}}} is none of them",
                              a.pattern.captures(), highest)
                : "only rewrite and capture have a pattern whose groups could be named");
}

void check_kind(Reader& r, const At& at, const ActionDraft& a, const RuleDraft& rule) {
  const auto say = [&](std::string_view found, std::string remedy) {
    r.mistake(at.line, at.field, std::string(found), std::move(remedy));
  };
  const bool of_request = a.target.request_uri || a.target.id == sip::HeaderId::kFrom ||
                          a.target.id == sip::HeaderId::kTo;
  if (a.verb != Verb::kCapture && of_request &&
      (rule.when.kind == rules::Kind::kResponse || !rule.when.statuses.empty()))
    say("a change of " + a.target.name + " in answers",
        "an answer says what its request said (RFC 3261 8.2.6.2): change the request");
  if (a.verb != Verb::kCapture && a.target.id == sip::HeaderId::kContact &&
      rule.when.direction != rules::Direction::kOut)
    say("a change of Contact",
        "what a peer says of its address is the dialog's: add direction = \"out\" to `when`");
  if (a.verb != Verb::kMapStatus) return;
  if (rule.when.statuses.empty())
    return say("map_status", "say which answers are meant: statuses = [\"480\"] in `when`");
  for (const auto& s : rule.when.statuses)
    if (const auto why = rules::forbidden_status(s, a.to); !why.empty())
      return say(fmt::format("{} for {}{}", a.to, s.low,
                             s.high != s.low ? "-" + std::to_string(s.high) : ""),
                 why);
}

void read_variables(const At& at, const ActionDraft& a, RuleDraft& rule) {
  for (const auto& p : a.value.pieces())
    if (p.kind == rules::TextTemplate::Piece::Kind::kVariable)
      rule.variable_refs.push_back({p.text, at.line, Reader::join(at.field, "value")});
}

}  // namespace

bool read_target(Reader& r, const At& at, rules::Target& out) {
  if (!r.is_text(at)) return false;
  if (!rules::is_header_name(at.node->text)) {
    r.mistake(at, "write the name of a header, or \"request_uri\"");
    return false;
  }
  out = rules::target_of(at.node->text);
  return true;
}

void read_part(Reader& r, const At& at, rules::Part& out) { r.word<rules::Part>(at, out, kParts); }

void read_pattern(Reader& r, const At& at, rules::Regex& out) {
  if (!r.is_text(at)) return;
  auto compiled = rules::Regex::compile(at.node->text);
  if (!compiled) return r.mistake(at, "it cannot be used: " + compiled.error().what);
  out = std::move(*compiled);
}

void read_rule_action(Reader& r, const At& at, RuleDraft& rule) {
  if (!r.is_table(at)) return;
  const std::size_t before = r.mistake_count();
  ActionDraft a;
  r.table<ActionDraft>(at, kActionKeys, a);
  if (r.mistake_count() != before) return;
  const Needs* n = verb_of(r, at);
  if (!n || !has_what_it_needs(r, at, *n)) return;
  a.verb = n->verb;
  if (a.verb == Verb::kRename) {
    if (a.to_text.empty())
      return r.mistake(at.line, Reader::join(at.field, "to"), std::to_string(a.to),
                       "write the name of a header");
    a.name = a.to_text;
  }
  if (a.verb == Verb::kMapCause) {
    if (a.to == 0)
      return r.mistake(at.line, Reader::join(at.field, "to"), "\"" + a.to_text + "\"",
                       "write a cause from 1 to 127");
    if (a.name.empty()) a.name = "Q.850";
  }
  const bool audio = a.verb == Verb::kOrderCodecs || a.verb == Verb::kRemoveCodecs ||
                     a.verb == Verb::kSetPtime || a.verb == Verb::kSetBandwidth;
  if (audio && a.media.empty()) a.media = "audio";
  if (const auto why = rules::forbidden(a); !why.empty())
    return r.mistake(at.line, Reader::join(at.field, n->key),
                     "\"" + (a.verb == Verb::kRemoveAttribute ? a.name : a.target.name) + "\"",
                     "a rule must not do that: " + why);
  check_captures(r, at, a);
  check_kind(r, at, a, rule);
  read_variables(at, a, rule);
  if (r.mistake_count() == before) rule.actions.push_back(std::move(a));
}

void list_rule_action_keys(std::vector<std::string>& out) {
  list_keys<ActionDraft>("rule_set.rule.actions", kActionKeys, out);
}

}  // namespace causeway::deployment
