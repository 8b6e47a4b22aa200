#include "provisioning/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

namespace causeway::provisioning {
namespace {

using store::Condition;
using Kind = FilterField::Kind;

struct Token {
  enum class Kind : std::uint8_t { kWord, kText, kOpen, kClose, kComma, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  std::size_t at = 0;
};

class Parser {
 public:
  Parser(std::string_view text, std::span<const FilterField> fields)
      : text_(text), fields_(fields) {}

  Outcome<Condition> parse() {
    next();
    Condition out = disjunction(0);
    if (problem_.empty() && token_.kind != Token::Kind::kEnd)
      wrong(fmt::format("'{}' is not expected here", shown()));
    if (!problem_.empty())
      return refuse(400, "InvalidFilter", fmt::format("filter: {}", problem_), "filter");
    return out;
  }

 private:
  // A '+' between the parts is a space of a form; in a text it is itself.
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '+'; }

  void next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    token_ = {Token::Kind::kEnd, "", at_};
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    if (c == '(' || c == ')' || c == ',') {
      token_.kind = c == '('   ? Token::Kind::kOpen
                    : c == ')' ? Token::Kind::kClose
                               : Token::Kind::kComma;
      token_.text = c;
      ++at_;
    } else if (c == '\'') {
      quoted();
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) &&
             std::string_view("(),'").find(text_[at_]) == std::string_view::npos)
        token_.text += text_[at_++];
      token_.kind = Token::Kind::kWord;
    }
  }
  void quoted() {
    token_.kind = Token::Kind::kText;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '\'') {
          ++at_;
          return;
        }
        ++at_;
      }
      token_.text += text_[at_];
    }
    wrong("a text is not closed: end it with '");
  }

  std::string shown() const {
    return token_.kind == Token::Kind::kEnd ? "the end" : token_.text.substr(0, 60);
  }
  void wrong(std::string what) {
    if (problem_.empty()) problem_ = fmt::format("at character {}: {}", token_.at + 1, what);
  }
  bool is_word(std::string_view w) const {
    return token_.kind == Token::Kind::kWord && token_.text == w;
  }
  static void append(Condition& to, std::string_view between, Condition more) {
    to.sql = fmt::format("({} {} {})", to.sql, between, more.sql);
    to.values.insert(to.values.end(), more.values.begin(), more.values.end());
  }

  Condition disjunction(int depth) {
    Condition out = conjunction(depth);
    while (problem_.empty() && is_word("or")) {
      next();
      append(out, "OR", conjunction(depth));
    }
    return out;
  }
  Condition conjunction(int depth) {
    Condition out = term(depth);
    while (problem_.empty() && is_word("and")) {
      next();
      append(out, "AND", term(depth));
    }
    return out;
  }
  Condition term(int depth) {
    if (!problem_.empty()) return {};
    if (depth > kMaxFilterDepth || ++terms_ > kMaxFilterTerms * 2) {
      wrong(fmt::format("too long: write at most {} comparisons, {} levels deep", kMaxFilterTerms,
                        kMaxFilterDepth));
      return {};
    }
    if (is_word("not")) {
      next();
      Condition out = term(depth + 1);
      out.sql = fmt::format("(NOT {})", out.sql);
      return out;
    }
    if (token_.kind == Token::Kind::kOpen) {
      next();
      Condition out = disjunction(depth + 1);
      expect(Token::Kind::kClose, ")");
      return out;
    }
    if (is_word("startswith")) return startswith();
    return comparison();
  }
  void expect(Token::Kind kind, std::string_view what) {
    if (token_.kind != kind) return wrong(fmt::format("'{}' where '{}' belongs", shown(), what));
    next();
  }

  const FilterField* field() {
    if (token_.kind == Token::Kind::kWord) {
      std::string name = token_.text;
      for (char& c : name)
        if (c == '.') c = '/';
      for (const auto& f : fields_)
        if (f.name == name) {
          next();
          return &f;
        }
    }
    std::vector<std::string_view> names;
    for (const auto& f : fields_) names.push_back(f.name);
    wrong(fmt::format("'{}' is no field of this list: write one of {}", shown(),
                      fmt::join(names, ", ")));
    return nullptr;
  }

  Condition startswith() {
    next();
    expect(Token::Kind::kOpen, "(");
    const FilterField* f = problem_.empty() ? field() : nullptr;
    if (f == nullptr) return {};
    if (f->kind != Kind::kText)
      wrong(fmt::format("startswith is for texts and {} is none", f->name));
    expect(Token::Kind::kComma, ",");
    if (token_.kind != Token::Kind::kText) wrong("the second part of startswith is a text: 'abc'");
    const std::string prefix = token_.text;
    next();
    expect(Token::Kind::kClose, ")");
    Condition out = present(*f);
    if (prefix.empty()) return out;
    // A range, which an index serves, wherever the byte behind the last can be told.
    if (static_cast<unsigned char>(prefix.back()) < 0x7e) {
      std::string behind = prefix;
      ++behind.back();
      out.sql = fmt::format("({0} AND {1} >= $? AND {1} < $?)", out.sql, f->column);
      out.values = {prefix, behind};
    } else {
      std::int64_t length = 0;
      for (const char c : prefix) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
      out.sql = fmt::format("({0} AND substr({1}, 1, $?) = $?)", out.sql, f->column);
      out.values = {length, prefix};
    }
    return out;
  }
  // Never unknown: what is not there is less than nothing and equals null alone, under `not`, too.
  static Condition present(const FilterField& f) {
    return {f.nullable ? fmt::format("{} IS NOT NULL", f.column) : std::string("1 = 1"), {}};
  }

  Condition comparison() {
    const FilterField* f = field();
    if (f == nullptr) return {};
    constexpr std::pair<std::string_view, std::string_view> kOperators[] = {
        {"eq", "="}, {"ne", "<>"}, {"gt", ">"}, {"ge", ">="}, {"lt", "<"}, {"le", "<="}};
    std::string_view word, sql;
    for (const auto& [w, s] : kOperators)
      if (is_word(w)) {
        word = w;
        sql = s;
      }
    if (sql.empty()) {
      wrong(fmt::format("'{}' where one of eq, ne, gt, ge, lt, le belongs", shown()));
      return {};
    }
    next();
    const bool equality = word == "eq" || word == "ne";
    if (is_word("null")) {
      next();
      if (!equality) wrong("null is compared with eq or ne");
      if (!f->nullable) return {word == "eq" ? "1 = 0" : "1 = 1", {}};
      return {fmt::format("{} IS {}NULL", f->column, word == "eq" ? "" : "NOT "), {}};
    }
    return compared(*f, word, sql, equality);
  }
  Condition compared(const FilterField& f, std::string_view word, std::string_view sql,
                     bool equality) {
    const Token value = token_;
    if (f.kind == Kind::kBoolean) {
      if ((!is_word("true") && !is_word("false")) || !equality)
        wrong(fmt::format("{} is compared with eq or ne to true or false", f.name));
      next();
      const bool wanted = (value.text == "true") == (word == "eq");
      return {fmt::format("{} {} 0", f.column, wanted ? "<>" : "="), {}};
    }
    if (f.kind == Kind::kInteger) {
      std::int64_t n = 0;
      const char* end = value.text.data() + value.text.size();
      const auto [p, ec] = std::from_chars(value.text.data(), end, n);
      if (value.kind != Token::Kind::kWord || ec != std::errc{} || p != end)
        wrong(fmt::format("{} is compared to a whole number", f.name));
      next();
      return {fmt::format("{} {} $?", f.column, sql), {n}};
    }
    if (value.kind != Token::Kind::kText)
      wrong(fmt::format("{} is compared to a text in quotes: '...'", f.name));
    next();
    if (!f.nullable) return {fmt::format("{} {} $?", f.column, sql), {value.text}};
    if (word == "ne") return {fmt::format("({0} IS NULL OR {0} <> $?)", f.column), {value.text}};
    return {fmt::format("({0} IS NOT NULL AND {0} {1} $?)", f.column, sql), {value.text}};
  }

  std::string_view text_;
  std::span<const FilterField> fields_;
  std::size_t at_ = 0;
  Token token_;
  std::string problem_;
  int terms_ = 0;
};

}  // namespace

Outcome<Condition> parse_filter(std::string_view text, std::span<const FilterField> fields) {
  if (text.size() > kMaxFilter)
    return refuse(400, "InvalidFilter", fmt::format("filter: write at most {} bytes", kMaxFilter),
                  "filter");
  return Parser(text, fields).parse();
}

}  // namespace causeway::provisioning
