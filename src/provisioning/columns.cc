#include "provisioning/columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "provisioning/editor.h"
#include "provisioning/fields.h"

namespace causeway::provisioning {
namespace {

constexpr std::size_t kRowsAtOnce = 500;

bool ends_with_any(std::string_view column, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](const auto e) { return column.ends_with(e); });
}

bool is_flag(std::string_view column) {
  return ends_with_any(column,
                       {"_enabled", "_syncEnabled", "_allowTenantAddressUpdate", "_callScreening"});
}
bool is_list(std::string_view column) {
  return ends_with_any(column, {"_choosableCapabilities", "_additionalUsages"});
}

void flatten(const Json& j, const std::string& path, Cells& to) {
  if (const auto* members = j.members()) {
    for (const auto& [name, value] : *members)
      flatten(value, path.empty() ? name : path + "_" + name, to);
  } else if (const auto* items = j.items()) {
    std::string joined;
    for (const Json& i : *items)
      joined += (joined.empty() ? "" : ";") + (i.text() ? *i.text() : i.write());
    to[path] = joined;
  } else {
    to[path] = j.text() != nullptr ? *j.text() : j.write();
  }
}

Cells flattened(const std::string& text) {
  Cells out;
  if (const auto j = parse_json(text)) flatten(*j, "", out);
  return out;
}

Json value_of(std::string_view column, const std::string& cell) {
  if (is_flag(column) && (cell == "true" || cell == "TRUE" || cell == "True")) return true;
  if (is_flag(column) && (cell == "false" || cell == "FALSE" || cell == "False")) return false;
  if (!is_list(column)) return cell;
  Json list = Json::array();
  std::string_view rest = cell;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    if (end > 0) list.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return list;
}

std::vector<std::string> make_number_columns() {
  std::vector<std::string> out{"telephoneNumber", "accountName"};
  for (const auto s : store::kEveryService) {
    const std::string p = "serviceDetails_" + std::string(service_name(s)) + "_";
    out.push_back(p + "enabled");
    if (s != store::kOperatorConnect && s != store::kPhoneMobile) continue;
    out.push_back(p + "assignmentStatus");
    for (const char* c : {"usage", "choosableCapabilities", "additionalUsages", "civicAddressId",
                          "locationId", "allowTenantAddressUpdate", "displayedCountryCode"})
      out.push_back(p + "configuration_" + c);
  }
  out.push_back("configuration_customSipHeader");
  return out;
}

std::vector<std::string> make_account_columns() {
  std::vector<std::string> out{"name", "correlationId", "serviceDetails_teamsTenantId"};
  for (const auto s : store::kEveryService) {
    const std::string p = "serviceDetails_" + std::string(service_name(s)) + "_";
    out.push_back(p + "enabled");
    if (s != store::kCallProtection) out.push_back(p + "syncEnabled");
    if (s == store::kDirectRouting)
      for (const char* c : {"callScreening", "subdomain", "subdomainTokens_region1Token",
                            "subdomainTokens_region2Token"})
        out.push_back(p + "configuration_" + c);
  }
  return out;
}

}  // namespace

const std::vector<std::string>& number_columns() {
  static const auto kColumns = make_number_columns();
  return kColumns;
}
const std::vector<std::string>& account_columns() {
  static const auto kColumns = make_account_columns();
  return kColumns;
}

Cells cells_of(const store::NumberRecord& n) { return flattened(audit_text(n)); }
Cells cells_of(const store::AccountRecord& a) { return flattened(audit_text(a)); }

Json json_of(const Cells& cells) {
  Json out = Json::object();
  for (const auto& [column, cell] : cells) {
    if (cell.empty()) continue;
    Json* here = &out;
    std::string_view rest = column;
    for (std::size_t bar; (bar = rest.find('_')) != std::string_view::npos;) {
      here = &(*here)[rest.substr(0, bar)];
      if (here->members() == nullptr) *here = Json::object();
      rest.remove_prefix(bar + 1);
    }
    (*here)[rest] = value_of(column, cell);
  }
  const Json* d = out.find("serviceDetails");
  d = d == nullptr ? nullptr : d->find("teamsDirectRouting");
  const Json* c = d == nullptr ? nullptr : d->find("configuration");
  if (c != nullptr && c->members() != nullptr && c->find("callScreening") == nullptr)
    out["serviceDetails"]["teamsDirectRouting"]["configuration"]["callScreening"] = true;
  return out;
}

bool CsvReader::next(std::vector<std::string>& row, std::string& fault) {
  row.clear();
  fault.clear();
  std::string cell;
  bool quoted = false, was_quoted = false, any = false;
  std::size_t size = 0;
  row_line_ = line_ + 1;
  for (int c = in_.get(); c != std::istream::traits_type::eof(); c = in_.get()) {
    any = true;
    if (c == '\n') ++line_;
    if (++size > kMaxRow) {
      if (fault.empty()) fault = fmt::format("is longer than {} bytes", kMaxRow);
      if (c == '\n') return true;  // taken up again at the next line
      continue;
    }
    if (quoted) {
      if (c != '"')
        cell += static_cast<char>(c);
      else if (in_.peek() == '"')
        cell += static_cast<char>(in_.get());
      else
        quoted = false;
    } else if (c == '"' && cell.empty() && !was_quoted) {
      quoted = was_quoted = true;
    } else if (c == ',') {
      row.push_back(std::move(cell));
      cell.clear();
      was_quoted = false;
    } else if (c == '\n') {
      if (!was_quoted && !cell.empty() && cell.back() == '\r') cell.pop_back();
      row.push_back(std::move(cell));
      if (row_line_ == 1 && row[0].starts_with("\xEF\xBB\xBF")) row[0].erase(0, 3);
      return true;
    } else if (c != '\r' || !was_quoted) {
      cell += static_cast<char>(c);
    }
  }
  if (!any) return false;
  ++line_;
  if (quoted && fault.empty()) fault = "ends within quotes";
  row.push_back(std::move(cell));
  return true;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

namespace {

class Import {
 public:
  Import(RowKind kind, store::Store& store, std::string who, const std::function<WallTime()>& now,
         const Rules& rules, const ImportListener& listener)
      : kind_(kind),
        store_(store),
        who_(std::move(who)),
        now_(now),
        rules_(rules),
        listener_(listener) {}

  Status heads(const std::vector<std::string>& row) {
    const auto& known = kind_ == RowKind::kNumber ? number_columns() : account_columns();
    for (const auto& h : row)
      if (std::find(known.begin(), known.end(), h) == known.end())
        return fail(ErrorCode::kMalformed,
                    fmt::format("the first row names the columns and '{}' is none; known are {}",
                                h.substr(0, 80), fmt::join(known, ", ")));
    heads_ = row;
    return {};
  }

  void bad(std::size_t line, const std::string& why) {
    ++done_.bad;
    if (listener_.bad_row) listener_.bad_row(line, why);
  }

  Status row(std::size_t line, const std::vector<std::string>& cells) {
    ++done_.rows;
    if (cells.size() != heads_.size()) {
      bad(line, fmt::format("has {} cells and the first row {}", cells.size(), heads_.size()));
      return {};
    }
    Cells by_name;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!is_utf8_text(cells[i])) {
        bad(line, heads_[i] + " is no UTF-8");
        return {};
      }
      by_name[heads_[i]] = cells[i];
    }
    return body(line, json_of(by_name));
  }

  // A resource of 2024-02-29-preview.
  Status body(std::size_t line, const Json& body) {
    std::vector<Fault> faults;
    const auto key = [&](std::string_view member) {
      const Json* j = body.find(member);
      return j != nullptr && j->text() != nullptr ? *j->text() : std::string();
    };
    if (kind_ == RowKind::kAccount) {
      const std::string name = key("name"), remedy = broken_rule(name, kAccountName);
      if (!remedy.empty()) faults.push_back({"", "name: " + remedy, ""});
      auto a = read_account_2024(body, name, faults);
      if (faults.empty()) accounts_.emplace_back(line, std::move(a));
    } else {
      Json with_details = body;
      if (with_details.find("serviceDetails") == nullptr)
        with_details["serviceDetails"] = Json::object();
      auto n = read_number_2024(with_details, key("accountName"), std::nullopt, "", faults);
      // One transaction writes a number once, and the numbers of one account.
      if (faults.empty() && !numbers_.empty() &&
          (numbers_.front().second.account != n.account || in_batch_.contains(n.number)))
        if (const Status s = flush(); !s) return s;
      if (faults.empty()) {
        in_batch_.insert(n.number);
        numbers_.emplace_back(line, std::move(n));
      }
    }
    if (!faults.empty()) bad(line, problem_of(std::move(faults)).message);
    return numbers_.size() + accounts_.size() >= kRowsAtOnce ? flush() : Status{};
  }

  Status flush() {
    if (numbers_.empty() && accounts_.empty()) return {};
    auto w = store_.write(who_, now_());
    if (!w) return tl::unexpected(w.error());
    Editor editor(**w, rules_);
    std::size_t written = 0;
    const auto one = [&](std::size_t line, auto outcome) -> Status {
      if (outcome) {
        ++written;
      } else if (outcome.error().status >= 500) {
        return fail(ErrorCode::kIo, outcome.error().message);
      } else {
        bad(line, outcome.error().message);
      }
      return {};
    };
    for (auto& [line, a] : accounts_)
      if (const Status s = one(line, editor.put_account(a)); !s) return s;
    if (const Status s = flush_numbers(editor, written, one); !s) return s;
    if (const Status s = (*w)->commit(); !s) return s;
    done_.written += written;
    accounts_.clear();
    numbers_.clear();
    in_batch_.clear();
    if (listener_.progress) listener_.progress(done_);
    return {};
  }
  const Imported& done() const { return done_; }
  void count() { ++done_.rows; }

 private:
  static bool is_utf8_text(std::string_view text) {
    return text.empty() || parse_json(Json(text).write()).has_value();
  }
  // All at once; when one is against the rules, nothing was written, and each is tried by itself.
  template <typename One>
  Status flush_numbers(Editor& editor, std::size_t& written, const One& one) {
    if (numbers_.empty()) return {};
    const std::string account = numbers_.front().second.account;
    std::vector<store::NumberRecord> all;
    for (const auto& [line, n] : numbers_) all.push_back(n);
    const auto outcome = editor.put_numbers(account, all);
    if (outcome) {
      written += numbers_.size();
      return {};
    }
    if (outcome.error().status >= 500) return fail(ErrorCode::kIo, outcome.error().message);
    for (auto& [line, n] : numbers_) {
      std::vector<store::NumberRecord> single{n};
      if (const Status s = one(line, editor.put_numbers(account, single)); !s) return s;
    }
    return {};
  }

  RowKind kind_;
  store::Store& store_;
  std::string who_;
  const std::function<WallTime()>& now_;
  const Rules& rules_;
  const ImportListener& listener_;
  std::vector<std::string> heads_;
  std::vector<std::pair<std::size_t, store::AccountRecord>> accounts_;
  std::vector<std::pair<std::size_t, store::NumberRecord>> numbers_;
  std::set<std::string> in_batch_;
  Imported done_;
};

}  // namespace

Result<Imported> import_rows(std::istream& in, RowKind kind, store::Store& store,
                             const std::string& who, const std::function<WallTime()>& now,
                             const Rules& rules, const ImportListener& listener) {
  Import import(kind, store, who, now, rules, listener);
  CsvReader csv(in);
  std::vector<std::string> row;
  std::string fault;
  if (!csv.next(row, fault)) return fail(ErrorCode::kMalformed, "the file is empty");
  if (const Status s = import.heads(row); !s) return tl::unexpected(s.error());
  while (csv.next(row, fault)) {
    if (row.size() == 1 && row[0].empty() && fault.empty()) continue;
    if (!fault.empty()) {
      import.bad(csv.line(), fault);
      continue;
    }
    if (const Status s = import.row(csv.line(), row); !s) return tl::unexpected(s.error());
  }
  if (const Status s = import.flush(); !s) return tl::unexpected(s.error());
  return import.done();
}

Result<Imported> import_bodies(std::span<const Json> bodies, RowKind kind, store::Store& store,
                               const std::string& who, const std::function<WallTime()>& now,
                               const Rules& rules, const ImportListener& listener) {
  Import import(kind, store, who, now, rules, listener);
  std::size_t at = 0;
  for (const auto& b : bodies) {
    import.count();
    if (const Status s = import.body(++at, b); !s) return tl::unexpected(s.error());
  }
  if (const Status s = import.flush(); !s) return tl::unexpected(s.error());
  return import.done();
}

}  // namespace causeway::provisioning
