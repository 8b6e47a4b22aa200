#include "bench.h"

#include "sip/build.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "support/teams_invite.h"

using namespace causeway;
using namespace causeway::sip;

namespace {

void SipParseInvite(benchmark::State& state) {
  const std::string text = causeway::testing::teams_invite();
  for (auto _ : state) {
    auto m = Message::parse(text);
    benchmark::DoNotOptimize(m);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
CAUSEWAY_BENCHMARK(SipParseInvite);

// What every received message costs before a call looks at it.
void SipParseAndValidateInvite(benchmark::State& state) {
  const std::string text = causeway::testing::teams_invite();
  for (auto _ : state) {
    auto m = Message::parse(text);
    benchmark::DoNotOptimize(validate(*m).has_value());
  }
}
CAUSEWAY_BENCHMARK(SipParseAndValidateInvite);

void SipBuildResponse(benchmark::State& state) {
  const auto m = Message::parse(causeway::testing::teams_invite());
  const Endpoint source{IpAddress::v4(0x34724b18), 5061};
  for (auto _ : state) {
    auto text =
        begin_response(*m, 180, reason_phrase(180), "03a70123456789abcdef", source).finish();
    benchmark::DoNotOptimize(text);
  }
}
CAUSEWAY_BENCHMARK(SipBuildResponse);

void SipFindFrame(benchmark::State& state) {
  const std::string text = causeway::testing::teams_invite();
  for (auto _ : state) {
    auto f = find_frame(text);
    benchmark::DoNotOptimize(f);
  }
}
CAUSEWAY_BENCHMARK(SipFindFrame);

}  // namespace
