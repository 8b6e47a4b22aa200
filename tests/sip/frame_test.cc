#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "sip/message.h"
#include "support/teams_invite.h"

namespace causeway::sip {
namespace {

std::string message(std::string_view length_header, std::string_view body,
                    std::string_view extra = {}) {
  return "BYE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n" + std::string(extra) +
         std::string(length_header) + "\r\n\r\n" + std::string(body);
}

// What a connection does: append, take frames off the front while there are any.
struct Reader {
  std::string buffer;
  std::vector<std::string> out;
  bool broken = false;
  FrameFinder finder;
  void read(std::string_view piece) {
    buffer.append(piece);
    while (!broken) {
      const auto f = finder.find(buffer);
      const auto afresh = find_frame(buffer);  // looks at everything again, and sees the same
      EXPECT_EQ(f.has_value(), afresh.has_value());
      if (f) {
        EXPECT_EQ(f->has_value(), afresh->has_value());
      }
      if (!f) {
        broken = true;
        return;
      }
      if (!*f) return;
      if ((*f)->length) out.push_back(buffer.substr((*f)->skip, (*f)->length));
      buffer.erase(0, (*f)->skip + (*f)->length);
    }
  }
};

ErrorCode refusal(const std::string& stream) {
  const auto f = find_frame(stream);
  return f ? ErrorCode::kInternal : f.error().code;
}

RC_GTEST_PROP(Frame, AnySegmentationGivesTheSameMessages, ()) {
  const auto count = *rc::gen::inRange(1, 6);
  std::string stream;
  std::vector<std::string> sent;
  for (int i = 0; i < count; ++i) {
    const auto gap = *rc::gen::inRange(0, 3);
    for (int k = 0; k < gap; ++k) stream += "\r\n";
    const auto body = *rc::gen::string<std::string>();
    const auto name = *rc::gen::element<std::string>(
        "Content-Length: ", "l:", "CONTENT-LENGTH : ", "Content-Length:\r\n ", "L:\t");
    std::string m = *rc::gen::weightedElement<std::string>(
        {{4, message(name + std::to_string(body.size()), body, "Subject: a\r\n l: 9\r\n")},
         {1, causeway::testing::teams_invite()}});
    stream += m;
    sent.push_back(std::move(m));
  }
  Reader r;
  for (std::size_t at = 0; at < stream.size();) {
    const auto n = *rc::gen::inRange<std::size_t>(1, 400);
    r.read(std::string_view(stream).substr(at, n));
    at += n;
  }
  RC_ASSERT(!r.broken);
  RC_ASSERT(r.out == sent);
  RC_ASSERT(r.buffer.empty());
  for (const std::string& m : r.out) RC_ASSERT(Message::parse(m).has_value());
}

TEST(Frame, OneByteAtATimeIsTheSameStream) {
  const std::string m = causeway::testing::teams_invite();
  Reader r;
  for (const char c : m + "\r\n\r\n" + m) r.read({&c, 1});
  EXPECT_EQ(r.out, (std::vector<std::string>{m, m}));
}

TEST(Frame, KeepAlivesAreSkippedWithoutAMessage) {
  const auto f = find_frame("\r\n\r\n");
  ASSERT_TRUE(f && *f);
  EXPECT_EQ((*f)->skip, 4U);
  EXPECT_EQ((*f)->length, 0U);
  EXPECT_FALSE(*find_frame(""));
}

TEST(Frame, HostileContentLengthsCloseTheStream) {
  for (const char* h :
       {"Content-Length: -1", "Content-Length: 1e3", "Content-Length: ", "Content-Length: 0x10",
        "Content-Length: 18446744073709551616", "Content-Length: 3\r\nl: 4", "Content-Length: 3, 4",
        "Content-Length: 1\r\n 0", "X: 1"})
    EXPECT_EQ(refusal(message(h, "abc")), ErrorCode::kMalformed) << h;
  for (const char* h :
       {"Content-Length: 18446744073709551615", "Content-Length: 9223372036854775807",
        "Content-Length: 65536", "Content-Length: 65535"})
    EXPECT_EQ(refusal(message(h, "abc")), ErrorCode::kTooLarge) << h;
}

TEST(Frame, AFoldedContentLengthIsRead) {
  const std::string m = message("Content-Length:\r\n 3", "abc");
  const auto f = find_frame(m + "tail");
  ASSERT_TRUE(f && *f);
  EXPECT_EQ((*f)->length, m.size());
}

// Headers that end in a bare LF must end at the same place for the framer and for the parser, or a
// peer could hide a second message in what one of them calls the body.
TEST(Frame, HeadersEndWhereTheParserSeesThemEnd) {
  const std::string m = "BYE sip:a@h SIP/2.0\nl: 2\n\nab";
  const auto f = find_frame(m + "BYE sip:x SIP/2.0\r\nContent-Length: 50\r\n\r\n");
  ASSERT_TRUE(f && *f);
  EXPECT_EQ((*f)->length, m.size());
  EXPECT_EQ(Message::parse(m)->body(), "ab");
}

TEST(Frame, EndlessLinesAndHeadersAreRefused) {
  EXPECT_FALSE(*find_frame(std::string(4096, 'a')));
  EXPECT_EQ(refusal(std::string(20'000, 'a')), ErrorCode::kTooLarge);
  std::string many = "BYE sip:a@h SIP/2.0\r\n";
  while (many.size() < 65'000) many += "X-Filler: 0123456789\r\n";
  EXPECT_FALSE(*find_frame(many)) << "may still end";
  while (many.size() <= 65'600) many += "X-Filler: 0123456789\r\n";
  EXPECT_EQ(refusal(many), ErrorCode::kTooLarge);
}

RC_GTEST_PROP(Frame, ArbitraryBytesNeverFrameMoreThanTheyHold, (const std::string& bytes)) {
  const auto f = find_frame(bytes);
  if (f && *f) RC_ASSERT((*f)->skip + (*f)->length <= bytes.size());
}

}  // namespace
}  // namespace causeway::sip
