// What there is in the deployment's own domain, and the answer to one question about it. Pure;
// immutable once made, so any thread may read it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deployment/nameserver.h"

namespace causeway::nameserver {

// RFC 1035, 2782, 3596, 8659. Any other number is asked for and has no data.
enum class Type : std::uint16_t {
  kA = 1,
  kNs = 2,
  kSoa = 6,
  kHinfo = 13,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kIxfr = 251,
  kAxfr = 252,
  kAny = 255,
  kCaa = 257,
};
[[nodiscard]] std::string_view to_string(Type t);  // of those that a zone holds

// Presentation format, as in a master file: "10 100 5061 r1.gw.example.net.".
struct Record {
  std::string name;  // absolute, lower case, without a final dot
  Type type = Type::kA;
  std::uint32_t ttl = 0;
  std::string data;
  friend bool operator==(const Record&, const Record&) = default;
};

// What names need of an enterprise.
struct Tenant {
  std::string label;                         // any case
  std::string region1_token, region2_token;  // TXT values; empty: none
};

// Who has which label: a snapshot.
class Tenants {
 public:
  virtual ~Tenants() = default;
  [[nodiscard]] virtual std::optional<Tenant> of_label(std::string_view label) const = 0;
};

// Values at _acme-challenge.NAME (RFC 8555 8.4), by NAME below the domain; "" is the domain itself.
using Challenges = std::multimap<std::string, std::string>;
inline constexpr std::size_t kMaxChallenges = 64;

enum class Rcode : std::uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5,
};

struct Answer {
  Rcode rcode = Rcode::kNoError;
  bool authoritative = true;
  std::vector<Record> answer, authority, additional;
};

class Zone {
 public:
  Zone(const deployment::Nameserver& settings, const Challenges& challenges, std::uint32_t serial);

  // `name` in any case, without a final dot; class IN.
  [[nodiscard]] Answer answer(std::string_view name, std::uint16_t type,
                              const Tenants& tenants) const;
  // The records of one enterprise, in all regions.
  [[nodiscard]] std::vector<Record> of_tenant(const Tenant& tenant) const;
  // Everything but enterprises, SOA first.
  [[nodiscard]] std::vector<Record> records() const;
  [[nodiscard]] const std::string& domain() const { return domain_; }

 private:
  struct Region {
    std::string domain;  // "1r1.gw.example.net"
    std::uint16_t number;
    std::vector<IpAddress> addresses;
  };
  void add(std::string name, Type type, std::string data);
  void add_addresses(const std::string& name, const std::vector<IpAddress>& addresses);
  void add_services(const deployment::Nameserver& settings);
  void add_challenges(const Challenges& challenges);
  [[nodiscard]] std::vector<Record> at(const std::string& name, const Tenants& tenants,
                                       bool& exists) const;
  void add_tenant(const Region& region, const Tenant& tenant, std::vector<Record>& out) const;
  void add_targets(Answer& answer) const;

  std::string domain_;
  std::uint32_t ttl_;
  Record soa_, negative_;
  std::vector<Region> regions_;
  // By name; one without records has names below it (RFC 4592 2.2.2).
  std::map<std::string, std::vector<Record>, std::less<>> names_;
};

// A master file (RFC 1035 5): a header, then one record a line.
[[nodiscard]] std::string master_file_head(const Zone& zone);
[[nodiscard]] std::string master_file_line(const Record& record);

// What may stand at _acme-challenge: base64url, as ACME makes it.
[[nodiscard]] bool is_challenge(std::string_view value);

}  // namespace causeway::nameserver
