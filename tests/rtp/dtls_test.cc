#include "rtp/dtls.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "rtp/bytes.h"
#include "support/proves.h"

namespace causeway::rtp {
namespace {

using Step = Dtls::Step;

std::shared_ptr<const DtlsIdentity> identity() { return DtlsIdentity::make().value(); }

std::span<const std::byte> bytes_of(const std::string& s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

// Two ends and what is on the way between them.
struct Pair {
  std::shared_ptr<const DtlsIdentity> ours = identity(), theirs = identity();
  std::unique_ptr<Dtls> client, server;
  std::size_t largest = 0;

  explicit Pair(std::vector<SrtpSuite> at_client = {SrtpSuite::kAesCm128HmacSha1_80},
                std::vector<SrtpSuite> at_server = {SrtpSuite::kAesCm128HmacSha1_80},
                std::optional<CertificateDigest> expected = std::nullopt) {
    client = Dtls::create(ours, {true, {theirs->digest()}, std::move(at_client)});
    server =
        Dtls::create(theirs, {false, {expected.value_or(ours->digest())}, std::move(at_server)});
  }
  // Everything that waits, to the other end.
  bool carry(Dtls& from, Dtls& to) {
    const auto out = from.take_output();
    for (const auto& d : out) {
      largest = std::max(largest, d.size());
      (void)to.feed(bytes_of(d));
    }
    return !out.empty();
  }
  // Until neither has more to say.
  void exchange() {
    for (bool more = true; more;) {
      more = carry(*client, *server);
      more = carry(*server, *client) || more;
    }
  }
  void run() {
    (void)client->start();
    exchange();
  }
};

std::vector<std::byte> packet(std::uint16_t sequence) {
  std::vector<std::byte> p(12 + 160 + Srtp::kMaxExpansion);
  p[0] = std::byte{0x80};
  put16(p.data() + 2, sequence);
  put32(p.data() + 8, 0x12345678);
  return p;
}

TEST(Dtls, BothEndsComeToTheSameKeysAndProtectWithThem) {
  for (const SrtpSuite suite : {SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAesCm128HmacSha1_32,
                                SrtpSuite::kAeadAes128Gcm, SrtpSuite::kAeadAes256Gcm}) {
    Pair p({suite}, {suite});
    p.run();
    ASSERT_EQ(p.client->state(), Step::kDone) << p.client->in_words();
    ASSERT_EQ(p.server->state(), Step::kDone) << p.server->in_words();
    EXPECT_EQ(p.client->send_key().suite, suite);
    EXPECT_EQ(p.client->send_key().key_salt, p.server->receive_key().key_salt);
    EXPECT_EQ(p.client->receive_key().key_salt, p.server->send_key().key_salt);
    EXPECT_NE(p.client->send_key().key_salt, p.client->receive_key().key_salt);
    auto sends = Srtp::create(p.client->send_key());
    auto receives = Srtp::create(p.server->receive_key());
    ASSERT_TRUE(sends && receives);
    auto data = packet(7);
    const auto sealed = sends->protect_rtp(std::span(data).first(172));
    ASSERT_EQ(sealed.outcome, SrtpOutcome::kOk);
    EXPECT_EQ(receives->unprotect_rtp(std::span(data).first(sealed.size)).outcome,
              SrtpOutcome::kOk);
    EXPECT_LE(p.largest, Dtls::kMaxDatagramBytes);
    EXPECT_NE(p.client->in_words().find("DTLSv1.2"), std::string::npos) << p.client->in_words();
  }
}

TEST(Dtls, TheFirstSuiteOfTheServerThatTheClientHasIsTaken) {
  Pair p({SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAeadAes128Gcm},
         {SrtpSuite::kAeadAes256Gcm, SrtpSuite::kAeadAes128Gcm, SrtpSuite::kAesCm128HmacSha1_80});
  p.run();
  ASSERT_EQ(p.server->state(), Step::kDone);
  EXPECT_EQ(p.server->send_key().suite, SrtpSuite::kAeadAes128Gcm);
}

TEST(Dtls, ACertificateThatTheSdpDoesNotNameIsRefused) {
  Pair p({SrtpSuite::kAesCm128HmacSha1_80}, {SrtpSuite::kAesCm128HmacSha1_80},
         identity()->digest());
  p.run();
  EXPECT_EQ(p.server->state(), Step::kFailed);
  EXPECT_NE(p.server->in_words().find("fingerprint"), std::string::npos) << p.server->in_words();
  EXPECT_NE(p.client->state(), Step::kDone);
}

TEST(Dtls, AFingerprintOfAnotherHashOrLengthDoesNotFit) {
  auto cut = identity()->digest();
  cut.octets.resize(20);
  Pair p({SrtpSuite::kAesCm128HmacSha1_80}, {SrtpSuite::kAesCm128HmacSha1_80}, cut);
  p.run();
  EXPECT_EQ(p.server->state(), Step::kFailed);
}

TEST(Dtls, WithoutACommonSuiteThereAreNoKeys) {
  Pair p({SrtpSuite::kAesCm128HmacSha1_80}, {SrtpSuite::kAeadAes256Gcm});
  p.run();
  EXPECT_NE(p.server->state(), Step::kDone);
  EXPECT_NE(p.client->state(), Step::kDone);
}

TEST(Dtls, ASuiteThatDtlsDoesNotHaveIsNotOffered) {
  EXPECT_EQ(Dtls::create(identity(), {true, {}, {SrtpSuite::kAesCm256HmacSha1_80}}), nullptr);
  Pair p({SrtpSuite::kAesCm256HmacSha1_80, SrtpSuite::kAeadAes128Gcm}, {SrtpSuite::kAeadAes128Gcm});
  p.run();
  EXPECT_EQ(p.client->state(), Step::kDone);
}

TEST(Dtls, GarbageAndRepetitionsAreNoFailure) {
  Pair p;
  (void)p.client->start();
  const std::string garbage(100, '\x16');
  for (int i = 0; i < 10; ++i) EXPECT_EQ(p.server->feed(bytes_of(garbage)), Step::kMore);
  // Every datagram arrives twice.
  for (bool more = true; more;) {
    const auto there = p.client->take_output();
    for (const auto& d : there)
      for (int twice = 0; twice < 2; ++twice) (void)p.server->feed(bytes_of(d));
    const auto back = p.server->take_output();
    for (const auto& d : back)
      for (int twice = 0; twice < 2; ++twice) (void)p.client->feed(bytes_of(d));
    more = !there.empty() || !back.empty();
  }
  EXPECT_EQ(p.client->state(), Step::kDone) << p.client->in_words();
  EXPECT_EQ(p.server->state(), Step::kDone) << p.server->in_words();
}

TEST(Dtls, WhatIsLostIsSentAgain) {
  Pair p;
  (void)p.client->start();
  EXPECT_FALSE(p.client->take_output().empty());  // lost
  const auto wait = p.client->timeout();
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, Millis(0));
  EXPECT_LE(*wait, Seconds(1));
  std::this_thread::sleep_for(*wait + Millis(20));
  EXPECT_EQ(p.client->on_timer(), Step::kMore);
  p.exchange();
  EXPECT_EQ(p.client->state(), Step::kDone);
  EXPECT_FALSE(p.client->timeout());
}

TEST(Dtls, APeerThatMissedTheLastFlightGetsItAgain) {
  Pair p;
  (void)p.client->start();
  for (int twice = 0; twice < 2; ++twice) {  // the cookie, then the flights
    p.carry(*p.client, *p.server);
    p.carry(*p.server, *p.client);
  }
  p.carry(*p.client, *p.server);
  ASSERT_EQ(p.server->state(), Step::kDone);
  EXPECT_FALSE(p.server->take_output().empty());  // its last flight is lost
  ASSERT_EQ(p.client->state(), Step::kMore);
  std::this_thread::sleep_for(*p.client->timeout() + Millis(20));
  (void)p.client->on_timer();
  p.exchange();
  EXPECT_EQ(p.client->state(), Step::kDone) << p.client->in_words();
}

TEST(Dtls, AnAddressGetsNoMoreThanItSentUntilItHasShownThatItIsThere) {
  Pair p;
  (void)p.client->start();
  const Endpoint here = *Endpoint::parse("192.0.2.7:4000"),
                 there = *Endpoint::parse("192.0.2.8:4000");
  const auto first = p.client->take_output();
  ASSERT_EQ(first.size(), 1U);
  for (int i = 0; i < 3; ++i) {
    (void)p.server->feed(bytes_of(first[0]), here);
    std::size_t answered = 0;
    for (const auto& d : p.server->take_output()) answered += d.size();
    EXPECT_LT(answered, first[0].size());
    EXPECT_FALSE(p.server->proven());
  }
  EXPECT_FALSE(p.server->timeout()) << "and nothing is repeated";
  // The cookie of one address from another one is worth nothing.
  Pair q;
  (void)q.client->start();
  (void)q.server->feed(bytes_of(q.client->take_output().at(0)), here);
  (void)q.client->feed(bytes_of(q.server->take_output().at(0)));
  (void)q.server->feed(bytes_of(q.client->take_output().at(0)), there);
  EXPECT_FALSE(q.server->proven());
  EXPECT_EQ(q.server->state(), Step::kFailed);
}

TEST(Dtls, AGoodFingerprintOfAWeakHashDoesNotMendABadOneOfAStrongHash) {
  const auto ours = identity(), theirs = identity();
  CertificateDigest bad = ours->digest();
  bad.octets[0] ^= 1;
  const auto client = Dtls::create(ours, {true, {theirs->digest()}, {SrtpSuite::kAeadAes128Gcm}});
  const auto server =
      Dtls::create(theirs, {false, {{"sha-1", {}}, bad}, {SrtpSuite::kAeadAes128Gcm}});
  (void)client->start();
  for (bool more = true; more;) {
    more = false;
    for (const auto& d : client->take_output()) more = true, (void)server->feed(bytes_of(d));
    for (const auto& d : server->take_output()) more = true, (void)client->feed(bytes_of(d));
  }
  EXPECT_EQ(server->state(), Step::kFailed);
}

TEST(Dtls, APeerThatSendsWithoutEndIsGivenUp) {
  Pair p;
  const std::string garbage(100, '\x16');
  for (std::size_t i = 0; i <= Dtls::kMaxDatagrams; ++i) (void)p.server->feed(bytes_of(garbage));
  EXPECT_EQ(p.server->state(), Step::kFailed);
}

}  // namespace
}  // namespace causeway::rtp
