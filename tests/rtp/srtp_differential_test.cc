// The same packets through libsrtp2 and through our own code, both ways.
#include <gtest/gtest.h>
#include <srtp2/srtp.h>

#include <random>

#include "srtp_support.h"

namespace causeway::rtp {
namespace {

using namespace testing_support;

class Oracle {
 public:
  Oracle(const SrtpKey& k, bool inbound) {
    static const bool kReady = srtp_init() == srtp_err_status_ok;
    EXPECT_TRUE(kReady);
    std::memcpy(key_, k.key_salt.data(), sizeof key_);
    srtp_policy_t policy{};
    // Of RTCP 80 bits with every suite of HMAC-SHA1.
    switch (k.suite) {
      case SrtpSuite::kAesCm128HmacSha1_80:
      case SrtpSuite::kAesCm128HmacSha1_32:
        if (k.suite == SrtpSuite::kAesCm128HmacSha1_80)
          srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        else
          srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        break;
      case SrtpSuite::kAesCm256HmacSha1_80:
      case SrtpSuite::kAesCm256HmacSha1_32:
        if (k.suite == SrtpSuite::kAesCm256HmacSha1_80)
          srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp);
        else
          srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp);
        break;
      case SrtpSuite::kAeadAes128Gcm:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        break;
      case SrtpSuite::kAeadAes256Gcm:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        break;
    }
    policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
    policy.window_size = 128;
    master_.key = key_;
    unsigned char mki[1] = {static_cast<unsigned char>(k.mki)};
    std::memcpy(mki_, mki, 1);
    master_.mki_id = mki_;
    master_.mki_size = k.mki_length;
    use_mki_ = k.mki_length != 0;
    srtp_master_key_t* keys[] = {&master_};
    if (use_mki_) {
      policy.keys = keys;
      policy.num_master_keys = 1;
    } else {
      policy.key = key_;
    }
    EXPECT_EQ(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  ~Oracle() { srtp_dealloc(session_); }

  bool protect(Packet& p) {
    int n = static_cast<int>(p.size);
    const bool ok =
        srtp_protect_mki(session_, p.buffer.data(), &n, use_mki_, 0) == srtp_err_status_ok;
    p.size = static_cast<std::size_t>(n);
    return ok;
  }
  bool unprotect(Packet& p) {
    int n = static_cast<int>(p.size);
    const bool ok =
        srtp_unprotect_mki(session_, p.buffer.data(), &n, use_mki_) == srtp_err_status_ok;
    p.size = static_cast<std::size_t>(n);
    return ok;
  }
  bool protect_rtcp(Packet& p) {
    int n = static_cast<int>(p.size);
    const bool ok =
        srtp_protect_rtcp_mki(session_, p.buffer.data(), &n, use_mki_, 0) == srtp_err_status_ok;
    p.size = static_cast<std::size_t>(n);
    return ok;
  }
  bool unprotect_rtcp(Packet& p) {
    int n = static_cast<int>(p.size);
    const bool ok =
        srtp_unprotect_rtcp_mki(session_, p.buffer.data(), &n, use_mki_) == srtp_err_status_ok;
    p.size = static_cast<std::size_t>(n);
    return ok;
  }

 private:
  srtp_t session_ = nullptr;
  unsigned char key_[SrtpKey::kMaxKeySalt];
  unsigned char mki_[1];
  srtp_master_key_t master_{};
  bool use_mki_ = false;
};

class Differential : public ::testing::TestWithParam<std::tuple<SrtpSuite, int>> {
 protected:
  SrtpKey k() const {
    SrtpKey out = key(std::get<0>(GetParam()));
    out.mki_length = static_cast<std::uint8_t>(std::get<1>(GetParam()));
    out.mki = out.mki_length ? 1 : 0;
    return out;
  }
};

Packet random_packet(std::mt19937& random, std::uint16_t sequence) {
  const std::size_t payload_size = random() % 300;
  Packet p = rtp_packet(sequence, 0xcafebabe, payload_size + 16);
  for (std::size_t i = kMinHeader; i < p.size; ++i) p.buffer[i] = static_cast<std::byte>(random());
  if (random() % 4 == 0) {  // one CSRC and an extension of two words
    p.buffer[0] = std::byte{0x91};
    put16(&p.buffer[18], 2);
    p.size = std::max<std::size_t>(p.size, 28);
  }
  return p;
}

TEST_P(Differential, OursIsReadByTheOtherOverRollovers) {
  Srtp ours = std::move(*Srtp::create(k(), HmacVariant::kPrecomputed));
  Oracle theirs(k(), true);
  std::mt19937 random(3);
  for (std::uint32_t n = 0; n < 70'000; ++n) {
    Packet p = random_packet(random, static_cast<std::uint16_t>(n + 30'000));
    const auto clear = p.bytes();
    const auto r = ours.protect_rtp(p.span());
    ASSERT_EQ(r.outcome, SrtpOutcome::kOk);
    p.size = r.size;
    if (random() % 50 == 0 && n > 0) continue;
    ASSERT_TRUE(theirs.unprotect(p)) << n;
    ASSERT_EQ(p.bytes(), clear) << n;
  }
}

TEST_P(Differential, TheOthersIsReadByUsWithReorderingReplayAndTampering) {
  Srtp ours = std::move(*Srtp::create(k(), HmacVariant::kPortable));
  Oracle out(k(), false), in(k(), true);
  std::mt19937 random(4);
  std::vector<Packet> late;
  for (std::uint32_t n = 0; n < 70'000; ++n) {
    Packet p = random_packet(random, static_cast<std::uint16_t>(n + 1000));
    ASSERT_TRUE(out.protect(p));
    late.push_back(p);
    if (late.size() < 8) continue;
    const std::size_t pick = n < 16 ? 0 : random() % late.size();
    Packet x = late[pick];
    if (random() % 20 != 0)
      late.erase(late.begin() + static_cast<std::ptrdiff_t>(pick));  // else a replay follows
    if (random() % 20 == 0) x.buffer[random() % x.size] ^= std::byte{0x10};
    Packet y = x;
    const bool accepted = in.unprotect(x);
    const auto r = ours.unprotect_rtp(y.span());
    ASSERT_EQ(r.outcome == SrtpOutcome::kOk, accepted)
        << n << " outcome " << static_cast<int>(r.outcome);
    if (!accepted) continue;
    y.size = r.size;
    ASSERT_EQ(y.bytes(), x.bytes());
  }
}

TEST_P(Differential, RtcpBothWays) {
  Srtp ours_out = std::move(*Srtp::create(k()));
  Srtp ours_in = std::move(*Srtp::create(k()));
  Oracle out(k(), false), in(k(), true);
  // libsrtp2 2.5 looks for the MKI of SRTCP where the tag of *RTP* would begin: with tags of 32 and
  // 80 bits it cannot read even what it wrote itself.
  const bool other_can_read =
      k().mki_length == 0 || sizes_of(k().suite).rtp_tag == sizes_of(k().suite).rtcp_tag;
  for (int n = 0; n < 500; ++n) {
    Packet p = rtcp_packet();
    const auto clear = p.bytes();
    p.size = ours_out.protect_rtcp(p.span()).size;
    if (other_can_read) {
      ASSERT_TRUE(in.unprotect_rtcp(p)) << n;
      ASSERT_EQ(p.bytes(), clear);
    }
    Packet q = rtcp_packet();
    ASSERT_TRUE(out.protect_rtcp(q));
    const auto r = ours_in.unprotect_rtcp(q.span());
    ASSERT_EQ(r.outcome, SrtpOutcome::kOk);
    q.size = r.size;
    ASSERT_EQ(q.bytes(), clear);
  }
}

INSTANTIATE_TEST_SUITE_P(Suites, Differential,
                         ::testing::Combine(::testing::ValuesIn(kAllSuites),
                                            ::testing::Values(0, 1)));

}  // namespace
}  // namespace causeway::rtp
