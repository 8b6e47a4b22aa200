// The deployment's own domain, as it is answered for by room nameserver. Immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/net.h"
#include "base/time.h"

namespace causeway::deployment {

struct Nameserver {
  // The names of one region below the domain.
  struct RegionNames {
    std::string region;              // of [[region]]
    std::uint16_t number = 0;        // n of the patterns; the token of that number stands there
    std::vector<IpAddress> service;  // where services reach us; enterprises' names have them, too
    std::vector<IpAddress> network;  // where the operator's network does; empty: no name for it
  };
  // A further name, "provapi" or "ns1", or more of one that is there: "1r1"; "@" is the domain
  // itself.
  struct Host {
    std::string name;
    std::vector<IpAddress> addresses;
    std::vector<std::string> texts;  // TXT: by which a tenant proves that a name is its own
  };
  // SRV records below each region's name: its own first, the other regions behind it.
  struct Service {
    std::string name;  // "_sips._tcp"
    std::uint16_t port = 0;
    bool network = false;  // below the names for the operator's network
  };

  std::string domain;                // lower case, without a final dot
  std::vector<Endpoint> listen;      // UDP and TCP
  std::vector<std::string> servers;  // host names, lower case; the first is the primary of the SOA
  std::string contact;               // "hostmaster@example.net"
  Seconds ttl{60}, negative_ttl{60};
  std::string service_pattern = "1r{n}", network_pattern = "r{n}";
  std::vector<std::string> caa;           // as in a master file: 0 issue "ca.example.net"
  std::uint32_t answers_per_second = 50;  // to one source prefix, over UDP; 0: no bound
  std::uint32_t slip = 2;                 // every so manieth beyond it is truncated; 0: none
  std::vector<Endpoint> ask;              // where published names are looked up; empty: resolvers
  std::vector<RegionNames> regions;       // in order of the file
  std::vector<Host> hosts;
  std::vector<Service> services;

  // "1r1", "r1"
  [[nodiscard]] std::string service_label(const RegionNames& r) const;
  [[nodiscard]] std::string network_label(const RegionNames& r) const;
  // "1r1.gw.example.net", below which an enterprise has its label
  [[nodiscard]] std::string service_domain(const RegionNames& r) const;
};

// What an identity provider of the services takes as the name of an enterprise (MT-03).
inline constexpr std::size_t kMaxEnterpriseName = 48;

}  // namespace causeway::deployment
