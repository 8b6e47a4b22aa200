// A value that may be absent, kept elsewhere: an optional for what is large and mostly not there.
// Where an optional would hold its room for the life of the owner, this holds a pointer. Copies are
// deep.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace causeway {

template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}  // NOLINT(google-explicit-constructor): as with optional
  Boxed(T value)
      : box_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)
  Boxed(std::optional<T> value)                         // NOLINT(google-explicit-constructor)
      : box_(value ? std::make_unique<T>(std::move(*value)) : nullptr) {}
  Boxed(const Boxed& other) : box_(other.box_ ? std::make_unique<T>(*other.box_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    if (this != &other) box_ = other.box_ ? std::make_unique<T>(*other.box_) : nullptr;
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  template <typename... A>
  T& emplace(A&&... a) {
    box_ = std::make_unique<T>(std::forward<A>(a)...);
    return *box_;
  }
  void reset() { box_.reset(); }
  [[nodiscard]] bool has_value() const { return box_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] T& operator*() { return *box_; }
  [[nodiscard]] const T& operator*() const { return *box_; }
  [[nodiscard]] T* operator->() { return box_.get(); }
  [[nodiscard]] const T* operator->() const { return box_.get(); }
  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a || *a == *b);
  }

 private:
  std::unique_ptr<T> box_;
};

}  // namespace causeway
