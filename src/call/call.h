// One call: its legs, the desired state that they exchange, and the reconciliation that makes them
// agree. Runs on the shard that owns the call. What outlives the object is in CallState.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "call/acceptable.h"
#include "call/body.h"
#include "call/early_dialogs.h"
#include "call/services.h"
#include "call/state.h"
#include "media/media_plane.h"
#include "peers/admission.h"
#include "peers/dialect.h"
#include "peers/locator.h"
#include "peers/peer_table.h"
#include "sip/tag.h"
#include "telemetry/counters.h"
#include "telemetry/record.h"
#include "telemetry/trail.h"
#include "transport/transaction_layer.h"

namespace causeway::call {

// The direction that this dialect can express for a wish (TDR-93).
[[nodiscard]] sdp::Direction expressed(sdp::Direction d, const sdp::Dialect& dialect);

// A realm as the media plane wants it.
[[nodiscard]] media::RealmMedia realm_media(const deployment::Realm& realm);

class Call final : reactor::TimerTarget, peers::LocatorClient {
 public:
  // Bounds on what one call may hold.
  static constexpr std::size_t kMaxAttempts = 32;
  static constexpr std::size_t kMaxHeldRequests = 8;
  static constexpr std::size_t kMaxUnsaid = 8;  // provisionals behind one without its PRACK
  static constexpr unsigned kMaxForks = 16;     // of one leg, that are hung up on
  static constexpr Millis kCancelWait{40'000};  // for the final answer after CANCEL
  static constexpr Seconds kAskAgain{5};        // for the next hop's name, after a failure
  static constexpr unsigned kMaxPutOff = 6;    // 491 to, or failures to send, one re-INVITE of ours
  static constexpr Seconds kSendAgain{2};      // after such a failure
  static constexpr Seconds kUpdateWait{20};    // for the other side, before a peer's Timer F (32 s)
  static constexpr Seconds kStillRinging{60};  // RFC 3261 13.3.1.1: a proxy waits three minutes

  Call(CallServices& services, deployment::DeploymentPtr deployment, CallId id, Bucket bucket);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // The initial INVITE.
  void start(transport::TxId tx, const transport::Received& invite,
             const policy::Decision& decision, std::vector<telemetry::Field> inputs = {});
  // From its written form; kUnavailable when a peer group is gone or a port is taken. Then it is a
  // call all the same, as far as stop() needs it.
  [[nodiscard]] Status restore(CallState state);

  // Messages of one of our dialogs.
  void on_request(LegId leg, transport::TxId tx, const transport::Received& r);
  void on_ack(LegId leg, const transport::Received& r);
  void on_cancel(LegId leg, const sip::Message& cancel);
  void on_response(LegId leg, transport::TxId tx, const transport::Received& r);
  void on_stray_response(LegId leg, const transport::Received& r);
  void on_request_failed(LegId leg, transport::TxId tx, const Error& reason);
  void on_no_ack(LegId leg, transport::TxId tx);
  void on_layer_message(LegId leg, bool outgoing, std::string_view bytes);
  void on_media_started(LegId leg);
  void on_media_lost(LegId leg);
  void on_media_quiet();
  void on_one_way(LegId leg);
  void on_digit(LegId leg, std::uint8_t event, Micros duration);  // for this leg's peer, by message

  // A new configuration is in force. False: a peer group or listener of this call is gone, and the
  // owner is to stop it.
  [[nodiscard]] bool adopt(const deployment::DeploymentPtr& next);

  // An operator ends it.
  void stop(TerminationClass what, std::string text);

  // Written down with all its media; only at a stable point.
  [[nodiscard]] bool stable() const;
  [[nodiscard]] CallState write_down();
  // Gives up sockets, tags and timers without a word to anybody: somebody else carries the call on.
  void let_go();

  [[nodiscard]] const CallState& state() const { return state_; }
  [[nodiscard]] std::vector<std::string> groups() const;
  [[nodiscard]] bool uses_peer(std::string_view name) const;
  [[nodiscard]] std::string peer_of(LegId leg) const;  // empty: not known, or no such leg
  // Of a leg; null and empty when there is none of that id.
  [[nodiscard]] const deployment::Profile* profile_of(LegId id) const;
  [[nodiscard]] std::string local_tag(LegId id) const;
  void tap_media(bool on);
  [[nodiscard]] std::string path_in_words() const;

  // The owner's notes: is it counted as load, and how its trail is kept (TrailStore::Outcome).
  bool counted = false;
  int outcome = 0;

 private:
  struct HeldRequest {
    std::string bytes, branch;
    sip::Method method;
  };
  // Reliable provisional answers to a caller (RFC 3262 3).
  struct SaidReliably {
    struct Unsaid {
      std::string bytes;
      int status;
      std::uint32_t rseq;
      bool sdp;
    };
    sip::ReliableSender sender;
    Unsaid said;                // the last one that left
    std::vector<Unsaid> later;  // wait for its PRACK
    std::uint32_t numbered = 0;
    reactor::TimerId timer;
    [[nodiscard]] bool sdp_open() const {
      return (sender.waits && said.sdp) ||
             std::any_of(later.begin(), later.end(), [](const Unsaid& u) { return u.sdp; });
    }
  };
  struct Leg {
    LegState s;
    deployment::GroupIndex group;
    deployment::ListenerIndex
        listener;    // in the configuration in force, which may be newer than ours
    Endpoint bound;  // ... its address
    Transport transport = Transport::kUdp;
    const deployment::Profile* profile = nullptr;
    media::MediaLegId media;
    // Transactions; a zero id is none
    transport::TxId server_invite;  // the peer's INVITE, until our final answer is acknowledged
    bool answered = false;          // ... our 2xx to it is out
    bool offerless =
        false;  // ... it came without SDP: our 2xx carries an offer, the ACK the answer
    std::uint32_t invite_cseq = 0;  // ... its CSeq, for the ACK
    bool acknowledged = false;      // the ACK of the first 2xx came: BYE is allowed (RFC 3261 15)
    std::string bye_waiting, bye_branch;        // ... until then it waits here
    Boxed<sdp::RemoteOffer> offer;              // ... the peer's offer, not answered yet
    transport::TxId client_invite;              // ours, until its final answer
    bool cancelled = false;                     // ... and CANCEL was sent
    bool reinvite = false;                      // ... it is not the first
    bool for_far = false;                       // ... it carries what the other side waits for
    std::optional<sdp::MediaWish> told_before;  // ... what `told` is again when it is refused
    unsigned put_off = 0;                       // times in a row that it came to nothing for now
    bool temporary = false;                     // a fork that is only hung up
    std::string ack_branch;  // of the ACK of our latest INVITE's 2xx, for one that comes again
    std::uint32_t ack_cseq = 0;
    unsigned forks_hung_up = 0;
    transport::TxId bye;
    transport::TxId liveness;       // OPTIONS within the dialog
    bool answered_once = false;     // an answer of the peer is in `heard`
    std::vector<HeldRequest> held;  // wait for the next hop's address
    bool locating = false;
    transport::Destination attempt;  // egress: where the INVITE went
    Instant attempt_began;
    bool said_something = false;
    reactor::TimerId silence, progress, ring, retry, cancel_wait, look, still_ringing;
    reactor::TimerId update_wait;  // the peer's UPDATE must be answered in time
    int rang_with = 0;             // ingress: the provisional answer that was passed on last
    std::unique_ptr<SaidReliably> reliable;  // ingress: the caller acknowledges what it is told
    EarlyDialogs early;                      // egress
    transport::TxId server_update;           // the peer's UPDATE with an offer, until our answer
    transport::TxId client_update;           // ours
    std::string update_tag;                  // ... of which early dialog
    bool hop_unknown = false;  // the target of an early dialog: asked for when it is needed
    telemetry::MediaSide media_seen;
    std::vector<std::pair<std::uint8_t, std::uint16_t>> digits;  // event and ms; wait for ...
    transport::TxId digit_tx;                                    // ... the one before
    [[nodiscard]] bool confirmed() const { return s.phase == LegPhase::kConfirmed; }
    // Offers can be made in it: confirmed, or early with a first answer that is in force.
    [[nodiscard]] bool settled() const {
      return confirmed() || (s.phase == LegPhase::kEarly && s.offer_answer.agreed);
    }
    // An offer of the peer waits for our answer, and not in the first INVITE.
    [[nodiscard]] bool awaits() const {
      return server_update.value != 0 || (confirmed() && server_invite.value != 0 && !answered &&
                                          (offerless || offer.has_value()));
    }
    [[nodiscard]] bool busy() const {
      return (confirmed() && (server_invite.value != 0 || client_invite.value != 0)) ||
             server_update.value != 0 || client_update.value != 0 || !held.empty() ||
             (!confirmed() && reliable && reliable->sender.waits);
    }
    // A re-INVITE or UPDATE of ours is out, or about to be.
    [[nodiscard]] bool asks() const {
      return (confirmed() && client_invite.value != 0) || client_update.value != 0 ||
             std::any_of(held.begin(), held.end(), [](const HeldRequest& h) {
               return h.method == sip::Method::kInvite || h.method == sip::Method::kUpdate;
             });
    }
  };
  enum class TimerKind : std::uint8_t {
    kSilence,
    kProgress,
    kRing,
    kRetry,
    kCancelWait,
    kReinvite,
    kLook,
    kStillRinging,
    kReliable,
    kUpdateWait
  };

  // --- liveness.cc
  void watch_over(Leg& leg);
  void look_after(Leg& leg);
  void on_liveness_answer(Leg& leg, int status);  // 0: none came

  // --- setup.cc
  [[nodiscard]] bool take_first_offer(Leg& leg, transport::TxId tx, const sip::Message& m);
  void start_hunt(const policy::Decision& decision);
  void next_way();
  [[nodiscard]] bool choose_way();
  void try_destination();
  Status send_initial_invite(Leg& leg, deployment::PeerIndex peer);
  void attempt_failed(Leg& leg, int status, const std::string& why, const sip::Message* response);
  void on_initial_response(Leg& leg, const transport::Received& r);
  void on_success(Leg& leg, const transport::Received& r);
  void confirm(Leg& leg, const sip::Message& success);
  [[nodiscard]] Status take_final_answer(Leg& leg, std::string_view sdp);
  [[nodiscard]] Result<std::string> final_sdp(Leg& in, const Leg& out);
  void answer_ingress(const sip::Message& from_far);
  void fail_ingress(int status, int q850, const std::string& text, const sip::Message* from_far,
                    std::optional<TerminationClass> what = std::nullopt);
  void refuse(transport::TxId tx, const sip::Message& request, int status, int q850,
              const std::string& text, std::string_view label);

  // --- early.cc
  void agree_on_reliability(Leg& in);
  void on_provisional(Leg& leg, const transport::Received& r);
  [[nodiscard]] bool take_in_order(Leg& leg, const sip::Message& m);
  [[nodiscard]] bool hear_provisional(Leg& leg, const sip::Message& m, bool reliable);
  void pass_provisional(const sip::Message& from_far, int status, bool with_sdp);
  [[nodiscard]] std::string early_sdp(Leg& in, const Leg& out, bool with_sdp);
  void say_provisional(Leg& in, int status, const sip::Message* from_far, const Body& body);
  void say_still_ringing(Leg& in);
  void say_next(Leg& in);
  void on_reliable_timer(Leg& in);
  void send_prack(Leg& leg, std::uint32_t rseq, std::uint32_t invite_cseq);
  void on_prack(Leg& leg, transport::TxId tx, const transport::Received& r);
  [[nodiscard]] bool answer_prack(Leg& leg, transport::TxId tx, const sip::Message& m,
                                  std::string_view sdp);

  // --- dialog.cc
  void dispatch(Leg& leg, transport::TxId tx, const transport::Received& r);
  void on_reinvite(Leg& leg, transport::TxId tx, const transport::Received& r);
  void on_update(Leg& leg, transport::TxId tx, const transport::Received& r);
  [[nodiscard]] bool hear_offer(Leg& leg, std::string_view sdp, sdp::Carrier carrier, int& status,
                                std::string& why);
  void on_bye(Leg& leg, transport::TxId tx, const transport::Received& r);
  void reconcile();
  [[nodiscard]] sdp::Direction reaching(const Leg& to, sdp::Direction wish) const;
  [[nodiscard]] bool must_offer(const Leg& to, const sdp::MediaWish& wish) const;
  [[nodiscard]] sdp::MediaWish wanted_by(const Leg& leg) const;
  bool send_offer(Leg& to, const sdp::MediaWish& wish, bool for_far);
  [[nodiscard]] bool from_its_group(Leg& leg, const transport::Received& r);
  [[nodiscard]] static bool allows(const Leg& leg, std::string_view method);
  bool refuse_extensions(Leg& leg, transport::TxId tx, const sip::Message& request);
  void on_digit_message(Leg& leg, transport::TxId tx, const transport::Received& r);
  void send_digit(Leg& leg, std::uint8_t event, std::uint16_t milliseconds);
  void send_next_digit(Leg& leg);
  void refuse_naming(Leg& leg, transport::TxId tx, const sip::Message& request,
                     const Unacceptable& why);
  // The SDP of a request in the dialog, empty without one. nullopt: it cannot be understood, and
  // was refused.
  [[nodiscard]] std::optional<std::string_view> sdp_in(Leg& leg, transport::TxId tx,
                                                       const sip::Message& request);
  void on_reinvite_response(Leg& leg, const transport::Received& r);
  void on_update_response(Leg& leg, const transport::Received& r);
  void on_update_unanswered(Leg& leg, int status);
  void on_offer_refused(Leg& leg, int status);
  void refuse_overlap(Leg& leg, transport::TxId tx, const sip::Message& request, int status);
  [[nodiscard]] static bool can_offer(const Leg& to);
  [[nodiscard]] static bool peer_allows(const Leg& leg, sip::Method method) {
    return (leg.s.dialog.allow >> static_cast<unsigned>(method)) & 1U;
  }
  void answer_offer(Leg& leg, const sdp::MediaWish& other_heard, sdp::HoldForm other_hold);
  void refuse_offer(Leg& leg, int status, const std::string& text);
  void schedule_retry(Leg& leg);
  void give_up_offer(Leg& leg, const std::optional<sdp::MediaWish>& refused, int status,
                     const std::string& why);
  void on_offer_unsent(Leg& leg, const Error& reason);

  // --- media.cc
  [[nodiscard]] Status open_media(Leg& leg);
  void close_media(Leg& leg);
  [[nodiscard]] sdp::LocalMedia local_media(const Leg& leg) const;
  void apply_media(Leg& leg, const sdp::RemoteMedia& remote,
                   const std::optional<sdp::Crypto>& chosen_theirs);
  void join_media();
  void fill_silence();  // towards peers whose profile wants it
  [[nodiscard]] Result<sdp::MediaWish> wish_for(const Leg& to, const sdp::MediaWish& from,
                                                const Leg& source) const;
  // Why an offer of plain RTP or of SRTP cannot be taken from this peer (TDM-01); empty: it can.
  [[nodiscard]] std::string wrong_media(const Leg& leg, const sdp::RemoteOffer& offer);
  [[nodiscard]] std::string wrong_family(const Leg& leg, const sdp::RemoteMedia& remote);
  [[nodiscard]] sdp::MediaWish default_wish(const Leg& leg) const;
  [[nodiscard]] Status use_answer(Leg& leg, const sdp::RemoteOffer& answer);
  [[nodiscard]] Status take_answer(Leg& leg, std::string_view sdp, sdp::AnswerKind kind);
  [[nodiscard]] Result<std::string> make_answer(Leg& leg, const sdp::MediaWish& other_heard,
                                                sdp::HoldForm other_hold, sdp::AnswerKind kind);
  [[nodiscard]] Result<std::string> make_offer(Leg& leg, const sdp::MediaWish& wish);

  // --- messages.cc
  [[nodiscard]] Leg& leg(LegId id) { return *legs_[id.value - 1]; }
  [[nodiscard]] Leg* find_leg(LegId id);
  [[nodiscard]] Leg* other(const Leg& leg);
  [[nodiscard]] const Leg* other(const Leg& leg) const {
    return const_cast<Call*>(this)->other(leg);
  }
  void use_listener(Leg& leg, deployment::ListenerIndex listener);
  Leg& add_leg(bool ingress, deployment::GroupIndex group);
  [[nodiscard]] peers::LocalSide side(const Leg& leg) const;
  void copy_crossing(sip::Builder& b, const sip::Message& from_far, const Leg& to);
  [[nodiscard]] sip::Owner owner() const { return {deployment_->operation.node, state_.bucket}; }
  [[nodiscard]] bool trusted(const Leg& leg) const { return deployment_->group(leg.group).trusted; }
  [[nodiscard]] std::uint64_t user(const Leg& leg) const {
    return (state_.id.value << 8) | leg.s.id.value;
  }
  void learn_dialog(Leg& leg, const sip::Message& m, bool uac);
  void learn_target(Leg& leg, const sip::Message& m);
  void find_next_hop(Leg& leg);
  void refresh_next_hop(Leg& leg);
  [[nodiscard]] WallTime wall_of(Instant expires) const;
  [[nodiscard]] bool believed(const Leg& leg, const IpAddress& address) const;
  [[nodiscard]] std::optional<deployment::PeerIndex> peer_of_hop(const Leg& leg) const;
  [[nodiscard]] transport::Destination destination(const Leg& leg) const;
  [[nodiscard]] sip::Builder in_dialog(Leg& leg, sip::Method method, std::string_view branch,
                                       std::uint32_t cseq) const;
  transport::TxId send_in_dialog(Leg& leg, sip::Method method, std::string bytes,
                                 const std::string& branch);
  void send_ack(Leg& leg, std::uint32_t cseq);
  void respond(Leg& leg, transport::TxId tx, const sip::Message& request, int status,
               const sip::Message* from_far, const Body& body, int q850, std::string_view why);
  [[nodiscard]] std::string response_text(const Leg& leg, const transport::Flow& flow,
                                          const sip::Message& request, int status,
                                          const sip::Message* from_far, const Body& body, int q850,
                                          std::string_view why, std::uint32_t rseq = 0);
  void simple_response(Leg& leg, transport::TxId tx, const sip::Message& request, int status,
                       std::string_view why);
  void tell(telemetry::EventKind kind, const Leg* leg, std::string_view text);
  void record_message(const Leg& leg, bool in, std::string_view bytes);
  [[nodiscard]] telemetry::Trail* trail();

  // --- end.cc
  void terminate(Termination t, Leg* by, const sip::Message* reason_of);
  void end_leg(Leg& leg, const sip::Message* reason_of);
  void send_bye(Leg& leg, const sip::Message* reason_of);
  void send_waiting_bye(Leg& leg);
  void cancel_attempt(Leg& leg, std::string_view reason);
  void leg_ended(Leg& leg);
  void finish_if_done();
  [[nodiscard]] telemetry::CallRecord make_record();
  void stop_timer(reactor::TimerId& id);
  void start_timer(reactor::TimerId& id, Micros in, TimerKind kind, const Leg& leg);

  void on_timer(std::uint64_t token, Instant now) override;
  void on_located(std::uint64_t token, Result<std::vector<transport::Destination>> where) override;

  // Borrowed
  CallServices& services_;
  // Owned
  deployment::DeploymentPtr deployment_;
  CallState state_;
  std::vector<std::unique_ptr<Leg>> legs_;
  // While the call is being set up
  std::unique_ptr<sip::Message> invite_;   // of the caller
  std::vector<BodyPart> invite_parts_;     // views into invite_
  std::unique_ptr<sip::Message> success_;  // of the far side; the caller's PRACK comes first
  struct Way {
    deployment::GroupIndex group;
    deployment::PeerIndex peer;
  };
  std::vector<Way> ways_;                             // the next one last
  std::vector<transport::Destination> destinations_;  // of the peer being tried, the next one last
  Way way_{};
  Boxed<policy::Refusal> full_;  // why the latest peer was passed over
  // It is in progress there: on the side of the caller, and of the peer that is tried or talks
  peers::Counted from_, towards_;
  std::size_t attempts_ = 0;
  Instant hunt_deadline_{};
  int last_status_ = 0;
  std::string last_why_;
  bool finished_ = false, was_terminated_ = false, let_go_ = false;
};

}  // namespace causeway::call
