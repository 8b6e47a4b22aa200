// A long call's trail once its set-up is told: messages that repeat each other's headers.
#include <lz4.h>

#include "base/archive.h"
#include "telemetry/trail.h"

namespace causeway::telemetry {
namespace {

// Written and read back by the same program within one call's life: no version, no suspicion.
template <typename A>
void describe(A& a, IpAddress& x) {
  bool v6 = x.is_v6();
  auto bytes = x.bytes();
  a.field(v6);
  for (auto& b : bytes) a.field(b);
  if constexpr (A::kReading) {
    const auto quad = [&](std::size_t i, int shift) { return std::uint32_t{bytes[i]} << shift; };
    x = v6 ? IpAddress::v6(bytes)
           : IpAddress::v4(quad(0, 24) | quad(1, 16) | quad(2, 8) | quad(3, 0));
  }
}

template <typename A>
void describe(A& a, Event& e) {
  a.field(e.kind), a.field(e.at.micros), a.field(e.leg), a.field(e.peer), a.field(e.text);
  auto fields = static_cast<std::uint32_t>(e.fields.size());
  a.field(fields);
  if constexpr (A::kReading) e.fields.resize(fields);
  for (Field& f : e.fields) a.field(f.name), a.field(f.value);
  a.field(e.transport);
  describe(a, e.local.address), a.field(e.local.port);
  describe(a, e.remote.address), a.field(e.remote.port);
  a.field(e.message);
}

}  // namespace

void Trail::pack() {
  if (packed() || head_.empty()) return;
  Writer w;
  w.field(static_cast<std::uint32_t>(head_.size()));
  w.field(static_cast<std::uint32_t>(tail_.size()));
  for (Event& e : head_) describe(w, e);
  for (Event& e : tail_) describe(w, e);
  const std::string plain = w.take();
  std::string packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(plain.size()))),
                     '\0');
  const int size = LZ4_compress_default(plain.data(), packed.data(), static_cast<int>(plain.size()),
                                        static_cast<int>(packed.size()));
  if (size <= 0) return;
  packed_.assign(packed, 0, static_cast<std::size_t>(size));
  plain_size_ = static_cast<std::uint32_t>(plain.size());
  std::vector<Event>().swap(head_);  // and its room
  tail_.clear();
}

void Trail::unpack() {
  if (!packed()) return;
  std::string plain(plain_size_, '\0');
  const int size =
      LZ4_decompress_safe(packed_.data(), plain.data(), static_cast<int>(packed_.size()),
                          static_cast<int>(plain.size()));
  Reader r(std::string_view(plain).substr(0, size < 0 ? 0 : static_cast<std::size_t>(size)));
  std::uint32_t head = 0, tail = 0;
  r.field(head), r.field(tail);
  head_.resize(head);
  tail_.resize(tail);
  for (Event& e : head_) describe(r, e);
  for (Event& e : tail_) describe(r, e);
  std::string().swap(packed_);
  plain_size_ = 0;
}

}  // namespace causeway::telemetry
