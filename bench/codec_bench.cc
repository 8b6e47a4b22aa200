// What the room does itself; what the libraries cost is bench/codec_cost.cc's.
#include "bench.h"

#include <array>
#include <vector>

#include "codec/codec.h"
#include "codec/concealer.h"
#include "codec/jitter_buffer.h"
#include "codec/signals.h"

using namespace causeway;
using namespace causeway::codec;

namespace {

const sdp::Codec kMu{PayloadType{0}, "PCMU", 8000, 1, ""};

void CodecG711Packet(benchmark::State& state) {
  auto e = *make_encoder(kMu, 8000, {});
  auto d = *make_decoder(kMu, 8000);
  const auto in = codec::testing::voice(8000, 160);
  std::array<std::byte, kMaxPayload> payload;
  std::array<std::int16_t, kMaxSamples> pcm;
  for (auto _ : state) {
    const std::size_t n = e->encode(in, payload);
    benchmark::DoNotOptimize(d->decode(std::span(payload).first(n), pcm));
  }
}
CAUSEWAY_BENCHMARK(CodecG711Packet);

void CodecResample8To16(benchmark::State& state) {
  Resampler r(8000, 16000);
  const auto in = codec::testing::voice(8000, 160);
  std::array<std::int16_t, 400> out;
  for (auto _ : state) benchmark::DoNotOptimize(r.process(in, out));
}
CAUSEWAY_BENCHMARK(CodecResample8To16);

void CodecResample48To8(benchmark::State& state) {
  Resampler r(48000, 8000);
  const auto in = codec::testing::voice(48000, 960);
  std::array<std::int16_t, 400> out;
  for (auto _ : state) benchmark::DoNotOptimize(r.process(in, out));
}
CAUSEWAY_BENCHMARK(CodecResample48To8);

// One of two packets is lost.
void CodecConcealEverySecond(benchmark::State& state) {
  Concealer c(16000);
  auto pcm = codec::testing::voice(16000, 640);
  for (auto _ : state) {
    c.heard(std::span(pcm).first(320));
    c.fill(std::span(pcm).last(320));
  }
}
CAUSEWAY_BENCHMARK(CodecConcealEverySecond);

void CodecJitterPutGet(benchmark::State& state) {
  JitterBuffer b({});
  const std::vector<std::byte> payload(160);
  Instant now{};
  std::uint32_t i = 0;
  for (auto _ : state) {
    now += Millis(20);
    (void)b.put(i, 160 * i, payload, now);
    ++i;
    benchmark::DoNotOptimize(b.get(now + Millis(2)));
  }
}
CAUSEWAY_BENCHMARK(CodecJitterPutGet);

}  // namespace
