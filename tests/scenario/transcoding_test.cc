// A gateway that may transcode so much and no more: what callers and the person on duty see of it.
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kOpus = "111 opus/48000/2,110 telephone-event/48000";

std::string limited(const char* share, const char* mode = "none_common",
                    const char* second = "PCMA") {
  return make_config({.top = "[limits]\ntranscoding = " + std::string(share) + "\n",
                      .service_sdp = "codecs = [\"PCMU\", \"" + std::string(second) +
                                     "\", \"telephone-event\"]\n"
                                     "transcoding = \"" +
                                     std::string(mode) + "\"\n"});
}

class TranscodingTest : public CallTest {
 protected:
  explicit TranscodingTest(const std::string& config) : CallTest(config) {}
  struct Held {
    PeerDialog core, cloud;
  };
  Held opus_call(const std::string& codecs = kOpus, const std::string& number = "+4989123") {
    Held h;
    h.core = core.invite(number, "", sdp("10.1.0.1", 40000, "sendrecv", codecs));
    const auto inv = cloud.expect("INVITE");
    to_cloud = std::string(inv.body());
    cloud.reply(
        inv, 200, "",
        secure_sdp("10.2.0.1", 50000, "sendrecv", 1, "0 PCMU/8000,101 telephone-event/8000"));
    core.learn(h.core, core.expect("200 INVITE"));
    cloud.expect("ACK");
    core.ack(h.core);
    h.cloud = cloud.answered(inv);
    rig.run(Millis(100));
    return h;
  }
  void end(Held& h) {
    core.request(h.core, "BYE");
    core.expect("200 BYE");
    cloud.reply(cloud.expect("BYE"), 200);
  }
  double used() {
    double sum = 0;
    rig.each([&](call::GatewayShard& s) { sum += s.transcoding().used; });
    return sum;
  }
  std::uint64_t refused() {
    std::uint64_t n = 0;
    rig.each([&](call::GatewayShard& s) { n += s.counters().refused.get("transcoding"); });
    return n;
  }
  std::string to_cloud;
};

// Of one shard, so that all calls are its.
std::vector<Mode> one_shard() { return {{1, false, 1}, {1, true, 1}}; }

// PCMU and Opus at 8 kHz: 0.0059 of a core, 0.0029 at the least complexity.
struct Tight : TranscodingTest {
  Tight() : TranscodingTest(limited("0.007")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Tight, ::testing::ValuesIn(one_shard()), mode_name);

TEST_P(Tight, OpusIsMadeCheaperThenCallsAreRefusedWith503UntilOneEnds) {
  auto one = opus_call();
  EXPECT_EQ(rig.shard(0).transcoding().complexity, 3) << "most of the cap is in use";
  auto two = opus_call();
  EXPECT_EQ(rig.shard(0).transcoding().complexity, 0);
  EXPECT_EQ(rig.shard(0).transcoding().pairs, 2u);
  EXPECT_LE(used(), 0.007);

  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40002, "sendrecv", kOpus));
  const auto no = failure(core, d, 503);
  EXPECT_NE(no.value(HeaderId::kRetryAfter), "");
  EXPECT_FALSE(cloud.has("INVITE")) << "nobody is rung for a call that cannot be";
  EXPECT_EQ(refused(), 1u);
  EXPECT_NE(rig.trail_of_all().find("no room to transcode: it takes 0.0057 of a core here, "
                                    "and limits.transcoding is 0.007"),
            std::string::npos)
      << rig.trail_of_all();

  // A hold and a resume of a call that has its room are none of this.
  core.request(one.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendonly", kOpus, 2));
  cloud.reply(cloud.expect("INVITE"), 200, "",
              secure_sdp("10.2.0.1", 50000, "inactive", 2, "0 PCMU/8000,101 telephone-event/8000"));
  cloud.expect("ACK");
  core.expect("200 INVITE");
  core.ack(one.core);

  // Who has a codec in common is not touched.
  auto plain = opus_call("0 PCMU/8000,101 telephone-event/8000");
  end(plain);
  // And a call for help is carried whatever it costs.
  auto help = opus_call(kOpus, "112");
  EXPECT_GT(used(), 0.007);
  end(help);

  end(two);
  rig.run(Seconds(1));
  auto again = opus_call();
  end(again);
  end(one);
  rig.run(Seconds(1));
  EXPECT_EQ(used(), 0);
  EXPECT_EQ(rig.shard(0).transcoding().complexity, 5);
  expect_clean(6);
}

TEST_P(Tight, WhatIsOfferedToAPeerThatRingsIsPromised) {
  std::vector<PeerDialog> d;
  std::vector<sip::Message> invites;
  for (int i = 0; i < 2; ++i) {
    d.push_back(core.invite("+4989123", "", sdp("10.1.0.1", 40000 + 2 * i, "sendrecv", kOpus)));
    invites.push_back(cloud.expect("INVITE"));
    cloud.reply(invites.back(), 180);
    core.expect("180");
  }
  auto third = core.invite("+4989123", "", sdp("10.1.0.1", 40004, "sendrecv", kOpus));
  (void)failure(core, third, 503);
  cloud.reply(invites[0], 486);
  cloud.expect("ACK");
  (void)failure(core, d[0], 486);
  auto now = opus_call();
  end(now);
  cloud.reply(invites[1], 486);
  cloud.expect("ACK");
  (void)failure(core, d[1], 486);
  EXPECT_EQ(used(), 0);
  expect_clean(4);
}

TEST_P(Tight, AReofferThatWouldNeedItIsRefusedAndTheCallGoesOn) {
  auto one = opus_call(), two = opus_call();
  auto plain = opus_call("0 PCMU/8000,101 telephone-event/8000");
  core.request(plain.core, "INVITE", "", sdp("10.1.0.1", 40000, "sendrecv", kOpus, 2));
  core.expect("503 INVITE");
  core.ack(plain.core);
  rig.run(Seconds(1));
  EXPECT_EQ(rig.calls(), 3u);
  EXPECT_FALSE(cloud.has("INVITE"));
  end(plain);
  end(two);
  end(one);
  expect_clean(3);
}

struct Always : TranscodingTest {
  Always() : TranscodingTest(limited("0.0005", "always_offered", "G722")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, Always, ::testing::ValuesIn(one_shard()), mode_name);

TEST_P(Always, WithoutRoomTheCommonCodecsAloneAreOffered) {
  auto h = opus_call("111 opus/48000/2,0 PCMU/8000,101 telephone-event/8000");
  EXPECT_NE(line_of(to_cloud, "m=").find("SAVP 0 101"), std::string::npos) << to_cloud;
  end(h);
  expect_clean(1);
}

struct None : TranscodingTest {
  None() : TranscodingTest(limited("0", "none_common", "G722")) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, None, ::testing::ValuesIn(one_shard()), mode_name);

TEST_P(None, IsA488AsItWillNeverBe) {
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000, "sendrecv", kOpus));
  (void)failure(core, d, 488);
  EXPECT_EQ(refused(), 0u);
  EXPECT_NE(rig.trail_of_all().find("limits.transcoding is 0: nothing is transcoded here"),
            std::string::npos);
  // The other law of G.711 is a table.
  auto law = opus_call("8 PCMA/8000");
  EXPECT_NE(line_of(to_cloud, "m=").find("SAVP 0"), std::string::npos) << to_cloud;
  end(law);
  expect_clean(2);
}

}  // namespace
}  // namespace causeway::scenario
