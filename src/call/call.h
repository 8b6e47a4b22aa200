// One call: its legs, the desired state that they exchange, and the reconciliation that makes them
// agree. Runs on the shard that owns the call. What outlives the object is in CallState.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "call/acceptable.h"
#include "call/body.h"
#include "call/crossing.h"
#include "call/early_dialogs.h"
#include "call/hunt.h"
#include "call/late_answers.h"
#include "call/local_media.h"
#include "call/meeting.h"
#include "call/redirect.h"
#include "call/refer.h"
#include "call/ruled.h"
#include "call/services.h"
#include "call/state.h"
#include "call/transfer.h"
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

// A From or To value without its tag and other header parameters.
[[nodiscard]] std::string party_of(const sip::NameAddr* a);

// A realm as the media plane wants it.
[[nodiscard]] media::RealmMedia realm_media(const deployment::Realm& realm);

// To whoever asked for media that cannot be: 488, or 503 where it is for want of room alone.
[[nodiscard]] constexpr int status_of(const Error& e) {
  return e.code == ErrorCode::kUnavailable ? 503 : 488;
}

// RSeq of a provisional answer that asks for a PRACK (RFC 3262 4); 0: it does not.
[[nodiscard]] std::uint32_t rseq_of(const sip::Message& m);

class Call final : reactor::TimerTarget, peers::LocatorClient {
 public:
  // Bounds on what one call may hold.
  static constexpr std::size_t kMaxAttempts = 32;
  static constexpr std::size_t kMaxHeldRequests = 8;
  static constexpr std::size_t kMaxUnsaid = 8;      // provisionals behind one without its PRACK
  static constexpr unsigned kMaxForks = 16;         // of one leg, that are hung up on
  static constexpr std::size_t kMaxLegs = 250;      // their ids fit an octet (user())
  static constexpr Millis kCancelWait{40'000};      // for the final answer after CANCEL
  static constexpr Seconds kAskAgain{5};            // for the next hop's name, after a failure
  static constexpr std::uint64_t kTargetToken = 2;  // of on_located(), above 32 bits
  static constexpr unsigned kMaxPutOff = 6;    // 491 to, or failures to send, one re-INVITE of ours
  static constexpr Seconds kSendAgain{2};      // after such a failure
  static constexpr unsigned kMostUnasked = 2;  // offers of ours in direct media, one after another
  static constexpr Seconds kUpdateWait{20};    // for the other side, before a peer's Timer F (32 s)
  static constexpr Seconds kStillRinging{60};  // RFC 3261 13.3.1.1: a proxy waits three minutes

  Call(CallServices& services, deployment::DeploymentPtr deployment, CallId id, Bucket bucket);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // The initial INVITE. `customer`: it counts there until the call is over. `ruled`: what rules
  // made of it; `invite` is that message, and the transaction has the one that came.
  void start(transport::TxId tx, const transport::Received& invite, policy::Decision decision,
             peers::Counted customer, std::vector<telemetry::Field> inputs, RuledInvite ruled);
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
  void on_keys(LegId leg, bool good, std::string_view how);
  void on_unchecked(LegId leg);
  void on_digit(LegId leg, std::uint8_t event, Micros duration);  // for this leg's peer, by message

  void on_digit_lost(LegId leg);
  void on_fax(LegId leg, tone::FaxTone tone);
  void on_fork_heard(LegId leg, std::string_view tag);

  // --- takeover.cc: what another call, or whoever calls now, asks of a dialog of this one
  // An INVITE of `old`'s group with Replaces (RFC 3891). False: `refusal`, and nothing has
  // happened.
  [[nodiscard]] bool take_over(LegId old, const NamedDialog& dialog, transport::TxId tx,
                               const transport::Received& r, const RuledInvite& ruled,
                               ReferRefusal& refusal);
  [[nodiscard]] JoinAnswer may_join(LegId old, const JoinQuestion& q) const;
  // On success the leg of the order is this call's, in the place of `old`.
  [[nodiscard]] JoinAnswer join(LegId old, JoinOrder& order);
  void on_join_answer(const JoinAnswer& answer);
  // `order`: null, or the leg that is this call's again.
  void on_joined(const JoinAnswer& answer, JoinOrder* order);

  // A new configuration is in force. False: a peer group or listener of this call is gone, and the
  // owner is to stop it.
  [[nodiscard]] bool adopt(const deployment::DeploymentPtr& next);

  // An operator ends it.
  void stop(TerminationClass what, std::string text);
  // ... what it has to do with peers that are `gone`. Of targets that ring side by side those are
  // given up, and the call goes on with the others.
  using PeerTest = std::function<bool(const std::string& group, const std::string& peer)>;
  void stop_at(const PeerTest& gone, TerminationClass what, const std::string& text);

  // Written down with all its media; only at a stable point.
  [[nodiscard]] bool stable() const;
  [[nodiscard]] CallState write_down();
  // Gives up sockets, tags and timers without a word to anybody: somebody else carries the call on.
  void let_go();

  [[nodiscard]] const CallState& state() const { return state_; }
  // Several targets are called at once, and nobody has answered yet.
  [[nodiscard]] bool forked() const { return hunts_.size() > 1; }
  // Of the legs that are not over, nor taken back.
  [[nodiscard]] std::vector<std::string> groups() const;
  [[nodiscard]] std::string group_of(LegId leg) const;  // empty: no such leg
  [[nodiscard]] std::string peer_of(LegId leg) const;   // empty: not known, or no such leg
  // Of a leg; null and empty when there is none of that id.
  [[nodiscard]] const deployment::Profile* profile_of(LegId id) const;
  [[nodiscard]] std::string local_tag(LegId id) const;
  void leave_refused(LateAnswers& late) const;  // the legs whose INVITE was refused
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
  // A re-INVITE is to change where media goes; `before`: state_.direct.
  struct AnchorChange {
    LegId by;
    bool before = false;
  };
  // Where a peer wants its media moved (place.cc).
  struct Move {
    bool internal = false;
    std::optional<media::LocalEnds> ends;  // named in the SDP that is on its way
    std::optional<ice::Credentials> ice;   // ... new ones in it
  };
  struct Leg {
    LegState s;
    deployment::GroupIndex group;
    deployment::ListenerIndex
        listener;    // in the configuration in force, which may be newer than ours
    Endpoint bound;  // ... its address
    Transport transport = Transport::kUdp;
    bool temporary = false;      // a fork that is only hung up
    bool news = false;           // direct media: the other side has not had its latest SDP
    bool passed_before = false;  // ... s.passed_on, should our offer be refused
    int rang_with = 0;           // ingress: the provisional answer that was passed on last
    const deployment::Profile* profile = nullptr;
    media::MediaLegId media;
    // Transactions; a zero id is none
    transport::TxId server_invite;  // the peer's INVITE, until our final answer is acknowledged
    bool answered = false;          // ... our 2xx to it is out
    // ... it came without SDP: our 2xx carries an offer, the ACK the answer
    bool offerless = false;
    bool offer_repeats = false;      // ... its offer says what the peer said last
    bool acknowledged = false;       // the ACK of the first 2xx came: BYE is allowed (RFC 3261 15)
    std::uint32_t invite_cseq = 0;   // ... CSeq of the INVITE, for the ACK
    Boxed<HeldRequest> bye_waiting;  // ... until then it waits here
    Boxed<sdp::RemoteOffer> offer;   // the peer's, not answered yet
    transport::TxId client_invite;   // ours, until its final answer
    bool cancelled = false;          // ... and CANCEL was sent
    bool reinvite = false;           // ... it is not the first
    bool for_far = false;            // ... it carries what the other side waits for
    bool repeats = false;            // ... it says again what is in force
    std::uint16_t put_off = 0;       // times in a row that it came to nothing for now
    bool answered_once = false;      // an answer of the peer is in `heard`
    bool previewed = false;          // an answer to the offer at hand was shown in a provisional
    Kept<sdp::MediaWish> told_before;  // ... what `told` is again when it is refused
    std::string ack_branch;  // of the ACK of our latest INVITE's 2xx, for one that comes again
    std::uint32_t ack_cseq = 0;
    std::uint16_t forks_hung_up = 0;
    bool refused_invite = false, answered_late = false;  // our first INVITE, and ... after that
    std::size_t answered_with = 0;  // ... a hash of that 2xx's body; 0: not known
    transport::TxId bye;
    transport::TxId liveness;               // OPTIONS within the dialog
    transport::TxId refresh;                // UPDATE without an offer
    Instant refreshed_at{}, tried_at{};     // as in s.session
    Boxed<SessionState> heard_session;      // of its request, until our 2xx
    std::vector<HeldRequest> held;          // wait for the next hop's address
    Boxed<transport::Destination> attempt;  // egress: where the INVITE goes, until it is answered
    Instant attempt_began;
    reactor::TimerId silence, progress, ring, retry, cancel_wait, look, still_ringing, session;
    reactor::TimerId update_wait;            // the peer's UPDATE must be answered in time
    std::unique_ptr<SaidReliably> reliable;  // ingress: the caller acknowledges what it is told
    EarlyDialogs early;                      // egress
    transport::TxId server_update;           // the peer's UPDATE with an offer, until our answer
    transport::TxId client_update;           // ours
    transport::TxId prack;                   // the latest
    std::string update_tag;                  // ... of which early dialog
    std::string media_of;                    // ... the one whose media is in force
    std::string talks;            // ... that packets came from last, where the gate minds
    bool locating = false;        // the next hop's address
    bool media_stale = false;     // ... `media_of` is to be put into force anew
    bool hop_unknown = false;     // the target of an early dialog: asked for when it is needed
    bool withheld = false;        // ingress: an SDP of the far side that it may not hear yet
    bool rings = false;           // ... it hears ringing of ours, or did
    bool hears = false;           // ... and the far side, or may
    bool early_header = false;    // ... it understands P-Early-Media (RFC 5009)
    std::string_view authorised;  // ... and was told this
    std::string shown_first;      // ... direct media: the first answer that a provisional had
    Boxed<telemetry::MediaSide> media_seen;    // when it is over
    Boxed<Move> place;                         // its peer wants its media elsewhere
    std::unique_ptr<ReferSubscription> refer;  // it asked for a transfer, and hears how it goes
    transport::TxId notify;
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
    kUpdateWait,
    kSession,
    kTransfer
  };

  // --- liveness.cc
  void watch_over(Leg& leg);
  void look_after(Leg& leg);
  void on_liveness_answer(Leg& leg, int status);  // 0: none came

  // --- session.cc
  [[nodiscard]] bool hear_session(Leg& leg, transport::TxId tx, const sip::Message& m);
  void agree_on_session(Leg& leg, const sip::Message& success);
  void ask_for_session(sip::Builder& b, const Leg& leg, bool initial) const;
  void refuse_session(Leg& leg, transport::TxId tx, const sip::Message& m);
  void restore_session(Leg& leg);
  void confirm_session(sip::Builder& b, const Leg& leg) const;
  void refreshed(Leg& leg);
  void watch_session(Leg& leg);
  void on_session_timer(Leg& leg);
  void on_refresh_answer(Leg& leg, int status, const sip::Message* m);
  [[nodiscard]] bool session_too_small(Leg& leg, int status, const sip::Message* m);
  [[nodiscard]] const SessionFloor& floor_of(const Leg& leg) const {
    const Hunt* h = hunt_of(leg);
    return h ? h->session : target_session_;
  }
  [[nodiscard]] bool ask_again_for_session(Leg& leg, const sip::Message& m);

  // --- setup.cc
  [[nodiscard]] bool take_first_offer(Leg& leg, transport::TxId tx, const sip::Message& m);
  void hear_late_answer(Leg& leg, std::string_view what);
  void on_initial_response(Leg& leg, const transport::Received& r);
  void on_success(Leg& leg, const transport::Received& r);
  void confirm(Leg& leg, const sip::Message& success);
  void tell_other_answer(const Leg& leg, std::string_view sdp, std::string_view holds);
  [[nodiscard]] Status take_final_answer(Leg& leg, std::string_view sdp);
  [[nodiscard]] Result<std::string> final_sdp(Leg& in, const Leg& out);
  void answer_ingress(const sip::Message& from_far);
  void refuse_caller(Leg& in, int status, int q850, const sip::Message* from_far);
  void fail_ingress(int status, int q850, const std::string& text, const sip::Message* from_far,
                    std::optional<TerminationClass> what = std::nullopt);
  void refuse(transport::TxId tx, const sip::Message& request, int status, int q850,
              const std::string& text, std::string_view label);

  // --- hunt.cc
  void start_hunt();
  void collect_ways(Hunt& h, const std::vector<deployment::GroupIndex>& targets);
  [[nodiscard]] Hunt* hunt_of(const Leg& leg);  // null: it is not the latest of any
  [[nodiscard]] const Hunt* hunt_of(const Leg& leg) const {
    return const_cast<Call*>(this)->hunt_of(leg);
  }
  void next_way(Hunt& h);
  [[nodiscard]] bool calls_for_help() const {
    return state_.emergency == policy::EmergencyClass::kEmergency;
  }
  [[nodiscard]] bool choose_way(Hunt& h);
  void try_destination(Hunt& h);
  Status send_initial_invite(const Hunt& h, Leg& leg);
  void leave_initial_invite(const Hunt& h, Leg& leg);
  void attempt_failed(Leg& leg, int status, const std::string& why, const sip::Message* response);
  void hunt_failed(Hunt& h, int status, const std::string& why, const sip::Message* response);
  void hunt_over(Hunt& h, HuntEnd end);
  void tell_caller(const HuntEnd& end);
  // --- forking.cc
  [[nodiscard]] static bool still_tried(const Leg* leg);
  [[nodiscard]] Hunt* branch_of(const Leg& leg);  // of several, and not over; null: none
  void start_fork();
  void begin_branches();
  void branch_over(Hunt& h, HuntEnd end);
  void end_other_branches(const Hunt& stays, std::string_view reason);
  void branch_answered(const Leg& leg);
  void branch_rang(Leg& leg, bool with_sdp);
  void branch_heard(const Leg& leg);
  [[nodiscard]] bool goes_before(const Hunt& a, const Hunt& b);
  void choose_branch();
  void make_current(Leg& out);

  // --- early.cc
  void agree_on_reliability(Leg& in);
  void on_provisional(Leg& leg, const transport::Received& r);
  [[nodiscard]] bool take_in_order(Leg& leg, const sip::Message& m);
  [[nodiscard]] bool hear_provisional(Leg& leg, const sip::Message& m, bool reliable);
  void hear_again(Leg& leg);
  void hear_answer_again(Leg& leg);
  // --- early_media.cc
  [[nodiscard]] bool ring(Leg& in);
  void use_gate(const Leg& out, const Leg& in);
  [[nodiscard]] bool trusts_header(const Leg& leg) const;
  void hear_authorisation(Leg& out, const sip::Message& m, std::string_view tag);
  void choose_fork(Leg& out, const std::string& before);
  void let_fork_go(Leg& out, const std::string& tag);
  void on_fork_ended(Leg& out, const sip::Message& m);
  [[nodiscard]] bool ends_in_order(Leg& out, const sip::Message& m);
  [[nodiscard]] bool may_show_sdp(Leg& in, const Leg& out, bool with_sdp);
  [[nodiscard]] bool shape_forwarding(const Leg& in, int& status, bool& with_sdp);
  [[nodiscard]] std::string_view authorisation_for(const Leg& in) const;
  void tell_authorisation(Leg& out);
  void settle_early(Leg& out);
  [[nodiscard]] bool passes_image(const Leg& a, const Leg& b) const;
  void tell_path();
  void tell_changed_path();  // where it is another than was told last
  void use_image(const Leg& leg, const sdp::RemoteMedia& remote);
  [[nodiscard]] Status open_image(const Leg& leg, sdp::LocalMedia& local);
  [[nodiscard]] static int image_shape(const sdp::MediaWish& wish);
  [[nodiscard]] Result<sdp::MediaWish> answer_towards(const Leg& leg,
                                                      const sdp::MediaWish& other_heard,
                                                      sdp::HoldForm other_hold);
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
  [[nodiscard]] sdp::MediaWish asked_by(const Leg& leg) const;
  bool send_offer(Leg& to, const sdp::MediaWish& wish, bool for_far);
  void send_sdp(Leg& to, const std::string& sdp, bool for_far);
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
  void give_up_offer(Leg& leg, const Kept<sdp::MediaWish>& refused, int status,
                     const std::string& why);
  void on_offer_unsent(Leg& leg, const Error& reason);

  // --- transfer.cc
  void on_refer(Leg& leg, transport::TxId tx, const transport::Received& r);
  [[nodiscard]] bool may_refer(const Leg& leg, const transport::Received& r, Refer& refer,
                               ReferRefusal& refusal);
  [[nodiscard]] bool is_ours(const NamedDialog& dialog) const;
  void refuse_refer(Leg& leg, transport::TxId tx, const sip::Message& m,
                    const ReferRefusal& refusal);
  void accept_refer(Leg& leg, transport::TxId tx, const sip::Message& m, const Refer& refer);
  void tell_transferor(int status, std::string_view reason);
  void send_notify(Leg& leg);
  void on_notified(Leg& leg, int status);  // 0: no answer came
  [[nodiscard]] bool transferring() const {
    return transfer_ && transfer_->phase != Transfer::Phase::kDone;
  }
  [[nodiscard]] bool is_target(const Leg& leg) const {
    return transfer_ && leg.s.id == transfer_->target;
  }
  // It has gone, or is going, though the call may go on with another in its place.
  [[nodiscard]] bool leaving(const Leg& leg) const {
    return was_terminated_ || leg.s.phase == LegPhase::kEnding || leg.s.phase == LegPhase::kEnded;
  }
  [[nodiscard]] bool is_transferor(const Leg& leg) const {
    return transfer_ && leg.s.id == transfer_->transferor;
  }
  void put_in_place(LegId old, LegId now);
  void remember_transfer(LegId old, LegId now, std::string by, std::string to, std::string id);
  void call_target();
  void next_target();
  void on_target_located(Result<std::vector<transport::Destination>> where);
  void try_target();
  [[nodiscard]] std::string session_id_for(const Leg& target, const Leg& waiting) const;
  Status send_target_invite(Leg& leg);
  void leave_target_invite(Leg& leg);
  void target_rings(const sip::Message& m, int status, bool with_sdp);
  void target_failed(int status, const std::string& why);
  void target_answered(Leg& leg, const transport::Received& r);
  void ring_waiting();
  void attend_transfer();
  void transfer_failed(int status, const std::string& why);
  void transferor_left(const std::string& why);
  // Was the transfer what it concerned? Then it has been dealt with.
  [[nodiscard]] bool bye_in_transfer(Leg& leg, transport::TxId tx, const transport::Received& r);
  void finish_transfer();
  void end_transferor(Leg& leg);
  void give_up_transfer();
  void on_transfer_timer();

  // --- takeover.cc
  void move_waiting();
  [[nodiscard]] Leg& begin_taker(const Leg& old, transport::TxId tx, const transport::Received& r,
                                 const RuledInvite& ruled);
  [[nodiscard]] bool hear_taker(Leg& taker, const sip::Message& m);
  [[nodiscard]] bool answer_taker(Leg& taker, const sip::Message& m);
  void take_ringing_place(Leg& old, Leg& taker, const sip::Message& m);
  void place_leg(Leg& leg, deployment::GroupIndex group);  // from its names
  [[nodiscard]] Status restore_leg(Leg& leg);
  [[nodiscard]] bool at_rest(const Leg& leg) const;

  // --- redirect.cc
  [[nodiscard]] bool follow_redirect(Leg& leg, const sip::Message& m);
  void take_redirect(Hunt& h);
  [[nodiscard]] std::optional<Redirected> way_of_contact(const Leg& leg,
                                                         const std::string& uri) const;
  [[nodiscard]] bool pass_redirect(const Leg& leg, const sip::Message& m);

  // --- media.cc
  void media_alarm(const Leg& leg, const std::string& what);
  [[nodiscard]] Status begin_media(Leg& leg);
  [[nodiscard]] Status open_media(Leg& leg);
  void close_media(Leg& leg);
  [[nodiscard]] sdp::LocalMedia local_media(const Leg& leg) const;
  void apply_media(Leg& leg, const sdp::RemoteMedia& remote,
                   const std::optional<sdp::Crypto>& chosen_theirs,
                   std::optional<sdp::DtlsSetup> our_setup);
  void note_media_of(Leg& leg);
  void join_media();
  void fill_silence();  // towards peers whose profile wants it
  [[nodiscard]] Result<sdp::MediaWish> wish_for(const Leg& to, const sdp::MediaWish& from,
                                                const Leg& source) const;
  // --- place.cc
  [[nodiscard]] const deployment::Realm& media_realm(const Leg& leg, bool internal) const;
  [[nodiscard]] std::string_view user_of(const Leg& leg) const;
  void choose_place(Leg& leg, const sip::Message* invite);
  void hear_place(Leg& leg, const sip::Message& m);
  [[nodiscard]] bool must_move(const Leg& leg) const;
  void begin_move(Leg& leg, bool restart);
  void finish_move(Leg& leg);
  void drop_move(Leg& leg, bool again);
  // --- direct.cc
  [[nodiscard]] std::string gateway_beside(const Leg& leg) const;
  [[nodiscard]] std::string record_route(const Leg& leg) const;  // empty: none is due
  void begin_direct(const Leg& in, const UserPlace& place);
  void change_anchor(Leg& leg, const UserPlace& place);
  [[nodiscard]] Status anchor(std::string_view why);
  void leave_media();
  void settle_anchor(const Leg& by);
  void restore_anchor(const Leg& by);
  [[nodiscard]] Result<std::string> pass_offer(Leg& to, const sdp::MediaWish& wish);
  [[nodiscard]] Result<std::string> pass_answer(Leg& to, const sdp::MediaWish& wish,
                                                sdp::AnswerKind kind);
  [[nodiscard]] bool must_pass_on(const Leg& to) const;
  void correct_shown(Leg& to, std::string_view final);
  void ask_once_more(Leg& to);
  void pass_again(const Leg& to);
  [[nodiscard]] bool other_offer_waits(const Leg& leg) const;
  // --- fax.cc
  [[nodiscard]] bool plain_enough(const Leg& leg) const;
  void adapt_agreed(Leg& leg, media::LegMedia& agreed) const;
  // --- hold_music.cc
  [[nodiscard]] sdp::MediaWish with_music(sdp::MediaWish wish, const Leg& to) const;
  void play_on_hold(const Leg& leg);
  // --- coding_room.cc
  [[nodiscard]] CodingRoom coding_room(const Leg& a, const Leg& b) const;
  void keep_coding_room(const Leg& to, const sdp::MediaWish& offered);
  // Why an offer of plain RTP or of SRTP cannot be taken from this peer (TDM-01); empty: it can.
  [[nodiscard]] std::string wrong_media(const Leg& leg, const sdp::RemoteOffer& offer);
  [[nodiscard]] std::string wrong_family(const Leg& leg, const sdp::RemoteMedia& remote);
  [[nodiscard]] sdp::MediaWish default_wish(const Leg& leg) const;
  void take_wish(Leg& leg, const sdp::RemoteOffer& answer);
  [[nodiscard]] Status use_answer(Leg& leg, const sdp::RemoteOffer& answer);
  [[nodiscard]] Status use_offer(Leg& leg, const sdp::RemoteOffer& offer);
  [[nodiscard]] Status use_last(Leg& leg);
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
  // How numbers from one leg are written for the other; never in a call for help (EM-02).
  [[nodiscard]] NumberForms forms(const Leg& from, const Leg& to) const;
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
  // --- ruled.cc
  [[nodiscard]] rules::Facts rule_facts(const Leg& leg, rules::Direction direction) const;
  void tell_changes(const Leg& leg, rules::Direction direction,
                    const std::vector<rules::Change>& changes);
  // What came, as the rules of its peer's profile make it; none: it is as it came.
  [[nodiscard]] std::optional<transport::Received> enter(const Leg& leg,
                                                         const transport::Received& r);
  // What is about to be sent goes through the rules of its peer's profile, and into the trail.
  void leave(Leg& leg, std::string& bytes);
  void rule_out(Leg& leg, std::string& bytes);
  // The pending request itself: answers name the parties as it did.
  [[nodiscard]] const sip::Message& as_it_came(transport::TxId tx,
                                               const sip::Message& request) const;

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
  std::unique_ptr<sip::Message> invite_;  // of the caller
  std::vector<BodyPart> invite_parts_;    // views into invite_
  std::unique_ptr<policy::Decision> decision_;
  std::unique_ptr<sip::Message> success_;     // of the far side; the caller's PRACK comes first
  std::vector<std::unique_ptr<Hunt>> hunts_;  // until the call is answered
  Boxed<HuntEnd> best_;                       // of those that are over, where there are several
  std::uint32_t branch_events_ = 0;
  // It is in progress there: on the side of the caller, and of the peer that talks
  peers::Counted from_, towards_, customer_;
  std::unique_ptr<Transfer> transfer_;   // null: none is under way
  std::vector<std::string> redirected_;  // Request-URIs that 3xx answers led to
  std::optional<AnchorChange> anchor_change_;
  unsigned passed_unasked_ = 0;
  std::size_t path_told_ = 0;  // its hash; 0: none yet
  std::size_t attempts_ = 0;
  Instant hunt_deadline_{};
  SessionFloor target_session_;  // of those that it is transferred to
  bool finished_ = false, was_terminated_ = false, let_go_ = false;
  bool leg_away_ = false;  // on its way to another call, which may not take it
};

}  // namespace causeway::call
