#include "sdp/plain.h"

#include "sdp/text.h"

namespace causeway::sdp {

bool same_codec(const Codec& a, const Codec& b) {
  return a.clock == b.clock && a.channels == b.channels && text::same_word(a.name, b.name);
}

bool is_telephone_event(const Codec& c) { return text::same_word(c.name, "telephone-event"); }

bool is_comfort_noise(const Codec& c) { return text::same_word(c.name, "CN"); }

}  // namespace causeway::sdp
