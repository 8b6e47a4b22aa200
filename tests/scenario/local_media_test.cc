// Local Media Optimization: media that is near the user, by what a service says of the user's
// place, and media that goes past us to a gateway behind us.
#include <algorithm>

#include "rtp/packet.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

constexpr const char* kInside = "X-Place: internal\r\n";
constexpr const char* kOutside = "X-Place: external\r\n";
constexpr const char* kBranch = "branch.enterprise.example";
const std::string kByBranch = kInside + std::string("X-Path: ") + kBranch + "\r\n";
const std::string kByUs =
    kInside + std::string("X-Path: sbc.operator.example, ") + kBranch + "\r\nX-Site: 12\r\n";

struct Want {
  std::string group = "internal_media_realm = \"lan\"\n";
  std::string sdp = "security = \"rtp\"\n";
  bool gateway = true;  // core-1 is a gateway that the service knows
};

std::string config(const Want& w = {}) {
  ConfigOptions o;
  o.top =
      "[[realm]]\nname = \"lan\"\nmedia_addresses = [\"10.9.0.1\"]\n"
      "media_port_min = 40000\nmedia_port_max = 40999\n";
  o.service =
      "[profile.local_media]\nlocation = \"X-Place\"\npath = \"X-Path\"\nsite = \"X-Site\"\n";
  o.service_sdp = w.sdp;
  o.cloud = w.group;
  std::string text = make_config(o);
  const std::string first = "host = \"10.1.0.1\"\n";
  if (w.gateway) text.insert(text.find(first), "known_as = \"" + std::string(kBranch) + "\"\n");
  return text;
}

std::string offer(int version = 1, const std::string& direction = "sendrecv", int port = 50000) {
  return sdp("10.2.0.1", port, direction, "8 PCMA/8000,101 telephone-event/8000", version);
}

class LocalMediaTest : public CallTest {
 protected:
  explicit LocalMediaTest(const std::string& c = config(), Mode mode = GetParam())
      : CallTest(c, mode) {
    core.open_rtp(40000);
    cloud.open_rtp(50000);
  }
  // The service's user calls somebody behind the core, who answers.
  Up user_calls(const std::string& headers, const std::string& sdp_of_core = sdp("10.1.0.1", 40000),
                const std::string& text = offer()) {
    PeerDialog d = cloud.invite("+4930111", headers, text, "+4989123");
    Up up{{}, d, {}, {}, core.expect("INVITE")};
    up.to_core = std::string(up.invite.body());
    core.reply(up.invite, 200, "", sdp_of_core);
    answered = std::string(cloud.expect("200 INVITE").bytes());
    const auto ok = *sip::Message::parse(answered);
    up.to_cloud = std::string(ok.body());
    cloud.learn(up.cloud, ok);
    core.expect("ACK");
    cloud.ack(up.cloud);
    up.core = core.answered(up.invite);
    rig.run(Millis(100));
    keep_trails();
    return up;
  }
  // Somebody behind the core calls the user.
  Up user_is_called(const std::string& sdp_of_user = offer()) {
    PeerDialog d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
    Up up{d, {}, {}, {}, cloud.expect("INVITE")};
    up.to_cloud = std::string(up.invite.body());
    cloud.reply(up.invite, 200, "", sdp_of_user);
    const auto ok = core.expect("200 INVITE");
    up.to_core = std::string(ok.body());
    core.learn(up.core, ok);
    cloud.expect("ACK");
    core.ack(up.core);
    up.cloud = cloud.answered(up.invite);
    rig.run(Millis(100));
    keep_trails();
    return up;
  }
  // A re-INVITE of the service that concerns us alone.
  std::string reinvite(Up& up, const std::string& headers, const std::string& text) {
    cloud.request(up.cloud, "INVITE", headers, text);
    const auto ok = cloud.expect("200 INVITE");
    cloud.ack(up.cloud);
    rig.run(Millis(100));
    up.to_cloud = std::string(ok.body());
    return up.to_cloud;
  }
  void keep_trails() {
    rig.each([&](call::GatewayShard& shard) {
      for (const auto& c : shard.call_reports()) EXPECT_TRUE(shard.trails().trace(c.id));
    });
  }
  static std::string address_in(std::string_view text) {
    return media_of(text).address.to_string();
  }
  static int audio(Peer& p) {
    const auto n = std::count_if(p.rtp.begin(), p.rtp.end(), [](const auto& r) {
      return rtp::classify(std::as_bytes(std::span(r.bytes))) == rtp::Kind::kRtp &&
             r.bytes.size() == 172 && r.bytes[100] == 0x55;
    });
    p.rtp.clear();
    return static_cast<int>(n);
  }
  // Both hear ten packets of the other by way of us, from the address that the SDP named.
  void expect_talk(const Up& up, std::uint32_t ssrc) {
    core.rtp.clear();
    cloud.rtp.clear();
    core.send_rtp(media_of(up.to_core), 10, ssrc);
    cloud.send_rtp(media_of(up.to_cloud), 10, ssrc + 1);
    rig.run(Millis(60));
    ASSERT_FALSE(cloud.rtp.empty());
    EXPECT_EQ(cloud.rtp.back().from, media_of(up.to_cloud));
    EXPECT_EQ(audio(core), 10);
    EXPECT_EQ(audio(cloud), 10);
  }
  std::string answered;  // the 200 to the service
};
INSTANTIATE_TEST_SUITE_P(Modes, LocalMediaTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LocalMediaTest, TheUsersPlaceChoosesTheMediaAddress) {
  PROVES("LMO-01");
  struct Case {
    std::string headers, address;
  };
  const Case cases[] = {{kByUs, "10.9.0.1"},
                        {kOutside, "10.0.0.2"},
                        {"", "10.0.0.2"},
                        {"X-Place: Internal\r\n", "10.9.0.1"},
                        {"X-Place: elsewhere\r\n", "10.0.0.2"}};
  std::size_t n = 0;
  for (const Case& c : cases) {
    Up up = user_calls(c.headers);
    EXPECT_EQ(address_in(up.to_cloud), c.address) << c.headers;
    EXPECT_EQ(address_in(up.to_core), "10.0.0.1") << "the other side has one place";
    expect_talk(up, 10);
    core_hangs_up(up);
    rig.run(Millis(100));
    if (c.headers == kByUs) {
      EXPECT_NE(rig.trail_of(n).find("the user is inside, at site 12; media by "
                                     "sbc.operator.example, branch.enterprise.example"),
                std::string::npos)
          << rig.trail_of(n);
    }
    ++n;
  }
  expect_clean(n);
}

TEST_P(LocalMediaTest, AUserWhoMovesIsOfferedTheOtherAddress) {
  PROVES("LMO-03");
  Up up = user_calls(kOutside);
  const std::string before = up.to_cloud;
  expect_talk(up, 10);
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  EXPECT_EQ(line_of(up.to_cloud, "o=").substr(0, 20), line_of(before, "o=").substr(0, 20))
      << "one session";
  expect_talk(up, 20);
  (void)audio(core);
  cloud.send_rtp(media_of(before), 10, 30);
  rig.run(Millis(60));
  EXPECT_EQ(audio(core), 0) << "at the address that was left";
  reinvite(up, kOutside, offer(3));
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  expect_talk(up, 40);
  reinvite(up, kOutside, offer(4));
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  EXPECT_EQ(core.count("INVITE"), 1U) << "no matter of the core's";
  core_hangs_up(up);
  rig.run(Millis(100));
  EXPECT_NE(rig.trail_of(0).find("media moved to the internal address, 10.9.0.1"),
            std::string::npos)
      << rig.trail_of(0);
  expect_clean(1);
}

TEST_P(LocalMediaTest, ACalledUserWhoIsInsideMovesByTheFirstReinvite) {
  PROVES("LMO-03");
  Up up = user_is_called();
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(LocalMediaTest, AReinviteWithoutSdpIsOfferedTheOtherAddress) {
  Up up = user_calls(kOutside);
  cloud.request(up.cloud, "INVITE", kInside);
  const auto ok = cloud.expect("200 INVITE");
  up.to_cloud = std::string(ok.body());
  EXPECT_EQ(address_in(up.to_cloud), "10.9.0.1");
  cloud.ack(up.cloud, offer(2));
  rig.run(Millis(100));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

// The core will not have what the re-INVITE asks for: nothing moves.
TEST_P(LocalMediaTest, AMoveThatIsRefusedLeavesMediaWhereItWas) {
  Up up = user_calls(kOutside);
  cloud.request(up.cloud, "INVITE", kInside, offer(2, "inactive"));
  core.reply(core.expect("INVITE"), 488);
  core.expect("ACK");
  cloud.ack_failure(up.cloud, cloud.expect("488 INVITE"));
  rig.run(Millis(100));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

class OnePlaceTest : public LocalMediaTest {
 protected:
  OnePlaceTest() : LocalMediaTest(config({"", "security = \"rtp\"\n", true})) {}
};
INSTANTIATE_TEST_SUITE_P(Modes, OnePlaceTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(OnePlaceTest, WithoutASecondRealmNothingEverMoves) {
  PROVES("TDR-96");
  Up up = user_calls(kByBranch);
  EXPECT_EQ(address_in(up.to_cloud), "10.0.0.2");
  const std::string before = up.to_cloud;
  reinvite(up, kInside, offer(2));
  EXPECT_EQ(media_of(up.to_cloud), media_of(before));
  expect_talk(up, 10);
  core_hangs_up(up);
  expect_clean(1);
}

// One shard: where users were is known to the shard that saw it.
class LikelyPlaceTest : public LocalMediaTest {
 protected:
  LikelyPlaceTest()
      : LocalMediaTest(
            config({.group = "internal_media_realm = \"lan\"\n" + first(), .gateway = false}),
            Mode{1, GetParam().rebuild}) {}
  static std::string first() {
    return GetParam().shards == 1 ? "first_media_address = \"internal\"\n" : "";
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, LikelyPlaceTest, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(LikelyPlaceTest, AUserIsOfferedTheAddressThatIsLikelyToBeWanted) {
  PROVES("LMO-04");
  const bool inside = GetParam().shards == 1;  // what first_media_address says
  const std::string likely = inside ? "10.9.0.1" : "10.0.0.2";
  const std::string other = inside ? "10.0.0.2" : "10.9.0.1";
  std::size_t calls = 0;
  const auto call = [&](const std::string& address) {
    Up up = user_is_called();
    EXPECT_EQ(address_in(up.to_cloud), address);
    expect_talk(up, 10);
    core_hangs_up(up);
    rig.run(Seconds(1));
    ++calls;
  };
  call(likely);
  Up up = user_calls(inside ? kOutside : kInside);
  cloud_hangs_up(up);
  rig.run(Seconds(1));
  ++calls;
  call(other);
  rig.run(Seconds(13 * 3'600));
  call(likely);
  expect_clean(calls);
}

}  // namespace
}  // namespace causeway::scenario
