#include "rtp/srtp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

namespace causeway::rtp {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kRtcpClear = 8;  // header and SSRC stay readable
constexpr std::uint32_t kEncrypted = 0x80000000;

const EVP_CIPHER* aes(std::size_t key_bytes, bool gcm) {
  static EVP_CIPHER* const kCiphers[] = {EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr),
                                         EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr),
                                         EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr),
                                         EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  return kCiphers[(gcm ? 2 : 0) + (key_bytes == 32 ? 1 : 0)];
}

evp_cipher_ctx_st* keyed(std::span<const std::uint8_t> key, bool gcm = false) {
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  if (c && EVP_EncryptInit_ex2(c, aes(key.size(), gcm), key.data(), nullptr, nullptr) == 1 &&
      (gcm || EVP_CIPHER_CTX_set_padding(c, 0) == 1))
    return c;
  EVP_CIPHER_CTX_free(c);
  return nullptr;
}

std::uint8_t* octets(std::byte* p) { return reinterpret_cast<std::uint8_t*>(p); }
const std::uint8_t* octets(const std::byte* p) { return reinterpret_cast<const std::uint8_t*>(p); }

using GcmIv = std::array<std::uint8_t, 12>;

// RFC 7714 8.1: two zero bytes, SSRC, 48 bits of index, all xor the salt. 9.1 has the 31 bits of
// the SRTCP index in the last four bytes, which is the same.
GcmIv gcm_iv(const std::array<std::uint8_t, 14>& salt, std::uint32_t ssrc, std::uint64_t index) {
  GcmIv iv{};
  for (unsigned i = 0; i < 4; ++i) iv[2 + i] = static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
  for (unsigned i = 0; i < 6; ++i) iv[6 + i] = static_cast<std::uint8_t>(index >> (40 - 8 * i));
  for (std::size_t i = 0; i < iv.size(); ++i) iv[i] ^= salt[i];
  return iv;
}

// Counter mode over ECB: the counter blocks of a whole packet are encrypted in one call, which
// spares the reset of the IV that EVP would do for each packet.
bool counter_mode(evp_cipher_ctx_st* cipher, std::array<std::uint8_t, kBlock> iv,
                  std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBatch = 32;
  alignas(16) std::uint8_t stream[kBatch * kBlock];
  unsigned counter = 0;
  while (size > 0) {
    const std::size_t blocks = std::min(kBatch, (size + kBlock - 1) / kBlock);
    for (std::size_t i = 0; i < blocks; ++i, ++counter) {
      iv[14] = static_cast<std::uint8_t>(counter >> 8);
      iv[15] = static_cast<std::uint8_t>(counter);
      std::memcpy(stream + i * kBlock, iv.data(), kBlock);
    }
    int written = 0;
    if (EVP_EncryptUpdate(cipher, stream, &written, stream, static_cast<int>(blocks * kBlock)) != 1)
      return false;
    const std::size_t n = std::min(size, blocks * kBlock);
    for (std::size_t i = 0; i < n; ++i) data[i] ^= stream[i];
    data += n;
    size -= n;
  }
  return true;
}

// RFC 3711 3.3.1: the index nearest to the highest one. False before the very first rollover.
bool guess_index(const IndexWindow& w, std::uint16_t sequence, std::uint64_t& index) {
  if (!w.started) {
    index = sequence;
    return true;
  }
  const std::uint64_t roc = w.highest >> 16;
  const auto last = static_cast<std::uint16_t>(w.highest);
  std::uint64_t v = roc;
  if (last < 0x8000) {
    if (sequence > last && sequence - last > 0x8000) {
      if (roc == 0) return false;
      v = roc - 1;
    }
  } else if (last - 0x8000 > sequence) {
    v = roc + 1;
  }
  index = v << 16 | sequence;
  return true;
}

}  // namespace

void Srtp::CipherFree::operator()(evp_cipher_ctx_st* c) const { EVP_CIPHER_CTX_free(c); }

bool derive_srtp_key(std::span<const std::uint8_t> key, std::span<const std::uint8_t> salt,
                     std::uint8_t label, std::span<std::uint8_t> out) {
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(keyed(key),
                                                                         EVP_CIPHER_CTX_free);
  if (!cipher) return false;
  std::array<std::uint8_t, kBlock> iv{};  // a salt of 96 bits is filled up with zeros
  std::copy_n(salt.begin(), std::min<std::size_t>(salt.size(), 14), iv.begin());
  iv[7] ^= label;  // the label stands above the 48 bits of index / rate, which are zero
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  return counter_mode(cipher.get(), iv, out.data(), out.size());
}

Result<Srtp::Half> Srtp::derive(const SrtpKey& key, std::uint8_t first_label, HmacVariant variant) {
  const SrtpSizes sizes = sizes_of(key.suite);
  const std::span<const std::uint8_t> all(key.key_salt);
  const auto master = all.first(sizes.key), master_salt = all.subspan(sizes.key, sizes.salt);
  std::array<std::uint8_t, 32> cipher_key{};
  std::array<std::uint8_t, 20> auth_key{};
  Half half;
  const auto label = [&](unsigned more) { return static_cast<std::uint8_t>(first_label + more); };
  const auto session = std::span(cipher_key).first(sizes.key);
  if (derive_srtp_key(master, master_salt, label(0), session) &&
      derive_srtp_key(master, master_salt, label(1), auth_key) &&
      derive_srtp_key(master, master_salt, label(2), std::span(half.salt).first(sizes.salt))) {
    half.cipher.reset(keyed(session, sizes.aead));
    if (!sizes.aead) half.hmac.emplace(auth_key, variant);
  }
  OPENSSL_cleanse(cipher_key.data(), cipher_key.size());
  OPENSSL_cleanse(auth_key.data(), auth_key.size());
  if (!half.cipher) return fail(ErrorCode::kInternal, "OpenSSL gives no AES for SRTP");
  return half;
}

Result<Srtp> Srtp::create(const SrtpKey& key, HmacVariant variant) {
  if (key.mki_length > 16) return fail(ErrorCode::kUnsupported, "an MKI longer than 16 bytes");
  auto rtp = derive(key, 0, variant);
  if (!rtp) return tl::unexpected(rtp.error());
  auto rtcp = derive(key, 3, variant);
  if (!rtcp) return tl::unexpected(rtcp.error());
  return Srtp(std::move(*rtp), std::move(*rtcp), key);
}

Srtp::Srtp(Half rtp, Half rtcp, const SrtpKey& key)
    : rtp_(std::move(rtp)),
      rtcp_(std::move(rtcp)),
      mki_length_(key.mki_length),
      sizes_(sizes_of(key.suite)) {
  for (std::size_t i = 0; i < mki_length_ && i < 4; ++i)
    mki_[mki_length_ - 1 - i] = static_cast<std::byte>(key.mki >> (8 * i) & 0xff);
}

Srtp::~Srtp() {
  OPENSSL_cleanse(rtp_.salt.data(), rtp_.salt.size());
  OPENSSL_cleanse(rtcp_.salt.data(), rtcp_.salt.size());
}
Srtp::Srtp(Srtp&&) noexcept = default;
Srtp& Srtp::operator=(Srtp&&) noexcept = default;

Srtp::Stream* Srtp::find(std::uint32_t ssrc) {
  for (std::size_t i = 0; i < count_; ++i)
    if (streams_[i].state.ssrc == ssrc) return &streams_[i];
  return nullptr;
}

Srtp::Stream& Srtp::find_or_add(std::uint32_t ssrc) {
  ++clock_;
  Stream* s = find(ssrc);
  if (!s) {
    s = count_ < kMaxStreams
            ? &streams_[count_++]
            : &*std::min_element(
                  streams_.begin(), streams_.end(),
                  [](const Stream& a, const Stream& b) { return a.used_at < b.used_at; });
    *s = Stream{};
    s->state.ssrc = ssrc;
  }
  s->used_at = clock_;
  return *s;
}

// IV = (salt * 2^16) ^ (SSRC * 2^64) ^ (index * 2^16), RFC 3711 4.1.1
bool Srtp::crypt(const Half& half, std::uint32_t ssrc, std::uint64_t index,
                 std::span<std::byte> data) const {
  std::array<std::uint8_t, kBlock> iv{};
  std::memcpy(iv.data(), half.salt.data(), half.salt.size());
  for (unsigned i = 0; i < 4; ++i) iv[4 + i] ^= static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
  for (unsigned i = 0; i < 6; ++i) iv[8 + i] ^= static_cast<std::uint8_t>(index >> (40 - 8 * i));
  return counter_mode(half.cipher.get(), iv, reinterpret_cast<std::uint8_t*>(data.data()),
                      data.size());
}

bool Srtp::tag_matches(const Half& half, std::span<const std::byte> covered,
                       std::span<const std::byte> roc, std::span<const std::byte> mki,
                       std::span<const std::byte> tag) const {
  std::array<std::uint8_t, HmacSha1::kBytes> expected{};
  return std::memcmp(mki.data(), mki_.data(), mki.size()) == 0 &&
         half.hmac->compute(covered, roc, expected) &&
         CRYPTO_memcmp(expected.data(), tag.data(), tag.size()) == 0;
}

// AES-GCM in place. `clear` and `more` are authenticated; 16 bytes of tag are written.
bool Srtp::seal(const Half& half, const GcmIv& iv, std::span<const std::byte> clear,
                std::span<const std::byte> more, std::span<std::byte> data, std::byte* tag) const {
  EVP_CIPHER_CTX* c = half.cipher.get();
  int n = 0;
  return EVP_CipherInit_ex2(c, nullptr, nullptr, iv.data(), 1, nullptr) == 1 &&
         EVP_EncryptUpdate(c, nullptr, &n, octets(clear.data()), static_cast<int>(clear.size())) ==
             1 &&
         (more.empty() || EVP_EncryptUpdate(c, nullptr, &n, octets(more.data()),
                                            static_cast<int>(more.size())) == 1) &&
         (data.empty() || EVP_EncryptUpdate(c, octets(data.data()), &n, octets(data.data()),
                                            static_cast<int>(data.size())) == 1) &&
         EVP_EncryptFinal_ex(c, nullptr, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
}

// What does not match its tag is as it was: another index may be tried.
SrtpOutcome Srtp::open(const Half& half, const GcmIv& iv, std::span<const std::byte> clear,
                       std::span<const std::byte> more, std::span<std::byte> data,
                       const std::byte* tag) const {
  EVP_CIPHER_CTX* c = half.cipher.get();
  int n = 0;
  std::array<std::uint8_t, 16> expected{};
  std::memcpy(expected.data(), tag, expected.size());
  if (EVP_CipherInit_ex2(c, nullptr, nullptr, iv.data(), 0, nullptr) != 1 ||
      EVP_DecryptUpdate(c, nullptr, &n, octets(clear.data()), static_cast<int>(clear.size())) !=
          1 ||
      (!more.empty() && EVP_DecryptUpdate(c, nullptr, &n, octets(more.data()),
                                          static_cast<int>(more.size())) != 1) ||
      (!data.empty() && EVP_DecryptUpdate(c, octets(data.data()), &n, octets(data.data()),
                                          static_cast<int>(data.size())) != 1) ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, expected.data()) != 1)
    return SrtpOutcome::kMalformed;
  if (EVP_DecryptFinal_ex(c, nullptr, &n) == 1) return SrtpOutcome::kOk;
  std::array<std::byte, 16> again{};
  (void)seal(half, iv, clear, more, data, again.data());
  return SrtpOutcome::kAuthentication;
}

SrtpResult Srtp::protect_rtp(std::span<std::byte> packet) {
  const auto h = parse_header(packet);
  if (!h) return {SrtpOutcome::kMalformed};
  IndexWindow& window = find_or_add(h->ssrc).state.rtp;
  std::uint64_t index = 0;
  if (!guess_index(window, h->sequence, index) || !window.may_use(index))
    return {SrtpOutcome::kReplay};
  if (index >> 48) return {SrtpOutcome::kExhausted};
  std::byte* end = packet.data() + packet.size();
  if (sizes_.aead) {  // RFC 7714 8.2: the tag belongs to the ciphertext, the MKI follows it
    if (!seal(rtp_, gcm_iv(rtp_.salt, h->ssrc, index), packet.first(h->bytes), {},
              packet.subspan(h->bytes), end))
      return {SrtpOutcome::kMalformed};
    window.use(index);
    std::memcpy(end + sizes_.rtp_tag, mki_.data(), mki_length_);
  } else {
    if (!crypt(rtp_, h->ssrc, index, packet.subspan(h->bytes))) return {SrtpOutcome::kMalformed};
    window.use(index);
    std::array<std::byte, 4> roc{};
    put32(roc.data(), static_cast<std::uint32_t>(index >> 16));
    std::array<std::uint8_t, HmacSha1::kBytes> tag{};
    if (!rtp_.hmac->compute(packet, roc, tag)) return {SrtpOutcome::kMalformed};
    std::memcpy(end, mki_.data(), mki_length_);
    std::memcpy(end + mki_length_, tag.data(), sizes_.rtp_tag);
  }
  return {SrtpOutcome::kOk, packet.size() + mki_length_ + sizes_.rtp_tag};
}

// `packet` with its trailer, under this index.
SrtpOutcome Srtp::open_rtp(std::span<std::byte> packet, std::size_t header, std::uint32_t ssrc,
                           std::uint64_t index) const {
  const std::size_t size = packet.size() - mki_length_ - sizes_.rtp_tag;
  if (sizes_.aead) {
    if (std::memcmp(packet.data() + size + sizes_.rtp_tag, mki_.data(), mki_length_) != 0)
      return SrtpOutcome::kAuthentication;
    return open(rtp_, gcm_iv(rtp_.salt, ssrc, index), packet.first(header), {},
                packet.subspan(header, size - header), packet.data() + size);
  }
  std::array<std::byte, 4> roc{};
  put32(roc.data(), static_cast<std::uint32_t>(index >> 16));
  if (!tag_matches(rtp_, packet.first(size), roc, packet.subspan(size, mki_length_),
                   packet.last(sizes_.rtp_tag)))
    return SrtpOutcome::kAuthentication;
  return crypt(rtp_, ssrc, index, packet.subspan(header, size - header)) ? SrtpOutcome::kOk
                                                                         : SrtpOutcome::kMalformed;
}

SrtpResult Srtp::unprotect_rtp(std::span<std::byte> packet) {
  const std::size_t trailer = std::size_t{mki_length_} + sizes_.rtp_tag;
  const auto h = parse_header(packet);
  if (!h || packet.size() < h->bytes + trailer) return {SrtpOutcome::kMalformed};
  static const IndexWindow kFresh;
  const Stream* known = find(h->ssrc);
  const IndexWindow& before = known ? known->state.rtp : kFresh;
  std::uint64_t index = 0;
  if (!guess_index(before, h->sequence, index) || !before.may_use(index))
    return {SrtpOutcome::kReplay};
  if (index >> 48) return {SrtpOutcome::kExhausted};
  SrtpOutcome outcome = open_rtp(packet, h->bytes, h->ssrc, index);
  // The sender's rollover counter may stand one off: a stream that was joined late, or an outage of
  // more than half a turn of the sequence numbers.
  constexpr std::uint64_t kTurn = 1U << 16;
  // Of a flood of wrong tags ever fewer are tried like that: refusing them stays cheap.
  if (outcome == SrtpOutcome::kAuthentication) ++failed_;
  const bool worth = (failed_ & (failed_ - 1)) == 0;
  for (const std::uint64_t other : {index + kTurn, index - kTurn}) {
    if (outcome != SrtpOutcome::kAuthentication || !worth) break;
    if (other >> 48 || !before.may_use(other)) continue;
    if (open_rtp(packet, h->bytes, h->ssrc, other) != SrtpOutcome::kOk) continue;
    outcome = SrtpOutcome::kOk;
    index = other;
  }
  if (outcome != SrtpOutcome::kOk) return {outcome};
  failed_ = 0;
  // Only an authentic packet makes or moves a context.
  find_or_add(h->ssrc).state.rtp.use(index);
  return {SrtpOutcome::kOk, packet.size() - trailer};
}

SrtpResult Srtp::protect_rtcp(std::span<std::byte> packet) {
  if (packet.size() < kRtcpClear || packet.size() > kMaxPacket) return {SrtpOutcome::kMalformed};
  const std::uint32_t ssrc = get32(&packet[4]);
  IndexWindow& window = find_or_add(ssrc).state.rtcp;
  const std::uint64_t index = window.started ? window.highest + 1 : 0;
  if (index >> 31) return {SrtpOutcome::kExhausted};
  std::byte* end = packet.data() + packet.size();
  const auto word = static_cast<std::uint32_t>(index) | kEncrypted;
  if (sizes_.aead) {  // RFC 7714 9.2: ciphertext with its tag, the index, the MKI
    std::array<std::byte, 4> esrtcp{};
    put32(esrtcp.data(), word);
    if (!seal(rtcp_, gcm_iv(rtcp_.salt, ssrc, index), packet.first(kRtcpClear), esrtcp,
              packet.subspan(kRtcpClear), end))
      return {SrtpOutcome::kMalformed};
    window.use(index);
    std::memcpy(end + sizes_.rtcp_tag, esrtcp.data(), esrtcp.size());
    std::memcpy(end + sizes_.rtcp_tag + 4, mki_.data(), mki_length_);
  } else {
    if (!crypt(rtcp_, ssrc, index, packet.subspan(kRtcpClear))) return {SrtpOutcome::kMalformed};
    window.use(index);
    put32(end, word);
    std::array<std::uint8_t, HmacSha1::kBytes> tag{};
    if (!rtcp_.hmac->compute({packet.data(), packet.size() + 4}, {}, tag))
      return {SrtpOutcome::kMalformed};
    std::memcpy(end + 4, mki_.data(), mki_length_);
    std::memcpy(end + 4 + mki_length_, tag.data(), sizes_.rtcp_tag);
  }
  return {SrtpOutcome::kOk, packet.size() + 4 + mki_length_ + sizes_.rtcp_tag};
}

SrtpResult Srtp::unprotect_rtcp(std::span<std::byte> packet) {
  const std::size_t trailer = 4 + std::size_t{mki_length_} + sizes_.rtcp_tag;
  if (packet.size() < kRtcpClear + trailer || packet.size() > kMaxPacket)
    return {SrtpOutcome::kMalformed};
  const std::size_t size = packet.size() - trailer;
  const std::uint32_t ssrc = get32(&packet[4]);
  const std::size_t word_at = sizes_.aead ? size + sizes_.rtcp_tag : size;
  const std::uint32_t word = get32(&packet[word_at]);
  const std::uint64_t index = word & ~kEncrypted;
  const bool encrypted = (word & kEncrypted) != 0;
  const Stream* known = find(ssrc);
  if (known && !known->state.rtcp.may_use(index)) return {SrtpOutcome::kReplay};
  if (sizes_.aead) {
    if (std::memcmp(&packet[word_at] + 4, mki_.data(), mki_length_) != 0)
      return {SrtpOutcome::kAuthentication};
    // RFC 7714 9.3: what is not encrypted is authenticated as a whole.
    const auto outcome =
        open(rtcp_, gcm_iv(rtcp_.salt, ssrc, index), packet.first(encrypted ? kRtcpClear : size),
             packet.subspan(word_at, 4),
             encrypted ? packet.subspan(kRtcpClear, size - kRtcpClear) : std::span<std::byte>{},
             &packet[size]);
    if (outcome != SrtpOutcome::kOk) return {outcome};
  } else {
    if (!tag_matches(rtcp_, packet.first(size + 4), {}, packet.subspan(size + 4, mki_length_),
                     packet.last(sizes_.rtcp_tag)))
      return {SrtpOutcome::kAuthentication};
    if (encrypted && !crypt(rtcp_, ssrc, index, packet.subspan(kRtcpClear, size - kRtcpClear)))
      return {SrtpOutcome::kMalformed};
  }
  find_or_add(ssrc).state.rtcp.use(index);
  return {SrtpOutcome::kOk, size};
}

std::vector<SrtpStreamState> Srtp::streams() const {
  std::vector<SrtpStreamState> out;
  for (std::size_t i = 0; i < count_; ++i) out.push_back(streams_[i].state);
  return out;
}

void Srtp::restore_streams(std::span<const SrtpStreamState> streams) {
  streams_ = {};
  count_ = std::min(streams.size(), kMaxStreams);
  for (std::size_t i = 0; i < count_; ++i) streams_[i].state = streams[i];
}

}  // namespace causeway::rtp
