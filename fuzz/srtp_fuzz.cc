// Any bytes as SRTP and SRTCP, to be read and to be protected and read again.
#include <cstring>
#include <vector>

#include "rtp/srtp.h"

using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SrtpKey key;
  key.suite = static_cast<SrtpSuite>(size % 6);
  key.mki_length = static_cast<std::uint8_t>(size % 3);
  auto in = Srtp::create(key), out = Srtp::create(key);
  if (!in || !out) return 0;
  std::vector<std::byte> p(size + Srtp::kMaxExpansion);
  if (size != 0) std::memcpy(p.data(), data, size);
  const auto clear = p;
  if (in->unprotect_rtp(std::span(p).first(size)).outcome == SrtpOutcome::kOk && size < 12)
    __builtin_trap();
  (void)in->unprotect_rtcp(std::span(p).first(size));
  p = clear;
  if (const auto r = out->protect_rtp(std::span(p).first(size)); r.outcome == SrtpOutcome::kOk) {
    auto reader = Srtp::create(key);
    const auto back = reader->unprotect_rtp(std::span(p).first(r.size));
    if (back.outcome != SrtpOutcome::kOk || back.size != size ||
        std::memcmp(p.data(), data, size) != 0)
      __builtin_trap();
  }
  p = clear;
  if (const auto r = out->protect_rtcp(std::span(p).first(size)); r.outcome == SrtpOutcome::kOk) {
    const auto back = in->unprotect_rtcp(std::span(p).first(r.size));
    if (back.outcome != SrtpOutcome::kOk || back.size != size ||
        std::memcmp(p.data(), data, size) != 0)
      __builtin_trap();
  }
  return 0;
}
