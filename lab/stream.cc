#include "lab/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lab/sip_text.h"

namespace causeway::lab {
namespace {
constexpr std::size_t kMaxBuffered = 4 * 1024 * 1024;
}

std::string tls_error() {
  char buf[256] = "no detail";
  if (const auto e = ERR_get_error(); e != 0) ERR_error_string_n(e, buf, sizeof buf);
  ERR_clear_error();
  return buf;
}

bool certificate_covers(const std::vector<std::string>& names, std::string_view host) {
  for (const auto& n : names) {
    if (same_text(n, host)) return true;
    const auto dot = host.find('.');
    if (n.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
        same_text(std::string_view(n).substr(1), host.substr(dot)))
      return true;
  }
  return false;
}

Result<SslContext> make_tls_context(const TlsFiles& files, bool server) {
  SslContext c(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX_set_min_proto_version(c.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(c.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(c.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_use_certificate_chain_file(c.get(), files.certificate.c_str()) != 1)
    return fail(ErrorCode::kTls, "certificate " + files.certificate + ": " + tls_error());
  if (SSL_CTX_use_PrivateKey_file(c.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(ErrorCode::kTls, "key " + files.key + ": " + tls_error());
  if (SSL_CTX_load_verify_locations(c.get(), files.ca.c_str(), nullptr) != 1)
    return fail(ErrorCode::kTls, "trusted root " + files.ca + ": " + tls_error());
  SSL_CTX_set_verify(c.get(), SSL_VERIFY_PEER | (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  return c;
}

StreamConnection::StreamConnection(Loop& loop, Listener& listener, int fd, SSL_CTX* tls,
                                   Endpoint local, Endpoint remote)
    : loop_(loop),
      listener_(listener),
      fd_(fd),
      local_(local),
      remote_(remote),
      accepted_(true),
      connected_(true) {
  if (tls != nullptr) {
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_accept_state(ssl_.get());
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  loop_.watch(fd_, EPOLLIN, [this](std::uint32_t e) { ready(e); });
}

Result<std::unique_ptr<StreamConnection>> StreamConnection::open(Loop& loop, Listener& listener,
                                                                 SSL_CTX* tls,
                                                                 const IpAddress& from,
                                                                 const Endpoint& to,
                                                                 const std::string& verify_name) {
  sockaddr_storage sa{};
  const int fd = socket(to.address.is_v6() ? AF_INET6 : AF_INET,
                        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::kIo, std::string("socket: ") + std::strerror(errno));
  unsigned n = to_sockaddr({from, 0}, sa);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&sa), n) == 0;
  n = to_sockaddr(to, sa);
  if (!bound || (connect(fd, reinterpret_cast<sockaddr*>(&sa), n) != 0 && errno != EINPROGRESS)) {
    const std::string why = std::strerror(errno);
    close(fd);
    return fail(ErrorCode::kIo, "connect " + to.to_string() + ": " + why);
  }
  auto c = std::make_unique<StreamConnection>(loop, listener, fd, nullptr, Endpoint{from, 0}, to);
  c->accepted_ = false;
  c->connected_ = false;
  if (tls != nullptr) {
    c->ssl_.reset(SSL_new(tls));
    SSL_set_fd(c->ssl_.get(), fd);
    SSL_set_connect_state(c->ssl_.get());
    if (!verify_name.empty()) {
      SSL_set_tlsext_host_name(c->ssl_.get(), verify_name.c_str());
      SSL_set1_host(c->ssl_.get(), verify_name.c_str());
    }
  }
  loop.change(fd, EPOLLIN | EPOLLOUT);
  return c;
}

StreamConnection::~StreamConnection() {
  loop_.unwatch(fd_);
  if (ssl_ && shaken_ && !closed_) SSL_shutdown(ssl_.get());
  ssl_.reset();
  close(fd_);
  ERR_clear_error();
}

void StreamConnection::want(bool write) { loop_.change(fd_, write ? EPOLLIN | EPOLLOUT : EPOLLIN); }

void StreamConnection::close_because(const std::string& why) {
  if (closed_) return;
  closed_ = true;
  loop_.unwatch(fd_);
  listener_.on_stream_closed(*this, why);
}

void StreamConnection::read_peer_names() {
  X509* cert = SSL_get1_peer_certificate(ssl_.get());
  if (cert == nullptr) return;
  char cn[256];
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof cn) > 0)
    peer_names_.emplace_back(cn);
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && i < 64; ++i) {
    const GENERAL_NAME* g = sk_GENERAL_NAME_value(names, i);
    if (g->type != GEN_DNS) continue;
    peer_names_.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(g->d.dNSName)),
                             static_cast<std::size_t>(ASN1_STRING_length(g->d.dNSName)));
  }
  GENERAL_NAMES_free(names);
  X509_free(cert);
}

bool StreamConnection::handshake() {
  if (!connected_) {
    int error = 0;
    socklen_t n = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0) {
      close_because(std::string("connect: ") + std::strerror(error));
      return false;
    }
    connected_ = true;
    sockaddr_storage sa{};
    n = sizeof sa;
    if (getsockname(fd_, reinterpret_cast<sockaddr*>(&sa), &n) == 0) local_ = from_sockaddr(sa);
  }
  if (!ssl_ || shaken_) return true;
  ERR_clear_error();
  const int r = SSL_do_handshake(ssl_.get());
  if (r == 1) {
    shaken_ = true;
    read_peer_names();
    return true;
  }
  const int e = SSL_get_error(ssl_.get(), r);
  if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
    want(e == SSL_ERROR_WANT_WRITE);
    return false;
  }
  const long verify = SSL_get_verify_result(ssl_.get());
  std::string why = "TLS handshake: " + tls_error();
  if (verify != X509_V_OK) why += std::string(" (") + X509_verify_cert_error_string(verify) + ")";
  close_because(why);
  return false;
}

void StreamConnection::ready(std::uint32_t events) {
  if (!connected_ && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  if (!handshake()) return;
  write_all();
  if (!closed_) read_all();
}

void StreamConnection::read_all() {
  char buf[16384];
  while (!closed_) {
    ssize_t n = 0;
    if (ssl_) {
      ERR_clear_error();
      n = SSL_read(ssl_.get(), buf, sizeof buf);
      if (n <= 0) {
        const int e = SSL_get_error(ssl_.get(), static_cast<int>(n));
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return;
        return close_because(e == SSL_ERROR_ZERO_RETURN ? "closed" : "TLS: " + tls_error());
      }
    } else {
      n = recv(fd_, buf, sizeof buf, 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n <= 0) return close_because(n == 0 ? "closed" : std::strerror(errno));
    }
    in_.append(buf, static_cast<std::size_t>(n));
    cut_messages();
  }
}

void StreamConnection::cut_messages() {
  while (!closed_) {
    if (in_.starts_with("\r\n\r\n")) {  // keep-alive (RFC 5626 4.4.1)
      in_.erase(0, 4);
      send("\r\n");
      continue;
    }
    if (in_.starts_with("\r\n") && in_.size() > 2) {
      in_.erase(0, 2);
      continue;
    }
    if (in_ == "\r\n") {  // a pong, or the first half of a ping: the next bytes tell
      return;
    }
    const auto n = frame_length(in_);
    if (!n) {
      if (in_.size() > kMaxMessageBytes) close_because("message too large");
      return;
    }
    const std::string message = in_.substr(0, *n);
    in_.erase(0, *n);
    listener_.on_stream_message(*this, message);
  }
}

void StreamConnection::send(std::string_view bytes) {
  if (closed_) return;
  if (out_.size() + bytes.size() > kMaxBuffered) return close_because("the peer does not read");
  out_ += bytes;
  if (connected_ && (!ssl_ || shaken_)) write_all();
}

void StreamConnection::write_all() {
  while (!out_.empty()) {
    ssize_t n = 0;
    if (ssl_) {
      ERR_clear_error();
      n = SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
      if (n <= 0) {
        const int e = SSL_get_error(ssl_.get(), static_cast<int>(n));
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
          return want(e == SSL_ERROR_WANT_WRITE);
        return close_because("TLS: " + tls_error());
      }
    } else {
      n = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return want(true);
      if (n < 0) return close_because(std::strerror(errno));
    }
    out_.erase(0, static_cast<std::size_t>(n));
  }
  want(false);
}

}  // namespace causeway::lab
