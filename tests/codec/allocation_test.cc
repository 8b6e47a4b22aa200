// Nothing on the path of a packet allocates: neither our code nor the libraries behind it. A
// program of its own, because it stands between them and malloc().
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "codec/codec.h"
#include "codec/jitter_buffer.h"
#include "codec/signals.h"

#if !defined(CAUSEWAY_SANITIZED)

namespace {
bool counting = false;
long allocations = 0;
}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): glibc's own names for what stands behind malloc().
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t n) {
  if (counting) ++allocations;
  return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t each) {
  if (counting) ++allocations;
  return __libc_calloc(n, each);
}
void* realloc(void* p, std::size_t n) {
  if (counting) ++allocations;
  return __libc_realloc(p, n);
}
}

namespace causeway::codec {
namespace {

using testing::Pcm;
using testing::voice;

TEST(Allocation, TheCounterCounts) {
  counting = true;
  void* volatile p = std::malloc(10);
  counting = false;
  std::free(p);
  EXPECT_EQ(std::exchange(allocations, 0), 1);
}

TEST(Allocation, CodingAndConcealingAllocateNothingOnceMade) {
  const std::vector<sdp::Codec> lines{
      {PayloadType{0}, "PCMU", 8000, 1, ""},
      {PayloadType{8}, "PCMA", 8000, 1, ""},
      {PayloadType{9}, "G722", 8000, 1, ""},
      {PayloadType{96}, "opus", 48000, 2, "useinbandfec=1"},
      {PayloadType{97}, "G726-32", 8000, 1, ""},
      {PayloadType{98}, "L16", 16000, 1, ""},
      {PayloadType{99}, "L16", 44100, 1, ""},
      {PayloadType{100}, "AMR", 8000, 1, ""},
      {PayloadType{101}, "AMR-WB", 16000, 1, ""},
      {PayloadType{18}, "G729", 8000, 1, ""},
  };
  for (const auto& line : lines) {
    if (!known(line)) continue;  // a plug-in that is not built
    for (const std::uint32_t rate : {8000U, 16000U, 48000U}) {
      const std::uint16_t ms = traits_of(line).max_ms < 20 ? 10 : 20;
      auto e = *make_encoder(line, rate, {.packet_ms = ms, .dtx = true});
      auto d = *make_decoder(line, rate);
      const Pcm in = voice(rate, rate, 3000);
      const std::size_t packet = rate / 1000 * ms;
      std::array<std::byte, kMaxPayload> payload;
      std::array<std::int16_t, kMaxSamples> pcm;
      counting = true;
      for (std::size_t at = 0; at + packet <= in.size(); at += packet) {
        const std::size_t n = e->encode(std::span(in).subspan(at, packet), payload);
        (void)d->decode(std::span(payload).first(n), pcm);
        if (at % 7 == 0) d->conceal(std::span(pcm).first(packet), std::span(payload).first(n));
        (void)d->comfort(std::span(pcm).first(packet));
        e->set_complexity(static_cast<int>(at % 10));
      }
      counting = false;
      EXPECT_EQ(std::exchange(allocations, 0), 0) << line.name << " " << rate;
    }
  }
}

TEST(Allocation, TheJitterBufferAllocatesNothingOnceMade) {
  JitterBuffer b({});
  const std::vector<std::byte> payload(160);
  Instant now{};
  counting = true;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    now += Millis(20);
    if (i % 9 != 0) (void)b.put(i + (i % 31 == 0 ? 1 : 0), 160 * i, payload, now);
    (void)b.get(now, i % 5 == 0);
  }
  b.reset();
  counting = false;
  EXPECT_EQ(std::exchange(allocations, 0), 0);
  EXPECT_GT(b.counts().played, 8000U);
}

}  // namespace
}  // namespace causeway::codec

#endif
