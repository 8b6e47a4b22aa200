// The written form of plain values: fields in order, integers little-endian, strings and lists with
// their length in front. One describe() per type serves writing and reading. Reading is bounded by
// the input and never trusts a length.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace causeway {

class Writer {
 public:
  static constexpr bool kReading = false;
  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void field(const T& v) {
    out_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void field(const std::string& s) {
    field(static_cast<std::uint32_t>(s.size()));
    out_.append(s);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }
  [[nodiscard]] bool ok() const { return true; }

 private:
  std::string out_;
};

class Reader {
 public:
  static constexpr bool kReading = true;
  explicit Reader(std::string_view in) : in_(in) {}
  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void field(T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t b = 0;
      field(b);
      v = b != 0;
    } else {
      if (in_.size() < sizeof v) {
        ok_ = false;
        v = T{};
        return;
      }
      in_.copy(reinterpret_cast<char*>(&v), sizeof v);
      in_.remove_prefix(sizeof v);
    }
  }
  void field(std::string& s) {
    std::uint32_t n = 0;
    field(n);
    if (n > in_.size()) {
      ok_ = false;
      return;
    }
    s.assign(in_.substr(0, n));
    in_.remove_prefix(n);
  }
  [[nodiscard]] bool ok() const { return ok_; }
  void spoil() { ok_ = false; }
  [[nodiscard]] std::size_t left() const { return in_.size(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace causeway
