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
  // Master key and salt of the suites that are known here; 0 for others.
  [[nodiscard]] static std::size_t key_length(std::string_view suite);
  // key: of that length.
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
