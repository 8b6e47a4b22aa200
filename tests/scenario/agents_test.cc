// Agents that do whatever they like, by many seeds, two or three whom a call rings at once:
// whatever it was, each call ends once, all sides know, and nothing is left.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "scenario/agents.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kConfig = R"(
[operation]
control_socket = "/tmp/c.sock"
state_directory = "/tmp/c"
[limits]
media_timeout = "0s"
[[region]]
name = "west"
[[realm]]
name = "core"
media_addresses = ["10.0.0.1"]
media_port_min = 20000
media_port_max = 20999
[[listener]]
name = "udp"
realm = "core"
transport = "udp"
address = "10.0.0.1:5060"
[[profile]]
name = "either"
extends = "operator"
reliable_provisionals = "supported"
early_media_header = "supported"
early_media_gate = "last"
supported = ["199"]
)";

std::string group(const std::string& name, const std::string& host, const std::string& routes,
                  const std::string& ring) {
  return "[[peer_group]]\nname = \"" + name +
         "\"\nregion = \"west\"\nrealm = \"core\"\nlistener = \"udp\"\nprofile = \"either\"\n"
         "options_interval = \"0s\"\ntrusted = true\n" +
         routes + "[peer_group.timers]\nring = \"" + ring +
         "\"\n[peer_group.recognise]\nsources = [\"" + host +
         "/32\"]\n[[peer_group.peer]]\nname = \"" + name + "-1\"\nhost = \"" + host +
         "\"\nport = 5060\n";
}

std::uint64_t seeds() {
  const char* s = std::getenv("CAUSEWAY_SEEDS");
  return s ? std::strtoull(s, nullptr, 10) : 2'000;
}

// What happened in all runs: "< 491 INVITE" for a message that an agent received, "completed" for
// an end.
using Tally = std::map<std::string, std::size_t>;

void play(std::uint64_t seed, Tally& tally) {
  static constexpr const char* kGates[] = {"last", "first", "active"};
  std::string config = kConfig;
  config.replace(config.find("\"last\"") + 1, 4, kGates[seed % 5 % 3]);
  config += group("left", "10.1.0.1",
                  seed % 4 == 0 ? "forking = \"parallel\"\nroutes_to = [\"right\", \"beside\"]\n"
                                : "routes_to = [\"right\"]\n",
                  "20s") +
            group("right", "10.2.0.1", "routes_to = [\"left\"]\n", "20s") +
            group("beside", "10.3.0.1", "routes_to = [\"left\"]\n", "15s");
  Rig rig(Mode{seed % 7 < 4 ? 1U : 3U, seed % 3 == 0, seed}, config);
  Peer left(rig, "left", "10.1.0.1:5060", Transport::kUdp);
  Peer right(rig, "right", "10.2.0.1:5060", Transport::kUdp);
  Peer beside(rig, "beside", "10.3.0.1:5060", Transport::kUdp);
  left.gateway = right.gateway = beside.gateway = "10.0.0.1:5060";
  const IpAddress us = *IpAddress::parse("10.0.0.1");
  SeededRandom dice(seed * 7919 + 1);
  for (const Peer* p : {&left, &right, &beside}) {
    world::Link link;
    link.loss = 0.05;
    link.duplicate = 0.05;
    link.reorder = 0.1;
    link.jitter = Millis(3);
    rig.world.network().set_links(p->endpoint().address, us, link);
  }
  Agent a(rig, left, 40000, seed * 3 + 1), b(rig, right, 50000, seed * 3 + 2);
  Agent c(rig, beside, 60000, seed * 3 + 3);
  const std::size_t calls = 1 + dice.below(2);
  for (std::size_t i = 0; i < calls; ++i)
    (dice.below(2) == 0 ? a : b).call("+4989" + std::to_string(100 + i));
  // A third of the runs cut one side off for a while.
  const IpAddress cut = (dice.below(2) == 0 ? left : right).endpoint().address;
  const auto from = dice.below(3) == 0 ? dice.below(150) : 100'000;
  const auto to = from + 10 + dice.below(100);
  for (std::uint64_t turn = 0; turn < 2'000; ++turn) {
    if (turn == from) rig.world.network().partition(cut, us);
    if (turn == to) rig.world.network().heal(cut, us);
    rig.run(Millis(100));
    a.turn();
    b.turn();
    c.turn();
    if (turn > 400 && rig.calls() == 0 && rig.transactions() == 0) break;
  }
  std::size_t tags = 0;
  rig.each([&](call::GatewayShard& s) { tags += s.tags_now(); });
  EXPECT_EQ(rig.records.size(), calls);
  EXPECT_EQ(rig.calls(), 0U);
  EXPECT_EQ(rig.transactions(), 0U);
  EXPECT_EQ(rig.media_legs(), 0U);
  EXPECT_EQ(tags, 0U);
  EXPECT_EQ(a.dialogs_up() + b.dialogs_up() + c.dialogs_up(), 0U)
      << "one side believes that the call is up";
  EXPECT_EQ(a.calls_open() + b.calls_open() + c.calls_open(), 0U);
  for (const auto& r : rig.records) ++tally[r.termination];
  for (const Peer* p : {&left, &right})
    for (const auto& line : p->transcript) ++tally[line];
  for (const auto& line : beside.transcript) ++tally["beside " + line];
  if (::testing::Test::HasFailure())
    ADD_FAILURE() << a.state() << b.state() << c.state() << rig.trail_of_all();
}

TEST(RandomAgents, WhateverTheyDoEachCallEndsOnceAndNothingIsLeft) {
  const auto n = seeds();
  Tally tally;
  const char* first = std::getenv("CAUSEWAY_FIRST_SEED");
  const std::uint64_t begin = first ? std::strtoull(first, nullptr, 10) : 1;
  for (std::uint64_t seed = begin; seed < begin + n && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    play(seed, tally);
  }
  if (std::getenv("CAUSEWAY_TALLY"))
    for (const auto& [what, times] : tally) std::printf("%8zu %s\n", times, what.c_str());
  if (n < 500) return;
  for (const char* what :
       {"< 487 INVITE", "> 487 INVITE", "< 491 INVITE", "> 491 INVITE", "< 491 UPDATE",
        "< 500 UPDATE", "< 200 UPDATE", "< UPDATE", "> PRACK", "< PRACK", "< 481 PRACK",
        "< 200 PRACK", "< CANCEL", "> CANCEL", "< BYE", "> BYE", "< 183 INVITE", "> 199 INVITE",
        "completed", "cancelled", "busy", "no_answer", "dropped",
        // Called beside another: it lost, it won, and it answered as it lost
        "beside < CANCEL", "beside > BYE", "beside < BYE"})
    EXPECT_GT(tally[what], 0U) << what << " never happened";
}

}  // namespace
}  // namespace causeway::scenario
