#include "ice/agent.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace causeway::ice {
namespace {

using What = Answer::What;

const Credentials kOurs{"gate", "gatewaypasswordof24chars"};
const Endpoint kHome = *Endpoint::parse("192.0.2.10:50010");
const Endpoint kOffice = *Endpoint::parse("198.51.100.20:50020");
const Endpoint kRelay = *Endpoint::parse("203.0.113.30:3478");

rtp::HmacSha1 key(std::string_view pwd) {
  return rtp::HmacSha1({reinterpret_cast<const std::uint8_t*>(pwd.data()), pwd.size()},
                       rtp::HmacVariant::kPortable);
}

struct Check {
  std::string ours = kOurs.ufrag;
  std::string theirs = "fork1";
  std::string pwd = kOurs.pwd;
  std::uint32_t priority = 1'000;
  bool nominate = false;
  bool controlled = false;
  bool integrity = true;
  bool fingerprint = true;
  std::uint16_t odd = 0;  // an attribute beside

  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> b(600);
    StunWriter w(b, StunClass::kRequest, {std::byte{1}, std::byte{2}});
    if (!ours.empty()) w.username(ours + ":" + theirs);
    w.priority(priority);
    w.role(!controlled, 77);
    if (nominate) w.use_candidate();
    if (odd != 0) w.attribute(odd, {});
    if (integrity) w.integrity(key(pwd));
    if (fingerprint) w.fingerprint();
    b.resize(w.size());
    return b;
  }
};

class Rig {
 public:
  Answer send(const Check& c, const Endpoint& from = kHome, Component component = Component::kRtp) {
    now += Millis(10);
    const auto request = c.bytes();
    const Answer a = agent.on_request(request, from, component, now, out);
    request_bytes = request.size();
    reply.reset();
    if (a.bytes > 0) reply = parse_stun(std::span<const std::byte>(out).first(a.bytes));
    return a;
  }
  [[nodiscard]] std::string path(Component c = Component::kRtp) const {
    const auto p = agent.path(c);
    return p ? p->to_string() : "none";
  }
  Agent agent{kOurs};
  Instant now{Seconds(9)};
  std::array<std::byte, kMaxAnswer> out{};
  std::optional<StunMessage> reply;
  std::size_t request_bytes = 0;
};

TEST(IceAgent, AnswersAValidCheckWithTheAddressThatItSaw) {
  Rig r;
  const Answer a = r.send({});
  EXPECT_EQ(a.what, What::kValidated);
  ASSERT_TRUE(r.reply);
  EXPECT_EQ(r.reply->kind, StunClass::kSuccess);
  EXPECT_EQ(r.reply->mapped, kHome);
  EXPECT_EQ(r.reply->transaction[0], std::byte{1});
  EXPECT_EQ(r.reply->fingerprint, Fingerprint::kRight);
  EXPECT_TRUE(
      integrity_holds(std::span<const std::byte>(r.out).first(a.bytes), *r.reply, key(kOurs.pwd)));
  const Endpoint v6 = *Endpoint::parse("[2001:db8::5]:4000");
  EXPECT_EQ(r.send({}, v6).what, What::kValidated);
  EXPECT_EQ(r.reply->mapped, v6);
}

TEST(IceAgent, RefusalsSayWhyAndAreNeverLargerThanAStrangersRequest) {
  struct Case {
    Check check;
    std::uint16_t error;
    bool authenticated;
  };
  const Case cases[] = {
      {{.ours = ""}, 400, false},      {{.integrity = false}, 400, false},
      {{.ours = "other"}, 401, false}, {{.pwd = "wrongpasswordof24charsxx"}, 401, false},
      {{.odd = 0x7777}, 420, true},    {{.controlled = true}, 487, true},
  };
  for (const auto& c : cases) {
    Rig r;
    const Answer a = r.send(c.check);
    EXPECT_EQ(a.what, What::kRefused);
    EXPECT_EQ(a.error, c.error);
    ASSERT_TRUE(r.reply) << c.error;
    EXPECT_EQ(r.reply->kind, StunClass::kError);
    EXPECT_EQ(r.reply->error, c.error);
    EXPECT_EQ(r.reply->integrity_at != 0, c.authenticated);
    EXPECT_EQ(r.path(), "none");
    EXPECT_FALSE(r.agent.admits(kHome, Component::kRtp));
    if (!c.authenticated) {
      EXPECT_LE(a.bytes, r.request_bytes);
    }
  }
}

TEST(IceAgent, AnEmptyRequestIsNotAnsweredWithMore) {
  Rig r;
  for (std::size_t extra = 0; extra < 5; ++extra) {
    std::vector<std::byte> b(200);
    StunWriter w(b, StunClass::kRequest, {});
    for (std::size_t i = 0; i < extra; ++i) w.attribute(0x8022, std::vector<std::byte>(4));
    b.resize(w.size());
    const Answer a = r.agent.on_request(b, kHome, Component::kRtp, r.now, r.out);
    EXPECT_LE(a.bytes, b.size());
    EXPECT_EQ(a.what, extra == 0 ? What::kDropped : What::kRefused);
  }
}

TEST(IceAgent, GarbageIndicationsAndAnswersOfOthersAreDroppedWithoutEffect) {
  Rig r;
  r.send({.nominate = true});
  auto wrong = Check{}.bytes();
  wrong.back() ^= std::byte{1};  // fingerprint
  EXPECT_EQ(r.agent.on_request(wrong, kOffice, Component::kRtp, r.now, r.out).what, What::kDropped);
  for (const StunClass k : {StunClass::kIndication, StunClass::kSuccess, StunClass::kError}) {
    std::vector<std::byte> b(200);
    StunWriter w(b, k, {});
    w.username("gate:fork1");
    w.integrity(key(kOurs.pwd));
    b.resize(w.size());
    EXPECT_EQ(r.agent.on_request(b, kOffice, Component::kRtp, r.now, r.out).what, What::kDropped);
  }
  SeededRandom random(4);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<std::byte> b(random.below(200));
    random.fill(b);
    EXPECT_EQ(r.agent.on_request(b, kOffice, Component::kRtp, r.now, r.out).what, What::kDropped);
  }
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_FALSE(r.agent.admits(kOffice, Component::kRtp));
  EXPECT_EQ(r.agent.counts().malformed, 2'001u);
  EXPECT_EQ(r.send({.fingerprint = false}).what, What::kValidated);
  EXPECT_EQ(r.send({.odd = 0xc057}).what, What::kValidated);  // optional: ignored
}

TEST(IceAgent, RegularNominationDecidesOverChecksOfHigherPriority) {
  Rig r;
  r.send({.priority = 500}, kRelay);
  EXPECT_EQ(r.path(), kRelay.to_string());
  r.send({.priority = 900}, kHome);
  EXPECT_EQ(r.path(), kHome.to_string());
  const Answer a = r.send({.priority = 500, .nominate = true}, kRelay);
  EXPECT_EQ(a.what, What::kNominated);
  EXPECT_TRUE(a.moved);
  EXPECT_TRUE(r.agent.nominated(Component::kRtp));
  EXPECT_EQ(r.path(), kRelay.to_string());
  EXPECT_FALSE(r.send({.priority = 900}, kHome).moved);
  EXPECT_EQ(r.path(), kRelay.to_string());
}

TEST(IceAgent, AggressiveNominationTakesTheHighestPriority) {
  Rig r;
  r.send({.priority = 500, .nominate = true}, kRelay);
  EXPECT_TRUE(r.send({.priority = 900, .nominate = true}, kHome).moved);
  EXPECT_FALSE(r.send({.priority = 700, .nominate = true}, kOffice).moved);
  EXPECT_FALSE(r.send({.priority = 500, .nominate = true}, kRelay).moved);
  EXPECT_EQ(r.path(), kHome.to_string());
}

TEST(IceAgent, AChosenPathThatIsNotCheckedAnyMoreGivesWay) {
  Rig r;
  r.send({.priority = 900, .nominate = true}, kHome);
  r.now += Seconds(11);
  EXPECT_TRUE(r.send({.priority = 500, .nominate = true}, kRelay).moved);
  // Also to a path that is only checked.
  r.now += Seconds(11);
  EXPECT_TRUE(r.send({.priority = 400}, kOffice).moved);
  EXPECT_EQ(r.path(), kOffice.to_string());
}

TEST(IceAgent, ComponentsWithoutMuxHavePathsOfTheirOwn) {
  Rig r;
  r.send({.nominate = true}, kHome, Component::kRtp);
  EXPECT_EQ(r.path(Component::kRtcp), "none");
  r.send({.nominate = true}, kOffice, Component::kRtcp);
  EXPECT_EQ(r.path(Component::kRtp), kHome.to_string());
  EXPECT_EQ(r.path(Component::kRtcp), kOffice.to_string());
  EXPECT_FALSE(r.agent.admits(kOffice, Component::kRtp));
}

TEST(IceAgent, NominationsOfForksBeforeTheAnswerAreKeptForTheOneThatAnswers) {
  Rig r;
  r.send({.theirs = "fork1", .nominate = true}, kHome);
  r.send({.theirs = "fork2", .nominate = true}, kOffice);
  EXPECT_EQ(r.path(), kOffice.to_string());  // early media: who nominated last
  r.send({.theirs = "fork3"}, kRelay);
  EXPECT_EQ(r.path(), kOffice.to_string());
  r.agent.choose("fork1", false, r.now);
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_FALSE(r.agent.path(Component::kRtp) == kOffice);
  r.send({.theirs = "fork2", .priority = 9'999, .nominate = true}, kOffice);
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_EQ(r.agent.peer_at(kOffice, Component::kRtp), peer_key("fork2"));
}

TEST(IceAgent, NominationMayComeAfterTheAnswer) {
  Rig r;
  r.agent.choose("fork1", false, r.now);
  r.agent.set_default(Component::kRtp, kRelay);
  EXPECT_EQ(r.path(), kRelay.to_string());
  EXPECT_FALSE(r.agent.admits(kRelay, Component::kRtp));  // said, not proven
  r.send({.nominate = true}, kHome);
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_TRUE(r.agent.admits(kHome, Component::kRtp));
}

TEST(IceAgent, BeforeNominationTheBestCheckedPathIsUsed) {
  Rig r;
  r.send({.priority = 100}, kRelay);
  r.send({.priority = 900}, kHome);
  r.send({.priority = 100}, kRelay);
  EXPECT_EQ(r.path(), kHome.to_string());
}

TEST(IceAgent, TwoLiteAgentsUseTheDefaultCandidate) {
  Rig r;
  r.agent.choose("sbc", true, r.now);
  r.agent.set_default(Component::kRtp, kOffice);
  EXPECT_EQ(r.path(), kOffice.to_string());
  EXPECT_TRUE(r.agent.admits(kOffice, Component::kRtp));
  EXPECT_FALSE(r.agent.admits(kHome, Component::kRtp));
  EXPECT_FALSE(r.agent.consent_lost(r.now + Seconds(3'600)));
}

TEST(IceAgent, ConsentIsTheTimeOfTheLastValidCheckOfTheChosenPeer) {
  Rig r;
  r.agent.choose("fork1", false, r.now);
  EXPECT_FALSE(r.agent.consent_lost(r.now + Seconds(29)));
  EXPECT_TRUE(r.agent.consent_lost(r.now + Seconds(31)));  // it never checked
  for (int i = 0; i < 20; ++i) {
    r.now += Seconds(5);
    r.send({.theirs = "fork1"});
    EXPECT_FALSE(r.agent.consent_lost(r.now));
  }
  for (int i = 0; i < 7; ++i) {
    r.now += Seconds(5);
    r.send({.theirs = "fork2"});
    r.send({.theirs = "fork1", .pwd = "wrongpasswordof24charsxx"});
  }
  EXPECT_TRUE(r.agent.consent_lost(r.now));
}

TEST(IceAgent, ARestartAnswersOldChecksAndKeepsThePathUntilANewOneIsChosen) {
  Rig r;
  r.send({.nominate = true}, kHome);
  r.agent.choose("fork1", false, r.now);
  const Credentials fresh{"newgate", "anotherpasswordwith24chr"};
  r.agent.restart(fresh);
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_TRUE(r.agent.admits(kHome, Component::kRtp));
  EXPECT_EQ(r.send({}, kHome).what, What::kAlive);
  EXPECT_EQ(r.reply->kind, StunClass::kSuccess);
  EXPECT_EQ(r.send({.nominate = true}, kOffice).what, What::kAlive);
  EXPECT_EQ(r.path(), kHome.to_string());
  r.agent.choose("processor", false, r.now);
  r.agent.set_default(Component::kRtp, kRelay);
  EXPECT_EQ(r.path(), kHome.to_string());
  const Answer a = r.send(
      {.ours = "newgate", .theirs = "processor", .pwd = fresh.pwd, .nominate = true}, kRelay);
  EXPECT_EQ(a.what, What::kNominated);
  EXPECT_EQ(r.path(), kRelay.to_string());
  EXPECT_FALSE(r.agent.admits(kHome, Component::kRtp));
}

TEST(IceAgent, OnlyUfragAndPasswordTogetherRestart) {
  const Credentials a{"aaaa", "passwordpasswordpassword"};
  EXPECT_FALSE(restarts(a, a));
  EXPECT_FALSE(restarts(a, {"bbbb", a.pwd}));
  EXPECT_FALSE(restarts(a, {a.ufrag, "wordpasswordpasswordpass"}));
  EXPECT_TRUE(restarts(a, {"bbbb", "wordpasswordpasswordpass"}));
}

TEST(IceAgent, AnyNumberOfPeersIsAnsweredInBoundedRoomAndTheChosenOneIsKept) {
  Rig r;
  r.send({.theirs = "chosen", .nominate = true}, kHome);
  r.agent.choose("chosen", false, r.now);
  for (int i = 0; i < 200; ++i) {
    const Endpoint from{IpAddress::v4(0x0a000000u + static_cast<unsigned>(i)), 4'000};
    EXPECT_EQ(r.send({.theirs = "f" + std::to_string(i), .nominate = true}, from).what,
              What::kNominated);
    if (i % 10 == 0) r.send({.theirs = "chosen"}, kHome);
  }
  EXPECT_EQ(r.path(), kHome.to_string());
  EXPECT_TRUE(r.agent.admits(kHome, Component::kRtp));
}

TEST(IceAgent, BuiltAnewFromItsStateItGoesOnWhereItWas) {
  Rig r;
  r.send({.nominate = true}, kHome);
  r.agent.choose("fork1", false, r.now);
  r.agent.restart({"newgate", "anotherpasswordwith24chr"});
  Agent again(r.agent.state());
  EXPECT_EQ(again.state(), r.agent.state());
  EXPECT_EQ(again.path(Component::kRtp), kHome);
  EXPECT_EQ(again.on_request(Check{}.bytes(), kHome, Component::kRtp, r.now, r.out).what,
            What::kAlive);
  const Check fresh{.ours = "newgate", .pwd = "anotherpasswordwith24chr", .nominate = true};
  EXPECT_EQ(again.on_request(fresh.bytes(), kOffice, Component::kRtp, r.now, r.out).what,
            What::kNominated);
  EXPECT_EQ(again.path(Component::kRtp), kOffice);
}

TEST(IceCredentials, AreLongRandomAndOfTheRightLetters) {
  SeededRandom random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Credentials c = make_credentials(random);
    EXPECT_TRUE(well_formed(c));
    EXPECT_TRUE(seen.insert(c.ufrag).second);
    EXPECT_TRUE(seen.insert(c.pwd).second);
  }
  EXPECT_FALSE(well_formed({"abc", "passwordpasswordpassword"}));
  EXPECT_FALSE(well_formed({"abcd", "short"}));
  EXPECT_FALSE(well_formed({"ab:d", "passwordpasswordpassword"}));
  EXPECT_FALSE(well_formed({std::string(257, 'a'), "passwordpasswordpassword"}));
  EXPECT_EQ(host_priority(1), 2'130'706'431u);
}

}  // namespace
}  // namespace causeway::ice
