// Why a request is refused: one HTTP status, a code for a program, a sentence for a person, the
// field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "provisioning/json.h"

namespace causeway::provisioning {

struct Fault {
  std::string code, message, target;
};

struct Problem {
  int status = 500;
  std::string code;
  std::string message;
  std::string target;
  std::vector<Fault> details;    // when there is more than one
  bool repeat_rejected = false;  // Repeatability-Result: rejected
};

template <typename T>
using Outcome = tl::expected<T, Problem>;

[[nodiscard]] inline tl::unexpected<Problem> refuse(int status, std::string_view code,
                                                    std::string message, std::string target = {}) {
  return tl::unexpected(
      Problem{status, std::string(code), std::move(message), std::move(target), {}});
}

// What an Error of the store comes to. Details of the engine stay in the log.
[[nodiscard]] Problem problem_of(const Error& error);
// All mistakes of one body or query.
[[nodiscard]] Problem problem_of(std::vector<Fault> faults);

// "error": {...}; `with_target` is not there in 2023-10-01.
[[nodiscard]] Json error_body(const Problem& problem, bool with_target);

}  // namespace causeway::provisioning
