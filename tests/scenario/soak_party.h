// One side of a call of hours: a peer with the habits of a built-in profile that keeps its session
// (RFC 4028), talks, reports, holds and resumes, and looks at all that the gateway says to it in
// the meantime. A fault is an EXPECT of the test.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "rtp/srtp.h"
#include "scenario/rig.h"

namespace causeway::scenario {

// How a peer has it with session timers.
enum class Timers : std::uint8_t {
  kRefreshes,  // it asks, and refreshes itself
  kLetsUs,     // it asks, and wants to be refreshed
  kAnyone,     // it asks, and does not say who
  kUnable,     // it knows nothing of them
  kWantsMore,  // called, it answers 422 and wants longer ones
  kLast = kWantsMore
};

struct SoakPlan {
  Timers timers = Timers::kRefreshes;
  std::uint32_t interval = 1800;  // s, that it asks for
  bool updates = false;           // it takes UPDATE, and refreshes by it where the gateway does
  bool asked = false;             // the gateway's profile asks for a session
};

using SoakTally = std::map<std::string, std::size_t>;

class SoakParty {
 public:
  // `side`: 1 or 2. `profile`: the built-in one that the gateway has for it.
  SoakParty(Rig& rig, int side, const std::string& profile, SoakPlan plan, std::uint64_t seed,
            SoakTally& tally);

  // The lines of the configuration for such a side.
  [[nodiscard]] static std::string config(int side, const std::string& profile,
                                          const SoakPlan& plan, const std::string& expires);

  void calls(const std::string& number, SoakParty& other);  // until both have acknowledged
  void hangs_up() { ask("BYE", ""); }

  [[nodiscard]] bool has_news() const { return read_ < peer.received.size(); }
  void turn();    // answers what came, and refreshes when it is time
  void speak();   // one packet, where its direction lets it
  void report();  // one RTCP report
  void hold(const std::string& direction) { offer(direction); }
  void resume() { offer("sendrecv"); }
  void says_the_same();      // an INVITE in which nothing is new
  void introduces_itself();  // by OPTIONS outside of a call
  void asks_options() { ask("OPTIONS", ""); }
  void collides() { collide_ = true; }  // with the gateway's next INVITE

  [[nodiscard]] bool busy() const { return !pending_.empty() || again_ != Instant::max(); }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool talks() const;  // as it was said last, in both directions
  // No refresh is overdue.
  void expect_refreshed() const;
  [[nodiscard]] std::string state() const;  // for a person

  Peer peer;
  std::size_t heard = 0, spoken = 0, reports = 0;
  std::size_t changes = 0;    // that this side made
  std::size_t told = 0;       // that the other side made, as they came here
  bool may_be_told = false;   // the other side is at it
  bool ending = false;        // the call is hung up
  bool disturbed = false;     // there was a collision since this was reset
  std::size_t refreshed = 0;  // by the gateway

 private:
  enum class Who : std::uint8_t { kGateway, kWe };
  static constexpr Micros kPatience{32'000'000};
  // How late a refresh may be: something else was under way, or it collided and is tried again.
  [[nodiscard]] Micros slack() const { return Seconds(15 + 40 * collisions_); }

  [[nodiscard]] std::string headers(bool initial) const;
  [[nodiscard]] std::string headers_of_answer(const sip::Message& m) const;
  [[nodiscard]] std::string session_answer(const sip::Message& m) const;
  void compose(const std::string& direction, std::string_view offer = {});
  void ask(const std::string& method, const std::string& body);
  void offer(const std::string& direction);
  void on_request(const sip::Message& m);
  void on_change(const sip::Message& m);
  void on_response(const sip::Message& m);
  void look_at_refresh(const sip::Message& m);
  void agree_as_answered(const sip::Message& m);
  void agree_as_told(const sip::Message& success);
  void heard_sdp(std::string_view text);
  void hear();
  void check_path();
  [[nodiscard]] Instant now() const { return rig_.world.now(); }
  [[nodiscard]] std::string who() const { return "side " + std::to_string(side_); }

  Rig& rig_;
  const int side_;
  const std::string profile_;
  const SoakPlan plan_;
  const bool secure_, ice_, mux_, tones_;
  SeededRandom dice_;
  SoakTally& tally_;
  std::unique_ptr<Peer> rtcp_;  // the port beside that of RTP; null: they share one
  PeerDialog dialog_;
  std::size_t read_ = 0;
  std::string sdp_, said_, gateway_sdp_;  // ours, its direction, and the gateway's
  int version_ = 0;
  std::string tag_ = "1";  // of the gateway's crypto line that is answered
  std::string pending_;    // our open request
  Instant asked_{};        // ... when it was sent
  Instant again_ = Instant::max();
  std::string again_method_;
  bool collide_ = false, over_ = false, gateway_updates_ = false, by_update_ = false;
  std::uint32_t interval_ = 0;  // s; 0: there is no session
  Who refresher_ = Who::kWe;
  Instant last_{};      // agreed
  int collisions_ = 0;  // since then
  std::optional<rtp::Srtp> out_, in_;
  std::vector<std::uint8_t> gateway_key_;
  std::uint16_t sequence_ = 100;
};

}  // namespace causeway::scenario
