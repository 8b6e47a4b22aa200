// G.722 and G.726 by spandsp, the only file that sees it.
#include <cstdint>

// Those of the library name types that they do not include.
#include <spandsp/telephony.h>

#include <spandsp/g722.h>
#include <spandsp/g726.h>

#include <algorithm>
#include <new>

#include "codec/parts.h"

namespace causeway::codec {

namespace {

const std::uint8_t* bytes(std::span<const std::byte> s) {
  return reinterpret_cast<const std::uint8_t*>(s.data());
}
std::uint8_t* bytes(std::span<std::byte> s) { return reinterpret_cast<std::uint8_t*>(s.data()); }

template <typename State, int (*Free)(State*)>
struct Freed {
  void operator()(State* s) const { Free(s); }
};
template <typename State, int (*Free)(State*)>
using Held = std::unique_ptr<State, Freed<State, Free>>;

template <typename State>
State* checked(State* s) {
  if (s == nullptr) throw std::bad_alloc();
  return s;
}

// One byte is two samples at 16 kHz. At 8 kHz the upper band is left out: no filter bank on either
// side, half the work, and what a narrow-band codec has to say is all in the lower band.
constexpr int kG722BitRate = 64000;
int g722_options(std::uint32_t rate) { return rate == 8000 ? G722_SAMPLE_RATE_8000 : 0; }

class G722Decoder final : public Decoder {
 public:
  explicit G722Decoder(std::uint32_t rate)
      : per_byte_(rate == 8000 ? 1 : 2),
        state_(checked(g722_decode_init(nullptr, kG722BitRate, g722_options(rate)))) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    if (payload.size() > kMaxPayload || payload.size() * per_byte_ > out.size()) return 0;
    return static_cast<std::size_t>(std::max(
        0,
        g722_decode(state_.get(), out.data(), bytes(payload), static_cast<int>(payload.size()))));
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    std::ranges::fill(out, std::int16_t{0});
  }

 private:
  std::size_t per_byte_;
  Held<g722_decode_state_t, g722_decode_free> state_;
};

class G722Encoder final : public Encoder {
 public:
  explicit G722Encoder(std::uint32_t rate)
      : per_byte_(rate == 8000 ? 1 : 2),
        state_(checked(g722_encode_init(nullptr, kG722BitRate, g722_options(rate)))) {}
  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    if (pcm.size() % per_byte_ != 0 || pcm.size() / per_byte_ > out.size()) return 0;
    return static_cast<std::size_t>(std::max(
        0, g722_encode(state_.get(), bytes(out), pcm.data(), static_cast<int>(pcm.size()))));
  }

 private:
  std::size_t per_byte_;
  Held<g722_encode_state_t, g722_encode_free> state_;
};

g726_state_t* make_g726(bool aal2) {
  return checked(g726_init(nullptr, 32000, G726_ENCODING_LINEAR,
                           aal2 ? G726_PACKING_LEFT : G726_PACKING_RIGHT));
}

class G726Decoder final : public Decoder {
 public:
  explicit G726Decoder(bool aal2) : state_(make_g726(aal2)) {}
  std::size_t decode(std::span<const std::byte> payload, std::span<std::int16_t> out) override {
    if (payload.size() > kMaxPayload || payload.size() * 2 > out.size()) return 0;
    return static_cast<std::size_t>(std::max(
        0,
        g726_decode(state_.get(), out.data(), bytes(payload), static_cast<int>(payload.size()))));
  }
  void conceal(std::span<std::int16_t> out, std::span<const std::byte> /*next*/) override {
    std::ranges::fill(out, std::int16_t{0});
  }

 private:
  Held<g726_state_t, g726_free> state_;
};

class G726Encoder final : public Encoder {
 public:
  explicit G726Encoder(bool aal2) : state_(make_g726(aal2)) {}
  std::size_t encode(std::span<const std::int16_t> pcm, std::span<std::byte> out) override {
    if (pcm.size() % 2 != 0 || pcm.size() / 2 > out.size()) return 0;
    return static_cast<std::size_t>(std::max(
        0, g726_encode(state_.get(), bytes(out), pcm.data(), static_cast<int>(pcm.size()))));
  }

 private:
  Held<g726_state_t, g726_free> state_;
};

}  // namespace

DecoderPart make_g722_decoder(std::uint32_t rate) { return std::make_unique<G722Decoder>(rate); }
EncoderPart make_g722_encoder(std::uint32_t rate) { return std::make_unique<G722Encoder>(rate); }
DecoderPart make_g726_decoder(bool aal2) { return std::make_unique<G726Decoder>(aal2); }
EncoderPart make_g726_encoder(bool aal2) { return std::make_unique<G726Encoder>(aal2); }

}  // namespace causeway::codec
