// Any bytes as datagrams for either end of a DTLS handshake: the first octet says how long the
// first is, and so on. Neither end may come to keys with a peer that is made of noise.
#include <span>

#include "rtp/dtls.h"

using namespace causeway::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto identity = DtlsIdentity::make().value();
  const auto server =
      Dtls::create(identity, {false, {identity->digest()}, {SrtpSuite::kAesCm128HmacSha1_80}});
  const auto client =
      Dtls::create(identity, {true, {identity->digest()}, {SrtpSuite::kAesCm128HmacSha1_80}});
  if (!server || !client) __builtin_trap();
  (void)client->start();
  std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(data), size);
  while (rest.size() > 1) {
    const std::size_t n =
        std::min<std::size_t>(std::to_integer<std::size_t>(rest[0]) * 2, rest.size() - 1);
    const auto datagram = rest.subspan(1, n);
    if (server->feed(datagram) == Dtls::Step::kDone) __builtin_trap();
    if (client->feed(datagram) == Dtls::Step::kDone) __builtin_trap();
    for (const auto* d : {server.get(), client.get()})
      if (d->in_words().empty()) __builtin_trap();
    for (Dtls* d : {server.get(), client.get()})
      for (const auto& out : d->take_output())
        if (out.size() > Dtls::kMaxDatagramBytes) __builtin_trap();
    rest = rest.subspan(1 + n);
  }
  return 0;
}
