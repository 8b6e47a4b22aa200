// Two simulated hours of a call between every two of the built-in profiles: sessions are refreshed
// by whoever is to, when it is time and in their own dialog alone; holds cross, refreshes do not;
// the call does not grow, ends once and leaves nothing. CAUSEWAY_SEEDS: a round over all pairs for
// each 2,000 of them.
#include "scenario/soak_party.h"

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "call/serialise.h"
#include "support/proves.h"

namespace causeway::scenario {
namespace {

constexpr const char* kProfiles[] = {"operator",
                                     "ims-core",
                                     "sip-trunk",
                                     "legacy-core",
                                     "teams-direct-routing",
                                     "teams-operator-connect",
                                     "teams-phone-mobile",
                                     "zoom-provider-exchange",
                                     "teams-media-bypass"};
constexpr std::uint64_t kPairs = std::size(kProfiles) * std::size(kProfiles);
constexpr Seconds kTick{5};
constexpr int kTalk = 36;  // ticks: a minute of words in each three
constexpr std::uint64_t kTimers = static_cast<std::uint64_t>(Timers::kLast) + 1;

std::uint64_t rounds() {
  const char* s = std::getenv("CAUSEWAY_SEEDS");
  return std::max<std::uint64_t>(1, s ? std::strtoull(s, nullptr, 10) / 2'000 : 1);
}

struct Soak {
  std::string left, right;
  SoakPlan plans[2];
  std::string expires;  // that the gateway asks for
  Mode mode;
};

// Each way of a timer meets each other one and every profile, whatever the seed.
Soak soak_of(std::uint64_t pair, std::uint64_t round) {
  SeededRandom dice(1 + pair + round * kPairs);
  static constexpr std::uint32_t kIntervals[] = {300, 600, 900, 1800, 3600};
  Soak s;
  s.left = kProfiles[pair / std::size(kProfiles)];
  s.right = kProfiles[pair % std::size(kProfiles)];
  const std::uint64_t way = pair + pair / kTimers + round * 7;
  for (int i = 0; i < 2; ++i) {
    SoakPlan& p = s.plans[i];
    p.timers = static_cast<Timers>((i == 0 ? way : way / kTimers) % kTimers);
    p.interval = kIntervals[dice.below(std::size(kIntervals))];
    p.updates = dice.below(2) == 0;
    p.asked = dice.below(2) == 0 && (i == 0 ? s.left : s.right) != "legacy-core";
  }
  s.expires = std::to_string(kIntervals[dice.below(std::size(kIntervals))]) + "s";
  s.mode = {dice.below(2) == 0 ? 1U : 3U, dice.below(4) == 0, dice.below(1'000'000)};
  return s;
}

std::string config_of(const Soak& s) {
  return "[operation]\ncontrol_socket = \"/tmp/c.sock\"\nstate_directory = \"/tmp/c\"\n"
         "[limits]\nkeep_one_in = 1\n[[region]]\nname = \"r\"\n"
         "[[tls_identity]]\nname = \"id\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"
         "trusted_roots = [\"r.pem\"]\n" +
         SoakParty::config(1, s.left, s.plans[0], s.expires) +
         SoakParty::config(2, s.right, s.plans[1], s.expires);
}

class SoakRun {
 public:
  SoakRun(const Soak& s, SoakTally& tally)
      : rig_(s.mode, config_of(s),
             {"sbc1.operator.example", "sbc2.operator.example", "sbc.operator.example"}),
        dice_(s.mode.seed),
        left_(rig_, 1, s.left, s.plans[0], s.mode.seed + 1, tally),
        right_(rig_, 2, s.right, s.plans[1], s.mode.seed + 2, tally) {}

  void play() {
    world::Link link;
    link.latency = Millis(static_cast<long>(1 + dice_.below(150)));
    rig_.world.network().set_default(link);
    for (SoakParty* p : {&left_, &right_}) p->introduces_itself();
    run(Seconds(130));  // connections are up, OPTIONS have been about
    const std::size_t idle = timers_at_rest();
    SoakParty& caller = dice_.below(2) == 0 ? left_ : right_;
    SoakParty& called = &caller == &left_ ? right_ : left_;
    caller.calls(&caller == &left_ ? "+4989123" : "+4930111", called);
    plan();
    talk();
    if (::testing::Test::HasFailure()) return;
    end(idle);
  }
  [[nodiscard]] std::string state() const {
    return left_.state() + right_.state() + rig_.trail_of_all();
  }

 private:
  enum class What : std::uint8_t { kHold, kResume, kSame, kOptions, kCollide };
  struct Act {
    Seconds at;
    What what;
    bool left;
  };
  struct Size {
    std::size_t state = 0, timers = 0;
  };

  void plan() {
    const auto in = [&](std::uint64_t most) {
      return Seconds(static_cast<long>(dice_.below(most)));
    };
    for (int k = 0; k < 4; ++k) {
      const Seconds begin(k * 1'700 + 120);
      const bool who = k % 2 == 0;
      const Seconds hold = begin + in(600), back = hold + Seconds(60) + in(500);
      acts_.push_back({hold, What::kHold, who});
      acts_.push_back({back, What::kResume, who});
      acts_.push_back({begin + in(1'400), What::kSame, dice_.below(2) == 0});
      acts_.push_back({begin + in(1'400), What::kOptions, dice_.below(2) == 0});
      acts_.push_back({begin + in(1'400), What::kCollide, dice_.below(2) == 0});
    }
    std::sort(acts_.begin(), acts_.end(), [](const Act& a, const Act& b) { return a.at < b.at; });
  }

  void talk() {
    const Instant began = rig_.world.now();
    std::optional<Size> first;
    Size last;
    int ticks = 0;
    for (Seconds t{0}; t < Seconds(7'200) && !::testing::Test::HasFailure(); t += kTick, ++ticks) {
      if (!acts_.empty() && acts_.front().at <= t && quiet()) act();
      for (SoakParty* p : {&left_, &right_}) {
        if (ticks % kTalk < kTalk / 3) p->speak();
        if (ticks % 3 == 0) p->report();
        p->expect_refreshed();
      }
      run(kTick);
      settle();
      ASSERT_EQ(rig_.records.size(), 0U) << "the call is over after " << t.count() << " s";
      if (t < Seconds(60) || !quiet() || held_ || rig_.transactions() != 0) continue;
      last = {size_of_call(), timers()};
      if (!first) first = last;
    }
    if (::testing::Test::HasFailure()) return;
    EXPECT_EQ(rig_.world.now() - began, Micros(Seconds(7'200)));
    EXPECT_TRUE(acts_.empty());
    ASSERT_TRUE(first);
    EXPECT_LE(last.state, first->state + 64) << "the call grows";
    EXPECT_LE(last.timers, first->timers + 2) << "timers are left";  // of connections
    rig_.each([](call::GatewayShard& s) {
      s.trails().each([](const telemetry::Trail& t) {
        EXPECT_LE(t.bytes(), t.max_bytes());
        return true;
      });
    });
    for (const auto& [from, to] : {std::pair(&left_, &right_), std::pair(&right_, &left_)}) {
      EXPECT_GT(from->spoken, 200U);
      EXPECT_GE(to->heard + 5, from->spoken) << "words are lost";
      EXPECT_GT(to->reports, 500U);
    }
  }

  void act() {
    const Act a = acts_.front();
    acts_.pop_front();
    SoakParty& who = a.left ? left_ : right_;
    SoakParty& other = a.left ? right_ : left_;
    switch (a.what) {
      case What::kHold:
        held_ = other.may_be_told = true;
        who.hold(dice_.below(2) == 0 ? "sendonly" : "inactive");
        break;
      case What::kResume:
        held_ = false;
        other.may_be_told = true;
        who.resume();
        break;
      case What::kSame: who.says_the_same(); break;
      case What::kOptions: who.asks_options(); break;
      case What::kCollide: who.collides(); break;
    }
  }
  [[nodiscard]] bool quiet() const {
    return !left_.busy() && !right_.busy() && !left_.may_be_told && !right_.may_be_told;
  }
  // What one side changed has come to the other side once; after a collision, in the end.
  void settle() {
    const bool disturbed = left_.disturbed || right_.disturbed;
    if (left_.may_be_told || right_.may_be_told) {
      if (disturbed) left_.may_be_told = right_.may_be_told = true;
      if (left_.busy() || right_.busy() || ++settling_ < (disturbed ? 6 : 1)) return;
    }
    settling_ = 0;
    if (!disturbed) {
      EXPECT_EQ(left_.told, right_.changes);
      EXPECT_EQ(right_.told, left_.changes);
    }
    if (left_.busy() || right_.busy()) return;
    EXPECT_EQ(left_.talks(), !held_);
    EXPECT_EQ(right_.talks(), !held_);
    for (SoakParty* p : {&left_, &right_}) p->may_be_told = p->disturbed = false;
    left_.told = right_.changes;
    right_.told = left_.changes;
  }

  void end(std::size_t idle) {
    for (int i = 0; i < 60 && !quiet(); ++i) run(Seconds(1));
    left_.ending = right_.ending = true;
    (dice_.below(2) == 0 ? left_ : right_).hangs_up();
    run(Seconds(130));
    EXPECT_TRUE(left_.over() && right_.over());
    EXPECT_EQ(left_.peer.count("BYE") + right_.peer.count("BYE"), 1U);
    ASSERT_EQ(rig_.records.size(), 1U);
    EXPECT_EQ(rig_.records[0].termination, "completed");
    const std::string trail = rig_.trail_of(0);
    const auto at = trail.find("\"kind\":\"end\"");
    EXPECT_NE(at, std::string::npos);
    EXPECT_EQ(trail.find("\"kind\":\"end\"", at + 1), std::string::npos);
    std::size_t tags = 0;
    rig_.each([&](call::GatewayShard& s) { tags += s.tags_now(); });
    EXPECT_EQ(tags, 0U);
    EXPECT_EQ(rig_.calls(), 0U);
    for (int i = 0; i < 60 && rig_.transactions() != 0; ++i) run(Seconds(1));  // OPTIONS
    EXPECT_EQ(rig_.transactions(), 0U);
    EXPECT_EQ(rig_.media_legs(), 0U);
    run(Seconds(700));  // connections that the call had opened are closed as idle
    EXPECT_LE(timers_at_rest(), idle);
  }
  // Between two rounds of OPTIONS and what they leave for a while.
  std::size_t timers_at_rest() {
    std::size_t least = timers();
    for (int i = 0; i < 50; ++i) {
      run(kTick);
      least = std::min(least, timers());
    }
    return least;
  }

  void run(Micros d) {
    const Instant end = rig_.world.now() + d;
    while (rig_.world.now() < end) {
      rig_.run_until([&] { return left_.has_news() || right_.has_news(); }, end - rig_.world.now());
      left_.turn();
      right_.turn();
    }
  }
  [[nodiscard]] std::size_t timers() {
    std::size_t n = 0;
    for (std::size_t i = 0; i < rig_.world.shard_count(); ++i)
      n += rig_.world.shard(i).timers_waiting();
    return n;
  }
  [[nodiscard]] std::size_t size_of_call() {
    std::size_t n = 0;
    rig_.each([&](call::GatewayShard& s) {
      for (const auto& c : s.call_reports()) n += call::serialise(*s.find_call(c.id)).size();
    });
    return n;
  }

  Rig rig_;
  SeededRandom dice_;
  SoakParty left_, right_;
  std::deque<Act> acts_;
  bool held_ = false;
  int settling_ = 0;  // ticks
};

TEST(Soak, TwoHoursBetweenEveryTwoProfilesChangeNothing) {
  PROVES("S28", "TDR-86");
  SoakTally tally;
  const char* only = std::getenv("CAUSEWAY_PAIR");  // for a look at one: "7 0"
  for (std::uint64_t round = 0; round < rounds(); ++round)
    for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
      if (only && only != std::to_string(pair) + " " + std::to_string(round)) continue;
      const Soak s = soak_of(pair, round);
      SCOPED_TRACE(s.left + " -> " + s.right + ", pair " + std::to_string(pair) + " round " +
                   std::to_string(round));
      SoakRun run(s, tally);
      run.play();
      if (::testing::Test::HasFailure()) FAIL() << run.state();
    }
  if (only) return;
  for (const char* what : {"we refresh by INVITE", "we refresh by UPDATE", "they refresh by INVITE",
                           "they refresh by UPDATE", "asked again", "collided", "491", "OPTIONS"})
    EXPECT_GT(tally[what], 0U) << what << " never happened";
}

}  // namespace
}  // namespace causeway::scenario
