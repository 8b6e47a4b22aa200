// What works on the packet path allocates nothing once it is made.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "support.h"
#include "tone/cadence.h"
#include "tone/comfort_noise.h"
#include "tone/dtmf_detector.h"
#include "tone/dtmf_generator.h"
#include "tone/fax_detector.h"
#include "tone/wav.h"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace causeway::tone {
namespace {

TEST(Tones, AllocateNothingOnceMade) {
  for (const std::uint32_t rate : {8'000u, 16'000u, 48'000u}) {
    test::Pcm pcm(rate / 50);
    DtmfDetector digits(rate);
    DtmfGenerator generator(rate);
    FaxDetector fax(rate);
    TonePlayer tone(rate, recommended_cadence(Signal::kBusy));
    ClipPlayer clip(make_clip({8'000, test::Pcm(1'000, 5)}, rate));
    ComfortNoiseEncoder encoder;
    ComfortNoiseGenerator noise;
    std::array<std::byte, kMaxNoisePayload> payload{};
    std::size_t heard = 0;
    const std::size_t before = allocations;
    for (int i = 0; i < 500; ++i) {
      if (i % 5 == 0) generator.play(static_cast<std::uint8_t>(i / 5 % 16));
      tone.fill(pcm);
      clip.fill(pcm);
      encoder.add(pcm);
      noise.update(std::span(payload).first(encoder.encode(payload)));
      noise.fill(pcm);
      generator.fill(pcm);
      (void)fax.process(pcm);
      heard += digits.process(pcm).size();
    }
    EXPECT_EQ(allocations, before) << rate;
    EXPECT_GT(heard, 50u);
  }
}

}  // namespace
}  // namespace causeway::tone
