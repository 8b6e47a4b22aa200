// SRTP and SRTCP (RFC 3711) with SDES keys: AES-CM with HMAC-SHA1 (AES-256: RFC 6188) and AES-GCM
// (RFC 7714). One object is one direction under one master key. Not thread safe; one owner. Packets
// are changed in place and nothing allocates once the object exists.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "rtp/hmac_sha1.h"
#include "rtp/packet.h"
#include "rtp/srtp_state.h"

struct evp_cipher_ctx_st;

namespace causeway::rtp {

enum class SrtpSuite : std::uint8_t {
  kAesCm128HmacSha1_80,
  kAesCm128HmacSha1_32,
  kAesCm256HmacSha1_80,
  kAesCm256HmacSha1_32,
  kAeadAes128Gcm,
  kAeadAes256Gcm,
};
struct SrtpSizes {  // bytes
  std::uint8_t key, salt, rtp_tag, rtcp_tag;
  bool aead;
};
[[nodiscard]] constexpr SrtpSizes sizes_of(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAesCm128HmacSha1_80: return {16, 14, 10, 10, false};
    case SrtpSuite::kAesCm128HmacSha1_32: return {16, 14, 4, 10, false};  // RFC 4568 6.2.2
    case SrtpSuite::kAesCm256HmacSha1_80: return {32, 14, 10, 10, false};
    case SrtpSuite::kAesCm256HmacSha1_32: return {32, 14, 4, 10, false};
    case SrtpSuite::kAeadAes128Gcm: return {16, 12, 16, 16, true};
    case SrtpSuite::kAeadAes256Gcm: return {32, 12, 16, 16, true};
  }
  return {};
}

struct SrtpKey {
  static constexpr std::size_t kMaxKeySalt = 46;
  SrtpSuite suite = SrtpSuite::kAesCm128HmacSha1_80;
  std::array<std::uint8_t, kMaxKeySalt>
      key_salt{};  // the master key, then the salt: sizes_of(suite)
  std::uint32_t mki = 0;
  std::uint8_t mki_length = 0;  // bytes in every packet, at most 16; 0: none
};

enum class SrtpOutcome : std::uint8_t {
  kOk,
  kMalformed,       // too short, or no RTP/RTCP
  kReplay,          // this index was seen (or, sending, used) before, or is too old to know
  kAuthentication,  // tag or MKI does not match
  kExhausted,       // 2^48 packets or 2^31 RTCP packets under one key
};

struct SrtpResult {
  SrtpOutcome outcome = SrtpOutcome::kMalformed;
  std::size_t size = 0;  // of the packet after the call, when kOk
};

class Srtp {
 public:
  // Streams (SSRCs) with a context of their own; beyond that the one unused for longest is
  // replaced.
  static constexpr std::size_t kMaxStreams = 4;
  static constexpr std::size_t kMaxExpansion = 4 + 16 + 16;  // SRTCP index, MKI, tag

  [[nodiscard]] static Result<Srtp> create(const SrtpKey& key,
                                           HmacVariant variant = HmacVariant::kPrecomputed);
  ~Srtp();
  Srtp(Srtp&&) noexcept;
  Srtp& operator=(Srtp&&) noexcept;

  // `packet` has room for kMaxExpansion bytes behind it.
  [[nodiscard]] SrtpResult protect_rtp(std::span<std::byte> packet);
  [[nodiscard]] SrtpResult protect_rtcp(std::span<std::byte> packet);
  [[nodiscard]] SrtpResult unprotect_rtp(std::span<std::byte> packet);
  [[nodiscard]] SrtpResult unprotect_rtcp(std::span<std::byte> packet);

  [[nodiscard]] std::vector<SrtpStreamState> streams() const;
  void restore_streams(
      std::span<const SrtpStreamState> streams);  // replaces all; at most kMaxStreams are taken

 private:
  struct CipherFree {
    void operator()(evp_cipher_ctx_st* c) const;
  };
  using Cipher = std::unique_ptr<evp_cipher_ctx_st, CipherFree>;
  struct Half {  // session keys of RTP or of RTCP
    Cipher cipher;
    std::optional<HmacSha1> hmac;  // none with an AEAD
    std::array<std::uint8_t, 14> salt{};
  };
  struct Stream {
    SrtpStreamState state;
    std::uint64_t used_at = 0;
  };

  Srtp(Half rtp, Half rtcp, const SrtpKey& key);
  [[nodiscard]] static Result<Half> derive(const SrtpKey& key, std::uint8_t first_label,
                                           HmacVariant variant);
  [[nodiscard]] Stream* find(std::uint32_t ssrc);
  [[nodiscard]] Stream& find_or_add(std::uint32_t ssrc);
  [[nodiscard]] SrtpOutcome open_rtp(std::span<std::byte> packet, std::size_t header,
                                     std::uint32_t ssrc, std::uint64_t index) const;
  [[nodiscard]] bool seal(const Half& half, const std::array<std::uint8_t, 12>& iv,
                          std::span<const std::byte> clear, std::span<const std::byte> more,
                          std::span<std::byte> data, std::byte* tag) const;
  [[nodiscard]] SrtpOutcome open(const Half& half, const std::array<std::uint8_t, 12>& iv,
                                 std::span<const std::byte> clear, std::span<const std::byte> more,
                                 std::span<std::byte> data, const std::byte* tag) const;
  [[nodiscard]] bool crypt(const Half& half, std::uint32_t ssrc, std::uint64_t index,
                           std::span<std::byte> data) const;
  [[nodiscard]] bool tag_matches(const Half& half, std::span<const std::byte> covered,
                                 std::span<const std::byte> roc, std::span<const std::byte> mki,
                                 std::span<const std::byte> tag) const;

  Half rtp_;
  Half rtcp_;
  std::array<Stream, kMaxStreams> streams_{};
  std::size_t count_ = 0;
  std::uint64_t clock_ = 0;  // counts packets, for the choice of what to replace
  std::array<std::byte, 16> mki_{};
  std::uint8_t mki_length_ = 0;
  SrtpSizes sizes_{};
  std::uint32_t failed_ = 0;  // packets with a wrong tag since the last good one
};

// AES-CM key derivation with rate 0 (RFC 3711 4.3.1, 4.3.3; RFC 6188 3; RFC 7714 11): a key of 16
// or 32 bytes, a salt of 14 or 12. `out` is filled.
[[nodiscard]] bool derive_srtp_key(std::span<const std::uint8_t> key,
                                   std::span<const std::uint8_t> salt, std::uint8_t label,
                                   std::span<std::uint8_t> out);

}  // namespace causeway::rtp
