// The packet path without system calls: the sockets are a fake network's.
#include "bench.h"

#include <optional>

#include "media/fake_reactor.h"
#include "media/media_plane.h"
#include "rtp/srtp.h"
#include "sdp/crypto_line.h"

using namespace causeway;

namespace {

struct Nobody final : media::MediaObserver {
  void on_media_started(media::MediaLegId) override {}
  void on_media_lost(media::MediaLegId) override {}
  void on_media_alarm(std::string_view) override {}
};
struct Sink final : reactor::UdpListener {
  void on_datagram(reactor::UdpSocket&, const Endpoint&, std::span<std::byte>, Instant) override {}
};

struct Call {
  explicit Call(bool srtp_in, bool srtp_out) {
    realm.name = "bench";
    realm.v4 = *IpAddress::parse("127.0.0.1");
    realm.port_min = 40000;
    realm.port_max = 40099;
    a = *plane.open(realm, media::Family::kV4, false);
    b = *plane.open(realm, media::Family::kV4, false);
    from = std::move(*net.open_udp(at_a, {}, sink));
    to = std::move(*net.open_udp(at_b, {}, sink));
    media::LegMedia x, y;
    x.remote.rtp = at_a;
    y.remote.rtp = at_b;
    SeededRandom random(1);
    const sdp::Crypto crypto = sdp::make_crypto(random, {})[0];
    if (srtp_in) {
      x.send_key = x.receive_key = crypto;
      rtp::SrtpKey key;
      std::copy(crypto.key_salt.begin(), crypto.key_salt.end(), key.key_salt.begin());
      far = std::move(*rtp::Srtp::create(key));
    }
    if (srtp_out) y.send_key = y.receive_key = crypto;
    (void)!plane.apply(a, x);
    (void)!plane.apply(b, y);
    (void)!plane.join(a, b);
    target = plane.local(a)->rtp;
  }
  // Not relayed: what making the packet and the fake network cost.
  void make(std::array<std::byte, 256>& p, std::size_t& size) {
    ++sequence;
    rtp::write_header(
        std::span<std::byte, rtp::kMinHeader>(p.data(), rtp::kMinHeader),
        {.ssrc = 7, .timestamp = sequence * 160u, .sequence = sequence, .payload_type = 8});
    size = 172;
    if (far) size = far->protect_rtp(std::span(p).first(size)).size;
  }

  testing_support::FakeReactor net;
  Nobody nobody;
  Sink sink;
  media::MediaPlane plane{net, nobody};
  media::RealmMedia realm;
  media::MediaLegId a, b;
  const Endpoint at_a{IpAddress::v4(0x7f000002), 5000}, at_b{IpAddress::v4(0x7f000003), 6000};
  std::unique_ptr<reactor::UdpSocket> from, to;
  std::optional<rtp::Srtp> far;
  Endpoint target;
  std::uint16_t sequence = 0;
};

void relay(benchmark::State& state, bool srtp_in, bool srtp_out) {
  Call call(srtp_in, srtp_out);
  std::array<std::byte, 256> p{};
  std::size_t size = 0;
  for (auto _ : state) {
    call.make(p, size);
    call.from->send(call.target, std::span(p).first(size));
  }
  if (call.plane.stats(call.b).packets_out != static_cast<std::uint64_t>(call.sequence) &&
      call.sequence < 60'000 && state.iterations() < 60'000)
    state.SkipWithError("packets were not relayed");
}

void MediaRelayPlain(benchmark::State& state) { relay(state, false, false); }
CAUSEWAY_BENCHMARK(MediaRelayPlain);
void MediaRelayRtpToSrtp(benchmark::State& state) { relay(state, false, true); }
CAUSEWAY_BENCHMARK(MediaRelayRtpToSrtp);
// With the far end's protect (SrtpProtect) inside.
void MediaRelaySrtpToRtp(benchmark::State& state) { relay(state, true, false); }
CAUSEWAY_BENCHMARK(MediaRelaySrtpToRtp);

// Making and delivering alone, to be taken off the figures above (they deliver twice).
void MediaNetworkAlone(benchmark::State& state) {
  Call call(false, false);
  std::array<std::byte, 256> p{};
  std::size_t size = 0;
  for (auto _ : state) {
    call.make(p, size);
    call.from->send(call.at_b, std::span(p).first(size));
    call.to->send(call.at_a, std::span(p).first(size));
  }
}
CAUSEWAY_BENCHMARK(MediaNetworkAlone);

// Two legs opened, agreed, joined and closed, on sockets that are already there.
void MediaCallSetup(benchmark::State& state) {
  Call call(false, false);
  media::LegMedia x;
  x.remote.rtp = call.at_a;
  for (auto _ : state) {
    const auto a = *call.plane.open(call.realm, media::Family::kV4, false),
               b = *call.plane.open(call.realm, media::Family::kV4, false);
    (void)!call.plane.apply(a, x);
    (void)!call.plane.apply(b, x);
    (void)!call.plane.join(a, b);
    call.plane.close(a);
    call.plane.close(b);
    call.net.pass(Millis(1'001));
  }
}
CAUSEWAY_BENCHMARK(MediaCallSetup);

}  // namespace
