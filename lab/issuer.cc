#include "lab/issuer.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/host_name.h"

namespace causeway::lab {
namespace {

using nlohmann::json;

constexpr const char* kTenant = "00000000-0000-4000-8000-00000000001a";
constexpr const char* kAudience = "api://provisioning";
constexpr std::int64_t kLifetime = 3'600;  // s

struct Client {
  const char* id;
  std::vector<std::string> roles;
};
const std::vector<Client>& clients() {
  static const std::vector<Client> kClients = {
      {"bss", {"ProvisioningAPI.Admin"}},
      {"writer", {"ProvisioningAPI.Read", "ProvisioningAPI.Write"}},
      {"reader", {"ProvisioningAPI.Read"}},
      {"nobody", {}},
  };
  return kClients;
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out = base64(bytes);
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      return k < text.size() ? kDigits.find(static_cast<char>(std::tolower(text[k])))
                             : std::string_view::npos;
    };
    if (text[i] == '%' && digit(i + 1) < 16 && digit(i + 2) < 16) {
      out += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> form_of(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos)
      out[decoded(pair.substr(0, equals))] = decoded(pair.substr(equals + 1));
  }
  return out;
}

std::string big_endian(const EVP_PKEY* key, const char* name) {
  BIGNUM* n = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &n) != 1) return {};
  std::string out(static_cast<std::size_t>(BN_num_bytes(n)), '\0');
  BN_bn2bin(n, reinterpret_cast<unsigned char*>(out.data()));
  BN_free(n);
  return out;
}

HttpAnswer refused(int status, const char* error, const char* why) {
  return {status, json{{"error", error}, {"error_description", why}}.dump()};
}

const char* reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Error";
  }
}

// The value of a header; names in any case.
std::string header(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), name))
      continue;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
    return std::string(value);
  }
  return {};
}

}  // namespace

std::string_view issuer_clients() {
  return "bss (Admin), writer (Read, Write), reader (Read), nobody (no role)";
}

Issuer::Issuer(Loop& loop) : loop_(loop) {}

Issuer::~Issuer() {
  while (!connections_.empty()) close_connection(connections_.begin()->first);
  if (fd_ >= 0) {
    loop_.unwatch(fd_);
    ::close(fd_);
  }
  EVP_PKEY_free(key_);
}

Status Issuer::open(const Endpoint& at) {
  key_ = EVP_RSA_gen(2048);
  if (key_ == nullptr) return fail(ErrorCode::kInternal, "no RSA key can be made");
  modulus_ = base64url(big_endian(key_, OSSL_PKEY_PARAM_RSA_N));
  exponent_ = base64url(big_endian(key_, OSSL_PKEY_PARAM_RSA_E));
  kid_ = modulus_.substr(0, 12);
  sockaddr_storage sa{};
  socklen_t n = to_sockaddr(at, sa);
  fd_ = ::socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  if (fd_ >= 0) (void)::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&sa), n) != 0 || ::listen(fd_, 16) != 0)
    return fail(ErrorCode::kIo, "issuer on " + at.to_string() + ": " + std::strerror(errno));
  n = sizeof sa;
  (void)::getsockname(fd_, reinterpret_cast<sockaddr*>(&sa), &n);
  address_ = from_sockaddr(sa);
  loop_.watch(fd_, EPOLLIN, [this](std::uint32_t) { accept_all(); });
  return {};
}

std::string Issuer::sign(const std::string& text) const {
  EVP_MD_CTX* c = EVP_MD_CTX_new();
  std::string out(512, '\0');
  std::size_t size = out.size();
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  const bool ok = EVP_DigestSignInit(c, nullptr, EVP_sha256(), nullptr, key_) == 1 &&
                  EVP_DigestSign(c, reinterpret_cast<unsigned char*>(out.data()), &size, data,
                                 text.size()) == 1;
  EVP_MD_CTX_free(c);
  out.resize(ok ? size : 0);
  return out;
}

HttpAnswer Issuer::token(std::string_view authorization, std::string_view body,
                         std::int64_t now) const {
  auto form = form_of(body);
  if (form["grant_type"] != "client_credentials")
    return refused(400, "unsupported_grant_type", "grant_type=client_credentials alone");
  for (const auto& c : clients()) {
    // In the form, or by HTTP Basic (RFC 6749 2.3.1).
    const bool posted = form["client_id"] == c.id && form["client_secret"] == kIssuerSecret;
    const bool basic = authorization == "Basic " + base64(std::string(c.id) + ":" + kIssuerSecret);
    if (!posted && !basic) continue;
    std::string audience = form["scope"];
    if (const auto end = audience.rfind("/.default"); end != std::string::npos) audience.erase(end);
    const json head{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", kid_}};
    const json claims{{"iss", url()},
                      {"aud", audience.empty() ? kAudience : audience},
                      {"azp", c.id},
                      {"sub", c.id},
                      {"tid", kTenant},
                      {"roles", c.roles},
                      {"iat", now},
                      {"nbf", now},
                      {"exp", now + kLifetime}};
    const std::string text = base64url(head.dump()) + "." + base64url(claims.dump());
    return {200, json{{"access_token", text + "." + base64url(sign(text))},
                      {"token_type", "Bearer"},
                      {"expires_in", kLifetime}}
                     .dump()};
  }
  return refused(401, "invalid_client", "client_id and client_secret are of no client");
}

HttpAnswer Issuer::answer(std::string_view method, std::string_view path,
                          std::string_view authorization, std::string_view body,
                          std::int64_t now) const {
  path = path.substr(0, path.find('?'));
  // Also below a tenant, where clients of a cloud's issuer look for it.
  if (path == "/token" || path.ends_with("/oauth2/v2.0/token")) {
    if (method != "POST") return refused(405, "invalid_request", "POST");
    return token(authorization, body, now);
  }
  if (method != "GET") return refused(405, "invalid_request", "GET");
  if (path == "/.well-known/openid-configuration")
    return {200, json{{"issuer", url()},
                      {"jwks_uri", url() + "/keys"},
                      {"token_endpoint", url() + "/token"},
                      {"grant_types_supported", {"client_credentials"}},
                      {"response_types_supported", {"token"}},
                      {"subject_types_supported", {"public"}},
                      {"id_token_signing_alg_values_supported", {"RS256"}}}
                     .dump()};
  if (path == "/keys")
    return {200, json{{"keys",
                       {{{"kty", "RSA"},
                         {"use", "sig"},
                         {"alg", "RS256"},
                         {"kid", kid_},
                         {"n", modulus_},
                         {"e", exponent_}}}}}
                     .dump()};
  return refused(404, "not_found", "there are /.well-known/openid-configuration, /keys and /token");
}

void Issuer::accept_all() {
  for (;;) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() >= kConnections) {
      ::close(fd);
      continue;
    }
    Connection& c = connections_[fd];
    c.timer = loop_.after(std::chrono::seconds(10), [this, fd] {
      connections_[fd].timer = 0;
      close_connection(fd);
    });
    loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t events) { serve(fd, events); });
  }
}

void Issuer::close_connection(int fd) {
  const auto it = connections_.find(fd);
  if (it == connections_.end()) return;
  loop_.cancel(it->second.timer);
  loop_.unwatch(fd);
  ::close(fd);
  connections_.erase(it);
}

bool Issuer::answer_request(Connection& c) const {
  const auto end = c.in.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string_view head(c.in.data(), end);
  const std::string length = header(head, "Content-Length");
  const std::size_t body = std::strtoul(length.c_str(), nullptr, 10);
  if (body > kMaxRequest || c.in.size() < end + 4 + body) return body > kMaxRequest;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const auto first = line.find(' '), second = line.rfind(' ');
  HttpAnswer a = refused(400, "invalid_request", "no request of HTTP/1.1");
  if (first != std::string_view::npos && second > first)
    a = answer(line.substr(0, first), line.substr(first + 1, second - first - 1),
               header(head, "Authorization"), std::string_view(c.in).substr(end + 4, body),
               static_cast<std::int64_t>(std::time(nullptr)));
  c.out = "HTTP/1.1 " + std::to_string(a.status) + " " + reason(a.status) +
          "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n"
          "Content-Length: " +
          std::to_string(a.body.size()) + "\r\n\r\n" + a.body;
  return true;
}

void Issuer::serve(int fd, std::uint32_t events) {
  Connection& c = connections_.at(fd);
  if ((events & EPOLLIN) != 0 && c.out.empty()) {
    char buffer[4'096];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return close_connection(fd);
    if (n > 0) c.in.append(buffer, static_cast<std::size_t>(n));
    if (!answer_request(c)) {
      if (c.in.size() > kMaxRequest) close_connection(fd);
      return;
    }
    if (c.out.empty()) return close_connection(fd);
  }
  const ssize_t n = ::send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN) return close_connection(fd);
  if (n > 0) c.out.erase(0, static_cast<std::size_t>(n));
  if (c.out.empty()) return close_connection(fd);
  loop_.change(fd, EPOLLOUT);
}

}  // namespace causeway::lab
