// Any order of arrivals and ticks: what comes out is in order, each at most once, and not too old.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "codec/jitter_buffer.h"

using namespace causeway;
using namespace causeway::codec;

namespace {
struct Input {
  const std::uint8_t* at;
  const std::uint8_t* end;
  std::uint32_t take(int bytes) {
    std::uint32_t n = 0;
    for (; bytes > 0 && at < end; --bytes) n = n << 8 | *at++;
    return n;
  }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in{data, data + size};
  JitterSettings settings;
  settings.most = Millis(in.take(1) * 2);
  settings.least = Millis(in.take(1) % 64);
  settings.clock = in.take(1) % 2 == 0 ? 8000 : 48000;
  JitterBuffer buffer(settings);
  Instant now = Instant{} + Seconds(10);
  std::uint32_t sequence = in.take(2);
  std::uint32_t timestamp = in.take(4);
  std::map<std::uint32_t, Instant> held;
  std::int64_t last = -1;
  std::array<std::byte, 5> body{};
  while (in.at < in.end) {
    const std::uint32_t what = in.take(1);
    now += Micros((what >> 4) * 2500);
    switch (what & 7) {
      case 0: sequence += 1; break;
      case 1: sequence += in.take(1); break;
      case 2: sequence -= std::min(sequence, in.take(1)); break;
      case 3: timestamp += in.take(4); break;
      case 4: sequence += in.take(2); break;
      default:
        sequence += 1;
        timestamp += settings.clock / 50;
        break;
    }
    for (std::size_t i = 0; i < 4; ++i) body[i] = static_cast<std::byte>(sequence >> (8 * i));
    const auto content = static_cast<JitterBuffer::Content>((what & 8) != 0 ? in.take(1) % 3 : 0);
    const std::uint32_t restarts = buffer.counts().restarts;
    const auto put = buffer.put(sequence, timestamp, body, now, content, 9);
    if (buffer.counts().restarts != restarts) {
      last = -1;
      held.clear();
    }
    if (put == JitterBuffer::Put::kTaken) held[sequence] = now;
    if ((what & 7) == 7) continue;
    for (int asked = 0;; ++asked) {
      if (asked > 1000) std::abort();
      const auto got = buffer.get(now, (what & 16) != 0);
      if (got.kind == JitterBuffer::Kind::kPacket || got.kind == JitterBuffer::Kind::kSkip) {
        std::uint32_t n = 0;
        for (std::size_t i = 0; i < 4; ++i)
          n |= std::to_integer<std::uint32_t>(got.payload[i]) << (8 * i);
        if (n <= last || !held.contains(n) || got.tag != 9) std::abort();
        last = n;
        held.erase(n);
      } else if (got.duration == 0 || got.duration > settings.clock) {
        std::abort();
      }
      if (got.kind != JitterBuffer::Kind::kSkip) break;
    }
    now += Millis(20);
  }
  const auto& c = buffer.counts();
  if (c.played + c.skipped + c.dropped > c.taken) std::abort();
  return 0;
}
