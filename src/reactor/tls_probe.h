// Looks at a TLS server as a peer would see it, for `causeway tls-check`: which versions and suites
// it agrees to, what it shows, whether it takes our certificate and answers. Blocking, with a limit
// of time; for a command, never for a shard.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"
#include "reactor/tls_context.h"

namespace causeway::reactor {

struct CertificateFacts {
  std::string subject, issuer;     // "CN=sip.example,O=..."
  std::vector<std::string> names;  // as certificate_names()
  std::vector<std::string> uris;   // as certificate_uris()
  WallTime not_before, not_after;
  std::string key;                            // "RSA 2048 bits", "id-ecPublicKey 256 bits"
  bool has_purposes = false;                  // extendedKeyUsage is there
  bool for_server = true, for_client = true;  // what it allows
  bool self_signed = false, is_authority = false;
};

// What the files hold, in order. An unreadable one gives none.
[[nodiscard]] std::vector<CertificateFacts> certificates_in(const std::string& pem_file);
// Whether the last certificate's issuer is among the roots (their files), or with no files the
// system's.
[[nodiscard]] bool leads_to_root(const std::vector<CertificateFacts>& chain,
                                 const std::vector<std::string>& root_files);
[[nodiscard]] std::vector<std::string> system_root_files();

enum class TlsVersion : std::uint8_t { k12, k13 };

struct TlsProbe {
  Endpoint remote, local;   // local.port 0
  std::string server_name;  // SNI, and the name to find in the certificate
  TlsFiles identity;
  TlsVersion version = TlsVersion::k13;
  std::string say;  // an OPTIONS request; empty: nothing is sent
  Millis patience{5'000};
};

struct TlsFindings {
  bool connected = false, agreed = false;  // TCP, TLS
  std::string failure;                     // of the first that did not work
  std::string version, suite;
  std::vector<CertificateFacts> chain;  // as the server sent it, its own first
  int verify_error = 0;                 // X509_V_...; 0: it leads to a trusted root and is valid
  std::string verify_text;
  bool name_fits = false;
  bool wants_our_certificate = false;
  std::string answer;  // first line of what came back
};
[[nodiscard]] TlsFindings probe_tls(const TlsProbe& probe);

}  // namespace causeway::reactor
