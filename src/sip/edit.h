// A message with some of its lines changed and every other byte as it came: what a proxy sends on
// (RFC 3261 16.6, 16.7). Collects the changes, then writes once. Views into the message; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sip/message.h"

namespace causeway::sip {

class Edit {
 public:
  explicit Edit(const Message& message) : message_(message) {}

  // Of a request.
  Edit& request_uri(std::string_view uri);
  // A header line of its own in front of all others of that kind; where there are none, behind the
  // start line. The latest call stands first.
  Edit& push(HeaderId id, std::string_view value);
  // The first value of that header, of a list alone (RFC 3261 7.3.1), goes. Once for each header.
  Edit& pop(HeaderId id);
  // The first header of that kind says `value` from now on; it is added when there is none.
  Edit& set(HeaderId id, std::string_view value);

  [[nodiscard]] std::string finish() const;

 private:
  struct Change {
    std::size_t at = 0, length = 0;
    std::string text;
  };
  [[nodiscard]] std::size_t offset(std::string_view view) const {
    return static_cast<std::size_t>(view.data() - message_.bytes().data());
  }
  [[nodiscard]] std::size_t behind_start_line() const;
  [[nodiscard]] std::size_t behind(const HeaderField& field) const;
  void insert(std::size_t at, HeaderId id, std::string_view value);

  const Message& message_;
  std::vector<Change> changes_;
};

}  // namespace causeway::sip
