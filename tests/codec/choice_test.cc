#include "codec/choice.h"

#include <gtest/gtest.h>

#include <string>

#include "support/proves.h"

namespace causeway::codec {
namespace {

using sdp::Codec;

Codec line(int pt, std::string name, std::uint32_t clock = 8000, std::uint8_t channels = 1,
           std::string fmtp = {}) {
  return {PayloadType{static_cast<std::uint8_t>(pt)}, std::move(name), clock, channels,
          std::move(fmtp)};
}
const Codec kMu = line(0, "PCMU");
const Codec kA = line(8, "PCMA");
const Codec k722 = line(9, "G722");
const Codec kOpus = line(111, "opus", 48000, 2, "useinbandfec=1");
const Codec kSilk = line(104, "SILK", 16000);
const Codec kEvs = line(105, "EVS", 16000);
const Codec kEvents = line(101, "telephone-event", 8000, 1, "0-15");
const Codec kCn = line(13, "CN");

std::string text(const std::vector<Codec>& codecs) {
  std::string out;
  for (const Codec& c : codecs) {
    out += (out.empty() ? "" : " ") + std::to_string(c.pt.value) + ":" + c.name + "/" +
           std::to_string(c.clock);
  }
  return out;
}

TEST(OfferFor, CommonCodecsComeFirstAndThoseThatNeedTranscodingAfterThem) {
  struct Row {
    const char* what;
    std::vector<Codec> offered;
    std::vector<std::string> allowed;
    bool transcode;
    std::string expected;
  };
  const Row table[] = {
      {"the order of the dialect",
       {kA, kMu, k722},
       {"G722", "PCMU", "PCMA"},
       false,
       "9:G722/8000 0:PCMU/8000 8:PCMA/8000"},
      {"nothing common and no transcoding", {kOpus}, {"PCMU"}, false, ""},
      {"nothing common", {kOpus}, {"PCMU", "pcma"}, true, "0:PCMU/8000 8:PCMA/8000"},
      {"common first although listed last",
       {kMu},
       {"G722", "PCMU"},
       true,
       "0:PCMU/8000 9:G722/8000"},
      {"SILK passes where both have it",
       {kSilk, kMu},
       {"SILK", "PCMU"},
       false,
       "104:SILK/16000 0:PCMU/8000"},
      {"SILK alone is not transcoded", {kSilk}, {"PCMU"}, true, ""},
      {"EVS is declined but its company is transcoded",
       {kEvs, kOpus},
       {"PCMA"},
       true,
       "8:PCMA/8000"},
      {"a codec that we cannot do is not invented",
       {kMu},
       {"PCMU", "SILK", "EVS"},
       true,
       "0:PCMU/8000"},
      {"any: as offered, and G.711",
       {kOpus, kEvents},
       {},
       true,
       "111:opus/48000 8:PCMA/8000 0:PCMU/8000 96:telephone-event/48000 101:telephone-event/8000"},
      {"any, without transcoding",
       {kOpus, kSilk, kCn},
       {},
       false,
       "111:opus/48000 104:SILK/16000 13:CN/8000"},
      {"a number that is taken is not given again",
       {line(96, "PCMU"), line(97, "telephone-event")},
       {"PCMU", "opus"},
       true,
       "96:PCMU/8000 98:opus/48000 97:telephone-event/8000 99:telephone-event/48000"},
      {"a static number that somebody else uses",
       {line(9, "PCMU")},
       {"PCMU", "G722"},
       true,
       "9:PCMU/8000 96:G722/8000"},
      {"CN only where it is listed", {kMu, kCn}, {"PCMU"}, false, "0:PCMU/8000"},
  };
  for (const Row& row : table) {
    EXPECT_EQ(text(offer_for(row.offered, row.allowed, row.transcode)), row.expected) << row.what;
  }
}

TEST(Meet, TheSameCodecWhenThereIsOneElseTheCheapest) {
  struct Row {
    const char* what;
    std::vector<Codec> offered;
    std::vector<Codec> answered;
    bool transcode;
    std::string near;
    std::string far;
  };
  const Row table[] = {
      {"one common", {kOpus, kMu}, {kMu, kEvents}, true, "0:PCMU/8000", "0:PCMU/8000"},
      {"all common ones, in the far side's order",
       {kA, kMu, k722},
       {k722, kA},
       true,
       "9:G722/8000 8:PCMA/8000",
       "9:G722/8000"},
      {"a common one that the far side likes less",
       {k722},
       {kMu, k722},
       true,
       "9:G722/8000",
       "9:G722/8000"},
      {"numbers of each side",
       {line(120, "opus", 48000, 2)},
       {kOpus},
       true,
       "120:opus/48000",
       "111:opus/48000"},
      {"the cheapest of the near side",
       {kOpus, k722, kA},
       {kMu},
       true,
       "8:PCMA/8000",
       "0:PCMU/8000"},
      {"wide band beside Opus", {kSilk, kOpus}, {k722, kMu}, true, "111:opus/48000", "9:G722/8000"},
      {"SILK on both sides", {kSilk}, {kSilk}, false, "104:SILK/16000", "104:SILK/16000"},
      {"SILK on one side", {kSilk}, {kMu}, true, "", ""},
      {"EVS answered, and nothing else", {kMu}, {kEvs}, true, "", ""},
      {"no transcoding", {kOpus}, {kMu}, false, "", ""},
      {"no speech at all", {kMu}, {kEvents}, true, "", ""},
  };
  for (const Row& row : table) {
    const auto m = meet(row.offered, row.answered, row.transcode);
    if (row.near.empty()) {
      ASSERT_FALSE(m) << row.what;
      EXPECT_EQ(m.error().code, ErrorCode::kNotAcceptable);
      continue;
    }
    ASSERT_TRUE(m) << row.what;
    EXPECT_EQ(text(m->near), row.near) << row.what;
    EXPECT_EQ(text({m->far}), row.far) << row.what;
    EXPECT_EQ(m->transcode, m->near[0].name != m->far.name) << row.what;
    EXPECT_EQ(m->cost_us > 0, m->transcode) << row.what;
  }
}

TEST(SamePayloads, AmrInAnotherFormatIsAnotherPayload) {
  const auto amr = [](const char* fmtp) { return line(100, "AMR", 8000, 1, fmtp); };
  EXPECT_TRUE(same_payloads(amr(""), amr("octet-align=0; mode-set=7")));
  EXPECT_FALSE(same_payloads(amr("octet-align=1"), amr("")));
  EXPECT_TRUE(same_payloads(amr("octet-align=1"), amr("mode-set=0,2; octet-align=1")));
  EXPECT_TRUE(same_payloads(kOpus, line(96, "OPUS", 48000, 2)));
}

TEST(Meet, OfTwoLinesOfOneCodecTheNumberTellsWhichIsMeant) {
  const auto m = meet({line(96, "L16", 16000, 1, "a"), line(97, "L16", 16000, 1, "b")},
                      {line(97, "L16", 16000)}, false);
  ASSERT_TRUE(m);
  ASSERT_EQ(m->near.size(), 1U);
  EXPECT_EQ(m->near[0].fmtp, "b");
}

TEST(AnswerFmtp, WhatWeDecodeIsAnsweredWithWhatWeCanReceive) {
  EXPECT_EQ(answer_fmtp(line(96, "opus", 48000, 2, "maxplaybackrate=8000")), "useinbandfec=1");
  EXPECT_EQ(answer_fmtp(kMu), "");
  EXPECT_EQ(answer_fmtp(line(96, "SILK", 16000, 1, "x=1")), "x=1");
}

TEST(Cost, ANarrowPathIsCheaperThanAWideOneAndOpusIsTheDearestOfTheFree) {
  EXPECT_EQ(transcoding_cost_us(kMu, kMu), 0);
  EXPECT_LT(transcoding_cost_us(kMu, kA), 2);
  EXPECT_LT(transcoding_cost_us(kMu, k722), transcoding_cost_us(kOpus, k722));
  EXPECT_LT(transcoding_cost_us(kMu, kOpus), transcoding_cost_us(k722, kOpus));
  EXPECT_LT(transcoding_cost_us(kMu, kOpus, 0), transcoding_cost_us(kMu, kOpus, 5) * 0.6);
  for (int c = 1; c <= 10; ++c) {
    EXPECT_GE(opus_cost_us(16000, c).encode_us, opus_cost_us(16000, c - 1).encode_us);
  }
}

}  // namespace
}  // namespace causeway::codec
