// What was replayed, for a person and as JSON.
#include <fmt/format.h>

#include "call/replay.h"
#include "telemetry/text.h"

namespace causeway::call {
namespace {

std::string_view verdict(const Replayed& c) {
  if (!c.trouble.empty()) return "unknown";
  return c.differences.empty() ? "same" : "different";
}

void append(std::string& out, std::string_view name, std::string_view value) {
  out += out.ends_with('{') ? "\"" : ",\"";
  out.append(name).append("\":");
  telemetry::append_json_string(out, value);
}

void append(std::string& out, const std::vector<std::string>& list) {
  out += '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i != 0) out += ',';
    telemetry::append_json_string(out, list[i]);
  }
  out += ']';
}

}  // namespace

std::string to_text(const std::vector<Replayed>& calls) {
  std::string out;
  for (const auto& c : calls) {
    const std::string head =
        fmt::format("call {:016x} from {} to {}", c.id.value,
                    c.from.empty() ? "nobody" : telemetry::printable(c.from),
                    c.called.empty() ? "nobody" : telemetry::printable(c.called));
    if (!c.trouble.empty()) {
      out += head + ": cannot be replayed: " + telemetry::printable(c.trouble) + "\n";
      continue;
    }
    if (c.differences.empty()) {
      out += head + ": as it was\n";
    } else {
      out += head + ": goes differently\n";
    }
    for (const auto& d : c.differences) {
      out += fmt::format("  {}\n", telemetry::printable(d.what));
      if (!d.recorded.empty()) out += fmt::format("    - {}\n", telemetry::printable(d.recorded));
      if (!d.now.empty()) out += fmt::format("    + {}\n", telemetry::printable(d.now));
      if (!d.why.empty()) out += fmt::format("    because {}\n", telemetry::printable(d.why));
    }
    for (const auto& u : c.unsaid)
      out += fmt::format("  not replayed: {}\n", telemetry::printable(u));
  }
  const auto n = count(calls);
  out += fmt::format("{} call{}: {} as before, {} differently, {} not to be replayed\n",
                     calls.size(), calls.size() == 1 ? "" : "s", n.same, n.different, n.unknown);
  return out;
}

std::string to_json(const std::vector<Replayed>& calls) {
  std::string out = "{\"calls\":[";
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto& c = calls[i];
    std::string one = "{";
    append(one, "call", fmt::format("{:016x}", c.id.value));
    append(one, "from", c.from);
    append(one, "called", c.called);
    append(one, "verdict", verdict(c));
    append(one, "trouble", c.trouble);
    one += ",\"differences\":[";
    for (std::size_t j = 0; j < c.differences.size(); ++j) {
      const auto& d = c.differences[j];
      std::string row = "{";
      append(row, "what", d.what);
      append(row, "recorded", d.recorded);
      append(row, "now", d.now);
      append(row, "why", d.why);
      one += (j == 0 ? "" : ",") + row + "}";
    }
    one += "],\"not_replayed\":";
    append(one, c.unsaid);
    one += ",\"reasons\":";
    append(one, c.reasons);
    out += (i == 0 ? "" : ",") + one + "}";
  }
  const auto n = count(calls);
  return out + fmt::format("],\"same\":{},\"different\":{},\"unknown\":{}}}\n", n.same, n.different,
                           n.unknown);
}

}  // namespace causeway::call
