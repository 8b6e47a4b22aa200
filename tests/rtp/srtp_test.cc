#include "rtp/srtp.h"

#include <gtest/gtest.h>

#include <random>

#include "srtp_support.h"
#include "support/proves.h"

namespace causeway::rtp {
namespace {

using namespace testing_support;

Srtp make(const SrtpKey& k, HmacVariant v = HmacVariant::kPrecomputed) {
  return std::move(*Srtp::create(k, v));
}

bool protect(Srtp& s, Packet& p) {
  const auto r = s.protect_rtp(p.span());
  if (r.outcome == SrtpOutcome::kOk) p.size = r.size;
  return r.outcome == SrtpOutcome::kOk;
}

TEST(Srtp, KeystreamOfRfc3711B2) {
  const auto in = hex("2B7E151628AED2A6ABF7158809CF4F3CF0F1F2F3F4F5F6F7F8F9FAFBFCFD");
  std::vector<std::uint8_t> out(48);
  ASSERT_TRUE(derive_srtp_key(std::span(in).first(16), std::span(in).last(14), 0,
                              out));  // label 0: the bare counter mode
  EXPECT_EQ(out, hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E"
                     "8DD477901E4FCA894C0"));
}

TEST(Srtp, KeyDerivationOfRfc3711B3) {
  const auto k = key();
  const auto master = std::span(k.key_salt).first(16),
             master_salt = std::span(k.key_salt).subspan(16, 14);
  std::vector<std::uint8_t> cipher(16), salt(14), auth(94);
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 0, cipher));
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 2, salt));
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 1, auth));
  EXPECT_EQ(cipher, hex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(auth, hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9"
                      "327AD175578EF722"
                      "70986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C"
                      "59BBFC2F34DB60DB"
                      "DFB2"));
}

TEST(Srtp, KeyDerivationOfRfc6188) {
  const auto master = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
  const auto master_salt = hex("3b04803de51ee7c96423ab5b78d2");
  std::vector<std::uint8_t> cipher(32), salt(14), auth(20);
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 0, cipher));
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 2, salt));
  ASSERT_TRUE(derive_srtp_key(master, master_salt, 1, auth));
  EXPECT_EQ(cipher, hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"));
  EXPECT_EQ(salt, hex("fa31791685ca444a9e07c6c64e93"));
  EXPECT_EQ(auth, hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

TEST(Srtp, BothHmacVariantsGiveTheSame) {
  std::mt19937 random(1);
  for (std::size_t n = 0; n < 300; ++n) {
    std::vector<std::uint8_t> k(20);
    for (auto& b : k) b = static_cast<std::uint8_t>(random());
    std::vector<std::byte> text(n), tail(n % 5);
    for (auto& b : text) b = static_cast<std::byte>(random());
    std::array<std::uint8_t, 20> a{}, b{};
    ASSERT_TRUE(HmacSha1(k, HmacVariant::kPrecomputed).compute(text, tail, a));
    ASSERT_TRUE(HmacSha1(k, HmacVariant::kPortable).compute(text, tail, b));
    ASSERT_EQ(a, b) << n;
  }
}

TEST(Srtp, RollsOverWithLossReorderingAndReplays) {
  Srtp out = make(key()), in = make(key());
  std::mt19937 random(7);
  std::vector<Packet> held;
  std::size_t delivered = 0;
  for (std::uint32_t n = 0; n < 200'000; ++n) {
    Packet p = rtp_packet(static_cast<std::uint16_t>(n + 60'000u), 1, 20);
    const auto clear = p.bytes();
    ASSERT_TRUE(protect(out, p));
    const unsigned chance = random() % 100;
    if (chance < 2 && n > 0) continue;  // lost
    if (chance < 4 && held.empty()) {   // late
      held.push_back(p);
      continue;
    }
    Packet again = p;
    const auto r = in.unprotect_rtp(p.span());
    ASSERT_EQ(r.outcome, SrtpOutcome::kOk) << n;
    p.size = r.size;
    ASSERT_EQ(p.bytes(), clear);
    ++delivered;
    if (chance == 50) {
      ASSERT_EQ(in.unprotect_rtp(again.span()).outcome, SrtpOutcome::kReplay);
    }
    if (!held.empty() && chance > 60) {
      ASSERT_EQ(in.unprotect_rtp(held.back().span()).outcome, SrtpOutcome::kOk);
      held.clear();
    }
  }
  EXPECT_GT(delivered, 190'000u);
  EXPECT_EQ(out.streams()[0].rtp.highest >> 16, 3u);
}

TEST(Srtp, TamperingIsSeenAndMovesNothing) {
  for (const auto suite : kAllSuites) {
    Srtp out = make(key(suite)), in = make(key(suite));
    Packet p = rtp_packet(1);
    ASSERT_TRUE(protect(out, p));
    EXPECT_EQ(p.size, 172u + sizes_of(suite).rtp_tag);
    for (std::size_t i = 1; i < p.size; ++i) {
      Packet bad = p;
      bad.buffer[i] ^= std::byte{1};
      EXPECT_NE(in.unprotect_rtp(bad.span()).outcome, SrtpOutcome::kOk) << i;
    }
    EXPECT_TRUE(in.streams().empty());
    EXPECT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
  }
}

TEST(Srtp, ASenderWhoseRolloverCounterIsOneAheadIsHeard) {
  for (const auto suite : kAllSuites) {
    Srtp out = make(key(suite)), late = make(key(suite)), deaf = make(key(suite));
    std::uint32_t n = 0;
    const auto next = [&](std::uint32_t step) {
      n += step;
      Packet p = rtp_packet(static_cast<std::uint16_t>(n), 1, 4);
      EXPECT_TRUE(protect(out, p)) << n;
      return p;
    };
    const auto hears = [&](Srtp& in, Packet p) {
      const auto clear = rtp_packet(static_cast<std::uint16_t>(n), 1, 4).bytes();
      return in.unprotect_rtp(p.span()).outcome == SrtpOutcome::kOk &&
             std::equal(clear.begin(), clear.end(), p.buffer.begin());
    };
    EXPECT_TRUE(hears(deaf, next(1)));
    for (int i = 0; i < 7; ++i) (void)next(10'000);
    const Packet p = next(1);  // past the first rollover
    EXPECT_TRUE(hears(late, p)) << "it joined late";
    EXPECT_TRUE(hears(deaf, p)) << "it heard nothing for a turn of the sequence numbers";
    EXPECT_TRUE(hears(late, next(1)));
    for (int i = 0; i < 7; ++i) (void)next(10'000);
    Srtp fresh = make(key(suite));
    EXPECT_FALSE(hears(fresh, next(1))) << "two off is too far";
    EXPECT_TRUE(fresh.streams().empty());
  }
}

TEST(Srtp, GarbageDoesNotKeepASenderWithAnotherRolloverCounterOut) {
  Srtp out = make(key()), in = make(key());
  std::uint32_t n = 0;
  const auto next = [&](std::uint32_t step) {
    n += step;
    Packet p = rtp_packet(static_cast<std::uint16_t>(n), 1, 4);
    EXPECT_TRUE(protect(out, p)) << n;
    return p;
  };
  for (int i = 0; i < 7; ++i) (void)next(10'000);
  for (int i = 0; i < 100; ++i) {
    Packet wrong = rtp_packet(static_cast<std::uint16_t>(n + 1), 1, 4);
    wrong.size += 10;
    EXPECT_EQ(in.unprotect_rtp(wrong.span()).outcome, SrtpOutcome::kAuthentication);
  }
  int tries = 1;
  for (Packet p = next(1); in.unprotect_rtp(p.span()).outcome != SrtpOutcome::kOk; p = next(1))
    ASSERT_LT(++tries, 40) << "half a second of speech";
  EXPECT_EQ(tries, 28) << "the 128th since a good one";
}

TEST(Srtp, AnIndexIsNeverUsedTwiceForSending) {
  Srtp out = make(key());
  Packet p = rtp_packet(5), other = rtp_packet(5, 0xcafebabe, 160, 9);
  EXPECT_TRUE(protect(out, p));
  EXPECT_FALSE(protect(out, other));
}

TEST(Srtp, ANewSsrcStartsAtRolloverZero) {
  PROVES("TDM-24");
  Srtp out = make(key()), in = make(key());
  for (std::uint32_t n = 0; n < 70'000; ++n) {
    Packet p = rtp_packet(static_cast<std::uint16_t>(n), 1, 4);
    ASSERT_TRUE(protect(out, p));
    ASSERT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
  }
  Srtp fork = make(key());  // another sender under the same key knows nothing of our rollovers
  Packet p = rtp_packet(100, 2, 4);
  ASSERT_TRUE(protect(fork, p));
  EXPECT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
  Packet old = rtp_packet(static_cast<std::uint16_t>(70'000), 1, 4);
  ASSERT_TRUE(protect(out, old));
  EXPECT_EQ(in.unprotect_rtp(old.span()).outcome, SrtpOutcome::kOk);
}

TEST(Srtp, StreamsAreBounded) {
  Srtp in = make(key());
  for (std::uint32_t ssrc = 0; ssrc < 20; ++ssrc) {
    Srtp out = make(key());
    Packet p = rtp_packet(1, ssrc);
    ASSERT_TRUE(protect(out, p));
    ASSERT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
  }
  EXPECT_EQ(in.streams().size(), Srtp::kMaxStreams);
}

TEST(Srtp, TheMasterKeyIdentifierIsCarriedAndChecked) {
  PROVES("TDM-04");
  SrtpKey k = key();
  k.mki = 1;
  k.mki_length = 1;
  Srtp out = make(k), in = make(k);
  Packet p = rtp_packet(1);
  ASSERT_TRUE(protect(out, p));
  EXPECT_EQ(p.size, 172u + 11u);
  Packet wrong = p;
  wrong.buffer[172] ^= std::byte{2};
  EXPECT_EQ(in.unprotect_rtp(wrong.span()).outcome, SrtpOutcome::kAuthentication);
  EXPECT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
}

TEST(Srtp, RtcpRoundTripReplayAndTampering) {
  for (const auto suite : kAllSuites) {
    Srtp out = make(key(suite)), in = make(key(suite));
    for (int n = 0; n < 10; ++n) {
      Packet p = rtcp_packet();
      const auto clear = p.bytes();
      p.size = out.protect_rtcp(p.span()).size;
      EXPECT_EQ(p.size, clear.size() + 4 + sizes_of(suite).rtcp_tag);
      Packet bad = p, again = p;
      bad.buffer[9] ^= std::byte{1};
      EXPECT_EQ(in.unprotect_rtcp(bad.span()).outcome, SrtpOutcome::kAuthentication);
      p.size = in.unprotect_rtcp(p.span()).size;
      EXPECT_EQ(p.bytes(), clear);
      EXPECT_EQ(in.unprotect_rtcp(again.span()).outcome, SrtpOutcome::kReplay);
    }
  }
}

TEST(Srtp, CarriesOnFromItsWrittenState) {
  Srtp out = make(key()), in = make(key());
  for (std::uint32_t n = 65'000; n < 66'000; ++n) {
    Packet p = rtp_packet(static_cast<std::uint16_t>(n));
    ASSERT_TRUE(protect(out, p));
    ASSERT_EQ(in.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
  }
  Srtp out2 = make(key()), in2 = make(key());
  out2.restore_streams(out.streams());
  in2.restore_streams(in.streams());
  EXPECT_EQ(out2.streams(), out.streams());
  Packet p = rtp_packet(static_cast<std::uint16_t>(66'000)), same = p;
  ASSERT_TRUE(protect(out, p));
  ASSERT_TRUE(protect(out2, same));
  EXPECT_EQ(p.bytes(), same.bytes());
  EXPECT_EQ(in2.unprotect_rtp(p.span()).outcome, SrtpOutcome::kOk);
}

TEST(IndexWindow, RemembersExactly128) {
  IndexWindow w;
  w.use(1000);
  w.use(1064);
  w.use(1127);
  EXPECT_FALSE(w.may_use(1000));
  EXPECT_FALSE(w.may_use(1064));
  EXPECT_TRUE(w.may_use(1001));
  EXPECT_FALSE(w.may_use(999));
  w.use(1128);
  EXPECT_FALSE(w.may_use(1000));
  w.use(5000);
  EXPECT_TRUE(w.may_use(4999));
  EXPECT_FALSE(w.may_use(1128));
}

}  // namespace
}  // namespace causeway::rtp
