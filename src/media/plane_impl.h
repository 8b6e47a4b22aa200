// Inside of MediaPlane. On the shard's thread.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "media/leg.h"
#include "media/media_plane.h"
#include "media/port_pool.h"

namespace causeway::media {

// Tokens of timers: 0 the tick of every second, the id of a leg for what is said to its peer, and
// that id with one of these.
inline constexpr std::uint64_t kFillTimer = 1;
inline constexpr std::uint64_t kCompileToken = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kEventToken = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kHandshakeToken = std::uint64_t{1} << 61;
inline constexpr std::uint64_t kFaxToken = std::uint64_t{1} << 60;
inline constexpr std::uint64_t kForkToken = std::uint64_t{1} << 59;
inline constexpr std::uint32_t kGenerations = (1U << 27) - 1;  // of a slot, before one comes again

// G.711 octets of one law as the other's, through linear (ITU-T G.711 3.5 has other tables: they
// differ by one step at the smallest levels).
class Laws {
 public:
  Laws();
  void convert(std::span<std::byte> octets, bool to_a) const {
    const auto& table = to_a ? a_of_u_ : u_of_a_;
    for (std::byte& b : octets) b = table[std::to_integer<std::size_t>(b)];
  }

 private:
  std::array<std::byte, 256> a_of_u_{}, u_of_a_{};
};

inline constexpr std::size_t kMaxRetiredKeys = 16;

// A packet of a leg whose call has forked.
enum class Whose : std::uint8_t {
  kNobodys,       // of no fork but perhaps the current one
  kAnothers,      // counted
  kHeardInstead,  // another's that is passed on, as the current one is silent
};

struct Fill {
  MediaLegId leg;
  Instant until;
  std::uint8_t turn = 0;  // of twenty milliseconds
};

class MediaPlane::Impl final : public PortListener, public reactor::TimerTarget {
 public:
  Impl(reactor::Reactor& r, MediaObserver& o) : reactor(r), observer(o) {}
  ~Impl();

  reactor::Reactor& reactor;
  MediaObserver& observer;
  std::vector<std::unique_ptr<PortPool>> pools;  // realms times families: a handful
  std::vector<std::unique_ptr<Leg>> legs;        // by index; after the pools, so they go first
  std::vector<std::uint32_t> generations;
  std::vector<std::uint32_t> free_slots;
  std::uint64_t open_legs = 0, ports_exhausted = 0, stray = 0;
  reactor::TimerId tick{};
  Seconds quiet_limit{0};
  const Laws laws;
  std::array<std::shared_ptr<const PayloadTypes>, 16> common_types;  // the latest
  std::size_t next_common = 0;
  std::shared_ptr<const PayloadTypes> nothing_agreed;
  TranscodingBudget transcoding;
  kernel::Relay* relay_in_kernel = nullptr;           // borrowed
  std::uint64_t offloaded = 0, in_kernel = 0;         // flows; packets
  std::shared_ptr<const rtp::DtlsIdentity> identity;  // made for the first leg that needs it
  std::vector<Fill> fills;                            // legs that hear silence of ours (silence.cc)
  reactor::TimerId fill_tick{};

  [[nodiscard]] Leg* find(MediaLegId id) const;
  void forget_pools();
  [[nodiscard]] PortPool& pool_of(const RealmMedia& realm, const IpAddress& address);
  [[nodiscard]] Result<std::pair<PortPool*, std::unique_ptr<PortPair>>> take_ports(
      const RealmMedia& realm, Family family);
  Leg& add(std::unique_ptr<PortPair> ports, PortPool& pool, const RealmMedia& realm, bool mux);
  void remove(Leg& leg, bool say_goodbye);
  [[nodiscard]] Status set_keys(Leg& leg, const LegMedia& agreed, bool other_fork = false);
  void compile(Leg& leg);
  [[nodiscard]] std::shared_ptr<const PayloadTypes> shared(const PayloadTypes& types);
  void part(Leg& leg);
  // From the pool, where need be after sockets were closed that rest. Of `port` when it is given.
  [[nodiscard]] Result<std::unique_ptr<PortPair>> take_from(PortPool& pool,
                                                            std::optional<std::uint16_t> port = {});
  void exhausted(PortPool& pool, const Error& why);

  // The packet path (packet_path.cc)
  void on_packet(PortPair& ports, bool rtcp_port, const Endpoint& from, std::span<std::byte> data,
                 Instant received) override;
  void on_rtp(Leg& leg, const Endpoint& from, std::span<std::byte> data, Instant now);
  void on_rtcp(Leg& leg, bool rtcp_port, const Endpoint& from, std::span<std::byte> data,
               Instant now);
  void relay(Leg& leg, const rtp::Header& h, std::span<std::byte> data, Instant now);
  [[nodiscard]] bool admits(Leg& leg, const Endpoint& from, const rtp::Header& h, Instant now,
                            bool& new_source);
  void latch(Leg& leg, const Endpoint& from, std::uint32_t ssrc, Instant now);
  // `buffer` begins with `size` bytes of a plain compound and has room for kMaxExpansion more.
  void send_rtcp(Leg& leg, std::span<std::byte> buffer, std::size_t size, Instant now);

  // About once a second while legs are open
  void on_timer(std::uint64_t token, Instant now) override;
  void look_after(Leg& leg, Instant now);
  [[nodiscard]] bool quiet(const Leg& leg, Instant now) const;
  [[nodiscard]] bool heard_on_the_other_side_alone(const Leg& leg, Instant now) const;
  void start_tick();

  void charge(Leg& leg, const Work& now);
  void use_complexity();

  // What is decoded and what is made here (speech.cc)
  void tune(Leg& leg, const Plan& p);
  void hush(Leg& leg);
  void let_go(Leg& leg);
  [[nodiscard]] bool can_play(Leg& leg);
  [[nodiscard]] bool ring(Leg& leg, const tone::Cadence& cadence);
  [[nodiscard]] bool play(Leg& leg, const tone::Sound& sound);
  void keep_playing(Leg& leg, Instant now);
  [[nodiscard]] bool say_silence(Leg& to, Saying& s, bool can, Instant now);
  void listen_for_fax(Leg& leg, const rtp::Header& h, std::span<const std::byte> packet,
                      Instant now);
  void wake(Leg& to, Instant now);
  void hear(Leg& leg, std::uint8_t type, const rtp::Header& h, std::span<const std::byte> packet,
            Instant now);
  void poll_events(Leg& leg, Instant now);
  void pass_event(Leg& leg, const rtp::EventReceiver::Happened& e, Instant now);
  void digit(Leg& to, std::uint8_t event, bool ends, Micros duration, Instant now);
  void speak(Leg& to, Instant now);
  [[nodiscard]] bool say(Leg& to, Saying& s, Instant now);
  void send_made(Leg& leg, std::uint8_t type, bool marker, std::uint32_t timestamp,
                 std::span<const std::byte> content, Instant now);
  void judge_time(Leg& leg, std::uint32_t step, std::uint32_t clock, Instant now);

  // Keys by DTLS (handshake.cc)
  [[nodiscard]] Result<std::shared_ptr<const rtp::DtlsIdentity>> dtls_identity();
  void agree_on_handshake(Leg& leg, Instant now);
  void end_handshake(Leg& leg);
  void on_dtls(Leg& leg, const Endpoint& from, std::span<const std::byte> data, Instant now);
  void on_handshake_timer(Leg& leg, Instant now);
  void begin_handshake(Leg& leg);
  void went_on(Leg& leg, rtp::Dtls::Step step, const Endpoint& to, Instant now);

  // Where the peer's connectivity checks say that it is (connectivity.cc)
  void on_stun(Leg& leg, bool rtcp_port, const Endpoint& from, std::span<const std::byte> data,
               Instant now);
  void agree_on_ice(Leg& leg, bool by_checks_before, Instant now);
  void follow_checks(Leg& leg);
  void look_after_checks(Leg& leg, Instant now);

  // Phones of one call that ring side by side (forks.cc). `data`: decrypted where it is heard.
  void set_aside(Leg& leg);
  void retire(Leg& leg, const sdp::Crypto& key);
  void drop_forks(Leg& leg);
  void tell_fork(const Leg& leg);
  [[nodiscard]] Fork* fork_at(Leg& leg, const Endpoint& from, std::uint32_t ssrc, bool& proven);
  [[nodiscard]] Whose of_another_fork(Leg& leg, const Endpoint& from, const rtp::Header& h,
                                      std::span<std::byte>& data, Instant now);

  // Packets that the kernel passes on (offload.cc)
  [[nodiscard]] Leg* own(MediaLegId id);
  [[nodiscard]] bool may_offload(const Leg& leg) const;
  void offer_to_kernel(Leg& leg, Instant now);
  void withdraw(Leg& leg);
  void take_back(Leg& leg);
  void arm(Leg& leg, const rtp::Header& h, std::uint8_t type);
  void pull(Leg& leg);
  void pull_both(Leg& leg);

  // UDPTL (image.cc)
  void on_image(Leg& leg, bool rtcp_port, const Endpoint& from, std::span<std::byte> data,
                Instant now);
  Endpoint take_image_port(Leg& leg, std::unique_ptr<PortPair> ports);
  void close_image(Leg& leg);

  // Silence until the partner speaks (silence.cc)
  void fill(Leg& leg);
  void fill_all(Instant now);
  [[nodiscard]] bool fill_one(Leg& leg, const Fill& f, Instant now);
};

}  // namespace causeway::media
