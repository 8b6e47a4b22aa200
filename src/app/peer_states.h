// What an operator took out of service: kept over a restart. One management thread; shards get
// copies.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace causeway::app {

enum class ServiceState : std::uint8_t { kInService, kDraining, kBlocked };
[[nodiscard]] std::string_view to_string(ServiceState s);  // "in service", "draining", "blocked"

class PeerStates {
 public:
  enum class Kind : std::uint8_t { kPeer, kGroup, kRegion };
  using Key = std::pair<Kind, std::string>;

  // A file that cannot be understood is an error: a peer must not come back into service by
  // accident.
  [[nodiscard]] static Result<PeerStates> open(const std::string& path);
  // On disk before it returns.
  [[nodiscard]] Status set(Kind kind, const std::string& name, ServiceState state);
  [[nodiscard]] ServiceState get(Kind kind, const std::string& name) const;
  [[nodiscard]] const std::map<Key, ServiceState>& all() const {
    return states_;
  }  // those not in service

 private:
  explicit PeerStates(std::string path) : path_(std::move(path)) {}
  static constexpr std::size_t kMaxEntries = 100'000;
  std::string path_;
  std::map<Key, ServiceState> states_;
};

}  // namespace causeway::app
