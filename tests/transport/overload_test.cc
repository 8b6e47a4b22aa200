#include "transport/overload.h"

#include <gtest/gtest.h>

#include "sip/message.h"
#include "support/proves.h"
#include "transport/emergency.h"
#include "transport/first_look.h"
#include "transport/source_guard.h"
#include "transport/source_rates.h"

namespace causeway::transport {
namespace {

constexpr Micros kTarget{20'000};

TEST(Overload, NothingIsShedWhileNobodyWaits) {
  OverloadState s;
  for (int i = 0; i < 1'000; ++i) {
    (void)step(s, {Millis{5}, Millis{19}, Instant{Millis{10 * i}}}, kTarget);
    EXPECT_TRUE(admit(s));
  }
}

TEST(Overload, DelayCutsTheShareQuicklyAndItComesBackSlowly) {
  OverloadState s;
  Instant now{Seconds{10}};
  for (int i = 0; i < 60; ++i, now += kOverloadStep)
    (void)step(s, {Micros{0}, Millis{90}, now}, kTarget);
  EXPECT_LT(s.admitted, 0.05);
  EXPECT_GE(s.admitted, kOverloadLeast)
      << "somebody always gets in, or nobody would notice the end";
  int let_in = 0;
  for (int i = 0; i < 1'000; ++i) let_in += admit(s);
  EXPECT_NEAR(let_in, 1'000 * s.admitted, 2);
  const double low = s.admitted;
  (void)step(s, {Micros{0}, Micros{0}, now}, kTarget);
  EXPECT_LT(s.admitted - low, 0.05);
  for (int i = 0; i < 60; ++i, now += kOverloadStep)
    (void)step(s, {Micros{0}, Micros{0}, now}, kTarget);
  EXPECT_EQ(s.admitted, 1.0);
}

TEST(Overload, AStallThatPassesShedsNothing) {
  OverloadState s;
  Instant now{Seconds{10}};
  for (int i = 0; i < 200; ++i) {
    // Every 200 ms the machine stands still for 90; what waited is worked off at once.
    const Micros age = i % 20 == 0 ? Micros{90'000} : Micros{0};
    now += i % 20 == 0 ? Millis{90} : Millis{6};
    (void)step(s, {age, age, now}, kTarget);
    EXPECT_EQ(s.admitted, 1.0) << i;
  }
}

TEST(Overload, ADelayThatFallsIsNotCutFurther) {
  OverloadState s;
  Instant now{Seconds{10}};
  for (int i = 0; i < 10; ++i, now += kOverloadStep)
    (void)step(s, {Micros{0}, Millis{100 * i}, now}, kTarget);
  const double share = s.admitted;
  EXPECT_LT(share, 0.6);
  for (int i = 9; i > 0; --i, now += kOverloadStep)
    EXPECT_EQ(step(s, {Micros{0}, Millis{100 * i - 50}, now}, kTarget), share);
  EXPECT_GT(step(s, {Micros{0}, Millis{1}, now}, kTarget), share);
}

TEST(Overload, AQueueThatStandsIsNotHiddenByOneThatIsEmpty) {
  OverloadState s;
  Instant now{Seconds{10}};
  for (int i = 0; i < 600; ++i, now += Millis{5}) {
    (void)step(s, {Micros{0}, Millis{200}, now, 0}, kTarget);
    (void)step(s, {Micros{0}, Micros{0}, now, 1}, kTarget);
  }
  EXPECT_LT(s.admitted, 0.1);
  for (int i = 0; i < 600; ++i, now += Millis{5})
    (void)step(s, {Micros{0}, Micros{0}, now, 1}, kTarget);
  EXPECT_EQ(s.admitted, 1.0) << "nothing comes there any more";
  for (int i = 0; i < 600; ++i, now += Millis{5})
    (void)step(s, {Micros{0}, Millis{200}, now, 0}, kTarget);
  now += Seconds{1};
  EXPECT_EQ(step(s, {Micros{0}, Micros{0}, now, 1}, kTarget), 1.0) << "after a pause";
}

// A server that works off so many calls a second, with what waits in a queue: the share finds what
// it can carry, and carries nearly all of that however much is offered.
TEST(Overload, GoodputStaysFlatAtThreeTimesTheCapacity) {
  constexpr double kCapacity = 2'000;
  const auto goodput = [](double offered) {
    OverloadState s;
    double queue = 0, done = 0, owed = 0;
    Instant now{Seconds{10}};
    for (int ms = 0; ms < 20'000; ++ms, now += Millis{1}) {
      for (owed += offered / 1'000; owed >= 1; owed -= 1) {
        const Micros age{static_cast<std::int64_t>(queue / kCapacity * 1e6)};
        (void)step(s, {Micros{0}, age, now}, kTarget);
        queue += admit(s) ? 1.0 : 0.02;  // to refuse one costs a fiftieth
      }
      const double worked = std::min(queue, kCapacity / 1'000);
      queue -= worked;
      if (ms > 5'000) done += worked;
    }
    return done / 15;
  };
  EXPECT_GT(goodput(kCapacity * 3), 0.95 * kCapacity);
  EXPECT_GT(goodput(kCapacity * 0.9), 0.89 * kCapacity);
}

std::string invite(const std::string& to, const std::string& more = "") {
  return "INVITE sip:+4930123@h SIP/2.0\r\nVia: SIP/2.0/UDP "
         "192.0.2.1:5070;rport;branch=z9hG4bKa\r\n"
         "v: SIP/2.0/UDP p;branch=z9hG4bKb\r\nFrom: <sip:a@b>;tag=1\r\nTo: " +
         to + "\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" + more + "Content-Length: 0\r\n\r\n";
}

TEST(FirstLook, TellsANewCallFromOneOfADialog) {
  const std::string text = invite("\"x;tag=y\" <sip:c@d;tag=no>");
  const auto fresh = first_look(text);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->uri, "sip:+4930123@h");
  EXPECT_FALSE(fresh->to_tag);
  EXPECT_FALSE(fresh->priority);
  EXPECT_TRUE(first_look(invite("<sip:c@d>; tag=abc"))->to_tag);
  EXPECT_TRUE(first_look(invite("<sip:c@d>", "Resource-Priority: esnet.1\r\n"))->priority);
  EXPECT_FALSE(first_look(invite("<sip:c@d>\r\n ;tag=x"))) << "folded: the parser says what it is";
  EXPECT_FALSE(first_look("INVITE sip:a@b SIP/2.0\r\nTo: x\r\n\r\n"));
}

TEST(FirstLook, AnswerHasWhatItsSenderNeedsToFindIt) {
  const std::string request = invite("<sip:c@d>");
  const auto look = first_look(request);
  const std::string text =
      shed_response(*look, *Endpoint::parse("192.0.2.9:31000"), 7, "X-A: b\r\n");
  const auto m = sip::Message::parse(text);
  ASSERT_TRUE(m);
  EXPECT_TRUE(sip::validate(*m));
  EXPECT_EQ(m->status(), 503);
  EXPECT_EQ(m->count(sip::HeaderId::kVia), 2U);
  EXPECT_EQ(m->value(sip::HeaderId::kVia),
            "SIP/2.0/UDP 192.0.2.1:5070;rport=31000;branch=z9hG4bKa;received=192.0.2.9");
  EXPECT_EQ(m->value(sip::HeaderId::kRetryAfter), "7");
  EXPECT_TRUE(m->to_tag().starts_with("shed-"));
  EXPECT_EQ(text, shed_response(*look, *Endpoint::parse("192.0.2.9:31000"), 7, "X-A: b\r\n"));
}

TEST(Emergency, IsSeenInTheRequestUriHoweverItIsWritten) {
  deployment::Deployment d;
  d.emergency = {{"112", "sos"}, {"+911", "sos"}};
  for (const char* uri :
       {"sip:112@h", "sip:+112@h", "sips:1-1-2@h;user=phone", "tel:112",
        "tel:+1.12;phone-context=x", "tel:112;phone-context=+49",
        "sip:112;phone-context=+49@h;user=phone", "sip:%31%312@h", "sip:%2B112@h", "sip:911;x=y@h",
        "urn:service:sos", "URN:SERVICE:SOS.police", "sip:112:pw@h"})
    EXPECT_TRUE(names_emergency(d, uri)) << uri;
  for (const char* uri :
       {"sip:1120@h", "sip:112", "sip:a112@h", "urn:service:sosx", "urn:service:counseling",
        "sip:h", "", "tel:11", "sip:11211211211211211211@h"})
    EXPECT_FALSE(names_emergency(d, uri)) << uri;
}

TEST(SourceRates, EachSourceHasItsOwnAndTheTableIsBounded) {
  SourceRates r({1, 2});
  const auto source = [](unsigned i) {
    return *IpAddress::parse("10." + std::to_string(i >> 16) + "." +
                             std::to_string((i >> 8) & 255) + "." + std::to_string(i & 255));
  };
  Instant now{Seconds{1'000}};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(r.take(source(1), now, false)) << "no rate is set";
  EXPECT_EQ(r.size(), 0U);
  r.set({10, 2});
  EXPECT_TRUE(r.take(source(1), now, false));
  EXPECT_TRUE(r.take(source(1), now, true));
  EXPECT_FALSE(r.take(source(1), now, false));
  EXPECT_TRUE(r.take(source(1), now, true)) << "an emergency";
  EXPECT_TRUE(r.take(source(2), now, false));
  for (unsigned i = 0; i < 2 * SourceRates::kMost; ++i) (void)r.take(source(i), now, false);
  EXPECT_EQ(r.size(), SourceRates::kMost);
  now += Seconds{2};
  EXPECT_TRUE(r.take(source(50'000), now, false));
  EXPECT_EQ(r.size(), 1U) << "who is quiet again is forgotten";
}

TEST(SourceGuard, OffencesOfAMinuteCountAndBansEnd) {
  SourceGuard g({1, 2});
  g.set({.offences_per_minute = 3, .ban = Seconds{100}});
  const IpAddress a = *IpAddress::parse("192.0.2.1");
  const IpAddress b = *IpAddress::parse("192.0.2.2");
  Instant now{Seconds{1'000}};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(g.offence(a, now));
  EXPECT_EQ(g.arriving(a, now), SourceGuard::Verdict::kPass);
  now += Seconds{61};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(g.offence(a, now)) << "a new minute";
  EXPECT_TRUE(g.offence(a, now));
  EXPECT_EQ(g.arriving(a, now), SourceGuard::Verdict::kLook);
  EXPECT_EQ(g.arriving(b, now), SourceGuard::Verdict::kPass);
  (void)g.ban(a, "why", now);
  EXPECT_EQ(g.arriving(a, now), SourceGuard::Verdict::kBanned);
  ASSERT_EQ(g.bans(now).size(), 1U);
  EXPECT_EQ(g.bans(now)[0].reason, "why");
  now += Seconds{100};
  EXPECT_EQ(g.arriving(a, now), SourceGuard::Verdict::kPass);
  EXPECT_TRUE(g.bans(now).empty());
}

TEST(SourceGuard, KnowsNoMoreThanItsBoundAndForgetsWhoBehaves) {
  SourceGuard g({1, 2});
  g.set({.offences_per_minute = 1, .ban = Seconds{100}});
  Instant now{Seconds{1'000}};
  const auto source = [](std::uint32_t i) { return IpAddress::v4(0x0a000000U + i); };
  for (std::uint32_t i = 0; i < SourceGuard::kMost + 100; ++i) (void)g.offence(source(i), now);
  EXPECT_FALSE(g.offence(source(SourceGuard::kMost + 50), now)) << "not known: there is no room";
  now += Seconds{120};
  const IpAddress late = source(SourceGuard::kMost + 60);
  EXPECT_FALSE(g.offence(late, now));
  EXPECT_TRUE(g.offence(late, now));
}

}  // namespace
}  // namespace causeway::transport
