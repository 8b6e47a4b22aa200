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
  const auto parts = body_parts(m, p.pass_bodies);
  EXPECT_TRUE(parts);
  const auto why = unacceptable_body(m, *parts, p, p.pass_bodies);
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
            415);
}

TEST(Acceptable, PartsByWhatTheySayOfThemselves) {
  deployment::Profile location;
  location.pass_bodies = {"application/pidf+xml"};
  deployment::Profile lenient;
  lenient.tolerate = sip::kUnlabelledBodyPart;
  const auto with = [](const std::string& type, const std::string& lines) {
    return invite("Content-Type: multipart/mixed;boundary=b\r\n",
                  "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: " +
                      type + "\r\n" + lines + "\r\ny\r\n--b--");
  };
  const std::string optional = "Content-Disposition: signal;handling=optional\r\n";
  const std::string required = "Content-Disposition: signal;handling=required\r\n";
  EXPECT_EQ(status_of(with("text/x", "")), 415);
  EXPECT_EQ(status_of(with("text/x", ""), lenient), 0);
  EXPECT_EQ(status_of(with("text/x", required), lenient), 415);
  EXPECT_EQ(status_of(with("text/x", optional)), 0);
  EXPECT_EQ(status_of(with("application/pidf+xml", required), location), 0);
  EXPECT_EQ(status_of(with("application/pidf+xml", "Content-Encoding: gzip\r\n"), location), 415);
  EXPECT_EQ(status_of(with("application/sdp", "Content-Disposition: early-session\r\n")), 0);
  const auto m = with("text/x", required);
  const auto why = unacceptable_body(m, *body_parts(m), {}, location.pass_bodies);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->header, "Accept");
  EXPECT_EQ(why->value,
            "application/sdp, application/pidf+xml, multipart/alternative, multipart/mixed, "
            "multipart/related");
}

TEST(Acceptable, TypesAreThoseThatSomePeerTakes) {
  deployment::Deployment d;
  d.profiles.resize(2);
  d.profiles[0].pass_bodies = {"a/b"};
  d.profiles[1].pass_bodies = {"A/B", "c/d"};
  EXPECT_EQ(understood_types(d, invite("Content-Type: text/x\r\n", "x")),
            (std::vector<std::string>{"a/b", "c/d"}));
  EXPECT_TRUE(understood_types(d, invite("Content-Type: application/sdp\r\n", "x")).empty());
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
