// Where to send a request: RFC 3263 section 4. The transport is configured: of NAPTR only the
// records for that transport count, in their order; when none of them leads to a service, its usual
// SRV name does, and then the name itself.
// One TargetSelection per question, owned by who asks; destroying it withdraws the question.
// On the shard's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/resolver.h"

namespace causeway::dns {

struct Target {
  Endpoint endpoint;
  Transport transport = Transport::kUdp;
  // The peer's name as it was configured, not the SRV target: what SNI asks for and the
  // certificate has to carry (RFC 5922 4).
  std::string name;
  Instant expires{};  // ask again after this; Instant::max() for a literal
  friend bool operator==(const Target&, const Target&) = default;
};

struct TargetRequest {
  std::string host;        // a name, or an address literal (IPv6 with or without brackets)
  std::uint16_t port = 0;  // 0: not given
  Transport transport = Transport::kUdp;
  bool want_v4 = true;  // what the realm can send from
  bool want_v6 = true;
  bool prefer_v6 = false;  // order among the addresses of one name
};

class TargetListener {
 public:
  virtual void on_targets(std::uint64_t token, Result<std::vector<Target>> targets) = 0;

 protected:
  ~TargetListener() = default;
};

class TargetSelection final : private ResolverClient {
 public:
  static constexpr std::size_t kMaxTargets = 32;
  static constexpr std::size_t kMaxSrv = 16;
  static constexpr std::size_t kMaxServices = 4;  // that NAPTR gives for our transport

  TargetSelection(Resolver& resolver, const Clock& clock, Random& random)
      : resolver_(resolver), clock_(clock), random_(random) {}
  ~TargetSelection();
  TargetSelection(const TargetSelection&) = delete;
  TargetSelection& operator=(const TargetSelection&) = delete;

  // True: the result is known at once (a literal, or all in the cache) and is in result(); the
  // listener is not called. False: on_targets() follows, never from inside this call. Never an
  // empty list: kNotFound when the name has no address of the wanted kind, kUnavailable when SRV
  // says that the service is not offered, else the resolver's error. Starting again withdraws
  // the question before.
  [[nodiscard]] bool start(TargetRequest request, TargetListener& listener, std::uint64_t token);
  [[nodiscard]] const Result<std::vector<Target>>& result() const { return result_; }
  // SRV has answered and NAPTR alone is missing: goes on without it. Some name servers drop what
  // they do not know. The listener may be called from inside, and this may be destroyed by it.
  void hurry();

 private:
  struct Host {
    std::string name;
    std::uint16_t port = 0;
    Seconds ttl{0};  // of what led to it: NAPTR and SRV
    std::vector<Record> v4, v6;
  };

  void on_answer(std::uint64_t question, const Result<Answer>& answer) override;
  void ask(std::string_view name, RecordType type, std::uint64_t question);
  void take_services();
  void next_service();
  void take_srv(const Result<Answer>& answer);
  void ask_hosts();
  void finish();
  void deliver(Result<std::vector<Target>> result);

  // borrowed
  Resolver& resolver_;
  const Clock& clock_;
  Random& random_;
  TargetListener* listener_ = nullptr;
  // state
  std::uint64_t token_ = 0;
  TargetRequest request_;
  std::optional<Result<Answer>> naptr_, srv_;  // until both are there; srv_: the usual service's
  bool following_ = false;                     // NAPTR has been read
  std::vector<std::string> services_;          // that NAPTR gives, the best one last
  Seconds services_ttl_ = Seconds::max();      // of the NAPTR records
  std::vector<Host> hosts_;                    // in order of preference
  std::size_t open_ = 0;                       // questions without an answer
  bool starting_ = false, done_ = true;
  bool asking_ = false;  // not all questions of this step are out yet
  Error last_error_;
  Result<std::vector<Target>> result_;
};

[[nodiscard]] std::uint16_t default_port(Transport transport);  // 5060, TLS 5061
[[nodiscard]] std::string srv_name(std::string_view host, Transport transport);
// The service of a NAPTR record for that transport, in lower case (RFC 3263 4.1): "sip+d2u".
[[nodiscard]] std::string_view naptr_service(Transport transport);
// RFC 2782: by priority, then drawn by weight.
void order_srv(std::vector<Record>& records, Random& random);

}  // namespace causeway::dns
