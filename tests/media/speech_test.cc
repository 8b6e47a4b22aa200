// What is decoded, made and sent between two peers that have not the same: codecs, packet times,
// digits.
#include <cmath>

#include "codec/codec.h"
#include "rtp/telephone_event.h"
#include "support/proves.h"
#include "tone/cadence.h"
#include "tone/dtmf_detector.h"
#include "world.h"

namespace causeway::media {
namespace {

using namespace testing_support;

// A sine that goes on from call to call.
struct Sine {
  double hertz, level = 8'000, rate = 8'000, at = 0;
  std::vector<std::int16_t> next(std::size_t n) {
    std::vector<std::int16_t> pcm(n);
    for (auto& s : pcm)
      s = static_cast<std::int16_t>(level * std::sin(at += 6.2831853 * hertz / rate));
    return pcm;
  }
};

// The share of `pcm` that is a sine of this frequency.
double share(const std::vector<std::int16_t>& pcm, double hertz, double rate) {
  double re = 0, im = 0, all = 0;
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double w = 6.2831853 * hertz * static_cast<double>(i) / rate, s = pcm[i];
    re += s * std::cos(w);
    im += s * std::sin(w);
    all += s * s;
  }
  return all == 0 ? 0 : 2 * (re * re + im * im) / static_cast<double>(pcm.size()) / all;
}

struct Speech : TwoPeers {
  void agree(sdp::Codec at_alice, sdp::Codec at_bob) {
    agree_a.send_codecs = agree_a.receive_codecs = {at_alice, line(101, "telephone-event")};
    agree_b.send_codecs = agree_b.receive_codecs = {at_bob, line(96, "telephone-event")};
  }
  // Alice plays a sine for `packets` of 20 ms.
  void play(const sdp::Codec& as, Sine& sine, int packets, int ms = 20) {
    auto e =
        std::move(*codec::make_encoder(as, 8'000, {.packet_ms = static_cast<std::uint16_t>(ms)}));
    for (int i = 0; i < packets; ++i) {
      std::array<std::byte, codec::kMaxPayload> payload;
      const auto pcm = sine.next(static_cast<std::size_t>(8 * ms));
      const std::size_t n = e->encode(pcm, payload);
      alice.say(as.pt.value, std::span(payload).first(n),
                codec::traits_of(as).clock / 1000 * static_cast<std::uint32_t>(ms), i == 0);
      net.pass(Millis(ms));
    }
  }
  std::vector<std::int16_t> decoded(const Peer& who, const sdp::Codec& as, std::uint32_t rate,
                                    std::size_t skip = 0) {
    auto d = std::move(*codec::make_decoder(as, rate));
    std::vector<std::int16_t> all, one(codec::kMaxSamples);
    for (const Heard& h : who.heard) {
      if (h.header.payload_type != as.pt.value) continue;
      const std::size_t n = d->decode(h.payload, one);
      all.insert(all.end(), one.begin(), one.begin() + static_cast<std::ptrdiff_t>(n));
    }
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(skip, all.size())));
    return all;
  }
  void expect_even(const Peer& who, std::uint32_t units) {
    for (std::size_t i = 1; i < who.heard.size(); ++i) {
      const auto &last = who.heard[i - 1].header, &next = who.heard[i].header;
      ASSERT_EQ(next.sequence, static_cast<std::uint16_t>(last.sequence + 1)) << i;
      ASSERT_EQ(next.timestamp, last.timestamp + units) << i;
      ASSERT_EQ(next.ssrc, last.ssrc);
      ASSERT_FALSE(next.marker) << i;
    }
  }
};

TEST_F(Speech, TheOtherLawIsHeardAsTheSameSound) {
  PROVES("TDM-09");
  agree(line(0, "PCMU"), line(8, "PCMA"));
  up();
  Sine sine{1'000};
  play(line(0, "PCMU"), sine, 50);
  ASSERT_EQ(bob.heard.size(), 50u);
  EXPECT_GT(share(decoded(bob, line(8, "PCMA"), 8'000), 1'000, 8'000), 0.99);
  expect_even(bob, 160);
}

TEST_F(Speech, CodecsThatDoNotMatchAreConverted) {
  PROVES("TDM-09");
  const sdp::Codec opus{PayloadType{111}, "opus", 48'000, 2, ""};
  struct Row {
    sdp::Codec from, to;
    std::uint32_t units;
  };
  for (const Row& r :
       {Row{line(0, "PCMU"), line(9, "G722"), 160}, Row{line(9, "G722"), line(8, "PCMA"), 160},
        Row{line(0, "PCMU"), opus, 960}, Row{opus, line(8, "PCMA"), 160},
        Row{line(8, "PCMA"), line(97, "G726-32"), 160}}) {
    SCOPED_TRACE(r.from.name + " to " + r.to.name);
    agree(r.from, r.to);
    secure_bob();
    up();
    bob.heard.clear();
    Sine sine{1'000};
    play(r.from, sine, 60);
    ASSERT_GE(bob.heard.size(), 57u);
    EXPECT_TRUE(bob.heard[0].header.marker);
    expect_even(bob, r.units);
    EXPECT_GT(share(decoded(bob, r.to, 8'000, 1'600), 1'000, 8'000), 0.95);
    EXPECT_EQ(bob.broken, 0);
    alice.ssrc += 1;  // of another call
    net.pass(Seconds(1));
  }
}

TEST_F(Speech, PacketsOfAnotherLengthAreConvertedOnceThreeHaveCome) {
  PROVES("TDM-18", "GW-10");
  agree(line(0, "PCMU"), line(0, "PCMU"));
  agree_b.send_ptime = 20;
  up();
  Sine sine{700};
  for (const int ms : {30, 10, 60, 20}) {
    SCOPED_TRACE(ms);
    play(line(0, "PCMU"), sine, 1'200 / ms, ms);
    net.pass(Millis(500));
    ASSERT_GE(bob.heard.size(), 50u);
    const auto& last = bob.heard.back();
    EXPECT_EQ(last.payload.size(), 160u);
    // All of the second half is even, whatever it began with.
    for (std::size_t i = bob.heard.size() / 2; i < bob.heard.size(); ++i)
      EXPECT_EQ(bob.heard[i].payload.size(), 160u) << i;
    EXPECT_NEAR(static_cast<double>(bob.heard.size()), 60 + 10, 12);
    bob.heard.clear();
  }
}

TEST_F(Speech, AReofferOfTheOtherSideBreaksNothing) {
  agree(line(0, "PCMU"), line(9, "G722"));
  secure_bob();
  up();
  Sine sine{1'000};
  play(line(0, "PCMU"), sine, 30);
  agree_a.direction = sdp::Direction::kSendRecv;
  agree_a.remote.rtcp_mux = false;
  ASSERT_TRUE(plane->apply(a, agree_a));
  ASSERT_TRUE(plane->apply(b, agree_b));
  play(line(0, "PCMU"), sine, 30);
  EXPECT_GE(bob.heard.size(), 57u);
  expect_even(bob, 160);
  EXPECT_GT(share(decoded(bob, line(9, "G722"), 8'000, 800), 1'000, 8'000), 0.9);
}

TEST_F(Speech, LostPacketsAreConcealedAndTheNumbersGoOn) {
  agree(line(0, "PCMU"), line(9, "G722"));
  up();
  Sine sine{1'000};
  auto e = std::move(*codec::make_encoder(line(0, "PCMU"), 8'000, {}));
  for (int i = 0; i < 100; ++i) {
    std::array<std::byte, codec::kMaxPayload> payload;
    const std::size_t n = e->encode(sine.next(160), payload);
    if (i % 10 == 5) {
      ++alice.sequence;
      alice.timestamp += 160;
    } else {
      alice.say(0, std::span(payload).first(n), 160);
    }
    net.pass(Millis(20));
  }
  EXPECT_GE(bob.heard.size(), 97u);
  expect_even(bob, 160);
  EXPECT_GT(share(decoded(bob, line(9, "G722"), 8'000, 800), 1'000, 8'000), 0.8);
}

// --- Digits ------------------------------------------------------------------------------------

// 100 ms of a digit, as a peer sends it.
void press(TwoPeers& w, Peer& who, std::uint8_t pt, std::uint8_t event, std::uint32_t per_ms = 8) {
  const std::uint32_t began = who.timestamp;
  for (int i = 1; i <= 7; ++i) {
    const bool end = i > 4;
    std::array<std::byte, rtp::kEventBytes> p;
    rtp::write_event(p, {event, 10, static_cast<std::uint16_t>(std::min(i, 5) * 20 * per_ms), end});
    who.timestamp = began;
    who.say(pt, p, 0, i == 1);
    if (i < 5) w.net.pass(Millis(20));
  }
  who.timestamp = began + 100 * per_ms;
  w.net.pass(Millis(100));
}

// Digits that a peer made out of what it heard.
std::vector<int> digits_at(const Peer& who, std::uint8_t pt, std::uint32_t clock = 8'000) {
  rtp::EventReceiver r;
  std::vector<int> found;
  Instant now{};
  for (const Heard& h : who.heard)
    if (h.header.payload_type == pt)
      for (const auto& e : r.receive({.sequence = h.header.sequence,
                                      .timestamp = h.header.timestamp,
                                      .marker = h.header.marker,
                                      .payload = h.payload,
                                      .clock = clock},
                                     now))
        if (e.what == rtp::EventReceiver::What::kBegin) found.push_back(e.event);
  return found;
}

TEST_F(Speech, EventsOfAnotherClockAreMadeAnew) {
  const sdp::Codec opus{PayloadType{111}, "opus", 48'000, 2, ""};
  agree(line(0, "PCMU"), opus);
  agree_b.send_codecs = agree_b.receive_codecs = {opus, line(110, "telephone-event", 48'000)};
  up();
  for (const std::uint8_t d : {1, 1, 2, 11}) press(*this, alice, 101, d);
  net.pass(Millis(300));
  EXPECT_EQ(digits_at(bob, 110, 48'000), (std::vector<int>{1, 1, 2, 11}));
  std::uint16_t longest = 0;
  for (const Heard& h : bob.heard)
    if (const auto e = rtp::parse_event(h.payload); h.header.payload_type == 110 && e)
      longest = std::max(longest, e->duration);
  EXPECT_NEAR(longest, 4'800, 1'100);
}

TEST_F(Speech, EventsAreSignalledToAPeerThatHasThemSo) {
  PROVES("TDM-10");
  agree(line(0, "PCMU"), line(0, "PCMU"));
  agree_b.send_codecs = agree_b.receive_codecs = {line(0, "PCMU")};
  agree_b.digits = DigitForm::kSignalled;
  up();
  press(*this, alice, 101, 5);
  EXPECT_TRUE(std::find(events.log.begin(), events.log.end(), "digit 5 for 1, 100 ms") !=
              events.log.end())
      << ::testing::PrintToString(events.log);
  EXPECT_TRUE(bob.heard.empty());
  // And back: what Bob's side signals, Alice gets as events.
  EXPECT_TRUE(plane->play_digit(a, 7, Millis(120)));
  EXPECT_FALSE(plane->play_digit(b, 7, Millis(120))) << "Bob has none";
  net.pass(Millis(500));
  EXPECT_EQ(digits_at(alice, 101), std::vector<int>{7});
}

TEST_F(Speech, TonesInTheAudioBecomeEventsAndAreNotHeard) {
  PROVES("TDM-10");
  agree(line(0, "PCMU"), line(8, "PCMA"));
  agree_a.send_codecs = agree_a.receive_codecs = {line(0, "PCMU")};
  agree_a.digits = DigitForm::kInBand;
  up();
  auto e = std::move(*codec::make_encoder(line(0, "PCMU"), 8'000, {}));
  Sine speech{400, 3'000}, low{770, 7'000}, high{1'336, 7'000};  // a 5
  const auto say = [&](int packets, bool tone) {
    for (int i = 0; i < packets; ++i) {
      auto pcm = tone ? low.next(160) : speech.next(160);
      if (tone) {
        const auto more = high.next(160);
        for (std::size_t k = 0; k < pcm.size(); ++k)
          pcm[k] = static_cast<std::int16_t>(pcm[k] + more[k]);
      }
      std::array<std::byte, codec::kMaxPayload> payload;
      const std::size_t n = e->encode(pcm, payload);
      alice.say(0, std::span(payload).first(n), 160);
      net.pass(Millis(20));
    }
  };
  say(20, false);
  for (int i = 0; i < 3; ++i) {
    say(3, true);
    say(5, false);
  }
  say(20, false);
  EXPECT_EQ(digits_at(bob, 96), (std::vector<int>{5, 5, 5}));
  const auto heard = decoded(bob, line(8, "PCMA"), 8'000);
  ASSERT_GT(heard.size(), 4'000u);
  double loudest = 0;
  for (std::size_t at = 0; at + 160 <= heard.size(); at += 80) {
    const std::vector<std::int16_t> part(heard.begin() + static_cast<std::ptrdiff_t>(at),
                                         heard.begin() + static_cast<std::ptrdiff_t>(at + 160));
    double energy = 0;
    for (const double s : part) energy += s * s;
    loudest = std::max(loudest, share(part, 1'336, 8'000) * std::sqrt(energy / 160));
  }
  EXPECT_LT(loudest, 300) << "nothing of the tone is left";
  EXPECT_GT(bob.heard.size(), 50u);
}

TEST_F(Speech, EventsBecomeTonesForAPeerThatHasNone) {
  PROVES("TDM-10");
  agree(line(0, "PCMU"), line(8, "PCMA"));
  agree_b.send_codecs = agree_b.receive_codecs = {line(8, "PCMA")};
  agree_b.digits = DigitForm::kInBand;
  up();
  Sine sine{400};
  play(line(0, "PCMU"), sine, 20);
  press(*this, alice, 101, 5);
  play(line(0, "PCMU"), sine, 20);
  const auto heard = decoded(bob, line(8, "PCMA"), 8'000);
  tone::DtmfDetector detector(8'000);
  std::vector<int> found;
  for (std::size_t at = 0; at + 160 <= heard.size(); at += 160) {
    std::vector<std::int16_t> part(heard.begin() + static_cast<std::ptrdiff_t>(at),
                                   heard.begin() + static_cast<std::ptrdiff_t>(at + 160));
    for (const auto& e : detector.process(part))
      if (e.begin) found.push_back(e.event);
  }
  EXPECT_EQ(found, std::vector<int>{5});
  for (std::size_t i = 1; i < bob.heard.size(); ++i)
    EXPECT_EQ(bob.heard[i].header.sequence,
              static_cast<std::uint16_t>(bob.heard[i - 1].header.sequence + 1));
}

TEST_F(Speech, ADigitWhoseEndNobodyHearsIsEnded) {
  agree(line(0, "PCMU"), line(9, "G722"));
  const auto hold_down = [&] {
    alice.timestamp += 160;
    for (int i = 1; i <= 5; ++i) {
      std::array<std::byte, rtp::kEventBytes> p;
      rtp::write_event(p, {5, 10, static_cast<std::uint16_t>(i * 160), false});
      alice.say(101, p, 0, i == 1);
      net.pass(Millis(20));
    }
  };
  const auto ends = [&] {
    std::size_t n = 0;
    for (const Heard& h : bob.heard)
      if (const auto e = rtp::parse_event(h.payload); h.header.payload_type == 96 && e) n += e->end;
    return n;
  };
  up();
  // All its end packets are lost: silence ends it.
  hold_down();
  EXPECT_EQ(ends(), 0u);
  net.pass(Millis(500));
  EXPECT_EQ(ends(), 3u);
  // Alice is gone from the call.
  bob.heard.clear();
  hold_down();
  plane->unjoin(a);
  net.pass(Millis(500));
  EXPECT_EQ(ends(), 3u);
  ASSERT_TRUE(plane->join(a, b));
  // It is agreed that audio is passed on, and with it her events.
  bob.heard.clear();
  alice.timestamp += 8'000;
  hold_down();
  ASSERT_TRUE(plane->busy(b));
  agree(line(0, "PCMU"), line(0, "PCMU"));
  ASSERT_TRUE(plane->apply(b, agree_b));
  net.pass(Millis(500));
  EXPECT_FALSE(plane->busy(b));
  EXPECT_EQ(ends(), 3u);
}

TEST_F(Speech, ADigitInProgressOutlivesAReoffer) {
  agree(line(0, "PCMU"), line(9, "G722"));
  up();
  const std::uint32_t began = alice.timestamp;
  for (int i = 1; i <= 13; ++i) {
    std::array<std::byte, rtp::kEventBytes> p;
    rtp::write_event(p, {5, 10, static_cast<std::uint16_t>(std::min(i, 11) * 160), i > 10});
    alice.timestamp = began;
    alice.say(101, p, 0, i == 1);
    net.pass(Millis(20));
    if (i == 5) {
      ASSERT_TRUE(plane->apply(a, agree_a));
      ASSERT_TRUE(plane->apply(b, agree_b));
    }
  }
  net.pass(Millis(300));
  EXPECT_EQ(digits_at(bob, 96), std::vector<int>{5});
  std::uint16_t longest = 0;
  for (const Heard& h : bob.heard)
    if (const auto e = rtp::parse_event(h.payload); h.header.payload_type == 96 && e)
      longest = std::max(longest, e->duration);
  EXPECT_EQ(longest, 11 * 160) << "as long as Alice's";
}

TEST_F(Speech, RingingIsHeardUntilThePartnerSpeaks) {
  agree(line(8, "PCMA"), line(8, "PCMA"));
  up();
  const auto& cadence = *tone::cadence_of("DE", tone::Signal::kRingback);  // 425 Hz, 1 s of 5
  EXPECT_TRUE(plane->ring(b, cadence));
  net.pass(Millis(900));
  EXPECT_NEAR(static_cast<double>(bob.heard.size()), 45, 2);
  EXPECT_GT(share(decoded(bob, line(8, "PCMA"), 8'000, 160), 425, 8'000), 0.95);
  const std::size_t before = bob.heard.size();
  for (int i = 0; i < 20; ++i) {
    alice.speak();
    net.pass(Millis(20));
  }
  EXPECT_NEAR(static_cast<double>(bob.heard.size() - before), 20, 1) << "no ringing besides";
  for (std::size_t i = 1; i < bob.heard.size(); ++i)
    EXPECT_EQ(bob.heard[i].header.sequence,
              static_cast<std::uint16_t>(bob.heard[i - 1].header.sequence + 1));
  EXPECT_FALSE(plane->ring(b, cadence)) << "the partner is heard";
  bob.heard.clear();
  net.pass(Seconds(2));
  EXPECT_TRUE(bob.heard.empty());
}

TEST_F(Speech, RingingIsStopped) {
  agree(line(9, "G722"), line(9, "G722"));
  up();
  EXPECT_TRUE(plane->ring(b, *tone::cadence_of("GB", tone::Signal::kRingback)));
  net.pass(Millis(500));
  EXPECT_GT(bob.heard.size(), 20u) << "in any codec that is made here";
  plane->stop_ringing(b);
  net.pass(Millis(300));
  bob.heard.clear();
  net.pass(Seconds(2));
  EXPECT_TRUE(bob.heard.empty());
}

TEST_F(Speech, ComfortNoiseIsPlayedWhereTheAudioIsMadeHere) {
  PROVES("TDM-11");
  agree(line(0, "PCMU"), line(9, "G722"));
  agree_a.send_codecs = agree_a.receive_codecs = {line(0, "PCMU"), line(13, "CN")};
  agree_a.digits = agree_b.digits = DigitForm::kEvents;
  up();
  Sine sine{1'000};
  play(line(0, "PCMU"), sine, 20);
  const std::array<std::byte, 1> noise{std::byte{40}};  // -40 dBov
  alice.say(13, noise, 160);
  bob.heard.clear();
  net.pass(Seconds(1));
  ASSERT_GT(bob.heard.size(), 40u);
  const auto heard = decoded(bob, line(9, "G722"), 8'000, 1'600);
  double energy = 0;
  for (const double v : heard) energy += v * v;
  const double rms = std::sqrt(energy / static_cast<double>(heard.size()));
  EXPECT_GT(rms, 100) << "-40 dBov are 327";
  EXPECT_LT(rms, 900);
  for (const Heard& h : bob.heard) EXPECT_EQ(h.header.payload_type, 9);
}

TEST_F(Speech, QualityIsKnownWithoutAReportOfThePeer) {
  PROVES("TDM-23");
  agree(line(8, "PCMA"), line(8, "PCMA"));
  up();
  for (int i = 0; i < 1'500; ++i) {
    if (i % 20 == 7) {
      ++alice.sequence;
      alice.timestamp += 160;
    } else {
      alice.speak();
    }
    bob.speak();
    net.pass(Millis(20));
  }
  const auto bad = plane->stats(a).quality, good = plane->stats(b).quality;
  ASSERT_TRUE(bad && good);
  EXPECT_NEAR(bad->loss.percent(), 5, 0.3);
  EXPECT_LT(bad->mos_average(), 4.1);
  EXPECT_EQ(good->loss.lost, 0u);
  EXPECT_GT(good->mos_average(), 4.3);
  EXPECT_FALSE(plane->stats(a).one_way);
  // Alice falls silent, and Bob is heard.
  for (int i = 0; i < 350; ++i) {
    bob.speak();
    net.pass(Millis(20));
  }
  EXPECT_TRUE(plane->stats(a).one_way);
  EXPECT_FALSE(plane->stats(b).one_way);
  EXPECT_EQ(std::count(events.log.begin(), events.log.end(), "one-way 0"), 1)
      << ::testing::PrintToString(events.log);
}

// The codec's own description of silence (RFC 4867, SID) is heard as noise without a break.
TEST_F(Speech, TheSilenceThatAmrDescribesIsNoiseToAPeerWithoutIt) {
  const sdp::Codec amr = line(98, "AMR");
  if (!codec::known(amr)) GTEST_SKIP() << "the plug-in is not built";
  agree(amr, line(0, "PCMU"));
  up();
  auto e = std::move(*codec::make_encoder(amr, 8'000, {.dtx = true}));
  std::uint32_t random = 1;
  int sent = 0;
  for (int i = 0; i < 200; ++i) {
    std::vector<std::int16_t> pcm(160);
    for (auto& s : pcm)
      s = static_cast<std::int16_t>((random = random * 1'664'525 + 1'013'904'223) >> 26);
    std::array<std::byte, codec::kMaxPayload> payload;
    const std::size_t n = e->encode(pcm, payload);
    if (n != 0) {
      alice.say(98, std::span(payload).first(n), 0, sent++ == 0);
    }
    alice.timestamp += 160;
    net.pass(Millis(20));
  }
  EXPECT_LT(sent, 100);
  EXPECT_GE(bob.heard.size(), 195u);
  const auto pcm = decoded(bob, line(0, "PCMU"), 8'000, 16'000);
  int mute = 0;
  for (std::size_t at = 0; at + 160 <= pcm.size(); at += 160)
    mute += std::all_of(pcm.begin() + static_cast<std::ptrdiff_t>(at),
                        pcm.begin() + static_cast<std::ptrdiff_t>(at + 160),
                        [](std::int16_t s) { return s == 0; })
                ? 1
                : 0;
  EXPECT_EQ(mute, 0);
}

TEST_F(Speech, TheModeThatAnAmrPeerAsksForIsSentToIt) {
  const sdp::Codec amr = line(98, "AMR");
  if (!codec::known(amr)) GTEST_SKIP() << "the plug-in is not built";
  agree(line(0, "PCMU"), amr);
  up();
  Sine sine{700};
  // RFC 4867 4.3: FT is behind the four bits of CMR and F.
  const auto mode = [&] {
    const auto& p = bob.heard.back().payload;
    return std::to_integer<int>(p[0] & std::byte{7}) << 1 | std::to_integer<int>(p[1]) >> 7;
  };
  play(line(0, "PCMU"), sine, 20);
  ASSERT_FALSE(bob.heard.empty());
  EXPECT_EQ(mode(), 7);
  // CMR 2, and a frame without speech.
  const std::array request{std::byte{0b0010'0111}, std::byte{0b1100'0000}};
  for (int i = 0; i < 5; ++i) {
    bob.say(98, request, 160, i == 0);
    net.pass(Millis(20));
  }
  play(line(0, "PCMU"), sine, 20);
  EXPECT_EQ(mode(), 2);
}

TEST_F(Speech, OpusCarriesCopiesToAPeerThatReportsLosses) {
  const sdp::Codec opus{PayloadType{111}, "opus", 48'000, 2, "useinbandfec=1"};
  agree(line(0, "PCMU"), opus);
  up();
  Sine sine{700};
  // RFC 6716 4.2.3: the second bit of a SILK frame says that a copy follows.
  const auto copies = [&] {
    int n = 0;
    for (const Heard& h : bob.heard)
      n += h.payload.size() > 2 && (h.payload[1] & std::byte{0x40}) != std::byte{0} ? 1 : 0;
    return n;
  };
  play(line(0, "PCMU"), sine, 50);
  EXPECT_EQ(copies(), 0);
  rtp::ReportBlock lossy;
  lossy.ssrc = bob.heard.back().header.ssrc;
  lossy.fraction_lost = 51;  // 20 %
  bob.report(std::span(&lossy, 1), false);
  bob.heard.clear();
  play(line(0, "PCMU"), sine, 50);
  EXPECT_GT(copies(), 20);
}

TEST_F(Speech, ReportsAreOursWhereTheAudioIs) {
  agree(line(0, "PCMU"), line(9, "G722"));
  up();
  Sine sine{1'000};
  play(line(0, "PCMU"), sine, 300);
  alice.report();
  net.pass(Seconds(5));
  ASSERT_FALSE(bob.reports.empty());
  rtp::RtcpReader reader(bob.reports.back());
  rtp::RtcpItem item;
  ASSERT_TRUE(reader.next(item));
  EXPECT_EQ(item.ssrc, bob.heard.back().header.ssrc);
  bool told = false;
  for (const auto& one : bob.reports) {
    rtp::RtcpReader r(one);
    rtp::RtcpItem i;
    while (r.next(i))
      if (const auto s = i.sender_info()) {
        told = true;
        EXPECT_LE(s->packets, bob.heard.size());
        EXPECT_GT(s->packets, 0u);
      }
  }
  EXPECT_TRUE(told) << "a sender report";
}

}  // namespace
}  // namespace causeway::media
