// What is relayed, what is decoded and what is left out, as a table.
#include "media/plan.h"

#include <gtest/gtest.h>

namespace causeway::media {
namespace {

sdp::Codec c(std::uint8_t pt, const char* name, std::uint32_t clock = 8000,
             std::uint8_t channels = 1, const char* fmtp = "") {
  return {PayloadType{pt}, name, clock, channels, fmtp};
}
const sdp::Codec kPcmu = c(0, "PCMU"), kPcma = c(8, "PCMA"), kG722 = c(9, "G722"),
                 kOpus = c(111, "opus", 48000, 2), kSilk = c(104, "SILK", 16000),
                 kNoise = c(13, "CN"), kTe = c(101, "telephone-event"),
                 kTe48 = c(110, "telephone-event", 48000);

LegMedia leg(std::vector<sdp::Codec> codecs, DigitForm digits = DigitForm::kEvents) {
  LegMedia m;
  m.send_codecs = m.receive_codecs = std::move(codecs);
  m.digits = digits;
  return m;
}

TEST(Plan, RelaysWhatBothHaveByTheNumbersOfTheOther) {
  const Plan p = plan(leg({kPcmu, kSilk, kTe}),
                      leg({c(96, "SILK", 16000), kPcmu, c(97, "telephone-event")}), 20);
  EXPECT_EQ(p.types[0], 0);
  EXPECT_EQ(p.types[104], 96);
  EXPECT_EQ(p.types[101], 97);
  EXPECT_EQ(p.types[8], kNoType);
  EXPECT_FALSE(p.decoding || p.coding || p.events || p.digits);
  EXPECT_EQ(in_words(p, leg({kPcmu}), leg({kPcmu})), "PCMU, relayed");
}

TEST(Plan, TheOtherLawIsATableAndOtherCodecsMeetInPcm) {
  const Plan law = plan(leg({kPcmu, kTe}), leg({kPcma, kTe}), 0);
  EXPECT_EQ(law.types[0], kOtherLaw);
  EXPECT_EQ(law.other_law, 8);
  EXPECT_TRUE(law.to_a_law);
  EXPECT_EQ(law.types[101], 101) << "events stay what they are";
  EXPECT_FALSE(law.decoding);
  EXPECT_EQ(in_words(law, leg({kPcmu}), leg({kPcma})), "PCMU -> PCMA, by table");

  const auto from = leg({kPcma, kTe}), to = leg({kOpus, kTe48, kTe});
  const Plan p = plan(from, to, 0);
  EXPECT_EQ(p.types[8], kDecode);
  ASSERT_TRUE(p.decoding && p.coding && p.events);
  EXPECT_EQ(p.decoding->rate, 8000u);
  EXPECT_EQ(p.coding->codec, kOpus);
  EXPECT_EQ(p.coding->packet_ms, 20);
  EXPECT_EQ(p.types[101], kDigit);
  EXPECT_EQ(p.events->type, 110) << "at the clock of the audio";
  EXPECT_EQ(in_words(p, from, to),
            "PCMA -> opus, decoded at 8 kHz, packets of 20 ms, digits as events");

  const Plan wide = plan(leg({kG722}), leg({kOpus}), 0);
  EXPECT_EQ(wide.decoding->rate, 16000u) << "what both have of the band";
  const Plan none = plan(leg({kSilk}), leg({kPcmu}), 0);
  EXPECT_EQ(none.types[104], kNoType) << "what we cannot decode";
  EXPECT_FALSE(none.decoding);
  EXPECT_EQ(in_words(none, leg({kSilk}), leg({kPcmu})), "nothing passes");
}

TEST(Plan, OnlyWhatIsNotCommonIsDecoded) {
  const Plan p = plan(leg({kPcmu, kG722}), leg({kPcmu}), 0);
  EXPECT_EQ(p.types[0], 0);
  EXPECT_EQ(p.types[9], kDecode);
  ASSERT_TRUE(p.decoding);
  EXPECT_EQ(p.decoding->codecs, std::vector{kG722});
}

// RFC 3264 7: what our offer had and the answer left out may come for a moment, and not for long.
TEST(Plan, NoDecoderWaitsForWhatTheAnswerLeftOut) {
  LegMedia callee = leg({kPcmu, kPcma, kG722, kTe});
  callee.send_codecs = {kPcma, kTe};
  const Plan p = plan(callee, leg({kPcma, kPcmu, kTe}), 0);
  EXPECT_FALSE(p.decoding || p.coding || p.digits);
  EXPECT_EQ(p.types[8], 8);
  EXPECT_EQ(p.types[0], 0) << "that costs nothing";
  EXPECT_EQ(p.types[9], kNoType);
  EXPECT_EQ(p.types[101], 101);
  // Where all audio is decoded, it is passed on as it is or not at all.
  LegMedia long_packets = leg({kPcma, kPcmu, kTe});
  long_packets.send_ptime = 20;
  const Plan q = plan(callee, long_packets, 30);
  ASSERT_TRUE(q.decoding);
  EXPECT_EQ(q.decoding->codecs, std::vector{kPcma});
  EXPECT_EQ(q.types[0], 0);
  EXPECT_EQ(q.types[9], kNoType);
}

TEST(Plan, AnAnswerThatIsWrittenCarelesslyIsStillHeard) {
  const sdp::Codec amr = c(96, "AMR"), aligned = c(97, "AMR", 8000, 1, "octet-align=1");
  LegMedia callee = leg({amr, kTe});
  callee.send_codecs = {aligned, kTe};
  LegMedia odd = leg({kG722});
  odd.send_codecs = {kSilk};  // nothing that it was offered
  EXPECT_EQ(plan(odd, leg({kPcmu}), 0).types[9], kDecode);
  EXPECT_EQ(plan(callee, leg({kPcmu, kTe}), 0).types[96], kDecode);
}

TEST(Plan, PacketsOfAnotherLengthAreConvertedWhereThePeerSaidSo) {
  auto to = leg({kPcmu});
  EXPECT_FALSE(plan(leg({kPcmu}), to, 30).decoding) << "it did not say";
  to.send_ptime = 20;
  EXPECT_FALSE(plan(leg({kPcmu}), to, 0).decoding) << "nothing came yet";
  EXPECT_FALSE(plan(leg({kPcmu}), to, 20).decoding);
  const Plan p = plan(leg({kPcmu}), to, 30);
  ASSERT_TRUE(p.decoding && p.coding);
  EXPECT_EQ(p.coding->packet_ms, 20);
  to.send_ptime = 0;
  to.send_maxptime = 40;
  EXPECT_FALSE(plan(leg({kPcmu}), to, 40).decoding);
  EXPECT_TRUE(plan(leg({kPcmu}), to, 60).decoding);
  EXPECT_FALSE(plan(leg({kSilk}), leg({kSilk}), 60).decoding) << "relayed as it comes";
}

TEST(Plan, DigitsGoInTheFormOfTheOtherSide) {
  struct Row {
    DigitForm from, to;
    bool decodes, finds, digits, events;
    std::uint8_t event_type;
  };
  using enum DigitForm;
  const std::vector<Row> table{
      {kEvents, kEvents, false, false, false, false, 101},
      {kEvents, kInBand, false, false, true, false, kDigit},
      {kEvents, kSignalled, false, false, true, false, kDigit},
      {kInBand, kEvents, true, true, true, true, kNoType},
      {kInBand, kInBand, false, false, false, false, kNoType},
      {kInBand, kSignalled, true, true, true, false, kNoType},
      {kSignalled, kEvents, false, false, false, true, kNoType},
      {kSignalled, kSignalled, false, false, false, false, kNoType},
  };
  for (const Row& r : table) {
    SCOPED_TRACE(::testing::Message()
                 << static_cast<int>(r.from) << " to " << static_cast<int>(r.to));
    const auto with = [](DigitForm f) {
      return f == kEvents ? leg({kPcmu, kTe}, f) : leg({kPcmu}, f);
    };
    const Plan p = plan(with(r.from), with(r.to), 0);
    EXPECT_EQ(p.decoding.has_value(), r.decodes);
    EXPECT_EQ(p.decoding && p.decoding->find_digits, r.finds);
    EXPECT_EQ(p.digits, r.digits);
    EXPECT_EQ(p.events.has_value(), r.events);
    EXPECT_EQ(p.types[101], r.event_type);
    EXPECT_EQ(p.types[0], r.decodes ? kDecode : 0);
  }
  EXPECT_TRUE(plan(leg({kPcmu, kTe}), leg({kPcmu}, kInBand), 0).coding)
      << "a tone is made while a digit is heard";
  EXPECT_EQ(plan(leg({kPcmu, kTe}), leg({kPcmu, kTe48}), 0).types[101], kDigit) << "another clock";
}

TEST(Plan, ComfortNoiseIsPassedOnOnlyAmongAudioThatIs) {
  EXPECT_EQ(plan(leg({kPcmu, kNoise}), leg({kPcmu, kNoise}), 0).types[13], 13);
  EXPECT_EQ(plan(leg({kPcmu, kNoise}), leg({kPcmu}), 0).types[13], kNoType);
  EXPECT_EQ(plan(leg({kPcmu, kNoise}), leg({kG722, kNoise}), 0).types[13], media::kNoise);
}

TEST(Plan, AmrInAnotherPayloadFormatIsAnotherCodec) {
  const auto amr = c(100, "AMR", 8000, 1, "octet-align=1"), other = c(100, "AMR", 8000, 1, "");
  EXPECT_EQ(plan(leg({amr}), leg({amr}), 0).types[100], 100);
  EXPECT_NE(plan(leg({amr}), leg({other}), 0).types[100], 100);
}

TEST(Plan, WhatThePeerTakesDecidesCodecBitsAndPacketTimes) {
  auto to = leg({kPcmu, kOpus});
  EXPECT_EQ(coding_towards(to)->codec, kPcmu);
  to.remote.bandwidth.tias = 20'000;
  EXPECT_EQ(coding_towards(to)->codec, kOpus);
  EXPECT_EQ(coding_towards(to)->bit_rate, 20'000);
  to.remote.bandwidth = {.as_kbps = 40};
  EXPECT_EQ(coding_towards(to)->bit_rate, 24'000) << "40 bytes of headers, fifty times a second";

  auto law = leg({kPcmu});
  law.remote.bandwidth = {.as_kbps = 72};
  EXPECT_EQ(coding_towards(law)->packet_ms, 40) << "64 + 8";
  law.send_maxptime = 30;
  EXPECT_EQ(coding_towards(law)->packet_ms, 20) << "it does not take those";
  law.remote.bandwidth = {.as_kbps = 64};
  EXPECT_EQ(coding_towards(law)->packet_ms, 20) << "never, with headers";
  law.remote.bandwidth = {.as_kbps = 80};
  EXPECT_EQ(coding_towards(law)->packet_ms, 20);
}

TEST(Plan, SilenceIsDescribedInTheNumberOfThePeerAtTheClockOfItsAudio) {
  const Plan p = plan(leg({kPcma}), leg({kG722, c(98, "CN")}), 0);
  EXPECT_EQ(p.coding->noise_type, 98);
  EXPECT_EQ(plan(leg({kPcma}), leg({kOpus, kNoise}), 0).coding->noise_type, kNoType);
  auto only_theirs = leg({kG722, kNoise});
  only_theirs.receive_codecs = {kG722};
  EXPECT_EQ(plan(leg({kPcma}), only_theirs, 0).coding->noise_type, kNoType);
}

TEST(Plan, AFaxIsNeitherConvertedNorListenedTo) {
  auto from = leg({kPcmu, kNoise}, DigitForm::kInBand), to = leg({kPcma, kNoise, kTe});
  to.send_ptime = 30;
  EXPECT_EQ(plan(from, to, 20).types[0], kDecode);
  from.plain = true;
  const Plan p = plan(from, to, 20);
  EXPECT_EQ(p.types[0], kOtherLaw);
  EXPECT_EQ(p.types[13], kNoType);
  EXPECT_FALSE(p.decoding || p.digits);
}

}  // namespace
}  // namespace causeway::media
