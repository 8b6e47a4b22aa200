#include "deployment/reader.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include <fmt/format.h>

namespace causeway::deployment {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

bool is_token(std::string_view s) {
  constexpr std::string_view kMarks = "-.!%*_+`'~";  // RFC 3261 25.1
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto name : known) {
    const std::size_t d = edit_distance(word, name);
    if (d < best_distance) {
      best_distance = d;
      best = name;
    }
  }
  return best;
}

void Reader::mistake(int line, std::string field, std::string found, std::string remedy) {
  ++mistake_count_;
  if (mistakes_.size() < kMaxMistakes)
    mistakes_.push_back({file_, line, std::move(field), std::move(found), std::move(remedy)});
}

bool Reader::is_table(const At& at) {
  if (at.node->kind == TomlNode::Kind::kTable) return true;
  mistake(at, "a table is needed here");
  return false;
}

bool Reader::is_array(const At& at, std::size_t max_items) {
  if (at.node->kind != TomlNode::Kind::kArray) {
    if (at.node->kind == TomlNode::Kind::kTable)
      mistake(at, fmt::format("this section repeats: write [[{}]] with double brackets", at.field));
    else
      mistake(at, fmt::format("an array is needed: write [{}]", at.node->describe()));
    return false;
  }
  if (at.node->items.size() <= max_items) return true;
  mistake(at, fmt::format("at most {} entries are allowed", max_items));
  return false;
}

bool Reader::is_text(const At& at) {
  if (at.node->kind != TomlNode::Kind::kString) {
    mistake(at, "text in quotes is needed");
    return false;
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::none_of(at.node->text.begin(), at.node->text.end(), control)) return true;
  mistake(at.line, at.field, "text with a control character",
          "remove line breaks and other control characters");
  return false;
}

void Reader::read(const At& at, std::string& out) {
  if (is_text(at)) out = at.node->text;
}

void Reader::read(const At& at, bool& out) {
  if (at.node->kind == TomlNode::Kind::kBoolean)
    out = at.node->boolean;
  else
    mistake(at, "write true or false");
}

bool Reader::duration(const At& at, std::int64_t unit_ms, std::int64_t& out) {
  constexpr std::string_view kRemedy =
      "write a duration such as \"500ms\", \"4s\", \"5m\" or \"1h\", in quotes";
  if (at.node->kind != TomlNode::Kind::kString) {
    mistake(at, std::string(kRemedy));
    return false;
  }
  const std::string& t = at.node->text;
  std::int64_t value = -1;
  const auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(t.data() + t.size() - end));
  const std::int64_t factor = unit == "ms"  ? 1
                              : unit == "s" ? 1'000
                              : unit == "m" ? 60'000
                              : unit == "h" ? 3'600'000
                                            : 0;
  constexpr std::int64_t kMax = 7LL * 24 * 3'600'000;
  if (ec != std::errc{} || factor == 0 || value < 0) {
    mistake(at, std::string(kRemedy));
    return false;
  }
  if (value > kMax / factor) {
    mistake(at, "the longest duration is a week");
    return false;
  }
  if (value * factor % unit_ms != 0) {
    mistake(at, "this is counted in whole seconds");
    return false;
  }
  out = value * factor / unit_ms;
  return true;
}

void Reader::read(const At& at, Millis& out) {
  std::int64_t value = 0;
  if (duration(at, 1, value)) out = Millis(value);
}

void Reader::read(const At& at, Seconds& out) {
  std::int64_t value = 0;
  if (duration(at, 1'000, value)) out = Seconds(value);
}

void Reader::read(const At& at, Ref& out) {
  if (!is_text(at)) return;
  if (at.node->text.empty()) return mistake(at, "a name is needed");
  out = {at.node->text, at.line, at.field};
}

void Reader::read(const At& at, Endpoint& out) {
  if (!is_text(at)) return;
  const auto e = Endpoint::parse(at.node->text);
  if (!e || e->port == 0)
    return mistake(at, "write ADDRESS:PORT, such as \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"");
  out = *e;
}

void Reader::read(const At& at, Prefix& out) {
  if (!is_text(at)) return;
  const auto p = Prefix::parse(at.node->text);
  if (!p) return mistake(at, p.error().what + ", or a bare address");
  out = *p;
}

void Reader::read(const At& at, HeaderLine& out) {
  if (!is_text(at)) return;
  std::string text = at.node->text;
  for (std::size_t i = text.find("{version}"); i != std::string::npos; i = text.find("{version}"))
    text.replace(i, 9, software_version());
  const std::size_t colon = text.find(':');
  std::string name = text.substr(0, colon);
  if (colon == std::string::npos || !is_token(name))
    return mistake(at, "write a header line: \"Name: value\"");
  const std::size_t value = text.find_first_not_of(" \t", colon + 1);
  if (value == std::string::npos)
    return mistake(at, "the header has no value: write \"Name: value\"");
  out = {std::move(name), text.substr(value)};
}

bool Reader::in_range(const At& at, std::int64_t low, std::int64_t high, std::int64_t& out) {
  if (at.node->kind == TomlNode::Kind::kInteger && at.node->integer >= low &&
      at.node->integer <= high) {
    out = at.node->integer;
    return true;
  }
  mistake(at, fmt::format("write a whole number from {} to {}", low, high));
  return false;
}

void Reader::not_a_word(const At& at, const std::vector<std::string_view>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i)
    list += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  mistake(at, "write " + list);
}

void Reader::unknown_key(const At& at, const std::string& key,
                         const std::vector<std::string_view>& known) {
  const std::string_view near = nearest(key, known);
  std::string list;
  for (const auto k : known) list += fmt::format("{}{}", list.empty() ? "" : ", ", k);
  mistake(
      at.line, at.field, "an unknown key",
      near.empty() ? "remove it; known here: " + list : fmt::format("did you mean \"{}\"?", near));
}

void Reader::missing(const At& table, std::string_view key) {
  mistake(table.line, join(table.field, key), "nothing",
          fmt::format("this key is required: add {} = ...", key));
}

}  // namespace causeway::deployment
