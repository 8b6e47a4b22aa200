// The peers of the demo put together: name service, Phone System and operator's site in one process
// around one gateway, at fixed loopback addresses. Lab thread.
#pragma once

#include <memory>
#include <string>

#include "lab/name_service.h"
#include "lab/operator.h"
#include "lab/phone_system.h"

namespace causeway::lab {

struct WorldSettings {
  std::string certificates;  // directory of make_certificates()
  Transport operator_transport = Transport::kUdp;
  Endpoint name_service{IpAddress::v4(0x7f00000b), 5353};
  Endpoint operator_site{IpAddress::v4(0x7f000015), 5060};
  Endpoint gateway_operator_side{IpAddress::v4(0x7f00001f), 5060};
  Endpoint gateway_service_side{IpAddress::v4(0x7f00001f), 5061};
  std::uint16_t service_port = 5061;
  std::string zone_file;  // empty: the built-in zone
  bool operator_trusted = true;
  Millis options_interval{5'000};
  bool with_phone_system = true, with_operator = true, with_names = true;
};

// The two peers that calls go between.
struct Sides {
  Loop& loop;
  Ladder& ladder;
  Agent* operator_site = nullptr;
  Agent* phone_system = nullptr;
  [[nodiscard]] Agent* agent(Side side) const {
    return side == Side::kOperator ? operator_site : phone_system;
  }
};

class World {
 public:
  World(WorldSettings settings, Ladder::Settings ladder);
  [[nodiscard]] Status open();
  [[nodiscard]] Status reload_zone();
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Ladder& ladder() { return ladder_; }
  [[nodiscard]] Operator* operator_site() { return operator_.get(); }
  [[nodiscard]] PhoneSystem* phone_system() { return phone_system_.get(); }
  [[nodiscard]] Sides sides() { return {loop_, ladder_, operator_.get(), phone_system_.get()}; }
  [[nodiscard]] NameService* names() { return names_.get(); }
  // Whether the gateway answers, within the time given.
  [[nodiscard]] bool wait_for_gateway(Millis limit);

 private:
  [[nodiscard]] Result<Zone> read_zone() const;
  WorldSettings settings_;
  Loop loop_;
  MediaPump pump_;
  SystemRandom random_;
  Ladder ladder_;
  std::unique_ptr<NameService> names_;
  std::unique_ptr<Operator> operator_;
  std::unique_ptr<PhoneSystem> phone_system_;
};

}  // namespace causeway::lab
