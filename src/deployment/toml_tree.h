// A TOML document as a plain tree that remembers lines. toml_tree.cc is the only file that sees the
// TOML library, which costs seconds to compile. Management threads and start-up only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::deployment {

struct TomlMember;

struct TomlNode {
  enum class Kind : std::uint8_t { kTable, kArray, kString, kInteger, kBoolean, kOther };
  Kind kind = Kind::kTable;
  int line = 0;      // 1 is the first
  std::string text;  // a string's value; any other scalar as a person would write it
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<TomlNode> items;      // of an array
  std::vector<TomlMember> members;  // of a table, in the order of their lines

  [[nodiscard]] const TomlMember* find(std::string_view key) const;
  // For messages: "\"text\"", "42", "a table", "an array of 3"
  [[nodiscard]] std::string describe() const;
};

struct TomlMember {
  std::string key;
  int line = 0;
  TomlNode value;
};

struct TomlError {
  int line = 0;
  std::string what;
};

inline constexpr std::size_t kMaxTomlBytes = 4 << 20;
inline constexpr std::size_t kMaxTomlLine =
    16'384;  // bounds the depth of dotted keys, and so of recursion
inline constexpr int kMaxTomlDepth = 16;

[[nodiscard]] tl::expected<TomlNode, TomlError> parse_toml(std::string_view text);

}  // namespace causeway::deployment
