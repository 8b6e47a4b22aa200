// What the operator configured: an immutable snapshot, shared by all shards. Built by load()
// (load.h) from TOML; nothing here knows TOML. Names are resolved to indices when it is built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/net.h"
#include "base/time.h"
#include "deployment/identity_forms.h"
#include "deployment/routing.h"
#include "sdp/plain.h"
#include "sip/headers.h"
#include "tone/cadence.h"

namespace causeway::tone {
struct Sound;  // wav.h
}
namespace causeway::rules {
class Chain;  // rule.h
}

namespace causeway::deployment {

struct Nameserver;  // nameserver.h

using RealmIndex = StrongId<struct RealmTag, std::uint16_t>;
using ListenerIndex = StrongId<struct ListenerTag, std::uint16_t>;
using IdentityIndex = StrongId<struct IdentityTag, std::uint16_t>;
using PeerIndex = StrongId<struct PeerTag, std::uint16_t>;  // within Deployment::peers
using ProfileIndex = StrongId<struct ProfileTag, std::uint16_t>;
using RegionIndex = StrongId<struct RegionTag, std::uint16_t>;

struct Region {
  std::string name;
};

// One network side. A listener and a peer group name one, and a packet never leaves by another.
struct Realm {
  std::string name;
  std::string interface;                        // SO_BINDTODEVICE; empty: by address only
  std::optional<IpAddress> media_v4, media_v6;  // at least one; media sockets are bound to it
  std::uint16_t media_port_min = 0, media_port_max = 0;  // inclusive, min even
  std::optional<IpAddress> public_v4,
      public_v6;             // written into SDP, Via and Contact instead of ours (NAT)
  int signalling_dscp = 24;  // CS3
  int media_dscp = 46;       // EF
};

struct Listener {
  std::string name;
  RealmIndex realm;
  Transport transport = Transport::kUdp;
  Endpoint address;
  std::optional<IdentityIndex> identity;  // always set for TLS
  // Further ones: shown to clients that ask for a name of theirs, and to the peers of groups whose
  // contact_host is one
  std::vector<IdentityIndex> more_identities;
};

// Paths of PEM files. What they hold is checked by load() and read by reactor/tls.
struct TlsIdentity {
  std::string name;
  std::string certificate;  // leaf, then intermediates if `chain` is empty
  std::string key;
  std::string chain;                       // intermediates; may be empty
  std::vector<std::string> trusted_roots;  // bundles
};

// Where identity comes from when a request is written to this peer.
enum class FromSource : std::uint8_t { kFrom, kAssertedIdentity };
// What a caller is told of the other side's ringing and early media (TDR-74).
enum class EarlyMedia : std::uint8_t {
  kPass,       // as it comes
  kFirstOnly,  // the first 18x, and nothing more until the final answer
  kRinging,    // an 18x with SDP as 180 without: the caller rings by itself
};
// Which of several phones that ring a caller hears before the answer (RFC 3960 3.1).
enum class EarlyMediaGate : std::uint8_t {
  kLast,    // the one that sent an SDP last; another while that one is silent
  kFirst,   // the one that sent an SDP first
  kActive,  // the one that packets come from, until it falls silent
};
// P-Early-Media (RFC 5009) with the peers of a group.
enum class EarlyMediaHeader : std::uint8_t { kOff, kSupported };
// What a caller is told in place of 181 (forwarded) and 182 (queued).
enum class ForwardedAs : std::uint8_t {
  kReceived,
  kRinging,  // 180
  kNothing,  // 183 where it has an SDP
};
// 100rel (RFC 3262) with the peers of a group.
enum class Reliability : std::uint8_t {
  kOff,        // not ours: a caller that requires it gets 420
  kSupported,  // where a peer requires it
  kRequired,   // demanded of every peer that we call, and used wherever a caller can
};
// What becomes of a REFER of these peers within a call (RFC 3515).
enum class Transfers : std::uint8_t {
  kRefuse,     // 403
  kTerminate,  // the gateway does it: REFER in Allow, and nothing of it crosses
};
// Replaces (RFC 3891) with the peers of a group.
enum class ReplacesWith : std::uint8_t {
  kOff,       // not ours: the header is passed over
  kAccepted,  // heard in their INVITEs, never said in ours
  kBoth,
};
// What becomes of a 3xx of these peers.
enum class Redirects : std::uint8_t {
  kRefuse,  // the call fails
  kFollow,  // tried where its Contacts lead, within the group
  kPass,    // told to a caller whose group passes them, too
};
// Session timers (RFC 4028) with the peers of a group.
enum class SessionTimer : std::uint8_t {
  kOff,      // not ours
  kAccept,   // where a peer asks for one
  kRequest,  // asked for in every dialog; refreshed by us where the peer cannot
};
enum class EmergencyUri : std::uint8_t { kAsIs, kDialString };
enum class NumberFormat : std::uint8_t {
  kAsIs,
  kE164Plus,
  kE164NoPlus,
  kNational,       // as the group's number plan has it; numbers of other countries international
  kInternational,  // all behind the plan's international prefix
};
// Where a peer is told which enterprise a call is of (S3).
enum class TenantIn : std::uint8_t { kNowhere, kHeader, kTrunkGroup };

struct HeaderLine {
  std::string name, value;
  friend bool operator==(const HeaderLine&, const HeaderLine&) = default;
};

// Headers in which these peers say where a user is whose media goes past them (LMO-01); empty: they
// do not.
struct LocalMedia {
  std::string location;  // "internal", in the enterprise's own network; anything else: outside
  std::string path;      // names of gateways, the first next to the user
  std::string site;      // told in the trail
};

// The dialect of a peer group: data that a leg reads.
struct Profile {
  std::string name;
  // Addressing of what we write
  std::string contact_host;  // FQDN in Contact; empty: our public or listener address
  std::string via_host;      // sent-by; empty: our public or listener address
  bool contact_user = true;  // put the number into Contact
  // The label of the customer stands before contact_host (TDR-50)
  bool customer_in_contact = false;
  TenantIn tenant_in = TenantIn::kNowhere;
  NumberFormat number_format = NumberFormat::kAsIs;
  // Parameters of the called number that cross to this peer: "rn", "npdi", "phone-context" (RFC
  // 3966)
  std::vector<std::string> number_parameters;
  EmergencyUri emergency_uri = EmergencyUri::kAsIs;  // of a call to urn:service:sos
  bool user_phone = false;                           // ;user=phone on Request-URI, From and To
  FromSource from_source = FromSource::kFrom;
  IdentityForm identity = IdentityForm::kAsReceived;
  IdentityMismatch identity_mismatch = IdentityMismatch::kKeep;
  DiversionForm diversion = DiversionForm::kAsReceived;
  AnonymousHost anonymous = AnonymousHost::kInvalid;
  bool cause_parameter = false;  // ;cause=302 in the Request-URI of a diverted call (RFC 4458)
  std::vector<HeaderLine> add_headers;  // on every request and response to this peer
  std::string user_agent;               // User-Agent / Server; empty: none
  std::vector<std::string> allow{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "NOTIFY", "UPDATE"};
  std::vector<std::string> supported;      // option tags
  std::string allow_text, supported_text;  // both as they are written in every message
  // 100rel and PRACK stand in `supported` and `allow` because of it
  Reliability reliable_provisionals = Reliability::kOff;
  // What may cross to this peer, by header name and by MIME type, when the other side is trusted
  // with it
  std::vector<std::string> pass_headers;  // always
  std::vector<std::string>
      trusted_headers;                   // only when the group is trusted (P-Asserted-Identity ...)
  std::vector<std::string> pass_bodies;  // besides SDP: "application/pidf+xml"
  // Offer and answer
  bool offer_required = false;  // never send an INVITE without SDP
  sdp::Dialect sdp;
  // Responses
  std::map<int, int>
      q850_by_status;              // rewrites Reason Q.850 cause sent with this status: 486 -> 17
  bool reason_on_failure = false;  // Reason: Q.850 on every 4xx-6xx that we create (TDR-85)
  LocalMedia local_media;
  // Words in the Reason of a BYE of these peers that say that media did not pass (MBP-14)
  std::vector<std::string> media_failure_reasons;
  Seconds liveness_check{300};  // a silent peer of a call is asked whether it is there; 0: never
  EarlyMedia early_media = EarlyMedia::kPass;
  EarlyMediaGate early_media_gate = EarlyMediaGate::kLast;
  EarlyMediaHeader early_media_header = EarlyMediaHeader::kOff;  // where the group is trusted
  ForwardedAs forwarded = ForwardedAs::kReceived;
  Ringing ringing = Ringing::kAsReceived;
  SessionTimer session_timer = SessionTimer::kOff;  // `timer` stands in `supported` because of it
  // REFER stands in `allow`, norefersub and replaces in `supported` because of these
  Transfers transfer = Transfers::kRefuse;
  ReplacesWith replaces = ReplacesWith::kOff;
  // Parameter of Referred-By and Refer-To that is the same in all calls of one transfer
  std::string transfer_id;
  Redirects redirects = Redirects::kFollow;
  Seconds session_expires{1'800};  // asked for
  Seconds min_se{90};              // less is answered 422
  // A caller of these peers whose call has an early answer with SDP hears this until the far side's
  // first packet (TDR-74)
  std::optional<tone::Cadence> ringback;
  // WAV files, as written, and what is in them; null: none, or not read (LoadOptions::check_files)
  std::string ringback_file, hold_music_file;
  std::shared_ptr<const tone::Sound> ringback_sound;
  std::shared_ptr<const tone::Sound> hold_music;  // heard by a peer that is on hold
  bool fill_silence = false;                 // silence of ours until the other side speaks (TDM-20)
  std::uint16_t max_message_bytes = 10'240;  // larger is refused: 513
  // UDP: answers go to the port that a request came from though it did not ask for that (rport)
  bool symmetric_response = false;
  std::uint8_t tolerate =
      0;  // bits of sip::Quirk that its requests may have; others are answered 400
  // What changes messages as they come from these peers and as they leave for them; null: nothing
  std::shared_ptr<const rules::Chain> rules_in, rules_out;
  bool contact_host_required =
      false;                        // a group that uses it must give contact_host (TDR-33, TDR-52)
  bool public_certificate = false;  // its peers refuse a self-signed one of ours (TDR-12)
  bool udp_only = false;            // its peers speak neither TCP nor TLS
  std::vector<std::string> retired_hosts;  // names that such a service has given up (TDR-03)
};

struct Peer {
  std::string name;
  GroupIndex group;
  std::string host;                  // an address literal, or a name
  std::optional<IpAddress> address;  // set when host is a literal
  std::uint16_t port = 0;            // 0: RFC 3263 (SRV when a name, else the default port)
  Transport transport = Transport::kUdp;
  bool also_tcp = false;  // UDP: takes large requests over TCP at the same address and port
  int priority = 0;       // lower first; equal: in order of the file
  // A gateway behind us that a service names in Request-URIs and media paths (LMO-02), lower case;
  // empty: none
  std::string known_as;
  // Calls from it and towards it together; 0: no limit of its own
  std::uint32_t max_calls = 0, max_calls_per_second = 0;
  std::uint32_t calls_burst = 0;  // 0: those of one second
};

// How a request is recognised as coming from a group. Every condition that is given must hold.
struct Recognition {
  std::vector<ListenerIndex> listeners;     // never empty
  std::vector<Prefix> sources;              // never empty
  std::vector<std::uint16_t> source_ports;  // empty: any
  std::vector<std::string>
      certificate_names;  // lower case, "*.example.com" for one label; empty: any (UDP, TCP)
  std::vector<std::string> request_hosts;  // Request-URI host, lower case; empty: any
};

struct GroupTimers {
  Millis silence{4'000};  // no answer at all: next peer (TDR-78)
  Millis connect{2'000};
  Millis no_progress{60'000};  // 100 but no 18x or final
  Millis ring{180'000};        // 18x but no final
  Millis hunt{9'000};          // all attempts together
};

struct PeerGroup {
  std::string name;
  RegionIndex region;
  RealmIndex realm;
  // Where media of users inside the enterprise's network is; none: all of it is in `realm`
  std::optional<RealmIndex> internal_realm;
  bool expect_internal = false;  // ... of users of whom nothing is known yet (LMO-04)
  ListenerIndex listener;        // requests leave from it
  ProfileIndex profile;
  Recognition recognition;
  std::vector<PeerIndex> peers;  // in order of priority
  std::vector<Prefix>
      media_sources;               // RTP from elsewhere is dropped; empty: the address in SDP only
  bool trusted = false;            // member of our trust domain (RFC 3325)
  bool any_number = false;         // any user part accepted, not numbers alone
  std::optional<Service> service;  // what is behind these peers; none: the operator's own network
  Trunk trunk = Trunk::kNone;      // calls from it are routed by number
  NumberPlan numbers;
  std::vector<GroupIndex> routes_to;  // where calls from this group go, in order
  bool rings_all = false;             // ... or to all of them at once
  Seconds options_interval{60};       // 0: no OPTIONS sent
  // Calls from it and towards it together; 0: no limit of its own
  std::uint32_t max_calls = 0, max_calls_per_second = 0;
  std::uint32_t calls_burst = 0;    // 0: those of one second
  std::uint16_t tcp_above = 1'300;  // bytes of a request (RFC 3261 18.1.1)
  GroupTimers timers;
};

// A dial string that means an emergency, with and without a leading "+".
struct EmergencyNumber {
  std::string digits;
  std::string service;  // "sos", "sos.police" (RFC 5031)
};

struct Limits {
  std::uint32_t max_calls = 20'000;
  std::uint32_t max_calls_per_second = 0;
  std::uint32_t calls_burst = 0;  // 0: those of one second
  // New requests outside of dialogs from one address, on each shard; 0: no bound
  std::uint32_t requests_per_second = 0;
  std::uint32_t requests_burst = 0;              // 0: those of one second
  std::uint32_t max_transactions = 400'000;      // of each shard, begun by peers
  std::uint32_t max_connections = 4'096;         // accepted, and as many opened, of each shard
  std::uint32_t connections_per_source = 1'024;  // accepted from one address, of each shard
  std::uint32_t handshakes_per_source = 64;  // under way at one time, of each listener and shard
  Seconds first_message{30};                 // of a connection that a peer opened; 0: no limit
  std::uint32_t connection_buffers = 64;     // MiB of what waits on connections of a shard
  Seconds connection_idle{600};              // without a message; 0: never closed for that
  Seconds keep_alive{90};                    // CRLF pings on quiet connections of ours; 0: none
  std::uint32_t max_trail_bytes = 24'576;    // per call
  std::uint32_t keep_one_in = 100;           // trails of good calls that are kept whole
  std::uint32_t kept_trails = 2'000;
  std::uint32_t transfers = 5;  // of one call, one after the other
  Seconds media_timeout{300};   // neither side sends anything: the call ends; 0: never
  double transcoding = 0.7;     // share of a core on each shard, for decoding and encoding
  std::uint16_t emergency_reserve_percent = 10;  // of max_calls: kept for emergency calls
  Millis overload_target{50};                    // delay beyond which new calls are shed; 0: never
  std::uint32_t offences_per_minute = 60;  // of one source, malformed or of no group; 0: no bound
  Seconds ban{3'600};
  bool ban_peers = false;  // also a source that is one group's alone
  std::vector<std::string> scanners{
      "friendly-scanner", "sipvicious", "sipcli", "sundayddr",
      "VaxSIPUserAgent",  "sip-scan",   "iWar"};  // in User-Agent or From
  sip::FieldLimits fields;                        // of requests
};

struct Operation {
  NodeId node{1};
  std::uint16_t shards = 0;  // 0: one per core
  bool pin_shards = false;
  std::string control_socket = "/run/causeway/control.sock";
  std::string state_directory = "/var/lib/causeway";
  std::string record_directory;           // call records; empty: state_directory + "/records"
  std::string codec_plugins;              // folder; empty: beside the program
  std::uint32_t record_days = 30;         // call records are kept so long, with today; 0: for ever
  std::uint16_t handshake_threads = 1;    // that compute TLS handshakes; 0: the shards do
  std::uint16_t handshake_steps = 16;     // taken up by a shard in one turn of its loop
  std::vector<std::string> kernel_relay;  // interfaces where the kernel passes RTP on; empty: none
  bool capture_media = false;             // explicit permission to put RTP into captures
  Seconds drain{30};                      // after SIGTERM, before the rest gets BYE
};

struct Metrics {
  std::optional<Endpoint> listen;  // where GET /metrics is answered; nullopt: nowhere
};

// The store of accounts and numbers, and the API that changes it.
struct Provisioning {
  std::string store;               // a path, or a connection string; empty: none is named
  std::optional<Endpoint> listen;  // HTTPS; nullopt: no API
  std::string certificate, key;    // PEM files
  std::string issuer;              // of the tokens: a URL
  std::vector<std::string> audiences;
  std::string tenant;           // of the tokens; empty: any
  std::vector<Prefix> sources;  // that may connect; empty: all
  std::uint32_t requests_per_minute = 100;
  std::string public_url;  // "https://provapi.example.net"; empty: as the client names us
};

// What one listener may bring in, made by load(): read through recognise.h alone. Sources are held
// by prefix length, so that a look-up costs one hash per length in use and not one test per group.
struct RecognitionTable {
  struct Length {
    bool v6 = false;
    int bits = 0;
    std::unordered_map<IpAddress, std::vector<GroupIndex>>
        groups;  // by masked address, in order of the file
  };
  std::vector<Length> lengths;  // longest first
};

struct Deployment {
  Operation operation;
  std::vector<Endpoint> resolvers;  // empty: the system's
  std::vector<Region> regions;
  std::vector<Realm> realms;
  std::vector<TlsIdentity> identities;
  std::vector<Listener> listeners;
  std::vector<Profile> profiles;
  std::vector<Peer> peers;
  std::vector<PeerGroup> groups;
  std::vector<EmergencyNumber> emergency;
  Limits limits;
  Metrics metrics;
  Provisioning provisioning;
  NumberRouting routing;
  std::shared_ptr<const Nameserver> nameserver;  // null: no domain of its own
  std::vector<RecognitionTable> recognition;     // one per listener
  std::uint64_t version = 0;                     // counts up with every load of this process
  std::string source;                            // the text it was made from

  [[nodiscard]] const Realm& realm(RealmIndex i) const { return realms[i.value]; }
  [[nodiscard]] const Listener& listener(ListenerIndex i) const { return listeners[i.value]; }
  [[nodiscard]] const Profile& profile(ProfileIndex i) const { return profiles[i.value]; }
  [[nodiscard]] const Peer& peer(PeerIndex i) const { return peers[i.value]; }
  [[nodiscard]] const PeerGroup& group(GroupIndex i) const { return groups[i.value]; }
  // The listener that requests of a group leave from towards an address of that family: its own,
  // or else the first of the same realm and transport that has it.
  [[nodiscard]] std::optional<ListenerIndex> way_out(GroupIndex group, bool v6) const;
  // As way_out(), the TCP listener of the group's realm.
  [[nodiscard]] std::optional<ListenerIndex> tcp_way_out(GroupIndex group, bool v6) const;
  // Which identity of that listener is for the group: contact_host, empty when there is one alone.
  [[nodiscard]] std::string own_name(GroupIndex group, ListenerIndex listener) const;
  [[nodiscard]] std::optional<GroupIndex> find_group(std::string_view name) const;
  [[nodiscard]] std::optional<PeerIndex> find_peer(std::string_view name) const;
  [[nodiscard]] std::optional<RegionIndex> find_region(std::string_view name) const;
  // Of the groups that `from` routes to, the peer that a service knows by this name (any case).
  [[nodiscard]] std::optional<PeerIndex> find_gateway(GroupIndex from, std::string_view name) const;
};
using DeploymentPtr = std::shared_ptr<const Deployment>;

}  // namespace causeway::deployment
