// The test certification authority of the lab. Everything it makes is for loopback and worthless
// elsewhere.
#pragma once

#include <string>

#include "base/result.h"
#include "lab/stream.h"

namespace causeway::lab {

inline constexpr const char* kGatewayName = "sbc.operator.example";
inline constexpr const char* kServiceDomain = "pstnhub.example";

// Fills `directory` (made when missing) with NAME.crt and NAME.key for:
//   ca             the authority; ca.crt is what both sides trust
//   phone-system   sip, sip2, sip3.pstnhub.example and *.pstnhub.example
//   gateway        sbc.operator.example
//   expired, wrong-name, other-ca (+ other-authority.crt)   bad ones for tests
// What is there and still valid is left as it is.
[[nodiscard]] Status make_certificates(const std::string& directory);
// NAME.crt and NAME.key of the same authority for these names and addresses, made anew;
// make_certificates() was there before.
[[nodiscard]] Status make_certificate_for(const std::string& directory, const std::string& name,
                                          const std::vector<std::string>& hosts);
[[nodiscard]] TlsFiles tls_files(const std::string& directory, const std::string& name);

}  // namespace causeway::lab
