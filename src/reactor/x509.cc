#include "reactor/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "base/host_name.h"

namespace causeway::reactor {
namespace {

constexpr std::size_t kMaxNames = 256;

std::string text_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, text);
  if (length < 0) return {};
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  return name.find('\0') == std::string::npos ? name : std::string();
}

// Values of subjectAltName of one kind, without empty ones.
std::vector<std::string> alternatives_of(const X509* certificate, int type) {
  std::vector<std::string> out;
  auto* const all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all) && out.size() < kMaxNames; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != type) continue;
    if (std::string text = text_of(name->d.ia5); !text.empty()) out.push_back(std::move(text));
  }
  GENERAL_NAMES_free(all);
  return out;
}

}  // namespace

std::string sip_identity(std::string_view uri) {
  constexpr std::string_view kSip = "sip:";
  if (!equal_ignoring_case(uri.substr(0, kSip.size()), kSip)) return {};
  uri.remove_prefix(kSip.size());
  if (uri.find('@') != std::string_view::npos) return {};
  const std::string_view host = uri.substr(0, uri.find_first_of(":;?"));
  return is_host_name(host) ? std::string(host) : std::string();
}

std::vector<std::string> certificate_uris(const X509* certificate) {
  return alternatives_of(certificate, GEN_URI);
}

std::vector<std::string> certificate_names(const X509* certificate) {
  std::vector<std::string> names;
  for (const std::string& uri : certificate_uris(certificate))
    if (std::string name = sip_identity(uri); !name.empty()) names.push_back(std::move(name));
  for (std::string& name : alternatives_of(certificate, GEN_DNS)) {
    const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& n) {
      return equal_ignoring_case(n, name);
    });
    if (!known && names.size() < kMaxNames) names.push_back(std::move(name));
  }
  if (!names.empty()) return names;
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return names;
  std::string name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (!name.empty()) names.push_back(std::move(name));
  return names;
}

WallTime certificate_not_after(const X509* certificate) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1) return {};
  return {static_cast<std::int64_t>(timegm(&tm)) * 1'000'000};
}

std::string certificate_issuer(const X509* certificate) {
  char text[256];
  X509_NAME_oneline(X509_get_issuer_name(certificate), text, sizeof text);
  return text;
}

std::string take_openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* const reason = ERR_reason_error_string(code);
  if (reason) return reason;
  char text[160];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

}  // namespace causeway::reactor
