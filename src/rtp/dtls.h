// Keys for SRTP by a DTLS handshake on the media path (RFC 5763, 5764; DTLS 1.2, RFC 6347). One
// object is one association: datagrams in, datagrams out, keys at the end. No socket; the owner
// keeps the timer. OpenSSL times retransmissions with its own clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"
#include "rtp/srtp.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_store_ctx_st;

namespace causeway::rtp {

// Of a certificate (RFC 8122). Hashes: "sha-256", "sha-384", "sha-512", "sha-1" in this spelling.
struct CertificateDigest {
  std::string hash;
  std::vector<std::uint8_t> octets;
  friend bool operator==(const CertificateDigest&, const CertificateDigest&) = default;
};

// A key pair (P-256) and the certificate that goes with it, signed by itself: what it says does not
// count, its fingerprint in the SDP does. Made once for a shard; immutable.
class DtlsIdentity {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const DtlsIdentity>> make();
  ~DtlsIdentity();
  DtlsIdentity(const DtlsIdentity&) = delete;
  DtlsIdentity& operator=(const DtlsIdentity&) = delete;

  [[nodiscard]] const CertificateDigest& digest() const { return digest_; }  // SHA-256
  [[nodiscard]] ssl_ctx_st* context() const { return context_; }
  // Of an address, under a secret of this identity's.
  [[nodiscard]] std::array<std::uint8_t, 32> cookie_of(const Endpoint& at) const;

 private:
  DtlsIdentity() = default;
  CertificateDigest digest_;
  std::array<std::uint8_t, 32> secret_{};
  ssl_ctx_st* context_ = nullptr;  // owned
};

struct DtlsTerms {
  bool client = false;                   // we begin (setup:active)
  std::vector<CertificateDigest> peers;  // one of them has to be the peer's certificate's
  std::vector<SrtpSuite> suites;  // in our order; those without a number in DTLS are left out
  // A client has to show that it is where it says before it gets more than a few octets (RFC 6347
  // 4.2.1). Not needed where something else has shown it.
  bool cookie = true;
};

class Dtls {
 public:
  // A handshake takes a dozen datagrams at most; a peer that sends more is not after one.
  static constexpr std::size_t kMaxDatagrams = 200;
  static constexpr std::size_t kMaxDatagramBytes = 1200;  // of ours

  enum class Step : std::uint8_t { kMore, kDone, kFailed };

  // Null when OpenSSL has no memory, or none of the suites exists in DTLS.
  [[nodiscard]] static std::unique_ptr<Dtls> create(std::shared_ptr<const DtlsIdentity> identity,
                                                    const DtlsTerms& terms);
  ~Dtls();
  Dtls(const Dtls&) = delete;
  Dtls& operator=(const Dtls&) = delete;

  // The client's first datagram; a server does nothing.
  Step start();
  // After kDone, too: a peer that missed our last datagrams asks for them again.
  Step feed(std::span<const std::byte> datagram, const Endpoint& from = {});
  // The client at the address of the latest datagram is there (cookie).
  [[nodiscard]] bool proven() const { return proven_; }
  // When on_timer() is to be called, from now; nullopt: nothing is waited for.
  [[nodiscard]] std::optional<Micros> timeout() const;
  Step on_timer();
  // Datagrams that have to go to the peer; empties the list.
  [[nodiscard]] std::vector<std::string> take_output();

  // Once step() was kDone.
  [[nodiscard]] const SrtpKey& send_key() const { return send_; }
  [[nodiscard]] const SrtpKey& receive_key() const { return receive_; }
  // For a person: "DTLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", or why it failed.
  [[nodiscard]] std::string in_words() const;
  [[nodiscard]] Step state() const { return state_; }
  [[nodiscard]] const DtlsTerms& terms() const { return terms_; }

 private:
  explicit Dtls(std::shared_ptr<const DtlsIdentity> identity);
  friend class DtlsIdentity;
  static int verify(x509_store_ctx_st* store, void* unused);
  static int make_cookie(ssl_st* ssl, unsigned char* out, unsigned* size);
  static int check_cookie(ssl_st* ssl, const unsigned char* cookie, unsigned size);
  bool is_the_peer(x509_store_ctx_st* store);
  Step advance();
  Step fail(std::string why);
  bool take_keys();

  std::shared_ptr<const DtlsIdentity> identity_;
  DtlsTerms terms_;
  ssl_st* ssl_ = nullptr;  // owned
  struct Queue;            // between OpenSSL and us, datagram by datagram
  std::unique_ptr<Queue> queue_;
  std::size_t fed_ = 0;
  Endpoint from_;  // of the datagram at hand
  bool proven_ = false;
  SrtpKey send_, receive_;
  std::string failure_;
  Step state_ = Step::kMore;
};

}  // namespace causeway::rtp
