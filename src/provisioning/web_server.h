// HTTPS for the API: threads of its own, every wait and every byte bounded. The library behind it
// (Boost.Beast) is seen by web_server.cc alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/net.h"
#include "base/result.h"
#include "provisioning/http.h"

namespace causeway::provisioning {

class WebServer {
 public:
  struct Options {
    Endpoint listen;               // port 0: any
    std::string certificate, key;  // PEM files; looked at every two seconds, taken when they change
    std::string chain;             // intermediates; may be empty
    std::size_t max_connections = 256, max_of_source = 64;
    std::size_t max_body = 1 << 20;
    int request_seconds = 20;  // from its first wait to its last byte
    int workers = 4;           // that run the handler, which may wait
  };
  using Handler = std::function<Response(const Request&)>;  // on several threads at once
  using MayConnect = std::function<bool(const IpAddress&)>;

  [[nodiscard]] static Result<std::unique_ptr<WebServer>> open(Options options, Handler handler,
                                                               MayConnect may_connect);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  [[nodiscard]] Endpoint local() const;

  struct Impl;

 private:
  WebServer();
  std::unique_ptr<Impl> impl_;
};

}  // namespace causeway::provisioning
