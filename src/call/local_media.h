// What a service says of where a user is whose media could stay near it, and where users were seen
// last (Local Media Optimization). Pure but for UserPlaces, which is a shard's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "deployment/deployment.h"
#include "sip/message.h"

namespace causeway::call {

// Of one INVITE. Without a header the user is outside, and media is anchored here (LMO-01).
struct UserPlace {
  static constexpr std::size_t kMostGateways = 16;
  static constexpr std::size_t kLongestName = 253;
  static constexpr std::size_t kLongestSite = 128;

  bool internal = false;          // inside the enterprise's network
  std::vector<std::string> path;  // names of gateways, lower case, the first next to the user
  std::string site;

  // "inside, at site 12; media by a.example, b.example"
  [[nodiscard]] std::string in_words() const;
};
// Names are separated by commas or spaces. What is longer than it may be is left out.
[[nodiscard]] UserPlace place_of(const sip::Message& invite, const deployment::LocalMedia& headers);

// Where each user's last call was, so that the next one is offered the address that it will need
// (LMO-04): bounded, of this shard alone, lost with the process.
class UserPlaces {
 public:
  static constexpr std::size_t kMost = 8'192;  // and as many older ones
  static constexpr Seconds kFor{12 * 3'600};   // a working day; then they may be anywhere

  // `number`: with or without "+"; an empty one is nobody.
  void saw(std::string_view group, std::string_view number, bool internal, Instant now);
  [[nodiscard]] std::optional<bool> last(std::string_view group, std::string_view number,
                                         Instant now) const;

 private:
  struct Seen {
    bool internal = false;
    Instant at{};
  };
  using Table = std::unordered_map<std::string, Seen>;
  Table recent_, older_;
};

}  // namespace causeway::call
