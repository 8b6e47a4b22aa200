// Hostile questions to the name server, and hostile answers to the one that asks.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "nameserver/wire.h"

namespace {

using namespace causeway;
using namespace causeway::nameserver;

class Everybody : public Tenants {
 public:
  [[nodiscard]] std::optional<Tenant> of_label(std::string_view label) const override {
    if (label.size() > 10) return std::nullopt;
    return Tenant{"contoso", std::string(100, 'a'), "b"};
  }
};

Zone make_zone() {
  deployment::Nameserver s;
  s.domain = "gw.example.net";
  s.servers = {"ns1.gw.example.net"};
  s.contact = "h@example.net";
  s.regions = {{"north", 1, {IpAddress::v4(1), IpAddress::v6({1})}, {IpAddress::v4(2)}}};
  s.hosts = {{"ns1", {IpAddress::v4(3)}}};
  s.services = {{"_sips._tcp", 5061, false}};
  Challenges c;
  for (int i = 0; i < 40; ++i) c.emplace("", std::string(43, 'x') + std::to_string(i));
  return {s, c, 1};
}

void check(std::span<const std::byte> query, Over over, const Zone& zone, const Tenants& tenants) {
  const auto r = answer(query, over, zone, tenants);
  if (!r) return;
  if (r->bytes.size() < 12 || r->bytes[0] != query[0] || r->bytes[1] != query[1]) std::abort();
  if ((r->bytes[2] & std::byte{0x80}) == std::byte{0}) std::abort();
  if (over == Over::kUdp && r->bytes.size() > kMaxDatagram) std::abort();
  // An answer is no question.
  if (answer(r->bytes, over, zone, tenants) || truncated(r->bytes)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Zone zone = make_zone();
  static const Everybody tenants;
  const auto bytes = std::as_bytes(std::span(data, size));
  check(bytes, Over::kUdp, zone, tenants);
  check(bytes, Over::kTcp, zone, tenants);
  if (const auto t = truncated(bytes);
      t && (t->size() > size || answer(*t, Over::kUdp, zone, tenants)))
    std::abort();
  if (size < 2) return 0;
  const auto id = static_cast<std::uint16_t>(data[0] << 8U | data[1]);
  for (const Type type : {Type::kA, Type::kAaaa, Type::kTxt})
    if (const auto said = read_reply(bytes, "contoso.1r1.gw.example.net", type, id))
      for (const auto& d : said->data)
        if (d.size() > size) std::abort();
  return 0;
}
