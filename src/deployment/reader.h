// Reading of TOML tables into structs, driven by tables of keys, one per section; collects mistakes
// and never stops at one. Internal to deployment/.
#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "deployment/load.h"
#include "deployment/toml_tree.h"

namespace causeway::deployment {

// A value and where it stands.
struct At {
  const TomlNode* node;
  int line;
  std::string field;
  [[nodiscard]] At item(std::size_t i) const {
    const TomlNode& n = node->items[i];
    return {&n, n.line > 0 ? n.line : line, field + "[" + std::to_string(i + 1) + "]"};
  }
};

// A name that must be resolved once everything is read.
struct Ref {
  std::string name;
  int line = 0;
  std::string field;
};

class Reader;

template <typename T>
struct Key {
  std::string_view name;
  void (*read)(Reader&, const At&, T&);
  bool required = false;
};

template <typename E>
using Words = std::span<const std::pair<std::string_view, E>>;

class Reader {
 public:
  Reader(std::string file, std::vector<Mistake>& mistakes)
      : file_(std::move(file)), mistakes_(mistakes) {}

  void mistake(int line, std::string field, std::string found, std::string remedy);
  void mistake(const At& at, std::string remedy) {
    mistake(at.line, at.field, at.node->describe(), std::move(remedy));
  }

  // Each leaves `out` as it is when the value is wrong, and says why.
  void read(const At& at, std::string& out);
  void read(const At& at, bool& out);
  void read(const At& at, Millis& out);
  void read(const At& at, Seconds& out);
  void read(const At& at, Ref& out);
  void read(const At& at, Endpoint& out);
  void read(const At& at, Prefix& out);
  void read(const At& at, HeaderLine& out);
  template <typename T>
  void read(const At& at, std::vector<T>& out) {
    if (!is_array(at)) return;
    out.clear();
    for (std::size_t i = 0; i < at.node->items.size(); ++i) {
      const std::size_t before = mistake_count_;
      T value{};
      read(at.item(i), value);
      if (mistake_count_ == before) out.push_back(std::move(value));
    }
  }
  template <typename I>
  void integer(const At& at, I& out, std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    if (in_range(at, low, high, value)) out = static_cast<I>(value);
  }
  template <typename E>
  void word(const At& at, E& out, Words<E> words) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : words) {
      if (at.node->kind == TomlNode::Kind::kString && at.node->text == name) {
        out = value;
        return;
      }
      names.push_back(name);
    }
    not_a_word(at, names);
  }

  [[nodiscard]] bool is_table(const At& at);
  [[nodiscard]] bool is_array(const At& at, std::size_t max_items = kMaxItems);
  [[nodiscard]] bool is_text(const At& at);

  template <typename T>
  void table(const At& at, std::span<const Key<T>> keys, T& out) {
    if (!is_table(at)) return;
    for (const auto& m : at.node->members) {
      const Key<T>* key = nullptr;
      for (const auto& k : keys)
        if (k.name == m.key) key = &k;
      const At value{&m.value, m.line > 0 ? m.line : m.value.line, join(at.field, m.key)};
      if (key != nullptr) {
        key->read(*this, value, out);
        continue;
      }
      std::vector<std::string_view> names;
      for (const auto& k : keys) names.push_back(k.name);
      unknown_key(value, m.key, names);
    }
    for (const auto& k : keys)
      if (k.required && at.node->find(k.name) == nullptr) missing(at, k.name);
  }
  // [[section]]: calls each(At) for every table of it.
  template <typename F>
  void tables(const At& at, F each) {
    if (!is_array(at)) return;
    for (std::size_t i = 0; i < at.node->items.size(); ++i) each(at.item(i));
  }

  [[nodiscard]] static std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }
  [[nodiscard]] std::size_t mistake_count() const { return mistake_count_; }

  static constexpr std::size_t kMaxItems = 4'096;  // of one array

 private:
  [[nodiscard]] bool in_range(const At& at, std::int64_t low, std::int64_t high, std::int64_t& out);
  [[nodiscard]] bool duration(const At& at, std::int64_t unit_ms, std::int64_t& out);
  void not_a_word(const At& at, const std::vector<std::string_view>& names);
  void unknown_key(const At& at, const std::string& key,
                   const std::vector<std::string_view>& known);
  void missing(const At& table, std::string_view key);

  std::string file_;
  std::vector<Mistake>& mistakes_;
  std::size_t mistake_count_ = 0;
};

// Readers for the key tables.
template <auto Member, typename T>
void member(Reader& r, const At& at, T& out) {
  r.read(at, out.*Member);
}
template <auto Member, std::int64_t Low, std::int64_t High, typename T>
void number(Reader& r, const At& at, T& out) {
  r.integer(at, out.*Member, Low, High);
}

// The name of `known` that is nearest to `word`, or empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& known);

}  // namespace causeway::deployment
