// What the files of a TLS identity hold: read, matched and dated here, so that a wrong file is a
// mistake in the configuration and not a failed handshake.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "base/host_name.h"
#include "deployment/drafts.h"

namespace causeway::deployment {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using AltNames = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

int no_password(char*, int, int, void*) { return -1; }

std::string reason() {
  const unsigned long e = ERR_get_error();
  ERR_clear_error();
  const char* text = e != 0 ? ERR_reason_error_string(e) : nullptr;
  return text != nullptr ? text : "not PEM";
}

std::vector<Certificate> read_certificates(const std::string& path, std::string& problem) {
  std::vector<Certificate> out;
  const Bio in(BIO_new_file(path.c_str(), "r"));
  if (!in) {
    problem = "the file cannot be opened";
    ERR_clear_error();
    return out;
  }
  constexpr std::size_t kMaxCertificates = 1'000;
  while (out.size() < kMaxCertificates) {
    Certificate c(PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr));
    if (!c) break;
    out.push_back(std::move(c));
  }
  const std::string why = reason();
  if (out.empty()) problem = "the file holds no certificate in PEM form (" + why + ")";
  return out;
}

std::vector<std::string> names_of(X509* leaf) {
  std::vector<std::string> out;
  const AltNames san(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; san && i < sk_GENERAL_NAME_num(san.get()); ++i) {
    const GENERAL_NAME* n = sk_GENERAL_NAME_value(san.get(), i);
    if (n->type != GEN_DNS) continue;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(n->d.dNSName));
    out.emplace_back(data, static_cast<std::size_t>(ASN1_STRING_length(n->d.dNSName)));
  }
  char cn[256] = {};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, cn, sizeof cn) > 0)
    out.emplace_back(cn);
  return out;
}

std::string date_of(const ASN1_TIME* t) {
  std::tm tm{};
  char text[32] = "?";
  if (ASN1_TIME_to_tm(t, &tm) == 1) std::strftime(text, sizeof text, "%Y-%m-%d", &tm);
  return text;
}

class IdentityCheck {
 public:
  IdentityCheck(Reader& r, IdentityDraft& id, const LoadOptions& o) : r_(r), id_(id), options_(o) {}

  void run() {
    const auto leaf = certificate("certificate", id_.certificate);
    if (!leaf.empty()) {
      id_.names = names_of(leaf.front().get());
      id_.self_signed = X509_self_signed(leaf.front().get(), 0) == 1;
      for (const auto& c : leaf) dates("certificate", id_.certificate, c.get());
      key(leaf.front().get());
    }
    if (!id_.chain.empty())
      for (const auto& c : certificate("chain", id_.chain)) dates("chain", id_.chain, c.get());
    for (const auto& root : id_.trusted_roots) (void)certificate("trusted_roots", root);
    if (id_.place.has("trusted_roots") && id_.trusted_roots.empty())
      say("trusted_roots", "an empty array",
          "name at least one file: peers must show a certificate that it vouches for");
  }

 private:
  void say(std::string_view key, std::string found, std::string remedy) {
    r_.mistake(id_.place.line_of(key), id_.place.field_of(key), std::move(found),
               std::move(remedy));
  }

  std::vector<Certificate> certificate(std::string_view key, const std::string& path) {
    std::vector<Certificate> out;
    if (path.empty()) return out;  // missing, and said already
    std::string problem;
    out = read_certificates(path, problem);
    if (!problem.empty()) say(key, "\"" + path + "\"", problem + "; name a readable PEM file");
    return out;
  }

  void dates(std::string_view key, const std::string& path, X509* c) {
    if (options_.now.micros == 0) return;
    std::time_t now = static_cast<std::time_t>(options_.now.micros / 1'000'000);
    if (X509_cmp_time(X509_get0_notAfter(c), &now) < 0)
      say(key, "\"" + path + "\"",
          fmt::format("the certificate expired on {}; renew it", date_of(X509_get0_notAfter(c))));
    else if (X509_cmp_time(X509_get0_notBefore(c), &now) > 0)
      say(key, "\"" + path + "\"",
          fmt::format("the certificate is not valid before {}", date_of(X509_get0_notBefore(c))));
  }

  void key(X509* leaf) {
    if (id_.key.empty()) return;
    const Bio in(BIO_new_file(id_.key.c_str(), "r"));
    const PrivateKey k(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr)
                          : nullptr);
    const std::string why = in ? reason() : (ERR_clear_error(), "the file cannot be opened");
    if (!k)
      say("key", "\"" + id_.key + "\"",
          "no private key could be read (" + why + "); name an unencrypted PEM key");
    else if (X509_check_private_key(leaf, k.get()) != 1)
      say("key", "\"" + id_.key + "\"",
          "this key does not belong to certificate \"" + id_.certificate +
              "\"; give the pair that was made together");
    ERR_clear_error();
  }

  Reader& r_;
  IdentityDraft& id_;
  const LoadOptions& options_;
};

// "customer.sbc.example" or "*.sbc.example" for "sbc.example": names of customers are one label
// long.
bool is_below(std::string_view name, std::string_view host) {
  const std::size_t dot = name.find('.');
  return dot != 0 && dot != std::string_view::npos &&
         equal_ignoring_case(name.substr(dot + 1), host);
}

// TDR-14, TDR-52: the name in Contact must be one that our certificate covers. TDR-12: which must
// be an authority's.
void check_contact_host(Reader& r, const Draft& d, const GroupDraft& g) {
  if (g.listener.value >= d.listeners.size() || g.profile.value >= d.profiles.size()) return;
  const auto& listener = d.listeners[g.listener.value];
  const std::string& host = d.profiles[g.profile.value].contact_host;
  if (!listener.identity) return;
  if (d.profiles[g.profile.value].public_certificate &&
      listener.identity->value < d.identities.size() &&
      d.identities[listener.identity->value].self_signed)
    r.mistake(g.place.line_of("profile"), g.place.field_of("profile"),
              "\"" + d.profiles[g.profile.value].name + "\"",
              "the certificate of tls_identity \"" + d.identities[listener.identity->value].name +
                  "\" is self-signed, and these peers refuse such: have one issued by a public "
                  "authority");
  if (host.empty()) return;
  std::vector<IdentityIndex> shown = listener.more_identities;
  shown.insert(shown.begin(), *listener.identity);
  std::string list;
  bool covered = false;
  // MT-04: a wildcard, or customers one by one. Which there are stands in the directory.
  bool below = !d.profiles[g.profile.value].customer_in_contact;
  for (const auto i : shown) {
    if (i.value >= d.identities.size() || d.identities[i.value].names.empty()) return;
    for (const auto& n : d.identities[i.value].names) {
      covered = covered || host_matches(n, host);
      below = below || is_below(n, host);
      list += (list.empty() ? "" : ", ") + n;
    }
  }
  if (covered && below) return;
  const auto& id = d.identities[listener.identity->value];
  if (covered)
    return r.mistake(g.place.line_of("profile"), g.place.field_of("profile"),
                     "customer_in_contact = true",
                     "names of customers stand below " + host + ", and tls_identity \"" + id.name +
                         "\" is for " + list + ": put *." + host +
                         " into its certificate, or their names one by one");
  r.mistake(g.place.line_of("profile"), g.place.field_of("profile"),
            "contact_host \"" + host + "\"",
            "the certificate of tls_identity \"" + id.name + "\" is for " + list +
                " and does not cover it");
}

}  // namespace

void check_certificates(Reader& reader, Draft& draft, const LoadOptions& options) {
  for (auto& id : draft.identities) IdentityCheck(reader, id, options).run();
  for (const auto& g : draft.groups) check_contact_host(reader, draft, g);
}

}  // namespace causeway::deployment
