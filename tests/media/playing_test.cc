// What a peer hears when the other side is silent, what it is told of that silence, faxes that are
// heard, and reports that a peer asks for or declines.
#include <cmath>

#include "codec/codec.h"
#include "rtp/telephone_event.h"
#include "rtp/voip_metrics.h"
#include "support/proves.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

std::vector<std::int16_t> sine(double hertz, double level, int ms, double rate = 8'000) {
  std::vector<std::int16_t> pcm(static_cast<std::size_t>(ms * rate / 1'000));
  for (std::size_t i = 0; i < pcm.size(); ++i)
    pcm[i] = static_cast<std::int16_t>(level *
                                       std::sin(6.2831853 * hertz * static_cast<double>(i) / rate));
  return pcm;
}

struct Playing : TwoPeers {
  const sdp::Codec pcma = line(8, "PCMA"), g722 = line(9, "G722"), noise = line(13, "CN");
  void agree(std::vector<sdp::Codec> alices, std::vector<sdp::Codec> bobs) {
    agree_a.send_codecs = agree_a.receive_codecs = std::move(alices);
    agree_b.send_codecs = agree_b.receive_codecs = std::move(bobs);
  }
  // Alice says it in PCMA, packet by packet.
  void say(const std::vector<std::int16_t>& pcm) {
    auto e = std::move(*codec::make_encoder(pcma, 8'000, {}));
    for (std::size_t at = 0; at + 160 <= pcm.size(); at += 160) {
      std::array<std::byte, 160> payload;
      (void)e->encode(std::span(pcm).subspan(at, 160), payload);
      alice.say(8, payload, 160, at == 0);
      net.pass(Millis(20));
    }
  }
  std::size_t heard_of(std::uint8_t type) const {
    std::size_t n = 0;
    for (const Heard& h : bob.heard) n += h.header.payload_type == type;
    return n;
  }
  std::shared_ptr<const tone::Sound> music() {
    tone::WavFile file{8'000, sine(440, 8'000, 1'000)};
    auto sound = std::make_shared<tone::Sound>();
    for (const std::uint32_t rate : {8'000U, 16'000U, 48'000U})
      sound->clips.push_back(tone::make_clip(file, rate));
    return sound;
  }
};

// --- Music ---------------------------------------------------------------------------------------

TEST_F(Playing, MusicFillsWhatTheHoldingSideLeavesSilent) {
  agree({pcma}, {pcma});
  up();
  talk(50);
  bob.heard.clear();
  plane->set_hold_music(b, music());
  net.pass(Seconds(4));
  EXPECT_NEAR(static_cast<double>(bob.heard.size()), 125, 50) << "after a second or two";
  auto d = std::move(*codec::make_decoder(pcma, 8'000));
  std::vector<std::int16_t> one(codec::kMaxSamples);
  const std::size_t n = d->decode(bob.heard[30].payload, one);
  ASSERT_EQ(n, 160u);
  EXPECT_GT(*std::max_element(one.begin(), one.begin() + 160), 7'000);
  for (std::size_t i = 1; i < bob.heard.size(); ++i)
    EXPECT_EQ(bob.heard[i].header.sequence,
              static_cast<std::uint16_t>(bob.heard[i - 1].header.sequence + 1));
  // Music of the other side's own is heard instead, and ours again when that ends.
  bob.heard.clear();
  for (int i = 0; i < 100; ++i) {
    alice.speak();
    net.pass(Millis(20));
  }
  EXPECT_NEAR(static_cast<double>(bob.heard.size()), 100, 2) << "one of the two";
  bob.heard.clear();
  net.pass(Seconds(8));
  EXPECT_TRUE(bob.heard.empty()) << "hers may pause";
  net.pass(Seconds(6));
  EXPECT_GT(bob.heard.size(), 75u);
  plane->set_hold_music(b, nullptr);
  net.pass(Millis(300));
  bob.heard.clear();
  net.pass(Seconds(3));
  EXPECT_TRUE(bob.heard.empty());
}

TEST_F(Playing, MusicGoesWithTheCodecAndNeverAgainstTheDirection) {
  agree({pcma}, {g722});
  up();
  plane->set_hold_music(b, music());
  net.pass(Seconds(3));
  EXPECT_GT(heard_of(9), 50u);
  agree_b.direction = sdp::Direction::kInactive;
  ASSERT_TRUE(plane->apply(b, agree_b));
  net.pass(Millis(100));
  bob.heard.clear();
  net.pass(Seconds(3));
  EXPECT_TRUE(bob.heard.empty());
}

TEST_F(Playing, RingingMayBeASound) {
  agree({pcma}, {pcma});
  up();
  EXPECT_TRUE(plane->ring(b, *music()));
  net.pass(Seconds(1));
  EXPECT_NEAR(static_cast<double>(bob.heard.size()), 50, 3);
  alice.speak();
  net.pass(Millis(20));
  bob.heard.clear();
  net.pass(Seconds(1));
  EXPECT_TRUE(bob.heard.empty()) << "she was heard";
}

// --- Silence -------------------------------------------------------------------------------------

TEST_F(Playing, SilenceIsDescribedWhereItWasAgreedAndSpeechBeginsAnew) {
  PROVES("TDM-11");
  agree({pcma}, {g722, noise});
  up();
  say(sine(300, 8'000, 400));
  say(sine(700, 150, 400));  // what is between words
  net.pass(Seconds(3));
  ASSERT_GE(heard_of(13), 1u);
  const auto first = std::find_if(bob.heard.begin(), bob.heard.end(),
                                  [](const Heard& h) { return h.header.payload_type == 13; });
  const int level = static_cast<int>(first->payload.at(0));
  // 150 / 32767 at its peak: -47 dBov, and 3 dB less for a sine.
  EXPECT_NEAR(level, 50, 4);
  EXPECT_EQ(bob.heard.back().header.payload_type, 13) << "no speech is made of silence";
  const std::size_t before = bob.heard.size();
  say(sine(300, 8'000, 200));
  ASSERT_GT(bob.heard.size(), before);
  EXPECT_EQ(bob.heard[before].header.payload_type, 9);
  EXPECT_TRUE(bob.heard[before].header.marker);
  EXPECT_GT(bob.heard[before].header.timestamp - first->header.timestamp, 8'000u * 2);
}

TEST_F(Playing, SilenceThatThePeerDescribesIsDescribedOn) {
  PROVES("TDM-11");
  agree({pcma, noise}, {g722, noise});
  up();
  say(sine(300, 8'000, 400));
  const std::array<std::byte, 1> sid{std::byte{60}};
  for (int i = 0; i < 10; ++i) {
    alice.say(13, sid, 1'600, false);
    net.pass(Millis(200));
  }
  ASSERT_GE(heard_of(13), 2u);
  EXPECT_NEAR(static_cast<int>(bob.heard.back().payload.at(0)), 60, 6);
}

TEST_F(Playing, WithoutAnAgreementSilenceIsEncoded) {
  agree({pcma, noise}, {g722});
  up();
  say(sine(300, 8'000, 400));
  net.pass(Seconds(1));
  EXPECT_EQ(heard_of(13), 0u);
  EXPECT_GT(heard_of(9), 20u);
}

// --- Fax -----------------------------------------------------------------------------------------

TEST_F(Playing, AFaxIsHeardWhereItsAudioIsDecodedAndThenNothingIsDoneToIt) {
  PROVES("TDM-19");
  agree({pcma, line(101, "telephone-event")}, {g722});
  agree_a.fax = sdp::FaxAs::kWhereDecoded;
  agree_a.digits = DigitForm::kInBand;
  up();
  say(sine(300, 8'000, 1'000));
  const auto ced = std::string(tone::to_string(tone::FaxTone::kCed)) + " of 0";
  EXPECT_EQ(std::count(events.log.begin(), events.log.end(), ced), 0);
  say(sine(2'100, 8'000, 1'000));
  EXPECT_EQ(std::count(events.log.begin(), events.log.end(), ced), 1);
  plane->make_plain(a);
  plane->make_plain(b);
  EXPECT_NE(plane->path(a).find("decoded at 8 kHz, packets of 20 ms, for a fax or modem"),
            std::string::npos)
      << plane->path(a) << ": the other side is still on its codec";
  agree_b.send_codecs = agree_b.receive_codecs = {pcma, noise};
  agree_b.plain = agree_a.plain = true;
  ASSERT_TRUE(plane->apply(b, agree_b));
  EXPECT_EQ(plane->path(a), "PCMA, relayed, for a fax or modem");
  bob.heard.clear();
  alice.say(8, std::vector<std::byte>(320, std::byte{0x55}), 320);
  net.pass(Millis(20));
  ASSERT_EQ(bob.heard.size(), 1u);
  EXPECT_EQ(bob.heard[0].payload, std::vector<std::byte>(320, std::byte{0x55})) << "as it came";
  EXPECT_EQ(plane->transcoding().used, 0);
}

TEST_F(Playing, AFaxIsHeardInWhatIsRelayedOnlyWhereThatIsAskedFor) {
  PROVES("TDM-19");
  for (const auto& [as, times] :
       {std::pair{sdp::FaxAs::kWhereDecoded, 0}, std::pair{sdp::FaxAs::kIgnore, 0},
        std::pair{sdp::FaxAs::kPassthrough, 1}}) {
    agree({pcma}, {pcma});
    agree_a.fax = as;
    up();
    events.log.clear();
    say(sine(2'100, 8'000, 1'000));
    EXPECT_EQ(std::count(events.log.begin(), events.log.end(),
                         std::string(tone::to_string(tone::FaxTone::kCed)) + " of 0"),
              times);
  }
}

// --- Reports -------------------------------------------------------------------------------------

std::optional<rtp::VoipMetrics> metrics_in(const std::vector<std::vector<std::byte>>& compounds) {
  std::optional<rtp::VoipMetrics> last;
  for (const auto& c : compounds) {
    EXPECT_TRUE(rtp::valid_compound(c));
    rtp::RtcpReader reader(c);
    rtp::RtcpItem item;
    while (reader.next(item))
      if (const auto m = rtp::voip_metrics(item)) last = m;
  }
  return last;
}

TEST_F(Playing, QualityIsReportedToThePeerThatAskedForIt) {
  agree_a.voip_metrics = true;
  up();
  for (int i = 0; i < 1'000; ++i) {
    if (i % 10 == 0) ++alice.sequence, alice.timestamp += 160;  // one in eleven is lost
    alice.speak();
    bob.speak();
    net.pass(Millis(20));
  }
  const auto m = metrics_in(alice.reports);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->ssrc, alice.ssrc);
  EXPECT_NEAR(m->loss_rate, 256 / 11, 3);
  EXPECT_LT(m->r_factor, 90);
  EXPECT_FALSE(metrics_in(bob.reports)) << "he did not ask";
  // In what is passed on, too.
  alice.reports.clear();
  bob.report();
  net.pass(Millis(1));
  EXPECT_TRUE(metrics_in(alice.reports));
}

TEST_F(Playing, APeerThatWantsNoReportsGetsNone) {
  agree_a.no_rtcp = true;
  up();
  talk(300);
  bob.report();
  net.pass(Millis(10));
  EXPECT_TRUE(alice.reports.empty());
  EXPECT_FALSE(bob.reports.empty());
}

// --- Digits --------------------------------------------------------------------------------------

TEST_F(Playing, DigitsThatAreMoreThanCanWaitAreCountedAndToldOnce) {
  agree({pcma, line(101, "telephone-event")}, {g722, line(96, "telephone-event")});
  up();
  for (std::uint8_t i = 0; i < 100; ++i) {
    std::array<std::byte, rtp::kEventBytes> e;
    rtp::write_event(e, {.event = static_cast<std::uint8_t>(i % 10), .duration = 80, .end = false});
    alice.say(101, e, 0, true);
    rtp::write_event(e, {.event = static_cast<std::uint8_t>(i % 10), .duration = 160, .end = true});
    alice.say(101, e, 160);
    net.pass(Millis(20));
  }
  EXPECT_EQ(std::count(events.log.begin(), events.log.end(), "digit lost to 1"), 1);
  EXPECT_GT(plane->stats(b).lost_digits, 10u);
  EXPECT_EQ(plane->stats(a).lost_digits, 0u);
}

}  // namespace
}  // namespace causeway::media
