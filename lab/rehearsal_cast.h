// Who plays whom in a rehearsal: read from an operator's configuration, of which a copy is made for
// the quiet room. Start-up only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab/name_service.h"
#include "lab/sip_port.h"

namespace causeway::lab {

struct Cast {
  std::string config;  // the copy
  std::string service_group, core_group;
  // The service
  std::vector<Site> service;  // one for each peer
  IpAddress service_media;
  std::string domain;                      // "pstnhub.example": behind the first label of the names
  std::string gateway_name;                // contact_host
  std::vector<std::string> contact_names;  // hosts of Contact that are right
  Endpoint gateway_service;
  IpAddress gateway_service_media;
  bool bypass = false;                    // the trunk has media bypass
  std::optional<IpAddress> inside_media;  // with Local Media Optimization: the gateway's, inside
  bool first_inside = false;              // where users are expected
  std::string beside;                     // known_as of a gateway behind it; empty: there is none
  // Other groups of the service: with media bypass where this one is without, or the other way
  struct OtherTrunk {
    std::string group, contact_host;
    std::uint16_t port = 0;
  };
  std::vector<OtherTrunk> other_trunks;
  // The core
  std::vector<Site> core;
  IpAddress core_media;
  Transport core_transport = Transport::kUdp;
  Endpoint gateway_core;
  std::string gateway_core_name;  // contact_host towards it; empty: the address
  IpAddress gateway_core_media;
  bool core_trusted = false;
  std::vector<std::string> core_suites;  // of SRTP; empty: plain RTP
  // With TLS: what its certificate says, and the bundles that it trusts beside the lab's
  std::vector<std::string> core_names, core_roots;
  Zone core_zone;  // names as the core sees them

  Zone zone;
  bool by_number = false;       // numbers must be provisioned in `store`
  std::string store, label;     // label: of the customer, "" when Contact has none
  long options_interval_s = 0;  // as configured; the copy is quicker
};

inline constexpr const char* kRoomResolver = "127.255.0.53:53";

struct CastWish {
  std::string config, service, group;  // group: empty, the first whose profile is the service's
  std::string directory;               // of the rehearsal: the copy, state, certificates
};

// Certificates of the lab are in DIRECTORY/tls; the copy trusts their authority, too.
[[nodiscard]] Result<Cast> cast_of(const CastWish& wish);

}  // namespace causeway::lab
