// An ICE-lite agent (RFC 8445 2.5, 7.3; RFC 8839): answers connectivity checks and knows by them
// where each peer is. It never sends a check. One for each leg that offered or answered with ICE,
// used by the leg's thread; nothing allocates after construction but restart(). No clock, no
// socket: requests in, answers out.
//
// Several peers may check before any of them has answered the offer (forks), each with its own
// ufrag behind ours in USERNAME. What they prove and nominate is kept by that ufrag until the
// answer names it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/net.h"
#include "base/random.h"
#include "base/time.h"
#include "ice/stun.h"
#include "rtp/hmac_sha1.h"

namespace causeway::ice {

struct Credentials {
  std::string ufrag;  // RFC 8839 5.4: 4 to 256 characters
  std::string pwd;    // 22 to 256
  friend bool operator==(const Credentials&, const Credentials&) = default;
};
// 48 and 144 random bits.
[[nodiscard]] Credentials make_credentials(Random& random);
// ALPHA, DIGIT, + and /, and the lengths.
[[nodiscard]] bool well_formed(const Credentials& c);
// A description with other ufrag and other password begins ICE anew (RFC 8839 4.4.3, MBP-07).
[[nodiscard]] bool restarts(const Credentials& before, const Credentials& now);
// Of our one host candidate for that component (RFC 8445 5.1.2.1).
[[nodiscard]] constexpr std::uint32_t host_priority(unsigned component) {
  return 126u << 24 | 65'535u << 8 | (256u - component);
}

enum class Component : std::uint8_t { kRtp = 0, kRtcp = 1 };  // 1 and 2 in SDP; with mux the first

struct Answer {
  enum class What : std::uint8_t {
    kDropped,    // malformed, not for us to answer, or an answer would amplify
    kRefused,    // an error was written
    kAlive,      // a check by credentials that a restart has replaced; nothing changes
    kValidated,  // the sender is who it says, and reaches us from there
    kNominated,  // and has chosen this path
  };
  What what = What::kDropped;
  std::size_t bytes = 0;  // of the answer, to be sent back to where the request came from
  std::uint16_t error = 0;
  bool moved = false;      // path() of this peer and component is another one now
  std::uint64_t peer = 0;  // peer_key() of the sender's ufrag; of the last three
};

[[nodiscard]] std::uint64_t peer_key(std::string_view ufrag);

class Agent {
 public:
  static constexpr std::size_t kPeers = 8;
  static constexpr std::size_t kAddresses = 16;
  // Peers check the chosen path every five seconds or so (RFC 7675 5.1). After this long without
  // one, a nomination of another path counts even if its priority is lower.
  static constexpr Micros kStale = Seconds(10);
  static constexpr Micros kConsent = Seconds(30);

  // Everything that it knows, to be written down and built anew from.
  struct Way {
    Endpoint remote;
    Instant checked{};
    std::uint32_t priority = 0;
    bool set = false;
    friend bool operator==(const Way&, const Way&) = default;
  };
  struct Peer {
    std::uint64_t key = 0;
    Instant checked{};
    std::array<Way, 2> best{};
    std::array<Way, 2> nominated{};
    friend bool operator==(const Peer&, const Peer&) = default;
  };
  struct Address {
    Endpoint remote;
    Instant checked{};
    std::uint64_t peer = 0;
    std::uint32_t generation = 0;
    Component component = Component::kRtp;
    friend bool operator==(const Address&, const Address&) = default;
  };
  struct State {
    Credentials ours;
    Credentials before;  // empty until a restart
    std::array<Peer, kPeers> peers{};
    std::array<Address, kAddresses> addresses{};
    std::array<std::optional<Endpoint>, 2> defaults{};
    std::array<std::optional<Endpoint>, 2> before_restart{};
    std::uint64_t chosen = 0;      // peer_key()
    std::uint32_t generation = 0;  // restarts
    bool lite = false;
    friend bool operator==(const State&, const State&) = default;
  };

  explicit Agent(const Credentials& ours);
  explicit Agent(const State& known);
  [[nodiscard]] const State& state() const { return s_; }

  [[nodiscard]] const Credentials& credentials() const { return s_.ours; }
  // New credentials of ours. Checks by the old ones are still answered, so that media goes on until
  // the new ones have chosen a path; the old path is kept until then.
  void restart(const Credentials& ours);

  // `out` has kMaxAnswer bytes. Answers are never longer than a request that is not authenticated.
  [[nodiscard]] Answer on_request(std::span<const std::byte> datagram, const Endpoint& from,
                                  Component component, Instant now, std::span<std::byte> out);

  // The peer whose description was accepted: from now on path() is about it. `lite`: it will never
  // check (MBP-06), its default candidate is the path.
  void choose(std::string_view ufrag, bool lite, Instant now);
  // What its description gives as the default, or as the pair in use when it carries
  // a=remote-candidates (RFC 8839 5.2): believed until a check says otherwise.
  void set_default(Component component, const Endpoint& remote);
  [[nodiscard]] bool chosen() const { return s_.chosen != 0; }

  // Where to send: nominated (unless only another path is checked any more), else the checked path
  // of the highest priority, else that of before a restart, else the default. Of the chosen peer;
  // before there is one, of the peer that nominated or checked last. nullopt: nowhere yet.
  [[nodiscard]] std::optional<Endpoint> path(Component component) const;
  [[nodiscard]] std::optional<Endpoint> path_of(std::uint64_t peer, Component component) const;
  [[nodiscard]] bool nominated(Component component) const;
  // A valid check came from there: what a packet on this leg must come from. For a lite peer, its
  // default. Whose it is, when several peers check.
  [[nodiscard]] bool admits(const Endpoint& from, Component component) const;
  [[nodiscard]] std::optional<std::uint64_t> peer_at(const Endpoint& from,
                                                     Component component) const;

  // Since the last valid check of the chosen peer, or since it was chosen; lite peers never lose
  // it.
  [[nodiscard]] bool consent_lost(Instant now, Micros after = kConsent) const;
  [[nodiscard]] std::optional<Instant> last_check() const;

  struct Counts {
    std::uint64_t malformed = 0;
    std::uint64_t refused = 0;  // with or without an answer
    std::uint64_t answered = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  // Which of our credentials a request was made with.
  enum class Generation : std::uint8_t { kNone, kNow, kBefore };

  [[nodiscard]] Generation authenticate(std::span<const std::byte> datagram,
                                        const StunMessage& m) const;
  [[nodiscard]] Answer refuse(const StunMessage& m, std::uint16_t code, std::size_t request_bytes,
                              const rtp::HmacSha1* key, std::span<std::byte> out);
  [[nodiscard]] Answer proven(const StunMessage& m, const Endpoint& from, Component component,
                              Instant now);
  Peer& peer(std::uint64_t key, Instant now);
  void forget_before(Component component);
  void remember(const Endpoint& from, Component component, std::uint64_t peer, Instant now);
  [[nodiscard]] const Peer* find(std::uint64_t key) const;
  [[nodiscard]] const Peer* current() const;
  [[nodiscard]] static const Way* way(const Peer& p, Component component);

  State s_;
  rtp::HmacSha1 key_;
  std::optional<rtp::HmacSha1> before_key_;
  Counts counts_;
};

}  // namespace causeway::ice
