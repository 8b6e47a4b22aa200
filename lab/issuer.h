// An OpenID issuer for the lab: discovery, keys and tokens for programs (RFC 6749 4.4), RS256, over
// plain HTTP on loopback. Its clients and their secret are in everybody's hands: it is good for
// nothing but the lab. Lab thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/net.h"
#include "base/result.h"
#include "lab/loop.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace causeway::lab {

inline constexpr const char* kIssuerSecret = "lab-secret";

struct HttpAnswer {
  int status = 200;
  std::string body;  // JSON
};

class Issuer {
 public:
  static constexpr std::size_t kConnections = 64, kMaxRequest = 16'384;

  explicit Issuer(Loop& loop);
  ~Issuer();
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;
  // Port 0: a free one. The key is made anew each time.
  [[nodiscard]] Status open(const Endpoint& at);
  [[nodiscard]] const Endpoint& address() const { return address_; }
  [[nodiscard]] std::string url() const { return "http://" + address_.to_string(); }

  // `authorization`: the header's value, empty when there is none. `now`: seconds since 1970.
  [[nodiscard]] HttpAnswer answer(std::string_view method, std::string_view path,
                                  std::string_view authorization, std::string_view body,
                                  std::int64_t now) const;

 private:
  struct Connection {
    std::string in, out;
    Loop::TimerId timer = 0;
  };
  void accept_all();
  void serve(int fd, std::uint32_t events);
  [[nodiscard]] bool answer_request(Connection& c) const;  // false: more of it is to come
  void close_connection(int fd);
  [[nodiscard]] HttpAnswer token(std::string_view authorization, std::string_view form,
                                 std::int64_t now) const;
  [[nodiscard]] std::string sign(const std::string& text) const;

  Loop& loop_;
  int fd_ = -1;
  Endpoint address_;
  EVP_PKEY* key_ = nullptr;  // owned
  std::string kid_, modulus_, exponent_;
  std::map<int, Connection> connections_;
};

// What main() prints: who may have which token.
[[nodiscard]] std::string_view issuer_clients();

}  // namespace causeway::lab
