// Requests of live dialogs, changed: by whoever is a party to them and broken. Whatever comes of
// it, nothing crashes, nothing is left, and each call ends exactly once.
#include <cstdlib>
#include <map>
#include <set>

#include "scenario/fixture.h"
#include "scenario/mutate.h"

namespace causeway::scenario {
namespace {

std::uint64_t seeds() {
  const char* s = std::getenv("CAUSEWAY_SEEDS");
  return s ? std::strtoull(s, nullptr, 10) : 2'000;
}

std::string reliable_config() {
  ConfigOptions o;
  o.top =
      "[[profile]]\nname = \"core-rel\"\nextends = \"operator\"\n"
      "reliable_provisionals = \"supported\"\n";
  o.core_profile = "core-rel";
  o.service =
      "reliable_provisionals = \"supported\"\n"
      "allow = [\"INVITE\", \"ACK\", \"CANCEL\", \"BYE\", \"OPTIONS\", \"UPDATE\"]\n";
  return make_config(o);
}

class MutatedCall : public CallTest {
 public:
  explicit MutatedCall(Mode mode) : CallTest(reliable_config(), mode), dice_(mode.seed) {
    core.broken = cloud.broken = true;
  }
  void TestBody() override {}

  void play(std::map<std::string, std::uint64_t>& tally) {
    dialog_ = core.invite("+4989123", "Require: 100rel\r\n", sdp("10.1.0.1", 40000));
    first_ = dialog_;
    invite_ = std::make_unique<sip::Message>(cloud.expect("INVITE"));
    cloud.reply(*invite_, 183,
                "Require: 100rel\r\nRSeq: 1\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n",
                secure_sdp("10.2.0.1", 50000));
    const auto early = core.expect("183");
    core.learn(dialog_, early);
    rack_ = "RAck: " + std::string(early.value(HeaderId::kRSeq)) + " 1 INVITE\r\n";
    at_cloud_ = cloud.answered(*invite_);
    if (chance(50)) disturb(true);
    core.request(dialog_, "PRACK", rack_);
    turn(5);
    if (chance(50)) disturb(true);
    if (chance(70)) {
      answered_ = true;
      cloud.reply(*invite_, 200);
      turn(5);
    }
    disturb(!answered_);
    // Whoever is left hangs up properly.
    if (!answered_) core.request(first_, "CANCEL");
    if (!answered_) cloud.reply(*invite_, 487);
    dialog_.cseq = at_cloud_.cseq = 1'000'000;
    core.request(dialog_, "BYE");
    turn(5);
    cloud.request(at_cloud_, "BYE");
    for (int i = 0; i < 60; ++i) {
      rig.run(Seconds(5));
      answer_all();
    }
    expect_each_ended_once();
    for (const auto& t : core.transcript) ++tally[t];
    for (const auto& t : cloud.transcript) ++tally["cloud " + t];
  }

 private:
  [[nodiscard]] bool chance(unsigned percent) { return dice_.below(100) < percent; }

  // Some requests of this dialog that were changed on their way.
  void disturb(bool early) {
    static const std::vector<std::string> kEarly{"PRACK", "UPDATE", "BYE", "OPTIONS", "ACK"};
    static const std::vector<std::string> kLate{"BYE",     "INVITE", "UPDATE", "PRACK",
                                                "OPTIONS", "ACK",    "INFO"};
    const auto& methods = early ? kEarly : kLate;
    for (auto n = 1 + dice_.below(5); n > 0; --n) {
      const std::string method = methods[dice_.below(methods.size())];
      const bool by_core = chance(70);
      Peer& who = by_core ? core : cloud;
      PeerDialog& d = by_core ? dialog_ : at_cloud_;
      static constexpr const char* kWays[] = {"sendrecv", "sendonly", "inactive", "recvonly"};
      const char* way = kWays[dice_.below(4)];
      std::string body;
      if (method == "INVITE" || method == "UPDATE")
        body = by_core ? sdp("10.1.0.1", 40000, way, "8 PCMA/8000", ++version_)
                       : secure_sdp("10.2.0.1", 50000, way, ++version_);
      const std::string headers = method == "PRACK" ? rack_ : std::string();
      who.send(mutated(who.compose(d, method, headers, body), dice_));
      turn(1 + static_cast<int>(dice_.below(8)));
    }
  }

  void turn(int times) {
    for (; times > 0; --times) {
      rig.run(Millis(100));
      answer_all();
    }
  }

  // What the gateway asks of either side is answered as a good peer would.
  void answer_all() {
    for (Peer* p : {&core, &cloud}) {
      const bool is_core = p == &core;
      for (const char* what : {"BYE", "CANCEL", "PRACK", "OPTIONS"})
        while (p->has(what)) p->reply(p->expect(what), 200);
      for (const char* what : {"INVITE", "UPDATE"})
        while (p->has(what)) {
          const auto m = p->expect(what);
          const std::string way = m.body().empty() ? "sendrecv" : direction_of(m.body());
          if (m.to_tag().empty() && chance(30))
            p->reply(m, 486);
          else
            p->reply(m, 200, "",
                     is_core ? sdp("10.1.0.1", 40000, way, "8 PCMA/8000", ++version_)
                             : secure_sdp("10.2.0.1", 50000, way, ++version_));
        }
      while (p->has("ACK")) p->expect("ACK");
      while (p->has("200 INVITE")) {
        const auto ok = p->expect("200 INVITE");
        PeerDialog d = is_core ? dialog_ : at_cloud_;
        if (ok.call_id() != d.call_id) continue;  // a call that a change made: nobody takes it
        p->request(d, "ACK", "", "", static_cast<int>(ok.cseq()));
      }
    }
  }

  void expect_each_ended_once() {
    EXPECT_EQ(rig.calls(), 0U);
    EXPECT_EQ(rig.transactions(), 0U);
    EXPECT_EQ(rig.media_legs(), 0U);
    std::set<std::uint64_t> ended;
    std::size_t real = 0;
    for (const auto& r : rig.records) {
      EXPECT_TRUE(ended.insert(r.call).second) << "call " << r.call << " ended twice";
      real += r.ingress_call_id == first_.call_id && !r.egress_call_id.empty();
    }
    // One that has lost its To-tag begins another call of the same Call-ID.
    EXPECT_GE(real, 1U) << "the call that was disturbed";
    std::uint64_t started = 0;
    rig.each([&](call::GatewayShard& s) { started += s.counters().calls_started; });
    EXPECT_GE(rig.records.size(), started);
  }

  SeededRandom dice_;
  PeerDialog dialog_, first_, at_cloud_;
  std::unique_ptr<sip::Message> invite_;
  std::string rack_;
  bool answered_ = false;
  int version_ = 1;
};

TEST(MutatedDialogs, NothingCrashesNothingIsLeftAndEachCallEndsOnce) {
  const auto n = std::max<std::uint64_t>(seeds() / 4, 1);
  const char* first = std::getenv("CAUSEWAY_FIRST_SEED");
  const std::uint64_t begin = first ? std::strtoull(first, nullptr, 10) : 1;
  std::map<std::string, std::uint64_t> tally;
  for (std::uint64_t seed = begin; seed < begin + n && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MutatedCall call(Mode{seed % 2 ? 1U : 3U, seed % 3 == 0, seed});
    call.play(tally);
  }
  if (n < 300) return;
  for (const char* what : {"< 400 PRACK", "< 481 BYE", "< 200 BYE", "< 400 INVITE", "< 400 UPDATE",
                           "< 200 UPDATE", "< 200 PRACK", "cloud < 400 INVITE"})
    EXPECT_GT(tally[what], 0U) << what << " never happened";
}

}  // namespace
}  // namespace causeway::scenario
