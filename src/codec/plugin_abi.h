/* What a codec in a shared object of its own offers: plain C, one version number. A plug-in is
 * built from plugins/ and loaded when its codec is first asked for. It exports one function,
 * causeway_codec_plugin(), that returns the description below. Any thread may call any function,
 * but one state belongs to one thread at a time. decode() and encode() allocate nothing.
 */
#ifndef CAUSEWAY_CODEC_PLUGIN_ABI_H
#define CAUSEWAY_CODEC_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up when anything below changes. */
#define CAUSEWAY_CODEC_ABI 1

/* No frame is longer. */
#define CAUSEWAY_CODEC_MAX_FRAME 64

/* Frames of AMR and AMR-WB begin with the octet of RFC 4867 5.3 (0, FT, Q, 0, 0); their speech bits
 * follow in the order of that document. Frames of G.729 are its 10 octets, or 2 of a SID frame. */
struct causeway_codec {
  const char* name;       /* as in SDP */
  uint32_t rate;          /* Hz of PCM */
  uint16_t frame_samples; /* of one frame */

  void* (*new_decoder)(void); /* NULL: no memory */
  void (*free_decoder)(void* state);
  /* Always writes frame_samples. `frame` NULL: it was lost; conceal it, or go on with comfort
   * noise. */
  void (*decode)(void* state, const uint8_t* frame, size_t bytes, int16_t* pcm);

  void* (*new_encoder)(int dtx); /* NULL: no memory */
  void (*free_encoder)(void* state);
  /* frame_samples of PCM to at most CAUSEWAY_CODEC_MAX_FRAME octets. 0: nothing to send. */
  size_t (*encode)(void* state, int mode, const int16_t* pcm, uint8_t* frame);
};

struct causeway_codec_plugin {
  uint32_t abi; /* CAUSEWAY_CODEC_ABI */
  const char* version;
  const char* licence;
  size_t count;
  const struct causeway_codec* codecs;
};

typedef const struct causeway_codec_plugin* (*causeway_codec_plugin_function)(void);
#define CAUSEWAY_CODEC_PLUGIN_SYMBOL "causeway_codec_plugin"

#ifdef __cplusplus
}
#endif
#endif
