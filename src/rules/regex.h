// Regular expressions in RE2's syntax: the time of a search grows with the text, whatever the
// pattern is. Compiled once, with the configuration; any thread. regex.cc alone sees the library.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::rules {

// [0] is all that matched; views into the text. What took no part is empty.
inline constexpr std::size_t kMaxCaptures = 9;
using Captures = std::array<std::string_view, kMaxCaptures + 1>;

class Regex {
 public:
  static constexpr std::size_t kMaxPattern = 512;

  Regex() = default;  // none
  // Bytes, not letters: '.' is one byte, so that any text of a peer can be searched.
  // kConfiguration: what is wrong with it, for a person.
  [[nodiscard]] static Result<Regex> compile(std::string_view pattern);

  [[nodiscard]] explicit operator bool() const { return impl_ != nullptr; }
  [[nodiscard]] bool found_in(std::string_view text) const;
  // Anywhere in `text`, the leftmost; ^ and $ hold it to an end.
  [[nodiscard]] bool find(std::string_view text, Captures& out) const;
  [[nodiscard]] int captures() const;
  [[nodiscard]] const std::string& pattern() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace causeway::rules
