// The media of one shard: ports, packets in, packets out. Runs on the shard's thread only. What
// belongs to a leg (ports, keys, our SSRC, sequence and timestamp continuity, SRTP indices) stays
// with the leg whatever it is joined to, and can be written down and rebuilt.
//
// The packet path (on_datagram to send) does not allocate, format or call through std::function.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/net.h"
#include "base/result.h"
#include "base/time.h"
#include "kernel/relay.h"
#include "media/leg_snapshot.h"
#include "media/transcoding.h"
#include "reactor/reactor.h"
#include "rtp/quality.h"
#include "sdp/plain.h"
#include "tone/cadence.h"
#include "tone/fax_detector.h"
#include "tone/wav.h"

namespace causeway::media {

// Index and generation: an id of a closed leg names nothing.
using MediaLegId = StrongId<struct MediaLegTag, std::uint64_t>;

enum class Family : std::uint8_t { kV4, kV6 };

// One network side, as far as media is concerned.
struct RealmMedia {
  std::string name;
  std::optional<IpAddress> v4, v6;                // bound
  std::optional<IpAddress> public_v4, public_v6;  // written into SDP instead, when set
  std::uint16_t port_min = 0, port_max = 0;       // inclusive; pairs start at even ports
  std::string interface;                          // SO_BINDTODEVICE when not empty
  int dscp = 46;
};

// Where a leg can be reached. Never changes while the leg lives (TDR-96), but by a move that its
// peer asked for.
struct LocalEnds {
  Endpoint rtp, rtcp;                  // bound
  Endpoint public_rtp;                 // for SDP
  std::uint16_t public_rtcp_port = 0;  // same as public_rtp.port when the leg was opened for mux
};

// Which fork of a leg's peer is heard (RFC 3960 3.1).
enum class ForkGate : std::uint8_t {
  kLatest,        // that of the latest apply(); another while that one is silent
  kCurrentAlone,  // that of the latest apply() and no other
  kWhoSpeaks,     // as kLatest, and on_fork_heard() is told when another is heard in its place
};

// What is counted of a leg as it lives.
struct LegCounts {
  std::uint64_t packets_in = 0, bytes_in = 0;    // RTP accepted from the peer; bytes of UDP payload
  std::uint64_t packets_out = 0, bytes_out = 0;  // RTP sent to the peer
  std::uint64_t rtcp_in = 0, rtcp_out = 0;       // packets
  std::uint64_t by_kernel = 0;  // of packets_in, as long as this process has the leg
  // Datagrams of a fax by T.38; dropped: of a stranger, too many, too long, or not agreed
  std::uint64_t image_in = 0, image_out = 0, image_dropped = 0;
  std::optional<double> round_trip_ms;  // last, from the peer's reports on what we sent
  std::uint64_t lost_digits = 0;        // to the peer: more waited than are kept
  bool one_way = false;  // for 5 s nothing came though the other side was heard (TDM-23)
  DropCounts dropped;
  Instant first_in{}, last_in{};  // zero: nothing came
};

struct LegStats : LegCounts {
  std::uint64_t lost = 0;  // by sequence number, RFC 3550 A.3, all sources
  double jitter_ms = 0;    // RFC 3550 A.8, of the current source
  double max_jitter_ms = 0;
  std::optional<rtp::QualityMonitor::Summary> quality;  // of what came; none: nothing did
  std::optional<Endpoint> source;                       // latched
};

class MediaObserver {
 public:
  // The first packet of a leg, and the first one after on_media_lost().
  virtual void on_media_started(MediaLegId id) = 0;
  // Nothing for kLostAfter although the leg's direction says that something should come.
  virtual void on_media_lost(MediaLegId id) = 0;
  // Neither RTP nor RTCP came from this leg's peer nor from its partner's for set_quiet_limit(),
  // and neither is on hold. Told every second until a packet comes or a leg is closed.
  virtual void on_media_quiet(MediaLegId) {}
  // Nothing for five seconds from this peer while its partner is heard. Must not close anything.
  virtual void on_one_way(MediaLegId /*id*/) {}
  // A digit that the peer of `id` is to be told of in the signalling: event as in RFC 4733 (0-9, 10
  // '*', 11 '#', 12-15 'A'-'D', 16 flash), when it is over. Must not close anything.
  virtual void on_digit(MediaLegId /*id*/, std::uint8_t /*event*/, Micros /*duration*/) {}
  // The DTLS handshake with this peer gave the keys of SRTP, and then nothing may be closed; or it
  // has come to nothing for kHandshakeFor, and goes on being tried. `how` is for a person.
  virtual void on_keys(MediaLegId /*id*/, bool /*good*/, std::string_view /*how*/) {}
  // A digit to this peer was lost, for the first time: too many wait. Must not close anything.
  virtual void on_digit_lost(MediaLegId /*id*/) {}
  // A fax machine or a modem was heard in what this peer sends.
  virtual void on_fax(MediaLegId /*id*/, tone::FaxTone /*tone*/) {}
  // No connectivity check of a peer that does ICE for Agent::kConsent, nor anything else of it
  // (RFC 7675). Told once until it is heard again. Must not close anything.
  virtual void on_unchecked(MediaLegId /*id*/) {}
  // With ForkGate::kWhoSpeaks: the fork of this tag is heard, as the one that was is silent.
  virtual void on_fork_heard(MediaLegId /*id*/, std::string_view /*tag*/) {}
  // For the operator: "media ports of realm core are exhausted". At most one a second for each
  // realm.
  virtual void on_media_alarm(std::string_view text) = 0;
  // An RTP packet of a tapped leg as the peer sent it, decrypted. Must not close anything.
  virtual void on_tapped(MediaLegId, const Endpoint& /*from*/, const Endpoint& /*to*/,
                         std::span<const std::byte> /*rtp*/) {}

 protected:
  ~MediaObserver() = default;
};

inline constexpr Seconds kLostAfter{10};
inline constexpr Seconds kOneWayAfter{5};
inline constexpr Seconds kFillFor{30};
inline constexpr Seconds kReportInterval{5};  // RTCP at least this often (TDM-12)

struct PlaneStats {
  std::uint64_t legs = 0;             // open now
  std::uint64_t ports_exhausted = 0;  // refusals of open()
  std::uint64_t stray = 0;            // datagrams for a port that no leg uses any more
  std::uint64_t pools = 0;  // of ports; those that a reload left behind go with their calls
  std::uint64_t kernel_flows = 0, kernel_packets = 0;  // directions that it may pass on; passed on
};

struct TranscodingStats {
  double used = 0, cap = 0;  // shares of one core
  int complexity = 5;        // of Opus encoders
  std::uint32_t pairs = 0;   // of legs, for which something is decoded
};

class MediaPlane {
 public:
  // Both are borrowed and outlive the plane.
  MediaPlane(reactor::Reactor& reactor, MediaObserver& observer);
  // What needs nothing but another header goes that way from now on. Borrowed; outlives the plane.
  void use_kernel(kernel::Relay* relay);
  ~MediaPlane();
  MediaPlane(const MediaPlane&) = delete;
  MediaPlane& operator=(const MediaPlane&) = delete;

  // Takes an even port pair of the realm. kUnavailable when the range is exhausted,
  // kConfiguration when the realm has no address of that family. `rtcp_mux`: we offer it, and the
  // public RTCP port is the RTP port; the odd port is held all the same, for a peer that refuses.
  [[nodiscard]] Result<MediaLegId> open(const RealmMedia& realm, Family family, bool rtcp_mux);
  // Does nothing for an id that is not open (as everything below, unless it returns a Result).
  void close(MediaLegId id);

  [[nodiscard]] Result<LocalEnds> local(MediaLegId id) const;

  // The leg is to go elsewhere, with all that belongs to it: ports there are taken, and named in
  // the next SDP. Errors are those of open(), and
  // kConflict while it has a port for T.38; a move that was begun before is given up.
  [[nodiscard]] Result<LocalEnds> begin_move(MediaLegId id, const RealmMedia& realm, Family family);
  // Agreed: packets come and go there from now on, and the old ports are free. Else it stays.
  void end_move(MediaLegId id, bool agreed);

  // Our keys of this leg, kept so that every later offer and answer repeats them (TDM-07).
  void set_local_crypto(MediaLegId id, std::vector<sdp::Crypto> ours);
  // Whether on_tapped() is told of what this leg receives.
  void tap(MediaLegId id, bool on);
  [[nodiscard]] std::vector<sdp::Crypto> local_crypto(MediaLegId id) const;
  // The peer hears silence from now on until the first packet of the partner, at most for
  // kFillFor: a peer that hears nothing after an answer gives the call up (TDM-20). PCMU and PCMA
  // have a code for it; with another codec comfort noise (RFC 3389) when that was agreed.
  void fill_silence(MediaLegId id);
  // The realms of the configuration in force: ports of others are closed as calls leave them.
  void keep_realms(std::span<const RealmMedia> realms);
  // After how much silence on_media_quiet() is told; 0 (at first): never.
  void set_quiet_limit(Seconds limit);

  // What was agreed with the peer, at each answer and re-answer. An unchanged key keeps its
  // indices, a changed one starts at ROC 0 (TDM-06). A changed remote address forgets the latched
  // source; any apply() allows one further latch to a new stream (TDM-21). `fork`: the tag of the
  // early dialog that it was agreed in. What was agreed in the others, with its keys, is kept until
  // an apply() without one.
  [[nodiscard]] Status apply(MediaLegId id, const LegMedia& agreed, std::string_view fork = {});
  // That one will not answer. When it is the current one nothing passes until the next apply().
  void forget_fork(MediaLegId id, std::string_view tag);
  // Whether it may be heard in place of the current one. One that was not to be heard by its own
  // apply() is muted.
  void mute_fork(MediaLegId id, std::string_view tag, bool on);
  void set_fork_gate(MediaLegId id, ForkGate gate);

  // A port for UDPTL, beside those of RTP, the same until it is closed; its public end. And what
  // was agreed for it: datagrams pass between that address alone and the partner's. nullopt:
  // closed.
  [[nodiscard]] Result<Endpoint> open_image(MediaLegId id);
  void set_image(MediaLegId id, const std::optional<ImageAgreed>& agreed);

  // The fingerprint of our certificate, the same for all legs while the plane lives.
  [[nodiscard]] Result<sdp::Fingerprint> dtls_fingerprint();
  // Whether we play the client's part in the leg's association; nullopt: it has none.
  [[nodiscard]] std::optional<bool> dtls_client(MediaLegId id) const;

  // The leg does ICE, with these credentials, from now on: checks are answered. What was agreed
  // says whether they decide about the media.
  void set_local_ice(MediaLegId id, const ice::Credentials& ours);
  [[nodiscard]] std::optional<ice::Credentials> local_ice(MediaLegId id) const;
  // The peer began anew (RFC 8839 4.4.3): before the apply() of its new credentials. Media goes on
  // by what was checked before until new checks have chosen a path.
  void restart_ice(MediaLegId id, const ice::Credentials& ours);
  // What was agreed last; nullopt: nothing was, or no ICE.
  [[nodiscard]] std::optional<IceAgreed> agreed_ice(MediaLegId id) const;
  // An answer was agreed on, one without ICE.
  [[nodiscard]] bool does_without_ice(MediaLegId id) const;

  // Joins two legs, both directions; each leaves its former partner. unjoin() parts `id` and its
  // partner.
  [[nodiscard]] Status join(MediaLegId a, MediaLegId b);
  void unjoin(MediaLegId id);

  // How much of a core decoding and encoding may take; what runs goes on. Is there room for so
  // much more? `keep_room`: until the leg is joined it counts as taken, and from then on what is
  // really done. `transcodes`: the leg or its partner has such work, or room for it.
  void set_transcoding_cap(double share);
  [[nodiscard]] bool has_room(const Work& more) const;
  void keep_room(MediaLegId id, const Work& more);
  [[nodiscard]] bool transcodes(MediaLegId id) const;
  [[nodiscard]] const TranscodingBudget& budget() const;
  [[nodiscard]] TranscodingStats transcoding() const;  // looks at every leg: for metrics

  // A digit that came in the signalling from the partner's peer, for the peer of `id` in the form
  // that was agreed with it. False: it has none, or too many wait.
  bool play_digit(MediaLegId id, std::uint8_t event, Micros duration);
  // The peer hears this tone, ringback for one, until its partner's first packet or stop_ringing().
  // False: it was not begun, as the partner is heard already or no codec of the peer can be made.
  bool ring(MediaLegId id, const tone::Cadence& cadence);
  bool ring(MediaLegId id, const tone::Sound& sound);
  void stop_ringing(MediaLegId id);
  // From now on until null is given: while nothing of the partner is heard for a second, or for ten
  // where it has sent music of its own, the peer hears this.
  void set_hold_music(MediaLegId id, std::shared_ptr<const tone::Sound> sound);
  // Nothing is done to its audio any more (LegMedia::plain).
  void make_plain(MediaLegId id);
  // Is a digit or a DTLS handshake under way with this peer? Then a snapshot would lose it.
  [[nodiscard]] bool busy(MediaLegId id) const;
  // What becomes of what this peer says, for a person: "PCMU -> G722, decoded at 8 kHz, packets of
  // 20 ms".
  [[nodiscard]] std::string path(MediaLegId id) const;

  [[nodiscard]] Instant last_heard(MediaLegId id) const;  // RTP or RTCP of the peer; zero: never
  [[nodiscard]] LegStats stats(MediaLegId id) const;      // zeros for an id that is not open
  [[nodiscard]] PlaneStats plane_stats() const;

  // snapshot(), close(), restore(): the peer notices nothing. The partner is not part of it: join
  // again. kUnavailable when the port was taken meanwhile. `skip`: RTP sequence numbers to leave
  // unused, for a snapshot that may be older than the last packet that was sent under its key.
  [[nodiscard]] Result<LegSnapshot> snapshot(MediaLegId id) const;
  [[nodiscard]] Result<MediaLegId> restore(const RealmMedia& realm, const LegSnapshot& s,
                                           std::uint16_t skip = 0);
  // Like close(), but for a leg that another process or a later restore() carries on: no RTCP BYE.
  void release(MediaLegId id);
  // The same for a restore() on another shard: its ports are free when this returns.
  void surrender(MediaLegId id);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace causeway::media
