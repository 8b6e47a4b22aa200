// A peer on hold hears music where its profile has some.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "codec/codec.h"
#include "scenario/fixture.h"

namespace causeway::scenario {
namespace {

// A second of 440 Hz, for as long as the test.
class MusicFile {
 public:
  MusicFile() : path_("/tmp/causeway-hold-" + std::to_string(getpid()) + ".wav") {
    std::ofstream out(path_, std::ios::binary);
    const auto word = [&](std::uint32_t v, int bytes) {
      for (int i = 0; i < bytes; ++i) out.put(static_cast<char>(v >> (8 * i)));
    };
    out << "RIFF";
    word(36 + 16'000, 4);
    out << "WAVEfmt ";
    word(16, 4), word(1, 2), word(1, 2), word(8'000, 4), word(16'000, 4), word(2, 2), word(16, 2);
    out << "data";
    word(16'000, 4);
    for (int i = 0; i < 8'000; ++i)
      word(static_cast<std::uint16_t>(
               static_cast<std::int16_t>(8'000 * std::sin(6.2831853 * 440 * i / 8'000))),
           2);
  }
  ~MusicFile() { (void)::unlink(path_.c_str()); }
  MusicFile(const MusicFile&) = delete;
  MusicFile& operator=(const MusicFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Held {
  MusicFile file;
};

struct HoldMusic : Held, CallTest {
  explicit HoldMusic(const char* key = "hold_music")
      : CallTest(make_config({.top = "[[profile]]\nname = \"musical\"\nextends = \"operator\"\n" +
                                     std::string(key) + " = \"" + file.path() + "\"\n",
                              .core_profile = "musical"})) {}
  // Packets of the core in which 440 Hz, and nothing else, is heard.
  std::size_t music() const {
    std::size_t n = 0;
    auto d = std::move(*codec::make_decoder({PayloadType{8}, "PCMA", 8'000, 1, ""}, 8'000));
    for (const auto& p : core.rtp) {
      if ((p.bytes[1] & 0x7f) != 8 || p.bytes.size() != 172) continue;
      std::vector<std::int16_t> pcm(codec::kMaxSamples);
      const std::size_t size = d->decode(std::as_bytes(std::span(p.bytes)).subspan(12), pcm);
      double all = 0, sine = 0, cosine = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const double v = pcm[i], at = 6.2831853 * 440 * static_cast<double>(i) / 8'000;
        all += v * v;
        sine += v * std::sin(at);
        cosine += v * std::cos(at);
      }
      const double samples = static_cast<double>(size);
      n += all / samples > 2'000.0 * 2'000 &&
           (sine * sine + cosine * cosine) * 2 / samples > all * 0.9;
    }
    return n;
  }
  std::size_t rtp() const {
    return static_cast<std::size_t>(std::count_if(
        core.rtp.begin(), core.rtp.end(), [](const auto& p) { return (p.bytes[1] & 0x7f) == 8; }));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, HoldMusic, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(HoldMusic, OfTheServicesOwnComesFromAnotherAddressThatIsFollowed) {
  PROVES("TDR-97");
  Peer processor(rig, "processor", "10.2.0.9:5061", Transport::kTls, {"x"});
  processor.open_rtp(50500);
  cloud.open_rtp(50000);
  auto up = core_calls();
  core.open_rtp(40000);
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Millis(100));
  EXPECT_GE(cloud.rtp.size(), 5U);
  const Endpoint ours = media_of(up.to_cloud);
  // It holds by a media processor that plays the music.
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.9", 50500, "sendrecv", 2));
  const auto ok = cloud.expect("200 INVITE");
  cloud.ack(up.cloud);
  rig.run(Millis(100));
  EXPECT_EQ(media_of(ok.body()), ours) << "ours stays";
  cloud.rtp.clear();
  core.send_rtp(media_of(up.to_core), 5);
  rig.run(Millis(100));
  EXPECT_GE(processor.rtp.size(), 5U);
  EXPECT_TRUE(std::none_of(cloud.rtp.begin(), cloud.rtp.end(), [](const auto& p) {
    return (p.bytes[1] & 0x7f) == 8;
  })) << "and nobody else is sent to";
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldMusic, IsHeardUntilTheHoldEnds) {
  PROVES("TDR-97");
  auto up = core_calls();
  core.open_rtp(40000);
  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  auto inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendonly") << "music comes";
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "recvonly", "8 PCMA/8000", 2));
  core.expect("ACK");
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "inactive");
  cloud.ack(up.cloud);
  rig.run(Seconds(5));
  EXPECT_GT(music(), 100u);
  EXPECT_GE(music() + 2, rtp()) << "and nothing else";
  EXPECT_FALSE(core.has("INVITE"));
  EXPECT_FALSE(cloud.has("INVITE"));

  cloud.request(up.cloud, "INVITE", "", secure_sdp("10.2.0.1", 50000, "sendrecv", 3));
  inv = core.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "sendrecv");
  core.reply(inv, 200, "", sdp("10.1.0.1", 40000, "sendrecv", "8 PCMA/8000", 3));
  core.expect("ACK");
  EXPECT_EQ(direction_of(cloud.expect("200 INVITE").body()), "sendrecv");
  cloud.ack(up.cloud);
  rig.run(Seconds(1));
  core.rtp.clear();
  rig.run(Seconds(4));
  EXPECT_EQ(rtp(), 0u);
  core_hangs_up(up);
  expect_clean(1);
}

TEST_P(HoldMusic, TheSideThatHoldsHearsNone) {
  auto up = core_calls();
  core.open_rtp(40000);
  core.request(up.core, "INVITE", "",
               sdp("10.1.0.1", 40000, "sendonly", "8 PCMA/8000,101 telephone-event/8000", 2));
  auto inv = cloud.expect("INVITE");
  EXPECT_EQ(direction_of(inv.body()), "inactive") << "it knows no other form";
  cloud.reply(inv, 200, "", secure_sdp("10.2.0.1", 50000, "inactive", 2));
  cloud.expect("ACK");
  EXPECT_EQ(direction_of(core.expect("200 INVITE").body()), "recvonly");
  core.ack(up.core);
  rig.run(Seconds(5));
  EXPECT_EQ(rtp(), 0u);
  core_hangs_up(up);
  expect_clean(1);
}

struct RingingSound : HoldMusic {
  RingingSound() : HoldMusic("ringback") {}
};
INSTANTIATE_TEST_SUITE_P(Modes, RingingSound, ::testing::ValuesIn(all_modes()), mode_name);

TEST_P(RingingSound, IsHeardAfterAnEarlyAnswer) {
  PROVES("TDR-74");
  core.open_rtp(40000);
  auto d = core.invite("+4989123", "", sdp("10.1.0.1", 40000));
  const auto inv = cloud.expect("INVITE");
  cloud.reply(inv, 183, "", secure_sdp("10.2.0.1", 50000));
  core.expect("183");
  rig.run(Seconds(1));
  EXPECT_NEAR(static_cast<double>(music()), 50, 4);
  cloud.reply(inv, 486);
  cloud.expect("ACK");
  (void)failure(core, d, 486);
  expect_clean(1);
}

}  // namespace
}  // namespace causeway::scenario
