// A small configuration that is right, and ways to make it wrong.
#pragma once

#include <string>
#include <string_view>

#include "deployment/load.h"

namespace causeway::deployment::testing {

inline constexpr std::string_view kSample = R"([[region]]
name = "north"

[[realm]]
name = "core"
media_addresses = ["127.0.0.1"]
media_port_min = 20000
media_port_max = 29999

[[listener]]
name = "udp"
realm = "core"
transport = "udp"
address = "127.0.0.1:5060"

[[peer_group]]
name = "a"
region = "north"
realm = "core"
listener = "udp"
profile = "operator"
routes_to = ["b"]

[[peer_group.peer]]
name = "a1"
host = "192.0.2.1"

[[peer_group]]
name = "b"
region = "north"
realm = "core"
listener = "udp"
profile = "operator"

[[peer_group.peer]]
name = "b1"
host = "192.0.2.2"
)";

// `text` with the first `from` replaced; an empty `from` adds `to` at the end.
inline std::string with(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text + std::string(to);
  const auto at = text.find(from);
  return at == std::string::npos ? "pattern not in the sample: " + std::string(from)
                                 : text.replace(at, from.size(), to);
}
inline std::string sample_with(std::string_view from, std::string_view to) {
  return with(std::string(kSample), from, to);
}

inline int line_of(std::string_view text, std::string_view part) {
  const auto at = text.find(part);
  int line = 1;
  for (std::size_t i = 0; i < at && i < text.size(); ++i) line += text[i] == '\n' ? 1 : 0;
  return at == std::string_view::npos ? -1 : line;
}

inline LoadResult load_sample(std::string_view text) {
  LoadOptions o;
  o.check_files = false;
  return load_text(text, "test.toml", o);
}

}  // namespace causeway::deployment::testing
