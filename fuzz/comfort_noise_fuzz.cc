// Any bytes as comfort noise payloads of up to 16 bytes, one after the other. Sanitizers see to the
// arithmetic; what was heard again must be a payload.
#include <algorithm>
#include <array>

#include "tone/comfort_noise.h"

using namespace causeway::tone;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = std::span(reinterpret_cast<const std::byte*>(data), size);
  ComfortNoiseGenerator generator;
  ComfortNoiseEncoder encoder;
  std::array<std::int16_t, 160> pcm{};
  std::array<std::byte, kMaxNoisePayload> again{};
  while (!bytes.empty()) {
    const std::size_t n =
        std::min<std::size_t>(std::to_integer<unsigned>(bytes[0]) % 17, bytes.size() - 1);
    (void)generator.update(bytes.subspan(1, n));
    bytes = bytes.subspan(1 + n);
    generator.fill(pcm);
    encoder.add(pcm);
    const std::size_t written = encoder.encode(again);
    if (written != again.size() || !ComfortNoiseGenerator().update(again)) __builtin_trap();
  }
  return 0;
}
