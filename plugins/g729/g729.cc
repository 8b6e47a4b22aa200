// G.729 Annexes A and B by bcg729 (GPL-3 or later). Not built unless asked for.
#include <cstdint>

extern "C" {
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
}

#include "plugin_abi.h"

namespace {

constexpr size_t kSid = 2;

void* new_decoder() { return initBcg729DecoderChannel(); }
void free_decoder(void* state) {
  closeBcg729DecoderChannel(static_cast<bcg729DecoderChannelContextStruct*>(state));
}
void decode(void* state, const uint8_t* frame, size_t bytes, int16_t* pcm) {
  bcg729Decoder(static_cast<bcg729DecoderChannelContextStruct*>(state), frame,
                static_cast<uint8_t>(bytes), frame == nullptr ? 1 : 0, bytes == kSid ? 1 : 0, 0,
                pcm);
}
void* new_encoder(int dtx) { return initBcg729EncoderChannel(dtx != 0 ? 1 : 0); }
void free_encoder(void* state) {
  closeBcg729EncoderChannel(static_cast<bcg729EncoderChannelContextStruct*>(state));
}
size_t encode(void* state, int, const int16_t* pcm, uint8_t* frame) {
  uint8_t bytes = 0;
  bcg729Encoder(static_cast<bcg729EncoderChannelContextStruct*>(state), pcm, frame, &bytes);
  return bytes;
}

constexpr causeway_codec kCodecs[] = {
    {"G729", 8000, 80, new_decoder, free_decoder, decode, new_encoder, free_encoder, encode}};
constexpr causeway_codec_plugin kPlugin = {CAUSEWAY_CODEC_ABI, "bcg729 1.1.1", "GPL-3.0-or-later",
                                           1, kCodecs};

}  // namespace

extern "C" __attribute__((visibility("default"))) const causeway_codec_plugin*
causeway_codec_plugin() {
  return &kPlugin;
}
