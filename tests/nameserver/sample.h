// A small domain with two regions and one enterprise.
#pragma once

#include "base/host_name.h"
#include "nameserver/zone.h"

namespace causeway::nameserver::testing {

inline IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

inline deployment::Nameserver settings() {
  deployment::Nameserver s;
  s.domain = "gw.example.net";
  s.servers = {"ns1.gw.example.net", "ns.example.org"};
  s.contact = "hostmaster@example.net";
  s.ttl = s.negative_ttl = Seconds(60);
  s.caa = {"0 issue \"ca.example.net\""};
  s.regions = {
      {"north", 1, {address("192.0.2.1"), address("2001:db8::1")}, {address("198.51.100.1")}},
      {"south", 2, {address("192.0.2.2")}, {address("198.51.100.2")}}};
  s.hosts = {{"ns1", {address("192.0.2.53")}},
             {"provapi", {address("192.0.2.80")}},
             {"@", {address("192.0.2.80")}, {"MS=ms1"}},
             {"1r1", {}, {"MS=ms2"}}};
  s.services = {{"_sips._tcp", 5061, false}, {"_sip._tls", 5061, true}};
  return s;
}

class OneTenant : public Tenants {
 public:
  [[nodiscard]] std::optional<Tenant> of_label(std::string_view label) const override {
    if (!equal_ignoring_case(label, "contoso")) return std::nullopt;
    return Tenant{"Contoso", "token-1", "token-2"};
  }
};

}  // namespace causeway::nameserver::testing
