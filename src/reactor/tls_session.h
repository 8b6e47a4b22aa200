// TLS of one connection as a filter between two byte queues; it never sees the socket.
// On the shard's thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "reactor/reactor.h"
#include "reactor/tls_context.h"
#include "reactor/x509.h"

namespace causeway::reactor {

class TlsSession {
 public:
  // Null when OpenSSL has no memory or the context is a simulated one.
  static std::unique_ptr<TlsSession> server(std::shared_ptr<const TlsContext> context,
                                            const Endpoint& remote);
  static std::unique_ptr<TlsSession> client(const TlsClient& client, const Endpoint& remote);

  enum class Step { kMore, kDone, kFailed };
  // Bytes from the network. All are taken.
  void feed(std::span<const std::byte> cipher);
  // Goes on with the handshake; failure() says why it failed.
  Step handshake();
  // Plain text into `out`: how many bytes; 0 when more has to be fed first; negative when the
  // session is over: finished() tells a clean end from failure().
  int read(std::span<std::byte> out);
  [[nodiscard]] bool finished() const { return finished_; }
  // False: failure().
  [[nodiscard]] bool write(std::string_view plain);
  void close_notify();
  // Appends what has to go to the network.
  void take_output(std::string& out);
  [[nodiscard]] Error failure() const;
  [[nodiscard]] TlsPeer peer() const;
  // OpenSSL asks it when a client named the server that it wants (SNI).
  static int choose_identity(SSL* ssl, int* alert, void* unused);

 private:
  TlsSession(std::shared_ptr<const TlsContext> context, const Endpoint& remote)
      : context_(std::move(context)), remote_(remote) {}
  bool start(SSL_CTX* context, bool as_server);
  void fail(int result);
  static int verify(int accepted_so_far, X509_STORE_CTX* store);
  bool check_peer(bool accepted_so_far, X509_STORE_CTX* store);

  std::shared_ptr<const TlsContext> context_;
  Endpoint remote_;
  std::string expected_name_;  // of the server, when we are the client
  SslPtr ssl_;
  BIO* in_ = nullptr;   // owned by ssl_
  BIO* out_ = nullptr;  // owned by ssl_
  bool finished_ = false;
  std::string refusal_;  // what verify() found wrong with the certificate
  std::string failure_;
};

}  // namespace causeway::reactor
