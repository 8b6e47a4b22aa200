#include "sdp/description.h"

#include <gtest/gtest.h>

#include "sdp/examples.h"

namespace causeway::sdp {
namespace {

TEST(Description, KeepsEveryLineByteForByte) {
  const auto d = parse(examples::kTeams);
  ASSERT_TRUE(d) << d.error().what;
  EXPECT_EQ(write(*d), examples::kTeams);
  EXPECT_EQ(d->media().size(), 1u);
  EXPECT_EQ(d->media()[0].media(*d), "audio");
  EXPECT_EQ(d->media()[0].proto(*d), "RTP/SAVP");
  EXPECT_EQ(d->media()[0].port, 50588);
  EXPECT_EQ(d->media()[0].formats(*d), "104 9 103 111 18 0 8 97 101 13 118");
  EXPECT_EQ(d->origin().session_id, 145690u);
}

TEST(Description, TakesBareLineFeedsAndAMissingLastOne) {
  const auto d = parse("v=0\no=- 1 2 IN IP4 192.0.2.1\ns= \nz=odd line\nm=audio 4 RTP/AVP 0");
  ASSERT_TRUE(d) << d.error().what;
  EXPECT_EQ(write(*d),
            "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns= \r\nz=odd line\r\nm=audio 4 RTP/AVP 0\r\n");
}

TEST(Description, SurvivesBeingMoved) {
  auto d = parse("v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\n");
  ASSERT_TRUE(d);
  const SessionDescription moved = std::move(*d);
  EXPECT_EQ(moved.value(moved.lines()[1]), "- 1 2 IN IP4 192.0.2.1");
}

TEST(Description, ABorrowedOneSaysTheSame) {
  const std::string text(examples::kTeams);
  const auto borrowed = parse_borrowed(text);
  ASSERT_TRUE(borrowed);
  EXPECT_TRUE(*borrowed == *parse(text));
  EXPECT_EQ(borrowed->text().data(), text.data()) << "nothing is copied";
  EXPECT_EQ(borrowed->origin().address, parse(text)->origin().address);
  EXPECT_EQ(parse_borrowed("v=1").error().what, parse("v=1").error().what);
}

// Wherever it stands in a word of the machine, and however long the line is.
TEST(Description, ControlCharactersAreSeenAtEveryPlace) {
  const std::string head = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n";
  for (std::size_t size = 1; size < 40; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (const char c : {'\0', '\x01', '\x1f', '\r', '\t', '\x20', '\x7f', '\xa0'}) {
        std::string value(size, 'x');
        value[at] = c;
        for (const char* end : {"\r\n", "\n", "\r\na=y\r\n"}) {
          const bool line_end = c == '\r' && at + 1 == size && end[0] == '\n';
          const bool good = c == '\t' || static_cast<unsigned char>(c) >= 0x20 || line_end;
          const auto d = parse(head + "a=" + value + end);
          EXPECT_EQ(d.has_value(), good) << size << " " << at << " " << int{c};
          if (d && !line_end) {
            EXPECT_EQ(d->value(d->lines()[3]), value);
          }
        }
      }
}

struct Bad {
  const char* text;
  const char* says;
};
TEST(Description, ErrorsNameTheLine) {
  const Bad cases[] = {
      {"", "line 0"},
      {"v=1\r\n", "line 1"},
      {"v=0\r\ns=-\r\n", "line 2"},
      {"v=0\r\no=- x 2 IN IP4 1.2.3.4\r\n", "line 2"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\nnonsense\r\n", "line 3"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\ns=-\r\nm=audio 99999 RTP/AVP 0\r\n", "line 4"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\ns=-\r\nm=audio 9 RTP/AVP\r\n", "line 4"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\nm=audio 9 RTP/AVP 0\r\n", "line 3"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\ns=-\r\n\r\nm=audio 9 RTP/AVP 0\r\n", "line 4"},
      {"v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\ns=a\rb\r\n", "line 3"},
  };
  for (const Bad& c : cases) {
    const auto d = parse(c.text);
    ASSERT_FALSE(d) << c.text;
    EXPECT_EQ(d.error().code, ErrorCode::kMalformed);
    EXPECT_NE(d.error().what.find(c.says), std::string::npos) << d.error().what;
  }
}

TEST(Description, IsBounded) {
  const std::string head = "v=0\r\no=- 1 2 IN IP4 1.2.3.4\r\ns=-\r\n";
  std::string lines = head;
  while (lines.size() < 4 * kMaxLines + head.size()) lines += "a=\r\n";
  EXPECT_EQ(parse(lines).error().code, ErrorCode::kTooLarge);
  std::string media = head;
  for (std::size_t i = 0; i <= kMaxMedia; ++i) media += "m=audio 9 RTP/AVP 0\r\n";
  EXPECT_EQ(parse(media).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse(std::string(kMaxBytes + 1, 'a')).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace causeway::sdp
