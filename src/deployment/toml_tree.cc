#include "deployment/toml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace causeway::deployment {
namespace {

int line_of(const toml::source_region& s) { return static_cast<int>(s.begin.line); }

bool convert(const toml::node& in, TomlNode& out, int depth);

bool convert_table(const toml::table& in, TomlNode& out, int depth) {
  out.kind = TomlNode::Kind::kTable;
  for (const auto& [key, value] : in) {
    TomlMember m;
    m.key = std::string(key.str());
    m.line = line_of(key.source());
    if (!convert(value, m.value, depth + 1)) return false;
    out.members.push_back(std::move(m));
  }
  // The library sorts by name; a person reads from the top.
  std::stable_sort(out.members.begin(), out.members.end(),
                   [](const TomlMember& a, const TomlMember& b) { return a.line < b.line; });
  return true;
}

bool convert(const toml::node& in, TomlNode& out, int depth) {
  out.line = line_of(in.source());
  if (depth > kMaxTomlDepth) return false;
  if (const auto* table = in.as_table()) return convert_table(*table, out, depth);
  if (const auto* array = in.as_array()) {
    out.kind = TomlNode::Kind::kArray;
    for (const auto& item : *array)
      if (!convert(item, out.items.emplace_back(), depth + 1)) return false;
    return true;
  }
  if (const auto* s = in.as_string()) {
    out.kind = TomlNode::Kind::kString;
    out.text = s->get();
  } else if (const auto* i = in.as_integer()) {
    out.kind = TomlNode::Kind::kInteger;
    out.integer = i->get();
    out.text = std::to_string(out.integer);
  } else if (const auto* b = in.as_boolean()) {
    out.kind = TomlNode::Kind::kBoolean;
    out.boolean = b->get();
    out.text = out.boolean ? "true" : "false";
  } else {
    out.kind = TomlNode::Kind::kOther;
    std::ostringstream text;
    in.visit([&](const auto& n) {
      if constexpr (toml::is_value<decltype(n)>) text << n;
    });
    out.text = text.str();
  }
  return true;
}

std::optional<TomlError> too_large(std::string_view text) {
  if (text.size() > kMaxTomlBytes) return TomlError{1, "the file is larger than 4 MiB"};
  int line = 1;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '\n') continue;
    if (i - start > kMaxTomlLine) return TomlError{line, "the line is longer than 16 KiB"};
    start = i + 1;
    ++line;
  }
  return std::nullopt;
}

}  // namespace

const TomlMember* TomlNode::find(std::string_view key) const {
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const TomlMember& m) { return m.key == key; });
  return it == members.end() ? nullptr : &*it;
}

std::string TomlNode::describe() const {
  switch (kind) {
    case Kind::kTable: return "a table";
    case Kind::kArray:
      return items.empty() ? "an empty array" : "an array of " + std::to_string(items.size());
    case Kind::kString:
      return "\"" + (text.size() > 120 ? text.substr(0, 117) + "..." : text) + "\"";
    case Kind::kInteger:
    case Kind::kBoolean:
    case Kind::kOther: return text;
  }
  return text;
}

tl::expected<TomlNode, TomlError> parse_toml(std::string_view text) {
  if (auto bad = too_large(text)) return tl::unexpected(*bad);
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return tl::unexpected(
        TomlError{line_of(parsed.error().source()), std::string(parsed.error().description())});
  TomlNode root;
  if (!convert(parsed.table(), root, 0))
    return tl::unexpected(TomlError{1, "tables are nested too deeply"});
  root.line = 1;
  return root;
}

}  // namespace causeway::deployment
