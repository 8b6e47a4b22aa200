#include "sip/digits.h"

#include <gtest/gtest.h>

namespace causeway::sip {
namespace {

TEST(Digits, AreReadInEveryFormThatPeersWrite) {
  struct Row {
    std::string_view type, body;
    SignalledDigit digit;
  };
  for (const Row& r : {
           Row{kDtmfRelay, "Signal=5\r\nDuration=160\r\n", {5, 160}},
           Row{kDtmfRelay, "Signal= *\nDuration= 250", {10, 250}},
           Row{"Application/DTMF-Relay", "duration:80\r\nsignal:d\r\n", {15, 80}},
           Row{kDtmfRelay, "Signal=11\r\n", {11, 0}},
           Row{kDtmfRelay, "Signal=flash\r\nDuration=60000\r\n", {16, 8'000}},
           Row{kDtmf, "#", {11, 0}},
           Row{kDtmf, "10\r\n", {10, 0}},
           Row{kTelephoneEvent, std::string_view("\x03\x8a\x00\xa0", 4), {3, 160}},
           Row{kTelephoneEvent, std::string_view("\x0b\x0a\x00\x00", 4), {11, 0, false}},
       }) {
    const auto d = read_digit(r.type, r.body);
    ASSERT_TRUE(d) << r.body << ": " << d.error().what;
    EXPECT_EQ(*d, r.digit) << r.body;
  }
}

TEST(Digits, WhatIsNoneIsRefusedWithAReason) {
  for (const auto& [type, body, why] :
       std::initializer_list<std::tuple<std::string_view, std::string_view, std::string_view>>{
           {kDtmfRelay, "", "no Signal= line"},
           {kDtmfRelay, "Signal=17\r\n", "'17' is none of 0-9, *, #, A-D, flash"},
           {kDtmfRelay, "Signal=1\r\nSignal=2\r\n", "more than one Signal"},
           {kDtmfRelay, "Signal=1\r\nDuration=-5\r\n", "Duration '-5' is no number of ms"},
           {kDtmf, "", "'' is none of 0-9, *, #, A-D, flash"},
           {kDtmf, "12345", "'12345' is none of 0-9, *, #, A-D, flash"},
           {kTelephoneEvent, "\x03\x8a", "a telephone event has four octets"},
           {kTelephoneEvent, std::string_view("\x40\x8a\x00\xa0", 4), "event 64 is no digit"},
           {"text/plain", "5", "'text/plain' is no type of digits"}}) {
    const auto d = read_digit(type, body);
    ASSERT_FALSE(d) << body;
    EXPECT_EQ(d.error().what, why);
  }
  EXPECT_EQ(read_digit("text/plain", "5").error().code, ErrorCode::kUnsupported);
}

TEST(Digits, AreReadBackAsTheyAreWritten) {
  for (std::uint8_t event = 0; event <= 16; ++event)
    for (const auto type : {kDtmfRelay, kTelephoneEvent}) {
      const auto d = read_digit(type, write_digit(type, {event, 120}));
      ASSERT_TRUE(d);
      EXPECT_EQ(*d, (SignalledDigit{event, 120}));
    }
  EXPECT_EQ(write_digit(kDtmfRelay, {10, 0}), "Signal=*\r\nDuration=160\r\n");
  EXPECT_EQ(write_digit(kDtmf, {11, 90}), "#");
}

}  // namespace
}  // namespace causeway::sip
