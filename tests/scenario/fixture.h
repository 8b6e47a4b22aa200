// The gateway between an operator's core (UDP, RTP) and a service (TLS, SRTP): configuration, peers
// and what every call test needs. Single-threaded, all of it in the simulated world.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "scenario/rig.h"
#include "sip/headers.h"
#include "support/proves.h"

namespace causeway::scenario {

using sip::HeaderId;

// Further lines of the two peer groups, of the whole file, of the service's profile and its SDP.
struct ConfigOptions {
  std::string top, core, cloud, service, service_sdp;
  std::string core_options = "0s", cloud_options = "0s";
  int core_port_max = 20999;
  std::string core_profile = "operator";
  std::string third_core, third_cloud;  // a further [[peer_group.peer]]
};
[[nodiscard]] std::string make_config(const ConfigOptions& options = {});

[[nodiscard]] std::string secure_sdp(
    const std::string& address, int port, const std::string& direction = "sendrecv",
    int version = 1, const std::string& codecs = "8 PCMA/8000,101 telephone-event/8000");

// A call between the two peers that is up.
struct Up {
  PeerDialog core, cloud;         // as each peer keeps it
  std::string to_core, to_cloud;  // the gateway's SDP towards each
  sip::Message invite;            // as the called side saw it
};

class CallTest : public ::testing::TestWithParam<Mode> {
 protected:
  explicit CallTest(const std::string& config = make_config(), Mode mode = GetParam());

  // Everything is over: nothing leaks. Runs a minute of virtual time.
  void expect_clean(std::size_t records_expected);
  [[nodiscard]] Up core_calls(const std::string& headers = "",
                              const std::string& offer = sdp("10.1.0.1", 40000));
  [[nodiscard]] Up cloud_calls(const std::string& headers = "");
  void core_hangs_up(Up& up);
  void cloud_hangs_up(Up& up);
  void gateway_hangs_up();  // on both
  // The final failure that `peer`, a caller, gets to INVITE `d`; acknowledged.
  [[nodiscard]] sip::Message failure(Peer& peer, PeerDialog& d, int status,
                                     Micros limit = Seconds(10));
  // Re-INVITE of the core that the cloud sees, answers with `direction`; the core's answer comes
  // back.
  [[nodiscard]] sip::Message core_reinvites(Up& up, const std::string& offer,
                                            const std::string& cloud_direction, int version);

  Rig rig;
  Peer core, cloud;
};

// One shard and three, each with and without rebuilding every call at each stable point.
[[nodiscard]] std::vector<Mode> all_modes();
[[nodiscard]] std::string mode_name(const ::testing::TestParamInfo<Mode>& info);

}  // namespace causeway::scenario
