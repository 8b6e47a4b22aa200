// Accounts and numbers as rows of columns, for people and CSV files: a column is the path of a
// member of the API's JSON (2024-02-29-preview), joined by '_'. Several values of one cell are
// joined by ';'. Pure, apart from import_rows(), which writes to a store.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "provisioning/model.h"
#include "provisioning/rules.h"
#include "store/store.h"

namespace causeway::provisioning {

using Cells = std::map<std::string, std::string>;  // column: value

[[nodiscard]] const std::vector<std::string>& number_columns();
[[nodiscard]] const std::vector<std::string>& account_columns();
[[nodiscard]] Cells cells_of(const store::NumberRecord& n);
[[nodiscard]] Cells cells_of(const store::AccountRecord& a);
// Empty cells are members that are not there. Call screening is on where Direct Routing is set up
// and the cells do not say.
[[nodiscard]] Json json_of(const Cells& cells);

// RFC 4180: quotes, doubled quotes, line breaks within quotes; LF as well as CRLF; a mark of UTF-8
// at the beginning is passed over.
class CsvReader {
 public:
  static constexpr std::size_t kMaxRow = 65'536;  // bytes
  explicit CsvReader(std::istream& in) : in_(in) {}
  // False at the end. A row that is broken is told in `fault` and passed over.
  [[nodiscard]] bool next(std::vector<std::string>& row, std::string& fault);
  [[nodiscard]] std::size_t line() const { return row_line_; }  // where the row begins, from 1

 private:
  std::istream& in_;
  std::size_t line_ = 0, row_line_ = 0;
};
[[nodiscard]] std::string csv_cell(std::string_view text);

enum class RowKind : std::uint8_t { kAccount, kNumber };
struct Imported {
  std::size_t rows = 0, written = 0, bad = 0;
};
struct ImportListener {
  std::function<void(std::size_t line, const std::string& why)> bad_row;
  std::function<void(const Imported&)> progress;  // after every transaction
};
// Rows that are good are written, 500 to a transaction; each that is not is told with its line. An
// Error: the store cannot be used, or the heads of the columns are wrong; what was committed stays.
[[nodiscard]] Result<Imported> import_rows(std::istream& in, RowKind kind, store::Store& store,
                                           const std::string& who,
                                           const std::function<WallTime()>& now, const Rules& rules,
                                           const ImportListener& listener);

// The same with resources as 2024-02-29-preview shows them; `line` counts them from 1.
[[nodiscard]] Result<Imported> import_bodies(std::span<const Json> bodies, RowKind kind,
                                             store::Store& store, const std::string& who,
                                             const std::function<WallTime()>& now,
                                             const Rules& rules, const ImportListener& listener);

}  // namespace causeway::provisioning
