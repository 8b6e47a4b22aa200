#include "rules/text_template.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace causeway::rules {
namespace {

constexpr std::pair<std::string_view, Known> kKnown[] = {
    {"group", Known::kGroup},    {"peer", Known::kPeer},       {"account", Known::kAccount},
    {"tenant", Known::kTenant},  {"calling", Known::kCalling}, {"called", Known::kCalled},
    {"call_id", Known::kCallId}, {"status", Known::kStatus}};

std::optional<Known> known_of(std::string_view name) {
  for (const auto& [word, known] : kKnown)
    if (word == name) return known;
  return std::nullopt;
}

}  // namespace

bool is_variable_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() < 'a' || name.front() > 'z') return false;
  return !known_of(name) && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Result<TextTemplate> TextTemplate::parse(std::string_view text) {
  if (text.size() > kMaxText)
    return fail(ErrorCode::kConfiguration, "a value has at most 1024 characters");
  TextTemplate out;
  std::string plain;
  const auto end_plain = [&] {
    if (plain.empty()) return;
    Piece p;
    p.text = std::exchange(plain, {});
    out.pieces_.push_back(std::move(p));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      plain += text[i];
      continue;
    }
    if (text.substr(i, 2) == "$$") {
      plain += '$';
      ++i;
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (text.substr(i, 2) != "${" || end == std::string_view::npos)
      return fail(ErrorCode::kConfiguration, "write ${name}, or $$ for a dollar sign");
    const std::string_view name = text.substr(i + 2, end - i - 2);
    end_plain();
    Piece p;
    if (name.size() == 1 && name.front() >= '0' && name.front() <= '9') {
      p.kind = Piece::Kind::kCapture;
      p.capture = static_cast<std::size_t>(name.front() - '0');
    } else if (const auto known = known_of(name)) {
      p.kind = Piece::Kind::kKnown;
      p.known = *known;
    } else if (is_variable_name(name)) {
      p.kind = Piece::Kind::kVariable;
      p.text = std::string(name);
    } else {
      return fail(ErrorCode::kConfiguration,
                  "\"${" + std::string(name) +
                      "}\" is neither a number from 0 to 9, nor group, peer, account, tenant, "
                      "calling, called, call_id or status, nor the name of a variable");
    }
    out.pieces_.push_back(std::move(p));
    i = end;
  }
  end_plain();
  return out;
}

int TextTemplate::highest_capture() const {
  int highest = -1;
  for (const auto& p : pieces_)
    if (p.kind == Piece::Kind::kCapture) highest = std::max(highest, static_cast<int>(p.capture));
  return highest;
}

}  // namespace causeway::rules
