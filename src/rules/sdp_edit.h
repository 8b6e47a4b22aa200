// Changes of a session description by its lines; every other line stays as it came. Nothing here
// makes a description that says less than a session needs: such a change is not made. One that is
// longer than anybody takes (sip::FieldLimits), or has more formats, is left alone. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rules/rule.h"

namespace causeway::rules {

[[nodiscard]] bool holds(const SdpTest& test, std::string_view sdp);

inline constexpr std::size_t kMaxFormats = 64;  // of one m-line, whose codecs are changed

class SdpEdit {
 public:
  explicit SdpEdit(std::string_view text);
  // True: it has changed. kMalformed: it must not, and why.
  [[nodiscard]] Result<bool> apply(const Action& action);
  [[nodiscard]] std::string text() const;
  // The lines that were taken out and put in by the latest change, "; " between them.
  [[nodiscard]] const std::string& before() const { return before_; }
  [[nodiscard]] const std::string& after() const { return after_; }

 private:
  struct Section {
    std::size_t first = 0, end = 0;
  };
  [[nodiscard]] std::vector<Section> sections(std::string_view media) const;
  [[nodiscard]] Section session() const;
  [[nodiscard]] Status bounded(const Action& a) const;
  void replace(std::size_t line, std::string text);
  void erase(std::size_t line);
  void insert(std::size_t before_line, std::string text);
  [[nodiscard]] Result<bool> remove_codecs(const Action& a);
  [[nodiscard]] Result<bool> order_codecs(const Action& a);
  [[nodiscard]] Result<bool> remove_attribute(const Action& a);
  [[nodiscard]] Result<bool> remove_media(const Action& a);
  [[nodiscard]] Result<bool> set_ptime(const Action& a);
  [[nodiscard]] Result<bool> set_bandwidth(const Action& a);
  void set_bandwidth_of(Section s, const Action& a);

  std::size_t size_ = 0;
  std::vector<std::string> lines_;
  std::string before_, after_;
};

}  // namespace causeway::rules
