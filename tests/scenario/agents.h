// A peer of the gateway that does at random whatever the RFCs let it do, over a network that loses,
// doubles and reorders: calls that fork, ring reliably or not, are cancelled, held, refreshed and
// hung up at any moment. It repeats what nobody answered, as a user agent over UDP does. Its model
// is small: of each dialog whether it is up, and which requests are open.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "scenario/rig.h"

namespace causeway::scenario {

class Agent {
 public:
  Agent(Rig& rig, Peer& peer, int rtp_port, std::uint64_t seed)
      : rig_(rig), peer_(peer), port_(rtp_port), dice_(seed) {}

  void call(const std::string& number);
  void turn();
  [[nodiscard]] std::size_t dialogs_up() const;
  [[nodiscard]] std::size_t calls_open() const;  // INVITEs of ours without a final answer
  [[nodiscard]] std::string state() const;       // for a person

 private:
  using Shared = std::shared_ptr<sip::Message>;
  struct Dialog {
    PeerDialog d;
    bool up = false, over = false;
    bool initial = false;    // our INVITE that began it is open
    bool inviting = false;   // a re-INVITE or UPDATE of ours is open
    bool invited = false;    // theirs is not acknowledged
    std::uint32_t rseq = 0;  // of theirs, acknowledged last
    Shared asked;            // theirs, not answered
    int version = 1;
    Instant act{}, hang_up{};
    std::map<std::string, std::string> acks;  // by CSeq and To-tag
  };
  struct Open {  // a request of ours
    std::string bytes, method, dialog;
    PeerDialog at;
    bool offerless = false, heard = false, cancelled = false;
    Instant next, deadline;
    Micros interval{500'000};
  };
  struct Repeat {
    std::function<void()> say, gave_up;
    Instant next, deadline;
    Micros interval{500'000};
  };
  struct Ringing {  // an INVITE to us
    Shared invite;
    bool final = false;
    std::map<std::string, bool> phones;  // by tag: its SDP went out reliably
    std::map<std::string, int> rseq;     // by tag
    std::map<std::string, int> unacknowledged;
    std::set<std::string> ended;  // said 199
  };

  [[nodiscard]] std::uint64_t roll(std::uint64_t n) { return dice_.below(n); }
  [[nodiscard]] bool chance(unsigned percent) { return roll(100) < percent; }
  [[nodiscard]] Instant in(std::uint64_t most_ms);
  [[nodiscard]] std::string sdp_of(Dialog& d, const std::string& direction);
  [[nodiscard]] std::string any_sdp();
  void later(std::uint64_t most_ms, std::function<void()> what) {
    agenda_.emplace(in(most_ms), std::move(what));
  }
  std::string& ask(Dialog& d, const std::string& key, const std::string& method,
                   const std::string& headers, const std::string& body);
  void answer(const Shared& m, int status, const std::string& headers = "",
              const std::string& body = "", const std::string& tag = "");
  void repeat(const std::string& until, std::function<void()> say, std::function<void()> gave_up);
  void take(const Shared& m);
  void on_invite(const Shared& m);
  void ring(const std::string& call, const std::string& tag);
  void finish(const std::string& call);
  void pick_up(Ringing& r, const std::string& tag);
  void on_cancel(const Shared& m);
  void on_request(const Shared& m);
  void on_reinvite(Dialog& d, const std::string& key, const Shared& m);
  void on_response(const Shared& m);
  void on_invite_response(Open& o, const Shared& m);
  void acknowledge(Dialog& d, const Open& o, const sip::Message& m);
  void act(const std::string& key, Dialog& d);
  void hang_up(const std::string& key, Dialog& d);
  void timed_out(const Open& o);

  Rig& rig_;
  Peer& peer_;
  const int port_;
  SeededRandom dice_;
  std::size_t read_ = 0;
  int serial_ = 0;
  std::map<std::string, Dialog> dialogs_;                  // by Call-ID and our tag
  std::map<std::string, Ringing> ringing_;                 // by Call-ID
  std::map<std::string, Open> open_;                       // by branch and method
  std::map<std::string, std::function<void()>> answered_;  // by branch and method
  std::map<std::string, Repeat> repeats_;
  std::multimap<Instant, std::function<void()>> agenda_;
};

}  // namespace causeway::scenario
