// The libraries behind our codecs, called as anybody would: what ours are compared with, in quality
// (tests/codec/audio_test.cc) and in cost (bench/codec_cost.cc). States live as long as the
// process.
#pragma once

#include <opencore-amrnb/interf_dec.h>
#include <opencore-amrnb/interf_enc.h>
#include <opencore-amrwb/dec_if.h>
#include <opus/opus.h>
#include <speex/speex_resampler.h>
#include <vo-amrwbenc/enc_if.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "codec/codec.h"

// The library's headers stand on the one named first, and bend <cmath>: they come last.
#include <spandsp/telephony.h>

#include <spandsp/bit_operations.h>
#include <spandsp/g711.h>
#include <spandsp/g722.h>
#include <spandsp/g726.h>
#include <spandsp/plc.h>

namespace causeway::codec::testing {

using Bytes = std::vector<std::byte>;
inline const unsigned char* raw(const Bytes& b) {
  return reinterpret_cast<const unsigned char*>(b.data());
}

// The bare side: one codec of a library, both ways.
struct Bare {
  std::function<void(std::span<const std::int16_t>, Bytes&)> encode;
  std::function<std::size_t(const Bytes&, std::span<std::int16_t>)> decode;
};

inline Bare bare_mu() {
  // Tables, as anybody would have them; the library's own functions cost three times as much.
  static std::array<std::uint8_t, 65536> to;
  static std::array<std::int16_t, 256> from;
  for (int i = 0; i < 65536; ++i)
    to[static_cast<std::size_t>(i)] = linear_to_ulaw(static_cast<std::int16_t>(i));
  for (int i = 0; i < 256; ++i)
    from[static_cast<std::size_t>(i)] = ulaw_to_linear(static_cast<std::uint8_t>(i));
  return {[](std::span<const std::int16_t> in, Bytes& out) {
            out.resize(in.size());
            for (std::size_t i = 0; i < in.size(); ++i)
              out[i] = std::byte{to[static_cast<std::uint16_t>(in[i])]};
          },
          [](const Bytes& in, std::span<std::int16_t> out) {
            for (std::size_t i = 0; i < in.size(); ++i)
              out[i] = from[std::to_integer<std::size_t>(in[i])];
            return in.size();
          }};
}
inline Bare bare_722(std::uint32_t rate) {
  const int options = rate == 8000 ? G722_SAMPLE_RATE_8000 : 0;
  const std::shared_ptr<g722_encode_state_t> e(g722_encode_init(nullptr, 64000, options),
                                               g722_encode_free);
  const std::shared_ptr<g722_decode_state_t> d(g722_decode_init(nullptr, 64000, options),
                                               g722_decode_free);
  return {[e](std::span<const std::int16_t> in, Bytes& out) {
            out.resize(kMaxPayload);
            out.resize(static_cast<std::size_t>(
                g722_encode(e.get(), reinterpret_cast<std::uint8_t*>(out.data()), in.data(),
                            static_cast<int>(in.size()))));
          },
          [d](const Bytes& in, std::span<std::int16_t> out) {
            return static_cast<std::size_t>(
                g722_decode(d.get(), out.data(), raw(in), static_cast<int>(in.size())));
          }};
}
inline Bare bare_726() {
  const std::shared_ptr<g726_state_t> e(
      g726_init(nullptr, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT), g726_free);
  const std::shared_ptr<g726_state_t> d(
      g726_init(nullptr, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT), g726_free);
  return {[e](std::span<const std::int16_t> in, Bytes& out) {
            out.resize(kMaxPayload);
            out.resize(static_cast<std::size_t>(
                g726_encode(e.get(), reinterpret_cast<std::uint8_t*>(out.data()), in.data(),
                            static_cast<int>(in.size()))));
          },
          [d](const Bytes& in, std::span<std::int16_t> out) {
            return static_cast<std::size_t>(
                g726_decode(d.get(), out.data(), raw(in), static_cast<int>(in.size())));
          }};
}
// `bits`: per second.
inline Bare bare_opus(std::uint32_t rate, int complexity, int bits) {
  const std::shared_ptr<OpusEncoder> e(
      opus_encoder_create(static_cast<opus_int32>(rate), 1, OPUS_APPLICATION_AUDIO, nullptr),
      opus_encoder_destroy);
  const std::shared_ptr<OpusDecoder> d(
      opus_decoder_create(static_cast<opus_int32>(rate), 1, nullptr), opus_decoder_destroy);
  opus_encoder_ctl(e.get(), OPUS_SET_COMPLEXITY(complexity));
  opus_encoder_ctl(e.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  opus_encoder_ctl(e.get(), OPUS_SET_BITRATE(bits));
  return {
      [e](std::span<const std::int16_t> in, Bytes& out) {
        out.resize(kMaxPayload);
        out.resize(static_cast<std::size_t>(
            opus_encode(e.get(), in.data(), static_cast<int>(in.size()),
                        reinterpret_cast<unsigned char*>(out.data()), kMaxPayload)));
      },
      [d](const Bytes& in, std::span<std::int16_t> out) {
        return static_cast<std::size_t>(opus_decode(d.get(), raw(in), static_cast<int>(in.size()),
                                                    out.data(), static_cast<int>(out.size()), 0));
      }};
}
// Payloads of the bare side are the library's frames, without our format around them.
inline Bare bare_amr() {
  const std::shared_ptr<void> e(Encoder_Interface_init(0), Encoder_Interface_exit);
  const std::shared_ptr<void> d(Decoder_Interface_init(), Decoder_Interface_exit);
  return {[e](std::span<const std::int16_t> in, Bytes& out) {
            out.resize(64);
            // It writes into what it reads.
            std::array<std::int16_t, 160> own;
            std::copy_n(in.begin(), own.size(), own.begin());
            Encoder_Interface_Encode(e.get(), MR122, own.data(),
                                     reinterpret_cast<unsigned char*>(out.data()), 0);
          },
          [d](const Bytes& in, std::span<std::int16_t> out) {
            Decoder_Interface_Decode(d.get(), raw(in), out.data(), 0);
            return std::size_t{160};
          }};
}
inline Bare bare_wide() {
  const std::shared_ptr<void> e(E_IF_init(), E_IF_exit);
  const std::shared_ptr<void> d(D_IF_init(), D_IF_exit);
  return {[e](std::span<const std::int16_t> in, Bytes& out) {
            out.resize(64);
            E_IF_encode(e.get(), 2, in.data(), reinterpret_cast<unsigned char*>(out.data()), 0);
          },
          [d](const Bytes& in, std::span<std::int16_t> out) {
            D_IF_decode(d.get(), raw(in), out.data(), 0);
            return std::size_t{320};
          }};
}

// As gateways use it (quality 3 of 10), in packets of 20 ms.
inline std::function<std::size_t(std::span<const std::int16_t>, std::span<std::int16_t>)>
bare_resampler(std::uint32_t from, std::uint32_t to) {
  const std::shared_ptr<SpeexResamplerState> r(speex_resampler_init(1, from, to, 3, nullptr),
                                               speex_resampler_destroy);
  return [r](std::span<const std::int16_t> in, std::span<std::int16_t> out) {
    auto taken = static_cast<spx_uint32_t>(in.size());
    auto made = static_cast<spx_uint32_t>(out.size());
    speex_resampler_process_int(r.get(), 0, in.data(), &taken, out.data(), &made);
    return static_cast<std::size_t>(made);
  };
}

}  // namespace causeway::codec::testing
