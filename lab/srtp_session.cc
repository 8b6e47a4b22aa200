#include "lab/srtp_session.h"

#include <srtp2/srtp.h>

#include <array>
#include <cstring>

namespace causeway::lab {

namespace {

struct Suite {
  std::string_view name;
  std::size_t key;
  void (*rtp)(srtp_crypto_policy_t*);
  void (*rtcp)(srtp_crypto_policy_t*);
};
// Reports of _32 have the long tag, too (RFC 4568 section 6.2).
constexpr auto kSuites = std::to_array<Suite>(
    {{"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default,
      srtp_crypto_policy_set_rtp_default},
     {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
      srtp_crypto_policy_set_rtp_default},
     {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
     {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth,
      srtp_crypto_policy_set_aes_gcm_256_16_auth}});

const Suite* find_suite(std::string_view name) {
  for (const auto& s : kSuites)
    if (s.name == name) return &s;
  return nullptr;
}

}  // namespace

std::size_t SrtpSession::key_length(std::string_view suite) {
  const Suite* known = find_suite(suite);
  return known == nullptr ? 0 : known->key;
}

void SrtpSession::Free::operator()(srtp_ctx_t_* s) const { srtp_dealloc(s); }

Result<SrtpSession> SrtpSession::make(std::string_view suite, const std::string& key,
                                      bool outbound) {
  static const bool ready = srtp_init() == srtp_err_status_ok;
  if (!ready) return fail(ErrorCode::kInternal, "srtp_init");
  const Suite* known = find_suite(suite);
  if (known == nullptr) return fail(ErrorCode::kUnsupported, "crypto suite " + std::string(suite));
  if (key.size() != known->key)
    return fail(ErrorCode::kMalformed, "SRTP key of " + std::to_string(key.size()) + " bytes");
  srtp_policy_t policy;
  std::memset(&policy, 0, sizeof policy);
  known->rtp(&policy.rtp);
  known->rtcp(&policy.rtcp);
  std::string k = key;
  policy.key = reinterpret_cast<unsigned char*>(k.data());
  policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
  policy.window_size = 1024;
  policy.allow_repeat_tx = 0;
  srtp_t raw = nullptr;
  if (srtp_create(&raw, &policy) != srtp_err_status_ok)
    return fail(ErrorCode::kInternal, "srtp_create");
  SrtpSession s;
  s.session_.reset(raw);
  return s;
}

bool SrtpSession::protect(std::string& packet, bool rtcp) {
  int n = static_cast<int>(packet.size());
  packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
  const auto r = rtcp ? srtp_protect_rtcp(session_.get(), packet.data(), &n)
                      : srtp_protect(session_.get(), packet.data(), &n);
  packet.resize(static_cast<std::size_t>(n));
  return r == srtp_err_status_ok;
}

bool SrtpSession::unprotect(std::string& packet, bool rtcp) {
  int n = static_cast<int>(packet.size());
  const auto r = rtcp ? srtp_unprotect_rtcp(session_.get(), packet.data(), &n)
                      : srtp_unprotect(session_.get(), packet.data(), &n);
  if (r != srtp_err_status_ok) return false;
  packet.resize(static_cast<std::size_t>(n));
  return true;
}

}  // namespace causeway::lab
