// AMR and AMR-WB by opencore-amr and vo-amrwbenc (Apache-2.0).
#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <opencore-amrwb/dec_if.h>
#include <vo-amrwbenc/enc_if.h>

#include <cstring>
#include <new>

#include "plugin_abi.h"

namespace {

// FT 15, Q 1 (RFC 4867 4.3.2): after speech the decoders conceal, after a SID frame they go on with
// comfort noise.
constexpr uint8_t kNoData = 15 << 3 | 1 << 2;
constexpr int kWideGood = 0;
constexpr int kWideLost = 2;
constexpr int kWideNoFrame = 3;
constexpr unsigned kWideSid = 9;
constexpr uint16_t kNarrowFrame = 160;
constexpr uint16_t kWideFrame = 320;

void narrow_decode(void* state, const uint8_t* frame, size_t, int16_t* pcm) {
  Decoder_Interface_Decode(state, frame == nullptr ? &kNoData : frame, pcm, 0);
}

struct WideDecoder {
  void* state;
  bool comfort;  // between words
};
void* new_wide_decoder() {
  void* state = D_IF_init();
  return state == nullptr ? nullptr : new (std::nothrow) WideDecoder{state, false};
}
void free_wide_decoder(void* p) {
  auto* d = static_cast<WideDecoder*>(p);
  D_IF_exit(d->state);
  delete d;
}
void wide_decode(void* p, const uint8_t* frame, size_t, int16_t* pcm) {
  auto* d = static_cast<WideDecoder*>(p);
  const unsigned type = frame == nullptr ? 15 : frame[0] >> 3 & 15U;
  if (type > kWideSid) {
    D_IF_decode(d->state, &kNoData, pcm, d->comfort ? kWideNoFrame : kWideLost);
    return;
  }
  d->comfort = type == kWideSid;
  D_IF_decode(d->state, frame, pcm, kWideGood);
}

void* new_narrow_encoder(int dtx) { return Encoder_Interface_init(dtx); }
size_t narrow_encode(void* state, int mode, const int16_t* pcm, uint8_t* frame) {
  // The library clears the low bits of what it is given, const or not.
  int16_t own[kNarrowFrame];
  std::memcpy(own, pcm, sizeof own);
  const int n = Encoder_Interface_Encode(state, static_cast<Mode>(mode), own, frame, 0);
  return n <= 0 || (frame[0] >> 3 & 15U) == 15 ? 0 : static_cast<size_t>(n);
}

struct WideEncoder {
  void* state;
  int dtx;
};
void* new_wide_encoder(int dtx) {
  void* state = E_IF_init();
  return state == nullptr ? nullptr : new (std::nothrow) WideEncoder{state, dtx};
}
void free_wide_encoder(void* p) {
  auto* e = static_cast<WideEncoder*>(p);
  E_IF_exit(e->state);
  delete e;
}
size_t wide_encode(void* p, int mode, const int16_t* pcm, uint8_t* frame) {
  auto* e = static_cast<WideEncoder*>(p);
  int16_t own[kWideFrame];
  std::memcpy(own, pcm, sizeof own);
  const int n = E_IF_encode(e->state, mode, own, frame, e->dtx);
  return n <= 0 || (frame[0] >> 3 & 15U) == 15 ? 0 : static_cast<size_t>(n);
}

constexpr causeway_codec kCodecs[] = {
    {"AMR", 8000, kNarrowFrame, Decoder_Interface_init, Decoder_Interface_exit, narrow_decode,
     new_narrow_encoder, Encoder_Interface_exit, narrow_encode},
    {"AMR-WB", 16000, kWideFrame, new_wide_decoder, free_wide_decoder, wide_decode,
     new_wide_encoder, free_wide_encoder, wide_encode},
};
constexpr causeway_codec_plugin kPlugin = {
    CAUSEWAY_CODEC_ABI, "opencore-amr 0.1.6, vo-amrwbenc 0.1.3", "Apache-2.0", 2, kCodecs};

}  // namespace

extern "C" __attribute__((visibility("default"))) const causeway_codec_plugin*
causeway_codec_plugin() {
  return &kPlugin;
}
