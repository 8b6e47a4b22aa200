// A small authoritative name server for the lab's own zone: A, AAAA, SRV over UDP. Lab thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "lab/loop.h"

namespace causeway::lab {

struct ZoneRecord {
  std::string name;  // lower case, without a final dot
  std::uint32_t ttl = 60;
  enum class Type : std::uint16_t { kA = 1, kAaaa = 28, kSrv = 33 } type = Type::kA;
  IpAddress address;                                 // A, AAAA
  std::uint16_t priority = 0, weight = 0, port = 0;  // SRV
  std::string target;
};

using Zone = std::vector<ZoneRecord>;
// Lines "NAME TTL A|AAAA ADDRESS" and "NAME TTL SRV PRIORITY WEIGHT PORT TARGET"; '#' begins a
// comment.
[[nodiscard]] Result<Zone> parse_zone(std::string_view text);
// The zone of the demo: three service names, their SRV records, the gateway.
[[nodiscard]] Zone built_in_zone();
[[nodiscard]] const ZoneRecord* find_address(const Zone& zone, std::string_view name);

// Wire format (RFC 1035): the answer to one query; empty when it is not a query that can be
// answered.
[[nodiscard]] std::string answer_query(const Zone& zone, std::string_view query);

class NameService {
 public:
  NameService(Loop& loop, Zone zone) : loop_(loop), zone_(std::move(zone)) {}
  ~NameService();
  NameService(const NameService&) = delete;
  NameService& operator=(const NameService&) = delete;
  [[nodiscard]] Status open(const Endpoint& at);
  [[nodiscard]] const Endpoint& address() const { return address_; }
  void replace(Zone zone) { zone_ = std::move(zone); }
  [[nodiscard]] const Zone& zone() const { return zone_; }
  [[nodiscard]] std::uint64_t queries() const { return queries_; }

 private:
  void read_all();

  Loop& loop_;
  Zone zone_;
  Endpoint address_;
  int fd_ = -1;
  std::uint64_t queries_ = 0;
};

}  // namespace causeway::lab
