#include "media/hearing.h"

#include <algorithm>
#include <cstdlib>

namespace causeway::media {
namespace {

using codec::JitterBuffer;

// Silence is played so long behind what was heard last, concealed or not; then nothing is sent.
constexpr Millis kSilentFor{200};
constexpr Seconds kNoiseFor{5};     // behind a description of the silence
constexpr std::int16_t kLow = 200;  // about -44 dBov at its peaks

bool hardly_heard(std::span<const std::int16_t> pcm) {
  return std::all_of(pcm.begin(), pcm.end(), [](std::int16_t s) { return std::abs(s) < kLow; });
}

}  // namespace

Result<std::unique_ptr<Hearing>> Hearing::make(const Decoding& what,
                                               std::unique_ptr<Hearing> before) {
  auto h = before ? std::move(before) : std::make_unique<Hearing>();
  if (h->what_ == what) return h;
  std::vector<Voice> voices;
  for (const sdp::Codec& c : what.codecs) {
    const auto same = std::find_if(h->voices_.begin(), h->voices_.end(), [&](const Voice& v) {
      return v.codec == c && v.rate == what.rate && v.decoder;
    });
    Voice v{c, what.rate, nullptr, 0};
    if (same != h->voices_.end()) {
      v.decoder = std::move(same->decoder);
    } else {
      auto made = codec::make_decoder(c, what.rate);
      if (!made) return tl::unexpected(made.error());
      v.decoder = std::move(*made);
    }
    const std::uint32_t clock = codec::traits_of(c).clock;
    const auto found = std::find_if(h->buffers_.begin(), h->buffers_.end(),
                                    [&](const Buffer& b) { return b.clock == clock; });
    v.buffer = static_cast<std::size_t>(found - h->buffers_.begin());
    if (found == h->buffers_.end()) h->buffers_.push_back({clock, JitterBuffer({.clock = clock})});
    voices.push_back(std::move(v));
  }
  if (!what.find_digits)
    h->detector_.reset();
  else if (!h->detector_ || h->what_.rate != what.rate)
    h->detector_ = std::make_unique<tone::DtmfDetector>(what.rate);
  h->voices_ = std::move(voices);
  h->speaking_ = SIZE_MAX;
  h->codec_noise_ = false;
  h->what_ = what;
  return h;
}

Hearing::Voice* Hearing::voice(std::uint8_t type) {
  for (Voice& v : voices_)
    if (v.codec.pt.value == type) return &v;
  return nullptr;
}

void Hearing::put(const rtp::Header& h, std::uint32_t sequence, std::span<const std::byte> payload,
                  JitterBuffer::Content content, Instant now) {
  if (buffers_.empty()) return;
  if (content == JitterBuffer::Content::kAudio) {
    const Voice* v = voice(h.payload_type);
    if (!v) return;
    if (v->buffer != buffer_) {
      buffer_ = v->buffer;
      buffers_[buffer_].jitter.reset();
    }
  }
  JitterBuffer& jitter = buffers_[buffer_].jitter;
  if (h.ssrc != ssrc_) {
    jitter.reset();
    ssrc_ = h.ssrc;
  }
  (void)jitter.put(sequence, h.timestamp, payload, now, content, h.payload_type);
}

std::size_t Hearing::samples(std::uint32_t units) const {
  const std::uint64_t n = std::uint64_t{units} * what_.rate / buffers_[buffer_].clock;
  return static_cast<std::size_t>(std::min<std::uint64_t>(n, codec::kMaxSamples));
}

void Hearing::conceal(std::span<std::int16_t> out, std::span<const std::byte> next) {
  if (speaking_ < voices_.size() && !silent_)
    voices_[speaking_].decoder->conceal(out, next);
  else
    be_quiet(out);
}

void Hearing::be_quiet(std::span<std::int16_t> out) {
  if (silent_ && noise_) {
    noise_maker_.fill(out);
    return;
  }
  // AMR and G.729 describe silence in frames of their own.
  codec_noise_ = speaking_ < voices_.size() && voices_[speaking_].decoder->comfort(out);
  if (!codec_noise_) std::fill(out.begin(), out.end(), std::int16_t{0});
}

// Samples of one answer of the jitter buffer.
std::size_t Hearing::play(const Got& got, std::span<std::int16_t> out) {
  const std::size_t expected = samples(got.duration);
  switch (got.kind) {
    case JitterBuffer::Kind::kPacket:
    case JitterBuffer::Kind::kSkip: break;
    case JitterBuffer::Kind::kLost:
    case JitterBuffer::Kind::kLate: conceal(out.first(expected), got.next); return expected;
    case JitterBuffer::Kind::kNothing: be_quiet(out.first(expected)); return expected;
  }
  if (got.content != JitterBuffer::Content::kAudio) {
    silent_ = got.content == JitterBuffer::Content::kSilence;
    noise_ = silent_ && noise_maker_.update(got.payload);
    be_quiet(out.first(expected));
    return expected;
  }
  silent_ = false;
  Voice* v = voice(got.tag);
  const std::size_t n = v ? v->decoder->decode(got.payload, out) : 0;
  if (n == 0) {
    conceal(out.first(expected), {});
    return expected;
  }
  codec_noise_ = false;
  if (const auto mode = v->decoder->requested_mode()) requested_mode_ = mode;
  speaking_ = static_cast<std::size_t>(v - voices_.data());
  return n;
}

std::size_t Hearing::pull(std::span<std::int16_t> out, Instant now) {
  if (buffers_.empty()) return 0;
  for (int skipped = 0; skipped < 4; ++skipped) {
    const Got got = buffers_[buffer_].jitter.get(now, low_);
    const bool nothing = got.kind == JitterBuffer::Kind::kNothing;
    if (nothing &&
        nothing_ >= ((silent_ && noise_) || codec_noise_ ? Micros(kNoiseFor) : Micros(kSilentFor)))
      return 0;
    const std::size_t n = play(got, out);
    if (got.kind == JitterBuffer::Kind::kSkip || n == 0) continue;
    const auto pcm = out.first(n);
    nothing_ = nothing ? nothing_ + Micros(std::int64_t(n) * 1'000'000 / what_.rate) : Micros(0);
    low_ = hardly_heard(pcm);
    quiet_ = nothing || silent_ || codec_noise_;
    look_for_digits(pcm);
    return n;
  }
  return 0;
}

void Hearing::add(const tone::DtmfEvent& e) {
  if (digit_count_ < digits_.size()) digits_[digit_count_++] = {e.event, !e.begin, e.duration};
}

void Hearing::look_for_digits(std::span<std::int16_t> pcm) {
  if (!detector_) return;
  for (const tone::DtmfEvent& e : detector_->process(pcm)) add(e);
}

std::span<const Hearing::Digit> Hearing::take_digits() {
  return std::span<const Digit>(digits_).first(std::exchange(digit_count_, 0));
}

}  // namespace causeway::media
