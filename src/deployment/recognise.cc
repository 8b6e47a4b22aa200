#include "deployment/recognise.h"

#include <algorithm>
#include <array>

#include "base/host_name.h"

namespace causeway::deployment {
namespace {

IpAddress masked(const IpAddress& a, int bits) {
  std::array<std::uint8_t, 16> bytes = a.bytes();
  const std::size_t size = a.is_v6() ? 16 : 4;
  for (std::size_t i = 0; i < size; ++i) {
    const int keep = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00 >> keep));
  }
  if (a.is_v6()) return IpAddress::v6(bytes);
  return IpAddress::v4((std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
                       (std::uint32_t{bytes[2]} << 8) | bytes[3]);
}

bool port_fits(const Recognition& r, std::uint16_t port) {
  return r.source_ports.empty() ||
         std::find(r.source_ports.begin(), r.source_ports.end(), port) != r.source_ports.end();
}

// A name in a certificate may itself be a wildcard that covers the name we expect.
bool certificate_fits(const Recognition& r, std::span<const std::string> shown) {
  if (r.certificate_names.empty()) return true;
  for (const auto& expected : r.certificate_names)
    for (const auto& name : shown)
      if (host_matches(expected, name) || host_matches(name, expected)) return true;
  return false;
}

bool host_fits(const Recognition& r, std::optional<std::string_view> named) {
  if (r.request_hosts.empty() || !named) return true;
  std::string_view host = *named;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return std::any_of(r.request_hosts.begin(), r.request_hosts.end(),
                     [&](const std::string& expected) { return host_matches(expected, host); });
}

// Calls visit(GroupIndex) for every group with a source prefix around `a`, until it returns true.
template <typename F>
bool any_group(const Deployment& d, ListenerIndex listener, const IpAddress& a, F visit) {
  if (listener.value >= d.recognition.size()) return false;
  for (const auto& length : d.recognition[listener.value].lengths) {
    if (length.v6 != a.is_v6()) continue;
    const auto it = length.groups.find(masked(a, length.bits));
    if (it == length.groups.end()) continue;
    for (const GroupIndex g : it->second)
      if (visit(g)) return true;
  }
  return false;
}

}  // namespace

std::optional<GroupIndex> recognise(const Deployment& d, ListenerIndex listener,
                                    const Endpoint& source,
                                    std::span<const std::string> certificate_names,
                                    std::optional<std::string_view> request_host) {
  std::optional<GroupIndex> found;
  any_group(d, listener, source.address, [&](GroupIndex g) {
    const Recognition& r = d.groups[g.value].recognition;
    if (port_fits(r, source.port) && host_fits(r, request_host) &&
        certificate_fits(r, certificate_names) && (!found || g < *found))
      found = g;
    return false;
  });
  return found;
}

bool allowed_source(const Deployment& d, ListenerIndex listener, const Endpoint& source) {
  return any_group(d, listener, source.address, [&](GroupIndex g) {
    return port_fits(d.groups[g.value].recognition, source.port);
  });
}

std::optional<GroupIndex> group_of_source(const Deployment& d, ListenerIndex listener,
                                          const Endpoint& source) {
  std::optional<GroupIndex> found;
  const bool several = any_group(d, listener, source.address, [&](GroupIndex g) {
    if (!port_fits(d.groups[g.value].recognition, source.port) || found == g) return false;
    if (found) return true;
    found = g;
    return false;
  });
  return several ? std::nullopt : found;
}

bool owned_source(const Deployment& d, ListenerIndex listener, const Endpoint& source) {
  constexpr int kWidestV4 = 8, kWidestV6 = 16;
  const auto group = group_of_source(d, listener, source);
  if (!group) return false;
  const auto& prefixes = d.groups[group->value].recognition.sources;
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& p) {
    return p.contains(source.address) &&
           p.length() >= (p.address().is_v6() ? kWidestV6 : kWidestV4);
  });
}

std::vector<RecognitionTable> make_recognition_tables(const Deployment& d) {
  std::vector<RecognitionTable> out(d.listeners.size());
  for (std::size_t i = 0; i < d.groups.size(); ++i) {
    const GroupIndex index(static_cast<std::uint16_t>(i));
    const Recognition& r = d.groups[i].recognition;
    for (const ListenerIndex l : r.listeners)
      for (const Prefix& p : r.sources) {
        auto& lengths = out[l.value].lengths;
        auto it =
            std::find_if(lengths.begin(), lengths.end(), [&](const RecognitionTable::Length& x) {
              return x.v6 == p.address().is_v6() && x.bits == p.length();
            });
        if (it == lengths.end())
          it = lengths.insert(lengths.end(), {p.address().is_v6(), p.length(), {}});
        auto& groups = it->groups[p.address()];
        if (groups.empty() || groups.back() != index) groups.push_back(index);
      }
  }
  for (auto& table : out)
    std::sort(table.lengths.begin(), table.lengths.end(),
              [](const auto& a, const auto& b) { return a.bits > b.bits; });
  return out;
}

}  // namespace causeway::deployment
