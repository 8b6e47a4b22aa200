#include "call/acceptable.h"

#include <gtest/gtest.h>

namespace causeway::call {
namespace {

sip::Message invite(const std::string& headers, const std::string& body = {}) {
  auto m = sip::Message::parse("INVITE sip:a@h SIP/2.0\r\n" + headers + "Content-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(m);
  return std::move(*m);
}

int status_of(const sip::Message& m, const deployment::Profile& p = {}) {
  const auto parts = body_parts(m);
  EXPECT_TRUE(parts);
  const auto why = unacceptable_body(m, *parts, p);
  return why ? why->status : 0;
}

TEST(Acceptable, BodiesByTheirType) {
  deployment::Profile location;
  location.pass_bodies = {"application/pidf+xml"};
  const std::string unknown = "Content-Type: text/x\r\n";
  EXPECT_EQ(status_of(invite("")), 0);
  EXPECT_EQ(status_of(invite("Content-Type: application/sdp\r\n", "v=0\r\n")), 0);
  EXPECT_EQ(status_of(invite(unknown, "x")), 415);
  EXPECT_EQ(status_of(invite(unknown)), 0) << "nothing is in it";
  EXPECT_EQ(status_of(invite(unknown + "Content-Disposition: render;handling=optional\r\n", "x")),
            0);
  EXPECT_EQ(status_of(invite(unknown + "Content-Disposition: render;handling=required\r\n", "x")),
            415);
  EXPECT_EQ(status_of(invite("Content-Type: application/pidf+xml\r\n", "<x/>"), location), 0);
  EXPECT_EQ(status_of(invite("Content-Type: multipart/mixed;boundary=b\r\n",
                             "--b\r\nContent-Type: text/x\r\n\r\ny\r\n--b--")),
            0);
}

TEST(Acceptable, EncodedBodiesAreRefused) {
  EXPECT_EQ(status_of(invite("Content-Encoding: gzip\r\nc: application/sdp\r\n", "v=0")), 415);
  EXPECT_EQ(status_of(invite("e: identity\r\nc: application/sdp\r\n", "v=0")), 0);
}

TEST(Acceptable, ACallerThatAcceptsNoSdpCannotBeAnswered) {
  EXPECT_EQ(status_of(invite("Accept: text/x\r\n")), 406);
  EXPECT_EQ(status_of(invite("Accept: application/sdp, text/x\r\n")), 0);
}

TEST(Acceptable, OnlyWhatIsRequiredAndUnknownIsNamed) {
  deployment::Profile p;
  p.supported = {"timer"};
  EXPECT_FALSE(unacceptable_extensions(invite("Supported: x\r\nRequire: TIMER\r\n"), p));
  const auto why = unacceptable_extensions(invite("Require: a, timer\r\nRequire: b\r\n"), p);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->status, 420);
  EXPECT_EQ(why->value, "a, b");
}

}  // namespace
}  // namespace causeway::call
