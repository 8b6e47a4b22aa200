#include "rtp/dtls.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace causeway::rtp {
namespace {

constexpr std::size_t kMaxQueued = 64;  // datagrams of one flight

struct Profile {
  SrtpSuite suite;
  unsigned long number;  // RFC 5764 4.1.2, RFC 7714 14.2
  const char* name;      // as OpenSSL calls it
};
constexpr std::array<Profile, 4> kProfiles{
    {{SrtpSuite::kAesCm128HmacSha1_80, SRTP_AES128_CM_SHA1_80, "SRTP_AES128_CM_SHA1_80"},
     {SrtpSuite::kAesCm128HmacSha1_32, SRTP_AES128_CM_SHA1_32, "SRTP_AES128_CM_SHA1_32"},
     {SrtpSuite::kAeadAes128Gcm, SRTP_AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM"},
     {SrtpSuite::kAeadAes256Gcm, SRTP_AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM"}}};

struct HashName {
  const char* name;
  const EVP_MD* (*md)();
};
constexpr std::array<HashName, 4> kHashes{{{"sha-512", EVP_sha512},
                                           {"sha-384", EVP_sha384},
                                           {"sha-256", EVP_sha256},
                                           {"sha-1", EVP_sha1}}};

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;

std::string latest_error() {
  std::string text = "no reason given";
  if (const unsigned long code = ERR_peek_last_error()) {
    std::array<char, 256> buffer{};
    ERR_error_string_n(code, buffer.data(), buffer.size());
    text = buffer.data();
    if (const auto colon = text.rfind(':'); colon != std::string::npos) text.erase(0, colon + 1);
  }
  ERR_clear_error();
  return text;
}

CertificatePtr self_signed(EVP_PKEY* key) {
  CertificatePtr c(X509_new());
  if (!c) return nullptr;
  constexpr long kDay = 24 * 3600;
  // The clocks of phones are wrong in both directions, and a shard may run for years.
  const bool filled =
      X509_set_version(c.get(), 2) == 1 &&
      ASN1_INTEGER_set(X509_get_serialNumber(c.get()), 1) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(c.get()), -kDay) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(c.get()), 10 * 365, 0, nullptr) != nullptr &&
      X509_set_pubkey(c.get(), key) == 1;
  if (!filled) return nullptr;
  X509_NAME* name = X509_get_subject_name(c.get());
  static const unsigned char kName[] = "causeway";
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kName, -1, -1, 0) != 1 ||
      X509_set_issuer_name(c.get(), name) != 1 || X509_sign(c.get(), key, EVP_sha256()) == 0)
    return nullptr;
  return c;
}

}  // namespace

// A BIO that keeps the borders between datagrams, which a memory BIO does not.
struct Dtls::Queue {
  std::span<const std::byte> in;  // the one being read; taken as a whole
  std::vector<std::string> out;

  static Queue* of(BIO* b) { return static_cast<Queue*>(BIO_get_data(b)); }
  static int read(BIO* b, char* to, int room) {
    Queue* q = of(b);
    BIO_clear_retry_flags(b);
    if (q->in.empty()) {
      BIO_set_retry_read(b);
      return -1;
    }
    const std::size_t n = std::min(q->in.size(), static_cast<std::size_t>(room));
    std::memcpy(to, q->in.data(), n);
    q->in = {};
    return static_cast<int>(n);
  }
  static int write(BIO* b, const char* from, int size) {
    Queue* q = of(b);
    if (q->out.size() < kMaxQueued) q->out.emplace_back(from, static_cast<std::size_t>(size));
    return size;
  }
  static long control(BIO*, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return 28;
      default: return 0;
    }
  }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
      if (!m) return m;
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return kMethod;
  }
};

DtlsIdentity::~DtlsIdentity() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const DtlsIdentity>> DtlsIdentity::make() {
  const auto broken = [](std::string_view what) {
    return causeway::fail(ErrorCode::kInternal,
                          "DTLS: " + std::string(what) + ": " + latest_error());
  };
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return broken("no key");
  const CertificatePtr certificate = self_signed(key.get());
  if (!certificate) return broken("no certificate");
  std::shared_ptr<DtlsIdentity> id(new DtlsIdentity);
  SSL_CTX* c = id->context_ = SSL_CTX_new(DTLS_method());
  if (!c) return broken("no context");
  const bool set = SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) == 1 &&
                   SSL_CTX_use_certificate(c, certificate.get()) == 1 &&
                   SSL_CTX_use_PrivateKey(c, key.get()) == 1 &&
                   // The peer's certificate may have an RSA key.
                   SSL_CTX_set_cipher_list(c,
                                           "ECDHE-ECDSA-AES128-GCM-SHA256:"
                                           "ECDHE-RSA-AES128-GCM-SHA256:"
                                           "ECDHE-ECDSA-AES256-GCM-SHA384:"
                                           "ECDHE-RSA-AES256-GCM-SHA384:"
                                           "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
                   SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") == 1;
  if (!set) return broken("the context");
  SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(c, Dtls::verify, nullptr);
  SSL_CTX_set_cookie_generate_cb(c, Dtls::make_cookie);
  SSL_CTX_set_cookie_verify_cb(c, Dtls::check_cookie);
  if (RAND_bytes(id->secret_.data(), static_cast<int>(id->secret_.size())) != 1)
    return broken("no random octets");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1)
    return broken("the fingerprint");
  id->digest_ = {"sha-256", {digest.begin(), digest.begin() + size}};
  return id;
}

std::unique_ptr<Dtls> Dtls::create(std::shared_ptr<const DtlsIdentity> identity,
                                   const DtlsTerms& terms) {
  std::string profiles;
  for (const SrtpSuite s : terms.suites)
    for (const Profile& p : kProfiles)
      if (p.suite == s) profiles += (profiles.empty() ? "" : ":") + std::string(p.name);
  if (profiles.empty() || !Queue::method()) return nullptr;
  std::unique_ptr<Dtls> d(new Dtls(std::move(identity)));
  d->terms_ = terms;
  d->queue_ = std::make_unique<Queue>();
  d->ssl_ = SSL_new(d->identity_->context());
  BIO* bio = BIO_new(Queue::method());
  if (!d->ssl_ || !bio) {
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, d->queue_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(d->ssl_, bio, bio);
  SSL_set_app_data(d->ssl_, d.get());
  SSL_set_mtu(d->ssl_, kMaxDatagramBytes);
  if (SSL_set_tlsext_use_srtp(d->ssl_, profiles.c_str()) != 0) return nullptr;
  if (terms.client) {
    SSL_set_connect_state(d->ssl_);
  } else {
    if (terms.cookie) SSL_set_options(d->ssl_, SSL_OP_COOKIE_EXCHANGE);
    SSL_set_accept_state(d->ssl_);
  }
  return d;
}

Dtls::Dtls(std::shared_ptr<const DtlsIdentity> identity) : identity_(std::move(identity)) {}
Dtls::~Dtls() { SSL_free(ssl_); }

std::array<std::uint8_t, 32> DtlsIdentity::cookie_of(const Endpoint& at) const {
  const std::string text = at.to_string();
  std::array<std::uint8_t, 32> out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return out;
}

int Dtls::make_cookie(ssl_st* ssl, unsigned char* out, unsigned* size) {
  const auto* self = static_cast<const Dtls*>(SSL_get_app_data(ssl));
  const auto cookie = self->identity_->cookie_of(self->from_);
  std::copy(cookie.begin(), cookie.end(), out);
  *size = static_cast<unsigned>(cookie.size());
  return 1;
}

int Dtls::check_cookie(ssl_st* ssl, const unsigned char* cookie, unsigned size) {
  auto* self = static_cast<Dtls*>(SSL_get_app_data(ssl));
  const auto wanted = self->identity_->cookie_of(self->from_);
  self->proven_ = size == wanted.size() && CRYPTO_memcmp(cookie, wanted.data(), size) == 0;
  return self->proven_ ? 1 : 0;
}

int Dtls::verify(x509_store_ctx_st* store, void*) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<Dtls*>(SSL_get_app_data(ssl));
  if (self->is_the_peer(store)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

// RFC 8122 5.1: of the fingerprints that the SDP has, those of the strongest hash that we know
// count.
bool Dtls::is_the_peer(x509_store_ctx_st* store) {
  const X509* shown = X509_STORE_CTX_get0_cert(store);
  if (!shown) return false;
  for (const HashName& h : kHashes) {  // the strongest first
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    bool listed = false;
    for (const CertificateDigest& p : terms_.peers) {
      if (p.hash != h.name) continue;
      if (!listed && X509_digest(shown, h.md(), digest.data(), &size) != 1) return false;
      listed = true;
      if (p.octets.size() == size && std::equal(p.octets.begin(), p.octets.end(), digest.begin()))
        return true;
    }
    if (listed) break;
  }
  failure_ = "its certificate is not the one whose fingerprint is in its SDP";
  return false;
}

Dtls::Step Dtls::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
  return state_ = Step::kFailed;
}

Dtls::Step Dtls::start() {
  if (!terms_.client || state_ != Step::kMore) return state_;
  return advance();
}

Dtls::Step Dtls::feed(std::span<const std::byte> datagram, const Endpoint& from) {
  if (state_ == Step::kFailed) return state_;
  if (++fed_ > kMaxDatagrams)
    return state_ == Step::kDone ? state_ : fail("more datagrams than a handshake has");
  from_ = from;
  queue_->in = datagram;
  const Step s = advance();
  queue_->in = {};
  return s;
}

Dtls::Step Dtls::advance() {
  ERR_clear_error();
  if (state_ == Step::kDone) {
    // Nothing but handshake and alerts may come now; data of an application is passed over.
    std::array<char, 256> scrap{};
    (void)SSL_read(ssl_, scrap.data(), static_cast<int>(scrap.size()));
    ERR_clear_error();
    return state_;
  }
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return take_keys() ? state_ = Step::kDone : state_;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return state_;
    default: return fail(latest_error());
  }
}

bool Dtls::take_keys() {
  const SRTP_PROTECTION_PROFILE* chosen = SSL_get_selected_srtp_profile(ssl_);
  const auto profile = std::find_if(kProfiles.begin(), kProfiles.end(), [&](const Profile& p) {
    return chosen && p.number == chosen->id;
  });
  if (profile == kProfiles.end()) {
    fail("no SRTP protection profile in common");
    return false;
  }
  // RFC 5764 4.2: both keys, then both salts, the client's first.
  const SrtpSizes sizes = sizes_of(profile->suite);
  std::array<unsigned char, 2 * SrtpKey::kMaxKeySalt> material{};
  static constexpr char kLabel[] = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl_, material.data(), 2 * std::size_t{sizes.key} + 2 * sizes.salt,
                                 kLabel, sizeof kLabel - 1, nullptr, 0, 0) != 1) {
    fail("no keying material: " + latest_error());
    return false;
  }
  const auto key = [&](bool clients) {
    SrtpKey k;
    k.suite = profile->suite;
    const auto* from = material.data() + (clients ? 0 : sizes.key);
    std::copy_n(from, sizes.key, k.key_salt.begin());
    from = material.data() + 2 * std::size_t{sizes.key} + (clients ? 0 : sizes.salt);
    std::copy_n(from, sizes.salt, k.key_salt.begin() + sizes.key);
    return k;
  };
  send_ = key(terms_.client);
  receive_ = key(!terms_.client);
  return true;
}

std::optional<Micros> Dtls::timeout() const {
  if (state_ == Step::kFailed) return std::nullopt;
  timeval left{};
  if (DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return Seconds(left.tv_sec) + Micros(left.tv_usec);
}

Dtls::Step Dtls::on_timer() {
  if (state_ == Step::kFailed) return state_;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_) < 0 && state_ == Step::kMore)
    return fail("the peer did not answer: " + latest_error());
  ERR_clear_error();
  return state_;
}

std::vector<std::string> Dtls::take_output() { return std::exchange(queue_->out, {}); }

std::string Dtls::in_words() const {
  if (state_ == Step::kFailed) return failure_;
  if (state_ == Step::kMore) return "a handshake is under way";
  return std::string(SSL_get_version(ssl_)) + " " + SSL_get_cipher_name(ssl_);
}

}  // namespace causeway::rtp
