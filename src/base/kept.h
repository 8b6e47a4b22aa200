// Values that are set whole and never changed in place, so that copies share one: what two sides
// or two states of a dialog have in common is held once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace causeway {

// As an optional of a constant. Copies are cheap; equality is that of the values.
template <typename T>
class Kept {
 public:
  Kept() = default;
  Kept(std::nullopt_t) {}  // NOLINT(google-explicit-constructor): as with optional
  Kept(T value)            // NOLINT(google-explicit-constructor)
      : value_(std::make_shared<const T>(std::move(value))) {}

  void reset() { value_.reset(); }
  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return value_.get(); }
  // Holds what `other` holds where that is the same: one of the two copies is freed.
  void share(const Kept& other) {
    if (value_ != other.value_ && *this == other) value_ = other.value_;
  }
  friend bool operator==(const Kept& a, const Kept& b) {
    return a.value_ == b.value_ || (a && b && *a == *b);
  }

 private:
  std::shared_ptr<const T> value_;
};

// A text of that kind, empty when there is none.
class KeptText {
 public:
  KeptText() = default;
  KeptText(std::string text) {  // NOLINT(google-explicit-constructor)
    if (!text.empty()) text_ = Kept<std::string>(std::move(text));
  }
  KeptText(const char* text)
      : KeptText(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string_view view() const {
    return text_ ? std::string_view(*text_) : std::string_view();
  }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool empty() const { return !text_; }
  void share(const KeptText& other) { text_.share(other.text_); }
  friend bool operator==(const KeptText& a, const KeptText& b) { return a.text_ == b.text_; }

 private:
  Kept<std::string> text_;
};

}  // namespace causeway
