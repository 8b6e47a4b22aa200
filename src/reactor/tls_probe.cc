#include "reactor/tls_probe.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>

#include "reactor/file_descriptor.h"
#include "reactor/udp_socket.h"
#include "reactor/x509.h"

namespace causeway::reactor {
namespace {

using Clock = std::chrono::steady_clock;

std::string name_text(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (!out) return {};
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long n = BIO_get_mem_data(out.get(), &data);
  return n > 0 ? std::string(data, static_cast<std::size_t>(n)) : std::string();
}

WallTime wall_of(const ASN1_TIME* t) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(t, &tm) != 1) return {};
  return {static_cast<std::int64_t>(timegm(&tm)) * 1'000'000};
}

CertificateFacts facts_of(X509* c) {
  CertificateFacts f;
  f.subject = name_text(X509_get_subject_name(c));
  f.issuer = name_text(X509_get_issuer_name(c));
  f.names = certificate_names(c);
  f.uris = certificate_uris(c);
  f.not_before = wall_of(X509_get0_notBefore(c));
  f.not_after = certificate_not_after(c);
  if (const EVP_PKEY* key = X509_get0_pubkey(c))
    f.key = std::string(OBJ_nid2sn(EVP_PKEY_get_base_id(key))) + " " +
            std::to_string(EVP_PKEY_get_bits(key)) + " bits";
  const std::uint32_t flags = X509_get_extension_flags(c);
  f.has_purposes = (flags & EXFLAG_XKUSAGE) != 0;
  if (f.has_purposes) {
    const std::uint32_t use = X509_get_extended_key_usage(c);
    f.for_server = (use & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
    f.for_client = (use & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
  }
  f.self_signed = (flags & EXFLAG_SI) != 0;
  f.is_authority = (flags & EXFLAG_CA) != 0;
  return f;
}

struct ContextDeleter {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};

// Waits for the socket within the time that is left; false: none is.
bool ready(int fd, short events, Clock::time_point limit) {
  const auto left = std::chrono::duration_cast<Millis>(limit - Clock::now()).count();
  pollfd p{fd, events, 0};
  return left > 0 && ::poll(&p, 1, static_cast<int>(left)) == 1;
}

Result<FileDescriptor> connect_to(const TlsProbe& probe, Clock::time_point limit) {
  sockaddr_storage address{};
  const int family = probe.remote.address.is_v6() ? AF_INET6 : AF_INET;
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return tl::unexpected<Error>(io_error("socket", errno));
  if (!probe.local.address.is_unspecified()) {
    const socklen_t n = to_sockaddr(probe.local, address);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), n) != 0)
      return tl::unexpected<Error>(io_error("bind to " + probe.local.to_string(), errno));
  }
  const socklen_t n = to_sockaddr(probe.remote, address);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), n) == 0) return fd;
  if (errno != EINPROGRESS) return tl::unexpected<Error>(io_error("connect", errno));
  if (!ready(fd.get(), POLLOUT, limit))
    return fail(ErrorCode::kTimeout, "connect: no answer in time");
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return tl::unexpected<Error>(io_error("connect", error));
  return fd;
}

// Repeats an operation of OpenSSL until it is done, fails or the time is over. True: done.
template <typename Operation>
bool drive(SSL* ssl, int fd, Clock::time_point limit, std::string& failure, Operation operation) {
  for (;;) {
    ERR_clear_error();
    const int n = operation();
    if (n > 0) return true;
    switch (SSL_get_error(ssl, n)) {
      case SSL_ERROR_WANT_READ:
        if (ready(fd, POLLIN, limit)) continue;
        failure = "no answer in time";
        return false;
      case SSL_ERROR_WANT_WRITE:
        if (ready(fd, POLLOUT, limit)) continue;
        failure = "it does not read";
        return false;
      case SSL_ERROR_SSL: failure = take_openssl_error(); return false;
      default: failure = "it closed the connection"; return false;
    }
  }
}

// 1 in the SSL's application data: the server asked for our certificate.
int certificate_asked(SSL*, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 1;  // what the context holds is shown
}

void look_at_peer(SSL* ssl, const TlsProbe& probe, TlsFindings& out) {
  out.version = SSL_get_version(ssl);
  out.suite = SSL_get_cipher_name(ssl);
  STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; chain && i < std::min(sk_X509_num(chain), 16); ++i)
    out.chain.push_back(facts_of(sk_X509_value(chain, i)));
  out.verify_error = static_cast<int>(SSL_get_verify_result(ssl));
  out.verify_text = X509_verify_cert_error_string(out.verify_error);
  const X509Ptr leaf(SSL_get1_peer_certificate(ssl));
  if (!leaf) return;
  out.name_fits =
      IpAddress::parse(probe.server_name)
          ? X509_check_ip_asc(leaf.get(), probe.server_name.c_str(), 0) == 1
          : any_certificate_name_matches(certificate_names(leaf.get()), probe.server_name);
}

}  // namespace

std::vector<CertificateFacts> certificates_in(const std::string& pem_file) {
  std::vector<CertificateFacts> out;
  const BioPtr file(BIO_new_file(pem_file.c_str(), "r"));
  constexpr std::size_t kMost = 1'000;
  while (file && out.size() < kMost) {
    const X509Ptr c(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (!c) break;
    out.push_back(facts_of(c.get()));
  }
  ERR_clear_error();
  return out;
}

bool leads_to_root(const std::vector<CertificateFacts>& chain,
                   const std::vector<std::string>& root_files) {
  if (chain.empty()) return false;
  for (const auto& file : root_files)
    for (const auto& root : certificates_in(file))
      if (root.subject == chain.back().issuer) return true;
  return false;
}

std::vector<std::string> system_root_files() { return {"/etc/ssl/certs/ca-certificates.crt"}; }

TlsFindings probe_tls(const TlsProbe& probe) {
  TlsFindings out;
  const auto limit = Clock::now() + probe.patience;
  auto loaded = TlsContext::load(probe.identity);
  if (!loaded) {
    out.failure = loaded.error().what;
    return out;
  }
  auto fd = connect_to(probe, limit);
  if (!fd) {
    out.failure = fd.error().what;
    return out;
  }
  out.connected = true;
  const SslPtr ssl(SSL_new((*loaded)->client()));
  if (!ssl) {
    out.failure = "no memory for TLS";
    return out;
  }
  // Everything is accepted here, so that everything can be reported.
  SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  SSL_set_cert_cb(ssl.get(), certificate_asked, &out.wants_our_certificate);
  const int version = probe.version == TlsVersion::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_set_min_proto_version(ssl.get(), version);
  SSL_set_max_proto_version(ssl.get(), version);
  if (!IpAddress::parse(probe.server_name))
    SSL_set_tlsext_host_name(ssl.get(), probe.server_name.c_str());
  SSL_set_fd(ssl.get(), fd->get());
  const auto step = [&](auto operation) {
    return drive(ssl.get(), fd->get(), limit, out.failure, operation);
  };
  out.agreed = step([&] { return SSL_connect(ssl.get()); });
  if (out.agreed || SSL_get_peer_cert_chain(ssl.get())) look_at_peer(ssl.get(), probe, out);
  if (!out.agreed || probe.say.empty()) return out;
  const int length = static_cast<int>(probe.say.size());
  if (!step([&] { return SSL_write(ssl.get(), probe.say.data(), length); })) return out;
  std::array<char, 4'096> buffer{};
  int n = 0;
  if (!step([&] {
        n = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
        return n;
      }))
    return out;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
  out.answer = std::string(text.substr(0, text.find_first_of("\r\n")));
  return out;
}

}  // namespace causeway::reactor
