// Two worlds hear the same: in one the kernel passes packets on, in the other the shard does.
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "kernel/due.h"
#include "world.h"

namespace causeway {
namespace {

using testing_support::FakeReactor;
using testing_support::Peer;
using testing_support::TwoPeers;

// relay.bpf.c, over the network of a FakeReactor.
class FakeKernel final : public kernel::Relay {
 public:
  explicit FakeKernel(FakeReactor& net) : net_(net) {
    net.entrance = [this](const Endpoint& from, const Endpoint& to,
                          std::span<const std::byte> data) { return take(from, to, data); };
  }
  kernel::Flow* add(const Endpoint& here, const Endpoint& peer) override {
    if (here.address.is_v6() || peer.address.is_v6() || flows.count({peer, here})) return nullptr;
    ++added;
    return flows.emplace(std::pair{peer, here}, std::make_unique<kernel::Flow>())
        .first->second.get();
  }
  void remove(kernel::Flow& flow) override {
    ASSERT_EQ(std::erase_if(flows, [&](const auto& f) { return f.second.get() == &flow; }), 1u);
  }
  std::optional<std::uint32_t> way(const Endpoint&, const Endpoint&,
                                   const std::string&) const override {
    return reachable ? std::optional<std::uint32_t>(0) : std::nullopt;
  }
  std::optional<std::uint32_t> interface(const std::string&) const override { return 3; }
  void alive(Instant now) override { alive_at = now; }

  std::map<std::pair<Endpoint, Endpoint>, std::unique_ptr<kernel::Flow>> flows;
  std::uint64_t added = 0, taken = 0;
  bool reachable = true;
  Instant alive_at{};

 private:
  bool take(const Endpoint& from, const Endpoint& to, std::span<const std::byte> data) {
    const auto i = flows.find({from, to});
    if (i == flows.end() || !i->second->armed || data.size() <= rtp::kMinHeader ||
        data[0] != std::byte{0x80})
      return false;
    kernel::Flow& f = *i->second;
    const auto h = *rtp::parse_header(data);
    if (!kernel::take_due(&f, h.ssrc, std::to_integer<kernel::u8>(data[1]), h.sequence, h.timestamp,
                          static_cast<kernel::u32>(data.size()),
                          static_cast<kernel::u64>(net_.now().time_since_epoch().count())))
      return false;
    ++taken;
    std::vector<std::byte> out(data.begin(), data.end());
    rtp::set_payload_type(out, f.out_type);
    rtp::set_sequence(out, static_cast<std::uint16_t>(h.sequence + f.sequence_offset));
    rtp::set_timestamp(out, h.timestamp + f.timestamp_offset);
    rtp::set_ssrc(out, f.out_ssrc);
    const auto address = [](std::uint32_t network) {
      return IpAddress::v4(__builtin_bswap32(network));
    };
    net_.arrive({address(f.from_address), __builtin_bswap16(f.from_port)},
                {address(f.to_address), __builtin_bswap16(f.to_port)}, out);
    return true;
  }
  FakeReactor& net_;
};

struct World : TwoPeers {
  void TestBody() override {}
};
struct KernelWorld : World {
  KernelWorld() { plane->use_kernel(&kernel); }
  ~KernelWorld() override {
    plane.reset();  // before the kernel
  }
  FakeKernel kernel{net};
};

// Both do the same at the same times.
struct Both {
  World shard;
  KernelWorld kernel;
  template <class F>
  void each(F f) {
    f(static_cast<World&>(shard));
    f(static_cast<World&>(kernel));
  }
  void settle(const std::function<void(World&)>& prepare = {}, bool in_kernel = true) {
    each([&](World& w) {
      if (prepare) prepare(w);
      w.up();
      w.talk(260);  // past the three seconds in which a source may change
    });
    if (!in_kernel) return;
    ASSERT_EQ(kernel.kernel.flows.size(), 2u);
    ASSERT_GT(kernel.kernel.taken, 50u);
  }
};

void expect_same(const Peer& a, const Peer& b, const std::string& who) {
  ASSERT_EQ(a.heard.size(), b.heard.size()) << who;
  for (std::size_t i = 0; i < a.heard.size(); ++i) {
    const auto &x = a.heard[i], &y = b.heard[i];
    ASSERT_EQ(x.header.sequence, y.header.sequence) << who << " " << i;
    ASSERT_EQ(x.header.timestamp, y.header.timestamp) << who << " " << i;
    ASSERT_EQ(x.header.ssrc, y.header.ssrc) << who << " " << i;
    ASSERT_EQ(x.header.payload_type, y.header.payload_type) << who << " " << i;
    ASSERT_EQ(x.header.marker, y.header.marker) << who << " " << i;
    ASSERT_EQ(x.payload, y.payload) << who << " " << i;
    ASSERT_EQ(x.from, y.from) << who << " " << i;
  }
  EXPECT_EQ(a.reports, b.reports) << who;
}

void expect_same(Both& b) {
  expect_same(b.shard.alice, b.kernel.alice, "Alice");
  expect_same(b.shard.bob, b.kernel.bob, "Bob");
  EXPECT_EQ(b.shard.events.log, b.kernel.events.log);
  for (const bool first : {true, false}) {
    const auto of = [&](World& w) { return w.plane->snapshot(first ? w.a : w.b); };
    const auto x = of(b.shard), y = of(b.kernel);
    ASSERT_EQ(bool(x), bool(y));
    if (!x) continue;
    EXPECT_TRUE(x->out == y->out);
    EXPECT_TRUE(x->in == y->in);
    EXPECT_TRUE(x->quality == y->quality);
    EXPECT_TRUE(*x == *y) << "some other part of the leg";
  }
}

TEST(Offload, WhatIsDuePassesWithoutTheShard) {
  Both b;
  b.settle();
  const auto before = b.kernel.kernel.taken;
  b.each([](World& w) { w.talk(500); });
  EXPECT_GE(b.kernel.kernel.taken - before, 998u);
  EXPECT_GT(b.kernel.kernel.alive_at, b.kernel.net.now() - kernel::kTrusted);
  EXPECT_EQ(
      b.kernel.plane->stats(b.kernel.a).by_kernel + b.kernel.plane->stats(b.kernel.b).by_kernel,
      b.kernel.kernel.taken);
  expect_same(b);
  const auto stats = b.kernel.plane->plane_stats();
  EXPECT_EQ(stats.kernel_flows, 2u);
  EXPECT_EQ(stats.kernel_packets, b.kernel.kernel.taken);
}

TEST(Offload, NothingIsLeftInTheKernelOfACallThatEnded) {
  Both b;
  b.settle();
  b.each([](World& w) { w.plane->close(w.a); });
  EXPECT_EQ(b.kernel.kernel.flows.size(), 0u);
  b.each([](World& w) { w.talk(5); });
  expect_same(b);
  EXPECT_EQ(b.kernel.plane->plane_stats().kernel_flows, 0u);
}

TEST(Offload, NotWithoutAWayOrWithKeysOrForOneWhoListensIn) {
  KernelWorld w;
  w.kernel.reachable = false;
  w.up();
  w.talk(260);
  EXPECT_EQ(w.kernel.added, 0u);

  KernelWorld keys;
  keys.secure_bob();
  keys.up();
  keys.talk(260);
  EXPECT_EQ(keys.kernel.added, 0u);

  KernelWorld tapped;
  tapped.up();
  tapped.plane->tap(tapped.a, true);
  tapped.talk(260);
  EXPECT_EQ(tapped.kernel.taken, 0u);
  tapped.plane->tap(tapped.a, false);
  tapped.talk(100);
  EXPECT_GT(tapped.kernel.taken, 0u);
  const auto before = tapped.kernel.taken;
  tapped.plane->tap(tapped.a, true);
  tapped.talk(20);
  EXPECT_EQ(tapped.kernel.taken, before);
}

// Each hears its own law.
TEST(Offload, OctetsThatAreChangedGoThroughTheShard) {
  Both b;
  b.settle(
      [](World& w) {
        w.agree_a.send_codecs = w.agree_a.receive_codecs = {testing_support::line(8, "PCMU")};
      },
      false);
  b.each([](World& w) { w.talk(200); });
  EXPECT_EQ(b.kernel.kernel.taken, 0u);
  ASSERT_FALSE(b.kernel.bob.heard.empty());
  expect_same(b);
}

// TDM-18: a source that begins to send longer packets than its partner's peer asked for.
TEST(Offload, PacketsOfAnotherLengthAreConverted) {
  Both b;
  b.settle([](World& w) { w.agree_a.send_ptime = w.agree_b.send_ptime = 20; });
  b.each([](World& w) {
    for (int i = 0; i < 100; ++i) {
      w.alice.say(8, std::vector<std::byte>(320), 320);
      w.net.pass(Millis(40));
    }
  });
  ASSERT_FALSE(b.kernel.bob.heard.empty());
  EXPECT_EQ(b.kernel.bob.heard.back().payload.size(), 160u);
  expect_same(b);
}

// What came from another machine and is for an address of this one is not put into its own hands.
TEST(Offload, NotTowardsThisMachineFromOutside) {
  KernelWorld w;
  Peer outside(w.net, "192.0.2.7", 5000, 0xcccc);
  w.agree_a.remote = outside.sdp();
  outside.target = w.plane->local(w.a)->rtp;
  w.up();
  for (int i = 0; i < 400; ++i) {
    outside.speak();
    w.bob.speak();
    w.net.pass(Millis(20));
  }
  EXPECT_EQ(w.kernel.flows.count({outside.sdp().rtp, outside.target}), 0u);
  EXPECT_EQ(outside.heard.size(), 400u);
  EXPECT_EQ(w.bob.heard.size(), 400u);
}

// Random talk, faults and changes of the call.
TEST(Offload, NobodyCanTellWhateverHappens) {
  std::uint64_t total = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Both b;
    b.settle([&](World& w) {
      if (seed % 2 == 0) w.agree_a.send_ptime = w.agree_b.send_maxptime = 20;
    });
    SeededRandom random(seed);
    const auto before = b.kernel.kernel.taken;
    for (int i = 0; i < 1'500; ++i) {
      const auto what = random.below(1'600);
      const auto late = Micros(random.below(10) == 0 ? random.below(19'000) : random.below(3'000));
      const bool lost = random.below(80) == 0;
      const auto n = random.below(1'000);
      b.each([&](World& w) {
        Peer& p = what % 2 == 0 ? w.alice : w.bob;
        Peer& other = what % 2 == 0 ? w.bob : w.alice;
        switch (what / 2) {
          case 0: p.ssrc += 17; break;
          case 1: p.sequence = static_cast<std::uint16_t>(p.sequence + n); break;
          case 2: p.timestamp += static_cast<std::uint32_t>(n) * 160; break;
          case 3:
            p.say(what % 2 == 0 ? 101 : 96,
                  std::array{std::byte{1}, std::byte{10}, std::byte{0}, std::byte{160}}, 0, true);
            break;
          case 4: p.report(); break;
          case 5: {  // twice
            const auto again = p.make();
            p.raw(again);
            break;
          }
          case 6: {  // held, and taken up again
            auto& agreed = what % 2 == 0 ? w.agree_a : w.agree_b;
            agreed.direction = agreed.direction == sdp::Direction::kSendRecv
                                   ? sdp::Direction::kSendOnly
                                   : sdp::Direction::kSendRecv;
            EXPECT_TRUE(w.plane->apply(what % 2 == 0 ? w.a : w.b, agreed));
            break;
          }
          case 7: p.say(8, std::vector<std::byte>(80), 80); break;  // half a packet
          case 8: (void)w.plane->stats(w.a); break;
          case 9: (void)w.plane->snapshot(w.b); break;
          case 10: w.plane->tap(w.a, n % 4 == 0); break;
          case 11: p.raw(std::vector<std::byte>(n % 30)); break;
          case 12: w.net.pass(Seconds(n % 25)); break;
          case 13:
            w.plane->unjoin(w.a);
            EXPECT_TRUE(w.plane->join(w.a, w.b));
            break;
          case 14: (void)w.plane->play_digit(w.a, 5, Millis(100)); break;
          case 15: EXPECT_TRUE(w.plane->apply(w.a, w.agree_a)); break;
          case 16:  // nothing for a while, and then all of it at once
            w.net.pass(Millis(20 * (n % 12)));
            for (std::uint64_t k = 0; k < n % 12; ++k) {
              p.speak();
              other.speak();
            }
            break;
          case 17:  // longer packets
            for (std::uint64_t k = 0; k < n % 8; ++k) {
              p.say(8, std::vector<std::byte>(320), 320);
              w.net.pass(Millis(40));
            }
            break;
          case 18: w.plane->fill_silence(w.b); break;
          case 19:
            if (n % 8 == 0) w.plane->make_plain(w.a);
            break;
          case 20: {  // the peer wants it somewhere else from now on
            auto moved = w.agree_b;
            moved.remote.rtp.port = 6'100;
            EXPECT_TRUE(w.plane->apply(w.b, moved));
            break;
          }
          case 21:
            (void)w.plane->ring(w.a, tone::recommended_cadence(tone::Signal::kRingback));
            break;
          default: break;
        }
        if (!lost) {
          p.speak();
        } else {
          ++p.sequence;
          p.timestamp += 160;
        }
        w.net.pass(late);
        other.speak();
        w.net.pass(Micros(20'000) - late);
      });
      if (::testing::Test::HasFailure()) return;
    }
    expect_same(b);
    if (::testing::Test::HasFailure()) return;
    total += b.kernel.kernel.taken - before;
  }
  EXPECT_GT(total, 30'000u);  // enough of it for the comparison to mean something
}

}  // namespace
}  // namespace causeway
