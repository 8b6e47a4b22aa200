// The deployment resource of Azure Communications Gateway (Microsoft.VoiceServices/
// communicationsGateways), as every public api-version has it, read for `causeway migrate`. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace causeway::app::migrate {

struct Host {
  std::string host;
  std::uint16_t port = 0;  // 0: by SRV
};
struct Peer {
  std::string name;
  std::vector<Host> hosts;
  std::vector<std::string> signalling, media;  // allow lists: addresses and prefixes
};
// A trunk to the operator's network.
struct PeerGroup {
  std::string name;
  std::string protocol = "tls";  // tls, tcp, udp
  bool srtp = true;
  std::vector<std::string> codecs;
  std::vector<Peer> peers;
  std::uint16_t port = 0;  // at which the gateway was reached; 0: not said
  std::string service;     // where its calls go by default; empty: not said
};
struct Region {
  std::string name;
  std::vector<std::string> operators, signalling, media;
};
struct Priority {
  std::string group, peer, region;
  int value = 0;
};
struct Line {
  std::string name, number;
};

struct Resource {
  std::string name, api_version;
  std::vector<Region> regions;
  std::vector<std::string> codecs, platforms, dial_strings;
  std::string domain;     // delegated; empty: none
  std::string generated;  // label of the generated domain
  std::string voicemail;  // pilot number
  bool on_premises_mcp = false;
  bool api = false;  // the provisioning API was switched on
  std::vector<std::string> api_sources;
  std::string custom_header;
  std::vector<PeerGroup> groups;                                   // empty: the static scheme
  std::vector<std::pair<std::string, std::string>> default_group;  // of a service
  std::vector<Priority> priorities;
  std::vector<Line> test_lines;  // of Operator Connect and Teams Phone Mobile
  std::vector<std::string> zoom_lines;
};

// One line each: what has no counterpart, or only nearly.
using Notes = std::vector<std::string>;

// `text`: the resource as GET, an exported template or the command line client shows it. Children
// (test lines) may stand in the same template.
[[nodiscard]] Result<Resource> read_resource(std::string_view text, Notes& notes);

// How the new gateway is reached; empty: a placeholder, and a note.
struct Addresses {
  std::string region;   // the service location that this gateway is for; empty: the first
  std::string network;  // address towards the operator's network
  std::string service;  // address towards the services
  std::string domain;   // instead of the delegated one
};
// A configuration that `causeway check` takes, once the certificates that it names are there.
[[nodiscard]] Result<std::string> configuration_of(const Resource& resource,
                                                   const Addresses& addresses, Notes& notes);

}  // namespace causeway::app::migrate
