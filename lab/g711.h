// G.711 A-law and µ-law, computed from the ITU-T definition, the lab's own.
#pragma once

#include <cstdint>

namespace causeway::lab {

[[nodiscard]] std::uint8_t encode_alaw(std::int16_t pcm);
[[nodiscard]] std::int16_t decode_alaw(std::uint8_t code);
[[nodiscard]] std::uint8_t encode_ulaw(std::int16_t pcm);
[[nodiscard]] std::int16_t decode_ulaw(std::uint8_t code);

}  // namespace causeway::lab
