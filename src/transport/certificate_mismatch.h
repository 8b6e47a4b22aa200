// The words of a refusal for a certificate's names. For a person; any thread.
#pragma once

#include <string>
#include <vector>

namespace causeway::transport {

inline std::string mismatch(const std::vector<std::string>& expected,
                            const std::vector<std::string>& found) {
  std::string text = ": expected one of";
  for (const auto& n : expected) text += " " + n;
  text += "; the certificate has";
  for (const auto& n : found) text += " " + n;
  return text;
}

}  // namespace causeway::transport
