#include "reactor/tls_context.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "reactor/tls_session.h"
#include "reactor/x509.h"

namespace causeway::reactor {
namespace {

// TDR-09, with ECDSA beside RSA. Nothing without forward secrecy.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256";
constexpr const char* kTls13Ciphers = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorCode::kConfiguration, what + " (" + take_openssl_error() + ")");
}

Status load_chain(SSL_CTX* context, const std::string& path) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (!file) return refuse("cannot open the certificate chain " + path);
  int count = 0;
  while (true) {
    const X509Ptr certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    if (SSL_CTX_add1_chain_cert(context, certificate.get()) != 1)
      return refuse("cannot use a certificate of the chain " + path);
    ++count;
  }
  if (count == 0) return refuse("no certificate in the chain " + path);
  (void)take_openssl_error();  // the end of the file is reported as an error
  return {};
}

Status load_identity(SSL_CTX* context, const TlsFiles& files) {
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return refuse("cannot read the certificate " + files.certificate);
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return refuse("cannot use the key " + files.key + " with the certificate " + files.certificate);
  if (SSL_CTX_check_private_key(context) != 1)
    return refuse("the key " + files.key + " does not belong to the certificate " +
                  files.certificate);
  if (!files.chain.empty()) {
    if (auto loaded = load_chain(context, files.chain); !loaded) return loaded;
  }
  if (files.trusted_roots.empty())
    return fail(ErrorCode::kConfiguration, "no trusted roots: name at least one bundle");
  for (const std::string& roots : files.trusted_roots)
    if (SSL_CTX_load_verify_file(context, roots.c_str()) != 1)
      return refuse("cannot read the trusted roots " + roots);
  return {};
}

void set_rules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);  // TDR-08
  SSL_CTX_set_cipher_list(context, kTls12Ciphers);
  SSL_CTX_set_ciphersuites(context, kTls13Ciphers);
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Whoever the chain leads to is accepted in either role: public authorities no longer put Client
  // Authentication into certificates (TDR-13).
  X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(context), X509_PURPOSE_ANY);
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  std::shared_ptr<TlsContext> built(new TlsContext);
  built->server_ = SSL_CTX_new(TLS_server_method());
  built->client_ = SSL_CTX_new(TLS_client_method());
  if (!built->server_ || !built->client_) return refuse("OpenSSL has no memory for a context");
  for (SSL_CTX* const context : {built->server_, built->client_}) {
    set_rules(context);
    if (auto loaded = load_identity(context, files); !loaded)
      return tl::unexpected<Error>(loaded.error());
  }
  SSL_CTX_set_verify(built->server_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify(built->client_, SSL_VERIFY_PEER, nullptr);
  constexpr unsigned char kSessionContext[] = "causeway";
  SSL_CTX_set_session_id_context(built->server_, kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_session_cache_mode(built->server_, SSL_SESS_CACHE_OFF);  // tickets do without
  SSL_CTX_set_tlsext_servername_callback(built->server_, &TlsSession::choose_identity);
  SSL_CTX_set_session_cache_mode(built->client_, SSL_SESS_CACHE_OFF);
  const X509* const own = SSL_CTX_get0_certificate(built->server_);
  built->identity_.names = certificate_names(own);
  built->identity_.not_after = certificate_not_after(own);
  built->identity_.issuer = certificate_issuer(own);
  built->identity_.trusted_issuers.clear();
  return std::shared_ptr<const TlsContext>(std::move(built));
}

std::shared_ptr<const TlsContext> TlsContext::choice(
    std::vector<std::shared_ptr<const TlsContext>> all) {
  if (all.size() == 1) return all.front();
  std::shared_ptr<TlsContext> built(new TlsContext);
  const TlsContext& first = *all.front();
  built->identity_ = first.identity_;
  if (first.server_ && SSL_CTX_up_ref(first.server_) == 1) built->server_ = first.server_;
  if (first.client_ && SSL_CTX_up_ref(first.client_) == 1) built->client_ = first.client_;
  built->all_ = std::move(all);
  return built;
}

const TlsContext& TlsContext::for_name(std::string_view name) const {
  if (all_.empty()) return *this;
  for (const auto& one : all_)
    if (any_certificate_name_matches(one->names(), name)) return *one;
  return *all_.front();
}

std::shared_ptr<const TlsContext> TlsContext::simulated(SimulatedIdentity identity) {
  std::shared_ptr<TlsContext> built(new TlsContext);
  built->identity_ = std::move(identity);
  return built;
}

std::shared_ptr<const TlsContext> TlsContext::simulated(std::vector<std::string> names) {
  SimulatedIdentity identity;
  identity.names = std::move(names);
  return simulated(std::move(identity));
}

TlsContext::~TlsContext() {
  SSL_CTX_free(server_);
  SSL_CTX_free(client_);
}

}  // namespace causeway::reactor
