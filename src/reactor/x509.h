// What we read out of certificates. Free functions, any thread. Internal to this room.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"

namespace causeway::reactor {

struct OpenSslDeleter {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
};
using X509Ptr = std::unique_ptr<X509, OpenSslDeleter>;
using BioPtr = std::unique_ptr<BIO, OpenSslDeleter>;
using SslPtr = std::unique_ptr<SSL, OpenSslDeleter>;

// SAN dNSNames; the CN of the subject when there is no such SAN (RFC 5922 7.1). At most 256, each
// without embedded NUL (a name cut short by one is a known way to deceive).
[[nodiscard]] std::vector<std::string> certificate_names(const X509* certificate);
[[nodiscard]] WallTime certificate_not_after(const X509* certificate);
[[nodiscard]] std::string certificate_issuer(const X509* certificate);
// The oldest error of this thread's queue, which is emptied.
[[nodiscard]] std::string take_openssl_error();

}  // namespace causeway::reactor
