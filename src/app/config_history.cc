#include "app/config_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/atomic_file.h"
#include "app/line_diff.h"

namespace causeway::app {
namespace {

using Json = nlohmann::json;

// FNV-1a: tells an edited file from the same one; nobody gains by a collision.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

template <typename T>
T value_or(const Json& j, const char* key, T otherwise) {
  const auto it = j.find(key);
  if constexpr (std::is_same_v<T, std::string>)
    return it != j.end() && it->is_string() ? it->template get<T>() : std::move(otherwise);
  else
    return it != j.end() && it->is_number_integer() ? it->template get<T>() : otherwise;
}

Json parse(const std::string& text) {
  Json j = Json::parse(text, nullptr, false);
  return j.is_object() ? j : Json::object();
}

std::string dump(const Json& j) {
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string ConfigHistory::path_of(int number, std::string_view suffix) const {
  return fmt::format("{}/{:06}{}", directory_, number, suffix);
}

Result<ConfigHistory> ConfigHistory::open(const std::string& state_directory) {
  ConfigHistory h(state_directory + "/configurations");
  std::error_code ec;
  std::filesystem::create_directories(h.directory_, ec);
  if (ec) return fail(ErrorCode::kIo, "cannot make '" + h.directory_ + "': " + ec.message());
  for (const auto& f : std::filesystem::directory_iterator(h.directory_, ec)) {
    const std::string name = f.path().filename().string();
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || number <= 0 || std::string_view(end) != ".json") continue;
    const auto text = read_whole(f.path().string());
    if (!text || !std::filesystem::exists(h.path_of(number, ".toml"))) continue;
    const Json j = parse(*text);
    h.entries_.push_back({number, WallTime{value_or<std::int64_t>(j, "when", 0)},
                          value_or<std::string>(j, "who", ""), value_or<std::string>(j, "why", ""),
                          value_or<std::string>(j, "file", ""),
                          value_or<std::uint64_t>(j, "base", 0)});
  }
  std::sort(h.entries_.begin(), h.entries_.end(),
            [](const Entry& a, const Entry& b) { return a.number < b.number; });
  const auto state = read_whole(h.directory_ + "/state.json");
  if (!state && state.error().code != ErrorCode::kNotFound) return tl::unexpected(state.error());
  const Json j = state ? parse(*state) : Json::object();
  h.current_ = value_or<int>(j, "current", 0);
  h.base_ = value_or<std::uint64_t>(j, "base", 0);
  if (const auto p = j.find("pending"); p != j.end() && p->is_object())
    h.pending_ = Pending{value_or<int>(*p, "number", 0), value_or<int>(*p, "previous", 0),
                         WallTime{value_or<std::int64_t>(*p, "deadline", 0)}};
  // Written but never in force: the process ended before the state said so.
  std::erase_if(h.entries_, [&](const Entry& e) { return e.number > h.current_; });
  return h;
}

// The one file that decides: before its rename nothing has happened, after it everything.
Status ConfigHistory::save_state() const {
  Json j{{"current", current_}, {"base", base_}, {"pending", nullptr}};
  if (pending_)
    j["pending"] = {{"number", pending_->number},
                    {"previous", pending_->previous},
                    {"deadline", pending_->deadline.micros}};
  return write_atomically(directory_ + "/state.json", dump(j));
}

Result<ConfigHistory::Entry> ConfigHistory::add(std::string_view text, Entry entry,
                                                std::optional<Pending> pending) {
  entry.number = current_ + 1;
  entry.base = base_;
  if (auto s = write_atomically(path_of(entry.number, ".toml"), text); !s)
    return tl::unexpected(s.error());
  const Json j{{"when", entry.when.micros},
               {"who", entry.who},
               {"why", entry.why},
               {"file", entry.file},
               {"base", entry.base}};
  if (auto s = write_atomically(path_of(entry.number, ".json"), dump(j)); !s)
    return tl::unexpected(s.error());
  const auto before = std::tuple(current_, pending_);
  if (pending) pending->number = entry.number;
  current_ = entry.number;
  pending_ = pending;
  if (auto s = save_state(); !s) {
    std::tie(current_, pending_) = before;
    return tl::unexpected(s.error());
  }
  entries_.push_back(entry);
  prune();
  return entry;
}

void ConfigHistory::prune() {
  while (entries_.size() > kKept &&
         entries_.front().number != (pending_ ? pending_->previous : 0)) {
    std::error_code ec;
    std::filesystem::remove(path_of(entries_.front().number, ".toml"), ec);
    std::filesystem::remove(path_of(entries_.front().number, ".json"), ec);
    entries_.erase(entries_.begin());
  }
}

Result<ConfigHistory::Entry> ConfigHistory::record(std::string_view text, const std::string& file,
                                                   const std::string& who, const std::string& why,
                                                   WallTime now, Seconds confirm) {
  if (pending_)
    return fail(
        ErrorCode::kConflict,
        fmt::format("configuration {} waits to be confirmed; confirm it, or wait until it is "
                    "taken back",
                    pending_->number));
  std::optional<Pending> pending;
  if (confirm.count() > 0 && current_ > 0)
    pending = Pending{0, current_, WallTime{now.micros + confirm.count() * 1'000'000}};
  return add(text, Entry{0, now, who, why, file, 0}, pending);
}

Result<ConfigHistory::Entry> ConfigHistory::record_reload(std::string_view text,
                                                          const std::string& file, WallTime now) {
  if (pending_) return record(text, file, "reload", "", now);
  const std::uint64_t before = std::exchange(base_, hash(text));
  auto entry = record(text, file, "reload", "the file was read again", now);
  if (!entry) base_ = before;
  return entry;
}

Status ConfigHistory::confirm() {
  if (!pending_) return fail(ErrorCode::kNotFound, "no configuration waits to be confirmed");
  const auto before = std::exchange(pending_, std::nullopt);
  const Status s = save_state();
  if (!s) pending_ = before;
  return s;
}

Result<ConfigHistory::Entry> ConfigHistory::record_return(WallTime now) {
  if (!pending_) return fail(ErrorCode::kNotFound, "no configuration waits to be confirmed");
  auto old = text(pending_->previous);
  if (!old) return tl::unexpected(old.error());
  const std::string why =
      fmt::format("{} was not confirmed in time; back to {}", pending_->number, pending_->previous);
  return add(*old, Entry{0, now, "gateway", why, file_of(pending_->previous), 0}, std::nullopt);
}

Result<std::string> ConfigHistory::at_start(std::string_view file_text, const std::string& file,
                                            WallTime now) {
  if (due(now))
    if (auto r = record_return(now); !r) return tl::unexpected(r.error());
  const std::uint64_t h = hash(file_text);
  if (current_ > 0 && base_ == h) return text(current_);
  const auto pending_before = std::exchange(pending_, std::nullopt);
  const std::uint64_t base_before = std::exchange(base_, h);
  auto entry =
      record(file_text, file, "start", current_ > 0 ? "the file was edited" : "first start", now);
  if (entry) return std::string(file_text);
  pending_ = pending_before;
  base_ = base_before;
  return tl::unexpected(entry.error());
}

Result<std::string> ConfigHistory::text(int number) const {
  const bool known = std::any_of(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.number == number; });
  if (!known)
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no configuration {} in the history", number));
  return read_whole(path_of(number, ".toml"));
}

std::string ConfigHistory::file_of(int number) const {
  for (const Entry& e : entries_)
    if (e.number == number) return e.file;
  return {};
}

Result<std::string> ConfigHistory::diff(int number) const {
  auto after = text(number);
  if (!after) return after;
  std::string before;
  if (auto b = text(number - 1)) before = std::move(*b);
  return unified_diff(before, *after, fmt::format("configuration {}", number - 1),
                      fmt::format("configuration {}", number));
}

}  // namespace causeway::app
