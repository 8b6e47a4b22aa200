#include "provisioning/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace causeway::provisioning {
namespace {

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-'; }

std::size_t characters(std::string_view s) {
  return static_cast<std::size_t>(std::count_if(
      s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string broken_rule(std::string_view text, const TextRule& rule) {
  const std::size_t n = characters(text);
  const bool sized = n >= rule.min && n <= rule.max;
  const auto all = [&](auto f) { return std::all_of(text.begin(), text.end(), f); };
  switch (rule.pattern) {
    case Pattern::kAny:
      if (!all([](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }))
        return "write it without control characters";
      if (sized) return {};
      return rule.min > 0 ? fmt::format("write {} to {} characters", rule.min, rule.max)
                          : fmt::format("write at most {} characters", rule.max);
    case Pattern::kName:
      if (sized && all(is_name)) return {};
      return fmt::format("write {} to {} letters, digits, '_' or '-'", rule.min, rule.max);
    case Pattern::kToken:
      if (sized && all([](char c) { return is_name(c) || c == '='; })) return {};
      return fmt::format("write {} to {} letters, digits, '=', '_' or '-'", rule.min, rule.max);
    case Pattern::kNumber:
      if (sized && n > 2 && text[0] == '+' && text[1] >= '1' && text[1] <= '9' &&
          std::all_of(text.begin() + 2, text.end(), is_digit))
        return {};
      return fmt::format(
          "write an E.164 number: '+', a digit from 1 to 9, more digits, {} characters at most",
          rule.max);
  }
  return {};
}

bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < 36; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

Fields::Fields(const Json& object, std::string path, std::vector<Fault>& faults)
    : path_(std::move(path)), faults_(faults) {
  if (object.members() != nullptr) {
    object_ = &object;
    return;
  }
  const std::string name = path_.empty() ? "the body" : path_.substr(0, path_.size() - 1);
  if (faults_.size() < kMaxFaults)
    faults_.push_back({"InvalidField",
                       fmt::format("{} is {}: write an object", name, object.describe()),
                       path_.empty() ? "" : name});
}

void Fields::fault(std::string_view name, std::string_view code, std::string message) {
  if (faults_.size() < kMaxFaults)
    faults_.push_back({std::string(code), fmt::format("{}{}: {}", path_, name, message),
                       path_ + std::string(name)});
}

const Json* Fields::take(std::string_view name, bool required) {
  known_.push_back(name);
  if (object_ == nullptr) return nullptr;
  const Json* v = object_->find(name);
  if (v == nullptr && required) fault(name, "MissingField", "is missing: add it");
  return v;
}

std::optional<std::string> Fields::text(std::string_view name, const TextRule& rule,
                                        bool required) {
  const Json* v = take(name, required);
  if (v == nullptr) return std::nullopt;
  const std::string* s = v->text();
  if (s == nullptr) {
    fault(name, "InvalidField",
          fmt::format("is {}: write a text{}", v->describe(), required ? "" : ", or leave it out"));
    return std::nullopt;
  }
  if (const std::string remedy = broken_rule(*s, rule); !remedy.empty()) {
    fault(name, "InvalidField", fmt::format("is {}: {}", v->describe(), remedy));
    return std::nullopt;
  }
  return *s;
}

std::optional<std::string> Fields::word(std::string_view name,
                                        std::initializer_list<std::string_view> words) {
  const Json* v = take(name, false);
  if (v == nullptr) return std::nullopt;
  if (const std::string* s = v->text())
    if (std::find(words.begin(), words.end(), *s) != words.end()) return *s;
  fault(name, "InvalidField",
        fmt::format("is {}: write one of '{}'", v->describe(), fmt::join(words, "', '")));
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view name, bool required) {
  const Json* v = take(name, required);
  if (v == nullptr) return std::nullopt;
  if (const bool* b = v->boolean()) return *b;
  fault(name, "InvalidField", fmt::format("is {}: write true or false", v->describe()));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name, bool required) {
  constexpr std::size_t kMost = 50;
  const Json* v = take(name, required);
  if (v == nullptr) return std::nullopt;
  const Json::Array* items = v->items();
  if (items == nullptr || items->size() > kMost) {
    fault(name, "InvalidField",
          fmt::format("is {}: write an array of at most {} texts", v->describe(), kMost));
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const Json& item : *items) {
    const std::string* s = item.text();
    if (s == nullptr || !broken_rule(*s, {1, 100, Pattern::kAny}).empty()) {
      fault(name, "InvalidField",
            fmt::format("holds {}: write texts of 1 to 100 characters", item.describe()));
      return std::nullopt;
    }
    out.push_back(*s);
  }
  return out;
}

const Json* Fields::object(std::string_view name, bool required) {
  const Json* v = take(name, required);
  if (v == nullptr || v->members() != nullptr) return v;
  fault(name, "InvalidField", fmt::format("is {}: write an object", v->describe()));
  return nullptr;
}

const Json::Array* Fields::array(std::string_view name, std::size_t min, std::size_t max) {
  const Json* v = take(name, true);
  if (v == nullptr) return nullptr;
  const Json::Array* items = v->items();
  if (items != nullptr && items->size() >= min && items->size() <= max) return items;
  fault(name, "InvalidField",
        fmt::format("is {}: write an array of {} to {} items",
                    items != nullptr ? fmt::format("an array of {}", items->size()) : v->describe(),
                    min, max));
  return nullptr;
}

void Fields::read_only(std::initializer_list<std::string_view> names) {
  known_.insert(known_.end(), names.begin(), names.end());
}

void Fields::end() {
  if (object_ == nullptr) return;
  for (const auto& [name, value] : *object_->members())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      fault(broken_rule(name, {0, 60, Pattern::kAny}).empty() ? name : "(a member)", "UnknownField",
            fmt::format("does not exist: take it out; known are {}", fmt::join(known_, ", ")));
}

}  // namespace causeway::provisioning
