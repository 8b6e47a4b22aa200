#include "dns/rfc3263.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "dns/cache.h"
#include "support/proves.h"
#include "world/sim_reactor.h"
#include "world/sim_resolver.h"
#include "world/world.h"

namespace causeway::dns {
namespace {

using ::testing::ElementsAre;

class Rfc3263 : public ::testing::Test, public TargetListener {
 protected:
  void on_targets(std::uint64_t, Result<std::vector<Target>> targets) override {
    ++calls;
    got = std::move(targets);
  }
  std::vector<std::string> select(std::string host, std::uint16_t port = 0,
                                  Transport transport = Transport::kUdp) {
    TargetRequest request;
    request.host = std::move(host);
    request.port = port;
    request.transport = transport;
    return select(std::move(request));
  }
  std::vector<std::string> select(TargetRequest request) {
    at_once = selection.start(std::move(request), *this, 1);
    if (at_once) {
      got = selection.result();
    } else {
      world.run_for(Seconds{20});
    }
    std::vector<std::string> out;
    if (got)
      for (const Target& t : *got) out.push_back(t.endpoint.to_string());
    return out;
  }
  static Srv srv(std::uint16_t priority, std::uint16_t weight, std::uint16_t port,
                 std::string target) {
    return {priority, weight, port, std::move(target)};
  }

  world::World world{1};
  world::Zone zone;
  world::SimResolver resolver{world.shard(0), zone};
  Cache cache{resolver, world.shard(0)};
  TargetSelection selection{cache, world.shard(0), world.shard(0).random()};
  Result<std::vector<Target>> got;
  bool at_once = false;
  int calls = 0;
};

TEST_F(Rfc3263, ALiteralIsItsOwnTarget) {
  EXPECT_THAT(select("192.0.2.7"), ElementsAre("192.0.2.7:5060"));
  EXPECT_TRUE(at_once);
  EXPECT_THAT(select("[2001:db8::1]", 0, Transport::kTls), ElementsAre("[2001:db8::1]:5061"));
  EXPECT_THAT(select("192.0.2.7", 5099), ElementsAre("192.0.2.7:5099"));
  EXPECT_EQ(zone.queries(), 0U);
  EXPECT_EQ(calls, 0);
}

TEST_F(Rfc3263, APortMeansNoSrv) {
  zone.set_a("sip.example", {"192.0.2.1", "192.0.2.2"});
  zone.set_aaaa("sip.example", {"2001:db8::1"});
  zone.set_srv("_sip._udp.sip.example", {srv(1, 1, 7000, "elsewhere.example")});
  EXPECT_THAT(select("sip.example", 5080),
              ElementsAre("192.0.2.1:5080", "192.0.2.2:5080", "[2001:db8::1]:5080"));
  TargetRequest request{"sip.example", 5080, Transport::kUdp, false, true, false};
  EXPECT_THAT(select(request), ElementsAre("[2001:db8::1]:5080"));
  request = {"sip.example", 5080, Transport::kUdp, true, true, true};
  EXPECT_THAT(select(request),
              ElementsAre("[2001:db8::1]:5080", "192.0.2.1:5080", "192.0.2.2:5080"));
}

TEST_F(Rfc3263, SrvGivesPortsAndOrderAndTheNameStaysThePeers) {
  zone.set_srv("_sips._tcp.sip.example",
               {srv(20, 0, 5062, "b.example"), srv(10, 0, 5061, "a.example")}, Seconds{60});
  zone.set_a("a.example", {"192.0.2.1"}, Seconds{300});
  zone.set_a("b.example", {"192.0.2.2"}, Seconds{30});
  const Instant before = world.now();
  EXPECT_THAT(select("sip.example", 0, Transport::kTls),
              ElementsAre("192.0.2.1:5061", "192.0.2.2:5062"));
  for (const Target& t : *got) EXPECT_EQ(t.name, "sip.example");
  EXPECT_NEAR(to_seconds((*got)[0].expires - before), 60, 1);  // the SRV record's
  EXPECT_NEAR(to_seconds((*got)[1].expires - before), 30, 1);  // the address's
}

TEST_F(Rfc3263, WithoutSrvTheNameIsUsedOnTheDefaultPort) {
  zone.set_a("sip.example", {"192.0.2.1"});
  EXPECT_THAT(select("sip.example"), ElementsAre("192.0.2.1:5060"));
  EXPECT_THAT(select("sip.example", 0, Transport::kTls), ElementsAre("192.0.2.1:5061"));
  zone.set_fault("_sip._tcp.sip.example", world::DnsFault::kServfail);
  EXPECT_THAT(select("sip.example", 0, Transport::kTcp), ElementsAre("192.0.2.1:5060"));
}

TEST_F(Rfc3263, NaptrNamesTheServiceOfTheConfiguredTransport) {
  zone.set_naptr("example.com", {{20, 1, "s", "sip+d2u", "_sip._udp.second.example"},
                                 {10, 2, "s", "sip+d2u", "_sip._udp.later.example"},
                                 {10, 1, "s", "sip+d2u", "_sip._udp.first.example"},
                                 {1, 1, "s", "sips+d2t", "_sips._tcp.secure.example"},
                                 {1, 1, "u", "sip+d2u", "not.used.example"}});
  zone.set_srv("_sip._udp.first.example", {srv(1, 1, 5070, "a.example")});
  zone.set_srv("_sips._tcp.secure.example", {srv(1, 1, 5071, "a.example")});
  zone.set_srv("_sip._tcp.example.com", {srv(1, 1, 5072, "a.example")});
  zone.set_a("a.example", {"192.0.2.1"});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5070"));
  EXPECT_EQ(got->at(0).name, "example.com") << "what the certificate has to carry";
  EXPECT_THAT(select("example.com", 0, Transport::kTls), ElementsAre("192.0.2.1:5071"));
  EXPECT_THAT(select("example.com", 0, Transport::kTcp), ElementsAre("192.0.2.1:5072"))
      << "no record for that transport: its usual service";
  const auto asked = zone.queries("example.com", RecordType::kNaptr);
  (void)select("example.com", 5060);
  EXPECT_EQ(zone.queries("example.com", RecordType::kNaptr), asked) << "a port is given: no NAPTR";
}

TEST_F(Rfc3263, WithoutAnAnswerAboutNaptrTheUsualServiceIsUsed) {
  zone.set_fault("example.com", world::DnsFault::kServfail);
  zone.set_srv("_sip._udp.example.com", {srv(1, 1, 5070, "a.example")});
  zone.set_a("a.example", {"192.0.2.1"});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5070"));
}

TEST_F(Rfc3263, NaptrThatLeadsNowhereFallsThroughToSrvAndAddresses) {
  zone.set_naptr("example.com", {{1, 1, "s", "sip+d2u", "_sip._udp.gone.example"},
                                 {1, 2, "s", "sip+d2u", "_sip._udp.second.example"},
                                 {1, 3, "a", "sip+d2u", "host.example"}});
  zone.set_srv("_sip._udp.second.example", {srv(1, 1, 5072, "a.example")});
  zone.set_srv("_sip._udp.example.com", {srv(1, 1, 5073, "a.example")});
  zone.set_a("a.example", {"192.0.2.1"});
  zone.set_a("example.com", {"192.0.2.9"});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5072")) << "the next of its records";
  world.run_for(std::chrono::hours(2));
  zone.set_fault("_sip._udp.second.example", world::DnsFault::kServfail);
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5072")) << "from the past";
  cache.clear();
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5073")) << "the usual service";
  cache.clear();
  zone.set_srv("_sip._udp.example.com", {});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.9:5060")) << "the name itself";
}

TEST_F(Rfc3263, NaptrOfOtherTransportsAloneMeansTheUsualService) {
  zone.set_naptr("example.com", {{1, 1, "s", "sips+d2t", "_sips._tcp.example.com"},
                                 {1, 1, "u", "e2u+sip", "x.example"}});
  zone.set_srv("_sip._udp.example.com", {srv(1, 1, 5073, "a.example")});
  zone.set_a("a.example", {"192.0.2.1"});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5073"));
}

TEST_F(Rfc3263, WhatIsFoundHoldsNoLongerThanAnythingThatLedToIt) {
  PROVES("TDR-01");
  const auto lasts = [&](Seconds naptr, Seconds service, Seconds address) {
    cache.clear();
    zone.set_naptr("example.com", {{1, 1, "s", "sip+d2u", "_calls._udp.example.com"}}, naptr);
    zone.set_srv("_calls._udp.example.com", {srv(1, 1, 5070, "a.example")}, service);
    zone.set_a("a.example", {"192.0.2.1"}, address);
    EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5070"));
    EXPECT_FALSE(at_once);
    return (*got)[0].expires - world.now();
  };
  // run_for() in select() has let 20 s pass since the answers came.
  EXPECT_NEAR(to_seconds(lasts(Seconds{60}, Seconds{900}, Seconds{900})), 40, 1);
  EXPECT_NEAR(to_seconds(lasts(Seconds{900}, Seconds{60}, Seconds{900})), 40, 1);
  EXPECT_NEAR(to_seconds(lasts(Seconds{900}, Seconds{900}, Seconds{60})), 40, 1);
}

TEST_F(Rfc3263, AChangedNaptrIsFollowedAfterItsTtlThoughTheAddressesLastLonger) {
  PROVES("TDR-01");
  zone.set_naptr("example.com", {{1, 1, "s", "sip+d2u", "_one._udp.example.com"}}, Seconds{30});
  zone.set_srv("_one._udp.example.com", {srv(1, 1, 5070, "a.example")}, Seconds{3'600});
  zone.set_srv("_two._udp.example.com", {srv(1, 1, 5080, "a.example")}, Seconds{3'600});
  zone.set_a("a.example", {"192.0.2.1"}, Seconds{3'600});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5070"));
  zone.set_naptr("example.com", {{1, 1, "s", "sip+d2u", "_two._udp.example.com"}}, Seconds{30});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5070"));
  world.run_for(Seconds{31});
  EXPECT_THAT(select("example.com"), ElementsAre("192.0.2.1:5080"));
}

TEST_F(Rfc3263, ANameIsResolvedAgainAfterItsTtl) {
  PROVES("TDR-01");
  zone.set_a("sip.pstnhub.example", {"192.0.2.1"}, Seconds{120});
  EXPECT_THAT(select("sip.pstnhub.example", 5061, Transport::kTls), ElementsAre("192.0.2.1:5061"));
  const Instant expires = (*got)[0].expires;
  zone.set_a("sip.pstnhub.example", {"192.0.2.9"}, Seconds{120});
  EXPECT_THAT(select("sip.pstnhub.example", 5061, Transport::kTls), ElementsAre("192.0.2.1:5061"));
  EXPECT_TRUE(at_once);
  world.run_for(std::chrono::duration_cast<Micros>(expires - world.now()) + Seconds{1});
  EXPECT_THAT(select("sip.pstnhub.example", 5061, Transport::kTls), ElementsAre("192.0.2.9:5061"));
}

TEST_F(Rfc3263, SaysWhyThereIsNoTarget) {
  EXPECT_TRUE(select("nobody.example").empty());
  EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
  zone.set_srv("_sip._udp.closed.example", {srv(0, 0, 0, "")});
  zone.set_a("closed.example", {"192.0.2.1"});
  EXPECT_TRUE(select("closed.example").empty());
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  zone.set_fault_everywhere(world::DnsFault::kTimeout);
  EXPECT_TRUE(select("silent.example").empty());
  EXPECT_EQ(got.error().code, ErrorCode::kTimeout);
}

TEST_F(Rfc3263, ADestroyedSelectionHearsNothing) {
  zone.set_a("sip.example", {"192.0.2.1"});
  {
    TargetSelection other(resolver, world.shard(0), world.shard(0).random());
    EXPECT_FALSE(other.start({"sip.example", 5060}, *this, 1));
  }
  world.run_for(Seconds{5});
  EXPECT_EQ(calls, 0);
}

TEST_F(Rfc3263, TheListIsBounded) {
  std::vector<Srv> services;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "h" + std::to_string(i) + ".example";
    services.push_back(srv(1, 1, 5060, name));
    std::vector<std::string> addresses;
    for (int j = 0; j < 4; ++j)
      addresses.push_back("10.0." + std::to_string(i) + "." + std::to_string(j));
    zone.set_a(name, addresses);
  }
  zone.set_srv("_sip._udp.big.example", services);
  EXPECT_EQ(select("big.example").size(), TargetSelection::kMaxTargets);
  EXPECT_LE(zone.queries(), 2 + 2 * TargetSelection::kMaxSrv);
}

TEST(SrvOrder, FollowsWeightsWithinAPriority) {
  SeededRandom random(1);
  std::map<std::string, int> first;
  for (int i = 0; i < 10'000; ++i) {
    std::vector<Record> records;
    for (const auto& [priority, weight, name] :
         {std::tuple{2, 99, "later"}, {1, 0, "zero"}, {1, 10, "small"}, {1, 30, "large"}})
      records.push_back(
          {RecordType::kSrv,
           Seconds{1},
           {},
           {static_cast<std::uint16_t>(priority), static_cast<std::uint16_t>(weight), 1, name}});
    order_srv(records, random);
    ++first[records[0].srv.target];
    ASSERT_EQ(records[3].srv.target, "later");
  }
  EXPECT_NEAR(first["large"], 7317, 300);  // 30 of 41
  EXPECT_NEAR(first["small"], 2439, 300);
  EXPECT_NEAR(first["zero"], 244, 80);
}

}  // namespace
}  // namespace causeway::dns
