#include "app/record_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace causeway::app {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;  // µs

// "calls-2026-11-22.jsonl" -> "2026-11-22"; empty for any other name.
std::string_view day_of(std::string_view name) {
  constexpr std::string_view kFront = "calls-", kForm = "0000-00-00";
  if (!name.starts_with(kFront)) return {};
  name.remove_prefix(kFront.size());
  if (name.size() < kForm.size()) return {};
  const std::string_view day = name.substr(0, kForm.size()), rest = name.substr(kForm.size());
  if (rest != ".jsonl" && rest != ".csv") return {};
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == '-' ? day[i] != '-' : day[i] < '0' || day[i] > '9') return {};
  return day;
}

}  // namespace

std::size_t purge_records(const std::string& directory, std::uint32_t days, WallTime now) {
  if (days == 0) return 0;
  // Days in this form are in order as texts are.
  const std::int64_t back = std::max<std::int64_t>(days, 2) - 1;
  const std::string first = format_rfc3339({now.micros - back * kDay}).substr(0, 10);
  std::vector<std::filesystem::path> old;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(directory, ec), end; !ec && it != end;
       it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (const auto day = day_of(name); !day.empty() && day < first) old.push_back(it->path());
  }
  if (ec) log::warning("call records in '{}' cannot be listed: {}", directory, ec.message());
  std::size_t removed = 0;
  for (const auto& path : old) {
    if (std::filesystem::remove(path, ec))
      ++removed;
    else if (ec)
      log::warning("'{}' cannot be removed: {}", path.string(), ec.message());
  }
  if (removed != 0)
    log::info("{} files of call records older than {} days were removed", removed, days);
  return removed;
}

}  // namespace causeway::app
