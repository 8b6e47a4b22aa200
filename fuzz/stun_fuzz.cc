// Any bytes as a STUN datagram: read, answered by an agent, and answered again with integrity put
// right, so that the deeper parts are reached. What the agent writes must be STUN, and nothing that
// is larger than what a stranger sent.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ice/agent.h"

using namespace causeway;
using namespace causeway::ice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Credentials ours{"evtj", "VOkJxbRl1RmTxUk/WvJxBt"};
  static const rtp::HmacSha1 key(
      {reinterpret_cast<const std::uint8_t*>(ours.pwd.data()), ours.pwd.size()},
      rtp::HmacVariant::kPrecomputed);
  const std::vector<std::byte> in(reinterpret_cast<const std::byte*>(data),
                                  reinterpret_cast<const std::byte*>(data) + size);
  Agent agent(ours);
  const Endpoint from{IpAddress::v4(0xc0000201), 4'000};
  std::array<std::byte, kMaxAnswer> out;
  Instant now{Seconds(1)};
  const auto give = [&](std::span<const std::byte> datagram) {
    const Answer a = agent.on_request(datagram, from, Component::kRtp, now, out);
    if (a.bytes > out.size()) __builtin_trap();
    if (a.bytes > 0 && !parse_stun(std::span<const std::byte>(out).first(a.bytes)))
      __builtin_trap();
    const bool stranger = a.what == Answer::What::kRefused && (a.error == 400 || a.error == 401);
    if (stranger && a.bytes > datagram.size()) __builtin_trap();
    if (a.what == Answer::What::kNominated && !agent.admits(from, Component::kRtp))
      __builtin_trap();
  };
  give(in);
  const auto m = parse_stun(in);
  if (!m) return 0;
  std::vector<std::byte> again(kMaxStun);
  StunWriter w(again, StunClass::kRequest, m->transaction);
  w.username("evtj:" + std::string(m->username.substr(0, 256)));
  if (m->priority) w.priority(*m->priority);
  if (m->controlling) w.role(true, *m->controlling);
  if (m->controlled) w.role(false, *m->controlled);
  if (m->use_candidate) w.use_candidate();
  for (std::size_t i = 0; i < m->unknown_count; ++i) w.attribute(m->unknown[i], {});
  w.integrity(key);
  w.fingerprint();
  if (!w.ok()) __builtin_trap();
  again.resize(w.size());
  const auto copy = parse_stun(again);
  if (!copy || copy->priority != m->priority || copy->use_candidate != m->use_candidate ||
      !integrity_holds(again, *copy, key))
    __builtin_trap();
  give(again);
  return 0;
}
