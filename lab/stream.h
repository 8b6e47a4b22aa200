// One TCP or TLS connection that carries SIP, and the TLS settings of a lab peer. Lab thread.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "lab/loop.h"

namespace causeway::lab {

struct TlsFiles {
  std::string certificate, key, ca;  // PEM paths
};

struct SslContextFree {
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;
// Server side: asks for a client certificate and insists on it. Both: TLS 1.2 and 1.3.
[[nodiscard]] Result<SslContext> make_tls_context(const TlsFiles& files, bool server);

class StreamConnection {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_stream_message(StreamConnection& c, std::string_view text) = 0;
    // The connection is unusable from here on; the listener destroys it, but not within the call.
    virtual void on_stream_closed(StreamConnection& c, const std::string& why) = 0;
  };

  // Accepted: `tls` null for TCP.
  StreamConnection(Loop& loop, Listener& listener, int fd, SSL_CTX* tls, Endpoint local,
                   Endpoint remote);
  // To be opened: verify_name is sent as SNI and must be in the certificate.
  [[nodiscard]] static Result<std::unique_ptr<StreamConnection>> open(
      Loop& loop, Listener& listener, SSL_CTX* tls, const IpAddress& from, const Endpoint& to,
      const std::string& verify_name);
  ~StreamConnection();
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  void send(std::string_view bytes);
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool accepted() const { return accepted_; }
  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  // CN and DNS names of the certificate the other side showed, once the handshake is done.
  [[nodiscard]] const std::vector<std::string>& peer_names() const { return peer_names_; }
  std::uint64_t id = 0;  // given by the owner

 private:
  struct SslFree {
    void operator()(SSL* s) const { SSL_free(s); }
  };
  void ready(std::uint32_t events);
  bool handshake();  // whether bytes may flow
  void read_all();
  void write_all();
  void cut_messages();
  void close_because(const std::string& why);
  void want(bool write);
  void read_peer_names();

  Loop& loop_;
  Listener& listener_;
  int fd_;
  std::unique_ptr<SSL, SslFree> ssl_;
  Endpoint local_, remote_;
  bool accepted_;
  bool connected_, shaken_ = false, closed_ = false;
  std::string in_, out_;
  std::vector<std::string> peer_names_;
};

[[nodiscard]] std::string tls_error();
// "*.example" covers one label (RFC 2818 3.1).
[[nodiscard]] bool certificate_covers(const std::vector<std::string>& names, std::string_view host);

}  // namespace causeway::lab
