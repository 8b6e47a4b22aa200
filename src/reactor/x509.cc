#include "reactor/x509.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace causeway::reactor {
namespace {

constexpr std::size_t kMaxNames = 256;

void add_name(std::vector<std::string>& names, const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, text);
  if (length < 0) return;
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  if (name.empty() || name.find('\0') != std::string::npos) return;
  names.push_back(std::move(name));
}

}  // namespace

std::vector<std::string> certificate_names(const X509* certificate) {
  std::vector<std::string> names;
  auto* const alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  bool has_dns_name = false;
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    has_dns_name = true;
    if (names.size() < kMaxNames) add_name(names, name->d.dNSName);
  }
  GENERAL_NAMES_free(alternatives);
  if (has_dns_name) return names;
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
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
