// What we read out of certificates. Free functions, any thread. Internal to this room.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
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

// The SIP domains that it is for: those of SAN URIs, then SAN dNSNames; the CN of the subject when
// there is neither (RFC 5922 7.1). At most 256, each without embedded NUL (a name cut short by one
// is a known way to deceive).
[[nodiscard]] std::vector<std::string> certificate_names(const X509* certificate);
// Its SAN URIs, whatever they name.
[[nodiscard]] std::vector<std::string> certificate_uris(const X509* certificate);
// "example.com" of "sip:example.com"; empty for what names no SIP domain: another scheme, a user
// (RFC 5922 7.1), no host name. A wildcard is none.
[[nodiscard]] std::string sip_identity(std::string_view uri);
[[nodiscard]] WallTime certificate_not_after(const X509* certificate);
[[nodiscard]] std::string certificate_issuer(const X509* certificate);
// The oldest error of this thread's queue, which is emptied.
[[nodiscard]] std::string take_openssl_error();

}  // namespace causeway::reactor
