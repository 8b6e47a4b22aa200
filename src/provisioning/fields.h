// Reads the members of one JSON object and says everything that is wrong with them: each mistake
// names the field, what was found, and what would be right.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/json.h"
#include "provisioning/problem.h"

namespace causeway::provisioning {

enum class Pattern : std::uint8_t {
  kAny,     // any text without control characters
  kName,    // ^([A-Za-z0-9_-]+)$
  kToken,   // ^([A-Za-z0-9=_-]+)$
  kNumber,  // ^\+[1-9]\d+$
};
struct TextRule {
  std::size_t min = 0, max = 1'000;  // characters
  Pattern pattern = Pattern::kAny;
};
inline constexpr TextRule kAccountName{1, 100, Pattern::kName};
inline constexpr TextRule kTelephoneNumber{3, 16, Pattern::kNumber};
inline constexpr TextRule kHeaderValue{1, 100, Pattern::kName};
inline constexpr TextRule kSubdomain{1, 10, Pattern::kName};
inline constexpr TextRule kSubdomainToken{1, 100, Pattern::kToken};

// Empty when `text` obeys the rule, else what to write instead.
[[nodiscard]] std::string broken_rule(std::string_view text, const TextRule& rule);
[[nodiscard]] bool is_guid(std::string_view text);  // 8-4-4-4-12 hexadecimal digits

class Fields {
 public:
  static constexpr std::size_t kMaxFaults = 20;  // of one body; further ones are not told

  // `path`: where the object stands in the body, "" or "serviceDetails.".
  Fields(const Json& object, std::string path, std::vector<Fault>& faults);

  [[nodiscard]] std::optional<std::string> text(std::string_view name, const TextRule& rule = {},
                                                bool required = false);
  [[nodiscard]] std::optional<std::string> word(std::string_view name,
                                                std::initializer_list<std::string_view> words);
  [[nodiscard]] std::optional<bool> boolean(std::string_view name, bool required = false);
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name,
                                                              bool required = false);
  // nullptr: not there, or no object.
  [[nodiscard]] const Json* object(std::string_view name, bool required = false);
  [[nodiscard]] const Json::Array* array(std::string_view name, std::size_t min, std::size_t max);
  // Members that we write and a client may send back as it got them: not looked at.
  void read_only(std::initializer_list<std::string_view> names);
  // What was not asked for does not exist.
  void end();

  void fault(std::string_view name, std::string_view code, std::string message);
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return path_ + std::string(name);
  }

 private:
  const Json* take(std::string_view name, bool required);

  const Json* object_ = nullptr;
  std::string path_;
  std::vector<Fault>& faults_;
  std::vector<std::string_view> known_;
};

}  // namespace causeway::provisioning
