// Opus (RFC 6716, 7587) by libopus, the only file that sees it. Always mono: a stereo packet of the
// peer is mixed down by the decoder.
#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <new>

#include "codec/concealer.h"
#include "codec/fmtp.h"
#include "codec/parts.h"

namespace causeway::codec {

namespace {

const unsigned char* bytes(std::span<const std::byte> s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

struct Destroy {
  void operator()(OpusDecoder* d) const { opus_decoder_destroy(d); }
  void operator()(OpusEncoder* e) const { opus_encoder_destroy(e); }
  void operator()(OpusRepacketizer* r) const { opus_repacketizer_destroy(r); }
};

class OpusDecoderPart final : public Decoder {
 public:
  explicit OpusDecoderPart(std::uint32_t rate)
      : limit_(rate * 120 / 1000), quantum_(rate / 400), fade_(rate) {
    int error = 0;
    state_.reset(opus_decoder_create(static_cast<opus_int32>(rate), 1, &error));
    if (!state_) throw std::bad_alloc();
  }

  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    if (payload.empty() || payload.size() > kMaxPayload) return 0;
    const int n = opus_decode(state_.get(), bytes(payload), static_cast<opus_int32>(payload.size()),
                              out.data(), static_cast<int>(std::min(out.size(), limit_)), 0);
    if (n <= 0) return 0;
    fade_.heard();
    return static_cast<std::size_t>(n);
  }

  void conceal(std::span<std::int16_t> out, std::span<const std::byte> next) override {
    std::span<std::int16_t> rest = out;
    bool rescued = false;
    while (!rest.empty()) {
      // At most 120 ms a call, in steps of 2.5 ms. The copy in `next` is of the last frame that is
      // missing: it is asked for with the last piece.
      const std::size_t want = std::min(rest.size(), limit_);
      const bool last = want == rest.size();
      const std::size_t whole = (want + quantum_ - 1) / quantum_ * quantum_;
      const bool spill = whole != want;
      std::int16_t* target = spill ? spill_.data() : rest.data();
      const bool rescue = last && !next.empty() && next.size() <= kMaxPayload;
      int n = rescue ? opus_decode(state_.get(), bytes(next), static_cast<opus_int32>(next.size()),
                                   target, static_cast<int>(whole), 1)
                     : OPUS_INVALID_PACKET;
      rescued = n > 0;
      if (!rescued) n = opus_decode(state_.get(), nullptr, 0, target, static_cast<int>(whole), 0);
      if (n < static_cast<int>(want)) {
        std::fill(target + std::max(n, 0), target + want, std::int16_t{0});
      }
      if (spill) std::copy_n(spill_.begin(), want, rest.begin());
      rest = rest.subspan(want);
    }
    // What was rescued is speech, not a guess.
    if (!rescued) fade_.apply(out);
  }

 private:
  std::unique_ptr<OpusDecoder, Destroy> state_;
  std::size_t limit_;
  std::size_t quantum_;
  LossFade fade_;
  std::array<std::int16_t, kMaxSamples> spill_{};
};

// Bits that suit the band (RFC 7587 3.1.1 for mono speech) and leave room for copies of what is
// lost.
int bit_rate_for(std::uint32_t rate) {
  if (rate <= 16000) return 32'000;
  return rate <= 24000 ? 36'000 : 48'000;
}

opus_int32 bandwidth_for(std::uint32_t rate) {
  if (rate <= 8000) return OPUS_BANDWIDTH_NARROWBAND;
  if (rate <= 12000) return OPUS_BANDWIDTH_MEDIUMBAND;
  if (rate <= 16000) return OPUS_BANDWIDTH_WIDEBAND;
  return rate <= 24000 ? OPUS_BANDWIDTH_SUPERWIDEBAND : OPUS_BANDWIDTH_FULLBAND;
}

constexpr std::array kFrameMs{10, 20, 40, 60, 80, 100, 120};

class OpusEncoderPart final : public Encoder {
 public:
  OpusEncoderPart(std::uint32_t rate, std::string_view line, const EncoderSettings& settings) {
    int error = 0;
    // Not OPUS_APPLICATION_VOIP: its high-pass filter follows the voice and takes the lowest part
    // of deep ones away.
    state_.reset(
        opus_encoder_create(static_cast<opus_int32>(rate), 1, OPUS_APPLICATION_AUDIO, &error));
    repacketizer_.reset(opus_repacketizer_create());
    if (!state_ || !repacketizer_) throw std::bad_alloc();
    const std::uint32_t band = std::min(rate, opus_rate(line));
    int bits = settings.bit_rate > 0 ? settings.bit_rate : bit_rate_for(band);
    if (const auto most = fmtp::number(line, "maxaveragebitrate")) {
      bits = std::min(bits, static_cast<int>(std::clamp<std::uint32_t>(*most, 6'000, 510'000)));
    }
    if (settings.most_bits > 0) bits = std::min(bits, std::max(settings.most_bits, 6'000));
    frame_samples_ = rate * settings.packet_ms / 1000;
    if (std::ranges::find(kFrameMs, settings.packet_ms) == kFrameMs.end()) {
      // No frame is that long: several of 10 ms in one packet. They must all be of one kind
      // (RFC 6716 3.2): speech coding at a band of its own is what the encoder then keeps to.
      pieces_ = settings.packet_ms / 10;
      frame_samples_ = rate / 100;
      bits = std::min(bits, 40'000);
      opus_encoder_ctl(state_.get(),
                       OPUS_SET_BANDWIDTH(bandwidth_for(std::min(band, std::uint32_t{16000}))));
    }
    opus_encoder_ctl(state_.get(), OPUS_SET_MAX_BANDWIDTH(bandwidth_for(band)));
    opus_encoder_ctl(state_.get(), OPUS_SET_BITRATE(bits));
    opus_encoder_ctl(state_.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    opus_encoder_ctl(state_.get(), OPUS_SET_VBR(fmtp::is_set(line, "cbr") ? 0 : 1));
    dtx_ = settings.dtx || fmtp::is_set(line, "usedtx");
    opus_encoder_ctl(state_.get(), OPUS_SET_DTX(dtx_ ? 1 : 0));
    // Copies cost bits that the speech would have had: none before losses are known of.
    opus_encoder_ctl(state_.get(), OPUS_SET_INBAND_FEC(fmtp::is_set(line, "useinbandfec") ? 1 : 0));
    set_complexity(settings.complexity);
  }

  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    if (pcm.size() != frame_samples_ * pieces_) return 0;
    const std::size_t room = std::min(out.size(), kMaxPayload);
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    if (pieces_ > 1) return encode_pieces(pcm, to, room);
    const int n = opus_encode(state_.get(), pcm.data(), static_cast<int>(pcm.size()), to,
                              static_cast<opus_int32>(room));
    return n <= 0 || (dtx_ && n <= kSilentBytes) ? 0 : static_cast<std::size_t>(n);
  }

  void set_complexity(int complexity) override {
    opus_encoder_ctl(state_.get(), OPUS_SET_COMPLEXITY(std::clamp(complexity, 0, 10)));
  }
  void set_expected_loss(int percent) override {
    opus_encoder_ctl(state_.get(), OPUS_SET_PACKET_LOSS_PERC(std::clamp(percent, 0, 100)));
  }

 private:
  // opus_encode: a packet of this many bytes or fewer need not be sent.
  static constexpr int kSilentBytes = 2;

  std::size_t encode_pieces(std::span<const std::int16_t> pcm, unsigned char* out,
                            std::size_t room) {
    opus_repacketizer_init(repacketizer_.get());
    const std::size_t each = std::min(room, scratch_.size()) / pieces_;
    bool silent = true;
    for (std::size_t i = 0; i < pieces_; ++i) {
      unsigned char* piece = scratch_.data() + i * each;
      const int n =
          opus_encode(state_.get(), pcm.data() + i * frame_samples_,
                      static_cast<int>(frame_samples_), piece, static_cast<opus_int32>(each));
      if (n <= 0) return 0;
      silent = silent && n <= kSilentBytes;
      // Another kind of frame after all: the packet is that much shorter.
      if (opus_repacketizer_cat(repacketizer_.get(), piece, n) != OPUS_OK) break;
    }
    if (dtx_ && silent) return 0;
    const int n = opus_repacketizer_out(repacketizer_.get(), out, static_cast<opus_int32>(room));
    return n <= 0 ? 0 : static_cast<std::size_t>(n);
  }

  std::unique_ptr<OpusEncoder, Destroy> state_;
  std::unique_ptr<OpusRepacketizer, Destroy> repacketizer_;
  std::size_t frame_samples_ = 0;
  std::size_t pieces_ = 1;
  bool dtx_ = false;
  std::array<unsigned char, kMaxPayload> scratch_{};
};

}  // namespace

DecoderPart make_opus_decoder(std::uint32_t rate) {
  return std::make_unique<OpusDecoderPart>(rate);
}
EncoderPart make_opus_encoder(std::uint32_t rate, std::string_view fmtp,
                              const EncoderSettings& settings) {
  return std::make_unique<OpusEncoderPart>(rate, fmtp, settings);
}

std::uint32_t opus_rate(std::string_view fmtp) {
  const auto most = fmtp::number(fmtp, "maxplaybackrate");
  if (!most) return 48000;
  for (const std::uint32_t rate : {8000U, 12000U, 16000U, 24000U}) {
    if (*most <= rate) return rate;
  }
  return 48000;
}

}  // namespace causeway::codec
