// Name service of the simulated world. One Zone for a test, changed at will while it runs; one
// SimResolver per shard that asks it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/resolver.h"
#include "reactor/reactor.h"

namespace causeway::world {

enum class DnsFault : std::uint8_t { kNone, kServfail, kTimeout };

class Zone {
 public:
  Micros latency{5'000};
  Micros timeout{4'000'000};  // after which a question without an answer fails
  Seconds negative_ttl{30};

  // Each replaces what the name had of that type.
  void set_a(std::string_view name, const std::vector<std::string>& addresses,
             Seconds ttl = Seconds{300});
  void set_aaaa(std::string_view name, const std::vector<std::string>& addresses,
                Seconds ttl = Seconds{300});
  void set_srv(std::string_view name, const std::vector<dns::Srv>& services,
               Seconds ttl = Seconds{300});
  void set_naptr(std::string_view name, const std::vector<dns::Naptr>& services,
                 Seconds ttl = Seconds{300});
  void remove(std::string_view name);  // NXDOMAIN from now on
  void set_fault(std::string_view name, DnsFault fault);
  void set_fault_everywhere(DnsFault fault) { everywhere_ = fault; }

  // Questions that reached the name service.
  [[nodiscard]] std::uint64_t queries(std::string_view name, dns::RecordType type) const;
  [[nodiscard]] std::uint64_t queries() const { return total_; }

  [[nodiscard]] DnsFault fault(const std::string& name) const;
  [[nodiscard]] dns::Answer answer(const std::string& name, dns::RecordType type);

 private:
  using Key = std::pair<std::string, dns::RecordType>;
  std::map<Key, std::vector<dns::Record>> records_;
  std::map<std::string, DnsFault, std::less<>> faults_;
  DnsFault everywhere_ = DnsFault::kNone;
  std::map<Key, std::uint64_t> asked_;
  std::uint64_t total_ = 0;
};

class SimResolver final : public dns::Resolver, private reactor::TimerTarget {
 public:
  SimResolver(reactor::Reactor& reactor, Zone& zone) : reactor_(reactor), zone_(zone) {}
  ~SimResolver() override;
  SimResolver(const SimResolver&) = delete;
  SimResolver& operator=(const SimResolver&) = delete;
  void query(std::string_view name, dns::RecordType type, dns::ResolverClient& client,
             std::uint64_t token) override;
  void cancel(dns::ResolverClient& client) override;

 private:
  struct Question {
    std::string name;
    dns::RecordType type;
    dns::ResolverClient* client;
    std::uint64_t token;
    reactor::TimerId timer;
  };
  void on_timer(std::uint64_t id, Instant now) override;

  reactor::Reactor& reactor_;
  Zone& zone_;
  std::unordered_map<std::uint64_t, Question> open_;
  std::uint64_t next_ = 1;
};

}  // namespace causeway::world
