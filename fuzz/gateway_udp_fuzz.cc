// A whole gateway fed datagrams: "@@u" any bytes from the caller, "@@r" an answer of the called
// side, "@@c" any bytes from it, "@@w" a second passes. Afterwards nothing may be left, and the
// next request is answered.
#include "gateway_world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  causeway::fuzz::GatewayWorld world;
  causeway::fuzz::each_step({reinterpret_cast<const char*>(data), size},
                            [&](char kind, std::string_view step) {
                              switch (kind) {
                                case 'r': world.reply(step); break;
                                case 'c': world.from_callee(step); break;
                                case 'w': world.wait(causeway::Seconds(1)); break;
                                default: world.datagram(step); break;
                              }
                            });
  world.finish();
  return 0;
}
