#include "app/control_protocol.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

namespace causeway::app {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& j) {
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_base64(std::string_view in) {
  std::string out((in.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(in.data()),
                                static_cast<int>(in.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

bool from_base64(const std::string& in, std::string& out) {
  if (in.size() % 4 != 0) return false;
  out.resize(in.size() / 4 * 3 + 1);
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(in.data()),
                                static_cast<int>(in.size()));
  if (n < 0) return false;
  const std::size_t padding = in.ends_with("==") ? 2 : in.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return true;
}

bool read_cells(const Json& j, std::vector<std::string>& out) {
  if (!j.is_array()) return false;
  for (const auto& c : j) {
    if (!c.is_string()) return false;
    out.push_back(c.get<std::string>());
  }
  return true;
}

}  // namespace

std::string encode(const Request& r) {
  return dump(Json{{"command", r.command}, {"args", r.args}});
}

std::string encode(const ResponseLine& r) {
  switch (r.kind) {
    case ResponseLine::Kind::kText: return dump(Json{{"text", r.text}});
    case ResponseLine::Kind::kHead: return dump(Json{{"head", r.cells}});
    case ResponseLine::Kind::kRow: return dump(Json{{"row", r.cells}});
    case ResponseLine::Kind::kBytes: return dump(Json{{"bytes", to_base64(r.text)}});
    case ResponseLine::Kind::kDone: return dump(Json{{"done", true}});
    case ResponseLine::Kind::kFailed: return dump(Json{{"done", false}, {"error", r.text}});
  }
  return {};
}

Result<Request> decode_request(std::string_view line) {
  const Json j = Json::parse(line, nullptr, false);
  const auto bad = [] {
    return fail(ErrorCode::kMalformed,
                "a request is one line: {\"command\": \"NAME\", \"args\": {\"NAME\": \"VALUE\"}}");
  };
  if (!j.is_object() || !j.contains("command") || !j["command"].is_string()) return bad();
  Request r;
  r.command = j["command"].get<std::string>();
  const auto args = j.find("args");
  if (args == j.end()) return r;
  if (!args->is_object()) return bad();
  for (const auto& [name, value] : args->items()) {
    if (!value.is_string()) return bad();
    r.args[name] = value.get<std::string>();
  }
  return r;
}

Result<ResponseLine> decode_response(std::string_view line) {
  const Json j = Json::parse(line, nullptr, false);
  ResponseLine r;
  bool good = j.is_object();
  if (good && j.contains("text")) {
    good = j["text"].is_string();
    if (good) r.text = j["text"].get<std::string>();
  } else if (good && (j.contains("head") || j.contains("row"))) {
    r.kind = j.contains("head") ? ResponseLine::Kind::kHead : ResponseLine::Kind::kRow;
    good = read_cells(j.contains("head") ? j["head"] : j["row"], r.cells);
  } else if (good && j.contains("bytes")) {
    r.kind = ResponseLine::Kind::kBytes;
    good = j["bytes"].is_string() && from_base64(j["bytes"].get<std::string>(), r.text);
  } else if (good && j.contains("done") && j["done"].is_boolean()) {
    r.kind = j["done"].get<bool>() ? ResponseLine::Kind::kDone : ResponseLine::Kind::kFailed;
    if (j.contains("error") && j["error"].is_string()) r.text = j["error"].get<std::string>();
  } else {
    good = false;
  }
  if (!good)
    return fail(ErrorCode::kMalformed, "the gateway sent what this version does not understand");
  return r;
}

}  // namespace causeway::app
