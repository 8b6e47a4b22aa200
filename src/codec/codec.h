// Speech codecs and sample rates: one SDP codec line in, a Decoder or an Encoder over mono PCM out.
// Pure computation; an object belongs to one thread at a time. Making one allocates, using one
// never does. What a library does not bound is bounded here: a payload is at most kMaxPayload bytes
// and holds at most kMaxSamples samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "codec/resampler.h"
#include "sdp/plain.h"

namespace causeway::codec {

inline constexpr std::size_t kMaxSamples = 48 * 120;  // 120 ms at 48 kHz: no payload holds more
inline constexpr std::size_t kMaxPayload = 1'400;

enum class Kind : std::uint8_t {
  kPcmu,
  kPcma,
  kG722,
  kOpus,
  kG726_32,
  kL16,
  kAmr,
  kAmrWb,
  kG729,
};

// The codec that an SDP line names, when this build can encode and decode it. Case-insensitive; the
// clock, the channels and the parameters must be ones we can do.
[[nodiscard]] std::optional<Kind> known(const sdp::Codec& c);

struct Traits {
  std::uint32_t clock = 8000;         // of RTP timestamps
  std::uint32_t natural_rate = 8000;  // Hz of PCM at which no band is lost
  std::uint16_t frame_ms = 1;         // packet times are multiples of this
  std::uint16_t max_ms = 120;         // longest packet time that a payload holds
};
// Of a codec that is known(); of any other, what its line says.
[[nodiscard]] Traits traits_of(const sdp::Codec& c);

// Whether it is coded at this PCM rate directly, without a resampler.
[[nodiscard]] bool works_at(const sdp::Codec& c, std::uint32_t rate);

// The PCM rate in which two codecs meet at least cost without losing band that both have.
[[nodiscard]] std::uint32_t meeting_rate(const sdp::Codec& a, const sdp::Codec& b);

class Decoder {
 public:
  virtual ~Decoder() = default;
  // One payload to mono PCM at the rate it was made for; returns samples written (0: not a payload
  // of this codec; counts as lost). `out` holds kMaxSamples.
  virtual std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) = 0;
  // In place of a lost packet of out.size() samples. `next`: the payload after the gap when it is
  // there (Opus carries a copy of the lost one in it), else empty. Fades to silence.
  virtual void conceal(std::span<std::int16_t> out, std::span<const std::byte> next) = 0;
  // The sender is silent on purpose: its codec's own comfort noise, if it has described one (a SID
  // frame). False: it has not, and `out` is untouched.
  virtual bool comfort(std::span<std::int16_t> /*out*/) { return false; }
  // The mode that the peer asks of our encoder with what it sends (RFC 4867 4.3.1, CMR), once after
  // the payload that changed it; give it to the encoder of the other direction.
  virtual std::optional<std::uint8_t> requested_mode() { return std::nullopt; }
};

struct EncoderSettings {
  std::uint16_t packet_ms = 20;
  int complexity = 5;  // Opus: 0-10
  bool dtx = false;
  int bit_rate = 0;   // 0: what suits the rate and the peer's parameters
  int most_bits = 0;  // each second, that the peer takes; 0: any number
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // packet_ms of PCM to one payload; bytes written, 0: nothing to send (DTX).
  virtual std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) = 0;
  virtual void set_complexity(int /*0-10*/) {}
  // What the far end loses on the way (its RTCP reports), for codecs that can send more against it:
  // Opus, to a peer with useinbandfec=1. Nothing is sent against losses that nobody has told of.
  virtual void set_expected_loss(int /*percent*/) {}
  // What the peer asked for: Decoder::requested_mode() of the other direction.
  virtual void request_mode(std::uint8_t /*mode*/) {}
};

// `rate`: 8000, 16000, 24000 or 48000; a codec that does not work at it is given a resampler. `c`
// for an encoder is the line of the PEER: what it wants to receive. kUnsupported: not a codec of
// ours, or no packet of that length fits.
[[nodiscard]] Result<std::unique_ptr<Decoder>> make_decoder(const sdp::Codec& c,
                                                            std::uint32_t rate);
[[nodiscard]] Result<std::unique_ptr<Encoder>> make_encoder(const sdp::Codec& c, std::uint32_t rate,
                                                            const EncoderSettings& settings);

}  // namespace causeway::codec
