// The first line is a Content-Type, the rest a body: every part lies within the body, they come in
// order, and there is an end.
#include <cstdlib>

#include "sip/multipart.h"

using namespace causeway::sip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t eol = text.find('\n');
  if (eol == std::string_view::npos) return 0;
  const std::string_view body = text.substr(eol + 1);
  (void)is_multipart(text.substr(0, eol));
  const auto boundary = multipart_boundary(text.substr(0, eol));
  if (!boundary) return 0;
  auto reader = MultipartReader::open(body, *boundary);
  if (!reader) return 0;
  const char* last = body.data();
  MultipartPart part;
  for (std::size_t n = 0;; ++n) {
    if (n > size) std::abort();
    const auto more = reader->next(part);
    if (!more || !*more) return 0;
    for (const std::string_view v : {part.headers, part.content})
      if (!v.empty() && (v.data() < last || v.data() + v.size() > body.data() + body.size()))
        std::abort();
    if (!part.content.empty()) last = part.content.data() + part.content.size();
    if (part.type.empty() && part.headers.empty()) std::abort();
  }
}
