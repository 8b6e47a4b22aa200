#include "rules/rule_test.h"

#include <algorithm>

#include "sip/headers.h"

namespace causeway::rules {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    out.emplace_back(line);
  }
  while (!out.empty() && out.back().empty()) out.pop_back();
  return out;
}

bool is_length(const std::string& line) {
  const std::string_view name = std::string_view(line).substr(0, line.find(':'));
  return sip::iequals(name, "Content-Length") || sip::iequals(name, "l");
}

// "Name: value" with one space, so that a person need not count them.
std::string tidy(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::string(line);
  std::string_view name = line.substr(0, colon), value = line.substr(colon + 1);
  while (!name.empty() && sip::is_lws(name.back())) name.remove_suffix(1);
  while (!value.empty() && sip::is_lws(value.front())) value.remove_prefix(1);
  return std::string(name) + ": " + std::string(value);
}

std::vector<std::string> comparable(std::string_view message) {
  auto lines = lines_of(message);
  std::size_t head = 0;
  while (head < lines.size() && !lines[head].empty()) ++head;
  for (std::size_t i = 1; i < head; ++i) lines[i] = tidy(lines[i]);
  lines.erase(
      std::remove_if(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(head), is_length),
      lines.begin() + static_cast<std::ptrdiff_t>(head));
  return lines;
}

void want(std::string& out, bool good, std::string_view sign, std::string_view line) {
  if (!good) out.append(sign).append(" ").append(line).append("\n");
}

class Verdict {
 public:
  Verdict(const RuleTest& test, const sip::Message& got) : test_(test), got_(got) {}

  std::string text() {
    const auto& e = test_.expected;
    const auto lines = comparable(got_.bytes());
    std::string out;
    if (e.message) out += difference(comparable(as_message(*e.message)), lines);
    if (e.start_line && (lines.empty() || lines.front() != *e.start_line))
      out += "- " + *e.start_line + "\n+ " + (lines.empty() ? "" : lines.front()) + "\n";
    for (const auto& h : e.headers) {
      const std::string line = tidy(h);
      if (std::find(lines.begin(), lines.end(), line) != lines.end()) continue;
      out += "- " + line + "\n";
      out += others(line.substr(0, line.find(':')));
    }
    for (const auto& name : e.absent) out += others(name);
    for (const auto& l : e.sdp) want(out, has(lines, l), "-", l);
    for (const auto& l : e.sdp_absent) want(out, !has(lines, l), "+", l);
    return out;
  }

 private:
  static bool has(const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  // What stands under that name instead.
  [[nodiscard]] std::string others(std::string_view name) const {
    std::string out;
    const sip::HeaderId id = sip::header_id(name);
    for (const auto& f : got_.headers())
      if (id == sip::HeaderId::kOther ? sip::iequals(f.name, name) : f.id == id)
        out += "+ " + std::string(f.name) + ": " + std::string(f.value) + "\n";
    return out;
  }
  const RuleTest& test_;
  const sip::Message& got_;
};

}  // namespace

std::string as_message(std::string_view text) {
  while (!text.empty() && sip::is_lws(text.front())) text.remove_prefix(1);
  std::string head, body;
  bool in_body = false, has_length = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (in_body) {
      body.append(line).append("\r\n");
    } else if (line.empty()) {
      in_body = true;
    } else {
      const std::string_view name = line.substr(0, line.find(':'));
      if (sip::iequals(name, "Content-Length") || sip::iequals(name, "l")) {
        has_length = true;
        continue;
      }
      head.append(line).append("\r\n");
    }
  }
  if (has_length || !body.empty())
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return head + "\r\n" + body;
}

std::string difference(const std::vector<std::string>& wanted,
                       const std::vector<std::string>& found) {
  const std::size_t n = wanted.size(), m = found.size();
  // Longest common lines behind each pair of places.
  std::vector<std::uint16_t> common((n + 1) * (m + 1), 0);
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint16_t& {
    return common[i * (m + 1) + j];
  };
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t j = m; j-- > 0;)
      at(i, j) = wanted[i] == found[j] ? static_cast<std::uint16_t>(at(i + 1, j + 1) + 1)
                                       : std::max(at(i + 1, j), at(i, j + 1));
  std::string out;
  for (std::size_t i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && wanted[i] == found[j]) {
      ++i;
      ++j;
    } else if (j < m && (i == n || at(i, j + 1) > at(i + 1, j))) {
      out += "+ " + found[j++] + "\n";
    } else {
      out += "- " + wanted[i++] + "\n";
    }
  }
  return out;
}

std::optional<std::string> run(const std::shared_ptr<const RuleSet>& set, const RuleTest& test) {
  const std::string bytes = as_message(test.message);
  const auto message = sip::Message::parse(bytes);
  if (!message) return "the message of the test cannot be read: " + message.error().what;
  if (auto ok = sip::validate(*message); !ok)
    return "the message of the test is not valid: " + ok.error().what;
  Facts facts;
  facts.direction = test.direction;
  facts.group = test.group;
  facts.group_name = test.group_name;
  facts.peer = test.peer;
  facts.account = test.account;
  facts.tenant = test.tenant;
  facts.calling = test.calling;
  facts.called = test.called;
  facts.emergency = test.emergency;
  Variables variables = test.variables;
  const Outcome outcome = apply(Chain(test.direction, {set}), *message, facts, variables);
  std::string out;
  const sip::Message& got = outcome.message ? *outcome.message : *message;
  if (test.expected.unchanged && outcome.message)
    out = difference(comparable(bytes), comparable(got.bytes()));
  for (const auto& wanted : test.expected.variables) {
    const auto* v = find(variables, wanted.name);
    if (v && v->value == wanted.value) continue;
    out += "- variable " + wanted.name + " = " + wanted.value + "\n";
    if (v) out += "+ variable " + v->name + " = " + v->value + "\n";
  }
  out += Verdict(test, got).text();
  for (const auto& c : outcome.changes)
    if (!c.refused.empty() && !out.empty()) out += "  " + to_string(c) + "\n";
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace causeway::rules
