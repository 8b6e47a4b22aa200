// Everything of the gateway that one shard runs: transactions, media, peers, calls, trails. The
// same in production (EpollReactor) and in the simulated world. Runs on the shard's thread; other
// threads send it a ShardCommand by mail.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/flat_map.h"
#include "call/acceptable.h"
#include "call/late_answers.h"
#include "call/refusals.h"
#include "call/ruled.h"
#include "call/services.h"
#include "directory/directory.h"
#include "peers/prober.h"
#include "sip/tag.h"

namespace causeway::call {

class GatewayShard;
struct Explanation;
struct JoinMail;
struct NamedDialog;

// Work for a shard from another thread (status, drain, reload). Runs once, on the shard's thread.
class ShardCommand final : public reactor::MailBase {
 public:
  explicit ShardCommand(std::function<void(GatewayShard&)> work) : run(std::move(work)) {}
  std::function<void(GatewayShard&)> run;
};

class RecordSink {
 public:
  // Never blocks. Any shard.
  virtual void on_call_record(const telemetry::CallRecord& record) = 0;
  // A service that tells enterprises apart by their names routes to this one, as a call has shown:
  // it called us by it, or took a call of ours under it (TDR-27). Never blocks. Any shard, which
  // tells it once of many.
  virtual void on_name_routed(std::string_view /*name*/, std::string_view /*account*/,
                              bool /*by_service*/) {}

 protected:
  ~RecordSink() = default;
};

// Decrypted SIP as it passes, while a capture runs. On the shard's thread.
class WireSink {
 public:
  virtual ~WireSink() = default;
  virtual void on_wire(const peers::PeerTable& peers, WallTime at, bool outgoing,
                       const Endpoint& local, const Endpoint& remote, Transport transport,
                       std::string_view bytes) = 0;
};

// One RTP packet of a call that is being captured.
struct TappedPacket {
  WallTime at;
  Endpoint from, to;
  std::vector<std::byte> rtp;
};

struct PeerReport {
  std::string group, peer, address;
  Transport transport = Transport::kUdp;
  std::string state;  // "up", "down", "not probed", "draining", "blocked"
  std::string why;
  int last_status = 0;
  std::int64_t options_out_ms = -1, options_in_ms = -1;  // ago; -1 never
  bool up = true;
  std::string tls;  // version and cipher of a connection that is up; empty: there is none
  std::int64_t certificate_not_after = 0;    // ... the peer's, s since 1970
  std::uint32_t calls = 0, group_calls = 0;  // now
};

struct CallReport {
  CallId id;
  std::string from, to, ingress, egress, state;
  std::string ingress_peer, egress_peer;  // empty: not told apart within the group
  WallTime began, answered;
  bool emergency = false;
};

class GatewayShard final : transport::TransactionUser,
                           transport::TransportObserver,
                           media::MediaObserver,
                           peers::ProberListener,
                           peers::AddressObserver,
                           CallOwner,
                           reactor::TimerTarget {
 public:
  GatewayShard(reactor::Reactor& reactor, dns::Resolver& resolver, peers::SharedLoad& load,
               RecordSink& records);
  ~GatewayShard();
  GatewayShard(const GatewayShard&) = delete;
  GatewayShard& operator=(const GatewayShard&) = delete;

  // Puts a configuration into force; on failure the old one stays.
  [[nodiscard]] Status apply(transport::Running running);
  // The same configuration with certificates that were renewed.
  [[nodiscard]] Status renew_tls(transport::Running running) {
    return layer_.transport().apply(std::move(running));
  }

  // Borrowed; null: packets go through this shard.
  void use_kernel(kernel::Relay* relay) { media_.use_kernel(relay); }

  // What calls that begin from now on find. The caller keeps the one before until no shard has it:
  // to free it may take longer than a shard has.
  void use_directory(directory::DirectoryPtr directory) { directory_ = std::move(directory); }
  [[nodiscard]] const directory::Directory& directory() const { return *directory_; }
  // What would happen to that INVITE now (call/explain.h).
  [[nodiscard]] Result<Explanation> explain(std::string_view from, std::string_view message) const;

  // New calls are refused from now on (emergencies are not); OPTIONS are still answered (TDR-37).
  void refuse_new_calls(bool refuse) { stopping_ = refuse; }
  void end_all_calls(const std::string& why);
  [[nodiscard]] std::size_t calls_now() const { return calls_.size(); }
  [[nodiscard]] std::size_t tags_now() const { return tags_.size(); }  // of legs, for tests

  [[nodiscard]] Status set_admin(peers::PeerTable::Kind kind, const std::string& name,
                                 peers::Admin admin);

  [[nodiscard]] const telemetry::ShardCounters& counters() const { return counters_; }
  [[nodiscard]] std::vector<PeerReport> peer_reports() const;
  [[nodiscard]] std::vector<CallReport> call_reports() const;
  [[nodiscard]] const std::deque<telemetry::CallRecord>& recent() const { return recent_; }
  [[nodiscard]] const peers::Locator& locator() const { return locator_; }
  [[nodiscard]] telemetry::TrailStore& trails() { return trails_; }
  // Of what never became a call.
  [[nodiscard]] telemetry::TrailStore& refused() { return refusals_.trails(); }
  [[nodiscard]] transport::SipTransport::ConnectionCounts connections() const {
    return const_cast<transport::TransactionLayer&>(layer_).transport().connections();
  }
  [[nodiscard]] media::PlaneStats media_stats() const { return media_.plane_stats(); }
  [[nodiscard]] media::TranscodingStats transcoding() const { return media_.transcoding(); }
  [[nodiscard]] std::size_t transactions() const { return layer_.size(); }
  struct BanReport {
    std::string source, reason;
    std::int64_t left_s = 0;
  };
  [[nodiscard]] std::vector<BanReport> bans() const;
  bool unban(const IpAddress& source) { return layer_.transport().unban(source); }
  // Share of new calls that is let in.
  [[nodiscard]] double admitted() const {
    return const_cast<transport::TransactionLayer&>(layer_).transport().admitted();
  }
  [[nodiscard]] const std::deque<std::string>& recent_drops() const { return drops_; }
  void set_wire_sink(std::shared_ptr<WireSink> sink) { wire_ = std::move(sink); }
  [[nodiscard]] const WireSink* wire_sink() const { return wire_.get(); }
  [[nodiscard]] bool has_call(CallId id) const { return calls_.find(id) != nullptr; }
  [[nodiscard]] const CallState* find_call(CallId id) const;  // null: there is none

  // The trails of calls that begin before `until` from or to a number with these digits are kept.
  // False: there are kMaxWatches already.
  [[nodiscard]] bool watch_number(std::string digits, Instant until);
  [[nodiscard]] Instant now() const { return reactor_.now(); }
  static constexpr std::size_t kMaxWatches = 32;
  static constexpr std::size_t kRoutedNames = 16'384;  // then they are told anew

  // Collects what a live call receives, decrypted, until take_tapped(). False: no such call, or the
  // configuration does not permit media in captures, or another capture is under way.
  [[nodiscard]] bool start_tap(CallId id);
  [[nodiscard]] std::vector<TappedPacket> take_tapped();
  static constexpr std::size_t kMaxTapped = 40'000;  // packets of one capture: 5 minutes at 20 ms

  // Every call at a stable point is written down, destroyed and built again from its bytes; the
  // number of calls so treated. What hand-over to another process rests on.
  std::size_t rebuild_stable_calls();

  static constexpr std::size_t kRecent = 5'000;
  static constexpr std::size_t kRecentDrops = 200;
  static constexpr std::uint32_t kDropsInWords = 10;  // a second

 private:
  static constexpr std::uint64_t kProberTag = std::uint64_t{1} << 63;
  struct TagOwner {
    Call* call = nullptr;
    LegId leg;
  };

  // TransactionUser
  void on_request(transport::TxId tx, const transport::Received& r) override;
  void on_ack(const transport::Received& r) override;
  void on_cancel(transport::TxId invite, const sip::Message& cancel) override;
  std::string answer_to_cancel(const transport::Received& cancel,
                               std::uint64_t invite_user) override;
  bool knows_dialog(const sip::Message& request) const override {
    return owner_of_tag(request.to_tag()) != nullptr;
  }
  const deployment::Profile* profile_of(std::uint64_t user) const override;
  void on_response(transport::TxId tx, std::uint64_t user, const transport::Received& r) override;
  void on_stray_response(const transport::Received& r) override;
  void on_request_failed(transport::TxId tx, std::uint64_t user, const Error& reason) override;
  void on_no_ack(transport::TxId tx, std::uint64_t user) override;
  void on_other_mail(ShardId from, reactor::Mail mail) override;
  void on_layer_message(std::uint64_t user, bool outgoing, std::string_view bytes) override;
  // TransportObserver
  void on_dropped(std::string_view reason, const Endpoint& from, deployment::ListenerIndex listener,
                  std::string_view detail) override;
  void on_answer(bool sent, std::optional<deployment::GroupIndex> group, sip::Method method,
                 int status) override;
  void on_refused_call(const sip::Message& invite, const transport::Flow& flow, int status,
                       std::string_view why) override;
  std::optional<std::string> no_room_for(const transport::Flow& flow, deployment::GroupIndex group,
                                         bool emergency) override;
  bool wants_wire() const override { return wire_ != nullptr; }
  void on_wire(bool outgoing, const Endpoint& local, const Endpoint& remote, Transport transport,
               std::string_view bytes) override;
  // MediaObserver
  void on_media_started(media::MediaLegId id) override;
  void on_media_lost(media::MediaLegId id) override;
  void on_media_quiet(media::MediaLegId id) override;
  void on_one_way(media::MediaLegId id) override;
  void on_keys(media::MediaLegId id, bool good, std::string_view how) override;
  void on_unchecked(media::MediaLegId id) override;
  void on_digit(media::MediaLegId id, std::uint8_t event, Micros duration) override;
  void on_digit_lost(media::MediaLegId id) override;
  void on_fax(media::MediaLegId id, tone::FaxTone tone) override;
  void on_fork_heard(media::MediaLegId id, std::string_view tag) override;
  void on_media_alarm(std::string_view text) override;
  void on_tapped(media::MediaLegId id, const Endpoint& from, const Endpoint& to,
                 std::span<const std::byte> rtp) override;
  // ProberListener
  void on_peer_news(deployment::PeerIndex peer) override;
  // AddressObserver
  void on_address_news(const Endpoint& remote, Transport transport, bool failed) override;
  // CallOwner
  void bind_tag(const std::string& tag, Call& call, LegId leg) override {
    const auto key = sip::random_of_tag(tag);
    if (!key) return;
    tags_.insert(*key, {&call, leg});
    layer_.transport().dialog_lives_here(tag, true);
  }
  void unbind_tag(const std::string& tag) override {
    const auto key = sip::random_of_tag(tag);
    if (!key) return;
    tags_.erase(*key);
    layer_.transport().dialog_lives_here(tag, false);
  }
  void ask_to_join(const JoinQuestion& question) override;
  void hand_leg_over(std::unique_ptr<JoinOrder> order) override;
  void bind_media(media::MediaLegId id, Call& call, LegId leg) override {
    media_legs_.insert(id, {&call, leg});
  }
  void unbind_media(media::MediaLegId id) override { media_legs_.erase(id); }
  void on_media_failed(const std::string& peer, const std::string& what) override;
  void on_terminated(Call& call, telemetry::CallRecord record) override;
  [[nodiscard]] std::string name_towards(const deployment::Deployment& d, deployment::GroupIndex g,
                                         const std::string& account) const;
  void tell_routed(const std::string& name, const std::string& account, bool by_service);
  void look_for_routed_name(const CallState& call, const telemetry::CallRecord& record);
  void on_finished(Call& call) override;
  // TimerTarget: destroys finished calls, packs trails of quiet ones
  static constexpr std::uint64_t kSweep = 0, kRest = 1, kJoin = 2;
  void on_timer(std::uint64_t token, Instant now) override;

  void rest_trails();
  // joining.cc
  [[nodiscard]] bool take_replaces(transport::TxId tx, const transport::Received& r,
                                   const RuledInvite& ruled);
  [[nodiscard]] ShardId shard_of_dialog(const NamedDialog& dialog) const;
  void post_join(ShardId to, std::unique_ptr<JoinMail> mail);
  void send_join_mail();
  void on_join_mail(JoinMail& mail);
  [[nodiscard]] bool send_on(JoinMail& mail);
  void on_new_call(transport::TxId tx, const transport::Received& r);
  void on_ruled_call(transport::TxId tx, const transport::Received& r,
                     const deployment::DeploymentPtr& deployment, RuledInvite ruled);
  void trace_if_watched(const CallState& call);
  void alarm(std::string_view text);
  void answer_options(transport::TxId tx, const transport::Received& r);
  void answer(transport::TxId tx, const transport::Received& r, int status, std::string_view why,
              const Unacceptable* naming = nullptr);
  [[nodiscard]] Call* call_of(std::uint64_t user);
  [[nodiscard]] std::vector<Call*> all_calls() const;
  [[nodiscard]] CallId new_call_id();
  [[nodiscard]] const TagOwner* owner_of_tag(std::string_view tag) const;

  // Borrowed
  reactor::Reactor& reactor_;
  RecordSink& records_;
  // Owned
  telemetry::ShardCounters counters_;
  telemetry::TrailStore trails_;
  Refusals refusals_;
  LateAnswers late_;
  transport::TransactionLayer layer_;
  media::MediaPlane media_;
  peers::PeerTable peers_;
  peers::Admission admission_;
  UserPlaces places_;
  std::unordered_set<std::string> routed_;  // name and account that were told ...
  Instant routed_since_{};                  // ... since then
  peers::Locator locator_;
  peers::Prober prober_;
  CallServices services_;
  FlatMap<CallId, std::unique_ptr<Call>, RandomBits> calls_;
  FlatMap<std::uint64_t, TagOwner, RandomBits> tags_;  // by the random part of our tags
  FlatMap<media::MediaLegId, TagOwner, SpreadBits> media_legs_;
  // Finished calls; destroyed by the next timer turn
  std::vector<CallId> finished_;
  // To other shards, that their mailboxes had no room for
  std::deque<std::pair<ShardId, reactor::Mail>> join_mail_;
  // State
  std::deque<telemetry::CallRecord> recent_;
  std::deque<std::string> drops_;
  std::shared_ptr<WireSink> wire_;
  struct Watch {
    std::string digits;
    Instant until;
  };
  std::vector<Watch> watches_;
  std::optional<CallId> tapped_call_;
  Instant last_media_failed_{}, last_alarm_{};
  std::vector<TappedPacket> tapped_;
  directory::DirectoryPtr directory_ = directory::Directory::none();  // never null
  bool stopping_ = false, ending_ = false, sweep_ = false, resting_ = false;
  Instant drops_second_{};
  std::uint32_t drops_in_second_ = 0;
};

}  // namespace causeway::call
