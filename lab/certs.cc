#include "lab/certs.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/random.h"

namespace causeway::lab {
namespace {

struct KeyFree {
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};
struct CertFree {
  void operator()(X509* c) const { X509_free(c); }
};
struct FileClose {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyFree>;
using Cert = std::unique_ptr<X509, CertFree>;
using File = std::unique_ptr<std::FILE, FileClose>;

constexpr long kDay = 86'400;

struct Pair {
  Key key;
  Cert cert;
};

struct Wanted {
  std::string file, common_name;
  std::vector<std::string> names;
  long from = -kDay, until = 825 * kDay;  // seconds from now
  bool authority = false;
};

bool add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (e == nullptr) return false;
  const bool ok = X509_add_ext(cert, e, -1) == 1;
  X509_EXTENSION_free(e);
  return ok;
}

bool add_extensions(X509* cert, X509* issuer, const Wanted& w) {
  bool ok = add_extension(cert, issuer, NID_subject_key_identifier, "hash");
  if (w.authority)
    return ok && add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  std::string names;
  for (const auto& n : w.names)
    names += std::string(names.empty() ? "" : ",") + (IpAddress::literal(n) ? "IP:" : "DNS:") + n;
  return ok && add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
         add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
         add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
         add_extension(cert, issuer, NID_subject_alt_name, names);
}

// RSA: TLS 1.2 towards the service is ECDHE-RSA (TDR-09).
Result<Pair> make_pair(const Wanted& w, const Pair* issuer) {
  Pair p{Key(EVP_RSA_gen(2048)), Cert(X509_new())};
  if (!p.key) return fail(ErrorCode::kTls, "key generation: " + tls_error());
  X509* c = p.cert.get();
  SystemRandom random;
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), random.u64() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(c), w.from);
  X509_gmtime_adj(X509_getm_notAfter(c), w.until);
  X509_set_pubkey(c, p.key.get());
  X509_NAME* name = X509_get_subject_name(c);
  const auto* cn = reinterpret_cast<const unsigned char*>(w.common_name.c_str());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, cn, -1, -1, 0);
  X509* issuer_cert = issuer != nullptr ? issuer->cert.get() : c;
  X509_set_issuer_name(c, X509_get_subject_name(issuer_cert));
  if (!add_extensions(c, issuer_cert, w))
    return fail(ErrorCode::kTls, "extensions: " + tls_error());
  EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : p.key.get();
  if (X509_sign(c, signer, EVP_sha256()) == 0)
    return fail(ErrorCode::kTls, "signature: " + tls_error());
  return p;
}

Status write_pair(const Pair& p, const std::string& base) {
  File crt(std::fopen((base + ".crt").c_str(), "we"));
  File key(std::fopen((base + ".key").c_str(), "we"));
  if (!crt || !key) return fail(ErrorCode::kIo, "cannot write " + base + ".crt and .key");
  chmod((base + ".key").c_str(), 0600);
  if (PEM_write_X509(crt.get(), p.cert.get()) != 1 ||
      PEM_write_PrivateKey(key.get(), p.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(ErrorCode::kIo, "writing " + base + ": " + tls_error());
  return {};
}

Result<Pair> read_pair(const std::string& base) {
  File crt(std::fopen((base + ".crt").c_str(), "re"));
  File key(std::fopen((base + ".key").c_str(), "re"));
  if (!crt || !key) return fail(ErrorCode::kNotFound, base);
  Pair p{Key(PEM_read_PrivateKey(key.get(), nullptr, nullptr, nullptr)),
         Cert(PEM_read_X509(crt.get(), nullptr, nullptr, nullptr))};
  if (!p.key || !p.cert) return fail(ErrorCode::kTls, base + ": " + tls_error());
  return p;
}

bool still_good(const Pair& p, const Pair& issuer, bool may_be_expired) {
  if (X509_verify(p.cert.get(), X509_get0_pubkey(issuer.cert.get())) != 1) return false;
  return may_be_expired || X509_cmp_current_time(X509_get0_notAfter(p.cert.get())) > 0;
}

Result<Pair> authority(const std::string& base, const std::string& common_name) {
  if (auto p = read_pair(base); p && still_good(*p, *p, false)) return p;
  Wanted w{base, common_name, {}};
  w.authority = true;
  w.until = 3650 * kDay;
  auto p = make_pair(w, nullptr);
  if (!p) return p;
  if (auto s = write_pair(*p, base); !s) return tl::unexpected(s.error());
  return p;
}

Status leaf(const std::string& directory, const Wanted& w, const Pair& issuer) {
  const std::string base = directory + "/" + w.file;
  if (auto p = read_pair(base); p && still_good(*p, issuer, w.until < 0)) return {};
  auto p = make_pair(w, &issuer);
  if (!p) return tl::unexpected(p.error());
  return write_pair(*p, base);
}

}  // namespace

Status make_certificates(const std::string& directory) {
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec) return fail(ErrorCode::kIo, "cannot make " + directory + ": " + ec.message());
  auto ca = authority(directory + "/ca", "Causeway Lab Authority");
  if (!ca) return tl::unexpected(ca.error());
  auto other = authority(directory + "/other-authority", "Another Authority");
  if (!other) return tl::unexpected(other.error());
  const std::string d = kServiceDomain;
  Wanted expired{"expired", kGatewayName, {kGatewayName}};
  expired.from = -30 * kDay;
  expired.until = -kDay;
  for (const auto& w :
       {Wanted{"phone-system", "sip." + d, {"sip." + d, "sip2." + d, "sip3." + d, "*." + d}},
        Wanted{"gateway", kGatewayName, {kGatewayName}}, expired,
        Wanted{"wrong-name", "sbc.somebody.example", {"sbc.somebody.example"}}})
    if (auto s = leaf(directory, w, *ca); !s) return s;
  return leaf(directory, Wanted{"other-ca", kGatewayName, {kGatewayName}}, *other);
}

Status make_certificate_for(const std::string& directory, const std::string& name,
                            const std::vector<std::string>& hosts) {
  const auto ca = read_pair(directory + "/ca");
  if (!ca) return tl::unexpected(ca.error());
  auto p = make_pair(Wanted{name, hosts.at(0), hosts}, &*ca);
  if (!p) return tl::unexpected(p.error());
  return write_pair(*p, directory + "/" + name);
}

TlsFiles tls_files(const std::string& directory, const std::string& name) {
  return {directory + "/" + name + ".crt", directory + "/" + name + ".key", directory + "/ca.crt"};
}

}  // namespace causeway::lab
