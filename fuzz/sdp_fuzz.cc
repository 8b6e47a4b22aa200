// Any bytes as a session description: parse, read, write back, answer.
#include <cstdlib>

#include "sdp/compose.h"
#include "sdp/crypto_line.h"
#include "sdp/ice.h"

using namespace causeway;
using namespace causeway::sdp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto d = parse(text);
  if (!d) return 0;
  const auto again = parse(write(*d));
  if (!again || !(*again == *d)) std::abort();
  for (const MediaSection& m : d->media())
    (void)(m.media(*d).size() + m.proto(*d).size() + m.formats(*d).size());
  (void)d->origin();
  const auto r = read_audio(*d, size % 2 ? Security::kSdes : Security::kRtp);
  if (!r) return 0;
  const auto ice = read_ice(*d, r->audio_index);
  if (ice &&
      (ice->ufrag.size() < 4 || ice->pwd.size() < 22 || ice->candidates.size() > kMaxCandidates))
    std::abort();
  Dialect dialect;
  dialect.security = r->media.secure ? Security::kSdes : Security::kRtp;
  SeededRandom random(1);
  const LocalMedia local{Endpoint{IpAddress::v4(0x7f000001), 4000}, 4001, true,
                         make_crypto(random, dialect)};
  const Origin origin{"-", 1, 1, local.rtp.address};
  (void)write_answer(origin, *r, local, filter(r->wish, dialect), dialect, r->attributes);
  if (!read_audio(write_offer(origin, local, r->wish, dialect)) && !r->wish.codecs.empty())
    std::abort();
  return 0;
}
