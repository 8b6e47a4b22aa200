#include "provisioning/problem.h"

#include <fmt/format.h>

#include "base/log.h"

namespace causeway::provisioning {

Problem problem_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound: return {404, "NotFound", error.what, {}, {}};
    case ErrorCode::kConflict:
      return {409, "Conflict", "the change conflicts with another: read again and repeat", {}, {}};
    case ErrorCode::kMalformed: return {400, "InvalidRequest", error.what, {}, {}};
    case ErrorCode::kTimeout:
      return {
          503,
          "TooExpensive",
          "the store gave up on this: ask for less (a filter on telephoneNumber or name, a smaller "
          "skip, no record count)",
          {},
          {}};
    case ErrorCode::kUnavailable:
      log::warning("provisioning: {}", error.what);
      return {
          503, "ServiceUnavailable", "the store cannot be used at the moment: try again", {}, {}};
    default:
      log::error("provisioning: {}", error.what);
      return {500, "InternalError", "this could not be done; the log of causeway says why", {}, {}};
  }
}

Problem problem_of(std::vector<Fault> faults) {
  if (faults.empty()) return {500, "InternalError", "refused without a reason", {}, {}};
  Problem p{400, faults[0].code, faults[0].message, faults[0].target, {}};
  if (faults.size() > 1) {
    p.code = "InvalidRequest";
    p.message = fmt::format("{} mistakes; the first: {}", faults.size(), faults[0].message);
    p.details = std::move(faults);
  }
  return p;
}

Json error_body(const Problem& problem, bool with_target) {
  const auto one = [&](const std::string& code, const std::string& message,
                       const std::string& target) {
    Json e;
    e["code"] = code;
    e["message"] = message;
    if (with_target && !target.empty()) e["target"] = target;
    return e;
  };
  Json e = one(problem.code, problem.message, problem.target);
  if (!problem.details.empty()) {
    Json details = Json::array();
    for (const Fault& f : problem.details) details.push_back(one(f.code, f.message, f.target));
    e["details"] = std::move(details);
  }
  Json out;
  out["error"] = std::move(e);
  return out;
}

}  // namespace causeway::provisioning
