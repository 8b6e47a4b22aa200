#include "reactor/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace causeway::testing {
namespace {

EVP_PKEY* new_key(bool rsa) {
  return rsa ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
             : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* const e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  if (!e) throw std::runtime_error("extension " + value);
  X509_add_ext(certificate, e, -1);
  X509_EXTENSION_free(e);
}

X509* new_certificate(const std::string& name, EVP_PKEY* key, X509* issuer, int serial) {
  X509* const c = X509_new();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
  X509_gmtime_adj(X509_getm_notBefore(c), -3600);
  X509_gmtime_adj(X509_getm_notAfter(c), 24L * 3600 * 365);
  X509_set_pubkey(c, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c));
  return c;
}

template <typename Write>
void write_file(const std::filesystem::path& path, Write write) {
  std::FILE* const f = std::fopen(path.c_str(), "w");
  if (!f) throw std::runtime_error("cannot write " + path.string());
  write(f);
  std::fclose(f);
}

}  // namespace

struct TestAuthority::Keys {
  EVP_PKEY* root_key;
  X509* root;
  EVP_PKEY* middle_key;
  X509* middle;
};

namespace {
EVP_PKEY* root_key(TestAuthority::Key kind) {
  switch (kind) {
    case TestAuthority::Key::kP384: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    case TestAuthority::Key::kRsa4096:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{4096});
    default: return new_key(false);
  }
}
}  // namespace

TestAuthority::TestAuthority(const std::string& name, Key root) {
  std::string pattern = (std::filesystem::temp_directory_path() / "causeway-ca-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  keys_ = new Keys{root_key(root), nullptr, new_key(false), nullptr};
  keys_->root = new_certificate(name, keys_->root_key, nullptr, serial_++);
  add_extension(keys_->root, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(keys_->root, keys_->root_key, EVP_sha256());
  keys_->middle =
      new_certificate(name + " intermediate", keys_->middle_key, keys_->root, serial_++);
  add_extension(keys_->middle, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(keys_->middle, keys_->root_key, EVP_sha256());
  write_file(this->root(), [&](std::FILE* f) { PEM_write_X509(f, keys_->root); });
}

TestAuthority::~TestAuthority() {
  X509_free(keys_->root);
  X509_free(keys_->middle);
  EVP_PKEY_free(keys_->root_key);
  EVP_PKEY_free(keys_->middle_key);
  delete keys_;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

reactor::TlsFiles TestAuthority::issue(const CertificateRequest& request,
                                       std::vector<std::string> roots) {
  const std::string base = (directory_ / ("leaf" + std::to_string(serial_))).string();
  EVP_PKEY* const key = new_key(request.rsa);
  X509* const issuer = request.through_intermediate ? keys_->middle : keys_->root;
  EVP_PKEY* const issuer_key = request.through_intermediate ? keys_->middle_key : keys_->root_key;
  X509* const leaf = new_certificate(request.common_name, key, issuer, serial_++);
  std::string names;
  for (const auto& n : request.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + n;
  for (const auto& u : request.uris) names += (names.empty() ? "URI:" : ",URI:") + u;
  if (!names.empty()) add_extension(leaf, NID_subject_alt_name, names);
  if (!request.key_usage.empty()) add_extension(leaf, NID_ext_key_usage, request.key_usage);
  X509_sign(leaf, issuer_key, EVP_sha256());
  write_file(base + ".pem", [&](std::FILE* f) { PEM_write_X509(f, leaf); });
  write_file(base + ".key", [&](std::FILE* f) {
    PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  reactor::TlsFiles files{base + ".pem", base + ".key", "", std::move(roots)};
  if (request.through_intermediate) {
    files.chain = base + ".chain";
    write_file(files.chain, [&](std::FILE* f) { PEM_write_X509(f, keys_->middle); });
  }
  if (files.trusted_roots.empty()) files.trusted_roots.push_back(root());
  X509_free(leaf);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace causeway::testing
