// Any bytes as the request of a scrape: judged once all of it is there, and the same whatever
// stands behind it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "app/metrics_server.h"

using namespace causeway::app;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const HttpAsks asks = http_asks(bytes);
  if (asks == HttpAsks::kNotYet && size >= kMaxHttpRequest) std::abort();
  if (asks == HttpAsks::kMetrics && bytes.find("/metrics") == std::string::npos) std::abort();
  if (bytes.find("\r\n\r\n") != std::string::npos && http_asks(bytes + "more") != asks)
    std::abort();
  return 0;
}
