// The ICE agent of a phone on the Internet (RFC 8445): full, controlling, regular nomination. It
// has two ways to the gateway: that of the call's media, and a second one of a higher priority,
// which it checks and never nominates, to see where the gateway sends. Beside its checks it sends
// what must change nothing: a broken packet, and a check with a wrong password. Lab thread; owned
// by its Call.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/random.h"
#include "lab/checks.h"
#include "lab/loop.h"
#include "lab/port_range.h"
#include "lab/stun.h"

namespace causeway::lab {

struct IceCredentials {
  std::string ufrag, pwd;
  friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};

// What the agent needs of its call, and tells it.
struct IceWires {
  std::function<void(bool rtcp, const std::string& packet, const Endpoint& to)> send;
  std::function<void()> path;             // every component has a checked pair
  std::function<void(Violation)> broke;   // a rule, and the call goes on
  std::function<void(Violation)> failed;  // IceConnectivityChecksFailed, and what is to blame
};

struct IceFacts {
  int answered = 0;                            // checks
  bool nominated = false, early_path = false;  // early_path: RTP came the better way before
};

class IceAgent {
 public:
  // `at`: where the media socket of the call is; RTCP is one port above.
  IceAgent(Loop& loop, Random& random, const Endpoint& at, IceWires wires);
  ~IceAgent();
  IceAgent(const IceAgent&) = delete;
  IceAgent& operator=(const IceAgent&) = delete;

  // `ports`: of the second socket; null: any.
  [[nodiscard]] Status open(PortRange* ports = nullptr);
  [[nodiscard]] const IceCredentials& ours() const { return ours_; }
  // New credentials for the next offer; those in use go on until set_remote() (RFC 8445 9).
  void restart();
  // Begins, or changes nothing. No `rtcp`: both share one port.
  void set_remote(const IceCredentials& theirs, const Endpoint& rtp,
                  const std::optional<Endpoint>& rtcp);
  // Of the next remote: we are in its network, where private addresses lead somewhere.
  void set_inside(bool yes) { inside_ = yes; }
  // Nominate as soon as every component has a checked pair; before, wait.
  void may_nominate(bool yes);
  void on_packet(std::string_view packet, bool rtcp, const Endpoint& from);  // STUN alone
  void on_rtp() { rtp_came(false); }
  void stop();

  [[nodiscard]] const IceFacts& facts() const { return facts_; }
  [[nodiscard]] const Endpoint& second() const { return second_; }
  [[nodiscard]] const Endpoint& remote_rtp() const { return remote_rtp_; }
  [[nodiscard]] const Endpoint& remote_rtcp() const { return remote_rtcp_; }

 private:
  enum class Way : std::uint8_t { kRtp, kRtcp, kSecond };
  struct Check {
    std::string transaction;
    Instant first, last;
    Micros wait;
    bool nominates = false;
  };
  struct Pair {
    Way way = Way::kRtp;
    Endpoint local, remote;
    bool valid = false, nominated = false, lost = false;
    Instant answered;
    std::optional<Check> under_way;
  };

  void tick();
  void drive(Pair& p);
  void begin_check(Pair& p, bool nominates);
  void send_check(Pair& p);
  void disturb();
  void transmit(Way way, const std::string& packet, const Endpoint& to);
  void take_answer(Pair& p, std::string_view packet, const StunMessage& m, const Endpoint& from);
  void rtp_came(bool second);
  void read_second();
  [[nodiscard]] bool all(bool Pair::* what) const;  // of the pairs that carry media
  [[nodiscard]] StunMessage check_of(Way way, bool nominates, const std::string& transaction) const;
  [[nodiscard]] std::string random_bytes(std::size_t n);

  Loop& loop_;
  Random& random_;
  IceWires wires_;
  Endpoint at_, second_;
  int second_fd_ = -1;
  IceCredentials ours_;
  std::string checking_as_;  // our ufrag that the pairs are checked with
  std::optional<IceCredentials> theirs_;
  Endpoint remote_rtp_, remote_rtcp_;
  std::string tie_breaker_, wrong_, broken_;  // transactions of what must not be answered well
  std::vector<Pair> pairs_;                   // three at most
  bool may_nominate_ = true, path_told_ = false, stopped_ = false, unreachable_ = false;
  bool inside_ = false;
  std::optional<Instant> both_valid_, nominated_;
  Loop::TimerId timer_ = 0;
  IceFacts facts_;
};

// Whether packets from the Internet get there: not loopback, link-local, or of RFC 1918 or 6598.
[[nodiscard]] bool on_the_internet(const IpAddress& a);
[[nodiscard]] IceCredentials make_ice_credentials(Random& random);

}  // namespace causeway::lab
