// A whole gateway fed a stream, cut wherever the input says "@@t"; the other steps as in
// gateway_udp_fuzz.cc.
#include "gateway_world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  causeway::fuzz::GatewayWorld world;
  causeway::fuzz::each_step({reinterpret_cast<const char*>(data), size},
                            [&](char kind, std::string_view step) {
                              switch (kind) {
                                case 'r': world.reply(step); break;
                                case 'c': world.from_callee(step); break;
                                case 'u': world.datagram(step); break;
                                case 'w': world.wait(causeway::Seconds(1)); break;
                                default: world.stream(step); break;
                              }
                            });
  world.finish();
  return 0;
}
