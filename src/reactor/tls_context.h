// Who we are and whom we trust in TLS. Immutable once built, shared between shards and threads.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/net.h"
#include "base/result.h"
#include "base/time.h"

struct ssl_ctx_st;

namespace causeway::reactor {

// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  // leaf, then intermediates if `chain` is empty
  std::string key;
  std::string chain;                       // intermediates; may be empty
  std::vector<std::string> trusted_roots;  // bundles; never empty
};

// A certificate that exists by its contents only, for the simulated world.
struct SimulatedIdentity {
  std::vector<std::string> names;
  std::string issuer = "test root";
  std::vector<std::string> trusted_issuers{"test root"};
  WallTime not_after{4'102'444'800'000'000};  // 2100-01-01
};

class TlsContext {
 public:
  // kConfiguration names the file and what is wrong with it.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
  [[nodiscard]] static std::shared_ptr<const TlsContext> simulated(SimulatedIdentity identity);
  // Issued by, and trusting, the world's one test root.
  [[nodiscard]] static std::shared_ptr<const TlsContext> simulated(std::vector<std::string> names);

  // `all` in one, for a listener: a client that asks for a name by SNI is shown the first identity
  // that covers it, every other client the first of all. `all` is not empty.
  [[nodiscard]] static std::shared_ptr<const TlsContext> choice(
      std::vector<std::shared_ptr<const TlsContext>> all);
  // Of a choice, the identity for that name; of any other context, itself.
  [[nodiscard]] const TlsContext& for_name(std::string_view name) const;

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Of our own certificate: as certificate_names() (x509.h) has them.
  [[nodiscard]] const std::vector<std::string>& names() const { return identity_.names; }
  [[nodiscard]] WallTime not_after() const { return identity_.not_after; }
  [[nodiscard]] const SimulatedIdentity& identity() const { return identity_; }
  // Null for a simulated one.
  [[nodiscard]] ssl_ctx_st* server() const { return server_; }
  [[nodiscard]] ssl_ctx_st* client() const { return client_; }

 private:
  TlsContext() = default;

  SimulatedIdentity identity_;
  std::vector<std::shared_ptr<const TlsContext>> all_;  // of a choice; else empty
  ssl_ctx_st* server_ = nullptr;                        // owned
  ssl_ctx_st* client_ = nullptr;                        // owned
};

// Whether a certificate name covers `wanted`: equal without regard to case, or "*.example.com" for
// exactly one label in front (RFC 2818 3.1, narrowed: the star stands for the whole first label).
[[nodiscard]] bool certificate_name_matches(std::string_view certificate_name,
                                            std::string_view wanted);
[[nodiscard]] bool any_certificate_name_matches(std::span<const std::string> names,
                                                std::string_view wanted);
// "a.example, *.b.example", or "no name"; at most 8 names, then "and N more".
[[nodiscard]] std::string describe_names(std::span<const std::string> names);
// What on_closed() and on_refused() say about a certificate.
[[nodiscard]] std::string wrong_certificate_text(const Endpoint& peer, std::string_view expected,
                                                 std::span<const std::string> found);
[[nodiscard]] std::string untrusted_certificate_text(const Endpoint& peer,
                                                     std::span<const std::string> found,
                                                     std::string_view issuer);

}  // namespace causeway::reactor
