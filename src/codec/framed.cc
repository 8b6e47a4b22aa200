// AMR, AMR-WB and G.729: our payload formats around the frames of a plug-in.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "codec/amr_payload.h"
#include "codec/concealer.h"
#include "codec/parts.h"
#include "codec/plugin.h"

namespace causeway::codec {

namespace {

class FrameDecoder {
 public:
  explicit FrameDecoder(const causeway_codec& codec)
      : codec_(codec), state_(codec.new_decoder()), fade_(codec.rate) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~FrameDecoder() { codec_.free_decoder(state_); }
  FrameDecoder(const FrameDecoder&) = delete;
  FrameDecoder& operator=(const FrameDecoder&) = delete;

  [[nodiscard]] std::size_t samples() const { return codec_.frame_samples; }

  void play(const std::uint8_t* frame, std::size_t bytes, std::int16_t* out) {
    codec_.decode(state_, frame, bytes, out);
    fade_.heard();
  }
  // What was left of the frame that was made up last, then frames that are made up now.
  void make_up(std::span<std::int16_t> out, bool comfort) {
    const std::span<std::int16_t> all = out;
    while (!out.empty()) {
      if (left_ == 0) {
        codec_.decode(state_, nullptr, 0, made_up_.data());
        left_ = samples();
      }
      const std::size_t n = std::min(left_, out.size());
      std::copy_n(made_up_.data() + samples() - left_, n, out.begin());
      left_ -= n;
      out = out.subspan(n);
    }
    if (!comfort) fade_.apply(all);
  }
  void forget() { left_ = 0; }

 private:
  const causeway_codec& codec_;
  void* state_;
  LossFade fade_;
  std::array<std::int16_t, 320> made_up_{};
  std::size_t left_ = 0;
};

class AmrDecoder final : public Decoder {
 public:
  AmrDecoder(const causeway_codec& codec, const amr::Format& format)
      : format_(format), frames_(codec) {}

  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    if (!amr::unpack(format_, payload, payload_)) return 0;
    const std::size_t each = frames_.samples();
    if (payload_.count * each > out.size()) return 0;
    // A mode that our set does not have cannot have been meant (RFC 4867 4.3.1).
    if (payload_.request < amr::mode_count(format_.wide)) request_ = payload_.request;
    frames_.forget();
    for (std::size_t i = 0; i < payload_.count; ++i)
      play(payload_.frames[i], out.data() + i * each);
    return payload_.count * each;
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    frames_.make_up(out, between_words_);
  }
  bool comfort(std::span<std::int16_t> out) override {
    if (!between_words_) return false;
    frames_.make_up(out, true);
    return true;
  }
  std::optional<std::uint8_t> requested_mode() override {
    return std::exchange(request_, std::nullopt);
  }

 private:
  void play(const amr::Frame& frame, std::int16_t* out) {
    const std::size_t bits = amr::bits_of(format_.wide, frame.type).value_or(0);
    if (bits == 0 || !frame.good) {
      // Nothing, or nothing that may be believed.
      frames_.play(nullptr, 0, out);
      return;
    }
    between_words_ = frame.type == amr::sid_type(format_.wide);
    std::array<std::uint8_t, CAUSEWAY_CODEC_MAX_FRAME> stored{};
    stored[0] = static_cast<std::uint8_t>(frame.type << 3 | 1U << 2);
    const std::size_t bytes = (bits + 7) / 8;
    std::copy_n(frame.bits.begin(), bytes, stored.begin() + 1);
    frames_.play(stored.data(), bytes + 1, out);
  }

  amr::Format format_;
  FrameDecoder frames_;
  amr::Payload payload_;
  bool between_words_ = false;
  std::optional<std::uint8_t> request_;
};

// Without a word from the peer: the best of AMR, and of AMR-WB the 12.65 kbit/s that networks are
// built for.
constexpr std::uint8_t kUsualNarrow = 7;
constexpr std::uint8_t kUsualWide = 2;
constexpr std::array<int, 8> kNarrowRates{4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200};
constexpr std::array<int, 9> kWideRates{6600,  8850,  12650, 14250, 15850,
                                        18250, 19850, 23050, 23850};

std::uint8_t usual_mode(const amr::Format& f, int bit_rate) {
  std::uint8_t wanted = f.wide ? kUsualWide : kUsualNarrow;
  if (bit_rate > 0) {
    wanted = 0;
    for (std::uint8_t m = 0; m < amr::mode_count(f.wide); ++m) {
      if ((f.wide ? kWideRates[m] : kNarrowRates[m]) <= bit_rate) wanted = m;
    }
  }
  const auto below = static_cast<std::uint16_t>(f.modes & ((2U << wanted) - 1));
  if (below != 0) return static_cast<std::uint8_t>(std::bit_width(below) - 1);
  return static_cast<std::uint8_t>(std::countr_zero(f.modes));
}

class AmrEncoder final : public Encoder {
 public:
  AmrEncoder(const causeway_codec& codec, const amr::Format& format,
             const EncoderSettings& settings)
      : codec_(codec),
        format_(format),
        state_(codec.new_encoder(settings.dtx ? 1 : 0)),
        mode_(settings.most_bits > 0 ? std::min(usual_mode(format, settings.bit_rate),
                                                usual_mode(format, settings.most_bits))
                                     : usual_mode(format, settings.bit_rate)),
        wanted_(mode_) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~AmrEncoder() override { codec_.free_encoder(state_); }
  AmrEncoder(const AmrEncoder&) = delete;
  AmrEncoder& operator=(const AmrEncoder&) = delete;

  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    const std::size_t each = codec_.frame_samples;
    if (pcm.empty() || pcm.size() % each != 0 || pcm.size() / each > amr::kMaxFrames) return 0;
    payload_.count = pcm.size() / each;
    bool silent = true;
    for (std::size_t i = 0; i < payload_.count; ++i) {
      if (frame_++ % format_.change_period == 0) change_mode();
      std::array<std::uint8_t, CAUSEWAY_CODEC_MAX_FRAME> stored{};
      const std::size_t n = codec_.encode(state_, mode_, pcm.data() + i * each, stored.data());
      amr::Frame& frame = payload_.frames[i];
      frame.type = n == 0 ? amr::kNoData : static_cast<std::uint8_t>(stored[0] >> 3 & 15U);
      frame.good = true;
      if (!amr::bits_of(format_.wide, frame.type)) frame.type = amr::kNoData;
      silent = silent && frame.type == amr::kNoData;
      std::copy_n(stored.begin() + 1, frame.bits.size(), frame.bits.begin());
    }
    return silent ? 0 : amr::pack(format_, payload_, out);
  }

  void request_mode(std::uint8_t mode) override {
    if (mode < amr::mode_count(format_.wide) && (format_.modes >> mode & 1U) != 0) wanted_ = mode;
  }

 private:
  void change_mode() {
    if (wanted_ == mode_) return;
    if (!format_.change_to_neighbour) {
      mode_ = wanted_;
      return;
    }
    const int step = wanted_ > mode_ ? 1 : -1;
    int next = mode_ + step;
    while ((format_.modes >> next & 1) == 0) next += step;
    mode_ = static_cast<std::uint8_t>(next);
  }

  const causeway_codec& codec_;
  amr::Format format_;
  void* state_;
  std::uint8_t mode_;
  std::uint8_t wanted_;
  std::uint32_t frame_ = 0;
  amr::Payload payload_;
};

// RFC 3551 4.5.6: any number of frames of 10 octets, and at the end one SID frame of 2.
constexpr std::size_t kG729Frame = 10;
constexpr std::size_t kG729Sid = 2;
constexpr std::size_t kG729MaxFrames = 12;

class G729Decoder final : public Decoder {
 public:
  explicit G729Decoder(const causeway_codec& codec) : frames_(codec) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    const std::size_t rest = payload.size() % kG729Frame;
    const std::size_t count = payload.size() / kG729Frame + (rest == 0 ? 0 : 1);
    if ((rest != 0 && rest != kG729Sid) || count > kG729MaxFrames ||
        count * frames_.samples() > out.size()) {
      return 0;
    }
    frames_.forget();
    const auto* from = reinterpret_cast<const std::uint8_t*>(payload.data());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t bytes = std::min(kG729Frame, payload.size() - i * kG729Frame);
      between_words_ = bytes == kG729Sid;
      frames_.play(from + i * kG729Frame, bytes, out.data() + i * frames_.samples());
    }
    return count * frames_.samples();
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    frames_.make_up(out, between_words_);
  }
  bool comfort(std::span<std::int16_t> out) override {
    if (!between_words_) return false;
    frames_.make_up(out, true);
    return true;
  }

 private:
  FrameDecoder frames_;
  bool between_words_ = false;
};

class G729Encoder final : public Encoder {
 public:
  G729Encoder(const causeway_codec& codec, bool dtx)
      : codec_(codec), state_(codec.new_encoder(dtx ? 1 : 0)) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  ~G729Encoder() override { codec_.free_encoder(state_); }
  G729Encoder(const G729Encoder&) = delete;
  G729Encoder& operator=(const G729Encoder&) = delete;

  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    const std::size_t each = codec_.frame_samples;
    if (pcm.size() % each != 0 || pcm.size() / each * kG729Frame > out.size()) return 0;
    std::size_t written = 0;
    for (std::size_t at = 0; at < pcm.size(); at += each) {
      std::array<std::uint8_t, CAUSEWAY_CODEC_MAX_FRAME> frame{};
      const std::size_t n = codec_.encode(state_, 0, pcm.data() + at, frame.data());
      // A SID frame ends the payload; speech after it in the same packet cannot be said. Its first
      // 10 ms are given up.
      if (written % kG729Frame == kG729Sid && n == kG729Frame) written -= kG729Sid;
      if (written % kG729Frame == kG729Sid) continue;
      std::memcpy(out.data() + written, frame.data(), n);
      written += n;
    }
    return written;
  }

 private:
  const causeway_codec& codec_;
  void* state_;
};

const causeway_codec* amr_codec(bool wide) { return plugin_codec("amr", wide ? "AMR-WB" : "AMR"); }
const causeway_codec* g729_codec() { return plugin_codec("g729", "G729"); }

}  // namespace

bool amr_known(const sdp::Codec& c) {
  const auto format = amr::format_of(c);
  return format && amr_codec(format->wide) != nullptr;
}
DecoderPart make_amr_decoder(const sdp::Codec& c) {
  const auto format = *amr::format_of(c);
  return std::make_unique<AmrDecoder>(*amr_codec(format.wide), format);
}
EncoderPart make_amr_encoder(const sdp::Codec& c, const EncoderSettings& settings) {
  const auto format = *amr::format_of(c);
  return std::make_unique<AmrEncoder>(*amr_codec(format.wide), format, settings);
}

bool g729_known() { return g729_codec() != nullptr; }
DecoderPart make_g729_decoder() { return std::make_unique<G729Decoder>(*g729_codec()); }
EncoderPart make_g729_encoder(bool dtx) {
  return std::make_unique<G729Encoder>(*g729_codec(), dtx);
}

}  // namespace causeway::codec
