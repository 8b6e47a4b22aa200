// The only file that sees libcurl.
#include <curl/curl.h>

#include <mutex>

#include "provisioning/keys.h"

namespace causeway::provisioning {
namespace {

constexpr std::size_t kMaxBody = 1 << 20;

std::size_t take(char* data, std::size_t size, std::size_t n, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * n > kMaxBody) return 0;
  body.append(data, size * n);
  return size * n;
}

}  // namespace

bool is_fetchable(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://127.") ||
         url.starts_with("http://[::1]");
}

Result<std::string> fetch_url(const std::string& url) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  if (!is_fetchable(url)) return fail(ErrorCode::kConfiguration, "'" + url + "' is no https URL");
  const std::unique_ptr<CURL, void (*)(CURL*)> c(curl_easy_init(), curl_easy_cleanup);
  if (!c) return fail(ErrorCode::kInternal, "curl cannot be set up");
  std::string body;
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(c.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c.get(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(c.get(), CURLOPT_CONNECTTIMEOUT, 5L);
  curl_easy_setopt(c.get(), CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(c.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(c.get(), CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(c.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(c.get(), CURLOPT_WRITEDATA, &body);
  if (const CURLcode rc = curl_easy_perform(c.get()); rc != CURLE_OK)
    return fail(ErrorCode::kUnavailable,
                url + ": " + (why[0] != '\0' ? why : curl_easy_strerror(rc)));
  return body;
}

}  // namespace causeway::provisioning
