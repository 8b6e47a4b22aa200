// The exported form of a trail. The one file of this room that sees the JSON library.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "telemetry/text.h"
#include "telemetry/trail.h"

namespace causeway::telemetry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxImportBytes = 16 << 20;
constexpr std::size_t kMaxImportEvents = 100'000;

// Text as it is; bytes that are no text as {"hex": "..."}.
Json from_bytes(std::string_view s) {
  if (is_utf8(s)) return std::string(s);
  std::string hex;
  for (const char c : s) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return Json{{"hex", hex}};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool to_bytes(const Json& j, std::string& out) {
  if (j.is_string()) {
    out = j.get_ref<const std::string&>();
    return true;
  }
  if (!j.is_object() || !j.contains("hex") || !j["hex"].is_string()) return false;
  const auto& hex = j["hex"].get_ref<const std::string&>();
  if (hex.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
  }
  return true;
}

bool is_message(EventKind k) { return k == EventKind::kMessageIn || k == EventKind::kMessageOut; }

Json to_json(const Event& e) {
  Json j{{"kind", to_string(e.kind)}, {"at", e.at.micros}, {"leg", e.leg}};
  if (!e.peer.empty()) j["peer"] = from_bytes(e.peer);
  if (!e.text.empty()) j["text"] = from_bytes(e.text);
  for (const auto& f : e.fields)
    j["fields"].push_back(Json::array({from_bytes(f.name), from_bytes(f.value)}));
  if (is_message(e.kind)) {
    j["transport"] = to_string(e.transport);
    j["local"] = e.local.to_string();
    j["remote"] = e.remote.to_string();
    j["message"] = from_bytes(e.message);
  }
  return j;
}

bool optional_bytes(const Json& j, const char* key, std::string& out) {
  const auto it = j.find(key);
  return it == j.end() || to_bytes(*it, out);
}

bool read_endpoint(const Json& j, const char* key, Endpoint& out) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_string()) return false;
  const auto e = Endpoint::parse(it->get_ref<const std::string&>());
  if (e) out = *e;
  return e.has_value();
}

bool read_message(const Json& j, Event& e) {
  std::string transport;
  if (!optional_bytes(j, "transport", transport) || !j.contains("message")) return false;
  bool known = false;
  for (const Transport t : {Transport::kUdp, Transport::kTcp, Transport::kTls})
    if (to_string(t) == transport) e.transport = t, known = true;
  return known && read_endpoint(j, "local", e.local) && read_endpoint(j, "remote", e.remote) &&
         to_bytes(j["message"], e.message);
}

bool read_fields(const Json& j, Event& e) {
  const auto it = j.find("fields");
  if (it == j.end()) return true;
  if (!it->is_array()) return false;
  for (const auto& f : *it) {
    Field field;
    if (!f.is_array() || f.size() != 2 || !to_bytes(f[0], field.name) ||
        !to_bytes(f[1], field.value))
      return false;
    e.fields.push_back(std::move(field));
  }
  return true;
}

bool read_event(const Json& j, Event& e) {
  if (!j.is_object() || !j.contains("kind") || !j["kind"].is_string() || !j.contains("at") ||
      !j["at"].is_number_integer() || !j.contains("leg") || !j["leg"].is_number_unsigned())
    return false;
  const auto kind = event_kind(j["kind"].get_ref<const std::string&>());
  if (!kind) return false;
  e.kind = *kind;
  e.at.micros = j["at"].get<std::int64_t>();
  e.leg = j["leg"].get<std::uint32_t>();
  if (!optional_bytes(j, "peer", e.peer) || !optional_bytes(j, "text", e.text) ||
      !read_fields(j, e))
    return false;
  return !is_message(*kind) || read_message(j, e);
}

std::size_t unsigned_of(const Json& j, const char* key) {
  const auto it = j.find(key);
  return it != j.end() && it->is_number_unsigned() ? it->get<std::size_t>() : 0;
}

}  // namespace

std::string export_json(const Trail& trail) {
  std::string out = Json{{"v", kTrailVersion},
                         {"call", fmt::format("{:016x}", trail.id().value)},
                         {"max_bytes", trail.max_bytes()},
                         {"dropped", trail.dropped()},
                         {"dropped_after", trail.dropped_after()}}
                        .dump() +
                    "\n";
  for (const Event* e : trail.events()) out += to_json(*e).dump() + "\n";
  return out;
}

Result<Trail> import_json(std::string_view text) {
  if (text.size() > kMaxImportBytes)
    return fail(ErrorCode::kTooLarge, "a trail has at most 16 MiB");
  std::optional<Trail> trail;
  std::size_t line_number = 0, head = 0;
  std::vector<Event> events;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty()) continue;
    const auto bad = [&](const std::string& why) {
      return fail(ErrorCode::kMalformed,
                  "line " + std::to_string(line_number) + " of the trail: " + why);
    };
    const Json j = Json::parse(line, nullptr, false);
    if (!j.is_object()) return bad("not a JSON object");
    if (!trail) {
      const std::string call =
          j.contains("call") && j["call"].is_string() ? j["call"].get<std::string>() : "";
      if (unsigned_of(j, "v") != kTrailVersion) return bad("version 1 is what can be read");
      if (call.size() != 16 || call.find_first_not_of("0123456789abcdef") != std::string::npos)
        return bad("no call id");
      trail.emplace(CallId(std::stoull(call, nullptr, 16)), unsigned_of(j, "max_bytes"));
      trail->dropped_ = unsigned_of(j, "dropped");
      head = unsigned_of(j, "dropped_after");
      continue;
    }
    if (events.size() == kMaxImportEvents) return bad("too many events");
    if (!read_event(j, events.emplace_back())) return bad("not an event of version 1");
  }
  if (!trail) return fail(ErrorCode::kMalformed, "the trail is empty");
  trail->restore(std::move(events), head);
  return std::move(*trail);
}

}  // namespace causeway::telemetry
