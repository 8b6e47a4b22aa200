// a=crypto lines (RFC 4568). Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "sdp/plain.h"

namespace causeway::sdp {

inline constexpr std::size_t kMaxCryptoLines = 8;  // more are ignored
inline constexpr std::uint8_t kMaxMkiBytes = 16;

[[nodiscard]] std::string_view suite_name(CryptoSuite s);
[[nodiscard]] std::optional<CryptoSuite> suite_of(std::string_view name);
// Master key and salt: 16 or 32 bytes and 14, or 12 with GCM.
[[nodiscard]] std::size_t key_salt_bytes(CryptoSuite s);

// The value after "a=crypto:". nullopt: well formed, but not for us (unknown suite, several keys,
// a session parameter that we would have to honour: RFC 4568 6.3.7 lets us pass over the line).
[[nodiscard]] Result<std::optional<Crypto>> read_crypto(std::string_view value);
// "1 AES_CM_128_HMAC_SHA1_80 inline:...|2^31"
[[nodiscard]] std::string write_crypto(const Crypto& c);

// Fresh keys, one line for each suite of the dialect, tags from 1.
[[nodiscard]] std::vector<Crypto> make_crypto(Random& random, const Dialect& dialect);

// The offered line that we answer: first by the order of dialect.suites, then of the offer.
// kNotAcceptable when there is none.
[[nodiscard]] Result<Crypto> choose_crypto(const std::vector<Crypto>& offered,
                                           const Dialect& dialect);
// Our line for an answer to `chosen`: our key for that suite under the offered tag (TDM-03).
[[nodiscard]] Result<Crypto> answer_crypto(const std::vector<Crypto>& ours, const Crypto& chosen);
// Which of our offered lines the answer took, by tag. kNotAcceptable when it names none of ours.
[[nodiscard]] Result<Crypto> accepted_crypto(const std::vector<Crypto>& ours,
                                             const std::vector<Crypto>& answered);

}  // namespace causeway::sdp
