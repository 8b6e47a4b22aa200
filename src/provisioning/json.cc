#include "provisioning/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace causeway::provisioning {
namespace {

// Builds a Json while the library reads; says no at the first thing that is not wanted.
class Builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return put({}); }
  bool boolean(bool b) { return put(b); }
  bool number_integer(number_integer_t n) { return put(static_cast<std::int64_t>(n)); }
  bool number_unsigned(number_unsigned_t n) {
    if (n > static_cast<number_unsigned_t>(INT64_MAX)) return put(static_cast<double>(n));
    return put(static_cast<std::int64_t>(n));
  }
  bool number_float(number_float_t d, const string_t&) { return put(d); }
  bool string(string_t& s) {
    if (s.find('\0') != std::string::npos) return refuse("a text holds a zero byte: take it out");
    return put(std::move(s));
  }
  bool binary(binary_t&) { return refuse("binary"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool key(string_t& k) {
    if (k.find('\0') != std::string::npos) return refuse("a name holds a zero byte");
    // What a look-up costs is bounded, too.
    if (open_.back().value.members()->size() >= kMaxMembers)
      return refuse(fmt::format("an object has more than {} members", kMaxMembers));
    if (open_.back().value.find(k) != nullptr)
      return refuse(fmt::format("the member '{}' is there twice: write it once", k.substr(0, 100)));
    open_.back().key = std::move(k);
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) {
    return refuse(fmt::format("this is no JSON in UTF-8, from byte {} on", at));
  }

  Error error{ErrorCode::kMalformed, ""};
  Json result;

 private:
  struct Open {
    Json value;
    std::string key;  // of the member that comes
  };
  bool refuse(std::string why) {
    if (error.what.empty()) error.what = std::move(why);
    return false;
  }
  bool put(Json v) {
    if (open_.empty())
      result = std::move(v);
    else if (open_.back().value.items() != nullptr)
      open_.back().value.push_back(std::move(v));
    else
      open_.back().value[open_.back().key] = std::move(v);
    return true;
  }
  bool open(Json v) {
    if (open_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      error.code = ErrorCode::kTooLarge;
      return refuse(fmt::format("the JSON is more than {} levels deep", kMaxJsonDepth));
    }
    open_.push_back({std::move(v), {}});
    return true;
  }
  bool close() {
    Json v = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(v));
  }
  std::vector<Open> open_;
};

void write_text(std::string& to, std::string_view s) {
  to += '"';
  for (const char c : s) {
    switch (c) {
      case '"': to += "\\\""; break;
      case '\\': to += "\\\\"; break;
      case '\n': to += "\\n"; break;
      case '\r': to += "\\r"; break;
      case '\t': to += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          to += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
          to += c;
    }
  }
  to += '"';
}

}  // namespace

const Json* Json::find(std::string_view name) const {
  const auto* o = members();
  if (o == nullptr) return nullptr;
  for (const auto& [key, value] : *o)
    if (key == name) return &value;
  return nullptr;
}

Json& Json::operator[](std::string_view name) {
  if (is_null()) value_ = Object{};
  auto& o = std::get<Object>(value_);
  for (auto& [key, value] : o)
    if (key == name) return value;
  return o.emplace_back(std::string(name), Json()).second;
}

void Json::erase(std::string_view name) {
  if (auto* o = std::get_if<Object>(&value_))
    o->erase(std::remove_if(o->begin(), o->end(), [&](const auto& m) { return m.first == name; }),
             o->end());
}

std::string Json::describe() const {
  if (is_null()) return "null";
  if (const auto* b = boolean()) return *b ? "true" : "false";
  if (const auto* n = integer()) return fmt::format("the number {}", *n);
  if (const auto* s = text()) {
    std::string shown = s->substr(0, 60);
    for (char& c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return fmt::format("'{}{}'", shown, s->size() > 60 ? "..." : "");
  }
  if (items() != nullptr) return "an array";
  if (members() != nullptr) return "an object";
  return "a number with a fraction";
}

void Json::write(std::string& to) const {
  struct Visitor {
    std::string& to;
    void operator()(std::monostate) const { to += "null"; }
    void operator()(bool b) const { to += b ? "true" : "false"; }
    void operator()(std::int64_t n) const { to += std::to_string(n); }
    void operator()(double d) const { to += fmt::format("{}", d == 0 ? 0.0 : d); }
    void operator()(const std::string& s) const { write_text(to, s); }
    void operator()(const Array& a) const {
      to += '[';
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (i > 0) to += ',';
        a[i].write(to);
      }
      to += ']';
    }
    void operator()(const Object& o) const {
      to += '{';
      for (std::size_t i = 0; i < o.size(); ++i) {
        if (i > 0) to += ',';
        write_text(to, o[i].first);
        to += ':';
        o[i].second.write(to);
      }
      to += '}';
    }
    void operator()(const Raw& r) const { to += r.text; }
  };
  std::visit(Visitor{to}, value_);
}

std::string Json::write() const {
  std::string out;
  write(out);
  return out;
}

Result<Json> parse_json(std::string_view text) {
  // The library takes a zero octet for the end of the text, and another reader might not.
  if (text.find('\0') != std::string_view::npos)
    return fail(ErrorCode::kMalformed, "this is no JSON: there is a zero octet in it");
  Builder b;
  // Beyond the range of a double the library throws; nothing else here does.
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &b)) return std::move(b.result);
  } catch (const std::exception&) {
    b.error.what = "this is no JSON that can be read";
  }
  if (b.error.what.empty()) b.error.what = "this is no JSON";
  return tl::unexpected(b.error);
}

}  // namespace causeway::provisioning
