#include "app/peer_states.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/atomic_file.h"

namespace causeway::app {
namespace {

using Json = nlohmann::json;
constexpr std::array<std::string_view, 3> kKinds = {"peer", "group", "region"};
constexpr std::array<std::string_view, 3> kStates = {"in service", "draining", "blocked"};

template <typename E, std::size_t N>
bool read_word(const Json& j, const char* key, const std::array<std::string_view, N>& words,
               E& out) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_string()) return false;
  for (std::size_t i = 0; i < N; ++i)
    if (it->get_ref<const std::string&>() == words[i]) {
      out = static_cast<E>(i);
      return true;
    }
  return false;
}

}  // namespace

std::string_view to_string(ServiceState s) { return kStates[static_cast<std::size_t>(s)]; }

Result<PeerStates> PeerStates::open(const std::string& path) {
  PeerStates out(path);
  const auto text = read_whole(path);
  if (!text && text.error().code == ErrorCode::kNotFound) return out;
  if (!text) return tl::unexpected(text.error());
  const Json j = Json::parse(*text, nullptr, false);
  bool good = j.is_array();
  for (std::size_t i = 0; good && i < j.size(); ++i) {
    Kind kind{};
    ServiceState state{};
    good = j[i].is_object() && read_word(j[i], "kind", kKinds, kind) &&
           read_word(j[i], "state", kStates, state) && j[i].contains("name") &&
           j[i]["name"].is_string();
    if (good) out.states_[{kind, j[i]["name"].get<std::string>()}] = state;
  }
  if (!good)
    return fail(ErrorCode::kMalformed,
                "'" + path + "' is damaged; remove it to put every peer back into service");
  return out;
}

Status PeerStates::set(Kind kind, const std::string& name, ServiceState state) {
  auto next = states_;
  if (state == ServiceState::kInService)
    next.erase({kind, name});
  else if (next.size() >= kMaxEntries)
    return fail(ErrorCode::kTooLarge, "too many peers are out of service");
  else
    next[{kind, name}] = state;
  Json j = Json::array();
  for (const auto& [key, s] : next)
    j.push_back({{"kind", kKinds[static_cast<std::size_t>(key.first)]},
                 {"name", key.second},
                 {"state", to_string(s)}});
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ec);
  if (auto s =
          write_atomically(path_, j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      !s)
    return s;
  states_ = std::move(next);
  return {};
}

ServiceState PeerStates::get(Kind kind, const std::string& name) const {
  const auto it = states_.find({kind, name});
  return it == states_.end() ? ServiceState::kInService : it->second;
}

}  // namespace causeway::app
