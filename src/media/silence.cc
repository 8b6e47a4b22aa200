// Silence towards a peer whose partner has not spoken yet, in our own stream: what the partner
// sends later goes on with its numbers. Nothing here allocates once a leg is in the list.
#include <algorithm>
#include <cstring>

#include "media/plane_impl.h"
#include "media/streams.h"
#include "rtp/packet.h"
#include "sdp/text.h"

namespace causeway::media {
namespace {

constexpr Millis kEvery{20};
constexpr std::uint8_t kNoiseTurns = 10;  // comfort noise five times a second
constexpr std::uint8_t kQuietest = 127;   // -dBov (RFC 3389 3.1)

bool named(const sdp::Codec& c, std::string_view name) {
  return c.clock == 8000 && c.channels == 1 && sdp::text::same_word(c.name, name);
}

// What the peer takes, in its own numbers; the codec that it likes best decides.
Filler filler_of(const LegMedia& agreed) {
  const sdp::Codec* noise = nullptr;
  const sdp::Codec* first = nullptr;
  for (const sdp::Codec& c : agreed.send_codecs) {
    if (c.pt.value > 127) continue;
    if (!first && named(c, "PCMU")) return {c.pt.value, std::byte{0xff}, 160, 1};
    if (!first && named(c, "PCMA")) return {c.pt.value, std::byte{0xd5}, 160, 1};
    if (sdp::is_telephone_event(c)) continue;
    if (sdp::is_comfort_noise(c)) {
      if (!noise && c.clock == 8000) noise = &c;
    } else if (!first) {
      first = &c;
    }
  }
  if (first && noise) return {noise->pt.value, std::byte{kQuietest}, 1, kNoiseTurns};
  return {};
}

}  // namespace

void MediaPlane::Impl::fill(Leg& leg) {
  if (leg.out.has_input || leg.filling) return;
  leg.filling = true;
  fills.push_back({leg.id, reactor.now() + kFillFor, 0});
  if (fill_tick == reactor::TimerId{})
    fill_tick = reactor.timers().schedule(reactor.now() + kEvery, *this, kFillTimer);
}

void MediaPlane::Impl::fill_all(Instant now) {
  fill_tick = {};
  std::erase_if(fills, [&](Fill& f) {
    Leg* leg = find(f.leg);
    if (!leg) return true;
    if (!fill_one(*leg, f, now)) {
      leg->filling = false;
      return true;
    }
    ++f.turn;
    return false;
  });
  if (!fills.empty()) fill_tick = reactor.timers().schedule(now + kEvery, *this, kFillTimer);
}

// False: this leg needs no more of it.
bool MediaPlane::Impl::fill_one(Leg& leg, const Fill& f, Instant now) {
  if (now >= f.until || leg.out.has_input) return false;
  if (!leg.applied || !leg.has_target() || !sdp::sends(leg.agreed.direction)) return true;
  if (!leg.filler) leg.filler = filler_of(leg.agreed);
  const Filler what = *leg.filler;
  if (what.type == kNoType) return false;
  if (f.turn % what.turns != 0) return true;
  std::array<std::byte, rtp::kMinHeader + 160 + rtp::Srtp::kMaxExpansion> buffer;
  const Numbered n = next_of_ours(leg.out, 8000, now.time_since_epoch().count());
  rtp::write_header(std::span<std::byte, rtp::kMinHeader>(buffer.data(), rtp::kMinHeader),
                    {.ssrc = leg.out.ssrc,
                     .timestamp = n.timestamp,
                     .sequence = n.sequence,
                     .payload_type = what.type});
  std::fill_n(buffer.data() + rtp::kMinHeader, what.octets, what.octet);
  auto data = std::span(buffer).first(rtp::kMinHeader + what.octets);
  if (n.restarted) rtp::set_marker(data, true);
  if (leg.send) {
    const auto r = leg.send->protect_rtp(data);
    if (r.outcome != rtp::SrtpOutcome::kOk) return true;
    data = std::span(buffer).first(r.size);
  }
  ++leg.out.packets;
  leg.out.octets += static_cast<std::uint32_t>(what.octets);
  ++leg.counted.packets_out;
  leg.counted.bytes_out += data.size();
  leg.ports->rtp.socket->send(leg.rtp_target(), data);
  return true;
}

}  // namespace causeway::media
