#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "sample.h"
#include "support/proves.h"

namespace causeway::deployment {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'790'000'000;  // seconds; certificates are dated around it

struct Pair {
  std::string certificate, key;
};

// Writes a self-signed certificate for `name`, or one of an authority, valid from `from` to `to`
// seconds after kNow.
Pair make_pair(const std::string& stem, const std::string& name, long from, long to,
               bool of_authority = false) {
  const std::string dir =
      ::testing::TempDir() + "/causeway-certificates-" + std::to_string(getpid());
  std::filesystem::create_directories(dir);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* c = X509_new();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  std::time_t base = kNow;
  X509_time_adj_ex(X509_getm_notBefore(c), 0, from, &base);
  X509_time_adj_ex(X509_getm_notAfter(c), 0, to, &base);
  X509_set_pubkey(c, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(c));
  EVP_PKEY* signer = of_authority ? EVP_EC_gen("P-256") : key;
  if (of_authority) {
    X509_NAME* issuer = X509_NAME_new();
    X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("authority"), -1, -1, 0);
    X509_set_issuer_name(c, issuer);
    X509_NAME_free(issuer);
  }
  X509_EXTENSION* san =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(c, san, -1);
  X509_sign(c, signer, EVP_sha256());
  if (of_authority) EVP_PKEY_free(signer);
  Pair p{dir + "/" + stem + ".crt", dir + "/" + stem + ".key"};
  std::FILE* f = std::fopen(p.certificate.c_str(), "w");
  PEM_write_X509(f, c);
  std::fclose(f);
  f = std::fopen(p.key.c_str(), "w");
  PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(f);
  X509_EXTENSION_free(san);
  X509_free(c);
  EVP_PKEY_free(key);
  return p;
}

LoadResult load_with(const std::string& certificate, const std::string& key,
                     const std::string& roots, const std::string& more = "") {
  const std::string text = testing::with(
      testing::with(testing::with(std::string(testing::kSample), "transport = \"udp\"",
                                  "transport = \"tls\"\ntls_identity = \"id\""),
                    "profile = \"operator\"", "profile = \"phone\""),
      "",
      "[[tls_identity]]\nname = \"id\"\ncertificate = \"" + certificate + "\"\nkey = \"" + key +
          "\"\ntrusted_roots = [\"" + roots +
          "\"]\n[[profile]]\nname = \"phone\"\nextends = \"operator\"\n"
          "contact_host = \"sbc.contoso.com\"\n" +
          more);
  LoadOptions o;
  o.now = WallTime{kNow * 1'000'000};
  return load_text(text, "test.toml", o);
}

TEST(Certificates, AMatchingPairThatCoversOurNameIsAccepted) {
  const auto p = make_pair("good", "*.contoso.com", -100, 1'000);
  const auto r = load_with(p.certificate, p.key, p.certificate);
  EXPECT_TRUE(r.deployment) << r.to_string();
}

TEST(Certificates, ANameThatTheCertificateDoesNotCoverIsAMistake) {
  PROVES("TDR-14");
  const auto p = make_pair("other", "*.sub.contoso.com", -100, 1'000);
  const auto r = load_with(p.certificate, p.key, p.certificate);
  ASSERT_EQ(r.mistakes.size(), 1u) << r.to_string();
  EXPECT_EQ(r.mistakes[0].field, "peer_group[1].profile");
  EXPECT_THAT(r.to_string(), HasSubstr("is for *.sub.contoso.com, test and does not cover it"));
}

TEST(Certificates, AKeyOfAnotherCertificateIsAMistake) {
  const auto p = make_pair("one", "sbc.contoso.com", -100, 1'000);
  const auto q = make_pair("two", "sbc.contoso.com", -100, 1'000);
  const auto r = load_with(p.certificate, q.key, p.certificate);
  ASSERT_EQ(r.mistakes.size(), 1u) << r.to_string();
  EXPECT_EQ(r.mistakes[0].field, "tls_identity[1].key");
  EXPECT_THAT(r.mistakes[0].remedy, HasSubstr("does not belong"));
}

TEST(Certificates, DatesAreChecked) {
  const auto old = make_pair("old", "sbc.contoso.com", -1'000, -1);
  EXPECT_THAT(load_with(old.certificate, old.key, old.certificate).to_string(),
              HasSubstr("expired on 2026-09-21"));
  const auto young = make_pair("young", "sbc.contoso.com", 100, 1'000);
  EXPECT_THAT(load_with(young.certificate, young.key, young.certificate).to_string(),
              HasSubstr("not valid before"));
}

TEST(Certificates, FilesThatAreMissingOrHoldSomethingElseAreMistakes) {
  const auto p = make_pair("kept", "sbc.contoso.com", -100, 1'000);
  const auto r = load_with("/nowhere/c.pem", p.certificate, p.key);
  ASSERT_EQ(r.mistakes.size(), 2u) << r.to_string();
  EXPECT_THAT(r.mistakes[0].to_string(),
              HasSubstr("certificate: found \"/nowhere/c.pem\"; the file cannot be opened"));
  EXPECT_THAT(r.mistakes[1].to_string(), HasSubstr("holds no certificate"));
  const auto s = load_with(p.certificate, p.certificate, p.certificate);
  ASSERT_EQ(s.mistakes.size(), 1u) << s.to_string();
  EXPECT_THAT(s.mistakes[0].to_string(), HasSubstr("no private key could be read"));
}

TEST(Certificates, PeersThatRefuseASelfSignedOneAreNotShownOne) {
  PROVES("TDR-12", "ZM-01");
  const auto own = make_pair("own", "sbc.contoso.com", -100, 1'000);
  const std::string wanted = "public_certificate = true\n";
  const auto r = load_with(own.certificate, own.key, own.certificate, wanted);
  EXPECT_THAT(r.to_string(), HasSubstr("is self-signed, and these peers refuse such"));
  EXPECT_TRUE(load_with(own.certificate, own.key, own.certificate).deployment)
      << "others take what they like";
  const auto issued = make_pair("issued", "sbc.contoso.com", -100, 1'000, true);
  const auto good = load_with(issued.certificate, issued.key, own.certificate, wanted);
  EXPECT_TRUE(good.deployment) << good.to_string();
  for (const char* profile : {"teams-direct-routing", "zoom-provider-exchange"}) {
    const auto service =
        load_text(testing::sample_with("profile = \"operator\"", "profile = \"mine\"") +
                      "[[profile]]\nname = \"mine\"\nextends = \"" + profile +
                      "\"\ncontact_host = \"sbc.contoso.com\"\n",
                  "test.toml", {});
    ASSERT_TRUE(service.deployment) << service.to_string();
    const auto& d = *service.deployment;
    EXPECT_TRUE(d.profile(d.groups[0].profile).public_certificate) << profile;
    EXPECT_NE(d.profile(d.groups[0].profile).sdp.security, sdp::Security::kRtp) << profile;
  }
}

TEST(Certificates, NamesOfCustomersNeedAWildcardOfTheirLevel) {
  PROVES("MT-04");
  const std::string customers =
      "customer_in_contact = true\n";  // below contact_host: LABEL.sbc.contoso.com
  const auto with = [&](const std::string& stem, const std::string& names) {
    const auto p = make_pair(stem, names, -100, 1'000);
    return load_with(p.certificate, p.key, p.certificate, customers);
  };
  const auto good = with("wild", "sbc.contoso.com,DNS:*.sbc.contoso.com");
  EXPECT_TRUE(good.deployment) << good.to_string();
  EXPECT_THAT(with("flat", "sbc.contoso.com").to_string(),
              HasSubstr("put *.sbc.contoso.com into its certificate"));
  const auto listed =
      with("listed", "sbc.contoso.com,DNS:fabrikam.SBC.contoso.com,DNS:adatum.sbc.contoso.com");
  EXPECT_TRUE(listed.deployment) << listed.to_string();
  for (const char* other :
       {"sbc.contoso.com,DNS:a.b.sbc.contoso.com", "sbc.contoso.com,DNS:fabrikam.contoso.com"})
    EXPECT_THAT(with("others", other).to_string(), HasSubstr("put *.sbc.contoso.com")) << other;
  EXPECT_THAT(with("base", "*.contoso.com").to_string(), HasSubstr("put *.sbc.contoso.com"))
      << "a wildcard of the base is not two labels deep";
}

}  // namespace
}  // namespace causeway::deployment
