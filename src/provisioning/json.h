// JSON as the API reads and writes it: a value, the members of an object in their order. Reading is
// strict and bounded; the library behind it is seen by json.cc alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace causeway::provisioning {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  // Text that is JSON already, put into place as it is. Never read, only written.
  struct Raw {
    std::string text;
  };

  Json() = default;
  Json(bool b) : value_(b) {}
  Json(int n) : value_(std::int64_t{n}) {}
  Json(std::int64_t n) : value_(n) {}
  Json(double d) : value_(d) {}
  Json(std::string s) : value_(std::move(s)) {}
  Json(std::string_view s) : value_(std::string(s)) {}
  Json(const char* s) : value_(std::string(s)) {}
  Json(Array a) : value_(std::move(a)) {}
  Json(Object o) : value_(std::move(o)) {}
  Json(Raw r) : value_(std::move(r)) {}
  [[nodiscard]] static Json object() { return Json(Object{}); }
  [[nodiscard]] static Json array() { return Json(Array{}); }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* items() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* members() const { return std::get_if<Object>(&value_); }
  // nullptr: this is no object, or has no such member.
  [[nodiscard]] const Json* find(std::string_view name) const;
  // "an array", "the number 3" ...: for a person.
  [[nodiscard]] std::string describe() const;

  // Of an object: the member, added when it is not there.
  Json& operator[](std::string_view name);
  void erase(std::string_view name);
  void push_back(Json item) { std::get<Array>(value_).push_back(std::move(item)); }

  [[nodiscard]] std::string write() const;
  void write(std::string& to) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object, Raw> value_;
};

inline constexpr int kMaxJsonDepth = 16;
inline constexpr std::size_t kMaxMembers = 500;  // of one object

// kMalformed with the place: no JSON, no UTF-8, a member twice, a zero byte in a text; kTooLarge:
// too deep.
[[nodiscard]] Result<Json> parse_json(std::string_view text);

}  // namespace causeway::provisioning
