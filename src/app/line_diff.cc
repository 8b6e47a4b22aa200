#include "app/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace causeway::app {
namespace {

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

struct Edit {
  char sign;  // ' ', '-' or '+'
  std::string_view line;
};

// Longest common subsequence of what lies between equal beginnings and ends. Beyond kMaxCells,
// which takes two files of 2,000 lines with nothing in common, the middle is shown as replaced.
std::vector<Edit> edits(const Lines& a, const Lines& b) {
  constexpr std::size_t kMaxCells = 4'000'000;
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
    ++tail;
  const std::size_t n = a.size() - head - tail, m = b.size() - head - tail;

  std::vector<Edit> out;
  for (std::size_t i = 0; i < head; ++i) out.push_back({' ', a[i]});
  std::size_t i = 0, j = 0;
  if (n * m <= kMaxCells && n > 0 && m > 0) {
    std::vector<std::uint32_t> common((n + 1) * (m + 1), 0);
    const auto cell = [&](std::size_t x, std::size_t y) -> std::uint32_t& {
      return common[x * (m + 1) + y];
    };
    for (std::size_t x = n; x-- > 0;)
      for (std::size_t y = m; y-- > 0;)
        cell(x, y) = a[head + x] == b[head + y] ? cell(x + 1, y + 1) + 1
                                                : std::max(cell(x + 1, y), cell(x, y + 1));
    while (i < n && j < m) {
      if (a[head + i] == b[head + j]) {
        out.push_back({' ', a[head + i]});
        ++i, ++j;
      } else if (cell(i + 1, j) >= cell(i, j + 1)) {
        out.push_back({'-', a[head + i++]});
      } else {
        out.push_back({'+', b[head + j++]});
      }
    }
  }
  for (; i < n; ++i) out.push_back({'-', a[head + i]});
  for (; j < m; ++j) out.push_back({'+', b[head + j]});
  for (std::size_t k = 0; k < tail; ++k) out.push_back({' ', a[a.size() - tail + k]});
  return out;
}

std::string range(std::size_t start, std::size_t count) {
  return std::to_string(count == 0 ? start : start + 1) + "," + std::to_string(count);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_name, std::string_view after_name) {
  constexpr std::size_t kContext = 3;
  const auto all = edits(split(before), split(after));
  std::string out;
  std::size_t line_a = 0, line_b = 0;  // of all[at]
  for (std::size_t at = 0; at < all.size();) {
    std::size_t change = at;
    while (change < all.size() && all[change].sign == ' ') ++change;
    if (change == all.size()) break;
    const std::size_t start = std::max(at, change - std::min(change, kContext));
    line_a += start - at;
    line_b += start - at;
    // The hunk goes on while changes are no further apart than their contexts.
    std::size_t end = change, quiet = 0;
    for (std::size_t i = change; i < all.size() && quiet <= 2 * kContext; ++i) {
      quiet = all[i].sign == ' ' ? quiet + 1 : 0;
      if (quiet == 0) end = i + 1;
    }
    end = std::min(end + kContext, all.size());
    std::size_t count_a = 0, count_b = 0;
    std::string body;
    for (std::size_t i = start; i < end; ++i) {
      count_a += all[i].sign != '+' ? 1 : 0;
      count_b += all[i].sign != '-' ? 1 : 0;
      body += all[i].sign;
      body += all[i].line;
      body += '\n';
    }
    if (out.empty())
      out = "--- " + std::string(before_name) + "\n+++ " + std::string(after_name) + "\n";
    out += "@@ -" + range(line_a, count_a) + " +" + range(line_b, count_b) + " @@\n" + body;
    line_a += count_a;
    line_b += count_b;
    at = end;
  }
  return out;
}

}  // namespace causeway::app
