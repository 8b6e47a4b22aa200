// The `filter` of a list: OData comparisons (eq ne gt ge lt le), startswith(field, 'text'), and,
// or, not, parentheses, over the fields listed for each resource. What comes out is a condition for
// the store, whose text holds column names and operators of ours alone. Pure.
#pragma once

#include <span>
#include <string_view>

#include "provisioning/problem.h"
#include "store/sql.h"

namespace causeway::provisioning {

struct FilterField {
  enum class Kind : std::uint8_t { kText, kBoolean, kInteger };
  std::string_view name;  // "serviceDetails/teamsDirectRouting/enabled"; '.' is as good as '/'
  Kind kind;
  std::string_view column;  // an expression in SQL
  bool nullable = false;
};

inline constexpr std::size_t kMaxFilter = 2'000;  // bytes
inline constexpr int kMaxFilterTerms = 30, kMaxFilterDepth = 16;

[[nodiscard]] Outcome<store::Condition> parse_filter(std::string_view text,
                                                     std::span<const FilterField> fields);

// What may be filtered on (filter_fields.cc; docs/provisioning.md lists them).
[[nodiscard]] std::span<const FilterField> account_filter_fields();
[[nodiscard]] std::span<const FilterField> number_filter_fields();
[[nodiscard]] std::span<const FilterField> request_filter_fields();
[[nodiscard]] std::span<const FilterField> address_filter_fields();

}  // namespace causeway::provisioning
