// The text of a value with what is known put in: "<sip:${calling}@example.net>". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rules/regex.h"

namespace causeway::rules {

enum class Known : std::uint8_t {
  kGroup,
  kPeer,
  kAccount,
  kTenant,
  kCalling,
  kCalled,
  kCallId,
  kStatus
};

class TextTemplate {
 public:
  struct Piece {
    enum class Kind : std::uint8_t { kText, kCapture, kKnown, kVariable };
    Kind kind = Kind::kText;
    std::string text;  // of kText; name of kVariable
    std::size_t capture = 0;
    Known known = Known::kGroup;
  };
  static constexpr std::size_t kMaxText = 1'024;

  // ${0} to ${9}: what the expression of the action caught; ${account} and so on: Known; any other
  // ${name}: a variable. $$ is a dollar sign.
  [[nodiscard]] static Result<TextTemplate> parse(std::string_view text);
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  // The highest ${N} in it; -1: none.
  [[nodiscard]] int highest_capture() const;

 private:
  std::vector<Piece> pieces_;
};

[[nodiscard]] bool is_variable_name(std::string_view name);  // [a-z][a-z0-9_]*, and none of Known

}  // namespace causeway::rules
