// A packet of 20 ms G.711: 12 bytes of header, 160 of audio.
#include "rtp/packet.h"

#include <array>
#include <cstring>

#include "bench.h"
#include "rtp/srtp.h"

using namespace causeway;
using namespace causeway::rtp;

namespace {

constexpr std::size_t kSize = 172;

struct Packet {
  std::array<std::byte, kSize + Srtp::kMaxExpansion> bytes{};
  Packet() {
    bytes[0] = std::byte{0x80};
    set_ssrc(clear(), 0x11223344);
  }
  std::span<std::byte> clear() { return std::span(bytes).first(kSize); }
};

void RtpParseHeader(benchmark::State& state) {
  Packet p;
  for (auto _ : state) benchmark::DoNotOptimize(parse_header(p.clear()));
}
CAUSEWAY_BENCHMARK(RtpParseHeader);

void SrtpProtect(benchmark::State& state) {
  auto srtp = Srtp::create({});
  Packet p;
  std::uint16_t sequence = 0;
  for (auto _ : state) {
    set_sequence(p.clear(), sequence++);
    if (srtp->protect_rtp(p.clear()).outcome != SrtpOutcome::kOk) state.SkipWithError("refused");
  }
}
CAUSEWAY_BENCHMARK(SrtpProtect);

// Both directions of one packet, since nothing can be unprotected twice.
void SrtpProtectAndUnprotect(benchmark::State& state) {
  auto out = Srtp::create({}), in = Srtp::create({});
  Packet p;
  std::uint16_t sequence = 0;
  for (auto _ : state) {
    set_sequence(p.clear(), sequence++);
    const auto sealed = out->protect_rtp(p.clear());
    if (in->unprotect_rtp(std::span(p.bytes).first(sealed.size)).outcome != SrtpOutcome::kOk)
      state.SkipWithError("refused");
  }
}
CAUSEWAY_BENCHMARK(SrtpProtectAndUnprotect);

}  // namespace
