#include "bench.h"

#include "sdp/read.h"
#include "support/teams_invite.h"

using namespace causeway;

namespace {

void SdpParseOffer(benchmark::State& state) {
  const std::string text = causeway::testing::teams_sdp();
  for (auto _ : state) {
    auto d = sdp::parse(text);
    benchmark::DoNotOptimize(d);
  }
}
CAUSEWAY_BENCHMARK(SdpParseOffer);

void SdpReadOffer(benchmark::State& state) {
  const std::string text = causeway::testing::teams_sdp();
  for (auto _ : state) {
    auto d = sdp::read_audio(text);
    benchmark::DoNotOptimize(d);
  }
}
CAUSEWAY_BENCHMARK(SdpReadOffer);

}  // namespace
