#include "rules/engine.h"

#include <algorithm>
#include <utility>

#include "rules/allowed.h"
#include "rules/draft.h"
#include "rules/match.h"
#include "rules/part.h"
#include "rules/sdp_edit.h"
#include "sdp/description.h"
#include "sip/build.h"
#include "sip/fields.h"
#include "sip/limits.h"

namespace causeway::rules {

using sip::HeaderId;

namespace {

std::string shown(std::string_view text) {
  std::string out(text.substr(0, kMaxShown));
  if (text.size() > kMaxShown) out += "...";
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::string_view label(Part part) {
  switch (part) {
    case Part::kWhole: return "";
    case Part::kDisplay: return " display";
    case Part::kUri: return " uri";
    case Part::kUser: return " user";
    case Part::kHost: return " host";
  }
  return "";
}

std::uint32_t count_of(std::string_view text, std::string_view what) {
  std::uint32_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++n;
  return n;
}

// What is taken at most; where more came, that much. A rule does not answer for what it found. The
// lines of a session description are counted where one is changed (with_lines()).
sip::FieldLimits limits_for(const sip::Message& m) {
  sip::FieldLimits l;
  const auto raise = [](std::uint32_t& limit, std::size_t size) {
    limit = std::max(limit, static_cast<std::uint32_t>(size));
  };
  raise(l.request_uri, m.request_uri().size());
  raise(l.userinfo, m.request_uri().size());
  for (const auto& f : m.headers()) {
    raise(l.header_name, f.name.size());
    raise(l.header_value, f.value.size());
    switch (f.id) {
      case HeaderId::kFrom:
      case HeaderId::kTo:
      case HeaderId::kContact:
        raise(l.contact_uri, f.value.size());
        raise(l.userinfo, f.value.size());
        raise(l.from_domain, f.value.size());
        break;
      case HeaderId::kSupported:
      case HeaderId::kRequire:
      case HeaderId::kProxyRequire:
        raise(l.option_list, f.value.size());
        raise(l.option_tag, f.value.size());
        break;
      case HeaderId::kContentType: raise(l.body_name, f.value.size()); break;
      default: break;
    }
  }
  // A response may have as many as our parser takes.
  raise(l.headers, m.is_request() ? m.headers().size() : sip::ParseLimits{}.max_headers);
  raise(l.body, m.body().size());
  raise(l.sdp, m.body().size());
  return l;
}

sip::FieldLimits with_lines(sip::FieldLimits l, const sip::Message& m) {
  l.sdp_lines = std::max(l.sdp_lines, count_of(m.body(), "\n"));
  l.sdp_media = std::max(l.sdp_media, count_of(m.body(), "\nm="));
  return l;
}

// As a parser gives it: what stands around a value is not of it.
void trim(std::string& value) {
  const auto first = value.find_first_not_of(" \t");
  value.erase(0, std::min(first, value.size()));
  value.erase(value.find_last_not_of(" \t") + 1);
}

std::string name_of(const Target& t) {
  return (t.request_uri ? "Request-URI" : t.name) + std::string(label(t.part));
}

// One message on its way through the rules.
class Run {
 public:
  Run(const sip::Message& m, const Facts& facts, Variables& variables)
      : draft_(m), facts_(facts), variables_(variables) {}

  void through(const RuleSet& set) {
    set_ = &set;
    for (const auto& rule : set.rules) {
      if (!holds(rule.when, draft_, facts_, variables_)) continue;
      rule_ = &rule;
      for (const auto& action : rule.actions) act(action);
      if (rule.last) return;
    }
  }

  Outcome finish() {
    Outcome out;
    if (draft_.changed) {
      auto made = draft_.finish();
      if (auto ok = made ? check(*made) : Status(tl::unexpected(made.error())); ok) {
        out.message = std::move(*made);
      } else {
        for (auto& c : changes_)
          if (c.refused.empty() && !c.what.starts_with("variable ")) c.refused = "see below";
        changes_.push_back({"", "", "message", "", "",
                            "what the rules made of it is no valid message (" +
                                shown(ok.error().what) + "): it is left as it was"});
      }
    }
    out.changes = std::move(changes_);
    return out;
  }

 private:
  [[nodiscard]] const sip::FieldLimits& limits() {
    if (!limits_) limits_ = limits_for(draft_.message());
    return *limits_;
  }

  // The message as a whole, as a peer of ours would have to send it.
  [[nodiscard]] Status check(const sip::Message& m) {
    const auto& was = draft_.message();
    if (auto ok = sip::validate(m, &was); !ok) return ok;
    if (m.is_request()) {
      const bool same_body = draft_.body.data() == was.body().data();
      if (auto ok = same_body ? sip::check_head(m, limits())
                              : sip::check_limits(m, with_lines(limits(), was));
          !ok)
        return ok;
    }
    const auto other = [&](HeaderId id, auto tag) {
      return m.value(id) != was.value(id) && (m.*tag)() != (was.*tag)();
    };
    if (other(HeaderId::kFrom, &sip::Message::from_tag) ||
        other(HeaderId::kTo, &sip::Message::to_tag) || m.call_id() != was.call_id() ||
        m.cseq() != was.cseq() || m.method() != was.method() || m.is_request() != was.is_request())
      return fail(ErrorCode::kMalformed, "its dialog or transaction would be another one");
    return {};
  }

  void note(std::string what, std::string_view before, std::string_view after,
            std::string_view refused = {}) {
    if (changes_.size() >= kMaxChanges) return;
    changes_.push_back({set_->name, rule_->name, std::move(what), shown(before), shown(after),
                        std::string(refused)});
  }

  [[nodiscard]] std::string_view known(Known k) {
    switch (k) {
      case Known::kGroup: return facts_.group_name;
      case Known::kPeer: return facts_.peer;
      case Known::kAccount: return facts_.account;
      case Known::kTenant: return facts_.tenant;
      case Known::kCalling: return facts_.calling;
      case Known::kCalled: return facts_.called;
      case Known::kCallId: return draft_.message().call_id();
      case Known::kStatus:
        return draft_.status == 0 ? std::string_view{} : draft_.keep(std::to_string(draft_.status));
    }
    return {};
  }

  // nullopt: something that it speaks of is not known here, and so there is no such value.
  [[nodiscard]] std::optional<std::string> expand(const TextTemplate& t, const Captures* caught) {
    std::string out;
    for (const auto& p : t.pieces()) {
      std::string_view text;
      switch (p.kind) {
        case TextTemplate::Piece::Kind::kText: text = p.text; break;
        case TextTemplate::Piece::Kind::kCapture:
          if (caught) out += (*caught)[p.capture];  // a group that took no part is empty
          continue;
        case TextTemplate::Piece::Kind::kKnown: text = known(p.known); break;
        case TextTemplate::Piece::Kind::kVariable:
          if (const auto* v = find(variables_, p.text)) text = v->value;
          break;
      }
      if (text.empty()) return std::nullopt;
      out += text;
      if (out.size() > 4 * kMaxValue) return std::nullopt;
    }
    return out;
  }

  [[nodiscard]] bool may(const Action& a) {
    const bool party = a.target.id == HeaderId::kFrom || a.target.id == HeaderId::kTo;
    if (facts_.emergency && is_kept_for_help(a)) {
      if (would_touch(a)) note(name_of(a.target), {}, {}, "a call for help keeps it");
      return false;
    }
    if (a.verb == Verb::kCapture) return true;
    // RFC 3261 12.2.1.1, 8.2.6.2: what a dialog and an answer were begun with.
    if ((a.target.request_uri || party) &&
        (draft_.status != 0 || !draft_.message().to_tag().empty()))
      return false;
    if (a.target.id == HeaderId::kContact && facts_.direction == Direction::kIn) return false;
    const bool referrer =
        a.target.id == HeaderId::kReferredBy ||
        (a.verb == Verb::kRename && target_of(a.name).id == HeaderId::kReferredBy);
    return !facts_.target_fixed || !(a.target.request_uri || party || referrer);
  }

  [[nodiscard]] bool would_touch(const Action& a) {
    if (a.verb == Verb::kRemoveMedia) return !draft_.sdp().empty();
    if (a.verb == Verb::kSet || a.verb == Verb::kAdd || a.target.request_uri) return true;
    return std::any_of(draft_.lines.begin(), draft_.lines.end(),
                       [&](const auto& l) { return is(l, a.target); });
  }

  void act(const Action& a) {
    if (!may(a)) return;
    switch (a.verb) {
      case Verb::kSet: return set(a);
      case Verb::kAdd: return add(a);
      case Verb::kRemove: return remove(a);
      case Verb::kRename: return rename(a);
      case Verb::kRewrite:
      case Verb::kSetParameter:
      case Verb::kClearParameter: return rewrite(a);
      case Verb::kCapture: return capture(a);
      case Verb::kOrderCodecs:
      case Verb::kRemoveCodecs:
      case Verb::kRemoveAttribute:
      case Verb::kRemoveMedia:
      case Verb::kSetPtime:
      case Verb::kSetBandwidth: return edit_sdp(a);
      case Verb::kMapStatus: return map_status(a);
      case Verb::kMapCause: return map_cause(a);
    }
  }

  // May that stand where `before` stood? One change that may not is not made; the others are.
  [[nodiscard]] Status fits(const Target& t, std::string_view name, std::string_view before,
                            std::string_view value) {
    if (auto ok = check_value(t, value, before.size()); !ok) return ok;
    if (value.size() > before.size() &&
        size_ + value.size() - before.size() > sip::ParseLimits{}.max_message)
      return fail(ErrorCode::kTooLarge, "the message would be too long");
    if (!draft_.message().is_request()) return {};
    return t.request_uri ? sip::check_request_uri(value, limits())
                         : sip::check_field({t.id, name, value}, limits());
  }
  void grown(std::size_t before, std::size_t after) { size_ = size_ + after - before; }

  // A value that may stand there; nullopt: it may not, and that was said.
  [[nodiscard]] std::optional<std::string_view> made(const Action& a, std::string_view before) {
    auto text = expand(a.value, nullptr);
    if (!text) return std::nullopt;
    trim(*text);
    if (auto ok = fits(a.target, a.target.name, before, *text); !ok) {
      note(a.target.name, before, *text, ok.error().what);
      return std::nullopt;
    }
    return draft_.keep(std::move(*text));
  }

  void add(const Action& a) {
    const auto text = made(a, {});
    if (!text) return;
    if (stands_once(a.target))
      return note(a.target.name, {}, *text, "there is one already; use set");
    if (draft_.lines.size() >= limits().headers)
      return note(a.target.name, {}, *text, "there are as many header lines as anybody takes");
    grown(0, a.target.name.size() + text->size() + 4);
    insert(a.target, *text);
    note(a.target.name, {}, *text);
  }

  // Is there one of which there may be no other?
  [[nodiscard]] bool stands_once(const Target& t) const {
    return t.id != HeaderId::kOther && !sip::is_list_header(t.id) &&
           std::any_of(draft_.lines.begin(), draft_.lines.end(),
                       [&](const auto& l) { return is(l, t); });
  }

  // Behind the last of its kind, else in front of Content-Length, which ends what we write.
  void insert(const Target& t, std::string_view value) {
    auto at = draft_.lines.end();
    for (auto i = draft_.lines.begin(); i != draft_.lines.end(); ++i)
      if (is(*i, t)) at = i + 1;
    if (at == draft_.lines.end())
      at = std::find_if(draft_.lines.begin(), draft_.lines.end(), [](const auto& l) {
        return l.id == HeaderId::kContentLength || l.id == HeaderId::kContentType;
      });
    draft_.lines.insert(at, {t.id, t.name, value});
    draft_.changed = true;
  }

  void set(const Action& a) {
    const auto first = std::find_if(draft_.lines.begin(), draft_.lines.end(),
                                    [&](const auto& l) { return is(l, a.target); });
    if (first == draft_.lines.end()) return add(a);
    const std::string_view before = first->value;
    const auto text = made(a, before);
    if (!text) return;
    const auto count = std::count_if(draft_.lines.begin(), draft_.lines.end(),
                                     [&](const auto& l) { return is(l, a.target); });
    if (count == 1 && before == *text) return;
    grown(before.size(), text->size());
    first->value = *text;
    draft_.lines.erase(std::remove_if(first + 1, draft_.lines.end(),
                                      [&](const auto& l) { return is(l, a.target); }),
                       draft_.lines.end());
    draft_.changed = true;
    note(a.target.name, before, *text);
  }

  void remove(const Action& a) {
    for (std::size_t i = 0; i < draft_.lines.size();) {
      const auto& l = draft_.lines[i];
      if (!is(l, a.target) || (a.pattern && !a.pattern.found_in(draft_.plain(l.value)))) {
        ++i;
        continue;
      }
      note(a.target.name, l.value, {});
      draft_.lines.erase(draft_.lines.begin() + static_cast<std::ptrdiff_t>(i));
      draft_.changed = true;
    }
  }

  void rename(const Action& a) {
    const Target to = target_of(a.name);
    for (auto& l : draft_.lines) {
      if (!is(l, a.target)) continue;
      if (!is(l, to) && stands_once(to)) {
        note(a.target.name, l.value, {}, "as " + a.name + ": there is one already; use set");
        continue;
      }
      if (auto ok = fits(to, a.name, l.value, draft_.plain(l.value)); !ok) {
        note(a.target.name, l.value, {}, "as " + a.name + ": " + ok.error().what);
        continue;
      }
      grown(l.name.size(), a.name.size());
      note(a.target.name, l.value, a.name + ": " + std::string(l.value));
      l.id = to.id;
      l.name = a.name;
      draft_.changed = true;
    }
  }

  // One value anew; nullopt: it stays.
  [[nodiscard]] std::optional<std::string> anew(const Action& a, std::string_view value,
                                                std::string& why) {
    Result<std::string> out = std::string();
    if (a.verb == Verb::kRewrite) {
      const auto part =
          a.target.request_uri ? part_of_uri(value, a.target.part) : part_of(value, a.target.part);
      Captures caught;
      if (!part || !a.pattern.find(*part, caught)) return std::nullopt;
      const auto text = expand(a.value, &caught);
      if (!text) return std::nullopt;
      const auto at = static_cast<std::size_t>(caught[0].data() - part->data());
      const std::string with = std::string(part->substr(0, at)) + *text +
                               std::string(part->substr(at + caught[0].size()));
      out = a.target.request_uri ? with_part_of_uri(value, a.target.part, with)
                                 : with_part(value, a.target.part, with);
    } else {
      std::optional<std::string> text;
      if (a.verb == Verb::kSetParameter) {
        text = expand(a.value, nullptr);
        if (!text) return std::nullopt;
      }
      const auto param = text ? std::optional<std::string_view>(*text) : std::nullopt;
      out = a.target.request_uri ? with_uri_param(value, a.name, param)
                                 : with_address_param(value, a.of_header, a.name, param);
    }
    if (!out) {
      why = out.error().what;
      return std::nullopt;
    }
    trim(*out);
    return std::move(*out);
  }

  [[nodiscard]] bool unchanged_parameter(const Action& a, std::string_view value) {
    if (a.verb != Verb::kClearParameter) return false;
    if (a.target.request_uri) {
      const auto u = sip::parse_uri(value);
      return !u || !u->param(a.name);
    }
    const auto address = sip::parse_name_addr(value);
    return !address || !(a.of_header ? address->param(a.name) : address->target.param(a.name));
  }

  void rewrite(const Action& a) {
    if (a.target.request_uri) {
      std::string why;
      if (unchanged_parameter(a, draft_.request_uri)) return;
      if (auto text = anew(a, draft_.request_uri, why))
        put(a, draft_.request_uri, std::move(*text));
      else if (!why.empty())
        note(name_of(a.target), draft_.request_uri, {}, why);
      return;
    }
    for (auto& l : draft_.lines)
      if (is(l, a.target)) rewrite_line(a, l);
  }

  void rewrite_line(const Action& a, Draft::Line& l) {
    const bool whole = a.verb == Verb::kRewrite && a.target.part == Part::kWhole;
    std::string_view rest = draft_.plain(l.value);
    std::string out, why;
    bool changed = false;
    if (whole) {
      if (auto text = anew(a, rest, why)) out = std::move(*text), changed = true;
    } else {
      for (auto one = sip::next_value(rest); !one.empty(); one = sip::next_value(rest)) {
        std::optional<std::string> text;
        if (!unchanged_parameter(a, one)) text = anew(a, one, why);
        out.append(out.empty() ? "" : ", ").append(text ? *text : std::string(one));
        changed = changed || text.has_value();
      }
    }
    if (!why.empty()) note(name_of(a.target), l.value, {}, why);
    if (changed) put(a, l.value, std::move(out));
  }

  void put(const Action& a, std::string_view& slot, std::string text) {
    if (slot == text) return;
    if (auto ok = fits(a.target, a.target.name, slot, text); !ok) {
      note(name_of(a.target), slot, text, ok.error().what);
      return;
    }
    grown(slot.size(), text.size());
    note(name_of(a.target), slot, text);
    slot = draft_.keep(std::move(text));
    draft_.changed = true;
  }

  void capture(const Action& a) {
    each_value(draft_, a.target, [&](std::string_view value) {
      const auto part =
          a.target.request_uri ? part_of_uri(value, a.target.part) : part_of(value, a.target.part);
      Captures caught;
      if (!part || !a.pattern.find(*part, caught)) return true;
      const auto text = expand(a.value, &caught);
      if (text && !text->empty()) remember(a.name, *text);
      return false;
    });
  }

  void remember(const std::string& name, std::string_view text) {
    if (text.size() > kMaxVariable)
      return note("variable " + name, {}, text, "a variable holds at most 256 bytes");
    auto* known = const_cast<Variable*>(find(variables_, name));
    if (known && known->value == text) return;
    if (!known && variables_.size() >= kMaxVariables)
      return note("variable " + name, {}, text, "a call has at most 16 variables");
    note("variable " + name, known ? std::string_view(known->value) : std::string_view{}, text);
    if (known)
      known->value = text;
    else
      variables_.push_back({name, std::string(text)});
  }

  void edit_sdp(const Action& a) {
    const std::string_view sdp = draft_.sdp();
    if (sdp.empty()) return;
    SdpEdit edit(sdp);
    const auto changed = edit.apply(a);
    if (!changed) return note("sdp", edit.before(), {}, changed.error().what);
    if (!*changed) return;
    const std::string text = edit.text();
    if (const auto again = sdp::parse(text); !again)
      return note("sdp", edit.before(), edit.after(), again.error().what);
    const auto taken = with_lines(limits(), draft_.message());
    if (text.size() > taken.sdp || count_of(text, "\n") > taken.sdp_lines ||
        draft_.body.size() + text.size() > taken.body + sdp.size() ||
        size_ + text.size() > sip::ParseLimits{}.max_message + sdp.size())
      return note("sdp", edit.before(), edit.after(), "it would be longer than anybody takes");
    grown(sdp.size(), text.size());
    note("sdp", edit.before(), edit.after());
    draft_.replace_sdp(text);
  }

  void map_status(const Action& a) {
    if (draft_.status == 0 || draft_.status == a.to ||
        !forbidden_status({draft_.status, draft_.status}, a.to).empty())
      return;
    const std::string before = std::to_string(draft_.status) + " " + std::string(draft_.reason);
    draft_.status = a.to;
    draft_.reason = a.name.empty() ? sip::reason_phrase(a.to) : std::string_view(a.name);
    note("status", before, std::to_string(a.to) + " " + std::string(draft_.reason));
    draft_.changed = true;
  }

  void map_cause(const Action& a) {
    for (auto& l : draft_.lines) {
      if (l.id != HeaderId::kReason) continue;
      std::string_view rest = draft_.plain(l.value);
      std::string out;
      bool changed = false;
      for (auto one = sip::next_value(rest); !one.empty(); one = sip::next_value(rest)) {
        const auto r = sip::parse_reason(one);
        const bool mine = r && sip::iequals(r->protocol, a.name) && r->cause &&
                          *r->cause == static_cast<std::uint32_t>(a.from);
        if (!out.empty()) out += ", ";
        if (!mine) {
          out += one;
          continue;
        }
        const std::size_t semicolon = one.find(';');
        out.append(one.substr(0, semicolon + 1))
            .append(with_param(one.substr(semicolon + 1), "cause", std::to_string(a.to)));
        changed = true;
      }
      if (!changed || !fits(target_of("Reason"), l.name, l.value, out)) continue;
      grown(l.value.size(), out.size());
      note("Reason", l.value, out);
      l.value = draft_.keep(std::move(out));
      draft_.changed = true;
    }
  }

  Draft draft_;
  std::optional<sip::FieldLimits> limits_;  // limits()
  // How long the message is at most as we write it: with a space behind each name and room for a
  // longer Content-Length. Lines that went are still counted.
  std::size_t size_ = draft_.message().bytes().size() + draft_.message().headers().size() + 8;
  const Facts& facts_;
  Variables& variables_;
  std::vector<Change> changes_;
  const RuleSet* set_ = nullptr;
  const Rule* rule_ = nullptr;
};

// RFC 3261 8.2.6.2: an answer keeps these, whatever a rule says (Run::may()).
bool for_requests_alone(const Action& a) {
  return a.verb != Verb::kCapture &&
         (a.target.request_uri || a.target.id == HeaderId::kFrom || a.target.id == HeaderId::kTo);
}

}  // namespace

Chain::Chain(Direction direction, std::vector<std::shared_ptr<const RuleSet>> sets)
    : direction_(direction), sets_(std::move(sets)) {
  for (const auto& set : sets_)
    for (const auto& rule : set->rules) {
      const When& w = rule.when;
      if (w.direction && *w.direction != direction) continue;
      if (w.kind != Kind::kResponse && w.statuses.empty())
        requests_ |= w.methods == 0 ? ~std::uint32_t{0} : w.methods;
      if (w.kind == Kind::kRequest ||
          std::all_of(rule.actions.begin(), rule.actions.end(), for_requests_alone))
        continue;
      if (w.statuses.empty()) responses_ = ~std::uint32_t{0};
      for (const auto& r : w.statuses)
        for (int c = r.low / 100; c <= r.high / 100; ++c)
          responses_ |= 1U << static_cast<unsigned>(c);
    }
}

const Variable* find(const Variables& variables, std::string_view name) {
  const auto it = std::find_if(variables.begin(), variables.end(),
                               [&](const Variable& v) { return v.name == name; });
  return it == variables.end() ? nullptr : &*it;
}

std::string to_string(const Change& c) {
  constexpr std::size_t kWords = 32;
  std::string out;
  out.reserve(c.set.size() + c.rule.size() + c.what.size() + c.before.size() + c.after.size() +
              c.refused.size() + kWords);
  if (!c.set.empty()) out.append(c.set).append("/").append(c.rule).append(": ");
  out.append(c.what);
  if (!c.before.empty() || !c.after.empty())
    out.append(": ")
        .append(c.before.empty() ? "(none)" : c.before)
        .append(" -> ")
        .append(c.after.empty() ? "(none)" : c.after);
  if (!c.refused.empty()) out.append("; not done: ").append(c.refused);
  return out;
}

StartLine start_line(std::string_view bytes) {
  StartLine out;
  if (bytes.starts_with("SIP/2.0 ")) {
    out.status = static_cast<int>(sip::parse_u32(bytes.substr(8, 3)).value_or(0));
    if (out.status < 100 || out.status > 699) out.status = 100;
  } else {
    out.method = sip::method_of(bytes.substr(0, bytes.find(' ')));
  }
  return out;
}

Outcome apply(const Chain& chain, const sip::Message& message, const Facts& facts,
              Variables& variables) {
  if (!chain.concerns(message.method(), message.status())) return {};
  Run run(message, facts, variables);
  for (const auto& set : chain.sets()) run.through(*set);
  return run.finish();
}

}  // namespace causeway::rules
