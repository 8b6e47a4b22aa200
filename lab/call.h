// One call as one lab peer sees it: a dialog, its media, the steps it takes, and all the facts that
// a verdict needs. Lab thread; owned by its Agent.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/checks.h"
#include "lab/ice_agent.h"
#include "lab/media_session.h"
#include "lab/number_plan.h"
#include "lab/sdp_text.h"
#include "lab/sip_port.h"
#include "lab/sip_text.h"

namespace causeway::lab {

class Agent;

enum class Known : std::uint8_t { kNo, kYes, kUnknown };

// From `at` on we send, and want to receive.
struct Phase {
  Instant at;
  Known sends = Known::kUnknown, receives = Known::kUnknown;
};

struct CallFacts {
  std::string label, number, from;
  Side side = Side::kOperator;
  bool caller = true;
  Instant started;
  std::optional<Instant> ringing, early_sdp, answered, confirmed, ended;
  int final_status = 0;        // of the first INVITE; 0: none yet
  std::string failure_reason;  // Reason header of a failure
  bool cancelled = false, hung_up_by_us = false, hung_up_by_them = false;
  int provisionals = 0;                                       // 18x sent or received
  int holds_taken = 0, refreshes_taken = 0, offers_made = 0;  // re-INVITEs from and to the gateway
  std::string asserted_identity;                              // as it came
  int refer_status = 0;                                       // of the answer to our REFER
  std::vector<int> transfer_told;                             // statuses that NOTIFY told of
  std::string refer_to, referred_by;                          // as we wrote them
  std::optional<Instant> transfer_ended;                      // NOTIFY told of a final status
  std::string contact_host;                                   // of the other side's INVITE
  // ICE, of media bypass
  bool ice_agreed = false, ice_path = false, ice_final_answered = false, ice_restarted = false;
  bool place_answered = false, place_first = false, moved = false;  // Local Media Optimization
  bool dtls_answered = false;                                       // an offer of SDES beside DTLS
  std::size_t escalated = 0;  // media goes through the so many-eth of its escalations
  bool beside = false;        // Contact named the gateway behind the gateway
  IceFacts ice;
  std::vector<Phase> phases;
  Violations violations;
  std::vector<std::string> troubles;  // what went wrong and is no breach of a requirement
};

class Call {
 public:
  Call(Agent& agent, std::uint64_t serial, bool caller, std::string label, std::string number,
       std::string from, Behaviour behaviour, std::size_t site);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // `replaces`: value of that header, if any.
  void place(const Flow& flow, const std::string& replaces = {});
  void on_invite(const SipMessage& m, const Flow& flow, const std::string& transaction);
  void on_request(const SipMessage& m, const std::string& transaction);  // within the dialog
  void on_ack(const SipMessage& m);
  void on_response(const SipMessage& request, const SipMessage& m);
  void on_timeout(const SipMessage& request);
  void hang_up(const std::string& reason = {});
  void violation(const Violations& v);
  void trouble(const std::string& what);

  [[nodiscard]] bool ended() const { return state_ == State::kEnded; }
  [[nodiscard]] bool talking() const { return state_ == State::kTalking; }
  [[nodiscard]] const CallFacts& facts() const { return facts_; }
  [[nodiscard]] const Behaviour& behaviour() const { return behaviour_; }
  [[nodiscard]] const MediaSession* media() const { return media_.get(); }
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  [[nodiscard]] const std::string& call_id() const { return call_id_; }
  [[nodiscard]] std::size_t site() const { return site_; }
  [[nodiscard]] const std::string& local_tag() const { return local_tag_; }
  [[nodiscard]] const std::string& contact_token() const { return contact_token_; }
  [[nodiscard]] const SipMessage& invite() const { return invite_; }
  [[nodiscard]] bool inside() const { return inside_; }  // the user, with Local Media Optimization

 private:
  enum class State : std::uint8_t { kNew, kCalling, kCalled, kTalking, kEnding, kEnded };

  // call.cc: signalling
  [[nodiscard]] SipMessage in_dialog(const std::string& method);
  void send_in_dialog(SipMessage m);
  void send_ack(unsigned cseq, const std::string& sdp);
  void on_invite_response(const SipMessage& m);
  void on_answer(const SipMessage& m);
  void on_reinvite(const SipMessage& m, const std::string& transaction);
  void on_reinvite_response(const SipMessage& m);
  void take_bye(const SipMessage& m, const std::string& transaction);
  void take_cancel(const SipMessage& m, const std::string& transaction);
  void ring(int index);
  void give_final();
  void send_cancel();
  void learn_dialog(const SipMessage& m);
  void begin_talking();
  void schedule_actions();
  void take_step(Step step, int tries);
  void refer(Step step);
  void consult();
  void replace();
  [[nodiscard]] std::string as_replaces(const std::string& tag_of_theirs) const;
  void on_refer_response(const SipMessage& m);
  void on_notify(const SipMessage& m, const std::string& transaction);
  void end();
  void later(Millis delay, std::function<void()> what);

  // call_media.cc: SDP and sound
  [[nodiscard]] bool open_media();
  [[nodiscard]] std::string offer(Way way, bool new_version, bool zero_address = false);
  [[nodiscard]] std::string answer(const SdpText& theirs);
  void take_offer(const SdpText& s);
  void take_answer(const SdpText& s);
  void set_remote(const SdpText& s);
  void adopt(const SdpText& s, const std::string& our_suite, const std::string& our_key);
  [[nodiscard]] std::optional<SdpText> read_sdp(const SipMessage& m, bool is_answer);
  [[nodiscard]] std::string key_of(const std::string& suite);
  // call_ice.cc
  [[nodiscard]] bool open_ice(PortRange* ports);
  void ice_into(SdpToWrite& s);
  [[nodiscard]] bool muxed(const SdpText& theirs) const;
  // Whether ICE finds the way, and the addresses of `s` are not the truth.
  [[nodiscard]] bool take_ice(const SdpText& s);
  void ice_path();
  void ice_failed(Violation why);
  // With Local Media Optimization: the gateway's media is where the user is, or `rule` is broken.
  void check_place(const SdpText& s, const char* rule);
  // LMO-05: what follows would go past the gateway to the one behind it.
  void check_way_back(const SipMessage& m);

  void phase(Known sends, Known receives);
  void phase_by(Way way);
  void other_fork();
  [[nodiscard]] std::string written(Way way, const std::vector<CryptoLine>& crypto,
                                    bool zero_address);

  Agent& agent_;
  std::uint64_t serial_;
  Behaviour behaviour_;
  std::size_t site_;
  State state_ = State::kNew;
  CallFacts facts_;
  Flow flow_;

  // Dialog
  SipMessage invite_;  // ours, or theirs
  std::string invite_transaction_, branch_, call_id_, local_tag_, remote_tag_, local_uri_,
      remote_uri_;
  std::string remote_target_, contact_token_;
  std::vector<std::string> routes_, tags_;
  unsigned cseq_ = 1;
  std::string pending_;          // server transaction of a 2xx that waits for its ACK
  std::string refused_because_;  // the rule that the other side broke
  bool provisional_seen_ = false, cancel_wanted_ = false, cancel_sent_ = false;
  bool awaiting_answer_in_ack_ = false;
  std::optional<Step> stepping_;  // our re-INVITE is under way
  unsigned step_cseq_ = 0;
  std::uint64_t consultation_ = 0;  // serial of our second call
  bool leaves_at_once_ = false;     // after the 202 to our REFER

  // Media
  std::unique_ptr<MediaSession> media_;
  std::uint64_t sdp_id_ = 0, sdp_version_ = 1;
  std::vector<int> formats_{8, 0, 101};
  std::map<std::string, std::string> keys_;  // by suite
  std::string answer_suite_, last_sdp_;
  std::optional<SdpText> ours_, theirs_;
  std::unique_ptr<IceAgent> ice_;
  bool inside_ = false;
  bool ice_final_ = false;  // our next SDP names the nominated pair
  int payload_type_ = 8;    // theirs
  int answer_tag_ = 1;
  Way way_ = Way::kSendRecv;  // ours, as negotiated or offered
  std::vector<Loop::TimerId> timers_;
};

}  // namespace causeway::lab
