// A message while rules change it: its lines as views, and what is said anew. Untouched lines leave
// byte for byte. Lives for one message; pure.
#pragma once

#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"
#include "sip/message.h"

namespace causeway::rules {

class Draft {
 public:
  // `message` outlives it.
  explicit Draft(const sip::Message& message);
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  using Line = sip::HeaderField;  // folds are still inside
  std::vector<Line> lines;
  std::string_view request_uri, body;
  int status = 0;  // 0: a request
  std::string_view reason;
  bool changed = false;

  // Text that lives as long as the draft.
  std::string_view keep(std::string text) { return kept_.emplace_front(std::move(text)); }
  // A value without folds: the same view where it has none.
  [[nodiscard]] std::string_view plain(std::string_view value);
  [[nodiscard]] const sip::Message& message() const { return message_; }
  // Where the session description stands in `body`; empty: there is none that can be read.
  [[nodiscard]] std::string_view sdp() const;
  // Puts `text` in place of sdp().
  void replace_sdp(std::string_view text);
  // kTooLarge: longer than our own parser takes.
  [[nodiscard]] Result<sip::Message> finish();

 private:
  [[nodiscard]] std::string_view value(sip::HeaderId id) const;

  const sip::Message& message_;
  std::forward_list<std::string> kept_;
};

[[nodiscard]] inline bool is(const Draft::Line& l, const Target& t) {
  return l.id == t.id && (t.id != sip::HeaderId::kOther || sip::iequals(l.name, t.name));
}

}  // namespace causeway::rules
