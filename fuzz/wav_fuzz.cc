// Any bytes as a sound file: refused with a reason, or played within its bounds; and any text as a
// cadence.
#include <array>
#include <vector>

#include "tone/cadence.h"
#include "tone/wav.h"

using namespace causeway::tone;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::span(reinterpret_cast<const std::byte*>(data), size);
  std::array<std::int16_t, 160> pcm{};
  const auto file = WavFile::parse(bytes);
  if (file) {
    if (file->samples.empty() || file->samples.size() > size || file->rate < 8'000)
      __builtin_trap();
    ClipPlayer player(make_clip(*file, 8'000));
    for (int i = 0; i < 4; ++i) player.fill(pcm);
  } else if (file.error().what.empty()) {
    __builtin_trap();
  }
  const auto c = parse_cadence({reinterpret_cast<const char*>(data), size});
  if (c) {
    const auto again = parse_cadence(to_string(*c));
    if (!again || *again != *c) __builtin_trap();
    TonePlayer player(8'000, *c);
    for (int i = 0; i < 4; ++i) player.fill(pcm);
  }
  return 0;
}
