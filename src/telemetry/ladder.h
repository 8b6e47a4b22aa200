// A trail as text: one column for each endpoint, arrows for messages, times and reasons beside
// them. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "telemetry/trail.h"

namespace causeway::telemetry {

// Lines of at most `width` columns (60 to 240), ending in "\n". UTF-8 line drawing.
[[nodiscard]] std::string render_ladder(const Trail& trail, std::size_t width = 100);

// "INVITE" or "200 OK" of a raw message; empty when it is neither request nor response.
[[nodiscard]] std::string message_label(std::string_view raw);

}  // namespace causeway::telemetry
