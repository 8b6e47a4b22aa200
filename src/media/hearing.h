// What a peer says, as PCM: jitter buffer, decoders and the digits in it. Belongs to the leg that
// receives, and outlives a change of the path behind it. Nothing allocates but make().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "codec/codec.h"
#include "codec/jitter_buffer.h"
#include "media/plan.h"
#include "rtp/packet.h"
#include "rtp/telephone_event.h"
#include "tone/comfort_noise.h"
#include "tone/dtmf_detector.h"

namespace causeway::media {

class Hearing {
 public:
  // Takes over from `before` what fits. kUnsupported: a codec that this build cannot decode.
  [[nodiscard]] static Result<std::unique_ptr<Hearing>> make(const Decoding& what,
                                                             std::unique_ptr<Hearing> before);

  // An accepted packet of one of the codecs, of comfort noise or of events. `sequence`: extended.
  void put(const rtp::Header& h, std::uint32_t sequence, std::span<const std::byte> payload,
           codec::JitterBuffer::Content content, Instant now);
  // The next samples at what().rate; none: nothing has come for a while. `out` has room for
  // codec::kMaxSamples.
  [[nodiscard]] std::size_t pull(std::span<std::int16_t> out, Instant now);

  // Tones that were found in the audio since it was asked last.
  struct Digit {
    std::uint8_t event = 0;
    bool ends = false;
    Micros duration{0};  // of one that ends
  };
  [[nodiscard]] std::span<const Digit> take_digits();
  rtp::EventReceiver events;  // what came as packets

  // The mode that this peer asked to be sent since it was asked last (RFC 4867 4.3.1, CMR).
  [[nodiscard]] std::optional<std::uint8_t> take_requested_mode() {
    return std::exchange(requested_mode_, std::nullopt);
  }

  // Was what pull() gave last silence that the sender meant, and not a gap?
  [[nodiscard]] bool quiet() const { return quiet_; }

  [[nodiscard]] const Decoding& what() const { return what_; }

 private:
  struct Voice {
    sdp::Codec codec;
    std::uint32_t rate = 0;  // of its PCM
    std::unique_ptr<codec::Decoder> decoder;
    std::size_t buffer = 0;
  };
  struct Buffer {
    std::uint32_t clock = 8000;
    codec::JitterBuffer jitter;
  };
  using Got = codec::JitterBuffer::Got;

  [[nodiscard]] Voice* voice(std::uint8_t type);
  [[nodiscard]] std::size_t samples(std::uint32_t units) const;
  [[nodiscard]] std::size_t play(const Got& got, std::span<std::int16_t> out);
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> next);
  void be_quiet(std::span<std::int16_t> out);
  void look_for_digits(std::span<std::int16_t> pcm);
  void add(const tone::DtmfEvent& e);

  Decoding what_;
  std::vector<Voice> voices_;
  std::vector<Buffer> buffers_;      // one for each clock in use
  std::size_t buffer_ = 0;           // what the latest packet went to
  std::size_t speaking_ = SIZE_MAX;  // the voice whose packet was played last
  std::uint32_t ssrc_ = 0;
  bool quiet_ = false;
  bool silent_ = false;  // the sender says nothing, and said so
  bool noise_ = false;   // ... and what its silence is like (RFC 3389)
  tone::ComfortNoiseGenerator noise_maker_;
  bool codec_noise_ = false;  // played last: what the codec itself described
  std::optional<std::uint8_t> requested_mode_;
  bool low_ = true;    // what was played last can hardly be heard
  Micros nothing_{0};  // played since anything came
  std::unique_ptr<tone::DtmfDetector> detector_;
  std::array<Digit, 16> digits_{};
  std::size_t digit_count_ = 0;
};

}  // namespace causeway::media
