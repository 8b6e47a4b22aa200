#include "reactor/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace causeway::reactor {
namespace {

int session_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_untrusted(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

}  // namespace

std::unique_ptr<TlsSession> TlsSession::server(std::shared_ptr<const TlsContext> context,
                                               const Endpoint& remote) {
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), remote));
  if (!session->start(session->context_->server(), true)) return nullptr;
  return session;
}

std::unique_ptr<TlsSession> TlsSession::client(const TlsClient& client, const Endpoint& remote) {
  std::unique_ptr<TlsSession> session(new TlsSession(client.context, remote));
  session->expected_name_ = client.server_name;
  SSL_CTX* const own = session->context_->for_name(client.own_name).client();
  if (!session->start(own, false)) return nullptr;
  // SNI carries names, never addresses (RFC 6066 3).
  if (!IpAddress::parse(client.server_name))
    SSL_set_tlsext_host_name(session->ssl_.get(), client.server_name.c_str());
  return session;
}

bool TlsSession::start(SSL_CTX* context, bool as_server) {
  if (!context) return false;
  ssl_.reset(SSL_new(context));
  if (!ssl_) return false;
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (!in_ || !out_) {
    BIO_free(in_);
    BIO_free(out_);
    return false;
  }
  BIO_set_mem_eof_return(in_, -1);
  BIO_set_mem_eof_return(out_, -1);
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_ex_data(ssl_.get(), session_index(), this);
  SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), &TlsSession::verify);
  if (as_server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  return true;
}

int TlsSession::choose_identity(SSL* ssl, int*, void*) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto* const self = static_cast<TlsSession*>(SSL_get_ex_data(ssl, session_index()));
  if (!name || !self) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const wanted = self->context_->for_name(name).server();
  if (wanted && wanted != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, wanted);
  return SSL_TLSEXT_ERR_OK;
}

int TlsSession::verify(int accepted_so_far, X509_STORE_CTX* store) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const self = static_cast<TlsSession*>(SSL_get_ex_data(ssl, session_index()));
  return self->check_peer(accepted_so_far != 0, store) ? 1 : 0;
}

bool TlsSession::check_peer(bool accepted_so_far, X509_STORE_CTX* store) {
  X509* const leaf = X509_STORE_CTX_get0_cert(store);
  if (!accepted_so_far) {
    const int error = X509_STORE_CTX_get_error(store);
    const auto names = certificate_names(leaf);
    refusal_ = is_untrusted(error)
                   ? untrusted_certificate_text(remote_, names, certificate_issuer(leaf))
                   : "certificate of " + remote_.to_string() + " (" + describe_names(names) +
                         "): " + X509_verify_cert_error_string(error);
    return false;
  }
  if (expected_name_.empty() || X509_STORE_CTX_get_error_depth(store) != 0) return true;
  const auto names = certificate_names(leaf);
  const bool fits = IpAddress::parse(expected_name_)
                        ? X509_check_ip_asc(leaf, expected_name_.c_str(), 0) == 1
                        : any_certificate_name_matches(names, expected_name_);
  if (fits) return true;
  refusal_ = wrong_certificate_text(remote_, expected_name_, names);
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return false;
}

void TlsSession::feed(std::span<const std::byte> cipher) {
  if (!cipher.empty()) BIO_write(in_, cipher.data(), static_cast<int>(cipher.size()));
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Step::kDone;
  const int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Step::kMore;
  fail(result);
  return Step::kFailed;
}

void TlsSession::fail(int result) {
  const int why = SSL_get_error(ssl_.get(), result);
  failure_ = why == SSL_ERROR_SSL ? take_openssl_error() : "the connection ended";
}

int TlsSession::read(std::span<std::byte> out) {
  ERR_clear_error();
  const int n = SSL_read(ssl_.get(), out.data(), static_cast<int>(out.size()));
  if (n > 0) return n;
  const int why = SSL_get_error(ssl_.get(), n);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
  if (why == SSL_ERROR_ZERO_RETURN)
    finished_ = true;
  else
    fail(n);
  return -1;
}

bool TlsSession::write(std::string_view plain) {
  while (!plain.empty()) {
    ERR_clear_error();
    const int length = static_cast<int>(std::min<std::size_t>(plain.size(), 1 << 20));
    const int n = SSL_write(ssl_.get(), plain.data(), length);
    if (n <= 0) {
      fail(n);
      return false;
    }
    plain.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Said once: a second SSL_shutdown() reads, and takes data that still waits for a fault.
void TlsSession::close_notify() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) && (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0)
    SSL_shutdown(ssl_.get());
}

void TlsSession::take_output(std::string& out) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(out_, &data);
  if (length <= 0) return;
  out.append(data, static_cast<std::size_t>(length));
  (void)BIO_reset(out_);
}

Error TlsSession::failure() const {
  if (!refusal_.empty()) return {ErrorCode::kTls, refusal_};
  return {ErrorCode::kTls, "TLS with " + remote_.to_string() + ": " + failure_};
}

TlsPeer TlsSession::peer() const {
  TlsPeer peer;
  peer.version = SSL_get_version(ssl_.get());
  peer.cipher = SSL_get_cipher_name(ssl_.get());
  const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (certificate) {
    peer.names = certificate_names(certificate.get());
    peer.not_after = certificate_not_after(certificate.get());
  }
  const char* const sni = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  if (sni && expected_name_.empty()) peer.sni = sni;
  peer.verified = certificate && SSL_get_verify_result(ssl_.get()) == X509_V_OK;
  return peer;
}

}  // namespace causeway::reactor
