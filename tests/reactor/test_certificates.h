// A certificate authority that lives for one test, in a directory of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reactor/tls_context.h"

namespace causeway::testing {

struct CertificateRequest {
  std::vector<std::string> dns_names;
  std::vector<std::string> uris{};
  std::string common_name = "test";
  bool rsa = false;                   // else ECDSA P-256
  std::string key_usage;              // extendedKeyUsage; empty: none
  bool through_intermediate = false;  // the chain file holds the intermediate
};

class TestAuthority {
 public:
  enum class Key : std::uint8_t { kP256, kP384, kRsa4096 };  // of the root
  explicit TestAuthority(const std::string& name, Key root = Key::kP256);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // Files of a new certificate that trusts `roots` (this authority when empty).
  reactor::TlsFiles issue(const CertificateRequest& request, std::vector<std::string> roots = {});
  [[nodiscard]] std::string root() const { return (directory_ / "root.pem").string(); }

 private:
  struct Keys;
  std::filesystem::path directory_;
  Keys* keys_;
  int serial_ = 1;
};

}  // namespace causeway::testing
