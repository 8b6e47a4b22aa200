#include "app/activations.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/atomic_file.h"
#include "base/host_name.h"

namespace causeway::app {
namespace {

using Json = nlohmann::json;

}  // namespace

Result<std::map<std::string, Activation>> Activations::read(const std::string& path) {
  std::map<std::string, Activation> out;
  const auto text = read_whole(path);
  if (!text && text.error().code == ErrorCode::kNotFound) return out;
  if (!text) return tl::unexpected(text.error());
  const Json j = Json::parse(*text, nullptr, false);
  bool good = j.is_array();
  for (std::size_t i = 0; good && i < j.size(); ++i) {
    const Json& one = j[i];
    const auto has = [&](const char* key, auto is) {
      return one.is_object() && one.contains(key) && is(one[key]);
    };
    const auto text_of = [](const Json& v) { return v.is_string(); };
    good = has("name", text_of) && has("account", text_of) &&
           has("since", [](const Json& v) { return v.is_number_integer(); }) &&
           has("by_service", [](const Json& v) { return v.is_boolean(); });
    if (good)
      out[one["name"].get<std::string>()] = {one["account"].get<std::string>(),
                                             one["since"].get<std::int64_t>(),
                                             one["by_service"].get<bool>()};
  }
  if (good) return out;
  return fail(
      ErrorCode::kMalformed,
      "'" + path + "' is damaged; remove it, and calls show anew which names are activated");
}

Result<std::unique_ptr<Activations>> Activations::open(const std::string& path) {
  auto names = read(path);
  if (!names) return tl::unexpected(names.error());
  std::unique_ptr<Activations> out(new Activations(path));
  out->names_ = std::move(*names);
  out->count_ = out->names_.size();
  return out;
}

void Activations::saw(std::string_view name, std::string_view account, bool by_service,
                      WallTime now) {
  const std::scoped_lock lock(mutex_);
  if (waiting_.size() >= kWaiting) return;
  waiting_.push_back({to_lower(name), {std::string(account), now.micros / 1'000'000, by_service}});
}

Status Activations::keep(const directory::Directory* known) {
  std::vector<Seen> seen;
  {
    const std::scoped_lock lock(mutex_);
    seen.swap(waiting_);
  }
  const std::int64_t change = known ? known->last_change() : 0;
  if (seen.empty() && (change == 0 || change == looked_at_)) return {};
  auto next = names_;
  bool changed = false;
  for (const auto& s : seen) {
    const auto it = next.find(s.name);
    // Another account's now: it has to show itself anew, and just did.
    if (it != next.end() ? it->second.account == s.what.account : next.size() >= kMost) continue;
    next[s.name] = s.what;
    changed = true;
  }
  if (change != 0)
    changed = std::erase_if(next,
                            [&](const auto& one) {
                              return known->account(one.second.account) == nullptr;
                            }) != 0 ||
              changed;
  if (!changed) {
    looked_at_ = change;
    return {};
  }
  Json j = Json::array();
  for (const auto& [name, a] : next)
    j.push_back(
        {{"name", name}, {"account", a.account}, {"since", a.since}, {"by_service", a.by_service}});
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ec);
  if (auto s =
          write_atomically(path_, j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      !s) {
    const std::scoped_lock lock(mutex_);  // tried again with the next ones
    const auto room = static_cast<std::ptrdiff_t>(kWaiting - std::min(kWaiting, waiting_.size()));
    const auto end = seen.begin() + std::min(room, std::ssize(seen));
    waiting_.insert(waiting_.end(), std::make_move_iterator(seen.begin()),
                    std::make_move_iterator(end));
    return s;
  }
  looked_at_ = change;
  names_ = std::move(next);
  count_ = names_.size();
  return {};
}

}  // namespace causeway::app
