// SRTP and SRTCP of one direction, by libsrtp2. Lab thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct srtp_ctx_t_;

namespace causeway::lab {

class SrtpSession {
 public:
  // suite: "AES_CM_128_HMAC_SHA1_80" or "..._32"; key: 30 bytes.
  [[nodiscard]] static Result<SrtpSession> make(std::string_view suite, const std::string& key,
                                                bool outbound);
  // In place; false: refused (authentication, replay).
  [[nodiscard]] bool protect(std::string& packet, bool rtcp);
  [[nodiscard]] bool unprotect(std::string& packet, bool rtcp);

 private:
  struct Free {
    void operator()(srtp_ctx_t_* s) const;
  };
  std::unique_ptr<srtp_ctx_t_, Free> session_;
};

}  // namespace causeway::lab
