// The only file that uses OpenSSL's deprecated SHA1_* calls: they work on a state that can be
// copied without an allocation, which EVP_MD does not offer.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "rtp/hmac_sha1.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <array>
#include <cstring>

namespace causeway::rtp {
namespace {

struct MacFree {
  void operator()(EVP_MAC_CTX* c) const { EVP_MAC_CTX_free(c); }
};

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const kMac =
      EVP_MAC_fetch(nullptr, "HMAC", nullptr);  // once: a fetch costs microseconds
  return kMac;
}

}  // namespace

struct HmacSha1::State {
  HmacVariant variant = HmacVariant::kPrecomputed;
  SHA_CTX inner{}, outer{};
  std::unique_ptr<EVP_MAC_CTX, MacFree> mac;

  ~State() {
    OPENSSL_cleanse(&inner, sizeof inner);
    OPENSSL_cleanse(&outer, sizeof outer);
  }
};

HmacSha1::HmacSha1(std::span<const std::uint8_t> key, HmacVariant variant)
    : state_(std::make_unique<State>()) {
  state_->variant = variant;
  std::array<std::uint8_t, SHA_CBLOCK> block{};
  if (variant == HmacVariant::kPortable) {
    state_->mac.reset(EVP_MAC_CTX_new(hmac_algorithm()));
    char digest[] = "SHA1";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    if (state_->mac && EVP_MAC_init(state_->mac.get(), key.data(), key.size(), parameters) != 1)
      state_->mac.reset();
    return;
  }
  // Keys here are 20 bytes; a key longer than a block would have to be hashed first.
  std::memcpy(block.data(), key.data(), std::min(key.size(), block.size()));
  for (auto& b : block) b ^= 0x36;
  SHA1_Init(&state_->inner);
  SHA1_Update(&state_->inner, block.data(), block.size());
  for (auto& b : block) b ^= 0x36 ^ 0x5c;
  SHA1_Init(&state_->outer);
  SHA1_Update(&state_->outer, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
}

HmacSha1::~HmacSha1() = default;
HmacSha1::HmacSha1(HmacSha1&&) noexcept = default;
HmacSha1& HmacSha1::operator=(HmacSha1&&) noexcept = default;

bool HmacSha1::compute(std::span<const std::byte> first, std::span<const std::byte> second,
                       std::span<std::uint8_t, kBytes> out) const {
  if (state_->variant == HmacVariant::kPortable) {
    EVP_MAC_CTX* m = state_->mac.get();
    std::size_t written = 0;
    return m && EVP_MAC_init(m, nullptr, 0, nullptr) == 1 &&
           EVP_MAC_update(m, reinterpret_cast<const unsigned char*>(first.data()), first.size()) ==
               1 &&
           EVP_MAC_update(m, reinterpret_cast<const unsigned char*>(second.data()),
                          second.size()) == 1 &&
           EVP_MAC_final(m, out.data(), &written, out.size()) == 1 && written == kBytes;
  }
  SHA_CTX c = state_->inner;
  SHA1_Update(&c, first.data(), first.size());
  SHA1_Update(&c, second.data(), second.size());
  SHA1_Final(out.data(), &c);
  c = state_->outer;
  SHA1_Update(&c, out.data(), kBytes);
  SHA1_Final(out.data(), &c);
  return true;
}

}  // namespace causeway::rtp
