// Many calls through the gateway at a steady rate, signalling alone: the caller on one side, the
// called on the other, in one process. Lab thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lab/world.h"

namespace causeway::lab {

struct LoadSettings {
  double rate = 10;  // calls per second
  std::uint64_t calls = 100;
  Millis hold{1'000};  // from the answer to the BYE
  Side caller = Side::kPhoneSystem;
};

struct LoadReport {
  std::uint64_t placed = 0, good = 0, failed = 0, violations = 0;
  double seconds = 0;
  std::map<std::string, std::uint64_t> failures;  // by kind
  std::map<std::string, std::uint64_t> breaches;  // by requirement
  std::vector<double> answer_ms;                  // from INVITE to 200, sorted
  [[nodiscard]] double percentile(double p) const;
};

[[nodiscard]] LoadReport run_load(const Sides& sides, const LoadSettings& settings);
[[nodiscard]] std::string to_text(const LoadReport& r);
[[nodiscard]] std::string to_json(const LoadReport& r);

}  // namespace causeway::lab
