// Any bytes as a stream: however it is cut, the same messages come out, and each one parses to the
// same boundaries. The first byte steers the size of the pieces.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "sip/message.h"

using namespace causeway::sip;

namespace {

struct Outcome {
  std::vector<std::string> messages;
  bool broken = false;
};

Outcome read_in_pieces(std::string_view stream, std::size_t piece) {
  Outcome out;
  std::string buffer;
  FrameFinder finder;  // does not look twice, and finds the same
  while (!stream.empty() && !out.broken) {
    buffer.append(stream.substr(0, piece));
    stream.remove_prefix(std::min(stream.size(), piece));
    for (;;) {
      const auto f = finder.find(buffer);
      const auto afresh = find_frame(buffer);
      if (f.has_value() != afresh.has_value()) std::abort();
      if (f && f->has_value() != afresh->has_value()) std::abort();
      if (f && *f && ((*f)->skip != (*afresh)->skip || (*f)->length != (*afresh)->length))
        std::abort();
      if (!f) {
        out.broken = true;
        break;
      }
      if (!*f) break;
      if ((*f)->skip + (*f)->length > buffer.size() || (*f)->skip + (*f)->length == 0) std::abort();
      if ((*f)->length) out.messages.push_back(buffer.substr((*f)->skip, (*f)->length));
      buffer.erase(0, (*f)->skip + (*f)->length);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = read_in_pieces(stream, stream.size());
  const Outcome pieces = read_in_pieces(stream, 1U + data[0]);
  if (whole.broken != pieces.broken || whole.messages != pieces.messages) std::abort();
  for (const std::string& text : whole.messages) {
    const auto m = Message::parse(text);
    if (!m) continue;
    // The framer and the parser agree where the body is.
    if (m->bytes().size() != text.size()) std::abort();
    const auto n = m->body().size();
    if (m->count(HeaderId::kContentLength) == 1 && m->body().data() + n != m->bytes().end())
      std::abort();
  }
  return 0;
}
