// A lab peer: a SIP user agent that places and takes many calls, each following its Behaviour.
// What is particular to the operator's site and to the Phone System is in the two derived classes.
// Lab thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "lab/call.h"
#include "lab/checks.h"
#include "lab/ladder.h"
#include "lab/media_session.h"
#include "lab/name_service.h"
#include "lab/sip_port.h"

namespace causeway::lab {

// Local Media Optimization, as the service knows the trunk.
struct LocalMediaTrunk {
  IpAddress outside, inside;  // of the gateway's media
  bool first_inside = false;  // where users are expected
  std::string path;           // the gateway's name
  std::string beside;         // of one behind it; empty: there is none
};

struct AgentSettings {
  SipPortSettings port;
  Endpoint gateway;          // where new calls go
  std::string gateway_name;  // host of their Request-URI
  IpAddress media_address;
  std::uint16_t media_first = 20'000, media_last = 29'998;
  Zone zone;  // what we resolve names with
  Millis options_interval{5'000};
  std::size_t max_calls = 20'000;
  std::vector<std::string> suites;  // of an operator that has SRTP, in its order; else plain RTP
  std::optional<LocalMediaTrunk> local;
  bool ice = false;  // media bypass: SDP with ICE, by full agents
};

struct OptionsSeen {
  std::uint64_t received = 0, refused = 0, sent = 0, answered = 0;
};

class Agent : private SipPort::Listener {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void on_call_ended(Call& call) = 0;
  };

  Agent(Side side, Loop& loop, MediaPump& pump, Random& random, Ladder& ladder,
        AgentSettings settings);
  ~Agent() override;
  [[nodiscard]] Status open();

  // The call lives until the agent forgets it. Null: too many calls, or no way to the gateway.
  Call* place(const std::string& label, const std::string& number, const std::string& from,
              Behaviour b, std::size_t site = 0, const std::string& replaces = {});
  // Calls to this number get this behaviour in place of the number plan's.
  void expect(const std::string& number, const std::string& label, Behaviour b);
  [[nodiscard]] Behaviour expected(const std::string& number) const;
  void set_default_behaviour(Behaviour b) { default_ = std::move(b); }
  // Numbers may come in another form than they are expected in.
  void take_any_form() { any_form_ = true; }
  void set_observer(Observer* o) { observer_ = o; }
  // OPTIONS to the gateway, to learn whether it is there.
  void probe_gateway();

  [[nodiscard]] Side side() const { return side_; }
  [[nodiscard]] bool is_service() const { return side_ == Side::kPhoneSystem; }
  [[nodiscard]] bool secure() const { return is_service() || !settings_.suites.empty(); }  // SRTP
  [[nodiscard]] const std::vector<std::unique_ptr<Call>>& calls() const { return calls_; }
  [[nodiscard]] const std::map<std::string, OptionsSeen>& options() const { return options_; }
  [[nodiscard]] const Violations& stray_violations() const { return stray_; }
  void forget_ended();

  // For Call -----------------------------------------------------------------------------------
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] MediaPump& pump() { return pump_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] Ladder& ladder() { return ladder_; }
  [[nodiscard]] PortRange& ports() { return ports_; }
  [[nodiscard]] const AgentSettings& settings() const { return settings_; }
  [[nodiscard]] std::string token(std::size_t bytes);
  // Adds Via, sends, repeats over UDP; responses go to the call. Returns the branch.
  std::string send_request(SipMessage m, const Flow& flow, Call* call,
                           const std::string& branch = {});
  // Responds within a server transaction; finals to INVITE are repeated until the ACK.
  void respond(const std::string& transaction, const SipMessage& response,
               const std::string& label);
  void stop_repeating(const std::string& transaction);
  [[nodiscard]] SipMessage response_to(const SipMessage& request, int status,
                                       const std::string& reason, const std::string& to_tag) const;
  // Where a request to this URI goes (own zone, never the system's resolver).
  [[nodiscard]] Result<Endpoint> resolve(const std::string& uri) const;
  [[nodiscard]] Result<Flow> flow_to(std::size_t site, const Endpoint& e) {
    return port_.flow_to(site, e);
  }
  void call_ended(Call& call);
  [[nodiscard]] Call* call_by_serial(std::uint64_t serial) const;

  // What differs between the sides ---------------------------------------------------------------
  [[nodiscard]] virtual std::string contact_for(const Call& call) const = 0;
  [[nodiscard]] virtual std::string sent_by(std::size_t site) const = 0;
  // A hop of our own in a route set: our proxy part takes it off before the request leaves.
  [[nodiscard]] virtual bool is_own_route(const std::string&) const { return false; }
  virtual void dress_request(SipMessage& m, const Call* call) const = 0;
  virtual void dress_response(SipMessage& m, const Call* call) const = 0;
  [[nodiscard]] virtual Violations check_request(const SipMessage& m, const Flow& flow,
                                                 const Call* call) const = 0;
  [[nodiscard]] virtual Violations check_response(const SipMessage& m,
                                                  const std::string& method) const = 0;
  [[nodiscard]] virtual Violations check_sdp(const SdpText& s, const SdpText* ours) const = 0;
  [[nodiscard]] virtual std::optional<LabRefusal> refusal(const Violations& v) const = 0;
  [[nodiscard]] virtual bool capitals() const = 0;
  // SRTP suites in the order of our offers; none: plain RTP.
  [[nodiscard]] virtual std::vector<std::string> suites() const { return {}; }
  // The one to answer an offer with; empty: none is ours.
  [[nodiscard]] virtual std::string choose_suite(const SdpText& offer) const;

 protected:
  virtual void on_options(const SipMessage& m, const Flow& flow) = 0;  // accepted ones
  [[nodiscard]] std::vector<std::string> peer_names(const Flow& flow) const {
    return port_.peer_names(flow);
  }
  void send_options(std::size_t site, const std::string& uri, const Endpoint& to);
  OptionsSeen& options_of(std::size_t site) { return options_[site_name(site)]; }
  [[nodiscard]] std::string site_name(std::size_t site) const;

 private:
  struct ClientTransaction {
    SipMessage request;
    Flow flow;
    std::uint64_t call = 0;
    Loop::TimerId repeat = 0, end = 0;
    Micros interval{500'000};
    bool provisional = false, final = false;
  };
  struct ServerTransaction {
    Flow flow;
    std::string last;  // response on the wire
    Loop::TimerId repeat = 0, end = 0;
    Micros interval{500'000};
    bool invite = false;
    std::uint64_t call = 0;
  };

  void on_message(SipMessage message, const Flow& flow) override;
  void on_bad_message(const std::string& why, const Flow& flow) override;
  void on_connection_lost(const Flow& flow, const std::string& why) override;
  void on_request(const SipMessage& m, const Flow& flow);
  void on_response(const SipMessage& m, const Flow& flow);
  void on_new_invite(const SipMessage& m, const Flow& flow, const std::string& transaction);
  void answer_options(const SipMessage& m, const Flow& flow, const std::string& transaction);
  void repeat_request(const std::string& key);
  void repeat_response(const std::string& key);
  void acknowledge_failure(const ClientTransaction& t, const SipMessage& response);
  void drop_client(const std::string& key);
  void stray(const Violations& v);

  Side side_;
  Loop& loop_;
  MediaPump& pump_;
  Random& random_;
  Ladder& ladder_;
  AgentSettings settings_;
  SipPort port_;
  PortRange ports_;
  Observer* observer_ = nullptr;
  std::optional<Behaviour> default_;
  bool any_form_ = false;

  struct Expected {
    std::string label;
    Behaviour behaviour;
  };
  std::unordered_map<std::string, Expected> expected_;
  std::vector<std::unique_ptr<Call>> calls_;  // bounded by settings_.max_calls
  std::unordered_map<std::uint64_t, Call*> by_serial_;
  std::unordered_map<std::string, Call*> by_call_id_;
  std::unordered_map<std::string, ClientTransaction> clients_;  // end after 8 s at most
  std::unordered_map<std::string, ServerTransaction> servers_;  // the same
  std::map<std::string, OptionsSeen> options_;
  Violations stray_;  // outside any call; bounded
  std::uint64_t next_serial_ = 1;
};

}  // namespace causeway::lab
