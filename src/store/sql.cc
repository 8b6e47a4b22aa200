#include "store/sql.h"

#include <charconv>

namespace causeway::store {

std::string text(const Value& v) {
  if (const auto* s = std::get_if<std::string>(&v)) return *s;
  if (const auto* n = std::get_if<std::int64_t>(&v)) return std::to_string(*n);
  return {};
}

std::optional<std::string> maybe_text(const Value& v) {
  if (std::holds_alternative<std::monostate>(v)) return std::nullopt;
  return text(v);
}

std::int64_t number(const Value& v) {
  if (const auto* n = std::get_if<std::int64_t>(&v)) return *n;
  std::int64_t out = 0;
  if (const auto* s = std::get_if<std::string>(&v))
    (void)std::from_chars(s->data(), s->data() + s->size(), out);
  return out;
}

Value nullable(const std::optional<std::string>& v) { return v ? Value(*v) : Value(); }

Statement& Statement::add(std::string_view sql, std::vector<Value> values) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '$' && i + 1 < sql.size() && sql[i + 1] == '?') {
      sql_ += '$' + std::to_string(values_.size() + used + 1);
      ++used;
      ++i;
    } else {
      sql_ += sql[i];
    }
  }
  values_.insert(values_.end(), std::make_move_iterator(values.begin()),
                 std::make_move_iterator(values.end()));
  return *this;
}

Statement& Statement::tuples(std::size_t rows, std::vector<Value> values) {
  const std::size_t columns = values.size() / rows;
  std::size_t at = values_.size();
  for (std::size_t r = 0; r < rows; ++r) {
    sql_ += r == 0 ? "(" : ", (";
    for (std::size_t c = 0; c < columns; ++c) sql_ += (c == 0 ? "$" : ", $") + std::to_string(++at);
    sql_ += ')';
  }
  values_.insert(values_.end(), std::make_move_iterator(values.begin()),
                 std::make_move_iterator(values.end()));
  return *this;
}

}  // namespace causeway::store
